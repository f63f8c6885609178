//! `migrate` from its request to its end: read, plan, and, only where there is work, lock, read again, apply.

use std::time::{Duration, Instant};

use crate::apply;
use crate::blame;
use crate::failure::{Failure, Result};
use crate::files::App;
use crate::ledger::{Engine, Ledger};
use crate::lock;
use crate::plan::{self, Direction, Judged, Permits, Selection, Step};
use crate::report::{Outcome, Report, StepReport};
use crate::state::State;
use crate::statements;
use crate::syncdb;
use crate::talk::Talk;
use crate::view;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Migrate,
    /// Show the steps, do nothing.
    Plan,
    /// Fail when there are steps, do nothing.
    Check,
    PlanAndCheck,
    /// Delete rows whose files are gone.
    Prune,
    /// Rewrite the checksums of rows that differ in line endings only.
    Repair,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub app: Option<String>,
    pub target: Option<String>,
    pub action: Action,
    pub permits: Permits,
    pub fake_initial: bool,
    pub run_syncdb: bool,
    /// None: sqlx's own key.
    pub lock_key: Option<i64>,
    /// Zero: one try.
    pub lock_timeout: Duration,
    /// Says what stands in for the lock where the database has none.
    pub explain_lock: bool,
    /// Times beside each migration.
    pub verbose: bool,
}

/// Runs the request. The report tells what was done also when this fails.
pub fn run(request: &Request, apps: Vec<App>, ledger: &mut dyn Ledger, talk: &mut dyn Talk, report: &mut Report) -> Result<()> {
    let mut judged = view::open(apps, ledger)?;
    let selection =
        plan::select(&judged.iter().map(|judged| &judged.app).collect::<Vec<_>>(), request.app.as_deref(), request.target.as_deref())?;
    let mut run = Run { request, selection, judged: &mut judged, ledger, talk, report };
    let result = run.act();
    run.report.count(run.judged);
    result
}

pub(crate) struct Run<'a> {
    pub(crate) request: &'a Request,
    pub(crate) selection: Selection,
    pub(crate) judged: &'a mut Vec<Judged>,
    pub(crate) ledger: &'a mut dyn Ledger,
    pub(crate) talk: &'a mut dyn Talk,
    pub(crate) report: &'a mut Report,
}

