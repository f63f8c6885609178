//! Hears broadcasts and tells the connections they are for.
//!
//! Core layer: one queue for all connections of this gateway, popped as Channels' own workers pop theirs; the
//! message lists the connections. Pubsub layer: one subscription by pattern covers all connections, however
//! many, and counts as the one receiver that senders look for; another covers Channels' own `group_send`. A
//! Redis user needs `allchannels` for that: its rights name patterns literally, and ours hold the gateway's id.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use redis::{RedisResult, cmd};
use tokio::sync::watch;
use tokio::time::interval;

use super::Gateway;
use super::link::{self, Pauses, Server};
use super::names::Identity;
use super::registry::Signal;
use crate::channels::message::{self, Incoming, Kind};
use crate::channels::{Mode, ring};

/// Seconds that one pop waits: so long a broken connection may go unnoticed.
const WAIT_SECONDS: u64 = 5;
const PATIENCE: Duration = Duration::from_secs(15);
/// Messages taken at once when there are many.
const TAKEN: usize = 500;

/// Waits until the layer is known, then listens until the gateway is over.
pub(super) async fn run(gateway: Arc<Gateway>, servers: Vec<Server>, mut told: watch::Receiver<Option<Identity>>) {
    let Ok(identity) = told.wait_for(Option::is_some).await.map(|identity| identity.clone()) else { return };
    let Some(identity) = identity else { return };
    match identity.mode {
        Mode::Pubsub => {
            for server in servers {
                let (gateway, identity) = (Arc::clone(&gateway), identity.clone());
                tokio::spawn(async move { again(&gateway, || published(&gateway, &server, &identity)).await });
            }
        }
        Mode::Auto | Mode::Core => {
            let shard = ring::shard(&identity.queue_name(), servers.len());
            let Some(server) = servers.get(shard) else { return };
            again(&gateway, || queued(&gateway, server, &identity)).await;
        }
    }
}

/// Listens again whenever the connection breaks. [`super::presence`] says that it did.
async fn again<F: Future<Output = RedisResult<()>>>(gateway: &Gateway, listen: impl Fn() -> F) {
    let mut pauses = Pauses::new();
    loop {
        let started = tokio::time::Instant::now();
        tokio::select! {
            ended = listen() => if let Err(error) = ended {
                gateway.log.detail(&format!("not listening for broadcasts: {}", link::reason(&error)));
            },
            () = gateway.closed(true) => return,
        }
        if started.elapsed() > PATIENCE {
            pauses = Pauses::new();
        }
        pauses.rest().await;
    }
}

async fn queued(gateway: &Gateway, server: &Server, identity: &Identity) -> RedisResult<()> {
    let mut connection = server.connect(PATIENCE).await?;
    let queue = identity.queue();
    loop {
        let popped: Option<(String, Vec<u8>, f64)> = cmd("BZPOPMIN").arg(&queue).arg(WAIT_SECONDS).query_async(&mut connection).await?;
        let Some((_, bytes, _)) = popped else { continue };
        heard(gateway, identity, &bytes);
        loop {
            let more: Vec<(Vec<u8>, f64)> = cmd("ZPOPMIN").arg(&queue).arg(TAKEN).query_async(&mut connection).await?;
            more.iter().for_each(|(bytes, _)| heard(gateway, identity, bytes));
            if more.len() < TAKEN {
                break;
            }
        }
    }
}

fn heard(gateway: &Gateway, identity: &Identity, bytes: &[u8]) {
    let Some(Incoming { kind: Some(kind), channels }) = message::read_core(bytes) else {
        return gateway.log.detail("a message that is no broadcast was passed over");
    };
    let ids = channels.iter().filter_map(|channel| identity.connection(channel));
    done(gateway, kind, gateway.registry.signal(ids, signal(kind)));
}

async fn published(gateway: &Gateway, server: &Server, identity: &Identity) -> RedisResult<()> {
    let (mut sink, mut messages) = server.subscribe().await?.split();
    sink.psubscribe(identity.members()).await?;
    sink.psubscribe(identity.groups()).await?;
    let mut beats = interval(Duration::from_secs(WAIT_SECONDS));
    loop {
        let message = tokio::select! {
            message = messages.next() => message,
            _ = beats.tick() => {
                // A connection that died silently answers nothing.
                let beat = tokio::time::timeout(PATIENCE, sink.ping::<redis::Value>()).await;
                beat.unwrap_or_else(|_| Err(link::timed_out()))?;
                continue;
            }
        };
        let Some(message) = message else { return Ok(()) };
        let Some(Incoming { kind: Some(kind), .. }) = message::read_pubsub(message.get_payload_bytes()) else { continue };
        let channel = message.get_channel_name();
        let reached = match identity.label_of(channel) {
            Some(label) => gateway.registry.signal_label(label, signal(kind)),
            None => gateway.registry.signal(identity.connection(channel), signal(kind)),
        };
        done(gateway, kind, reached);
    }
}

fn signal(kind: Kind) -> Signal {
    match kind {
        Kind::Drop => Signal::Drop,
        Kind::Reload => Signal::Reload,
    }
}

fn done(gateway: &Gateway, kind: Kind, connections: u64) {
    if kind == Kind::Drop {
        gateway.metrics.dropped(connections);
    }
}
