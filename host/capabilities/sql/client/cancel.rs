//! Calling off work that somebody else does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// The state of one piece of work, seen from both sides.
pub(in super::super) struct Cancel {
    cancelled: AtomicBool,
    done: AtomicBool,
    notify: Notify,
}

impl Cancel {
    pub(in super::super) fn new() -> Arc<Self> {
        Arc::new(Self { cancelled: AtomicBool::new(false), done: AtomicBool::new(false), notify: Notify::new() })
    }

    pub(in super::super) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
        self.notify.notify_waiters();
    }

    pub(in super::super) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    /// The owner of the connection is through with it, or its answer is complete.
    pub(in super::super) fn finish(&self) {
        self.done.store(true, Ordering::Release);
        self.notify.notify_waiters();
    }

    /// Resolves when the work is finished or called off.
    pub(in super::super) async fn over(&self) {
        loop {
            let mut notified = std::pin::pin!(self.notify.notified());
            notified.as_mut().enable();
            if !self.is_running() {
                return;
            }
            notified.await;
        }
    }

    /// Neither finished nor called off.
    pub(in super::super) fn is_running(&self) -> bool {
        !self.done.load(Ordering::Acquire) && !self.is_cancelled()
    }

    /// Resolves when the work is called off.
    pub(in super::super) async fn cancelled(&self) {
        loop {
            let mut notified = std::pin::pin!(self.notify.notified());
            notified.as_mut().enable();
            if self.is_cancelled() {
                return;
            }
            notified.await;
        }
    }
}

/// Cancels when it is dropped without [`CancelGuard::disarm`]; cancelling finished work does nothing.
pub(in super::super) struct CancelGuard {
    cancel: Option<Arc<Cancel>>,
    shared: Arc<Cancel>,
}

impl CancelGuard {
    pub(in super::super) fn new(cancel: Arc<Cancel>) -> Self {
        Self { cancel: Some(Arc::clone(&cancel)), shared: cancel }
    }

    pub(in super::super) fn cancel(&self) -> Arc<Cancel> {
        Arc::clone(&self.shared)
    }

    /// The answer is complete: there is nothing left to cancel.
    pub(in super::super) fn disarm(mut self) {
        self.cancel = None;
        self.shared.finish();
    }
}

impl Drop for CancelGuard {
    fn drop(&mut self) {
        if let Some(cancel) = self.cancel.take() {
            cancel.cancel();
        }
    }
}
