//! Errors as a guest sees them: no address, no key, no channel.

use crate::gate::journal::Outcome;
use crate::gate::says_refusals;

use super::client::Failure;
use super::types::Error;

says_refusals!(Error);

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Lost(text) => Self::ConnectionFailed(text),
            Failure::Refused(text) => Self::Other(text),
            Failure::Rejected(text) => Self::ConnectionRejected(text),
            Failure::Unusable(text) => Self::NotConfigured(text),
        }
    }
}

impl Outcome for Error {
    fn summary(&self) -> String {
        match self {
            Self::AccessDenied(text) => format!("access-denied: {text}"),
            Self::NotConfigured(text) => format!("not-configured: {text}"),
            Self::InvalidArgument(text) => format!("invalid-argument: {text}"),
            Self::ConnectionFailed(text) => format!("connection-failed: {text}"),
            Self::ConnectionRejected(text) => format!("connection-rejected: {text}"),
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
