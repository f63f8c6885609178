//! How an image is built.

use std::collections::BTreeMap;

use super::{Reference, Ulimit};
use crate::error::Place;

#[derive(Debug, Clone, PartialEq)]
pub struct Build {
    /// A folder as a [`Mount`](super::Mount)'s source, or a URL.
    pub context: String,
    /// Relative to the context; `Dockerfile` when nothing is said. None when it is written out in the file.
    pub dockerfile: Option<String>,
    pub dockerfile_inline: Option<String>,
    /// A name without a value here or in the environment is absent: the Dockerfile's default counts.
    pub args: BTreeMap<String, String>,
    pub target: Option<String>,
    pub labels: BTreeMap<String, String>,
    pub cache_from: Vec<String>,
    pub cache_to: Vec<String>,
    pub no_cache: bool,
    pub no_cache_filter: Vec<String>,
    pub pull: bool,
    pub network: Option<String>,
    /// In bytes.
    pub shm_size: Option<i64>,
    /// `name=address`.
    pub extra_hosts: Vec<String>,
    pub isolation: Option<String>,
    /// Beside the service's own image.
    pub tags: Vec<String>,
    pub platforms: Vec<String>,
    pub ulimits: BTreeMap<String, Ulimit>,
    /// Secrets of the project that the build may read; a `target` is the id the Dockerfile asks for.
    pub secrets: Vec<Reference>,
    /// Name and a folder, a URL, `docker-image://...` or `service:NAME`.
    pub additional_contexts: BTreeMap<String, String>,
    pub privileged: bool,
    pub entitlements: Vec<String>,
    pub place: Place,
}

impl Build {
    /// Whether the context is a folder of this machine, not a URL.
    pub fn is_local(&self) -> bool {
        crate::canon::is_local_context(&self.context)
    }
}
