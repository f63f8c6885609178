//! `.host/journal/<run-id>.jsonl`: what a run did, one JSON object a line.
//!
//! Format (version 1): a first line `{"v":1,"event":"start",...}`, a line per operation with
//! `"event":"op"`, a last line `{"event":"end",...}`. A run whose last line is missing was killed.
//! Parameters' values and answers of prompts are never written; each text is cut at [`TEXT_BOUND`].

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Operation;

/// Characters of a statement or message that are kept.
const TEXT_BOUND: usize = 200;
/// Lines of one journal: enough for a long migration, and a bound for a guest that loops over host calls.
const LINES_BOUND: u64 = 100_000;

/// One line for the journal about an error, without secrets.
pub trait Outcome {
    fn summary(&self) -> String;
}

/// An open journal; without a file (no project, a read-only disk) it writes nowhere.
pub struct Journal {
    file: Option<File>,
    started: Instant,
    lines: u64,
    closed: bool,
}

impl Journal {
    /// A journal that writes nowhere.
    pub fn nowhere() -> Self {
        Self { file: None, started: Instant::now(), lines: 0, closed: false }
    }

    /// Creates the file of one run, readable by its owner only. `start` is the first line's content.
    pub fn create(folder: &Path, run_id: &str, start: Value) -> std::io::Result<Self> {
        use std::os::unix::fs::OpenOptionsExt;
        std::fs::create_dir_all(folder)?;
        let path = folder.join(format!("{run_id}.jsonl"));
        let file = File::options().create_new(true).append(true).mode(0o600).open(path)?;
        let mut journal = Self { file: Some(file), started: Instant::now(), lines: 0, closed: false };
        journal.line(&start);
        Ok(journal)
    }

    pub(super) fn operation(&mut self, operation: &Operation, decision: &str, took: Duration, error: Option<&str>) {
        if self.file.is_none() || self.lines > LINES_BOUND {
            return;
        }
        if self.lines == LINES_BOUND {
            self.line(&json!({"event": "cut", "reason": format!("more than {LINES_BOUND} operations")}));
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
        if let Value::Object(fields) = &mut line {
            if !operation.detail.is_empty() {
                fields.insert("detail".to_owned(), cut(&operation.detail).into());
            }
            if let Some(error) = error {
                fields.insert("error".to_owned(), cut(error).into());
            }
        }
        self.line(&line);
    }

    pub(super) fn close(&mut self, exit_code: u8, ending: &str) {
        if self.closed {
            return;
        }
        self.closed = true;
        let took = millis(self.started.elapsed());
        self.line(&json!({"event": "end", "exit_code": exit_code, "ending": ending, "took_ms": took}));
    }

    fn line(&mut self, value: &Value) {
        self.lines += 1;
        let Some(file) = &mut self.file else { return };
        let mut text = value.to_string();
        text.push('\n');
        // A full disk must not stop a migration half way: the journal ends here, the run goes on.
        if file.write_all(text.as_bytes()).is_err() {
            self.file = None;
        }
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
