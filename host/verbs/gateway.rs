//! `host gateway`: a websocket edge in front of an application, until a signal ends it.
//!
//! What is not a flag comes from host.toml's `[broadcast]`, and neither is needed: without Redis it carries
//! websockets and says that nobody can list them.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue};
use clap::Args;

use super::Context;
use crate::channels::{self, Mode};
use crate::gateway::settings::{self, Bounds, CLOSING, Network, Patience, Pattern, Settings};
use crate::outcome::{Failure, Result};
use crate::project::units;

const EXAMPLES: &str = "\
Examples:
  host gateway --upstream ws://127.0.0.1:8000
  host gateway --listen 0.0.0.0:443 --tls-cert site.pem --tls-key site.key --upstream ws://app:8000
  host gateway --upstream ws://app:8000 --redis redis://127.0.0.1/1 --prefix shop:asgi: --label 411b261.production
  host gateway --upstream ws://app:8000 --allow-origin 'https://*.example.com' --admin-listen 127.0.0.1:9100
  host gateway --upstream ws://app:8000 --trusted-proxy 10.0.0.0/8 --handshake-rate 20

Pages reconnect and reload with `<script src=\"/_host/client.js\">` and `hostConnect(\"/ws\", {message: e => ...})`.
SIGTERM or SIGINT drains and exits 0; a second one ends at once with 143 or 130. SIGHUP reads certificates again.";

/// What Django Channels takes when it is told nothing.
const PREFIX: &str = "asgi";
/// Close codes that a server may send: those of the protocol and of applications.
const CLOSE_CODES: [std::ops::RangeInclusive<u16>; 3] = [1000..=1003, 1007..=1013, 3000..=4999];

/// Carry websockets to an application, as connections that can be dropped and told to reload
#[derive(Debug, Args)]
#[command(before_help = EXAMPLES)]
pub struct Gateway {
    /// Take websockets at this address; can be repeated
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080")]
    listen: Vec<String>,
    /// The application: ws:// or wss://, with a path that goes before every path
    #[arg(long, value_name = "URL")]
    upstream: String,
    /// Trust these authorities (PEM) instead of this machine's for wss://
    #[arg(long, value_name = "FILE")]
    upstream_ca: Option<PathBuf>,
    /// `Host` towards the application: `client` for the browser's, `upstream` for its own address, or a name
    #[arg(long, value_name = "HOST", default_value = "client")]
    upstream_host: String,
    /// How long the application may take to answer a handshake; then 504
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = units::duration)]
    upstream_timeout: Duration,

    /// Name of the connections; without it COMMIT.ENVIRONMENT from git and the environment, or `unknown`
    #[arg(long)]
    label: Option<String>,
    /// A header of the application's answer (or a trusted proxy's request) that names another label
    #[arg(long, value_name = "NAME", default_value = "x-host-label")]
    label_header: String,
    /// A `[redis.NAME]` of host.toml or an address; repeated, a ring whose first is shard 0
    #[arg(long, value_name = "NAME|URL", conflicts_with = "no_redis")]
    redis: Vec<String>,
    /// Before all keys of the channel layer; without it that of `[broadcast]`, or `asgi`
    #[arg(long, conflicts_with = "no_redis")]
    prefix: Option<String>,
    /// The channel layer: auto, core or pubsub; without it that of `[broadcast]`, or auto
    #[arg(long, conflicts_with = "no_redis")]
    mode: Option<String>,
    /// Only carry websockets, even if host.toml has a `[broadcast]`
    #[arg(long)]
    no_redis: bool,
    /// After this time without a sign of life others take a gateway's connections out of Redis
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = units::duration)]
    liveness: Duration,

    /// Code of our own closes
    #[arg(long, value_name = "CODE", default_value_t = 1012)]
    close_code: u16,
    /// Reason of a close by `connections drop`
    #[arg(long, value_name = "TEXT", default_value = "please reconnect")]
    close_reason: String,
    /// Spread closes over this time when the gateway ends
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = units::duration)]
    drain: Duration,

    /// Ask clients that were silent for this time whether they are there; `never` asks nobody
    #[arg(long, value_name = "TIME", default_value = "30s")]
    ping_interval: String,
    /// Let go of clients that do not answer within this time
    #[arg(long, value_name = "TIME", default_value = "20s", value_parser = units::duration)]
    ping_timeout: Duration,
    /// Let go of whoever does not take 64 KiB within this time
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = units::duration)]
    write_timeout: Duration,
    /// How long a client may take for the headers of its handshake
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = units::duration)]
    handshake_timeout: Duration,
    /// Handshakes of one address (IPv6: one /64) a second, twice as many at once; 0 is no limit
    #[arg(long, value_name = "N", default_value_t = 100.0)]
    handshake_rate: f64,
    /// Connections at once; without it half of the files that may be open
    #[arg(long, value_name = "N")]
    max_connections: Option<u64>,
    /// Largest frame that is passed on, either way; a larger one closes with 1009
    #[arg(long, value_name = "SIZE", default_value = "16MiB", value_parser = units::size)]
    max_frame: u64,
    /// Largest message that is passed on, in as many frames as it likes
    #[arg(long, value_name = "SIZE", default_value = "64MiB", value_parser = units::size)]
    max_message: u64,

    /// Pages that may connect besides those of the same host: `https://app.example.com`, `https://*.example.com`, `null`, `*`
    #[arg(long, value_name = "ORIGIN")]
    allow_origin: Vec<String>,
    /// Refuse clients that send no `Origin`, which browsers always do
    #[arg(long)]
    require_origin: bool,
    /// A proxy in front that is believed what it says about clients: an address or a network
    #[arg(long, value_name = "NETWORK")]
    trusted_proxy: Vec<String>,
    /// Serve /metrics and /_host/ here to whoever reaches it; without it only to this machine, at --listen
    #[arg(long, value_name = "HOST:PORT")]
    admin_listen: Vec<String>,
    /// Certificates (PEM) for wss://; read again when they change
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Key (PEM) of the certificate
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Let other gateways on this machine listen at the same addresses
    #[arg(long)]
    reuse_port: bool,
}

