//! Signals that a capability takes for the time in which a program of the person's is in the foreground: they end that
//! program, not the run.

use std::sync::{Arc, Mutex};

use tokio::sync::mpsc;

/// Where signals go while somebody takes them. More than this many waiting ones are as good as one.
const WAITING_BOUND: usize = 16;

/// Shared by the gate and whoever listens to the process' signals.
#[derive(Clone, Debug, Default)]
pub(super) struct Switch {
    taker: Arc<Mutex<Option<mpsc::Sender<i32>>>>,
}

/// Held while signals are taken; dropping it gives them back to the run.
#[derive(Debug)]
pub struct Signals {
    switch: Switch,
    signals: mpsc::Receiver<i32>,
}

impl Switch {
    /// Takes the signals; whoever held them before gets none any more.
    pub(super) fn take(&self) -> Signals {
        let (taker, signals) = mpsc::channel(WAITING_BOUND);
        *self.lock() = Some(taker);
        Signals { switch: self.clone(), signals }
    }

    /// False when nobody takes signals, so that this one is the run's.
    pub(super) fn hand_over(&self, signal: i32) -> bool {
        match &*self.lock() {
            Some(taker) => !matches!(taker.try_send(signal), Err(mpsc::error::TrySendError::Closed(_))),
            None => false,
        }
    }

    /// A poisoned lock holds a sender that stays valid.
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<mpsc::Sender<i32>>> {
        self.taker.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Signals {
    /// The next signal's number.
    pub async fn next(&mut self) -> i32 {
        match self.signals.recv().await {
            Some(signal) => signal,
            // Somebody else took them.
            None => std::future::pending().await,
        }
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.signals.close();
        let mut taker = self.switch.lock();
        if taker.as_ref().is_some_and(mpsc::Sender::is_closed) {
            *taker = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn signals_go_to_who_takes_them_and_back_to_the_run_afterwards() {
        let switch = Switch::default();
        assert!(!switch.hand_over(2));
        let mut signals = switch.take();
        assert!(switch.hand_over(2) && switch.hand_over(15));
        assert_eq!((signals.next().await, signals.next().await), (2, 15));
        drop(signals);
        assert!(!switch.hand_over(2));
    }

    #[tokio::test]
    async fn more_than_can_wait_are_swallowed() {
        let switch = Switch::default();
        let _signals = switch.take();
        assert!((0..WAITING_BOUND + 1).all(|_| switch.hand_over(2)));
    }
}
