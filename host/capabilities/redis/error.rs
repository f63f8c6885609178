//! Errors as a guest sees them: what failed and what the server said, never an address, a user or a password.

use crate::gate::journal::Outcome;
use crate::gate::says_refusals;

use super::client::{Failure, ServerError};
use super::types::{CommandError, Error};

says_refusals!(Error);

impl Outcome for Error {
    fn summary(&self) -> String {
        match self {
            Self::AccessDenied(text) => format!("access-denied: {text}"),
            Self::NoSuchRedis(text) => format!("no-such-redis: {text}"),
            Self::InvalidArgument(text) => format!("invalid-argument: {text}"),
            Self::ConnectionFailed(text) => format!("connection-failed: {text}"),
            Self::ConnectionRejected(error) => format!("connection-rejected: {} {}", error.code, error.message),
            Self::CommandFailed(error) => format!("command-failed: {} {}", error.code, error.message),
            Self::LimitExceeded(text) => format!("limit-exceeded: {text}"),
            Self::Timeout(text) => format!("timeout: {text}"),
            Self::Cancelled(text) => format!("cancelled: {text}"),
            Self::Other(text) => format!("other: {text}"),
        }
    }
}

/// What kept a call to the Redis `name` from being done.
pub(super) fn failed(name: &str, failure: Failure) -> Error {
    match failure {
        Failure::Unreachable(text) => {
            Error::ConnectionFailed(format!("Redis `{name}`: {text}\nhint: `host config redis.{name}.url` shows where it is looked for"))
        }
        Failure::Timeout(text) => Error::Timeout(format!("Redis `{name}`: {text}")),
        Failure::TooMuch(text) => Error::LimitExceeded(format!("Redis `{name}`: {text}")),
        Failure::Rejected { code, message } => Error::ConnectionRejected(CommandError { code, message }),
    }
}

/// A server's error without what the guest must not learn: other nodes' addresses, the hidden prefix.
pub(super) fn refused(error: ServerError, prefix: &[u8]) -> CommandError {
    let ServerError { code, mut message } = error;
    if matches!(code.as_str(), "MOVED" | "ASK") {
        message = "the key lives on another node of a cluster; the operator's url must begin with `redis+cluster://`".to_owned();
    }
    if let Ok(prefix) = std::str::from_utf8(prefix)
        && !prefix.is_empty()
    {
        for quote in ['\'', '"', '`'] {
            message = message.replace(&format!("{quote}{prefix}"), &quote.to_string());
        }
    }
    CommandError { code, message }
}

pub(super) fn invalid(text: impl Into<String>) -> Error {
    Error::InvalidArgument(text.into())
}

pub(super) fn too_much(text: impl Into<String>) -> Error {
    Error::LimitExceeded(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_error_tells_neither_addresses_nor_the_prefix() {
        let told =
            |code: &str, message: &str| refused(ServerError { code: code.to_owned(), message: message.to_owned() }, b"shop:").message;
        assert!(!told("MOVED", "3999 10.0.0.7:6381").contains("10.0.0.7"));
        assert_eq!(told("NOGROUP", "No such key 'shop:jobs' or consumer group 'g'"), "No such key 'jobs' or consumer group 'g'");
        assert_eq!(told("ERR", "value is not an integer"), "value is not an integer");
    }
}
