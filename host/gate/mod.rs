//! The one door that every host call passes: permission, budget, effect, journal, time.
//!
//! A capability decides with its own pure policy whether an operation is permitted; the gate enforces
//! the answer, counts budgets, bounds the work in time, ends it when the run is cancelled, and writes
//! the journal. Nothing a guest can reach does its work outside of [`Gate::pass`] or [`Gate::note`].

pub mod budget;
pub mod journal;
mod operation;
pub mod redact;
mod signals;

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::watch;

pub use self::budget::{Budgets, Counter};
use self::journal::Journal;
pub use self::operation::{Decision, Effect, Operation};
pub use self::signals::Signals;
use self::signals::Switch;
use crate::outcome::Ending;

/// Why the gate did not let an operation through, or did not let it finish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Not granted. The text names the command, the thing and the line that would allow it.
    Denied(String),
    /// A budget or limit is used up; the run's changes are to be rolled back.
    LimitExceeded(String),
    /// The command's time is over.
    Timeout(String),
    /// The person interrupted the run.
    Cancelled(String),
    /// A dry run: recorded, not done.
    DryRun(String),
}

/// How a capability's own error says what the gate refused. Each WIT package has an error type of its own; all of them
/// have these cases.
macro_rules! says_refusals {
    ($error:ty) => {
        impl From<$crate::gate::Refusal> for $error {
            fn from(refusal: $crate::gate::Refusal) -> Self {
                use $crate::gate::Refusal;
                match refusal {
                    Refusal::Denied(text) => Self::AccessDenied(text),
                    Refusal::LimitExceeded(text) => Self::LimitExceeded(text),
                    Refusal::Timeout(text) => Self::Timeout(text),
                    Refusal::Cancelled(text) => Self::Cancelled(text),
                    Refusal::DryRun(text) => Self::Other(text),
                }
            }
        }
    };
}
pub(crate) use says_refusals;

/// How far the run may still go; the other end is held by the runner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    Granted,
    TimedOut,
    /// SIGINT.
    Interrupted,
    /// SIGTERM.
    Terminated,
}

impl Leave {
    /// How the run ends, once it may go no further.
    pub fn ending(self) -> Option<Ending> {
        match self {
            Self::Granted => None,
            Self::TimedOut => Some(Ending::Timeout),
            Self::Interrupted => Some(Ending::Interrupted),
            Self::Terminated => Some(Ending::Terminated),
        }
    }
}

/// Shared by all capabilities of one run; cheap to clone.
#[derive(Clone)]
pub struct Gate {
    shared: Arc<Shared>,
}

struct Shared {
    command: String,
    dry_run: bool,
    budgets: Mutex<Budgets>,
    journal: Mutex<Journal>,
    leave: watch::Receiver<Leave>,
    signals: Switch,
}

impl Gate {
    pub fn new(command: String, budgets: Budgets, journal: Journal, leave: watch::Receiver<Leave>, dry_run: bool) -> Self {
        let shared =
            Shared { command, dry_run, budgets: Mutex::new(budgets), journal: Mutex::new(journal), leave, signals: Switch::default() };
        Self { shared: Arc::new(shared) }
    }

    pub fn command(&self) -> &str {
        &self.shared.command
    }

    /// Lets `work` happen if `decision` permits it, and records what became of it.
    ///
    /// `work` is not polled when it is refused, and dropped when the run ends under it.
    pub async fn pass<T, E>(&self, operation: Operation, decision: Decision, work: impl Future<Output = Result<T, E>>) -> Result<T, E>
    where
        E: From<Refusal> + journal::Outcome,
    {
        let started = Instant::now();
        if let Err(refusal) = self.admit(&operation, decision) {
            self.record(&operation, "refused", started.elapsed(), Some(refusal_text(&refusal)));
            return Err(refusal.into());
        }
        if operation.effect != Effect::Read {
            lock(&self.shared.journal).begin(&operation);
        }
        let result = tokio::select! {
            biased;
            refusal = self.ended() => Err(refusal.into()),
            result = work => result,
        };
        let error = result.as_ref().err().map(journal::Outcome::summary);
        self.record(&operation, "passed", started.elapsed(), error);
        result
    }

