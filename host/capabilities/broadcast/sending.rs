//! One broadcast: whom it is for, what is on its way, what became of it.
//!
//! A message is counted as sent when a server has it. In the pubsub layer the server's answer says whether a worker
//! listened. In the core layer a live worker takes a message from its queue within milliseconds, so it is looked whether
//! it is still there. What a lost server may not have done, or may have lost, is sent again: at least once, not at most.
//! The future of a step may be dropped at any await when the run ends; what is on its way is marked before each.

use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

use crate::channels::keys;
use crate::channels::message::{self, Kind};
use crate::gate::{Counter, Gate};

use super::book::Book;
use super::client::{Answer, Failure, Ring};
use super::error::too_much;
use super::limits;
use super::listing;
use super::pace::{Pacer, Tempo};
use super::plan::{Layer, Message, Plan, State};
use super::types::{Delivery, Error, Progress};

/// A broadcast under way.
pub(super) struct Sending {
    kind: Kind,
    prefix: String,
    ring: Ring,
    /// Sorted, each once.
    labels: Vec<String>,
    plan: Plan,
    /// First message that was never sent.
    next: usize,
    /// Messages that were sent, and nobody knows whether they arrived.
    again: VecDeque<usize>,
    /// Messages in queues, that are looked after.
    looking: VecDeque<Looking>,
    look: Look,
    /// Messages that nobody took in time: looked at once more at the end.
    late: Vec<Looking>,
    tempo: Option<Tempo>,
    pacer: Option<Pacer>,
    began: Option<Instant>,
    outage: Option<Instant>,
    book: Book,
}

struct Looking {
    message: usize,
    since: Instant,
    bytes: Vec<u8>,
}

/// When the queues are looked at next.
struct Look {
    at: Instant,
    pause: Duration,
}

impl Look {
    fn soon(&mut self) {
        self.pause = limits::LOOK_FIRST;
        self.at = self.at.min(Instant::now() + self.pause);
    }

    fn later(&mut self) {
        self.at = Instant::now() + self.pause;
        self.pause = (self.pause * 2).min(limits::LOOK_LONGEST);
    }
}

/// What a broadcast begins with.
pub(super) struct Begin {
    pub(super) kind: Kind,
    pub(super) prefix: String,
    pub(super) ring: Ring,
    pub(super) labels: Vec<String>,
    pub(super) plan: Plan,
    pub(super) tempo: Option<Tempo>,
    pub(super) book: Book,
}

impl Sending {
    pub(super) fn new(begin: Begin) -> Self {
        let Begin { kind, prefix, ring, labels, plan, tempo, book } = begin;
        Self {
            kind,
            prefix,
            ring,
            labels,
            plan,
            next: 0,
            again: VecDeque::new(),
            looking: VecDeque::new(),
            look: Look { at: Instant::now(), pause: limits::LOOK_FIRST },
            late: Vec::new(),
            tempo,
            pacer: tempo.map(Pacer::new),
            began: None,
            outage: None,
            book,
        }
    }

    #[cfg(test)]
    pub(super) fn idle(runs: &mut super::runs::Runs) -> Self {
        let saved = super::runs::Saved {
            v: super::runs::Saved::version(),
            power: "drop".to_owned(),
            patterns: Vec::new(),
            began: 0,
            max: None,
            pause_us: 0,
            jitter_percent: 0,
            reached: super::plan::Reached::default(),
        };
        let book = Book::new(runs.begin(), saved);
        let (ring, plan) = (Ring::new(&[]), Plan::default());
        Self::new(Begin { kind: Kind::Drop, prefix: String::new(), ring, labels: Vec::new(), plan, tempo: None, book })
    }

    /// Sends for at most so long. Answers that are under way are waited for.
    pub(super) async fn step(&mut self, gate: &Gate, at_most: Duration) -> Result<Progress, Error> {
        let end = Instant::now() + at_most;
        self.began.get_or_insert_with(Instant::now);
        let stepped = loop {
            match self.advance(gate).await {
                Ok(Contact::Had) => self.outage = None,
                Ok(Contact::NotNeeded) => {}
                Err(Trouble::Lost(text)) => {
                    let since = *self.outage.get_or_insert_with(Instant::now);
                    if since.elapsed() > limits::OUTAGE {
                        // The next step begins with a new patience.
                        self.outage = None;
                        break Err(Error::ConnectionFailed(text));
                    }
                }
                Err(Trouble::Final(error)) => break Err(error),
            }
            if self.book.since_written() > limits::SAVE_EVERY {
                self.book.write_down();
            }
            let now = Instant::now();
            if now >= end || self.is_done() {
                break Ok(());
            }
            tokio::time::sleep_until(self.wake(now).min(end).into()).await;
        };
        self.book.write_down();
        stepped?;
        if self.is_done() {
            self.finish(gate)?;
        }
        Ok(self.progress())
    }

