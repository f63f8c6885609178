//! What a guest wants done, as a value.

/// What an operation does to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    Read,
    Change,
    Destroy,
}

impl Effect {
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Change => "change",
            Self::Destroy => "destroy",
        }
    }
}

/// One host call. `target` and `detail` go to the journal: no secret, no parameter value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// `sql`, `files`, `terminal`, ...
    pub capability: &'static str,
    /// The WIT function: `read.query`, `schema.run-script`.
    pub action: &'static str,
    /// What it acts on: the database's configured name, the path.
    pub target: String,
    pub effect: Effect,
    /// The statement's text, the message of the prompt: cut at 200 characters by the journal.
    pub detail: String,
}

/// The answer of a capability's pure policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    Allowed,
    /// Names the command, the thing and the line that would allow it.
    Denied(String),
}
