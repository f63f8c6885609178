//! Who is connected: one small handle for each connection, by which others reach it.
//!
//! Nothing is ever sent to a connection: others set a flag in its handle and wake it, so that reaching twenty
//! thousand takes no memory and cannot queue up. Joins and leaves are noted for [`super::presence`], which
//! writes them to Redis in batches; while Redis is away nothing is noted, because afterwards everything is
//! compared anew.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use futures_util::task::AtomicWaker;
use tokio::sync::Notify;

/// Labels at once: more are a mistake in whatever names them, and each costs keys in Redis.
pub(super) const LABELS: usize = 1_000;
/// Notes kept for Redis; beyond, comparing anew is cheaper.
const NOTES: usize = 100_000;

/// What a connection can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Signal {
    /// Send the frame that makes the page load anew.
    Reload = 1,
    /// Close as a broadcast demands.
    Drop = 2,
    /// Close because the gateway ends.
    Drain = 4,
    /// Ask whether the client is still there.
    Ping = 8,
    /// Let go without another word.
    Cut = 16,
}

/// One connection, as others see it. Times are ticks of [`super::clock`]; 0 means never.
#[derive(Debug)]
pub(super) struct Handle {
    pub(super) id: u64,
    pub(super) label: Arc<str>,
    /// When it joined, in milliseconds since 1970.
    pub(super) since: u64,
    signals: AtomicU8,
    pub(super) waker: AtomicWaker,
    /// The client last sent something.
    pub(super) heard: AtomicU32,
    /// The client was asked and did not answer yet.
    pub(super) asked: AtomicU32,
    /// The client takes nothing since.
    pub(super) client_stalled: AtomicU32,
    /// The application takes nothing since.
    pub(super) upstream_stalled: AtomicU32,
    /// Closing since.
    pub(super) closing: AtomicU32,
}

impl Handle {
    pub(super) fn signal(&self, signal: Signal) {
        self.signals.fetch_or(signal as u8, Ordering::AcqRel);
        self.waker.wake();
    }

    /// Takes all signals that came since, as bits.
    pub(super) fn take_signals(&self) -> u8 {
        self.signals.swap(0, Ordering::AcqRel)
    }
}

/// A join or a leave.
#[derive(Clone, Debug)]
pub(super) struct Note {
    pub(super) joined: bool,
    pub(super) handle: Arc<Handle>,
}

#[derive(Default)]
struct Inner {
    connections: HashMap<u64, Arc<Handle>>,
    labels: BTreeMap<Arc<str>, u64>,
    /// None while nobody writes to Redis.
    notes: Option<Vec<Note>>,
}

#[derive(Default)]
pub(super) struct Registry {
    inner: Mutex<Inner>,
    /// Something was noted.
    pub(super) noted: Notify,
}

impl Registry {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new connection. A label beyond [`LABELS`] becomes `fallback`. It leaves when the answer is dropped.
    pub(super) fn join(self: &Arc<Self>, label: &str, fallback: &str, now: u32) -> Membership {
        let mut inner = self.lock();
        let known = |text: &str| inner.labels.get_key_value(text).map(|(label, _)| Arc::clone(label));
        let label = known(label)
            .or_else(|| (inner.labels.len() < LABELS).then(|| Arc::from(label)))
            .or_else(|| known(fallback))
            .unwrap_or_else(|| Arc::from(fallback));
        let id = std::iter::repeat_with(rand::random::<u64>).find(|id| !inner.connections.contains_key(id)).unwrap_or_default();
        let handle = Arc::new(Handle {
            id,
            label: Arc::clone(&label),
            since: milliseconds(),
            signals: AtomicU8::new(0),
            waker: AtomicWaker::new(),
            heard: AtomicU32::new(now),
            asked: AtomicU32::new(0),
            client_stalled: AtomicU32::new(0),
            upstream_stalled: AtomicU32::new(0),
            closing: AtomicU32::new(0),
        });
        inner.connections.insert(id, Arc::clone(&handle));
        *inner.labels.entry(label).or_default() += 1;
        note(&mut inner, true, &handle);
        drop(inner);
        self.noted.notify_one();
        Membership { registry: Arc::clone(self), handle }
    }

    fn leave(&self, handle: &Arc<Handle>) {
        let mut inner = self.lock();
        if inner.connections.remove(&handle.id).is_none() {
            return;
        }
        // A burst is over: what twenty thousand needed is given back.
        if inner.connections.capacity() > 4 * inner.connections.len() + 1024 {
            inner.connections.shrink_to_fit();
        }
        if let Some(count) = inner.labels.get_mut(&handle.label) {
            *count -= 1;
            if *count == 0 {
                inner.labels.remove(&handle.label);
            }
        }
        note(&mut inner, false, handle);
        drop(inner);
        self.noted.notify_one();
    }