    pub(super) fn results(&self) -> Vec<Delivery> {
        let none = |label: &String| Delivery { label: label.clone(), members: 0, sent: 0, taken: 0, dead: 0, unknown: 0 };
        let mut results: Vec<Delivery> = self.labels.iter().map(none).collect();
        for message in &self.plan.messages {
            let label = self.plan.members.get(message.start).map_or(0, |member| member.label);
            let Some(result) = results.get_mut(label) else { continue };
            let count = u64::try_from(message.count()).unwrap_or(u64::MAX);
            result.members += count;
            result.sent += if message.state == State::Planned { 0 } else { count };
            match message.state {
                State::Planned => {}
                State::Sent | State::Queued => result.unknown += count,
                State::Taken => result.taken += count,
                State::Dead => result.dead += count,
            }
        }
        results
    }

    /// What another run resumes with, once something was sent and something is left. What cannot be written down
    /// cannot be resumed.
    pub(super) fn resume_token(&mut self) -> Option<String> {
        let sent = self.plan.messages.iter().any(|message| message.state != State::Planned);
        let resumable = (sent || self.book.took_over) && self.has_left();
        if resumable { self.book.token() } else { None }
    }

    /// How far it came, for the journal.
    pub(super) fn summary(&self) -> String {
        let progress = self.progress();
        format!("{} of {} connections of {} labels", progress.sent, progress.planned, self.labels.len())
    }

    fn progress(&self) -> Progress {
        let count = |message: &Message| u64::try_from(message.count()).unwrap_or(u64::MAX);
        let sent_of = |message: &&Message| message.state != State::Planned;
        let left = self.plan.allowed.saturating_sub(self.next) + self.again.len();
        let remaining = self.tempo.map_or(Duration::ZERO, |tempo| tempo.time_for(left));
        Progress {
            planned: self.plan.messages.iter().map(count).sum(),
            sent: self.plan.messages.iter().filter(sent_of).map(count).sum(),
            remaining_ms: u64::try_from(remaining.as_millis()).unwrap_or(u64::MAX),
            reconnecting: self.outage.is_some(),
            done: self.is_done(),
        }
    }

    fn is_done(&self) -> bool {
        self.all_sent() && self.looking.is_empty() && self.late.is_empty()
    }

    fn all_sent(&self) -> bool {
        self.next >= self.plan.allowed && self.again.is_empty()
    }

    fn has_left(&self) -> bool {
        self.next < self.plan.messages.len() || !self.again.is_empty()
    }

    /// Everything that is allowed was sent, and every answer came.
    fn finish(&mut self, gate: &Gate) -> Result<(), Error> {
        if self.has_left() {
            let left: usize = self.plan.messages.iter().skip(self.next).map(Message::count).sum();
            let bound = gate.left(Counter::ConnectionsDropped).unwrap_or(0);
            let key = Counter::ConnectionsDropped.key();
            return Err(too_much(format!(
                "the budget `{key}` of this command is used up ({bound} left); {left} connections were not sent to"
            )));
        }
        self.book.close();
        Ok(())
    }

    /// When there is something to do next.
    fn wake(&self, now: Instant) -> Instant {
        if self.outage.is_some() {
            return now + limits::RETRY;
        }
        let mut wake = now + limits::LOOK_LONGEST;
        if !self.looking.is_empty() {
            wake = wake.min(self.look.at);
        }
        if !self.all_sent() {
            let due = self.began.zip(self.pacer.as_ref()).map_or(now, |(began, pacer)| began + pacer.due());
            wake = wake.min(due);
        }
        wake.max(now)
    }

    /// Sends what is due, looks at what is due to be looked at.
    async fn advance(&mut self, gate: &Gate) -> Result<Contact, Trouble> {
        let mut contact = Contact::NotNeeded;
        let due = self.due();
        if !due.is_empty() {
            self.send(due, gate).await?;
            contact = Contact::Had;
        }
        if !self.looking.is_empty() && Instant::now() >= self.look.at {
            self.look_at_queues().await?;
            contact = Contact::Had;
        }
        if self.looking.is_empty() && self.all_sent() && !self.late.is_empty() {
            self.look_once_more().await;
        }
        Ok(contact)
    }

