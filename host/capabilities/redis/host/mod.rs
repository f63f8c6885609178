//! The WIT functions: one file per interface. The first line of each is the gate.

mod answers;
mod connection;
mod delete;
mod keys;
mod pipeline;
mod publish;
mod read;
mod scan;
mod write;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use wasmtime::component::Resource;

use crate::gate::{Decision, Effect, Gate, Operation};
use crate::grants::RedisPower;

use super::RedisView;
use super::client::{Budget, Reply, Request, Session, Target, Timeouts};
use super::error::{failed, refused, too_much};
use super::limits;
use super::policy::Permit;
use super::types::Error;

pub use self::scan::Scan;

/// A guest's connection.
pub struct Connection {
    permit: Arc<Permit>,
    /// None once it was closed.
    session: Option<Session>,
    /// Counts it as open.
    place: Option<Place>,
    /// For walks over keys, which have connections of their own.
    target: Target,
    timeouts: Timeouts,
}

/// One of a bounded number of things that are open; dropping it makes room.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(open: &Arc<AtomicUsize>, bound: usize) -> Option<Self> {
        let taken = open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| (count < bound).then_some(count + 1));
        taken.is_ok().then(|| Self(Arc::clone(open)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Connection {
    fn close(&mut self) {
        self.session = None;
        self.place = None;
    }

    /// A key as the server has it.
    fn real(&self, key: &[u8]) -> Vec<u8> {
        [self.permit.prefix(), key].concat()
    }

    /// Keys, by their places, that may stand in one command.
    fn groups(&self, real: &[Vec<u8>]) -> Vec<Vec<usize>> {
        self.session.as_ref().map(|session| session.groups(real)).unwrap_or_default()
    }

    /// The replies to a request; an error of the server's is a reply as well.
    async fn ask(&mut self, request: &Request) -> Result<Vec<Reply>, Error> {
        let name = self.permit.name();
        if request.bytes().len() > limits::REQUEST_BYTES {
            return Err(too_much(format!("a call of {} bytes; at most {} are possible", request.bytes().len(), limits::REQUEST_BYTES)));
        }
        let Some(session) = &mut self.session else {
            return Err(Error::ConnectionFailed(format!("the connection to Redis `{name}` is closed")));
        };
        session.ask(request, &Budget::new(limits::ANSWER_BYTES)).await.map_err(|failure| failed(name, failure))
    }

    /// The same where any error of the server's fails the call.
    async fn done(&mut self, request: &Request) -> Result<answers::Answers, Error> {
        let replies = self.ask(request).await?;
        answers::Answers::new(replies, self.permit.prefix())
    }

    /// One command on one key, named as the guest names it.
    async fn on_key(&mut self, changes: bool, command: &str, key: &[u8], rest: &[&[u8]]) -> Result<answers::Answers, Error> {
        let real = self.real(key);
        let mut request = if changes { Request::changing() } else { Request::reading() };
        let words = [command.as_bytes(), real.as_slice()].into_iter().chain(rest.iter().copied());
        request.add_all(2 + rest.len(), words, Some(1));
        self.done(&request).await
    }

    fn failed_with(&self, error: super::client::ServerError) -> Error {
        Error::CommandFailed(refused(error, self.permit.prefix()))
    }
}

/// What is decided about a call, on its way through the gate.
struct Pass {
    gate: Gate,
    operation: Operation,
    decision: Decision,
    /// Sizes are measured only of what is granted.
    bounds: Result<(), Error>,
}

impl Pass {
    async fn through<T>(self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let Self { gate, operation, decision, bounds } = self;
        let bounded = async {
            bounds?;
            work.await
        };
        gate.pass(operation, decision, bounded).await
    }
}

impl RedisView<'_> {
    /// The gate's way and the connection for a call that needs `power` on these keys.
    fn enter<'k>(
        &mut self,
        on: &Resource<Connection>,
        action: &'static str,
        power: RedisPower,
        keys: impl IntoIterator<Item = &'k [u8], IntoIter: Clone>,
    ) -> wasmtime::Result<(Pass, &mut Connection)> {
        let connection = self.table.get_mut(on)?;
        let (permit, keys) = (&connection.permit, keys.into_iter());
        let decision = permit.keyed(power, keys.clone());
        let operation = operation(action, permit.name(), effect(power), keys.clone().next().unwrap_or_default());
        let bounds = keys.clone().try_for_each(check_key).and_then(|()| check_count(keys.count(), "keys"));
        Ok((Pass { gate: self.ctx.gate.clone(), operation, decision, bounds }, connection))
    }
}

fn effect(power: RedisPower) -> Effect {
    match power {
        RedisPower::Read => Effect::Read,
        RedisPower::Write | RedisPower::Publish => Effect::Change,
        RedisPower::Delete => Effect::Destroy,
    }
}

fn operation(action: &'static str, target: &str, effect: Effect, detail: &[u8]) -> Operation {
    // The journal cuts further; a key of 64 KiB is not copied for it.
    let detail = String::from_utf8_lossy(detail.get(..detail.len().min(240)).unwrap_or_default()).into_owned();
    Operation { capability: "redis", action, target: target.to_owned(), effect, detail }
}

fn check_key(key: &[u8]) -> Result<(), Error> {
    match key.len() > limits::KEY_BYTES {
        true => Err(too_much(format!("a key of {} bytes; at most {} are possible", key.len(), limits::KEY_BYTES))),
        false => Ok(()),
    }
}

fn check_count(count: usize, what: &str) -> Result<(), Error> {
    match count > limits::WORDS {
        true => Err(too_much(format!("{count} {what}; at most {} are possible in one call", limits::WORDS))),
        false => Ok(()),
    }
}
