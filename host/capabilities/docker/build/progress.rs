//! What a build says while it works: the engine's stream of JSON lines, made into events; pure.
//!
//! Both builders are told in the same way: an event's id is the step, its text what the step is or a line that it
//! printed. When a step fails, the error names it.

use std::collections::HashMap;

use bollard::moby::buildkit::v1::{StatusResponse, Vertex};
use bollard::models::{BuildInfo, BuildInfoAux};

use super::super::types::Event;

/// Bytes of one line of the engine's stream; a trace of BuildKit holds what many steps printed.
const LINE_BOUND: usize = 16 << 20;
/// Bytes that a step may print without a line's end.
const TEXT_BOUND: usize = 4 << 10;
/// Steps of a build that are told apart.
const STEPS_BOUND: usize = 10_000;

/// Reads the stream.
#[derive(Default)]
pub(super) struct Progress {
    /// Bytes of a line that is not whole.
    rest: Vec<u8>,
    classic: Classic,
    steps: HashMap<String, Step>,
    /// The image's id, once it is known.
    image: Option<String>,
    /// Steps that failed, and why.
    failed: Vec<(String, String)>,
    error: Option<String>,
}

/// The classic builder says one thing after the other.
#[derive(Default)]
struct Classic {
    /// `2/5`
    step: String,
    instruction: String,
    text: String,
}

/// One of BuildKit's.
#[derive(Default)]
struct Step {
    /// `#3`
    id: String,
    text: String,
    started: bool,
    ended: bool,
}

impl Progress {
    /// Takes the next bytes; answers what they say.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Result<Vec<Event>, String> {
        let mut events = Vec::new();
        self.rest.extend_from_slice(bytes);
        let mut taken = 0;
        while let Some(length) = self.rest.get(taken..).and_then(|rest| rest.iter().position(|byte| *byte == b'\n')) {
            let line = self.rest.get(taken..taken + length).unwrap_or_default().to_vec();
            taken += length + 1;
            self.line(&line, &mut events)?;
        }
        self.rest.drain(..taken);
        if self.rest.len() > LINE_BOUND {
            return Err("the Docker engine said a line without an end".to_owned());
        }
        Ok(events)
    }

    /// After the last bytes: what was still to be told, and the image's id or why there is none.
    pub(super) fn finish(mut self) -> (Vec<Event>, Result<String, String>) {
        let mut events = Vec::new();
        let last = std::mem::take(&mut self.rest);
        // A last line need not end.
        let read = if last.trim_ascii().is_empty() { Ok(()) } else { self.line(&last, &mut events) };
        self.classic.flush(&mut events);
        for step in self.steps.values_mut() {
            step.flush(&mut events);
        }
        let outcome = match (read.err().or_else(|| self.failure()), self.image) {
            (Some(error), _) => Err(error),
            (None, Some(image)) => Ok(image),
            (None, None) => Err("the build ended without an image".to_owned()),
        };
        (events, outcome)
    }

    fn failure(&self) -> Option<String> {
        let error = self.error.as_ref()?;
        let steps: Vec<String> = self.failed.iter().map(|(step, why)| format!("step `{step}` failed: {why}")).collect();
        if !steps.is_empty() {
            return Some(steps.join("; "));
        }
        let Classic { step, instruction, .. } = &self.classic;
        Some(if step.is_empty() { error.clone() } else { format!("step {step} `{instruction}` failed: {error}") })
    }

    fn line(&mut self, line: &[u8], events: &mut Vec<Event>) -> Result<(), String> {
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        let info: BuildInfo =
            serde_json::from_slice(line).map_err(|error| format!("the Docker engine's answer to the build cannot be read: {error}"))?;
        match info.aux {
            Some(BuildInfoAux::BuildKit(trace)) => self.trace(trace, events),
            Some(BuildInfoAux::Default(image)) => self.image = image.id.or(self.image.take()),
            None => {}
        }
        if let Some(text) = info.stream {
            self.classic.take(&text, events);
        }
        if let Some(status) = info.status {
            let count = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok()).unwrap_or(0);
            let progress = info.progress_detail.unwrap_or_default();
            // A layer that is pulled.
            let id = info.id.filter(|id| !id.is_empty()).unwrap_or_else(|| self.classic.step.clone());
            events.push(Event { id, text: status, current: count(progress.current), total: count(progress.total) });
        }
        if let Some(detail) = info.error_detail {
            self.error = detail.message.map(|message| message.trim().to_owned()).or_else(|| Some("the build failed".to_owned()));
        }
        Ok(())
    }

    fn trace(&mut self, trace: StatusResponse, events: &mut Vec<Event>) {
        for vertex in trace.vertexes {
            self.vertex(vertex, events);
        }
        for status in trace.statuses {
            if let Some(step) = self.steps.get(&status.vertex) {
                let count = |number: i64| u64::try_from(number).unwrap_or(0);
                let text = if status.name.is_empty() { status.id } else { status.name };
                events.push(Event { id: step.id.clone(), text, current: count(status.current), total: count(status.total) });
            }
        }
        for log in trace.logs {
            if let Some(step) = self.steps.get_mut(&log.vertex) {
                step.text.push_str(&String::from_utf8_lossy(&log.msg));
                take_lines(&step.id, &mut step.text, events);
            }
        }
    }

    fn vertex(&mut self, vertex: Vertex, events: &mut Vec<Event>) {
        let count = self.steps.len();
        if count >= STEPS_BOUND && !self.steps.contains_key(&vertex.digest) {
            return;
        }
        let new = || Step { id: format!("#{}", count + 1), ..Step::default() };
        let step = self.steps.entry(vertex.digest.clone()).or_insert_with(new);
        if (vertex.started.is_some() || vertex.cached) && !step.started {
            step.started = true;
            events.push(plain(&step.id, vertex.name.clone()));
        }
        if vertex.completed.is_none() && vertex.error.is_empty() || step.ended {
            return;
        }
        step.ended = true;
        step.flush(events);
        if !vertex.error.is_empty() {
            events.push(plain(&step.id, format!("failed: {}", vertex.error)));
            // What stopped because something else failed is not the culprit.
            if !vertex.error.contains("context canceled") {
                self.failed.push((vertex.name, vertex.error));
            }
            return;
        }
        events.push(plain(&step.id, if vertex.cached { "cached".to_owned() } else { done(&vertex) }));
    }
}

