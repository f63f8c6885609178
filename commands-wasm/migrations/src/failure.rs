//! How a migration command fails: exit code, one sentence, and the lines that cure it.

use std::fmt;

use serde_json::{Value, json};

/// The exit codes of `host` that these commands use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    Failed = 1,
    Usage = 2,
    NotMet = 3,
    Denied = 4,
    Unconfirmed = 5,
    Locked = 6,
    Limit = 8,
    Unreachable = 9,
    Timeout = 124,
    Interrupted = 130,
}

impl Code {
    /// The word in `--json`, as `host` writes it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Usage => "usage",
            Self::NotMet => "not-met",
            Self::Denied => "denied",
            Self::Unconfirmed => "unconfirmed",
            Self::Locked => "locked",
            Self::Limit => "trapped",
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::Interrupted => "interrupted",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
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

    pub fn document(&self) -> Value {
        let mut document = json!({ "code": self.code as u8, "ending": self.code.word(), "message": self.message, "hints": self.hints });
        if let Some(fields) = document.as_object_mut() {
            fields.extend(self.details.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        }
        document
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
