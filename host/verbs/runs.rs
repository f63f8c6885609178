//! `host runs`: what ran in this project, newest first, and how it ended.

use clap::Args;
use serde_json::{Value, json};

use super::Context;
use crate::outcome::{Ending, Result};
use crate::project::journals::{End, Run};
use crate::project::state::{JOURNALS_KEPT, State};
use crate::terminal::{self, Table};

const EXAMPLES: &str = "\
Examples:
  host runs                           the newest twenty
  host runs --failed --limit 100      those that did not end well
  host runs --command migrate --json
  host show last                      what the newest one did";

/// A run's id begins with its time in milliseconds, which takes this many characters.
const SHORT_ID: usize = 13;

/// List the runs of the journal
#[derive(Debug, Args)]
#[command(before_help = EXAMPLES)]
pub struct Runs {
    /// At most this many, newest first
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// Only runs of this command
    #[arg(long, value_name = "NAME")]
    command: Option<String>,
    /// Only runs that did not end with exit code 0
    #[arg(long)]
    failed: bool,
}

pub fn run(verb: &Runs, context: &Context) -> Result<u8> {
    let Some(state) = context.project.state() else {
        terminal::talk("there is no host.toml here: runs outside of a project are not recorded");
        return empty(context);
    };
    state.prune(JOURNALS_KEPT);
    let ids = state.runs();
    let wanted = |run: &Run| verb.command.as_deref().is_none_or(|command| run.command() == command) && (!verb.failed || run.failed());
    // One that cannot be opened was pruned by another process just now, or belongs to somebody else.
    let runs: Vec<_> = ids.iter().filter_map(|id| Run::read(&state, id).ok()).filter(wanted).take(verb.limit).collect();
    if context.json {
        let runs: Vec<_> = runs.iter().map(as_json).collect();
        terminal::json(&json!({"v": 1, "runs": runs}));
        return Ok(Ending::Ok.code());
    }
    if runs.is_empty() {
        terminal::talk(if ids.is_empty() { "nothing ran here yet" } else { "no such run" });
        return Ok(Ending::Ok.code());
    }
    let length = short_length(&ids);
    let mut table = Table::new();
    for run in &runs {
        let id = run.id.get(..length).unwrap_or(&run.id);
        table.row([id.to_owned(), started(run), outcome(run), took(run), words(run)]);
    }
    terminal::table(&table);
    terminal::talk("");
    terminal::talk("`host show RUN` shows what a run did");
    Ok(Ending::Ok.code())
}

/// `2026-11-21 03:12:05Z`
pub(super) fn started(run: &Run) -> String {
    let text = run.text("started");
    match (text.get(..10), text.get(11..19)) {
        (Some(day), Some(time)) => format!("{day} {time}Z"),
        _ => "?".to_owned(),
    }
}

/// `ok`, `denied (4)`, `killed`
pub(super) fn outcome(run: &Run) -> String {
    match run.exit_code() {
        None | Some(0) => run.ending().to_owned(),
        Some(code) => format!("{} ({code})", run.ending()),
    }
}

/// `12 ms`, `3.4 s`, `2 min 5 s`
pub(super) fn took(run: &Run) -> String {
    match run.took_ms() {
        None => String::new(),
        Some(ms @ 0..1_000) => format!("{ms} ms"),
        Some(ms @ 1_000..60_000) => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        Some(ms) => format!("{} min {} s", ms / 60_000, ms % 60_000 / 1_000),
    }
}

/// The command and its arguments, as somebody would type them.
pub(super) fn words(run: &Run) -> String {
    let quoted = |word: &str| {
        let plain = !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || "-_./=:,@%+*".contains(c));
        if plain { word.to_owned() } else { format!("'{}'", word.escape_debug()) }
    };
    let command = if run.command().is_empty() { "?" } else { run.command() };
    std::iter::once(command.to_owned()).chain(run.args().into_iter().map(quoted)).collect::<Vec<_>>().join(" ")
}

pub(super) fn as_json(run: &Run) -> Value {
    json!({
        "run": run.id,
        "command": run.command(),
        "args": run.args(),
        "started": run.text("started"),
        "user": run.text("user"),
        "digest": run.text("digest"),
        "ending": run.ending(),
        "exit_code": run.exit_code(),
        "took_ms": run.took_ms(),
        "finished": matches!(run.end, End::Ended(_)),
    })
}

fn empty(context: &Context) -> Result<u8> {
    if context.json {
        terminal::json(&json!({"v": 1, "runs": []}));
    }
    Ok(Ending::Ok.code())
}

/// So many characters tell all runs apart. `ids` is sorted.
fn short_length(ids: &[String]) -> usize {
    let common = |pair: &[String]| match pair {
        [one, other] => one.bytes().zip(other.bytes()).take_while(|(one, other)| one == other).count() + 1,
        _ => 0,
    };
    ids.windows(2).map(common).max().unwrap_or(0).max(SHORT_ID)
}

/// The state of the project, or the failure that there is none.
pub(super) fn state(context: &Context) -> Result<State> {
    context.project.state().ok_or_else(|| super::init::no_project(&context.project))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(start: Value, end: Value) -> Run {
        Run { id: "x".to_owned(), start, end: End::Ended(end) }
    }

    #[test]
    fn short_ids_tell_all_runs_apart() {
        let ids = |list: &[&str]| list.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        assert_eq!(short_length(&ids(&["b-0000-0000-0000", "a-0000-0000-0000"])), SHORT_ID);
        assert_eq!(short_length(&ids(&["a-0000-0000-0001-9", "a-0000-0000-0000-9"])), 16);
        assert_eq!(short_length(&[]), SHORT_ID);
    }

    #[test]
    fn times_and_words_are_shown_as_people_write_them() {
        let run = run(
            json!({"command": "migrate", "args": ["--plan", "a b", ""], "started": "2026-11-21T03:12:05.123456Z"}),
            json!({"exit_code": 4, "ending": "denied", "took_ms": 125_000}),
        );
        assert_eq!(words(&run), "migrate --plan 'a b' ''");
        assert_eq!(started(&run), "2026-11-21 03:12:05Z");
        assert_eq!((outcome(&run).as_str(), took(&run).as_str()), ("denied (4)", "2 min 5 s"));
    }

    #[test]
    fn what_is_missing_in_a_journal_is_shown_as_such() {
        let run = run(Value::Null, json!({"exit_code": 0, "ending": "ok", "took_ms": 3456}));
        assert_eq!((words(&run).as_str(), started(&run).as_str(), outcome(&run).as_str(), took(&run).as_str()), ("?", "?", "ok", "3.4 s"));
    }
}
