//! What is to be done: changes that people read, and the operations they are made of, each after others. Pure.

mod cause;
mod networks;
mod reconcile;
mod service;
#[cfg(test)]
mod tests;

use host_sdk::docker::{build, create, network, volume};

pub use self::cause::Cause;
pub(crate) use self::networks::changed_keys;
pub(crate) use self::reconcile::is_of_files;
pub use self::reconcile::{Wishes, reconcile};

/// Place of an operation in [`Plan::operations`].
pub type At = usize;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    pub changes: Vec<Change>,
    /// Each comes after those it waits for.
    pub operations: Vec<Operation>,
    /// Nothing is done about them, and somebody may want to know.
    pub notes: Vec<String>,
    /// What somebody could do about them.
    pub hints: Vec<String>,
    /// Names of containers whose service is in no compose file; they are left alone.
    pub orphans: Vec<String>,
}

/// One line of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub verb: Verb,
    pub kind: Kind,
    pub name: String,
    /// Empty for what belongs to no service.
    pub service: String,
    pub cause: Cause,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    Create,
    Recreate,
    Start,
    Restart,
    Rename,
    Stop,
    Remove,
    Wait,
    Pull,
    Build,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Container,
    Network,
    Volume,
    Image,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    pub action: Action,
    /// The line it is part of.
    pub change: usize,
    /// Operations that must be done before.
    pub after: Vec<At>,
    /// When it fails, the rest goes on.
    pub optional: bool,
}

/// One call of the engine.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    Build(Box<build::Spec>),
    Pull {
        reference: String,
        platform: String,
    },
    CreateNetwork(Box<network::Spec>),
    RemoveNetwork(String),
    Disconnect {
        container: String,
        network: String,
    },
    CreateVolume(Box<volume::Spec>),
    RemoveVolume(String),
    RemoveImage(String),
    Create(Box<create::Spec>),
    Start(Who),
    /// By id.
    Stop(String),
    /// By id, its anonymous volumes too.
    Remove {
        container: String,
        volumes: bool,
    },
    Rename {
        container: Who,
        name: String,
    },
    Wait {
        container: Who,
        until: Until,
        service: String,
    },
}

/// A container that is there, or that another operation makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    Id(String),
    Made(At),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Until {
    Running,
    Healthy,
    /// Ended, with 0.
    Completed,
}

impl Plan {
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// What it builds.
    pub(crate) fn builds(&self) -> Vec<build::Spec> {
        let of = |operation: &Operation| if let Action::Build(spec) = &operation.action { Some(*spec.clone()) } else { None };
        self.operations.iter().filter_map(of).collect()
    }

    pub(crate) fn add(&mut self, change: usize, action: Action, after: impl IntoIterator<Item = At>) -> At {
        let mut after: Vec<At> = after.into_iter().collect();
        after.sort_unstable();
        after.dedup();
        self.operations.push(Operation { action, change, after, optional: false });
        self.operations.len() - 1
    }

    pub(crate) fn line(&mut self, verb: Verb, kind: Kind, name: &str, service: &str, cause: Cause) -> usize {
        self.changes.push(Change { verb, kind, name: name.to_owned(), service: service.to_owned(), cause });
        self.changes.len() - 1
    }
}

impl Until {
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Healthy => "healthy",
            Self::Completed => "done",
        }
    }
}

impl Verb {
    pub fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Recreate => "recreate",
            Self::Start => "start",
            Self::Restart => "restart",
            Self::Rename => "rename",
            Self::Stop => "stop",
            Self::Remove => "remove",
            Self::Wait => "wait",
            Self::Pull => "pull",
            Self::Build => "build",
        }
    }

    /// When it is done.
    pub fn past(self) -> &'static str {
        match self {
            Self::Create => "created",
            Self::Recreate => "recreated",
            Self::Start => "started",
            Self::Restart => "restarted",
            Self::Rename => "renamed",
            Self::Stop => "stopped",
            Self::Remove => "removed",
            Self::Wait => "ready",
            Self::Pull => "pulled",
            Self::Build => "built",
        }
    }
}

impl Kind {
    pub fn word(self) -> &'static str {
        match self {
            Self::Container => "container",
            Self::Network => "network",
            Self::Volume => "volume",
            Self::Image => "image",
        }
    }
}
