//! How a run ends: exit code, message, hints. The one place that maps endings to exit codes.

use std::fmt;

/// Exit codes of `host` itself. A command's own exit code passes through unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Ending {
    Ok = 0,
    /// The command, or the verb, failed.
    Failed = 1,
    /// Wrong arguments, unknown command, configuration that cannot be read.
    Usage = 2,
    /// A check is not met: pending migrations, drift.
    NotMet = 3,
    /// A power was not granted.
    Denied = 4,
    /// A confirmation is needed or was declined.
    Unconfirmed = 5,
    /// Somebody else holds a lock.
    Locked = 6,
    /// A digest, a signature or the lock file does not match.
    Integrity = 7,
    /// The guest trapped or ran out of a limit.
    Trapped = 8,
    /// A service cannot be reached.
    Unreachable = 9,
    Timeout = 124,
    Interrupted = 130,
    Terminated = 143,
}

impl Ending {
    pub fn code(self) -> u8 {
        self as u8
    }

    /// What a guest's exit code means by this table; any other code is the command's own failure.
    pub fn of_code(code: u8) -> Self {
        match code {
            0 => Self::Ok,
            2 => Self::Usage,
            3 => Self::NotMet,
            4 => Self::Denied,
            5 => Self::Unconfirmed,
            6 => Self::Locked,
            7 => Self::Integrity,
            8 => Self::Trapped,
            9 => Self::Unreachable,
            124 => Self::Timeout,
            130 => Self::Interrupted,
            143 => Self::Terminated,
            _ => Self::Failed,
        }
    }

    /// Word for `--json` and the journal.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Usage => "usage",
            Self::NotMet => "not-met",
            Self::Denied => "denied",
            Self::Unconfirmed => "unconfirmed",
            Self::Locked => "locked",
            Self::Integrity => "integrity",
            Self::Trapped => "trapped",
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::Interrupted => "interrupted",
            Self::Terminated => "terminated",
        }
    }
}

/// A failure of the host's own: what is wrong, and how to cure it.
///
/// `message` is one lower-case sentence without a full stop, user words in backticks; each hint is one
/// line or block that cures it, printed after `hint: `.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub ending: Ending,
    pub message: String,
    pub hints: Vec<String>,
}

impl Failure {
    pub fn new(ending: Ending, message: impl Into<String>) -> Self {
        Self { ending, message: message.into(), hints: Vec::new() }
    }

    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Ending::Failed, message)
    }

    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Ending::Usage, message)
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// A failure that nobody foresaw keeps its chain of causes.
impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        match error.downcast::<Self>() {
            Ok(failure) => failure,
            Err(error) => Self::failed(format!("{error:#}")),
        }
    }
}

pub type Result<T> = std::result::Result<T, Failure>;
