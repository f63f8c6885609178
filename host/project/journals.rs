//! Reading journals: which runs there were, what each did, how it ended.
//!
//! A journal may end anywhere (a killed host, a full disk) and is read as far as it goes.

use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};

use serde_json::Value;

use super::State;
use crate::outcome::{Failure, Result};

/// Bytes of one line; the writer's longest is a start line with a command's arguments.
const LINE_BYTES_BOUND: u64 = 4 * 1024 * 1024;
/// The last line is small: it is looked for in this many bytes at the end.
const TAIL_BYTES: u64 = 4096;

/// One run, from the first and the last line of its journal.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    pub id: String,
    /// The start line as it was written; null when it cannot be read.
    pub start: Value,
    pub end: End,
}

#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// The end line as it was written.
    Ended(Value),
    /// No end yet, and its process lives.
    Running,
    /// No end, and no process: killed, or the machine went down.
    Killed,
}

/// Everything a journal holds.
pub struct Journal {
    pub run: Run,
    /// Lines between start and end, in order.
    pub operations: Vec<Value>,
    /// Lines that are no JSON.
    pub unreadable: usize,
}

impl Run {
    /// From the first and last line only: a journal may be long.
    pub fn read(state: &State, id: &str) -> std::io::Result<Self> {
        let mut file = state.journals().read(&State::journal(id))?;
        let mut first = Vec::new();
        BufReader::new(&file).take(LINE_BYTES_BOUND).read_until(b'\n', &mut first)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
        let mut tail = Vec::new();
        file.take(TAIL_BYTES).read_to_end(&mut tail)?;
        let last = tail.split(|byte| *byte == b'\n').rfind(|line| !line.is_empty()).and_then(parse);
        let start = parse(&first).filter(|line| event(line) == "start").unwrap_or_default();
        let end = End::of(last, &start);
        Ok(Self { id: id.to_owned(), start, end })
    }

    pub fn command(&self) -> &str {
        self.text("command")
    }

    /// A text of the start line; empty when it is not there.
    pub fn text(&self, key: &str) -> &str {
        self.start.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    pub fn args(&self) -> Vec<&str> {
        self.start.get("args").and_then(Value::as_array).map(|args| args.iter().filter_map(Value::as_str).collect()).unwrap_or_default()
    }

    /// It ended, and not well.
    pub fn failed(&self) -> bool {
        match &self.end {
            End::Ended(_) => self.exit_code() != Some(0),
            End::Running => false,
            End::Killed => true,
        }
    }

    pub fn exit_code(&self) -> Option<u64> {
        self.end.field("exit_code").and_then(Value::as_u64)
    }

    pub fn took_ms(&self) -> Option<u64> {
        self.end.field("took_ms").and_then(Value::as_u64)
    }

    /// `ok`, `denied`, `killed`, `running`
    pub fn ending(&self) -> &str {
        match &self.end {
            End::Ended(_) => self.end.field("ending").and_then(Value::as_str).unwrap_or("unknown"),
            End::Running => "running",
            End::Killed => "killed",
        }
    }
}

impl End {
    fn of(last: Option<Value>, start: &Value) -> Self {
        match last {
            Some(line) if event(&line) == "end" => Self::Ended(line),
            _ if start.get("pid").and_then(Value::as_u64).is_some_and(is_alive) => Self::Running,
            _ => Self::Killed,
        }
    }

    fn field(&self, key: &str) -> Option<&Value> {
        match self {
            Self::Ended(line) => line.get(key),
            Self::Running | Self::Killed => None,
        }
    }
}

impl Journal {
    pub fn read(state: &State, id: &str) -> Result<Self> {
        let shown = || state.journals().shown(&State::journal(id));
        Self::read_lines(state, id).map_err(|error| Failure::failed(format!("`{}` cannot be read: {error}", shown())))
    }

