//! `--prune` and `--repair`: what changes rows and runs no migration.

use crate::failure::{Code, Failure, Result};
use crate::migrate::Run;
use crate::state::State;
use crate::view;

impl Run<'_> {
    pub(crate) fn prune(&mut self) -> Result<()> {
        let [app] = self.selection.apps.as_slice() else {
            return Err(
                Failure::usage("`--prune` needs an app, because there are several").hint("for example `host run migrate APP --prune`")
            );
        };
        let app = *app;
        let Some(judged) = self.judged.get(app) else { return Ok(()) };
        let named: Vec<(i64, String)> =
            judged.state.in_state(State::Missing).map(|entry| (entry.version, judged.full_name(entry))).collect();
        self.talk.out("Pruning migrations:\n");
        if named.is_empty() {
            self.talk.out("  No migrations to prune.\n");
            return Ok(());
        }
        for (_, name) in &named {
            self.talk.note(&format!("`{name}` is applied, and its file is gone"));
        }
        let question = format!("Forget {} in `{}`? What they did to the database stays", count_rows(named.len()), judged.app.table);
        if !self.talk.confirm(&question)? {
            return Err(Failure::new(Code::Unconfirmed, "nothing was pruned"));
        }
        self.locked(|run| {
            let Some(judged) = run.judged.get(app) else { return Ok(()) };
            for (version, name) in named {
                if judged.state.in_state(State::Missing).any(|entry| entry.version == version) {
                    run.ledger.delete(&judged.app.table, version)?;
                    run.talk.out(&format!("  Pruning {name} OK\n"));
                    run.report.changed_rows.push(name);
                }
            }
            view::refresh(run.judged, run.ledger).map_err(Failure::from)
        })
    }

    pub(crate) fn repair(&mut self) -> Result<()> {
        self.talk.out("Repairing checksums:\n");
        if self.selected().all(|judged| judged.state.in_state(State::LineEndings).next().is_none()) {
            self.talk.out("  No checksums to repair.\n");
        } else {
            self.locked(|run| {
                let selected = run.selection.apps.iter().filter_map(|app| run.judged.get(*app));
                for (judged, entry) in
                    selected.flat_map(|judged| judged.state.in_state(State::LineEndings).map(move |entry| (judged, entry)))
                {
                    let Some(migration) = entry.migration(&judged.app) else { continue };
                    run.ledger.set_checksum(&judged.app.table, entry.version, &migration.up.checksum)?;
                    run.talk.out(&format!("  Repairing {}... OK\n", judged.full_name(entry)));
                    run.report.changed_rows.push(judged.full_name(entry));
                }
                view::refresh(run.judged, run.ledger).map_err(Failure::from)
            })?;
        }
        let edited: Vec<String> = self
            .selected()
            .flat_map(|judged| judged.state.in_state(State::Edited).map(|entry| format!("`{}`", judged.full_name(entry))))
            .collect();
        if edited.is_empty() {
            return Ok(());
        }
        Err(Failure::new(Code::NotMet, format!("more than line endings differ in {}, which was not repaired", view::enumerate(&edited)))
            .hint("`host run migrate` says what can be done about each"))
    }
}

fn count_rows(rows: usize) -> String {
    if rows == 1 { "one row".to_owned() } else { format!("{rows} rows") }
}
