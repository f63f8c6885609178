//! Compose's `config-hash`: SHA-256 of a service as Go prints it as JSON.
//!
//! A courtesy to `docker compose`, whose hash changes between its versions: what decides here is
//! [`Fingerprint`](crate::Fingerprint). It agrees with Compose 5 unless the service shares another one's network or
//! namespace (Compose puts that container's id in), has `develop:`, or mounts relative folders and the project's
//! absolute folder is not given.

use sha2::{Digest, Sha256};

use crate::canonical;
use crate::model::{Network, Service, Volume};

/// The label `com.docker.compose.config-hash` of a container. `folder` is the project's absolute folder, which bind
/// mounts are part of: none when it is not known.
pub fn service(service: &Service, folder: Option<&str>) -> String {
    sha256(&canonical::service(service, folder).done())
}

/// The same label of a network.
pub fn network(network: &Network) -> String {
    sha256(&canonical::network(network))
}

/// The same label of a volume.
pub fn volume(volume: &Volume) -> String {
    sha256(&canonical::volume(volume))
}

pub(crate) fn sha256(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