impl Step {
    fn flush(&mut self, events: &mut Vec<Event>) {
        let text = std::mem::take(&mut self.text);
        if !text.is_empty() {
            events.push(plain(&self.id, text));
        }
    }
}

impl Classic {
    fn take(&mut self, text: &str, events: &mut Vec<Event>) {
        let docker = text.strip_prefix("Step ").and_then(|rest| rest.split_once(" : "));
        if let Some((step, instruction)) = docker.or_else(|| text.strip_prefix("STEP ")?.split_once(": ")) {
            self.flush(events);
            self.step = step.to_owned();
            self.instruction = instruction.trim().to_owned();
            events.push(plain(&self.step, self.instruction.clone()));
            return;
        }
        self.text.push_str(text);
        take_lines(&self.step, &mut self.text, events);
    }

    fn flush(&mut self, events: &mut Vec<Event>) {
        let text = std::mem::take(&mut self.text);
        if !text.is_empty() {
            events.push(plain(&self.step, text));
        }
    }
}

/// Takes the whole lines off the front; what has no end stays, unless it is too long to wait for.
fn take_lines(id: &str, text: &mut String, events: &mut Vec<Event>) {
    while let Some(end) = text.find('\n') {
        let line: String = text.drain(..=end).collect();
        let line = line.trim_end();
        // What a progress bar overwrote is not shown: the last of it is.
        let line = line.rsplit('\r').next().unwrap_or(line);
        if !line.is_empty() {
            events.push(plain(id, line.to_owned()));
        }
    }
    if text.len() > TEXT_BOUND {
        events.push(plain(id, std::mem::take(text)));
    }
}

fn done(vertex: &Vertex) -> String {
    let (Some(started), Some(completed)) = (&vertex.started, &vertex.completed) else { return "done".to_owned() };
    let seconds = completed.seconds.saturating_sub(started.seconds).saturating_mul(10);
    let tenths = seconds.saturating_add(i64::from(completed.nanos.saturating_sub(started.nanos) / 100_000_000)).max(0);
    format!("done in {}.{} s", tenths / 10, tenths % 10)
}

fn plain(id: &str, text: String) -> Event {
    Event { id: id.to_owned(), text, current: 0, total: 0 }
}

#[cfg(test)]
#[path = "progress_tests.rs"]
mod tests;
