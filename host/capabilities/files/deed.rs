//! What an operation on files is called, and why it may not happen.

use rustix::io::Errno;
use wasmtime_wasi::p2::FsError;
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;

use crate::gate::journal::Outcome;
use crate::gate::{Effect, Refusal};

/// Why an operation did not happen.
pub(super) enum Problem {
    Refused(Refusal),
    Code(ErrorCode),
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Errno> for Problem {
    fn from(error: Errno) -> Self {
        Self::Code(std::io::Error::from(error).into())
    }
}

impl Outcome for Problem {
    fn summary(&self) -> String {
        match self {
            Self::Code(code) => code.name().to_owned(),
            Self::Refused(
                Refusal::Denied(text)
                | Refusal::LimitExceeded(text)
                | Refusal::Timeout(text)
                | Refusal::Cancelled(text)
                | Refusal::DryRun(text),
            ) => text.clone(),
        }
    }
}

impl From<Problem> for FsError {
    fn from(problem: Problem) -> Self {
        let code = match problem {
            Problem::Code(code) => code,
            Problem::Refused(Refusal::Denied(_)) => ErrorCode::Access,
            Problem::Refused(Refusal::LimitExceeded(_)) => ErrorCode::Quota,
            Problem::Refused(Refusal::DryRun(_)) => ErrorCode::ReadOnly,
            // Not `interrupted`: languages try that again, and the run is over.
            Problem::Refused(Refusal::Timeout(_) | Refusal::Cancelled(_)) => ErrorCode::NotPermitted,
        };
        code.into()
    }
}

/// What an operation is called in the journal, and what it does.
#[derive(Clone, Copy)]
pub(super) struct Deed {
    pub(super) action: &'static str,
    pub(super) effect: Effect,
    /// A folder is wanted: what would allow it is a grant of what is in it.
    pub(super) folder: bool,
}

impl Deed {
    /// Asks whether something is there, and would not read it.
    pub(super) fn only_looks(self) -> bool {
        self.action == "stat"
    }
}

pub(super) const fn look(action: &'static str) -> Deed {
    Deed { action, effect: Effect::Read, folder: false }
}

pub(super) const fn change(action: &'static str) -> Deed {
    Deed { action, effect: Effect::Change, folder: false }
}
