//! How far a plan is: a bar on a terminal, a line for each change that is done, or an event for each with `--json`.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use host_sdk::docker::Event;
use host_sdk::{Error, Host, detail, talk, warning};
use serde_json::{Value, json};

use crate::plan::{Cause, Change, Kind, Plan, Verb};

/// What a build or a pull said last: as much is kept of each.
const SAID_BOUND: usize = 40;

pub struct Progress<'h> {
    host: &'h Host,
    changes: Vec<State>,
    bar: host_sdk::Progress,
}

struct State {
    change: Change,
    /// Operations of it that are not done.
    left: usize,
    /// Of them, those that the engine works on.
    working: usize,
    has_begun: bool,
    /// Since when it is worked on, and how long it was before: waiting for others is nobody's work.
    since: Option<Instant>,
    worked: Duration,
    said: VecDeque<(String, String)>,
}

impl State {
    /// One of its operations is over.
    fn rests(&mut self) {
        self.working = self.working.saturating_sub(1);
        if self.working == 0 {
            self.worked += self.since.take().map(|since| since.elapsed()).unwrap_or_default();
        }
    }
}

impl<'h> Progress<'h> {
    pub fn new(host: &'h Host, plan: &Plan) -> Self {
        let mut left: BTreeMap<usize, usize> = BTreeMap::new();
        plan.operations.iter().for_each(|operation| *left.entry(operation.change).or_default() += 1);
        let state = |(place, change): (usize, &Change)| State {
            change: change.clone(),
            left: left.get(&place).copied().unwrap_or_default(),
            working: 0,
            has_begun: false,
            since: None,
            worked: Duration::ZERO,
            said: VecDeque::new(),
        };
        let total = u64::try_from(plan.operations.len()).unwrap_or_default();
        Self { host, changes: plan.changes.iter().enumerate().map(state).collect(), bar: host.progress("", total) }
    }

    pub(crate) fn begins(&mut self, change: usize) {
        let Some(state) = self.changes.get_mut(change) else { return };
        state.working += 1;
        let is_new = !std::mem::replace(&mut state.has_begun, true);
        state.since.get_or_insert_with(Instant::now);
        self.bar.message(&self.under_way());
        if is_new {
            self.event("begin", change, &[]);
        }
    }

    pub(crate) fn said(&mut self, change: usize, event: &Event) {
        let Some(state) = self.changes.get_mut(change) else { return };
        if state.said.len() >= SAID_BOUND {
            state.said.pop_front();
        }
        state.said.push_back((event.id.clone(), event.text.clone()));
        let name = state.change.name.clone();
        self.bar.message(&format!("{name}: {}", event.text));
        if let Some(text) = warning_of_the_host(event) {
            return self.warn(change, text);
        }
        if self.host.wants_json() {
            let progress =
                [("id", json!(event.id)), ("text", json!(event.text)), ("current", json!(event.current)), ("total", json!(event.total))];
            self.event("progress", change, &progress);
        } else if event.total == 0 {
            detail!("{name}: {} {}", event.id, event.text.trim_end());
        }
    }

    pub(crate) fn done(&mut self, change: usize) {
        self.bar.advance(1);
        let Some(state) = self.changes.get_mut(change) else { return };
        state.left = state.left.saturating_sub(1);
        state.rests();
        let (left, change_of, worked) = (state.left, state.change.clone(), state.worked);
        self.bar.message(&self.under_way());
        if left > 0 {
            return;
        }
        let milliseconds = u64::try_from(worked.as_millis()).unwrap_or(u64::MAX);
        let Change { verb, kind, name, cause, .. } = change_of;
        if self.host.wants_json() {
            self.event("done", change, &[("ms", json!(milliseconds))]);
            return;
        }
        #[expect(clippy::cast_precision_loss, reason = "one digit behind the point is shown")]
        let seconds = milliseconds as f64 / 1000.0;
        let kind = if kind == Kind::Container { String::new() } else { format!("{} ", kind.word()) };
        match (verb, cause) {
            (Verb::Wait, _) => talk!("{name} is {} after {seconds:.1} s", verb.past()),
            // That is what the verb says.
            (_, Cause::NotThere | Cause::Asked) => talk!("{} {kind}{name} in {seconds:.1} s", verb.past()),
            (_, cause) => talk!("{} {kind}{name} ({cause}) in {seconds:.1} s", verb.past()),
        }
    }

    pub(crate) fn passed_over(&mut self, change: usize, error: &Error) {
        let Some(state) = self.changes.get_mut(change) else { return };
        state.rests();
        self.warn(change, &error.to_string());
    }

    fn warn(&self, change: usize, text: &str) {
        let name = self.changes.get(change).map_or("", |state| state.change.name.as_str());
        if self.host.wants_json() {
            self.event("warning", change, &[("message", json!(text))]);
        } else {
            warning!("{name}: {text}");
        }
    }

    /// `create shop-a-1, shop-b-1, wait shop-db-1`
    pub(crate) fn under_way(&self) -> String {
        let mut text = String::new();
        let mut last = None;
        for State { change, .. } in self.changes.iter().filter(|state| state.working > 0) {
            let separator = if text.is_empty() { "" } else { ", " };
            let verb = if last == Some(change.verb) { String::new() } else { format!("{} ", change.verb.word()) };
            text += &format!("{separator}{verb}{}", change.name);
            last = Some(change.verb);
        }
        text
    }

    /// The last that a build or a pull said, of its last step.
    pub fn last_words(&self, change: usize) -> Vec<String> {
        let said = self.changes.get(change).map(|state| &state.said);
        let step = said.and_then(|said| said.back()).map(|(id, _)| id.clone()).unwrap_or_default();
        let of_step = said.into_iter().flatten().filter(|(id, _)| *id == step || id.is_empty());
        of_step.map(|(id, text)| format!("{id} {}", text.trim_end()).trim_start().to_owned()).collect()
    }

    fn event(&self, event: &str, change: usize, more: &[(&str, Value)]) {
        if !self.host.wants_json() {
            return;
        }
        let Some(state) = self.changes.get(change) else { return };
        let mut body = json!({ "event": event });
        if let (Some(body), Value::Object(change)) = (body.as_object_mut(), change_json(&state.change)) {
            body.extend(change);
            body.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        }
        // A line that cannot be written is told at the end.
        drop(self.host.json(&body));
    }
}

/// What is said beside the steps of a build, or of its context, is the host's own.
fn warning_of_the_host(event: &Event) -> Option<&str> {
    event.text.strip_prefix("warning: ").filter(|_| matches!(event.id.as_str(), "" | "context"))
}

/// Version 1 of a change.
pub fn change_json(change: &Change) -> Value {
    json!({
        "verb": change.verb.word(), "kind": change.kind.word(), "name": change.name, "service": change.service,
        "cause": change.cause.to_string(),
    })
}
