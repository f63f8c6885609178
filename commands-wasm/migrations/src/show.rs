//! `showmigrations`: the list and the plan in Django's forms, with a word behind what is not as it should be.

use host_sdk::serde_json::{Value, json};

use crate::plan::Judged;
use crate::state::{Entry, State};

/// Each app's label, then ` [X] name` or ` [ ] name`.
pub fn list(judged: &[&Judged], with_times: bool) -> String {
    let mut text = String::new();
    for judged in judged {
        text += &format!("{}\n", judged.app.label);
        if judged.state.entries.is_empty() {
            text += " (no migrations)\n";
        }
        text.extend(judged.state.entries.iter().map(|entry| format!(" {} {}{}\n", mark(entry), entry.name, remarks(entry, with_times))));
    }
    text
}

/// The order in which migrations are applied: `[X]  app.name`.
pub fn plan(judged: &[&Judged], with_times: bool) -> String {
    let entries = judged.iter().flat_map(|judged| judged.state.entries.iter().map(|entry| (*judged, entry)));
    let text: String =
        entries.map(|(judged, entry)| format!("{}  {}{}\n", mark(entry), judged.full_name(entry), remarks(entry, with_times))).collect();
    if text.is_empty() { "(no migrations)\n".to_owned() } else { text }
}

fn mark(entry: &Entry) -> &'static str {
    if entry.state.is_applied() { "[X]" } else { "[ ]" }
}

fn remarks(entry: &Entry, with_times: bool) -> String {
    let applied = entry.row.as_ref().filter(|_| with_times && entry.state.is_applied());
    let applied = applied.map(|row| format!(" (applied at {})", row.installed_on)).unwrap_or_default();
    match entry.state {
        State::Applied | State::Pending => applied,
        state => format!("{applied} ({})", state.word()),
    }
}

/// Version 1 of the document: `{"v": 1, "command", "database", "apps": [{"app", "table", "table_exists",
/// "migrations": [{"version", "name", "state", "applied", "installed_on", "nanoseconds", "file", "reversible"}]}]}`.
pub fn document(judged: &[&Judged], database: &str) -> Value {
    let apps = judged.iter().map(|judged| {
        json!({
            "app": judged.app.label,
            "table": judged.app.table,
            "table_exists": judged.state.table_exists,
            "migrations": judged.state.entries.iter().map(|entry| migration(judged, entry)).collect::<Vec<_>>(),
        })
    });
    json!({ "command": "showmigrations", "database": database, "apps": apps.collect::<Vec<_>>() })
}

fn migration(judged: &Judged, entry: &Entry) -> Value {
    let file = entry.migration(&judged.app);
    let row = entry.row.as_ref();
    json!({
        "version": entry.version,
        "name": entry.name,
        "state": entry.state.word(),
        "applied": entry.state.is_applied(),
        "installed_on": row.map(|row| &row.installed_on),
        "nanoseconds": row.map(|row| row.execution_time).filter(|time| *time >= 0),
        "file": file.map(|migration| &migration.up.path),
        "reversible": file.is_some_and(|migration| migration.down.is_some()),
    })
}

#[cfg(test)]
mod tests {
    use super::{document, list, plan};
    use crate::memory::Memory;
    use crate::plan::Judged;
    use crate::state::tests::{app, migration, row};
    use crate::state::{FAKED, Row};
    use crate::view;

    fn judged() -> Vec<Judged> {
        let files = vec![migration(1, "a"), migration(2, "b"), migration(3, "c"), migration(5, "e")];
        let rows = vec![row(&files[0]), Row { execution_time: FAKED, ..row(&files[1]) }, row(&migration(4, "d"))];
        view::open(vec![app("shop", files), app("audit", vec![])], &mut Memory::with_rows("_sqlx_migrations", rows)).unwrap()
    }

    #[test]
    fn the_list_has_djangos_form() {
        let judged = judged();
        let both: Vec<_> = judged.iter().collect();
        assert_eq!(
            list(&both, false),
            "shop\n [X] 0001_m1\n [X] 0002_m2 (faked)\n [ ] 0003_m3 (out-of-order)\n [X] 0004_m4 (missing)\n [ ] 0005_m5\naudit\n (no migrations)\n"
        );
        assert!(
            list(&both, true).starts_with(
                "shop\n [X] 0001_m1 (applied at 2026-01-02 03:04:05)\n [X] 0002_m2 (applied at 2026-01-02 03:04:05) (faked)\n"
            )
        );
    }

    #[test]
    fn the_plan_has_djangos_form() {
        let judged = judged();
        assert!(plan(&[&judged[0]], false).starts_with("[X]  shop.0001_m1\n"));
        assert_eq!(plan(&[&judged[1]], false), "(no migrations)\n");
    }

    #[test]
    fn the_document_has_a_state_for_each() {
        let judged = judged();
        let document = document(&[&judged[0]], "default");
        let states: Vec<_> =
            document["apps"][0]["migrations"].as_array().unwrap().iter().map(|one| one["state"].as_str().unwrap()).collect();
        assert_eq!(states, ["applied", "faked", "out-of-order", "missing", "pending"]);
        assert_eq!(document["apps"][0]["migrations"][1]["nanoseconds"], host_sdk::serde_json::Value::Null);
    }
}
