//! What `host:docker` answers when it does not do what was asked, and the exit codes of that.

use serde_json::{Map, json};

use crate::docker::DockerError;
use crate::ending::Ending;
use crate::error::{Error, Failure};

impl From<DockerError> for Failure {
    /// What the engine said stands in the details under `engine`.
    fn from(error: DockerError) -> Self {
        let mut details = Map::new();
        let (ending, text) = match error {
            DockerError::AccessDenied(text) => (Ending::Denied, text),
            DockerError::NotConfigured(text) => (Ending::Usage, text),
            DockerError::LockHeld(text) => (Ending::Locked, text),
            DockerError::ConnectionFailed(text) | DockerError::ConnectionRejected(text) => (Ending::Unreachable, text),
            DockerError::EngineFailed(error) => {
                details.insert("engine".to_owned(), json!({ "status": error.status, "message": error.message }));
                (Ending::Failed, error.message)
            }
            DockerError::LimitExceeded(text) => (Ending::Limit, text),
            DockerError::Timeout(text) => (Ending::Timeout, text),
            DockerError::Cancelled(text) => (Ending::Interrupted, text),
            DockerError::NoSuchObject(text)
            | DockerError::InvalidArgument(text)
            | DockerError::Conflict(text)
            | DockerError::Other(text) => (Ending::Failed, text),
        };
        Self { details, ..Self::told(ending, text) }
    }
}

impl From<DockerError> for Error {
    fn from(error: DockerError) -> Self {
        Self::Docker(Box::new(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::EngineError;

    #[test]
    fn every_error_has_its_exit_code_and_its_cure_is_a_hint() {
        let text = || "what is wrong; to allow it, add this".to_owned();
        let table = [
            (DockerError::AccessDenied(text()), 4),
            (DockerError::NotConfigured(text()), 2),
            (DockerError::NoSuchObject(text()), 1),
            (DockerError::InvalidArgument(text()), 1),
            (DockerError::Conflict(text()), 1),
            (DockerError::LockHeld(text()), 6),
            (DockerError::ConnectionFailed(text()), 9),
            (DockerError::ConnectionRejected(text()), 9),
            (DockerError::EngineFailed(EngineError { status: 500, message: text() }), 1),
            (DockerError::LimitExceeded(text()), 8),
            (DockerError::Timeout(text()), 124),
            (DockerError::Cancelled(text()), 130),
            (DockerError::Other(text()), 1),
        ];
        for (error, code) in table {
            let failure = Failure::from(error);
            assert_eq!((failure.ending.code(), failure.message.as_str()), (code, "what is wrong"));
            assert_eq!(failure.hints, ["to allow it, add this"]);
        }
    }

    #[test]
    fn what_the_engine_said_stands_in_the_details() {
        let error = DockerError::EngineFailed(EngineError { status: 409, message: "port is already allocated".to_owned() });
        let document = Error::from(error).into_failure().to_json();
        assert_eq!(document.pointer("/error/engine/status"), Some(&409.into()));
        assert_eq!(document.pointer("/error/message"), Some(&"port is already allocated".into()));
    }
}
