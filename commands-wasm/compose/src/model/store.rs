//! Volumes, secrets and configs of a project.

use std::collections::BTreeMap;

use crate::error::Place;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    pub key: String,
    /// On the engine: `<project>_<key>`, or what `name:` says.
    pub name: String,
    /// It is there already, and neither made nor removed by this project.
    pub external: bool,
    /// None: `local`.
    pub driver: Option<String>,
    pub driver_opts: BTreeMap<String, String>,
    pub labels: BTreeMap<String, String>,
    pub place: Place,
}

/// A secret or a config: a file that is mounted, a variable of the environment, or, for a config, written out in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretOrConfig {
    pub key: String,
    pub name: String,
    pub external: bool,
    /// As a [`Mount`](super::Mount)'s source.
    pub file: Option<String>,
    /// The variable's name; its value is in [`SecretOrConfig::content`].
    pub environment: Option<String>,
    /// Of `content:` or `environment:`.
    pub content: Option<String>,
    pub labels: BTreeMap<String, String>,
    pub place: Place,
}
