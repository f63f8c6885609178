//! What a gateway is told before it starts. Made by `host/verbs/gateway.rs` from flags and host.toml.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue};

pub use super::clock::Patience;
pub use super::frames::Bounds;
pub use super::label::label;
pub use super::limits::CLOSING;
pub use super::origin::Pattern;
pub use super::peer::Network;
use crate::channels;

pub struct Settings {
    pub listen: Vec<String>,
    pub admin_listen: Vec<String>,
    pub reuse_port: bool,
    /// Certificate and key.
    pub tls: Option<(PathBuf, PathBuf)>,
    pub upstream: String,
    pub upstream_ca: Option<PathBuf>,
    /// `Host` towards the application; none is the client's own.
    pub upstream_host: Option<HeaderValue>,
    /// `Host` towards the application is the upstream's address.
    pub own_host: bool,
    pub upstream_patience: Duration,
    pub label: String,
    pub label_header: HeaderName,
    /// None works as a plain proxy.
    pub channels: Option<channels::Settings>,
    pub liveness: Duration,
    pub patience: Patience,
    pub bounds: Bounds,
    pub close_code: u16,
    pub drop_reason: Arc<str>,
    pub drain_reason: Arc<str>,
    pub drain: Duration,
    /// None is as many as files may be open.
    pub connections: Option<u64>,
    pub handshake: Duration,
    /// Handshakes of one address a second.
    pub handshake_rate: Option<f64>,
    pub origins: Vec<Pattern>,
    pub origin_required: bool,
    pub trusted_proxies: Vec<Network>,
    pub json: bool,
}
