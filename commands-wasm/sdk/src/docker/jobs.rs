//! Many jobs at once, each under a key, with results as they come.

use std::time::{Duration, Instant};

use crate::docker::{Event, Job, wait_any};
use crate::error::Result;

/// Jobs under way. The host bears 64 of a run's; whoever starts them looks at [`Jobs::len`] first.
#[derive(Debug)]
pub struct Jobs<K> {
    running: Vec<(K, Job)>,
}

/// A job that is over, and how.
#[derive(Debug)]
pub struct Over<K> {
    pub key: K,
    pub outcome: Result<String>,
}

impl<K> Default for Jobs<K> {
    fn default() -> Self {
        Self { running: Vec::new() }
    }
}

impl<K> Jobs<K> {
    pub fn len(&self) -> usize {
        self.running.len()
    }

    pub fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.running.iter().map(|(key, _)| key)
    }

    pub fn add(&mut self, key: K, job: Job) {
        self.running.push((key, job));
    }

    /// Drops those of which it says so: a build or a pull of them is cancelled.
    pub fn drop_if(&mut self, mut is_to_go: impl FnMut(&K) -> bool) {
        self.running.retain(|(key, _)| !is_to_go(key));
    }

    /// Waits until at least one is over, at most so long, and answers those that are; `said` hears what they say
    /// meanwhile. Empty when the time is over, or nothing is under way.
    pub fn next(&mut self, at_most: Duration, mut said: impl FnMut(&K, &Event)) -> Result<Vec<Over<K>>> {
        let deadline = Instant::now().checked_add(at_most);
        loop {
            let over = self.collect(&mut said);
            let left = deadline.map_or(Duration::from_secs(60), |deadline| deadline.saturating_duration_since(Instant::now()));
            if !over.is_empty() || self.running.is_empty() || left.is_zero() {
                return Ok(over);
            }
            let jobs: Vec<&Job> = self.running.iter().map(|(_, job)| job).collect();
            wait_any(&jobs, left)?;
        }
    }

    fn collect(&mut self, said: &mut impl FnMut(&K, &Event)) -> Vec<Over<K>> {
        let mut over = Vec::new();
        for (key, job) in std::mem::take(&mut self.running) {
            let outcome = job.outcome();
            job.events().iter().for_each(|event| said(&key, event));
            match outcome {
                Some(outcome) => over.push(Over { key, outcome }),
                None => self.running.push((key, job)),
            }
        }
        over
    }
}
