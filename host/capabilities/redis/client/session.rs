//! A guest's connection: opened again by the next call when it broke, never sending a change twice.

use super::cluster::{Cluster, slot_of};
use super::connect;
use super::reply::Reply;
use super::request::Request;
use super::target::{Address, Target};
use super::wire::{Budget, Wire};
use super::{Failure, Timeouts};

pub(in super::super) struct Session {
    way: Way,
    version: String,
    link: Link,
}

enum Link {
    Server(Option<Wire>),
    Cluster(Cluster),
}

/// How connections of one session are made.
#[derive(Clone)]
pub(in super::super) struct Way {
    pub(in super::super) target: Target,
    /// The connection's name on the server.
    pub(in super::super) name: String,
    pub(in super::super) timeouts: Timeouts,
}

/// Why commands have no answers.
#[derive(Debug)]
pub(super) enum Trouble {
    /// They were never sent.
    NotSent(Failure),
    /// Nobody knows whether they were done.
    Unknown(Failure),
}

impl Session {
    pub(in super::super) async fn open(way: Way) -> Result<Self, Failure> {
        if way.target.is_cluster() {
            let (cluster, version) = Cluster::discover(&way).await?;
            return Ok(Self { way, version, link: Link::Cluster(cluster) });
        }
        let connected = connect::server(&way).await?;
        Ok(Self { way, version: connected.version, link: Link::Server(Some(connected.wire)) })
    }

    pub(in super::super) fn version(&self) -> &str {
        &self.version
    }

    /// The replies to all commands, one after another. Dropping this half way closes the connection.
    pub(in super::super) async fn ask(&mut self, request: &Request, budget: &Budget) -> Result<Vec<Reply>, Failure> {
        if request.len() == 0 {
            return Ok(Vec::new());
        }
        match &mut self.link {
            Link::Cluster(cluster) => Box::pin(cluster.ask(&self.way, request, budget)).await,
            Link::Server(wire) => {
                let commands = Commands { bytes: request.bytes(), count: request.len(), changes: request.changes() };
                let (used, replies) = send(wire.take(), &self.way, None, commands, budget).await.map_err(Trouble::into_failure)?;
                // A master that sentinels demoted answers READONLY: the next call asks them for the new one.
                let demoted = |reply: &Reply| matches!(reply, Reply::Failed(error) if error.code == "READONLY");
                *wire = (!replies.iter().any(demoted)).then_some(used);
                Ok(replies)
            }
        }
    }

    /// The answers of every master to one command.
    pub(in super::super) async fn ask_masters(&mut self, request: &Request, budget: &Budget) -> Result<Vec<Reply>, Failure> {
        match &mut self.link {
            Link::Cluster(cluster) => Box::pin(cluster.ask_masters(&self.way, request, budget)).await,
            Link::Server(_) => self.ask(request, budget).await,
        }
    }

    /// The servers that a walk over all keys has to visit; none means the one.
    pub(in super::super) fn masters(&self) -> Vec<Option<Master>> {
        match &self.link {
            Link::Server(_) => vec![None],
            Link::Cluster(cluster) => cluster.masters().map(|address| Some(Master(address.clone()))).collect(),
        }
    }

    /// Keys, by their places, that may stand in one command: those of one slot on a cluster, else all.
    pub(in super::super) fn groups(&self, keys: &[Vec<u8>]) -> Vec<Vec<usize>> {
        match &self.link {
            Link::Server(_) if keys.is_empty() => Vec::new(),
            Link::Server(_) => vec![(0..keys.len()).collect()],
            Link::Cluster(_) => {
                let mut order: Vec<(u16, usize)> = keys.iter().enumerate().map(|(index, key)| (slot_of(key), index)).collect();
                order.sort_unstable();
                order.chunk_by(|one, other| one.0 == other.0).map(|group| group.iter().map(|(_, index)| *index).collect()).collect()
            }
        }
    }
}

/// One of a cluster's masters, opaque to those who do not connect.
#[derive(Clone)]
pub(in super::super) struct Master(pub(super) Address);

/// Encoded commands on their way to one server.
#[derive(Clone, Copy)]
pub(super) struct Commands<'c> {
    pub(super) bytes: &'c [u8],
    pub(super) count: usize,
    pub(super) changes: bool,
}

/// Sends commands over a connection that was idle, or over a new one. What only reads is sent again when
/// the idle connection turns out to be broken before the first answer.
pub(super) async fn send(
    idle: Option<Wire>,
    way: &Way,
    node: Option<&Address>,
    commands: Commands<'_>,
    budget: &Budget,
) -> Result<(Wire, Vec<Reply>), Trouble> {
    let mut idle = idle;
    if idle.as_mut().is_some_and(Wire::is_stale) {
        idle = None;
    }
    loop {
        let was_idle = idle.is_some();
        let mut wire = match (idle.take(), node) {
            (Some(wire), _) => wire,
            (None, None) => Box::pin(connect::server(way)).await.map_err(Trouble::NotSent)?.wire,
            // Boxed, as is all that a call seldom needs: a call's own state is moved about in each layer above.
            (None, Some(address)) => Box::pin(connect::node(way, address)).await.map_err(Trouble::NotSent)?.wire,
        };
        let mut replies = Vec::with_capacity(commands.count);
        match wire.exchange(commands.bytes, commands.count, budget, &mut replies).await {
            Ok(()) => return Ok((wire, replies)),
            Err(Failure::Unreachable(_)) if was_idle && replies.is_empty() && !commands.changes => {}
            Err(failure) => return Err(Trouble::Unknown(failure)),
        }
    }
}

impl Trouble {
    pub(super) fn into_failure(self) -> Failure {
        match self {
            Self::NotSent(failure) => failure,
            Self::Unknown(Failure::Unreachable(text)) => Failure::Unreachable(format!(
                "the connection broke ({text}); nobody knows whether the call was done; the next call connects anew"
            )),
            Self::Unknown(failure) => failure,
        }
    }
}
