//! How a migration command fails: exit code, one sentence, and the lines that cure it. Plain data, so that
//! tests read it; [`host_sdk::Error`] shows it.

use std::fmt;

use host_sdk::serde_json::Value;

pub use host_sdk::Ending as Code;

#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    pub code: Code,
    /// Lower case, no full stop; may go on over further lines.
    pub message: String,
    pub hints: Vec<String>,
    /// More for `--json`: `file`, `line`, `sqlstate`, ...
    pub details: Vec<(&'static str, Value)>,
}

pub type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hints: Vec::new(), details: Vec::new() }
    }

    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Code::Failed, message)
    }

    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Code::Usage, message)
    }

    #[must_use]
    pub fn detail(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.details.push((name, value.into()));
        self
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

impl From<Failure> for host_sdk::Error {
    fn from(failure: Failure) -> Self {
        let error = failure.hints.into_iter().fold(Self::new(failure.code, failure.message), Self::hint);
        failure.details.into_iter().fold(error, |error, (name, value)| error.detail(name, value))
    }
}

impl From<host_sdk::Error> for Failure {
    fn from(error: host_sdk::Error) -> Self {
        let failure = error.into_failure();
        Self { code: failure.ending, message: failure.message, hints: failure.hints, details: Vec::new() }
    }
}
