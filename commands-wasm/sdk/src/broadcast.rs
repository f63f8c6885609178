//! The application's websocket connections, by label: powers `list`, `drop` and `reload`.
//!
//! ```no_run
//! use host_sdk::broadcast::{self, Job};
//! use std::time::Duration;
//!
//! let mut sending = broadcast::reload(&Job::of(["411b261.*"]))?;
//! while !sending.step(Duration::from_millis(250))?.done {}
//! for label in sending.results() {
//!     println!("{}: {} of {}", label.label, label.taken, label.members);
//! }
//! # Ok::<(), host_sdk::Error>(())
//! ```

use std::time::Duration;

use crate::bindings::host::broadcast::{drop, list, reload, types};
use crate::ending::Ending;
use crate::error::{Error, Failure, Result};

pub use crate::bindings::host::broadcast::list::{LabelCount, Listing};
pub use crate::bindings::host::broadcast::types::{Delivery, Error as BroadcastError, Job, Layer, Pace, Progress};

/// Granted labels that match one of these patterns of Python's fnmatch, sorted; all without a pattern. `exact` counts
/// their members too. Power `list`.
pub fn labels(patterns: &[String], exact: bool) -> Result<Listing> {
    Ok(list::labels(patterns, exact)?)
}

/// Begins to close connections; nothing is sent before the first step. Power `drop`.
pub fn drop(job: &Job) -> Result<Sending> {
    Ok(Sending { raw: drop::start(job)? })
}

/// Begins to tell browsers to load the application anew. Power `reload`.
pub fn reload(job: &Job) -> Result<Sending> {
    Ok(Sending { raw: reload::start(job)? })
}

impl Job {
    /// All connections of these labels, as fast as the servers are.
    pub fn of<P: Into<String>>(patterns: impl IntoIterator<Item = P>) -> Self {
        let pace = Pace { interval_ms: 0, rate: 0.0, over_ms: 0, jitter_percent: 0 };
        Self { patterns: patterns.into_iter().map(Into::into).collect(), pace, max: 0, resume: None }
    }
}

/// A broadcast under way. Dropping it stops it.
#[derive(Debug)]
pub struct Sending {
    raw: types::Sending,
}

impl Sending {
    /// Sends for at most so long, 10 ms to a second, and answers how far it came.
    pub fn step(&mut self, at_most: Duration) -> Result<Progress, BroadcastError> {
        self.raw.step(u32::try_from(at_most.as_millis()).unwrap_or(u32::MAX))
    }

    /// The results so far, a label each; also after an interruption.
    pub fn results(&self) -> Vec<Delivery> {
        self.raw.results()
    }

    /// What [`Job::resume`] of another run takes, once something was sent and something is left; also after an interruption.
    pub fn resume_token(&self) -> Option<String> {
        self.raw.resume_token()
    }
}

impl From<BroadcastError> for Failure {
    fn from(error: BroadcastError) -> Self {
        let (ending, text) = match error {
            BroadcastError::AccessDenied(text) => (Ending::Denied, text),
            BroadcastError::NotConfigured(text) | BroadcastError::InvalidArgument(text) => (Ending::Usage, text),
            BroadcastError::ConnectionFailed(text) | BroadcastError::ConnectionRejected(text) => (Ending::Unreachable, text),
            BroadcastError::LimitExceeded(text) => (Ending::Limit, text),
            BroadcastError::Timeout(text) => (Ending::Timeout, text),
            BroadcastError::Cancelled(text) => (Ending::Interrupted, text),
            BroadcastError::Other(text) => (Ending::Failed, text),
        };
        Self::told(ending, text)
    }
}

impl From<BroadcastError> for Error {
    fn from(error: BroadcastError) -> Self {
        Self::from(Failure::from(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_has_its_exit_code_and_its_cure_is_a_hint() {
        let text = || "what is wrong; to allow it, add this".to_owned();
        let table = [
            (BroadcastError::AccessDenied(text()), 4),
            (BroadcastError::NotConfigured(text()), 2),
            (BroadcastError::InvalidArgument(text()), 2),
            (BroadcastError::ConnectionFailed(text()), 9),
            (BroadcastError::ConnectionRejected(text()), 9),
            (BroadcastError::LimitExceeded(text()), 8),
            (BroadcastError::Timeout(text()), 124),
            (BroadcastError::Cancelled(text()), 130),
            (BroadcastError::Other(text()), 1),
        ];
        for (error, code) in table {
            let failure = Failure::from(error);
            assert_eq!((failure.ending.code(), failure.message.as_str()), (code, "what is wrong"));
            assert_eq!(failure.hints, ["to allow it, add this"]);
        }
    }
}
