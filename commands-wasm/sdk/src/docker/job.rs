//! Work of the engine that goes on while the guest does something else.

use std::time::Duration;

use crate::bindings::host::docker::types;
use crate::docker::{Event, milliseconds};
use crate::error::Result;

/// One wait of the host's. What ends a run interrupts it.
const WAIT: Duration = Duration::from_secs(60);

/// Work under way. Dropping it stops waiting for it, and cancels a build and a pull.
#[derive(Debug)]
pub struct Job {
    pub(super) raw: types::Job,
}

impl Job {
    /// What happened since the last call, oldest first.
    pub fn events(&self) -> Vec<Event> {
        self.raw.events()
    }

    /// None while it works; then the id of what was made, or an empty text.
    pub fn outcome(&self) -> Option<Result<String>> {
        self.raw.outcome().map(|outcome| outcome.map_err(Into::into))
    }

    /// Until it is over.
    pub fn wait(self) -> Result<String> {
        self.wait_with(|_| {})
    }

    /// The same, with what it says meanwhile.
    pub fn wait_with(self, mut said: impl FnMut(&Event)) -> Result<String> {
        loop {
            // First the outcome: what is said before it is complete then.
            let outcome = self.outcome();
            self.events().iter().for_each(&mut said);
            if let Some(outcome) = outcome {
                return outcome;
            }
            wait_any(&[&self], WAIT)?;
        }
    }
}

impl From<types::Job> for Job {
    fn from(raw: types::Job) -> Self {
        Self { raw }
    }
}

/// Waits until one of them is over or has events; the places of those, none when the time is over.
pub fn wait_any(jobs: &[&Job], at_most: Duration) -> Result<Vec<usize>> {
    let raw: Vec<&types::Job> = jobs.iter().map(|job| &job.raw).collect();
    let places = types::wait(&raw, milliseconds(at_most))?;
    Ok(places.into_iter().filter_map(|place| usize::try_from(place).ok()).filter(|place| *place < jobs.len()).collect())
}
