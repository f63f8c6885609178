//! Why the engine did not do what was asked, from the crate's errors: by kind, and in words of our own.

use std::error::Error as _;
use std::io::ErrorKind;

use bollard::errors::Error;

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
    /// `scrub` takes out of the engine's own texts what a guest must not learn.
    pub(super) fn of(error: Error, scrub: impl Fn(&str) -> String) -> Self {
        match error {
            Error::DockerResponseServerError { status_code, message } => {
                Self::Answered { status: status_code, message: scrub(message.trim()) }
            }
            Error::DockerStreamError { error } | Error::DockerContainerWaitError { error, .. } => {
                Self::Answered { status: 0, message: scrub(error.trim()) }
            }
            Error::SocketNotFoundError(_) => Self::of_io(ErrorKind::NotFound),
            Error::RequestTimeoutError => silent(),
            Error::IOError { err } => Self::of_io(err.kind()),
            Error::HyperLegacyError { err } => Self::of_chain(&err, err.is_connect()),
            Error::HyperResponseError { err } => Self::of_chain(&err, false),
            Error::CertPathError { .. } | Error::CertMultipleKeys { .. } | Error::CertParseError { .. } => {
                Self::Unusable("the Docker engine's certificates cannot be read".to_owned())
            }
            Error::NoNativeCertsError { .. } | Error::LoadNativeCertsErrors { .. } => {
                Self::Unusable("the certificates of this machine cannot be read".to_owned())
            }
            Error::JsonDataError { message, .. } => Self::Other(format!("the Docker engine's answer cannot be read: {message}")),
            Error::JsonSerdeError { err } => Self::Other(format!("the Docker engine's answer cannot be read: {err}")),
            // What is left cannot be put into a request: a name with a space in it.
            _ => Self::Other("that cannot be asked of the Docker engine".to_owned()),
        }
    }

    /// What the system or TLS says at the bottom of it.
    fn of_chain(error: &(dyn std::error::Error + 'static), connecting: bool) -> Self {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if error.downcast_ref::<rustls::Error>().is_some() {
                return rejected_certificate();
            }
            if let Some(io) = error.downcast_ref::<std::io::Error>() {
                let inner = io.get_ref();
                if inner.is_some_and(|inner| inner.downcast_ref::<rustls::Error>().is_some()) {
                    return rejected_certificate();
                }
                if connecting || io.kind() == ErrorKind::PermissionDenied {
                    return Self::of_io(io.kind());
                }
            }
            cause = error.source();
        }
        if connecting { Self::of_io(ErrorKind::Other) } else { Self::Lost("the connection to the Docker engine broke".to_owned()) }
    }

    pub(super) fn of_io(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::PermissionDenied => Self::Rejected(
                "this user may not use the Docker engine's socket; hint: add the user to the group `docker` and log in again".to_owned(),
            ),
            ErrorKind::NotFound => {
                Self::Lost("the Docker engine cannot be reached: its socket is not there; hint: is it running?".to_owned())
            }
            ErrorKind::ConnectionRefused => {
                Self::Lost("the Docker engine cannot be reached: nothing listens there; hint: is it running?".to_owned())
            }
            kind => Self::Lost(format!("the Docker engine cannot be reached: {kind}")),
        }
    }
}

/// It took the connection and says nothing.
pub(super) fn silent() -> Failure {
    Failure::Lost("the Docker engine does not answer".to_owned())
}

fn rejected_certificate() -> Failure {
    Failure::Rejected("the Docker engine and this machine do not accept each other's certificates".to_owned())
}
