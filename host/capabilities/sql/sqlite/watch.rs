//! What may stop a statement while SQLite works on it: a cancel, or a deadline.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::capabilities::sql::client::{Cancel, Result};
use crate::capabilities::sql::limits::SQLITE_LOCK_WAIT;
use crate::capabilities::sql::types::Error;

/// Between two tries for a lock that somebody else holds.
const POLL: Duration = Duration::from_millis(5);

thread_local! {
    /// SQLite's busy callback is a plain function, and each connection has a thread of its own.
    static HERE: RefCell<Watch> = RefCell::default();
}

/// SQLite's busy callback: true when it shall try once more.
pub(super) fn wait_for_lock(_tries: i32) -> bool {
    let may_wait = HERE.with_borrow(Watch::may_wait_for_lock);
    if may_wait {
        std::thread::sleep(POLL);
    }
    may_wait
}

/// Shared between the connection's thread and SQLite's progress callback.
#[derive(Clone, Default)]
pub(super) struct Watch(Arc<Mutex<Option<Current>>>);

struct Current {
    cancel: Arc<Cancel>,
    started: Instant,
    timeout: Option<Duration>,
}

impl Watch {
    pub(super) fn start(&self, cancel: Arc<Cancel>, timeout: Option<Duration>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Current { cancel, started: Instant::now(), timeout });
    }

    /// The host's own work that must not be stopped: a rollback.
    pub(super) fn ignore(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Makes this the watch of the connection that lives on this thread.
    pub(super) fn install(&self) {
        HERE.set(self.clone());
    }

    /// Why the work is to stop, if it is.
    pub(super) fn reason(&self) -> Option<Error> {
        let current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let current = current.as_ref()?;
        if current.cancel.is_cancelled() {
            return Some(Error::Cancelled("the statement was cancelled".to_owned()));
        }
        let overdue = current.timeout.is_some_and(|timeout| current.started.elapsed() >= timeout);
        overdue.then(|| Error::Timeout("the statement took longer than its statement timeout".to_owned()))
    }

    pub(super) fn check(&self) -> Result<()> {
        self.reason().map_or(Ok(()), Err)
    }

    /// Whether waiting for somebody else's lock may go on.
    fn may_wait_for_lock(&self) -> bool {
        let current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let elapsed_in_time = |current: &Current| current.started.elapsed() < current.timeout.unwrap_or(SQLITE_LOCK_WAIT);
        current.as_ref().is_some_and(|current| !current.cancel.is_cancelled() && elapsed_in_time(current))
    }
}
