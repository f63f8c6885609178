//! Why the engine did not do what was asked, from the crate's errors: by kind, and in words of our own.

use bollard::errors::Error;

use super::wire::{self, Trouble};

/// In words for a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Not reached, or lost. Trying again may help.
    Lost(String),
    /// We are not let in.
    Rejected(String),
    /// Its address cannot be one.
    Unusable(String),
    /// It has not learnt that yet.
    TooOld(String),
    /// It answered with an error; 0 inside of a stream.
    Answered {
        status: u16,
        message: String,
    },
    Other(String),
}

impl Failure {
    /// What it was asked about is not there any more.
    pub(crate) fn is_gone(&self) -> bool {
        matches!(self, Self::Answered { status: 404, .. })
    }

    /// Whether the engine's words hold these, which are in lower case.
    pub(crate) fn says(&self, words: &str) -> bool {
        matches!(self, Self::Answered { message, .. } if message.to_lowercase().contains(words))
    }

    /// `scrub` takes out of the engine's own texts what a guest must not learn.
    pub(super) fn of(error: Error, scrub: impl Fn(&str) -> String) -> Self {
        match error {
            Error::DockerResponseServerError { status_code, message } => {
                Self::Answered { status: status_code, message: scrub(message.trim()) }
            }
            Error::DockerStreamError { error } | Error::DockerContainerWaitError { error, .. } => {
                Self::Answered { status: 0, message: scrub(error.trim()) }
            }
            Error::RequestTimeoutError => silent(),
            Error::IOError { err } => wire::trouble(&err).into(),
            Error::HyperResponseError { err } => wire::trouble(&err).into(),
            Error::JsonDataError { message, .. } => Self::Other(format!("the engine's answer cannot be read: {message}")),
            Error::JsonSerdeError { err } => Self::Other(format!("the engine's answer cannot be read: {err}")),
            // What is left cannot be put into a request: a name with a space in it.
            _ => Self::Other("that cannot be asked of the engine".to_owned()),
        }
    }
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::NotConfigured(text) => Self::Unusable(text),
            Trouble::Unreachable(text) => Self::Lost(text),
            Trouble::Rejected(text) => Self::Rejected(text),
        }
    }
}

/// It took the connection and says nothing.
pub(super) fn silent() -> Failure {
    Failure::Lost("the engine does not answer: it hangs, or is overloaded".to_owned())
}
