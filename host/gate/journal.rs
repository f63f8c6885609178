//! `.host/journal/<run-id>.jsonl`: what a run did, one JSON object a line.
//!
//! Format (version 1): a first line `{"v":1,"event":"start",...}`, a line per operation with
//! `"event":"op"` when it is done, before each that changes something and may take time a line
//! `"event":"begin"`, a last line `{"event":"end",...}`. A run whose last line is missing was killed.
//! Parameters' values and answers of prompts are never written; each text is cut at [`TEXT_BOUND`].

use std::fs::File;
use std::io::Write;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Effect, Operation};
use crate::own_folder::OwnFolder;

/// Characters of a statement or message that are kept.
const TEXT_BOUND: usize = 200;
/// Bytes of reading operations that may wait to be written together: a killed run loses at most these,
/// never an operation that changed something.
const WAITING_BYTES: usize = 16 << 10;
/// Lines of one journal: enough for a long migration, and a bound for a guest that loops over host calls.
const LINES_BOUND: u64 = 100_000;

/// One line for the journal about an error, without secrets.
pub trait Outcome {
    fn summary(&self) -> String;
}

/// An open journal; without a file (no project, a read-only disk) it writes nowhere.
pub struct Journal {
    file: Option<File>,
    waiting: String,
    started: Instant,
    lines: u64,
    closed: bool,
}

impl Journal {
    /// A journal that writes nowhere.
    pub fn nowhere() -> Self {
        Self { file: None, waiting: String::new(), started: Instant::now(), lines: 0, closed: false }
    }

    /// Creates the file of one run, readable by its owner only. `start` is the first line's content.
    pub fn create(folder: &OwnFolder, run_id: &str, start: Value) -> std::io::Result<Self> {
        let file = folder.create_new(&format!("{run_id}.jsonl"))?;
        let mut journal = Self { file: Some(file), waiting: String::new(), started: Instant::now(), lines: 0, closed: false };
        journal.line(&start, Effect::Change);
        Ok(journal)
    }

    /// That something is about to be changed: of a run that was killed on the way, this is what remains.
    pub(super) fn begin(&mut self, operation: &Operation) {
        if self.file.is_none() || self.lines >= LINES_BOUND {
            return;
        }
        let mut line = json!({
            "event": "begin",
            "at_ms": millis(self.started.elapsed()),
            "capability": operation.capability,
            "action": operation.action,
            "target": cut(&operation.target),
            "effect": operation.effect.word(),
        });
        add_detail(&mut line, &operation.detail);
        self.line(&line, operation.effect);
    }

    pub(super) fn operation(&mut self, operation: &Operation, decision: &str, took: Duration, error: Option<&str>) {
        if self.file.is_none() || self.lines > LINES_BOUND {
            return;
        }
        if self.lines == LINES_BOUND {
            self.line(&json!({"event": "cut", "reason": format!("more than {LINES_BOUND} operations")}), Effect::Change);
            return;
        }
        let mut line = json!({
            "event": "op",
            "at_ms": millis(self.started.elapsed()),
            "capability": operation.capability,
            "action": operation.action,
            "target": cut(&operation.target),
            "effect": operation.effect.word(),
            "decision": decision,
            "took_us": u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        });
        add_detail(&mut line, &operation.detail);
        if let (Value::Object(fields), Some(error)) = (&mut line, error) {
            fields.insert("error".to_owned(), cut(error).into());
        }
        // A refusal is written at once, whatever was tried.
        self.line(&line, if decision == "passed" { operation.effect } else { Effect::Change });
    }

    pub(super) fn close(&mut self, exit_code: u8, ending: &str) {
        if self.closed {
            return;
        }
        self.closed = true;
        let took = millis(self.started.elapsed());
        self.line(&json!({"event": "end", "exit_code": exit_code, "ending": ending, "took_ms": took}), Effect::Change);
    }

    fn line(&mut self, value: &Value, effect: Effect) {
        self.lines += 1;
        let Some(file) = &mut self.file else { return };
        self.waiting.push_str(&value.to_string());
        self.waiting.push('\n');
        if effect == Effect::Read && self.waiting.len() < WAITING_BYTES {
            return;
        }
        // A full disk must not stop a migration half way: the journal ends here, the run goes on.
        if file.write_all(self.waiting.as_bytes()).is_err() {
            self.file = None;
        }
        self.waiting.clear();
    }
}

fn add_detail(line: &mut Value, detail: &str) {
    if let (Value::Object(fields), false) = (line, detail.is_empty()) {
        fields.insert("detail".to_owned(), cut(detail).into());
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(TEXT_BOUND) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn lines(folder: &Path) -> usize {
        std::fs::read_to_string(folder.join("r.jsonl")).unwrap().lines().count()
    }

    #[test]
    fn reading_waits_for_the_next_change_refusal_or_end_and_a_change_does_not_wait() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::create(&OwnFolder::new(folder.path(), ""), "r", json!({"event": "start"})).unwrap();
        let operation = |effect| Operation { capability: "sql", action: "x", target: "default".to_owned(), effect, detail: String::new() };
        assert_eq!(lines(folder.path()), 1);
        journal.operation(&operation(Effect::Read), "passed", Duration::ZERO, None);
        assert_eq!(lines(folder.path()), 1);
        journal.operation(&operation(Effect::Change), "passed", Duration::ZERO, None);
        assert_eq!(lines(folder.path()), 3);
        journal.operation(&operation(Effect::Read), "refused", Duration::ZERO, Some("denied"));
        assert_eq!(lines(folder.path()), 4);
        journal.operation(&operation(Effect::Read), "passed", Duration::ZERO, None);
        journal.close(0, "ok");
        journal.close(0, "ok");
        assert_eq!(lines(folder.path()), 6);
    }

    #[test]
    fn a_journal_is_cut_at_its_bound_and_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::create(&OwnFolder::new(folder.path(), ""), "r", json!({"event": "start"})).unwrap();
        let operation = Operation { capability: "sql", action: "x", target: String::new(), effect: Effect::Read, detail: "é".repeat(300) };
        for _ in 0..LINES_BOUND + 5 {
            journal.operation(&operation, "passed", Duration::ZERO, None);
        }
        journal.close(0, "ok");
        let text = std::fs::read_to_string(folder.path().join("r.jsonl")).unwrap();
        assert!(text.lines().rev().nth(1).unwrap().contains("\"cut\""), "{}", text.lines().rev().nth(1).unwrap());
        assert!(text.lines().count() as u64 <= LINES_BOUND + 2);
        assert!(text.contains(&format!("{}…", "é".repeat(TEXT_BOUND))));
    }
}
