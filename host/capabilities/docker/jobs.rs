//! Work of the engine that goes on while the guest does something else.
//!
//! A job is a task of its own that passes the gate once. What a guest has not asked for yet is bounded: events beyond
//! the bound are counted and left out, or waited for where each of them matters.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use wasmtime::Result as Trap;
use wasmtime::component::Resource;

use crate::gate::{Decision, Operation};

use super::error::too_much;
use super::types::{Error, Event};
use super::{DockerView, limits};

/// A guest's job; dropping it stops waiting, and cancels where that is what dropping means.
pub struct Job {
    /// For the journal.
    pub(super) target: String,
    state: Arc<State>,
    /// Dropping it ends work that was begun with [`Dropped::Cancels`].
    cancel: oneshot::Sender<()>,
    dropped: Dropped,
}

/// What happens to the work when nobody holds the job any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dropped {
    GoesOn,
    Cancels,
}

/// All jobs of a run.
#[derive(Default)]
pub(super) struct Jobs {
    live: Arc<AtomicUsize>,
    /// Something happened to some job.
    changed: Arc<Notify>,
    finishing: Finishing,
}

/// Work that is finished even when the run ends under it: what it would leave half done is worse than waiting.
#[derive(Clone, Default)]
pub(super) struct Finishing(Arc<Mutex<Vec<JoinHandle<()>>>>);

struct State {
    inner: Mutex<Inner>,
    changed: Arc<Notify>,
    /// The guest took events.
    room: Notify,
}

#[derive(Default)]
struct Inner {
    events: VecDeque<Event>,
    left_out: u64,
    outcome: Option<Result<String, Error>>,
}

/// One of a bounded number of live jobs; dropping it makes room.
struct Place(Arc<AtomicUsize>);

/// What a job says while it works.
#[derive(Clone)]
pub(super) struct Reporter(Arc<State>);

impl DockerView<'_> {
    /// Begins a job. A denial is answered at once, and nothing is begun.
    pub(super) fn begin<W>(
        &mut self,
        operation: Operation,
        decision: Decision,
        dropped: Dropped,
        work: impl FnOnce(Reporter) -> W,
    ) -> Trap<Result<Resource<Job>, Error>>
    where
        W: Future<Output = Result<String, Error>> + Send + 'static,
    {
        let gate = self.ctx.gate.clone();
        let jobs = &self.ctx.jobs;
        let place = match decision {
            Decision::Allowed => Place::take(&jobs.live),
            Decision::Denied(_) => None,
        };
        let Some(place) = place else {
            let full = || too_much(format!("{} jobs work already, as many as may at once", limits::JOBS));
            return Ok(gate.pass_now(operation, decision, || Err(full())));
        };
        let (cancel, cancelled) = oneshot::channel::<()>();
        let job = Job::new(operation.target.clone(), &jobs.changed, cancel, dropped);
        let work = work(job.reporter());
        let report = Arc::clone(&job.state);
        tokio::spawn(async move {
            let bounded = async {
                match dropped {
                    Dropped::GoesOn => work.await,
                    Dropped::Cancels => tokio::select! {
                        biased;
                        _ = cancelled => Err(Error::Cancelled("nobody waits for it any more".to_owned())),
                        outcome = work => outcome,
                    },
                }
            };
            let outcome = gate.pass(operation, Decision::Allowed, bounded).await;
            drop(place);
            report.finish(outcome);
        });
        Ok(Ok(self.table.push(job)?))
    }
}

impl Job {
    fn new(target: String, changed: &Arc<Notify>, cancel: oneshot::Sender<()>, dropped: Dropped) -> Self {
        let state = State { inner: Mutex::default(), changed: Arc::clone(changed), room: Notify::new() };
        Self { target, state: Arc::new(state), cancel, dropped }
    }

    /// Ends work that nobody waits for any more, and its place among the jobs with it.
    pub(super) async fn end(self) {
        let Self { state, cancel, dropped, .. } = self;
        drop(cancel);
        if dropped == Dropped::Cancels {
            let _ = tokio::time::timeout(limits::ENDING, over(&state)).await;
        }
    }

    fn reporter(&self) -> Reporter {
        Reporter(Arc::clone(&self.state))
    }

    /// At most [`limits::EVENTS`], oldest first; a last one counts what was left out before it.
    pub(super) fn take_events(&self) -> Vec<Event> {
        let mut inner = self.state.lock();
        let left_out = std::mem::take(&mut inner.left_out);
        let mut events: Vec<Event> = inner.events.drain(..).collect();
        drop(inner);
        if left_out > 0 {
            let text = format!("{left_out} events were left out, because they came faster than they were read");
            events.truncate(limits::EVENTS - 1);
            events.push(Event { id: String::new(), text, current: 0, total: 0 });
        }
        self.state.room.notify_waiters();
        events
    }

    pub(super) fn outcome(&self) -> Option<Result<String, Error>> {
        self.state.lock().outcome.clone()
    }

    /// Until it is over.
    pub(super) async fn over(&self) {
        over(&self.state).await;
    }

    /// Whether a guest that waits for it has something to look at.
    fn is_ready(&self) -> bool {
        let inner = self.state.lock();
        inner.outcome.is_some() || !inner.events.is_empty()
    }
}

/// Until it is over.
async fn over(state: &State) {
    loop {
        let changed = state.changed.notified();
        tokio::pin!(changed);
        // Listening begins before looking, so that nothing is missed in between.
        changed.as_mut().enable();
        if state.lock().outcome.is_some() {
            return;
        }
        changed.await;
    }
}