    pub(super) fn count(&self) -> usize {
        self.lock().connections.len()
    }

    /// Connections by label.
    pub(super) fn labels(&self) -> BTreeMap<Arc<str>, u64> {
        self.lock().labels.clone()
    }

    /// Everybody, in no order.
    pub(super) fn everybody(&self) -> Vec<Arc<Handle>> {
        self.lock().connections.values().cloned().collect()
    }

    /// Tells these connections; answers how many there were.
    pub(super) fn signal(&self, ids: impl IntoIterator<Item = u64>, signal: Signal) -> u64 {
        let found: Vec<_> = {
            let inner = self.lock();
            ids.into_iter().filter_map(|id| inner.connections.get(&id).cloned()).collect()
        };
        tell(&found, signal)
    }

    /// Tells all connections of one label.
    pub(super) fn signal_label(&self, label: &str, signal: Signal) -> u64 {
        let found: Vec<_> = self.lock().connections.values().filter(|handle| &*handle.label == label).cloned().collect();
        tell(&found, signal)
    }

    /// Begins to take notes and answers who is connected at this moment.
    pub(super) fn begin_notes(&self) -> Vec<Arc<Handle>> {
        let mut inner = self.lock();
        inner.notes = Some(Vec::new());
        inner.connections.values().cloned().collect()
    }

    /// The notes since the last time; none when there were too many, or nobody took them.
    pub(super) fn take_notes(&self) -> Option<Vec<Note>> {
        self.lock().notes.as_mut().map(std::mem::take)
    }

    pub(super) fn end_notes(&self) {
        self.lock().notes = None;
    }
}

fn tell(handles: &[Arc<Handle>], signal: Signal) -> u64 {
    handles.iter().for_each(|handle| handle.signal(signal));
    handles.len() as u64
}

fn note(inner: &mut Inner, joined: bool, handle: &Arc<Handle>) {
    if inner.notes.as_ref().is_some_and(|notes| notes.len() >= NOTES) {
        inner.notes = None;
    }
    if let Some(notes) = &mut inner.notes {
        notes.push(Note { joined, handle: Arc::clone(handle) });
    }
}

/// Since 1970.
pub(super) fn milliseconds() -> u64 {
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(0)
}

/// Leaves the registry when dropped, however a connection ends.
pub(super) struct Membership {
    registry: Arc<Registry>,
    pub(super) handle: Arc<Handle>,
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.registry.leave(&self.handle);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_joins_is_counted_until_dropped() {
        let registry = Arc::new(Registry::default());
        let one = registry.join("a.b", "d", 1);
        let other = registry.join("a.b", "d", 1);
        assert_eq!((registry.count(), registry.labels().get("a.b").copied()), (2, Some(2)));
        drop(one);
        assert_eq!(registry.labels().get("a.b").copied(), Some(1));
        drop(other);
        assert!(registry.labels().is_empty() && registry.everybody().is_empty());
    }

    #[test]
    fn signals_reach_whom_they_name_once() {
        let registry = Arc::new(Registry::default());
        let (one, other) = (registry.join("a", "d", 1), registry.join("b", "d", 1));
        assert_eq!(registry.signal([one.handle.id, 1, 2], Signal::Reload), 1);
        assert_eq!(registry.signal_label("b", Signal::Drop), 1);
        assert_eq!((one.handle.take_signals(), one.handle.take_signals()), (1, 0));
        assert_eq!(other.handle.take_signals(), 2);
    }

    #[test]
    fn labels_may_reach_their_bound_and_more_share_the_fallback() {
        let registry = Arc::new(Registry::default());
        let members: Vec<_> = (0..LABELS).map(|number| registry.join(&number.to_string(), "d", 1)).collect();
        let more = registry.join("one-more", "d", 1);
        let known = registry.join("7", "d", 1);
        assert_eq!((&*more.handle.label, &*known.handle.label, &*members[7].handle.label), ("d", "7", "7"));
    }

    #[test]
    fn notes_are_taken_only_while_somebody_reads_them_and_are_bounded() {
        let registry = Arc::new(Registry::default());
        let early = registry.join("a", "d", 1);
        assert!(registry.take_notes().is_none());
        assert_eq!(registry.begin_notes().len(), 1);
        drop(early);
        let notes = registry.take_notes().unwrap();
        assert_eq!(notes.iter().map(|note| note.joined).collect::<Vec<_>>(), [false]);
        for _ in 0..NOTES / 2 {
            drop(registry.join("a", "d", 1));
        }
        assert_eq!(registry.take_notes().unwrap().len(), NOTES);
        for _ in 0..=NOTES / 2 {
            drop(registry.join("a", "d", 1));
        }
        assert!(registry.take_notes().is_none());
    }
}
