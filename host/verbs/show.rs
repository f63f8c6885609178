//! `host show RUN`: what one run did, operation by operation.

use clap::Args;
use serde_json::{Value, json};

use super::{Context, runs};
use crate::outcome::{Ending, Result};
use crate::project::journals::{End, Journal};
use crate::terminal::{self, Table};

const EXAMPLES: &str = "\
Examples:
  host show last                 what the newest run did
  host show 019a5f2c-1b3d        a run by the beginning of its id
  host show last --json";

/// Show one run: what it did, what was denied
#[derive(Debug, Args)]
#[command(before_help = EXAMPLES)]
pub struct Show {
    /// `last`, or the beginning of an id that `host runs` lists
    run: String,
}

pub fn run(verb: &Show, context: &Context) -> Result<u8> {
    let state = runs::state(context)?;
    let journal = Journal::read(&state, &state.run_id(&verb.run)?)?;
    if context.json {
        let run = runs::as_json(&journal.run);
        terminal::json(&json!({"v": 1, "run": run, "operations": journal.operations, "unreadable_lines": journal.unreadable}));
        return Ok(Ending::Ok.code());
    }
    print(&journal);
    Ok(Ending::Ok.code())
}

fn print(journal: &Journal) {
    let run = &journal.run;
    let outcome = match &run.end {
        End::Ended(_) => format!("{} after {}", runs::outcome(run), runs::took(run)),
        End::Running => "is running".to_owned(),
        End::Killed => "killed: the journal stops without an end".to_owned(),
    };
    let by = if run.text("user").is_empty() { String::new() } else { format!(" by {}", run.text("user")) };
    let pid = run.start.get("pid").map(|pid| format!(", process {pid}")).unwrap_or_default();
    let mut facts = Table::new();
    facts.row(["run".to_owned(), run.id.clone()]).row(["command".to_owned(), runs::words(run)]);
    facts.row(["started".to_owned(), format!("{}{by}{pid}", runs::started(run))]);
    facts.row(["digest".to_owned(), run.text("digest").to_owned()]).row(["outcome".to_owned(), outcome]);
    terminal::table(&facts);
    if journal.operations.is_empty() {
        terminal::line("\nno operations");
    } else {
        terminal::line("\noperations:");
        let mut table = Table::new();
        for operation in &journal.operations {
            table.row(row(operation));
        }
        terminal::table(&table);
    }
    if journal.unreadable > 0 {
        terminal::warn(&format!("lines of the journal that cannot be read and are left out: {}", journal.unreadable));
    }
}

/// Time since the start, what, on what, decision, duration, and the statement or error.
fn row(operation: &Value) -> [String; 6] {
    let text = |key: &str| operation.get(key).and_then(Value::as_str).unwrap_or_default();
    let number = |key: &str| operation.get(key).and_then(Value::as_u64);
    if text("event") == "begin" {
        return [
            number("at_ms").map(|ms| format!("  {ms} ms")).unwrap_or_default(),
            format!("{} {}", text("capability"), text("action")),
            text("target").to_owned(),
            "begun, not ended".to_owned(),
            String::new(),
            one_line(text("detail")),
        ];
    }
    if text("event") != "op" {
        return [String::new(), text("event").to_owned(), text("reason").to_owned(), String::new(), String::new(), String::new()];
    }
    let detail = match (text("detail"), text("error")) {
        (detail, "") => detail.to_owned(),
        ("", error) => format!("error: {error}"),
        (detail, error) => format!("{detail}; error: {error}"),
    };
    [
        number("at_ms").map(|ms| format!("  {ms} ms")).unwrap_or_default(),
        format!("{} {}", text("capability"), text("action")),
        text("target").to_owned(),
        text("decision").to_owned(),
        number("took_us").map(|us| format!("{us} us")).unwrap_or_default(),
        one_line(&detail),
    ]
}

/// Statements have many lines; a row has one.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_one_row() {
        let operation = json!({"event": "op", "at_ms": 3, "capability": "sql", "action": "read.query", "target": "default",
            "decision": "refused", "took_us": 40, "detail": "SELECT\n  1", "error": "not granted"});
        assert_eq!(row(&operation), ["  3 ms", "sql read.query", "default", "refused", "40 us", "SELECT 1; error: not granted"]);
        let begun =
            json!({"event": "begin", "at_ms": 4, "capability": "sql", "action": "write.execute", "target": "default", "detail": "DELETE"});
        assert_eq!(row(&begun), ["  4 ms", "sql write.execute", "default", "begun, not ended", "", "DELETE"]);
        assert_eq!(row(&json!({"event": "cut", "reason": "more"}))[1..3], ["cut", "more"]);
        assert_eq!(row(&json!({"event": "op"}))[1], " ");
    }
}