pub fn run(verb: &Gateway, context: &Context) -> Result<u8> {
    crate::gateway::run(verb.settings(context)?)
}

impl Gateway {
    fn settings(&self, context: &Context) -> Result<Settings> {
        let silence = match self.ping_interval.as_str() {
            "never" => None,
            text => Some(units::duration(text).map_err(|error| Failure::usage(format!("`--ping-interval` must be {error}")))?),
        };
        if !CLOSE_CODES.iter().any(|codes| codes.contains(&self.close_code)) {
            let failure = Failure::usage(format!("`{}` is no close code that a server may send", self.close_code));
            return Err(failure.hint("1012 (service restart), 1001 (going away) or 4000 to 4999 (your own)"));
        }
        if !(self.handshake_rate.is_finite() && self.handshake_rate >= 0.0) {
            return Err(Failure::usage(format!(
                "`--handshake-rate` must be a number of handshakes a second, not `{}`",
                self.handshake_rate
            )));
        }
        let upstream_host = match self.upstream_host.as_str() {
            "client" | "upstream" => None,
            host => Some(HeaderValue::from_str(host).map_err(|_| Failure::usage(format!("`{}` is no host", host.escape_debug())))?),
        };
        Ok(Settings {
            listen: self.listen.clone(),
            admin_listen: self.admin_listen.clone(),
            reuse_port: self.reuse_port,
            tls: self.tls_cert.clone().zip(self.tls_key.clone()),
            upstream: self.upstream.clone(),
            upstream_ca: self.upstream_ca.clone(),
            upstream_host,
            own_host: self.upstream_host == "upstream",
            upstream_patience: self.upstream_timeout,
            label: settings::label(self.label.as_deref(), context.project.environment(), context.project.root())?,
            label_header: HeaderName::from_str(&self.label_header)
                .map_err(|_| Failure::usage(format!("`{}` is no name of a header", self.label_header.escape_debug())))?,
            channels: self.channels(context)?,
            liveness: self.liveness.max(Duration::from_secs(1)),
            patience: Patience { silence, answer: self.ping_timeout, stall: self.write_timeout, closing: CLOSING },
            bounds: Bounds { frame: self.max_frame, message: self.max_message.max(self.max_frame) },
            close_code: self.close_code,
            drop_reason: Arc::from(self.close_reason.as_str()),
            drain_reason: Arc::from("this gateway is about to end"),
            drain: self.drain,
            connections: self.max_connections,
            handshake: self.handshake_timeout,
            handshake_rate: (self.handshake_rate > 0.0).then_some(self.handshake_rate),
            origins: each(&self.allow_origin, "--allow-origin", Pattern::parse)?,
            origin_required: self.require_origin,
            trusted_proxies: each(&self.trusted_proxy, "--trusted-proxy", Network::parse)?,
            json: context.json,
        })
    }

    /// Flags before host.toml; nothing of both is a plain proxy.
    fn channels(&self, context: &Context) -> Result<Option<channels::Settings>> {
        if self.no_redis {
            return Ok(None);
        }
        let configured = if self.redis.is_empty() || self.prefix.is_none() { context.project.broadcast()? } else { None };
        let redis = match (&configured, self.redis.as_slice()) {
            (Some(configured), []) => configured.redis.clone(),
            (None, []) => return self.without_redis(),
            (_, names) => names.iter().map(|name| address(name, context)).collect::<Result<_>>()?,
        };
        let mode = match &self.mode {
            Some(word) => {
                Mode::from_word(word).ok_or_else(|| Failure::usage(format!("`--mode` must be auto, core or pubsub, not `{word}`")))?
            }
            None => configured.as_ref().map_or(Mode::Auto, |configured| configured.mode),
        };
        let prefix = self.prefix.clone().or(configured.map(|configured| configured.prefix)).unwrap_or_else(|| PREFIX.to_owned());
        Ok(Some(channels::Settings { redis, prefix, mode }))
    }

    fn without_redis(&self) -> Result<Option<channels::Settings>> {
        if self.prefix.is_none() && self.mode.is_none() {
            return Ok(None);
        }
        Err(Failure::usage("`--prefix` and `--mode` need a Redis").hint("--redis redis://127.0.0.1:6379/0"))
    }
}

/// An address as it stands, or that of `[redis.NAME]`.
fn address(name: &str, context: &Context) -> Result<String> {
    if name.contains("://") {
        return Ok(name.to_owned());
    }
    context.project.redis(name)?.ok_or_else(|| {
        Failure::usage(format!("there is no `[redis.{name}]` in host.toml"))
            .hint(format!("--redis redis://127.0.0.1:6379/0, or add:\n[redis.{name}]\nurl = \"redis://127.0.0.1:6379/0\""))
    })
}

fn each<T>(texts: &[String], flag: &str, parse: impl Fn(&str) -> std::result::Result<T, String>) -> Result<Vec<T>> {
    texts.iter().map(|text| parse(text).map_err(|error| Failure::usage(format!("`{flag}` must be {error}")))).collect()
}
