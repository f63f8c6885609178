//! The Docker engine, inside of one compose project.

use std::path::PathBuf;

/// Where the engine is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// `unix:///var/run/docker.sock`, `tcp://build:2376`
    pub address: String,
    /// A folder with `ca.pem`, `cert.pem` and `key.pem`: TLS, with the engine's name checked.
    pub certificates: Option<PathBuf>,
}
