//! All apps beside what the database says about them.

use crate::failure::{Code, Failure, Result};
use crate::files::{self, App, LoadError};
use crate::ledger::Reader;
use crate::plan::Judged;
use crate::state::{State, judge};

/// Where the migrations are and how the app in the folder itself is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Config key `migrations`, else `migrations`.
    pub folder: String,
    /// Config key `app`, else the project's name.
    pub default_label: String,
}

impl Source {
    pub fn load(&self) -> Result<Vec<App>> {
        files::load(&self.folder, &self.default_label).map_err(|error| match error {
            LoadError::NoFolder(folder) => Failure::usage(format!("there is no folder `{folder}` with migrations"))
                .hint(format!("make the first one: `{folder}/0001_initial.sql`"))
                .hint("or name another folder: `config.migrations = \"...\"` in `[commands.NAME]` of host.toml, and grant it"),
            LoadError::Denied(folder) => Failure::new(Code::Denied, format!("the folder `{folder}` is not granted"))
                .hint(format!("in `[commands.NAME]` of host.toml: files.\"{folder}/**\" = \"read\""))
                .hint("it must be inside the project: only there a command may ask for what it does not know"),
            LoadError::Problems(problems) => match problems.as_slice() {
                [one] => Failure::failed(one.clone()),
                several => {
                    Failure::failed(format!("{} things are wrong with the migration files:\n  {}", several.len(), several.join("\n  ")))
                }
            },
        })
    }
}

/// Reads the tables and joins them with the files. The default app is left out when it has neither files nor
/// rows and there are others.
pub fn open(apps: Vec<App>, reader: &mut dyn Reader) -> Result<Vec<Judged>> {
    let tables: Vec<&str> = apps.iter().map(|app| app.table.as_str()).collect();
    let mut rows = reader.read(&tables)?;
    let mut judged: Vec<Judged> = apps
        .into_iter()
        .map(|app| {
            let rows = rows.remove(&app.table);
            Judged { state: judge(&app, rows.as_deref()), app }
        })
        .collect();
    let others = judged.len() > 1;
    judged.retain(|judged| !others || judged.app.table != files::DEFAULT_TABLE || !judged.state.entries.is_empty());
    Ok(judged)
}

/// Reads the tables again, once the lock is held.
pub fn refresh(judged: &mut [Judged], reader: &mut dyn Reader) -> crate::ledger::Result<()> {
    let tables: Vec<String> = judged.iter().map(|judged| judged.app.table.clone()).collect();
    let rows = reader.read(&tables.iter().map(String::as_str).collect::<Vec<_>>())?;
    for judged in judged {
        judged.state = judge(&judged.app, rows.get(&judged.app.table).map(Vec::as_slice));
    }
    Ok(())
}

/// What people should know although it stops nothing.
pub fn warnings(judged: &[Judged]) -> Vec<String> {
    let names = |state: State| {
        judged
            .iter()
            .flat_map(|judged| judged.state.in_state(state).map(|entry| format!("`{}`", judged.full_name(entry))))
            .collect::<Vec<_>>()
    };
    let mut warnings = Vec::new();
    let line_endings = names(State::LineEndings);
    if !line_endings.is_empty() {
        let listed = enumerate(&line_endings);
        warnings.push(format!(
            "only the line endings of {listed} are not as they were applied; `host run migrate --repair` records them as they are now"
        ));
    }
    let missing = names(State::Missing);
    if !missing.is_empty() {
        let are = if missing.len() == 1 { "is applied and has no file" } else { "are applied and have no files" };
        warnings.push(format!("{} {are} here", enumerate(&missing)));
    }
    warnings
}

/// At most five, and how many more.
pub fn enumerate(names: &[String]) -> String {
    const SHOWN_MAX: usize = 5;
    let shown = names.iter().take(SHOWN_MAX).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN_MAX { format!("{shown} and {} more", names.len() - SHOWN_MAX) } else { shown }
}

#[cfg(test)]
mod tests {
    use super::{enumerate, open, warnings};
    use crate::checksum;
    use crate::memory::Memory;
    use crate::state::Row;
    use crate::state::tests::{app, migration, row};

    #[test]
    fn an_empty_default_app_is_left_out_beside_others_only() {
        let apps = || vec![app("shop", vec![]), app("audit", vec![migration(1, "a")])];
        let labels = |rows| {
            open(apps(), &mut Memory::with_rows("_sqlx_migrations", rows))
                .unwrap()
                .iter()
                .map(|one| one.app.label.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(labels(vec![]), ["audit"]);
        assert_eq!(labels(vec![row(&migration(9, "x"))]), ["shop", "audit"]);
        assert_eq!(open(vec![app("shop", vec![])], &mut Memory::default()).unwrap().len(), 1);
    }

    #[test]
    fn line_endings_and_missing_files_are_warned_about() {
        let file = migration(1, "a\n");
        let rows = vec![Row { checksum: checksum::of(b"a\r\n").to_vec(), ..row(&file) }, row(&migration(2, "b"))];
        let judged = open(vec![app("shop", vec![file])], &mut Memory::with_rows("_sqlx_migrations", rows)).unwrap();
        let warnings = warnings(&judged).join("\n");
        assert!(
            warnings.contains("line endings of `shop.0001_m1`") && warnings.contains("`shop.0002_m2` is applied and has no file here"),
            "{warnings}"
        );
    }

    #[test]
    fn long_lists_are_cut() {
        let names: Vec<String> = (0..7).map(|number| number.to_string()).collect();
        assert_eq!(enumerate(&names), "0, 1, 2, 3, 4 and 2 more");
    }
}