impl Run<'_> {
    fn act(&mut self) -> Result<()> {
        match self.request.action {
            Action::Migrate => self.migrate(),
            Action::Plan => {
                self.show_plan();
                self.refuse().map(|_| ())
            }
            Action::Check => self.check(),
            Action::PlanAndCheck => {
                self.show_plan();
                self.check()
            }
            Action::Prune => self.prune(),
            Action::Repair => self.repair(),
        }
    }

    pub(crate) fn steps(&self) -> Vec<Step> {
        plan::plan(self.judged, &self.selection, self.request.permits)
    }

    fn refuse(&self) -> Result<Vec<Step>> {
        let steps = self.steps();
        plan::refuse(self.judged, &self.selection, &steps, self.request.permits)?;
        Ok(steps)
    }

    fn migrate(&mut self) -> Result<()> {
        let missing_schemas = if self.request.run_syncdb { syncdb::needed(self.judged, &self.selection, self.ledger)? } else { Vec::new() };
        // An unfinished migration may be one that another process runs now: only the lock tells.
        let unfinished = self.selected().any(|judged| judged.state.in_state(State::Unfinished).next().is_some());
        let steps = if unfinished { self.steps() } else { self.refuse()? };
        self.warn();
        self.head();
        if steps.is_empty() && missing_schemas.is_empty() && !unfinished {
            self.talk.out("Running migrations:\n  No migrations to apply.\n");
            return Ok(());
        }
        self.locked(|run| {
            let mut steps = run.refuse()?;
            if run.request.run_syncdb {
                syncdb::run(run.judged, &run.selection, run.ledger, run.talk)?;
            }
            if run.request.fake_initial {
                run.mark_initial(&mut steps)?;
            }
            run.talk.out("Running migrations:\n");
            if steps.is_empty() {
                run.talk.out("  No migrations to apply.\n");
            }
            run.create_tables(&steps)?;
            steps.iter().try_for_each(|step| run.step(step))?;
            view::refresh(run.judged, run.ledger).map_err(Failure::from)
        })
    }

    pub(crate) fn warn(&mut self) {
        for warning in view::warnings(self.judged) {
            self.talk.warn(&warning);
            self.report.warnings.push(warning);
        }
    }

    pub(crate) fn selected(&self) -> impl Iterator<Item = &Judged> {
        self.selection.apps.iter().filter_map(|app| self.judged.get(*app))
    }

    /// Takes the lock, reads the tables again, works, and lets go whatever happened.
    pub(crate) fn locked(&mut self, work: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        let key = self.request.lock_key.unwrap_or_else(|| lock::sqlx_key(&self.ledger.database()));
        if self.request.explain_lock && self.ledger.engine() == Engine::Sqlite {
            self.talk.note("SQLite has no advisory locks: a lock file stands in, which every `host` on this machine respects");
        }
        lock::acquire(self.ledger, key, self.request.lock_timeout, self.talk)?;
        let result = view::refresh(self.judged, self.ledger).map_err(Failure::from).and_then(|()| work(self));
        // Where the connection is gone, the lock went with it, and the failure already says so.
        match (self.ledger.unlock(), &result) {
            (Ok(false), Ok(())) => self
                .talk
                .warn("the migration lock was lost before the end: a connection pooler between host and database must run in session mode"),
            (Err(error), Ok(())) => self.talk.warn(&format!("the migration lock could not be released: {}", error.text())),
            _ => {}
        }
        result
    }

    fn create_tables(&mut self, steps: &[Step]) -> Result<()> {
        for (index, judged) in self.judged.iter_mut().enumerate() {
            if !judged.state.table_exists && steps.iter().any(|step| step.app == index) {
                self.ledger.create_table(&judged.app.table)?;
                judged.state.table_exists = true;
            }
        }
        Ok(())
    }

    /// `--fake-initial`: what creates only tables that are all there counts as applied.
    fn mark_initial(&mut self, steps: &mut [Step]) -> Result<()> {
        for step in steps.iter_mut().filter(|step| step.entry == 0 && step.direction == Direction::Forwards) {
            let Some(judged) = self.judged.get(step.app) else { continue };
            let Some((entry, migration)) = judged.state.entries.first().and_then(|entry| Some((entry, entry.migration(&judged.app)?)))
            else {
                continue;
            };
            let name = judged.full_name(entry);
            let tables = statements::created_tables(&migration.up.text);
            let there = self.ledger.exist(&tables)?;
            let absent: Vec<String> =
                tables.iter().zip(&there).filter(|(_, there)| !**there).map(|(table, _)| format!("`{table}`")).collect();
            step.fake = !tables.is_empty() && absent.is_empty();
            let compared = view::enumerate(&tables.iter().map(|table| format!("`{table}`")).collect::<Vec<_>>());
            self.talk.note(&match (tables.is_empty(), absent.is_empty()) {
                (true, _) => format!("`{name}` creates no table to look for: it is run"),
                (false, true) => {
                    format!("`{name}` creates {compared}: all there, so it is recorded and not run (names were compared, columns were not)")
                }
                (false, false) => format!("`{name}` creates {compared}: {} not there, so it is run", view::enumerate(&absent)),
            });
        }
        Ok(())
    }

    fn step(&mut self, step: &Step) -> Result<()> {
        let Some(judged) = self.judged.get(step.app) else { return Ok(()) };
        let Some(entry) = judged.state.entries.get(step.entry) else { return Ok(()) };
        let name = judged.full_name(entry);
        let verb = if step.direction == Direction::Forwards { "Applying" } else { "Unapplying" };
        let drawn = self.talk.working(&format!("{verb} {name}"));
        if !drawn {
            self.talk.out(&format!("  {verb} {name}..."));
        }
        let started = Instant::now();
        let result = apply::apply(self.ledger, judged, step);
        let took = started.elapsed();
        self.talk.done();
        let outcome = match (&result, step.fake) {
            (Err(_), _) => Outcome::Failed,
            (Ok(_), true) => Outcome::Faked,
            (Ok(_), false) => Outcome::Done,
        };
        let start = if drawn { format!("  {verb} {name}...") } else { String::new() };
        self.talk.out(&format!("{start} {}\n", self.ending(outcome, took)));
        self.report.steps.push(step_report(judged, step, outcome, took));
        let (label, name) = (judged.app.label.clone(), entry.name.clone());
        result.map(|_| ()).map_err(|error| blame::explain(self.judged, step, error, self.ledger, &label, &name))
    }

    fn ending(&self, outcome: Outcome, took: Duration) -> String {
        let word = match outcome {
            Outcome::Failed => "FAILED",
            Outcome::Faked => "FAKED",
            Outcome::Done | Outcome::Planned => "OK",
        };
        // What took long is worth a number unasked.
        let slow = took >= Duration::from_secs(1);
        if outcome == Outcome::Done && (self.request.verbose || slow) {
            format!("{word} ({:.3}s)", took.as_secs_f64())
        } else {
            word.to_owned()
        }
    }
}

pub(crate) fn step_report(judged: &Judged, step: &Step, outcome: Outcome, took: Duration) -> StepReport {
    let entry = judged.state.entries.get(step.entry);
    StepReport {
        app: judged.app.label.clone(),
        name: entry.map(|entry| entry.name.clone()).unwrap_or_default(),
        version: entry.map_or(0, |entry| entry.version),
        direction: step.direction,
        outcome,
        milliseconds: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
    }
}

#[cfg(test)]
#[path = "migrate_tests.rs"]
mod tests;
