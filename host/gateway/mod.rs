//! `host gateway`: a websocket edge in front of any application, whose connections can be listed, dropped and
//! told to reload like those of a Django Channels server.
//!
//! The way of one connection: [`listen`] accepts it, [`handshake`] looks whether it may ([`origin`], [`peer`],
//! [`limits`]) and asks the application ([`upstream`], [`headers`]), [`pipe`] carries its frames ([`frames`]).
//! The way of one broadcast: Redis, [`obey`], [`registry`], a flag in each connection's handle, [`pipe`].
//! [`presence`] keeps Redis right about who is connected. [`clock`] watches over all; [`drain`] is the end.
//!
//! Invariants: nothing that comes from outside grows without a bound; a connection that idles holds no buffer;
//! whatever Redis does, no client notices.

mod clock;
mod drain;
mod frames;
mod handshake;
mod headers;
mod label;
mod limits;
mod link;
mod listen;
mod log;
mod metrics;
mod names;
mod obey;
mod origin;
mod page;
mod peer;
mod pipe;
mod presence;
mod reap;
mod registry;
pub mod settings;
mod stream;
mod tls;
mod upstream;

use std::sync::Arc;

use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use self::clock::Clock;
use self::limits::Rates;
use self::link::Server;
use self::listen::Door;
use self::log::Log;
use self::metrics::Metrics;
use self::page::Everywhere;
use self::registry::Registry;
pub use self::settings::Settings;
use self::tls::Certificate;
use self::upstream::Upstream;
use crate::outcome::{Ending, Result};
use crate::terminal;

/// What all connections share.
pub(crate) struct Gateway {
    settings: Settings,
    upstream: Upstream,
    registry: Arc<Registry>,
    metrics: Metrics,
    clock: Clock,
    rates: Rates,
    everywhere: Everywhere,
    log: Log,
    /// Places of connections.
    places: Arc<Semaphore>,
    /// Places of handshakes.
    handshakes: Arc<Semaphore>,
    has_admin_door: bool,
    phase: watch::Sender<Phase>,
}

/// How near the end is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Serving,
    /// No new connections; those that stand are closed one by one.
    Draining,
    /// The doors are closed.
    Over,
}

impl Gateway {
    fn is_draining(&self) -> bool {
        *self.phase.borrow() >= Phase::Draining
    }

    /// Waits until this kind of door is closed.
    async fn closed(&self, admin: bool) {
        let last = if self.has_admin_door && !admin { Phase::Draining } else { Phase::Over };
        let mut phase = self.phase.subscribe();
        // The sender is ours: it lives as long as we do.
        let _ = phase.wait_for(|phase| *phase >= last).await;
    }

    fn redis_word(&self) -> &'static str {
        match (&self.settings.channels, self.metrics.redis_is_up()) {
            (None, _) => "none",
            (Some(_), true) => "up",
            (Some(_), false) => "down",
        }
    }
}

/// Serves until a signal ends it; answers the exit code.
pub fn run(settings: Settings) -> Result<u8> {
    let failed = |error: std::io::Error| crate::outcome::Failure::failed(format!("failed to start the gateway's threads: {error}"));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(failed)?;
    let ending = runtime.block_on(serve(settings));
    // Name lookups that hang must not keep the process.
    runtime.shutdown_background();
    ending
}

