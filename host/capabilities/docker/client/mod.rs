//! The engine: beside `exec/` and `build/`, the only folder that names the crate beneath. No text from here holds an
//! address or a path of the machine.

mod conceal;
mod containers;
mod create;
mod failure;
mod images;
mod logs;
mod networks;
mod podman;
pub(super) mod raw;
mod tls;
mod version;
mod volumes;
pub(super) mod wire;

use std::collections::HashMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use bollard::Docker;
use tokio::sync::OnceCell;

use super::Endpoint;
use super::limits;
use super::logins::Logins;
use super::types::Pair;

pub(super) use self::containers::{Held, Shares, State, shares};
pub(super) use self::create::Resolved;
pub(super) use self::failure::Failure;
pub(super) use self::version::Version;
use self::wire::{Trouble, Wire};

/// Answers of the crate beneath.
pub(super) type Answer<T> = Result<T, bollard::errors::Error>;

/// One engine. Each request is a connection of its own: nothing breaks
/// for good when the engine restarts.
pub(super) struct Engine {
    endpoint: Endpoint,
    /// The project's folder, which texts of the engine may name.
    root: PathBuf,
    /// Certificates are read once.
    wire: OnceLock<Result<Wire, Trouble>>,
    docker: Mutex<Option<Docker>>,
    version: OnceCell<Version>,
    pub(super) logins: Logins,
}

impl Engine {
    pub(super) fn new(endpoint: Endpoint, root: PathBuf) -> Self {
        let logins = Logins::new(endpoint.logins.clone());
        Self { endpoint, root, wire: OnceLock::new(), docker: Mutex::new(None), version: OnceCell::new(), logins }
    }

    /// The client; what it is asked is bounded in time by [`Self::ask`].
    pub(super) fn docker(&self) -> Result<Docker, Failure> {
        let mut made = self.docker.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(docker) = &*made {
            return Ok(docker.clone());
        }
        let docker = self.wire()?.docker()?;
        *made = Some(docker.clone());
        Ok(docker)
    }

    /// For what the crate has no call for.
    pub(super) fn wire(&self) -> Result<Wire, Failure> {
        Ok(self.wire.get_or_init(|| Wire::new(&self.endpoint)).clone()?)
    }

    /// The client for what takes as long as it takes; see [`Self::patiently`].
    pub(super) fn patient_docker(&self) -> Result<Docker, Failure> {
        // The crate's own bound: a hung engine is noticed by asking it.
        Ok(self.docker()?.with_timeout(Duration::from_secs(u64::from(u32::MAX))))
    }

    /// A question that is answered at once, or not at all.
    pub(super) async fn ask<T, F>(&self, question: impl FnOnce(Docker) -> F) -> Result<T, Failure>
    where
        F: Future<Output = Answer<T>>,
    {
        let docker = self.docker()?;
        match tokio::time::timeout(limits::ANSWER, question(docker)).await {
            Ok(answer) => answer.map_err(|error| self.failure(error)),
            Err(_) => Err(failure::silent()),
        }
    }

    /// Work that takes as long as it takes, as long as the engine lives.
    pub(super) async fn work<T, F>(&self, work: impl FnOnce(Docker) -> F) -> Result<T, Failure>
    where
        F: Future<Output = Answer<T>>,
    {
        let docker = self.patient_docker()?;
        let work = work(docker);
        self.patiently(async { work.await.map_err(|error| self.failure(error)) }).await
    }

    /// The same for work of several answers.
    pub(super) async fn patiently<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        tokio::select! {
            biased;
            result = work => result,
            failure = self.gone() => Err(failure),
        }
    }

    /// Resolves when the engine does not answer any more.
    async fn gone(&self) -> Failure {
        loop {
            tokio::time::sleep(limits::BEAT).await;
            if let Err(failure) = self.ask(|docker| async move { docker.ping().await }).await {
                return failure;
            }
        }
    }

    /// An error of the crate, in words for a guest.
    pub(super) fn failure(&self, error: bollard::errors::Error) -> Failure {
        Failure::of(error, |text| self.scrub(text))
    }

    /// A text of the engine without what a guest must not learn.
    pub(super) fn scrub(&self, text: &str) -> String {
        self.logins.conceal(conceal::conceal(text, &self.root, self.socket()))
    }

    /// The engine's socket, where it is one of this machine.
    pub(super) fn socket(&self) -> Option<&Path> {
        self.endpoint.address.strip_prefix("unix://").map(Path::new)
    }
}

/// A filter of the engine's lists.
fn filters(pairs: &[(&str, &str)]) -> Option<HashMap<String, Vec<String>>> {
    let mut filters: HashMap<String, Vec<String>> = HashMap::new();
    for (key, value) in pairs {
        filters.entry((*key).to_owned()).or_default().push((*value).to_owned());
    }
    Some(filters)
}

/// `com.docker.compose.project=shop`
fn of_project(project: &str) -> String {
    format!("{}={project}", super::policy::labels::PROJECT)
}

fn pairs(map: Option<HashMap<String, String>>) -> Vec<Pair> {
    let mut pairs: Vec<Pair> = map.into_iter().flatten().map(|(name, value)| Pair { name, value }).collect();
    pairs.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    pairs
}

/// None where there are none: the engine's own default.
fn map(pairs: Vec<Pair>) -> Option<HashMap<String, String>> {
    let map: HashMap<String, String> = pairs.into_iter().map(|pair| (pair.name, pair.value)).collect();
    (!map.is_empty()).then_some(map)
}

/// None for an empty text or list: the engine's own default.
fn given<T: Given>(value: T) -> Option<T> {
    (!value.is_nothing()).then_some(value)
}

trait Given {
    fn is_nothing(&self) -> bool;
}

impl Given for String {
    fn is_nothing(&self) -> bool {
        self.is_empty()
    }
}

impl<T> Given for Vec<T> {
    fn is_nothing(&self) -> bool {
        self.is_empty()
    }
}

impl Given for i64 {
    fn is_nothing(&self) -> bool {
        *self == 0
    }
}

impl Given for bool {
    fn is_nothing(&self) -> bool {
        !*self
    }
}
