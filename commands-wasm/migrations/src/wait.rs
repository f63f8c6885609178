//! `wait4db`: until the database is ready and migrated, and stays so. One deadline over everything.

use std::time::Duration;

use crate::failure::{Code, Failure, Result};
use crate::view;

/// What one probe over a fresh connection found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    Ready,
    /// Reached, and these migrations are not applied.
    Pending(Vec<String>),
    /// Not reached, or not in time; another try may help.
    Unreachable(String),
    /// Refused for good: password, role, no such database.
    Refused(String),
}

impl Health {
    /// The word in `--json`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Pending(_) => "pending",
            Self::Unreachable(_) => "unreachable",
            Self::Refused(_) => "refused",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    pub timeout: Duration,
    /// For how long every probe must succeed.
    pub stable: Duration,
    pub interval: Duration,
    /// Goes on after a refusal too.
    pub retry_refusals: bool,
}

/// One probe is over by then, whatever the server does; a slow one is tried again.
pub const PROBE_MAX: Duration = Duration::from_secs(5);

pub trait World {
    /// Since the start.
    fn elapsed(&self) -> Duration;
    fn sleep(&mut self, time: Duration);
    /// Must return within about `bound`.
    fn probe(&mut self, bound: Duration) -> Health;
    /// Called once for each change.
    fn changed(&mut self, health: &Health);
}

/// Number of probes until it was ready and stayed so.
pub fn wait(patience: Patience, world: &mut dyn World) -> Result<u32> {
    let mut last: Option<Health> = None;
    let mut stable_since = None;
    for probes in 1..=u32::MAX {
        let left = patience.timeout.saturating_sub(world.elapsed());
        if left.is_zero() {
            return Err(give_up(patience, last.as_ref()));
        }
        let health = world.probe(left.min(PROBE_MAX));
        if last.as_ref() != Some(&health) {
            world.changed(&health);
        }
        let mut pause = patience.interval;
        match &health {
            Health::Ready => {
                let now = world.elapsed();
                let stable = now.saturating_sub(*stable_since.get_or_insert(now));
                if stable >= patience.stable {
                    return Ok(probes);
                }
                // The last probe of the window is at its end.
                pause = pause.min(patience.stable.saturating_sub(stable));
            }
            Health::Refused(text) if !patience.retry_refusals => {
                return Err(Failure::new(Code::Unreachable, format!("the database refuses for good: {text}"))
                    .hint("wait for it all the same with `--retry-fatal`, where another process is about to create it"));
            }
            Health::Pending(_) | Health::Unreachable(_) | Health::Refused(_) => stable_since = None,
        }
        last = Some(health);
        world.sleep(pause.min(patience.timeout.saturating_sub(world.elapsed())));
    }
    Err(Failure::failed("too many probes"))
}

fn give_up(patience: Patience, last: Option<&Health>) -> Failure {
    let seconds = patience.timeout.as_secs_f64();
    match last {
        Some(Health::Pending(names)) => {
            Failure::new(Code::NotMet, format!("after {seconds} s the database is ready, but not migrated: {}", view::enumerate(names)))
                .hint("`host run migrate` applies them")
        }
        Some(Health::Ready) => Failure::new(
            Code::Timeout,
            format!("after {seconds} s the database is ready, but not yet for {} s", patience.stable.as_secs_f64()),
        )
        .hint("give it more time with `--timeout SECONDS`"),
        Some(Health::Unreachable(text) | Health::Refused(text)) => {
            Failure::new(Code::Timeout, format!("after {seconds} s the database is still not ready: {text}"))
                .hint("give it more time with `--timeout SECONDS`")
        }
        None => Failure::new(Code::Timeout, "there was no time for a single probe"),
    }
}