    /// Messages that are due now: those that have to be sent again first.
    fn due(&mut self) -> Vec<usize> {
        let waiting = self.again.len() + self.plan.allowed.saturating_sub(self.next);
        let bound = waiting.min(limits::BATCH);
        let count = match (&mut self.pacer, self.began) {
            // One message tries whether the server is there again, however slow the pace is.
            _ if self.outage.is_some() => bound.min(1),
            (Some(pacer), Some(began)) => pacer.take(began.elapsed(), bound, || rand::random_range(-1.0..=1.0)),
            _ => bound,
        };
        let again = count.min(self.again.len());
        let mut due: Vec<usize> = self.again.drain(..again).collect();
        due.extend(self.next..self.next + (count - again));
        due
    }

    async fn send(&mut self, due: Vec<usize>, gate: &Gate) -> Result<(), Trouble> {
        let fresh: usize =
            due.iter().filter(|index| **index >= self.next).filter_map(|index| self.plan.messages.get(*index)).map(Message::count).sum();
        // Another broadcast of this run may have used the budget meanwhile.
        if gate.left(Counter::ConnectionsDropped).is_some_and(|left| u64::try_from(fresh).unwrap_or(u64::MAX) > left) {
            self.again.extend(due.iter().filter(|index| **index < self.next));
            return Err(Trouble::Final(too_much(format!("the budget `{}` of this command is used up", Counter::ConnectionsDropped.key()))));
        }
        gate.spend(Counter::ConnectionsDropped, u64::try_from(fresh).unwrap_or(u64::MAX))
            .map_err(|refusal| Trouble::Final(refusal.into()))?;
        let mut batches = self.ring.batches();
        let mut on_way: Vec<Vec<(usize, Vec<u8>)>> = batches.iter().map(|_| Vec::new()).collect();
        let now = format!("{:.6}", listing::now());
        let seconds = keys::QUEUE_SECONDS.to_string();
        for index in due {
            self.next = self.next.max(index + 1);
            let Some(message) = self.plan.messages.get_mut(index) else { continue };
            message.state = State::Sent;
            let message = message.clone();
            let names: Vec<&str> = self.plan.members_of(&message).iter().map(|member| &*member.name).collect();
            let (Some(batch), Some(first)) = (batches.get_mut(message.shard), names.first()) else { continue };
            let bytes = match message.layer {
                Layer::Core => {
                    let key = keys::core_queue(&self.prefix, keys::queue_of(first));
                    let bytes = message::core(self.kind, rand::random(), &names);
                    batch.add(&[b"ZADD", key.as_bytes(), now.as_bytes(), &bytes]);
                    batch.add(&[b"EXPIRE", key.as_bytes(), seconds.as_bytes()]);
                    bytes
                }
                Layer::Pubsub => {
                    batch.add(&[b"PUBLISH", first.as_bytes(), &message::pubsub(self.kind)]);
                    Vec::new()
                }
            };
            if let Some(on_way) = on_way.get_mut(message.shard) {
                on_way.push((index, bytes));
            }
        }
        self.again.extend(on_way.iter().flatten().map(|(index, _)| *index));
        // Whoever ends the run here leaves all of them to be sent again.
        let answers = self.ring.ask(batches).await;
        let mut trouble = None;
        for (shard, (answers, on_way)) in answers.into_iter().zip(on_way).enumerate() {
            match answers {
                Ok(answers) => self.sent(answers, on_way, &mut trouble),
                Err(failure) => {
                    self.lose(shard);
                    trouble = Some(failure);
                }
            }
        }
        trouble.map_or(Ok(()), |failure| Err(failure.into()))
    }

    /// Takes note of what a server answered.
    fn sent(&mut self, answers: Vec<Answer>, on_way: Vec<(usize, Vec<u8>)>, trouble: &mut Option<Failure>) {
        let mut answers = answers.into_iter();
        let since = Instant::now();
        let mut answered = Vec::with_capacity(on_way.len());
        for (index, bytes) in on_way {
            let Some(message) = self.plan.messages.get_mut(index) else { continue };
            let first = answers.next().unwrap_or(Answer::Nothing);
            let second = if message.layer == Layer::Core { answers.next() } else { None };
            if let Some(failure) = [Some(&first), second.as_ref()].into_iter().flatten().find_map(Answer::failure) {
                message.state = State::Planned;
                *trouble = Some(failure);
                continue;
            }
            answered.push(index);
            match (message.layer, &first) {
                // Something else than a queue stands there.
                (_, Answer::Failed(_)) => message.state = State::Dead,
                (Layer::Pubsub, answer) => message.state = if answer.number().unwrap_or(0) > 0 { State::Taken } else { State::Dead },
                (Layer::Core, _) => {
                    message.state = State::Queued;
                    self.looking.push_back(Looking { message: index, since, bytes });
                }
            }
            let message = message.clone();
            self.book.arrived(&self.plan, &self.labels, &message);
        }
        let answered: HashSet<usize> = answered.into_iter().collect();
        self.again.retain(|index| !answered.contains(index));
        self.look.soon();
        self.book.settle(&self.plan, &self.labels, self.next, &self.again);
    }