impl Jobs {
    pub(super) fn finishing(&self) -> Finishing {
        self.finishing.clone()
    }

    /// The places of those that are over or have events, once there are any.
    pub(super) async fn ready(&self, jobs: &[&Job]) -> Vec<u32> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Listening begins before looking, so that nothing is missed in between.
            changed.as_mut().enable();
            let ready: Vec<u32> = jobs.iter().zip(0..).filter(|(job, _)| job.is_ready()).map(|(_, index)| index).collect();
            if !ready.is_empty() {
                return ready;
            }
            changed.await;
        }
    }

    /// Waits for all that is being finished.
    pub(super) async fn settle(&self) {
        loop {
            let Some(task) = self.finishing.lock().pop() else { return };
            // A task that panicked has nothing left to finish.
            let _ = task.await;
        }
    }
}

impl Finishing {
    /// Runs `work` to its end, whatever happens to who asked for it.
    pub(super) async fn run<T: Send + 'static>(&self, work: impl Future<Output = Result<T, Error>> + Send + 'static) -> Result<T, Error> {
        let (sender, receiver) = oneshot::channel();
        let task = tokio::spawn(async move {
            let _ = sender.send(work.await);
        });
        {
            let mut tasks = self.lock();
            tasks.retain(|task| !task.is_finished());
            tasks.push(task);
        }
        receiver.await.unwrap_or_else(|_| Err(Error::Other("the work ended without an answer".to_owned())))
    }

    /// The same for work that nobody waits for.
    pub(super) fn later(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.lock().push(tokio::spawn(work));
    }

    fn lock(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reporter {
    /// Tells the guest, or counts it as left out when the guest is too far behind.
    pub(super) fn say(&self, event: Event) {
        let mut inner = self.0.lock();
        if inner.events.len() >= limits::EVENTS {
            inner.left_out += 1;
            return;
        }
        inner.events.push_back(cut(event));
        drop(inner);
        self.0.changed.notify_waiters();
    }

    /// The same for what must not be left out: waits until the guest has taken some.
    pub(super) async fn say_each(&self, event: Event) {
        loop {
            let room = self.0.room.notified();
            tokio::pin!(room);
            room.as_mut().enable();
            if self.0.lock().events.len() < limits::EVENTS {
                break;
            }
            room.await;
        }
        self.say(event);
    }
}

impl State {
    fn finish(&self, outcome: Result<String, Error>) {
        self.lock().outcome = Some(outcome);
        self.changed.notify_waiters();
    }

    /// Plain data that stays valid, whoever panicked.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    fn take(live: &Arc<AtomicUsize>) -> Option<Self> {
        let taken = live.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| (count < limits::JOBS).then_some(count + 1));
        taken.is_ok().then(|| Self(Arc::clone(live)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn cut(mut event: Event) -> Event {
    truncate(&mut event.text, limits::EVENT_BYTES);
    truncate(&mut event.id, limits::NAME_BYTES);
    event
}

/// Cuts a text at a bound of bytes, and never inside of a character.
pub(super) fn truncate(text: &mut String, bound: usize) {
    if text.len() > bound {
        text.truncate(text.floor_char_boundary(bound));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn job() -> Job {
        Job::new("web".to_owned(), &Arc::default(), oneshot::channel().0, Dropped::Cancels)
    }

    fn event(number: usize) -> Event {
        Event { id: String::new(), text: format!("event {number}"), current: 0, total: 0 }
    }

    #[test]
    fn as_many_events_as_may_wait_are_told_and_of_more_how_many_were_left_out() {
        let job = job();
        (0..limits::EVENTS).for_each(|number| job.reporter().say(event(number)));
        let events = job.take_events();
        let is_as_said = events.iter().enumerate().all(|(number, told)| told.text == format!("event {number}"));
        assert!(events.len() == limits::EVENTS && is_as_said, "{events:?}");
        (0..=limits::EVENTS).for_each(|number| job.reporter().say(event(number)));
        let events = job.take_events();
        assert_eq!(events.len(), limits::EVENTS);
        assert!(events[limits::EVENTS - 1].text.starts_with("1 events were left out"), "{:?}", events.last());
        assert!(job.take_events().is_empty());
    }

    #[tokio::test]
    async fn what_must_not_be_left_out_waits_until_the_guest_took_some() {
        let job = job();
        for number in 0..limits::EVENTS {
            job.reporter().say_each(event(number)).await;
        }
        let reporter = job.reporter();
        let mut one_more = tokio::spawn(async move { reporter.say_each(event(limits::EVENTS)).await });
        assert!(tokio::time::timeout(Duration::from_millis(50), &mut one_more).await.is_err(), "nobody waited for room");
        assert_eq!(job.take_events().len(), limits::EVENTS);
        one_more.await.unwrap();
        assert_eq!(job.take_events()[0].text, format!("event {}", limits::EVENTS));
    }

    #[test]
    fn an_events_text_and_id_are_cut_at_their_bounds() {
        for more in [0, 1] {
            let (id, text) = ("i".repeat(limits::NAME_BYTES + more), "t".repeat(limits::EVENT_BYTES + more));
            let event = cut(Event { id, text, current: 0, total: 0 });
            assert_eq!((event.id.len(), event.text.len()), (limits::NAME_BYTES, limits::EVENT_BYTES));
        }
    }
}
