//! What a killed run had asked for, and the engine did after it was gone: the next run finds it done, or half way.

use std::time::{Duration, Instant};

use host_sdk::docker::inspect::{self, Container};
use host_sdk::docker::{DockerError, Pair, create, label, network, start_stop};
use host_sdk::{Error, Result};

use crate::execute::Made;
use crate::plan::Action;
use crate::{labels, one_network};

/// An engine is done with what it was asked for by then.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(100);

/// The id after all; the error when it is not so.
pub(crate) fn rescue(action: &Action, made: &Made, error: Error) -> Result<String> {
    match action {
        // Its name is taken at once, and it is listed when it is complete; or the name is about to be free.
        Action::Create(spec) if is_conflict(&error) => try_again(error, || {
            let found = inspect::containers()?.into_iter().find(|container| container.name == spec.name);
            match found {
                Some(found) if is_of(&found, spec) => Ok(Some(found.id)),
                Some(_) => Ok(None),
                None => match create::create(spec)?.wait() {
                    Err(error) if is_conflict(&error) => Ok(None),
                    made => made.map(Some),
                },
            }
        }),
        // Engines of API 1.44 and later have one network of a name.
        Action::CreateNetwork(spec) if is_conflict(&error) => try_again(error, || {
            let found = inspect::networks()?.into_iter().find(|network| network.name == spec.name);
            match found {
                Some(found) if label(&found.labels, labels::KEYS) == label(&spec.labels, labels::KEYS) => Ok(Some(found.id)),
                Some(_) => Ok(None),
                None => match network::create(spec)?.wait() {
                    Err(error) if is_conflict(&error) => Ok(None),
                    made => made.map(Some),
                },
            }
        }),
        Action::Rename { container, name } => {
            let id = made.id(container);
            try_again(error, || {
                if inspect::containers()?.iter().any(|found| found.id == id && found.name == *name) {
                    return Ok(Some(String::new()));
                }
                match create::rename(id, name) {
                    Err(error) if is_conflict(&error) => Ok(None),
                    renamed => renamed.map(|()| Some(String::new())),
                }
            })
        }
        Action::CreateNetwork(spec) if is_conflict(&error) => one_network::adopt(spec, error),
        // Another run makes the same network, and takes one of the two away in a moment.
        Action::Create(spec) if is_between_networks(&error) => try_again(error, || match create::create(spec)?.wait() {
            Err(error) if is_between_networks(&error) || is_conflict(&error) => {
                let found = inspect::containers()?.into_iter().find(|found| found.name == spec.name && is_of(found, spec));
                Ok(found.map(|found| found.id))
            }
            made => made.map(Some),
        }),
        Action::Start(who) if is_between_networks(&error) => try_again(error, || match start_stop::start(made.id(who))?.wait() {
            Err(error) if is_between_networks(&error) => Ok(None),
            started => started.map(Some),
        }),
        Action::Disconnect { container, network } => {
            let is_on = |found: &Container| found.id == *container && found.endpoints.iter().any(|endpoint| endpoint.network == *network);
            if inspect::containers()?.iter().any(is_on) { Err(error) } else { Ok(String::new()) }
        }
        _ => Err(error),
    }
}

/// An engine says for a moment that a network is in use, when the last of its containers were removed just before.
pub(crate) fn let_go(action: &Action, error: Error) -> Result<String> {
    let Action::RemoveNetwork(name) = action else { return Err(error) };
    if !is_in_use(&error) {
        return Err(error);
    }
    try_again(error, || match network::remove(name)?.wait() {
        Err(error) if is_in_use(&error) => Ok(None),
        removed => removed.map(Some),
    })
}

fn is_in_use(error: &Error) -> bool {
    match error.docker() {
        Some(DockerError::Conflict(_)) => true,
        Some(DockerError::EngineFailed(said)) => said.message.contains("active endpoints"),
        _ => false,
    }
}

/// Until it answers something, or the engine has had its time: then what was wrong at first.
fn try_again(error: Error, mut answer: impl FnMut() -> Result<Option<String>>) -> Result<String> {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(id) = answer()? {
            return Ok(id);
        }
        if Instant::now() >= end {
            return Err(error);
        }
        std::thread::sleep(PAUSE);
    }
}

fn is_between_networks(error: &Error) -> bool {
    let is_told = |text: &str| text.contains("network") && (text.contains("is ambiguous") || text.contains("not found"));
    matches!(error.docker(), Some(DockerError::EngineFailed(said)) if is_told(&said.message))
}

fn is_conflict(error: &Error) -> bool {
    matches!(error.docker(), Some(DockerError::Conflict(_)))
}

/// Made by the same spec.
fn is_of(container: &Container, spec: &create::Spec) -> bool {
    let same = |labels: &[Pair], name: &str| label(&container.labels, name) == label(labels, name);
    let number = spec.number.to_string();
    label(&container.labels, labels::SERVICE) == Some(&spec.service)
        && label(&container.labels, labels::NUMBER) == Some(&number)
        && [labels::KEYS, labels::VALUES, labels::CONFIG_HASH, labels::IMAGE, labels::REPLACE].iter().all(|name| same(&spec.labels, name))
}