    fn read_lines(state: &State, id: &str) -> std::io::Result<Self> {
        let run = Run::read(state, id)?;
        let mut reader = BufReader::new(state.journals().read(&State::journal(id))?);
        let (mut operations, mut unreadable) = (Vec::new(), 0);
        let mut line = Vec::new();
        while {
            line.clear();
            reader.by_ref().take(LINE_BYTES_BOUND).read_until(b'\n', &mut line)? > 0
        } {
            match parse(&line) {
                Some(value) if matches!(event(&value), "start" | "end") => {}
                Some(value) => {
                    // What was begun and then done is one operation.
                    operations.pop_if(|last: &mut Value| begins(last, &value));
                    operations.push(value);
                }
                None => unreadable += 1,
            }
        }
        Ok(Self { run, operations, unreadable })
    }
}

/// Whether `value` is the end of what `last` began.
fn begins(last: &Value, value: &Value) -> bool {
    let same = |key: &str| last.get(key) == value.get(key);
    event(last) == "begin" && event(value) == "op" && same("capability") && same("action") && same("target")
}

impl State {
    /// The id that `wanted` means: `last`, an id, or the beginning of exactly one.
    pub fn run_id(&self, wanted: &str) -> Result<String> {
        let runs = self.runs();
        if wanted == "last" {
            return runs.into_iter().next().ok_or_else(|| Failure::usage("nothing ran here yet").hint("host run NAME"));
        }
        let mut matching = runs.into_iter().filter(|id| id.starts_with(wanted));
        match (matching.next(), matching.next()) {
            (Some(one), None) => Ok(one),
            (Some(one), Some(_)) if one == wanted => Ok(one),
            (Some(_), Some(_)) => {
                Err(Failure::usage(format!("more than one run begins with `{wanted}`")).hint("`host runs` shows longer ids"))
            }
            (None, _) => Err(Failure::usage(format!("there is no run `{}`", wanted.escape_debug())).hint("`host runs` lists them")),
        }
    }
}

fn parse(line: &[u8]) -> Option<Value> {
    serde_json::from_slice(line).ok().filter(Value::is_object)
}

fn event(line: &Value) -> &str {
    line.get("event").and_then(Value::as_str).unwrap_or_default()
}

/// Whether a process of that id lives and is a `host`: ids are given out again.
fn is_alive(pid: u64) -> bool {
    let name_of = |process: &str| std::fs::read_to_string(format!("/proc/{process}/comm")).ok();
    name_of(&pid.to_string()).is_some_and(|name| Some(name) == name_of("self"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const START: &str = r#"{"v":1,"event":"start","command":"migrate","args":["--plan"],"pid":4000000,"user":"root"}"#;
    const OPERATION: &str = r#"{"event":"op","at_ms":1,"capability":"sql","action":"read.query","decision":"passed"}"#;
    const END: &str = r#"{"event":"end","exit_code":4,"ending":"denied","took_ms":12}"#;

    fn state(journals: &[(&str, &str)]) -> (tempfile::TempDir, State) {
        let folder = tempfile::tempdir().unwrap();
        let state = State::of(folder.path());
        for (id, text) in journals {
            state.journals().replace(&State::journal(id), text.as_bytes()).unwrap();
        }
        (folder, state)
    }

    #[test]
    fn what_was_begun_and_done_is_one_operation_and_what_was_only_begun_stays() {
        let done = OPERATION.replace("read.query", "write.execute");
        let begun = r#"{"event":"begin","at_ms":1,"capability":"sql","action":"write.execute"}"#;
        let (_folder, state) = state(&[("a", &format!("{START}\n{begun}\n{done}\n{OPERATION}\n{begun}\n"))]);
        let events: Vec<_> = Journal::read(&state, "a").unwrap().operations.iter().map(|line| event(line).to_owned()).collect();
        assert_eq!(events, ["op", "op", "begin"]);
    }

    #[test]
    fn a_run_is_its_first_and_last_line() {
        let (_folder, state) = state(&[("a", &format!("{START}\n{}{END}\n", format!("{OPERATION}\n").repeat(1000)))]);
        let run = Run::read(&state, "a").unwrap();
        assert_eq!((run.command(), run.args(), run.ending(), run.exit_code()), ("migrate", vec!["--plan"], "denied", Some(4)));
        assert!(run.failed());
    }

    #[test]
    fn without_its_last_line_a_run_was_killed_or_is_running() {
        let alive = START.replace("4000000", &std::process::id().to_string());
        let (_folder, state) =
            state(&[("dead", &format!("{START}\n{OPERATION}\n")), ("alive", &format!("{alive}\n")), ("cut", &START[..20]), ("empty", "")]);
        let ending = |id: &str| Run::read(&state, id).unwrap().ending().to_owned();
        assert_eq!([ending("dead"), ending("alive"), ending("cut"), ending("empty")], ["killed", "running", "killed", "killed"]);
    }

    #[test]
    fn lines_that_are_no_json_are_counted_and_passed_over() {
        let text = format!("{START}\n{OPERATION}\n\0\u{1b}[31mgarbage\n[1]\n{OPERATION}\n{END}\n");
        let (_folder, state) = state(&[("a", &text)]);
        let journal = Journal::read(&state, "a").unwrap();
        assert_eq!((journal.operations.len(), journal.unreadable, journal.run.ending()), (2, 2, "denied"));
    }

    #[test]
    fn a_run_is_named_by_its_beginning_or_as_the_last() {
        let (_folder, state) = state(&[("0199-a", ""), ("0199-b", ""), ("0200-c", "")]);
        assert_eq!(state.run_id("last").unwrap(), "0200-c");
        assert_eq!(state.run_id("0199-a").unwrap(), "0199-a");
        assert_eq!(state.run_id("02").unwrap(), "0200-c");
        assert!(state.run_id("0199").unwrap_err().message.starts_with("more than one"));
        for wanted in ["x", "../0199-a", "/etc/passwd"] {
            assert!(state.run_id(wanted).unwrap_err().message.starts_with("there is no run"));
        }
        assert!(State::of(Path::new("/nonexistent")).run_id("last").is_err());
    }
}
