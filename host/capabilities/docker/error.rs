//! Errors as a guest sees them: what failed and what the engine said, never an address or a path of the machine.

use crate::gate::journal::Outcome;
use crate::gate::says_refusals;

use super::client::Failure;
use super::types::{EngineError, Error};

says_refusals!(Error);

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Lost(text) => Self::ConnectionFailed(text),
            Failure::Rejected(text) => Self::ConnectionRejected(text),
            Failure::Unusable(text) => Self::NotConfigured(text),
            Failure::TooOld(text) => Self::InvalidArgument(text),
            Failure::Answered { status: 400, message } => Self::InvalidArgument(message),
            Failure::Answered { status: 409, message } => Self::Conflict(message),
            Failure::Answered { status, message } => Self::EngineFailed(EngineError { status, message }),
            Failure::Other(text) => Self::Other(text),
        }
    }
}

impl Outcome for Error {
    fn summary(&self) -> String {
        match self {
            Self::AccessDenied(text) => format!("access-denied: {text}"),
            Self::NotConfigured(text) => format!("not-configured: {text}"),
            Self::NoSuchObject(text) => format!("no-such-object: {text}"),
            Self::InvalidArgument(text) => format!("invalid-argument: {text}"),
            Self::Conflict(text) => format!("conflict: {text}"),
            Self::LockHeld(text) => format!("lock-held: {text}"),
            Self::ConnectionFailed(text) => format!("connection-failed: {text}"),
            Self::ConnectionRejected(text) => format!("connection-rejected: {text}"),
            Self::EngineFailed(error) => format!("engine-failed: {} {}", error.status, error.message),
            Self::LimitExceeded(text) => format!("limit-exceeded: {text}"),
            Self::Timeout(text) => format!("timeout: {text}"),
            Self::Cancelled(text) => format!("cancelled: {text}"),
            Self::Other(text) => format!("other: {text}"),
        }
    }
}

pub(super) fn invalid(text: impl Into<String>) -> Error {
    Error::InvalidArgument(text.into())
}

pub(super) fn too_much(text: impl Into<String>) -> Error {
    Error::LimitExceeded(text.into())
}

/// The same words for what never was and for what belongs to another project.
pub(super) fn no_such(kind: &str, name: &str) -> Error {
    Error::NoSuchObject(format!("this project has no {kind} `{name}`"))
}
