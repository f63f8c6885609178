//! One step at a time: a migration and its row in one transaction, or, outside of one, with a row that says
//! "unfinished" until it is done. Whatever kills the process, the table tells the truth afterwards.

use std::time::{Duration, Instant};

use crate::files::{Migration, Script};
use crate::ledger::{Error, Ledger, NewRow, Result};
use crate::plan::{Direction, Judged, Step};
use crate::state::{Entry, FAKED, NOT_MEASURED, UNDOING};

/// Does one step and tells how long it took. After an error nothing of the step is left open.
pub fn apply(ledger: &mut dyn Ledger, judged: &Judged, step: &Step) -> Result<Duration> {
    let started = Instant::now();
    let Some(entry) = judged.state.entries.get(step.entry) else { return Err(Error::Other("the plan does not fit the table".to_owned())) };
    let work = Work { table: &judged.app.table, entry, ledger };
    match (step.direction, step.fake, entry.migration(&judged.app)) {
        (Direction::Backwards, true, _) => work.forget()?,
        (Direction::Forwards, true, Some(migration)) => work.record(migration)?,
        (Direction::Forwards, false, Some(migration)) if migration.up.no_transaction => work.run_outside(migration, started)?,
        (Direction::Forwards, false, Some(migration)) => work.run(migration, started)?,
        (Direction::Backwards, false, Some(Migration { down: Some(down), .. })) if down.no_transaction => work.undo_outside(down)?,
        (Direction::Backwards, false, Some(Migration { down: Some(down), .. })) => work.undo(down)?,
        _ => return Err(Error::Other(format!("`{}` has no file for this", judged.full_name(entry)))),
    }
    Ok(started.elapsed())
}

struct Work<'a> {
    table: &'a str,
    entry: &'a Entry,
    ledger: &'a mut dyn Ledger,
}

impl Work<'_> {
    /// The row comes first: where somebody who takes no lock (`sqlx migrate run`) applies the same migration,
    /// one of the two waits here and then fails on the key, instead of running the script twice.
    fn run(self, migration: &Migration, started: Instant) -> Result<()> {
        let Self { table, entry, ledger } = self;
        in_transaction(ledger, |ledger| {
            if entry.row.is_some() {
                ledger.delete(table, migration.version)?;
            }
            ledger.insert(table, &new_row(migration, true, NOT_MEASURED))?;
            ledger.run_script(&migration.up.text)
        })?;
        // The time is for people; the migration is done, whether it can be noted or not.
        let _ = ledger.set_outcome(table, migration.version, true, nanoseconds(started));
        Ok(())
    }

    fn run_outside(self, migration: &Migration, started: Instant) -> Result<()> {
        let Self { table, entry, ledger } = self;
        if entry.row.is_some() {
            ledger.set_checksum(table, migration.version, &migration.up.checksum)?;
            ledger.set_outcome(table, migration.version, false, NOT_MEASURED)?;
        } else {
            ledger.insert(table, &new_row(migration, false, NOT_MEASURED))?;
        }
        if let Err(error) = ledger.run_script(&migration.up.text) {
            if entry.row.is_none() && did_nothing(&migration.up, &error) {
                ledger.delete(table, migration.version)?;
            }
            return Err(error);
        }
        ledger.set_outcome(table, migration.version, true, nanoseconds(started))
    }

    fn record(self, migration: &Migration) -> Result<()> {
        let Self { table, entry, ledger } = self;
        in_transaction(ledger, |ledger| {
            if entry.row.is_some() {
                ledger.delete(table, migration.version)?;
            }
            ledger.insert(table, &new_row(migration, true, FAKED))
        })
    }

    fn forget(self) -> Result<()> {
        self.ledger.delete(self.table, self.entry.version).map(|_| ())
    }

    fn undo(self, down: &Script) -> Result<()> {
        let Self { table, entry, ledger } = self;
        in_transaction(ledger, |ledger| {
            ledger.delete(table, entry.version)?;
            ledger.run_script(&down.text)
        })
    }

    fn undo_outside(self, down: &Script) -> Result<()> {
        let Self { table, entry, ledger } = self;
        ledger.set_outcome(table, entry.version, false, UNDOING)?;
        ledger.run_script(&down.text)?;
        ledger.delete(table, entry.version).map(|_| ())
    }
}

fn in_transaction(ledger: &mut dyn Ledger, work: impl FnOnce(&mut dyn Ledger) -> Result<()>) -> Result<()> {
    ledger.begin()?;
    match work(ledger) {
        Ok(()) => ledger.commit(),
        Err(error) => {
            ledger.rollback();
            Err(error)
        }
    }
}

fn new_row(migration: &Migration, success: bool, execution_time: i64) -> NewRow<'_> {
    NewRow { version: migration.version, description: &migration.description, success, checksum: &migration.up.checksum, execution_time }
}

fn nanoseconds(started: Instant) -> i64 {
    i64::try_from(started.elapsed().as_nanos()).unwrap_or(i64::MAX)
}

/// Outside of a transaction: certainly nothing was done when the only statement was refused. A concurrent
/// index is the exception, which stays behind invalid, unless its statement was refused for its wording (class 42).
pub fn did_nothing(script: &Script, error: &Error) -> bool {
    let Error::Query(complaint) = error else { return false };
    let text = script.text.to_ascii_uppercase();
    let one_statement = text.matches(';').count() <= 1 && text.trim_end().find(';').is_none_or(|at| at + 1 == text.trim_end().len());
    one_statement && (!text.contains("CONCURRENTLY") || complaint.code.len() == 5 && complaint.code.starts_with("42"))
}

#[cfg(test)]
#[path = "apply_tests.rs"]
mod tests;