    /// The same for an operation that is done at once, without waiting for anything.
    pub fn pass_now<T, E>(&self, operation: Operation, decision: Decision, work: impl FnOnce() -> Result<T, E>) -> Result<T, E>
    where
        E: From<Refusal> + journal::Outcome,
    {
        let started = Instant::now();
        if let Err(refusal) = self.admit(&operation, decision) {
            self.record(&operation, "refused", started.elapsed(), Some(refusal_text(&refusal)));
            return Err(refusal.into());
        }
        let result = work();
        let error = result.as_ref().err().map(journal::Outcome::summary);
        self.record(&operation, "passed", started.elapsed(), error);
        result
    }

    /// Counts `amount` against a budget, after the fact (rows changed). Exceeding it refuses what follows too.
    pub fn spend(&self, counter: Counter, amount: u64) -> Result<(), Refusal> {
        lock(&self.shared.budgets).spend(counter, amount).map_err(Refusal::LimitExceeded)
    }

    /// How much of a budget is left; none means no bound.
    pub fn left(&self, counter: Counter) -> Option<u64> {
        lock(&self.shared.budgets).left(counter)
    }

    /// The operator's ceiling of connections dropped a second.
    pub fn drop_rate(&self) -> Option<u64> {
        lock(&self.shared.budgets).drop_rate()
    }

    /// Answers from what the host remembers of this run's own doing. It needs no permission, and the end of the
    /// run does not stop it: a guest that was interrupted can still say how far it came.
    pub fn recall<T>(&self, operation: Operation, memory: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        let answer = memory();
        self.record(&operation, "passed", started.elapsed(), None);
        answer
    }

    /// SIGINT and SIGTERM, for as long as it is held: they do not end the run then. For a program of the person's that
    /// is in the foreground; the run's time ends it all the same.
    pub fn take_signals(&self) -> Signals {
        self.shared.signals.take()
    }

    /// Gives a signal of the process to whoever takes them; false when nobody does.
    pub fn hand_over(&self, signal: i32) -> bool {
        self.shared.signals.hand_over(signal)
    }

    /// Writes a line of the journal that is no host call: start, end.
    pub fn close(&self, exit_code: u8, ending: &str) {
        lock(&self.shared.journal).close(exit_code, ending);
    }

    fn admit(&self, operation: &Operation, decision: Decision) -> Result<(), Refusal> {
        if let Some(refusal) = self.over(self.leave()) {
            return Err(refusal);
        }
        if let Decision::Denied(text) = decision {
            return Err(Refusal::Denied(text));
        }
        lock(&self.shared.budgets).check().map_err(Refusal::LimitExceeded)?;
        if self.shared.dry_run && operation.effect != Effect::Read {
            return Err(Refusal::DryRun(format!("dry run: {} was not done", operation.action)));
        }
        Ok(())
    }

    /// Resolves when the run is over, for work that must not outlive it.
    pub async fn ended(&self) -> Refusal {
        let mut leave = self.shared.leave.clone();
        loop {
            let now = *leave.borrow_and_update();
            if let Some(refusal) = self.over(now) {
                return refusal;
            }
            if leave.changed().await.is_err() {
                // The runner is gone without saying why: nothing will end this work but itself.
                std::future::pending::<()>().await;
            }
        }
    }

    /// How far the run may still go.
    pub fn leave(&self) -> Leave {
        *self.shared.leave.borrow()
    }

    fn over(&self, leave: Leave) -> Option<Refusal> {
        match leave {
            Leave::Granted => None,
            Leave::TimedOut => Some(Refusal::Timeout(format!("the time of `{}` is over", self.command()))),
            Leave::Interrupted => Some(Refusal::Cancelled("the run was interrupted".to_owned())),
            Leave::Terminated => Some(Refusal::Cancelled("the run was terminated".to_owned())),
        }
    }

    fn record(&self, operation: &Operation, decision: &str, took: Duration, error: Option<String>) {
        lock(&self.shared.journal).operation(operation, decision, took, error.as_deref());
    }
}

fn refusal_text(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Denied(text)
        | Refusal::LimitExceeded(text)
        | Refusal::Timeout(text)
        | Refusal::Cancelled(text)
        | Refusal::DryRun(text) => text.clone(),
    }
}

/// A poisoned lock holds plain data that stays valid; a panic elsewhere must not hide the journal.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
