//! The end of a gateway: SIGTERM or SIGINT lets everybody go in peace, a second one ends at once.
//!
//! New websockets are refused with 503 from the first moment. `/healthz` says `draining` with 503 until the end:
//! at `--admin-listen` when there is one, and then the public doors close at once; otherwise at the public
//! doors, which stay open for it. Clients are closed one by one, spread over `--drain` in random order, so that
//! those that come back do not all come at once.

use std::sync::Arc;
use std::time::Duration;

use rand::seq::SliceRandom;
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};
use tokio::time::Instant;

use super::registry::Signal;
use super::{Gateway, limits};
use crate::outcome::{Ending, Failure, Result};

/// Between two looks at whose turn it is.
const STEP: Duration = Duration::from_millis(20);

/// The two signals that end us.
pub(super) struct Ends {
    interrupt: Stream,
    terminate: Stream,
}

impl Ends {
    pub(super) fn new() -> Result<Self> {
        let failed = |error: std::io::Error| Failure::failed(format!("failed to wait for signals: {error}"));
        Ok(Self {
            interrupt: signal(SignalKind::interrupt()).map_err(failed)?,
            terminate: signal(SignalKind::terminate()).map_err(failed)?,
        })
    }

    /// Which one came.
    pub(super) async fn next(&mut self) -> Ending {
        tokio::select! {
            _ = self.interrupt.recv() => Ending::Interrupted,
            _ = self.terminate.recv() => Ending::Terminated,
        }
    }
}

/// Closes everybody, evenly over `over`, and waits until they are gone.
pub(super) async fn everybody(gateway: &Arc<Gateway>, over: Duration) {
    let mut handles = gateway.registry.everybody();
    handles.shuffle(&mut rand::rng());
    let (started, count) = (Instant::now(), handles.len());
    for (number, handle) in handles.iter().enumerate() {
        while due(number, count, over) > started.elapsed() {
            tokio::time::sleep(STEP).await;
        }
        handle.signal(Signal::Drain);
    }
    drop(handles);
    // Whoever joined in between had been accepted before; it goes with the last.
    gateway.registry.everybody().iter().for_each(|handle| handle.signal(Signal::Drain));
    let end = Instant::now() + limits::CLOSING;
    while gateway.registry.count() > 0 && Instant::now() < end {
        tokio::time::sleep(STEP).await;
    }
}

/// When the connection of this number has its turn.
fn due(number: usize, count: usize, over: Duration) -> Duration {
    over.mul_f64(number as f64 / count.max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_spread_evenly_and_end_in_time() {
        let over = Duration::from_secs(10);
        assert_eq!(
            (due(0, 4, over), due(1, 4, over), due(3, 4, over)),
            (Duration::ZERO, Duration::from_millis(2500), Duration::from_millis(7500))
        );
        assert_eq!(due(0, 0, over), Duration::ZERO);
    }
}
