//! What a command asked for, what the operator granted, and what is therefore permitted. Pure: no file,
//! no network, no clock.

mod lines;
pub mod manifest;
mod patterns;
mod permitted;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

pub use self::lines::{Setting, SettingValue, host_toml_lines, settings};
pub use self::manifest::{Ask, Manifest, Wants};
pub use self::permitted::{Missing, Permitted, permit};

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

    /// The powers among a component's imports: `host:sql/read@0.1.0` is `read`. `host:sql/types` is none.
    pub fn of_imports<'i>(imports: impl IntoIterator<Item = &'i String>) -> BTreeSet<Self> {
        imports
            .into_iter()
            .filter_map(|import| import.strip_prefix("host:sql/"))
            .filter_map(|rest| Self::from_word(rest.split_once('@').map_or(rest, |(interface, _)| interface)))
            .collect()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileAccess {
    Read,
    /// Read, create, change and delete.
    Write,
}

impl FileAccess {
    /// The word in host.toml and in manifests.
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Read, Self::Write].into_iter().find(|access| access.word() == word)
    }
}

/// A path or glob relative to the project's folder (`migrations/**`), or absolute.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
