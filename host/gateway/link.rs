//! Connections to the ring's servers. Each job has one of its own: a blocking pop or a transaction must not be
//! mixed with what others send.

use std::time::Duration;

use redis::aio::{MultiplexedConnection, PubSub};
use redis::{ErrorKind, RedisError, RedisResult};

use crate::capabilities::redis::client::{Failure as Lost, Target, Timeouts};
use crate::outcome::{Failure, Result};

const CONNECT: Duration = Duration::from_secs(5);
/// Pauses between attempts: the first, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

#[derive(Clone)]
pub(super) struct Server {
    target: Target,
}

impl Server {
    pub(super) fn new(url: &str) -> Result<Self> {
        let target = Target::parse(url).map_err(|why| {
            Failure::usage(format!("an address of Redis cannot be used: {why}"))
                .hint("redis://[USER:PASSWORD@]HOST:PORT/DB, rediss://..., unix:///path?db=N")
        })?;
        if target.is_cluster() {
            return Err(Failure::usage("a Redis cluster cannot hold a channel layer: Django Channels knows no clusters")
                .hint("--redis redis://host:6379/0, repeated for a ring"));
        }
        Ok(Self { target })
    }

    /// `patience` is how long an answer may take.
    pub(super) async fn connect(&self, patience: Duration) -> RedisResult<MultiplexedConnection> {
        self.target.client(Timeouts { connect: CONNECT, answer: patience }).await.map_err(lost)
    }

    pub(super) async fn subscribe(&self) -> RedisResult<PubSub> {
        let client = self.target.redis_client(Timeouts { connect: CONNECT, answer: CONNECT }).await.map_err(lost)?;
        tokio::time::timeout(CONNECT, client.get_async_pubsub()).await.unwrap_or_else(|_| Err(timed_out()))
    }
}

fn lost(failure: Lost) -> RedisError {
    RedisError::from((ErrorKind::Client, "not connected", failure.to_string()))
}

pub(super) fn timed_out() -> RedisError {
    std::io::Error::from(std::io::ErrorKind::TimedOut).into()
}

/// For messages: without addresses, which may hold passwords.
pub(super) fn reason(error: &RedisError) -> String {
    match error.code() {
        Some(code) => format!("it answers {code}"),
        None if error.kind() == ErrorKind::Client => error.detail().unwrap_or("not connected").to_owned(),
        None if error.is_timeout() => "no answer in time".to_owned(),
        None => error.category().to_owned(),
    }
}

/// Growing pauses with jitter, so that many gateways do not come back at the same moment.
#[derive(Debug)]
pub(super) struct Pauses(Duration);

impl Pauses {
    pub(super) fn new() -> Self {
        Self(PAUSES.0)
    }

    pub(super) async fn rest(&mut self) {
        let share = 0.5 + rand::random::<f64>() / 2.0;
        tokio::time::sleep(self.0.mul_f64(share)).await;
        self.0 = (self.0 * 2).min(PAUSES.1);
    }
}
