//! Which keys of a service changed since its container was made.
//!
//! Each key has a short hash of its value; they are kept in a label of the container as JSON, and compared by name. A
//! value is never shown, and what a secret or a config holds is not hashed at all: a hash of a short secret gives it away.

use std::collections::BTreeMap;
use std::fmt;

use crate::canonical::{self, Folder, Form};
use crate::go_json::string;
use crate::hash::sha256;
use crate::model::{Project, Service};

/// 48 bits of SHA-256: enough against chance.
const SHORT: usize = 12;
/// A label that is longer was not written by us.
const MAX_LABEL: usize = 1 << 20;

/// Key and short hash: `image`, `ports`, `environment.DEBUG`, `labels.tier`, `volumes./data`, `networks.back`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fingerprint(BTreeMap<String, String>);

/// A key that is not what it was.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    pub key: String,
    pub how: How,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    Added,
    Removed,
    Changed,
}

/// `environment.DEBUG changed`.
impl fmt::Display for Change {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match self.how {
            How::Added => "added",
            How::Removed => "removed",
            How::Changed => "changed",
        };
        write!(out, "{} {how}", self.key)
    }
}

impl Fingerprint {
    /// Of a service as it is wanted now.
    pub fn of(project: &Project, service: &Service) -> Self {
        let mut keys = BTreeMap::new();
        let mut add = |key: String, json: &str| {
            keys.insert(key, sha256(json).chars().take(SHORT).collect::<String>());
        };
        // Split up below.
        let split =
            ["annotations", "configs", "environment", "labels", "networks", "secrets", "sysctls", "ulimits", "volumes", "label_file"];
        for (name, json) in canonical::service(service, Folder::Unknown, Form::Compose5).fields() {
            let empty = matches!(name, "command" | "entrypoint") && json == "null";
            if !split.contains(&name) && !empty {
                add(name.to_owned(), json);
            }
        }
        for (section, map) in [("annotations", &service.annotations), ("labels", &service.labels), ("sysctls", &service.sysctls)] {
            for (name, value) in map {
                add(format!("{section}.{name}"), &string(value));
            }
        }
        for (name, value) in &service.environment {
            add(format!("environment.{name}"), &value.as_ref().map_or_else(|| "null".to_owned(), |value| string(value)));
        }
        for name in &service.removed {
            add(format!("environment.{name}"), "null");
        }
        for (name, end) in &service.networks {
            let full = project.networks.get(name).map_or(name, |network| &network.name);
            add(format!("networks.{name}"), &format!("{}{}", string(full), canonical::end_of(end)));
        }
        for (name, limit) in &service.ulimits {
            add(format!("ulimits.{name}"), &canonical::ulimit(limit));
        }
        for mount in &service.volumes {
            let full = mount.source.as_ref().and_then(|source| project.volumes.get(source)).map_or("", |volume| volume.name.as_str());
            add(
                format!("volumes.{}", mount.target),
                &format!("{}{}", string(full), canonical::mount(mount, Folder::Unknown, Form::Compose5)),
            );
        }
        for config in &service.configs {
            let known = project.configs.get(&config.source);
            let from = known.and_then(|known| known.file.as_ref().or(known.environment.as_ref())).map_or("", String::as_str);
            add(
                format!("configs.{}", config.source),
                &format!("{}{}", string(from), canonical::reference(config, Some(config.config_target()))),
            );
        }
        for secret in &service.secrets {
            let known = project.secrets.get(&secret.source);
            let from = known.and_then(|known| known.file.as_ref().or(known.environment.as_ref())).map_or("", String::as_str);
            add(
                format!("secrets.{}", secret.source),
                &format!("{}{}", string(from), canonical::reference(secret, Some(secret.secret_target()))),
            );
        }
        Self(keys)
    }

    /// For a label: JSON, keys in order.
    pub fn to_label(&self) -> String {
        crate::go_json::object(self.0.iter().map(|(key, hash)| (key.as_str(), string(hash))))
    }

    /// From a label; none when it is not one of ours.
    pub fn from_label(label: &str) -> Option<Self> {
        if label.len() > MAX_LABEL {
            return None;
        }
        let serde_json::Value::Object(map) = serde_json::from_str(label).ok()? else { return None };
        map.into_iter().map(|(key, hash)| hash.as_str().map(|hash| (key, hash.to_owned()))).collect::<Option<_>>().map(Self)
    }

    /// One hash of all keys.
    pub fn id(&self) -> String {
        sha256(&self.to_label())
    }

    /// The keys that have to change for this to become `wanted`, in order of their names.
    pub fn changes_to(&self, wanted: &Self) -> Vec<Change> {
        let mut changes: Vec<Change> = Vec::new();
        let mut add = |key: &String, how: How| changes.push(Change { key: key.clone(), how });
        for (key, hash) in &wanted.0 {
            match self.0.get(key) {
                None => add(key, How::Added),
                Some(old) if old != hash => add(key, How::Changed),
                Some(_) => {}
            }
        }
        for key in self.0.keys().filter(|key| !wanted.0.contains_key(*key)) {
            add(key, How::Removed);
        }
        changes.sort();
        changes
    }
}