async fn serve(mut settings: Settings) -> Result<u8> {
    let log = Log { json: settings.json };
    let mut ends = drain::Ends::new()?;
    let fit = limits::raise_descriptors();
    let places = settings.connections.unwrap_or(fit).min(fit);
    if settings.connections.is_some_and(|wanted| wanted > fit) {
        log.warn(&format!("only {fit} connections fit into the limit of open files (`ulimit -Hn`), two files each"));
    }
    let certificate = match &settings.tls {
        Some((certificate, key)) => Some(Certificate::load(certificate, key)?),
        None => None,
    };
    let authority = settings.upstream_ca.clone();
    let upstream = Upstream::new(&settings.upstream, || tls::client(authority.as_deref()), settings.upstream_patience)?;
    if settings.own_host {
        settings.upstream_host = upstream.host_header();
    }
    let servers = match &settings.channels {
        Some(channels) => channels.redis.iter().map(|url| Server::new(url)).collect::<Result<Vec<_>>>()?,
        None => Vec::new(),
    };
    let doors = open_doors(&settings, certificate.as_ref()).await?;
    let gateway = Arc::new(Gateway {
        upstream,
        registry: Arc::new(Registry::default()),
        metrics: Metrics::new(),
        clock: Clock::new(),
        rates: Rates::new(settings.handshake_rate),
        everywhere: Everywhere::default(),
        log,
        places: Arc::new(Semaphore::new(usize::try_from(places).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS))),
        handshakes: Arc::new(Semaphore::new(limits::HANDSHAKES)),
        has_admin_door: doors.iter().any(|door| door.admin),
        phase: watch::Sender::new(Phase::Serving),
        settings,
    });
    greet(&gateway, &doors, places);
    if let Some(certificate) = certificate {
        tokio::spawn(certificate.watch(log));
    }
    tokio::spawn(clock::run(Arc::clone(&gateway)));
    let router = page::router(&gateway);
    for door in doors {
        tokio::spawn(listen::run(Arc::clone(&gateway), door, router.clone()));
    }
    let presence = register(&gateway, servers);
    ends.next().await;
    Ok(finish(&gateway, &mut ends, presence).await)
}

/// Begins to tell Redis who is here, and to listen to it. The task ends when everything was taken out again.
fn register(gateway: &Arc<Gateway>, servers: Vec<Server>) -> Option<JoinHandle<()>> {
    let channels = gateway.settings.channels.clone()?;
    let (tell, told) = watch::channel(None);
    tokio::spawn(obey::run(Arc::clone(gateway), servers.clone(), told));
    Some(tokio::spawn(presence::run(Arc::clone(gateway), channels, servers, tell)))
}

async fn open_doors(settings: &Settings, certificate: Option<&Arc<Certificate>>) -> Result<Vec<Door>> {
    let mut doors = Vec::new();
    for (addresses, admin) in [(&settings.listen, false), (&settings.admin_listen, true)] {
        for text in addresses {
            let (listener, address) = listen::bind(text, settings.reuse_port && !admin).await?;
            let tls = certificate.filter(|_| !admin).map(Certificate::acceptor).transpose()?;
            doors.push(Door { listener, address, admin, tls });
        }
    }
    Ok(doors)
}

fn greet(gateway: &Gateway, doors: &[Door], places: u64) {
    let log = gateway.log;
    for door in doors {
        let scheme = match (door.admin, door.tls.is_some()) {
            (true, _) => "http",
            (false, true) => "wss",
            (false, false) => "ws",
        };
        let what = if door.admin { "pages of the gateway" } else { "websockets" };
        log.info(&format!("{what} at {scheme}://{}", door.address));
    }
    log.info(&format!("to the application at {}, as `{}`, at most {places} connections", gateway.upstream.address, gateway.settings.label));
    if gateway.settings.channels.is_none() {
        log.warn("without Redis: connections are not registered, and `connections` does not reach them");
    }
}

/// Lets everybody go; a second signal ends at once.
async fn finish(gateway: &Arc<Gateway>, ends: &mut drain::Ends, presence: Option<JoinHandle<()>>) -> u8 {
    gateway.phase.send_replace(Phase::Draining);
    gateway.metrics.draining();
    let over = gateway.settings.drain;
    gateway.log.info(&format!("draining: {} connections, over {} s", gateway.registry.count(), over.as_secs()));
    let ending = tokio::select! {
        () = drain::everybody(gateway, over) => Ending::Ok,
        ending = ends.next() => ending,
    };
    gateway.phase.send_replace(Phase::Over);
    if let Some(presence) = presence.filter(|_| ending == Ending::Ok) {
        // Bounded by its own patience with Redis.
        let _ = presence.await;
    }
    if ending != Ending::Ok {
        gateway.log.warn(&format!("ended at once: {} connections are cut", gateway.registry.count()));
    }
    // Nothing is buffered: a line that was written is out.
    let _ = terminal::finish();
    ending.code()
}