    /// A server was lost: nobody knows what became of what it had and no worker was seen to take.
    fn lose(&mut self, shard: usize) {
        let messages = &mut self.plan.messages;
        let again = &mut self.again;
        self.looking.retain(|looking| {
            let Some(message) = messages.get_mut(looking.message) else { return false };
            if message.shard == shard {
                message.state = State::Sent;
                again.push_back(looking.message);
            }
            message.shard != shard
        });
    }

    async fn look_at_queues(&mut self) -> Result<(), Trouble> {
        let count = self.looking.len().min(limits::BATCH);
        let looked: Vec<Looking> = self.looking.drain(..count).collect();
        let found = self.scores(&looked).await;
        for (looking, found) in looked.into_iter().zip(found.0) {
            let Some(message) = self.plan.messages.get_mut(looking.message) else { continue };
            match found {
                Some(true) if looking.since.elapsed() < limits::TAKEN_WITHIN => self.looking.push_back(looking),
                Some(true) => {
                    message.state = State::Dead;
                    self.late.push(looking);
                }
                Some(false) => message.state = State::Taken,
                None => self.looking.push_back(looking),
            }
        }
        self.look.later();
        self.lost(found.1)
    }

    /// A worker that was only busy took it in the end.
    async fn look_once_more(&mut self) {
        let mut late = std::mem::take(&mut self.late);
        late.retain(|looking| looking.since.elapsed() < limits::QUEUE_CERTAIN);
        let later = late.split_off(late.len().min(limits::BATCH));
        let found = self.scores(&late).await;
        self.late = later;
        for (looking, found) in late.into_iter().zip(found.0) {
            if let (Some(message), Some(false)) = (self.plan.messages.get_mut(looking.message), found) {
                message.state = State::Taken;
            }
        }
        // Those of a server that was lost now stay dead: they were, when it was last seen.
    }

    /// Whether each message is still in its queue, where that is known, and which servers were lost.
    async fn scores(&mut self, looked: &[Looking]) -> (Vec<Option<bool>>, Vec<(usize, Failure)>) {
        let mut batches = self.ring.batches();
        let mut asked: Vec<Vec<usize>> = batches.iter().map(|_| Vec::new()).collect();
        for (place, looking) in looked.iter().enumerate() {
            let Some(message) = self.plan.messages.get(looking.message) else { continue };
            let Some(first) = self.plan.members_of(message).first() else { continue };
            let key = keys::core_queue(&self.prefix, keys::queue_of(&first.name));
            if let (Some(batch), Some(asked)) = (batches.get_mut(message.shard), asked.get_mut(message.shard)) {
                batch.add(&[b"ZSCORE", key.as_bytes(), &looking.bytes]);
                asked.push(place);
            }
        }
        let mut found = vec![None; looked.len()];
        let mut lost = Vec::new();
        for (shard, (answers, asked)) in self.ring.ask(batches).await.into_iter().zip(asked).enumerate() {
            match answers {
                Ok(answers) => {
                    for (answer, place) in answers.into_iter().zip(asked) {
                        if let (Some(found), None) = (found.get_mut(place), answer.failure()) {
                            *found = Some(matches!(answer, Answer::Text(_) | Answer::Number(_)));
                        }
                    }
                }
                Err(failure) => lost.push((shard, failure)),
            }
        }
        (found, lost)
    }

    fn lost(&mut self, lost: Vec<(usize, Failure)>) -> Result<(), Trouble> {
        let mut trouble = Ok(());
        for (shard, failure) in lost {
            self.lose(shard);
            trouble = Err(failure.into());
        }
        trouble
    }
}

impl Drop for Sending {
    /// However the run ends, what it reached is known to the one that resumes it.
    fn drop(&mut self) {
        self.book.write_down();
    }
}

/// Whether a server was asked for anything.
enum Contact {
    Had,
    NotNeeded,
}

/// Why a step did not go on.
enum Trouble {
    /// It is tried again.
    Lost(String),
    Final(Error),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Lost(text) => Self::Lost(text),
            lasting @ (Failure::Refused(_) | Failure::Rejected(_) | Failure::Unusable(_)) => Self::Final(lasting.into()),
        }
    }
}