/// One line for people.
pub fn describe(health: &Health, stable: Duration) -> String {
    match health {
        Health::Ready if stable.is_zero() => "ready and migrated".to_owned(),
        Health::Ready => format!("ready and migrated; watching for {} s whether it stays so", stable.as_secs_f64()),
        Health::Pending(names) => format!("ready, but not migrated: {}", view::enumerate(names)),
        Health::Unreachable(text) => format!("not ready: {text}"),
        Health::Refused(text) => format!("refused: {text}"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Health, Patience, World, wait};
    use crate::failure::Code;

    /// Time passes only by sleeping and by slow probes.
    struct Script {
        now: Duration,
        /// From this second on, this is found.
        healths: Vec<(u64, Health)>,
        probe_takes: Duration,
        changes: Vec<Health>,
    }

    impl World for Script {
        fn elapsed(&self) -> Duration {
            self.now
        }
        fn sleep(&mut self, time: Duration) {
            self.now += time;
        }
        fn probe(&mut self, bound: Duration) -> Health {
            let health = self.healths.iter().rev().find(|(from, _)| Duration::from_secs(*from) <= self.now).unwrap().1.clone();
            self.now += self.probe_takes.min(bound);
            health
        }
        fn changed(&mut self, health: &Health) {
            self.changes.push(health.clone());
        }
    }

    fn down() -> Health {
        Health::Unreachable("no".to_owned())
    }

    fn waited(healths: Vec<(u64, Health)>, probe_takes: u64) -> (Result<u32, Code>, Script) {
        let patience = Patience {
            timeout: Duration::from_secs(30),
            stable: Duration::from_secs(5),
            interval: Duration::from_secs(1),
            retry_refusals: false,
        };
        let mut script = Script { now: Duration::ZERO, healths, probe_takes: Duration::from_secs(probe_takes), changes: vec![] };
        let result = wait(patience, &mut script).map_err(|failure| failure.code);
        (result, script)
    }

    #[test]
    fn a_late_server_is_waited_for_and_watched_for_the_whole_window() {
        let (result, script) = waited(vec![(0, down()), (10, Health::Ready)], 0);
        assert!(result.is_ok());
        assert_eq!((script.now.as_secs(), script.changes), (15, vec![down(), Health::Ready]));
    }

    #[test]
    fn a_restart_within_the_window_begins_the_window_again() {
        let (result, script) = waited(vec![(0, Health::Ready), (3, down()), (5, Health::Ready)], 0);
        assert!(result.is_ok());
        assert_eq!((script.now.as_secs(), script.changes.len()), (10, 3));
    }

    #[test]
    fn a_server_that_never_answers_ends_at_the_deadline() {
        let (result, script) = waited(vec![(0, down())], 60);
        assert_eq!((result, script.now.as_secs()), (Err(Code::Timeout), 30));
    }

    #[test]
    fn pending_migrations_are_not_ready_and_end_in_three() {
        let (result, script) = waited(vec![(0, Health::Pending(vec!["`a.1`".to_owned()]))], 0);
        assert_eq!((result, script.now.as_secs(), script.changes.len()), (Err(Code::NotMet), 30, 1));
    }

    #[test]
    fn a_refusal_fails_at_once_unless_it_is_to_be_retried() {
        let refused = || vec![(0, Health::Refused("password".to_owned())), (4, Health::Ready)];
        let (result, script) = waited(refused(), 0);
        assert_eq!((result, script.now), (Err(Code::Unreachable), Duration::ZERO));
        let patience =
            Patience { timeout: Duration::from_secs(30), stable: Duration::ZERO, interval: Duration::from_secs(1), retry_refusals: true };
        let mut script = Script { now: Duration::ZERO, healths: refused(), probe_takes: Duration::ZERO, changes: vec![] };
        assert_eq!(wait(patience, &mut script), Ok(5));
    }

    #[test]
    fn a_database_that_is_ready_too_late_for_its_window_is_a_timeout() {
        let (result, script) = waited(vec![(0, down()), (28, Health::Ready)], 0);
        assert_eq!((result, script.now.as_secs()), (Err(Code::Timeout), 30));
    }
}
