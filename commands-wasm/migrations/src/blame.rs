//! Why a step failed: file, line, SQLSTATE, what was rolled back, what the table says now, what to do next.

use crate::apply;
use crate::excerpt;
use crate::failure::Failure;
use crate::files::Script;
use crate::ledger::{Error, Ledger};
use crate::plan::{self, Direction, Judged, Step};
use crate::state::State;
use crate::view;

/// Reads the tables once more, so that what is said about them is true; over a new connection where the old one broke.
pub fn explain(judged: &mut [Judged], step: &Step, error: Error, ledger: &mut dyn Ledger, label: &str, name: &str) -> Failure {
    let script = judged.get(step.app).and_then(|judged| script_of(judged, step)).cloned();
    let mut failure =
        Failure::new(error.code(), headline(script.as_ref(), &error, label, name)).detail("migration", format!("{label}.{name}"));
    if let Some(script) = &script {
        failure = failure.detail("file", script.path.as_str());
    }
    if let Error::Query(complaint) = &error {
        failure = failure.detail("sqlstate", complaint.code.as_str());
        if let Some(line) = complaint.line {
            failure = failure.detail("line", line);
        }
    }
    if matches!(error, Error::Cancelled(_)) {
        failure.message += "\n  what it had not committed is rolled back";
        return failure.hint("`host run migrate` takes it up again where it stopped");
    }
    let lost = !matches!(error, Error::Query(_) | Error::Limit(_) | Error::Denied(_));
    let readable = (!lost || ledger.reconnect().is_ok()) && view::refresh(judged, ledger).is_ok();
    let Some(judged) = judged.get(step.app).filter(|_| readable) else {
        failure.message +=
            "\n  the database cannot be asked now what became of it: a migration in a transaction is there as a whole or not at all";
        return failure.hint("when the database is back: `host run showmigrations`, then `host run migrate`");
    };
    after(failure, judged, step, script.as_ref(), &error, name)
}

fn script_of<'a>(judged: &'a Judged, step: &Step) -> Option<&'a Script> {
    let migration = judged.state.entries.get(step.entry)?.migration(&judged.app)?;
    match step.direction {
        Direction::Forwards => Some(&migration.up),
        Direction::Backwards => migration.down.as_ref(),
    }
}

fn headline(script: Option<&Script>, error: &Error, label: &str, name: &str) -> String {
    let mut message = format!("`{label}.{name}` failed: {}", error.text());
    let (Some(script), Error::Query(complaint)) = (script, error) else { return message };
    match complaint.line {
        Some(line) => {
            message += &format!("\n  in {}, line {line}:", script.path);
            message.extend(excerpt::around(&script.text, line).iter().map(|line| format!("\n  {line}")));
        }
        None => message += &format!("\n  in {}", script.path),
    }
    if let Some(detail) = &complaint.detail {
        message += &format!("\n  detail: {detail}");
    }
    if let Some(hint) = &complaint.hint {
        message += &format!("\n  the database's hint: {hint}");
    }
    message
}

fn after(mut failure: Failure, judged: &Judged, step: &Step, script: Option<&Script>, error: &Error, name: &str) -> Failure {
    let entry = judged.state.entries.iter().find(|entry| entry.name == name);
    let state = entry.map(|entry| entry.state);
    let outside = script.is_some_and(|script| script.no_transaction) && !step.fake;
    let happened = match (state, step.direction) {
        (Some(State::Unfinished), _) => {
            "it ran outside of a transaction: what came before the failed statement stays, and the table says `unfinished`"
        }
        (Some(state), Direction::Forwards) if state.is_applied() => "all the same the table says that it is applied: it was committed",
        (None | Some(State::Pending | State::OutOfOrder), Direction::Backwards) => {
            "all the same the table says that it is not applied: it was committed"
        }
        _ if outside && script.is_some_and(|script| apply::did_nothing(script, error)) => {
            "its only statement was refused: nothing of it remains"
        }
        _ if outside => "it ran outside of a transaction, and its row is as it was before",
        _ => "its transaction was rolled back: nothing of it remains",
    };
    let (applied, total) = (judged.state.applied(), judged.state.entries.len());
    let last = judged.state.entries.iter().rev().find(|entry| entry.state.is_applied());
    let last = last.map_or_else(|| "none".to_owned(), |last| format!("`{}`", last.name));
    failure.message += &format!("\n  {happened}\n  `{}` says: {applied} of {total} applied, the last is {last}", judged.app.table);
    failure = failure.detail("applied", applied).detail("total", total).detail("state", state.map_or("unknown", State::word));
    match (state, script) {
        (Some(State::Unfinished), _) => {
            let hints = entry.map(|entry| plan::unfinished_hints(judged, entry));
            hints.into_iter().flatten().fold(failure, Failure::hint)
        }
        (_, Some(script)) if matches!(error, Error::Query(_)) => {
            failure.hint(format!("correct `{}`, then `host run migrate` again", script.path))
        }
        _ => failure.hint("`host run migrate` takes it up again where it stopped"),
    }
}
