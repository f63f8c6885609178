//! Where Podman's answers differ from Docker's: its own words for states, networks by name for their ids, and lists
//! that say nothing of health. Seen with Podman 4.3.

use std::collections::HashMap;

use hyper::header::HeaderMap;
use serde::Deserialize;
use serde_json::Value;

use super::{Engine, Failure};
use crate::capabilities::docker::inspect::Container;
use crate::capabilities::docker::types::{Health, Status};

/// In each answer of Podman's.
const HEADER: &str = "libpod-api-version";
/// What Podman 4 and 5 understand of their own interface.
const OWN_API: &str = "/v4.0.0/libpod";

/// A container in Podman's own list.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    id: String,
    /// Of its check.
    #[serde(default)]
    status: String,
}

pub(super) fn is_podman(headers: &HeaderMap) -> bool {
    headers.contains_key(HEADER)
}

/// Podman's own states, as Docker would call them.
pub(super) fn in_dockers_words(state: Option<&mut Value>) {
    let Some(state) = state else { return };
    let word = match state.as_str() {
        Some("stopped") => "exited",
        Some("configured" | "initialized" | "unknown") => "created",
        Some("stopping") => "running",
        _ => return,
    };
    *state = word.into();
}

impl Engine {
    /// One call for all of them, of the same query; none where nothing runs.
    pub(super) async fn add_health(&self, containers: &mut [Container], query: &str) -> Result<(), Failure> {
        if !containers.iter().any(|container| container.status == Status::Running) {
            return Ok(());
        }
        let (listed, _): (Vec<Listed>, _) = self.told_by(&format!("{OWN_API}/containers/json?{query}")).await?;
        let known: HashMap<String, Health> = listed.into_iter().map(|listed| (listed.id, health(&listed.status))).collect();
        for container in containers.iter_mut().filter(|container| container.status == Status::Running) {
            container.health = known.get(&container.id).copied().unwrap_or(container.health);
        }
        Ok(())
    }
}

fn health(word: &str) -> Health {
    match word {
        "healthy" => Health::Healthy,
        "unhealthy" => Health::Unhealthy,
        "starting" => Health::Starting,
        _ => Health::None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn podmans_states_are_told_in_dockers_words() {
        for (theirs, ours) in [("stopped", "exited"), ("configured", "created"), ("stopping", "running"), ("exited", "exited")] {
            let mut state = json!(theirs);
            in_dockers_words(Some(&mut state));
            assert_eq!(state, ours);
        }
    }
}
