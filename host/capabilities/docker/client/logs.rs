//! What a container printed.

use std::pin::Pin;

use bollard::container::LogOutput;
use bollard::query_parameters::LogsOptions;
use futures_util::{Stream, StreamExt};

use super::{Engine, Failure};

/// Pieces as the engine sends them: which stream, and bytes that need not end with a line.
pub(crate) type Logs<'a> = Pin<Box<dyn Stream<Item = Result<(bool, Vec<u8>), Failure>> + Send + 'a>>;

impl Engine {
    /// `since` in seconds since 1970, 0 from the beginning; `tail` lines, 0 for all.
    pub(crate) async fn logs(&self, id: &str, since: i32, tail: u32, timestamps: bool, follow: bool) -> Result<Logs<'_>, Failure> {
        let options = LogsOptions {
            follow,
            stdout: true,
            stderr: true,
            since,
            until: 0,
            timestamps,
            tail: if tail == 0 { "all".to_owned() } else { tail.to_string() },
        };
        let docker = self.patient_docker()?;
        let pieces = docker.logs(id, Some(options)).map(|piece| match piece {
            Ok(LogOutput::StdErr { message }) => Ok((true, message.to_vec())),
            Ok(LogOutput::StdOut { message } | LogOutput::StdIn { message } | LogOutput::Console { message }) => {
                Ok((false, message.to_vec()))
            }
            Err(error) => Err(self.failure(error)),
        });
        Ok(Box::pin(pieces))
    }
}
