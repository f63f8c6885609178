//! Compose's `config-hash`: SHA-256 of a service as Go prints it as JSON.
//!
//! What decides here is [`Fingerprint`](crate::Fingerprint); by this hash `docker compose` tells whether it has to make a
//! container anew, and we take over what it made. It agrees with Compose 2.40, whose hashes are in the tests, and with
//! what Compose 5 does, unless the service shares another one's network or namespace (Compose puts that container's id in)
//! or has `develop:`.

use sha2::{Digest, Sha256};

pub use crate::canonical::Form;
use crate::canonical::{self, Folder, MARK};
use crate::model::{Network, Service, Volume};

/// The label `com.docker.compose.config-hash` of a container. `folder` is the project's absolute folder, which bind
/// mounts are part of: none when it is not known.
pub fn service(service: &Service, folder: Option<&str>, form: Form) -> String {
    sha256(&canonical::service(service, folder.map_or(Folder::Unknown, Folder::Known), form).done())
}

/// What is hashed, for those who do not know the folder: every second piece is a relative path in its place.
pub fn pieces(service: &Service, form: Form) -> Vec<String> {
    canonical::service(service, Folder::Marked, form).done().split(MARK).map(str::to_owned).collect()
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
