//! What one broadcast has reached, as far as another run needs to know to go on.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::channels::keys;

use super::plan::{Layer, Message, Place, Plan};
use super::runs::{RunFile, Saved};

/// The broadcast's file, and what stands in it.
pub(super) struct Book {
    file: RunFile,
    /// With what earlier runs reached.
    saved: Saved,
    /// Another run's broadcast goes on in this one, and is in nobody's file but this.
    pub(super) took_over: bool,
    /// All messages before this one have arrived.
    arrived_upto: usize,
    /// Whether something is not written yet, and when it last was.
    changed: bool,
    written: Instant,
}

impl Book {
    pub(super) fn new(file: RunFile, saved: Saved) -> Self {
        Self { file, saved, took_over: false, arrived_upto: 0, changed: false, written: Instant::now() }
    }

    /// Takes note that a server has a message.
    pub(super) fn arrived(&mut self, plan: &Plan, labels: &[String], message: &Message) {
        let members = plan.members_of(message);
        let Some(first) = members.first() else { return };
        self.changed = true;
        let count = u64::try_from(members.len()).unwrap_or(u64::MAX);
        self.saved.max = self.saved.max.map(|max| max.saturating_sub(count));
        let reached = &mut self.saved.reached;
        let whole_queue = plan.grouped && message.layer == Layer::Core && plan.allowed == plan.messages.len() && self.saved.max.is_none();
        if whole_queue {
            let label = labels.get(first.label).cloned().unwrap_or_default();
            reached.queues.insert((label, keys::queue_of(&first.name).to_owned()));
        } else {
            reached.names.extend(members.iter().map(|member| member.name.to_string()));
        }
    }

    /// Replaces names by the place up to which all messages have arrived: the file stays small.
    pub(super) fn settle(&mut self, plan: &Plan, labels: &[String], next: usize, again: &VecDeque<usize>) {
        let upto = again.iter().copied().min().unwrap_or(next).min(next);
        let settled = plan.messages.get(self.arrived_upto..upto).unwrap_or_default();
        let reached = &mut self.saved.reached;
        // Messages for whole queues are not in the order of places.
        for message in settled.iter().filter(|message| !plan.grouped || message.layer == Layer::Pubsub) {
            let [member] = plan.members_of(message) else { continue };
            reached.names.remove(&*member.name);
        }
        for (layer, place) in [(Layer::Core, &mut reached.core), (Layer::Pubsub, &mut reached.pubsub)] {
            if plan.grouped && layer == Layer::Core {
                continue;
            }
            let last = settled.iter().rev().find(|message| message.layer == layer);
            if let Some(member) = last.and_then(|message| plan.members.get(message.start)) {
                *place = Some(Place::new(labels.get(member.label).map_or("", String::as_str), member));
            }
        }
        self.arrived_upto = self.arrived_upto.max(upto);
    }

    /// Time since the last writing; none when there is nothing to write.
    pub(super) fn since_written(&self) -> Duration {
        if self.changed { self.written.elapsed() } else { Duration::ZERO }
    }

    /// Writes what changed. Without the file it cannot be resumed, and nothing else is lost: [`Self::token`] says so.
    pub(super) fn write_down(&mut self) {
        if self.changed {
            let _ = self.save();
        }
    }

    pub(super) fn save(&mut self) -> std::io::Result<()> {
        self.written = Instant::now();
        self.file.save(&self.saved)?;
        self.changed = false;
        Ok(())
    }

    /// What another run resumes with, once that is written.
    pub(super) fn token(&mut self) -> Option<String> {
        self.save().is_ok().then(|| self.file.token().to_owned())
    }

    pub(super) fn file(&self) -> &RunFile {
        &self.file
    }

    /// Nothing is left to resume.
    pub(super) fn close(&mut self) {
        self.file.remove();
        self.changed = false;
    }
}

#[cfg(test)]
mod tests {
    use super::super::plan::{Member, Reached};
    use super::super::runs::Runs;
    use super::*;

    fn plan(grouped: bool) -> Plan {
        let member = |number: u32| Member { label: 0, layer: Layer::Core, joined: f64::from(number), name: format!("q!{number}").into() };
        Plan::new((0..6).map(member).collect(), grouped, 1, None)
    }

    fn book(max: Option<u64>) -> Book {
        let folder = crate::own_folder::OwnFolder::new("nowhere", "");
        let saved = Saved {
            v: Saved::version(),
            power: "drop".to_owned(),
            patterns: vec![],
            began: 0,
            max,
            pause_us: 0,
            jitter_percent: 0,
            reached: Reached::default(),
        };
        Book::new(Runs::new(folder, "r".to_owned()).begin(), saved)
    }

    fn held(book: &Book, plan: &Plan) -> Vec<bool> {
        plan.members.iter().map(|member| book.saved.reached.holds("a", member)).collect()
    }

    #[test]
    fn exactly_those_whose_message_arrived_are_reached_whatever_was_lost_between() {
        let (plan, labels) = (plan(false), vec!["a".to_owned()]);
        let mut book = book(Some(5));
        for index in [0, 1, 3] {
            book.arrived(&plan, &labels, &plan.messages[index]);
        }
        book.settle(&plan, &labels, 4, &VecDeque::from([2]));
        assert_eq!(held(&book, &plan), [true, true, false, true, false, false]);
        assert_eq!((book.saved.reached.names.len(), book.saved.max), (1, Some(2)));
        book.arrived(&plan, &labels, &plan.messages[2]);
        book.settle(&plan, &labels, 4, &VecDeque::new());
        assert_eq!(held(&book, &plan), [true, true, true, true, false, false]);
        assert!(book.saved.reached.names.is_empty());
    }

    #[test]
    fn a_queue_that_was_sent_to_as_a_whole_is_reached_as_a_whole() {
        let (plan, labels) = (plan(true), vec!["a".to_owned()]);
        let mut book = book(None);
        book.arrived(&plan, &labels, &plan.messages[0]);
        book.settle(&plan, &labels, 1, &VecDeque::new());
        assert_eq!(held(&book, &plan), [true; 6]);
        assert!(book.saved.reached.names.is_empty() && book.saved.reached.core.is_none());
    }
}
