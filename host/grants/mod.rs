//! What a command asked for, what the operator granted, and what is therefore permitted. Pure: no file,
//! no network, no clock.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Powers of `host:sql`, each an interface of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SqlPower {
    Read,
    Write,
    Schema,
    Lock,
    Admin,
}

impl SqlPower {
    pub const ALL: [Self; 5] = [Self::Read, Self::Write, Self::Schema, Self::Lock, Self::Admin];

    /// The word in host.toml and in manifests, and the interface's name in `host:sql`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Schema => "schema",
            Self::Lock => "lock",
            Self::Admin => "admin",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|power| power.word() == word)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileAccess {
    Read,
    /// Read, create, change and delete.
    Write,
}

/// A path or glob relative to the project's folder (`migrations/**`), or absolute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileGrant {
    pub pattern: String,
    pub access: FileAccess,
}

/// Bounds an operator set for one command; none means the host's default (`component/limits.rs`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LimitGrants {
    pub time: Option<Duration>,
    /// Bytes of linear memory, all memories of the command together.
    pub memory: Option<u64>,
    /// Bytes on stdout and stderr together.
    pub output: Option<u64>,
}

/// What `[commands.NAME]` of host.toml grants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// By the database's configured name.
    pub sql: BTreeMap<String, BTreeSet<SqlPower>>,
    pub files: Vec<FileGrant>,
    /// Names of environment variables, `*` at the end allowed.
    pub env: Vec<String>,
    /// `config.KEY = "value"`: what `wasi:config/store` answers.
    pub config: BTreeMap<String, String>,
    pub limits: LimitGrants,
    pub rows_changed: Option<u64>,
}
