//! What `migrate` says before it acts: the head of its report, `--plan`, `--check`.

use std::time::Duration;

use crate::failure::{Code, Failure, Result};
use crate::migrate::{Run, step_report};
use crate::plan::{Direction, Target};
use crate::report::Outcome;
use crate::state::State;
use crate::statements;
use crate::syncdb;
use crate::view;

impl Run<'_> {
    pub(crate) fn head(&mut self) {
        let labels = self
            .selected()
            .filter(|judged| !judged.app.migrations.is_empty())
            .map(|judged| judged.app.label.as_str())
            .collect::<Vec<_>>()
            .join(", ");
        let mut text = "Operations to perform:\n".to_owned();
        if self.request.run_syncdb {
            let unmigrated = self.selected().filter(|judged| syncdb::schema(&judged.app).is_some()).map(|judged| judged.app.label.as_str());
            let unmigrated = unmigrated.collect::<Vec<_>>().join(", ");
            text += &format!("  Synchronize unmigrated apps: {}\n", if unmigrated.is_empty() { "(none)" } else { &unmigrated });
        }
        text += &match self.selection.target {
            Target::Latest => format!("  Apply all migrations: {}\n", if labels.is_empty() { "(none)" } else { &labels }),
            Target::Zero => format!("  Unapply all migrations: {labels}\n"),
            Target::To(version) => {
                let name = self
                    .selected()
                    .flat_map(|judged| &judged.state.entries)
                    .find(|entry| entry.version == version)
                    .map_or("", |entry| entry.name.as_str());
                format!("  Target specific migration: {name}, from {labels}\n")
            }
        };
        self.talk.out(&text);
    }

    pub(crate) fn show_plan(&mut self) {
        self.warn();
        let steps = self.steps();
        let mut text = "Planned operations:\n".to_owned();
        if steps.is_empty() {
            text += "  No planned migration operations.\n";
        }
        for step in &steps {
            let Some(judged) = self.judged.get(step.app) else { continue };
            let Some(entry) = judged.state.entries.get(step.entry) else { continue };
            text += &format!("{}\n", judged.full_name(entry));
            let migration = entry.migration(&judged.app);
            let (script, mark) = match step.direction {
                Direction::Forwards => (migration.map(|migration| &migration.up), ""),
                Direction::Backwards => (migration.and_then(|migration| migration.down.as_ref()), "Undo: "),
            };
            if step.fake {
                text += "    (only recorded)\n";
            } else if let Some(script) = script {
                let lines = statements::split(&script.text);
                text.extend(lines.iter().map(|statement| format!("    {mark}{}\n", statements::summary(statement))));
            }
            self.report.steps.push(step_report(judged, step, Outcome::Planned, Duration::ZERO));
        }
        self.talk.out(&text);
    }

    pub(crate) fn check(&mut self) -> Result<()> {
        let mut unmet = Vec::new();
        let steps = self.steps();
        for (app, judged) in self.selection.apps.iter().filter_map(|app| Some((*app, self.judged.get(*app)?))) {
            for (index, entry) in judged.state.entries.iter().enumerate() {
                let planned = steps.iter().any(|step| step.app == app && step.entry == index);
                if planned || matches!(entry.state, State::Edited | State::Unfinished) {
                    unmet.push(format!("`{}` ({})", judged.full_name(entry), entry.state.word()));
                }
            }
        }
        if unmet.is_empty() {
            return Ok(());
        }
        let message = match unmet.as_slice() {
            [one] => format!("one migration is not applied as its file says: {one}"),
            several => format!("{} migrations are not applied as their files say: {}", several.len(), view::enumerate(several)),
        };
        Err(Failure::new(Code::NotMet, message).hint("`host run migrate --plan` shows what would be done"))
    }
}
