//! One compose project on the Docker engine: a module for each power, so that a component imports what it calls. What
//! takes the engine some time is a [`Job`]; many at once are [`Jobs`].
//!
//! ```no_run
//! # fn f() -> host_sdk::Result<()> {
//! use std::time::Duration;
//! use host_sdk::docker::{self, create, inspect, pull, start_stop};
//! let _lock = docker::lock(Duration::from_secs(5))?;
//! if inspect::images(&["postgres:16"])?.contains(&None) {
//!     pull::pull("postgres:16", "")?.wait_with(|event| println!("{} {}", event.id, event.text))?;
//! }
//! let spec = create::Spec { name: "shop-db-1".into(), service: "db".into(), image: "postgres:16".into(), ..Default::default() };
//! let id = create::create(&spec)?.wait()?;
//! start_stop::start(&id)?.wait()?;
//! # Ok(()) }
//! ```

mod defaults;
mod error;
mod job;
mod jobs;
mod powers;
mod verdict;

use std::time::Duration;

use crate::bindings::host::docker::types;
use crate::error::Result;

pub use self::job::{Job, wait_any};
pub use self::jobs::{Jobs, Over};
pub use self::powers::{build, create, exec, inspect, logs, network, pull, remove, shared, start_stop, volume};
pub use crate::bindings::host::docker::types::{EngineError, Error as DockerError, Event, Pair};

/// The compose project that the operator granted, in lower case.
pub fn project() -> String {
    types::project()
}

/// The project's lock: one run at a time changes a project from this machine. Waits at most so long, then ends with exit
/// code 6 and says who holds it. Dropping it releases it.
pub fn lock(at_most: Duration) -> Result<Lock> {
    Ok(Lock { _raw: types::lock_project(milliseconds(at_most))? })
}

#[derive(Debug)]
pub struct Lock {
    _raw: types::Lock,
}

/// A label, an option, a variable.
pub fn pair(name: impl Into<String>, value: impl Into<String>) -> Pair {
    Pair { name: name.into(), value: value.into() }
}

/// The value of a label.
pub fn label<'a>(labels: &'a [Pair], name: &str) -> Option<&'a str> {
    labels.iter().find(|label| label.name == name).map(|label| label.value.as_str())
}

/// As the host counts; nothing is rounded down to 0, which may mean no wait at all.
fn milliseconds(span: Duration) -> u32 {
    match u32::try_from(span.as_millis()).unwrap_or(u32::MAX) {
        0 if !span.is_zero() => 1,
        count => count,
    }
}
