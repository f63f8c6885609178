//! `types.connection`.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::Result as Trap;
use wasmtime::component::Resource;

use crate::capabilities::redis::client::{Session, Target, Timeouts, Way};
use crate::capabilities::redis::error::{failed, too_much};
use crate::capabilities::redis::policy::{Permit, unknown_redis};
use crate::capabilities::redis::types::{CommandError, ConnectOptions, Error, Host, HostConnection};
use crate::capabilities::redis::{RedisCtx, RedisView, limits};
use crate::gate::{Decision, Effect};
use crate::grants::RedisGrant;

use super::{Connection, Place, operation};

impl Host for RedisView<'_> {}

impl RedisCtx {
    async fn open(&self, name: &str, options: ConnectOptions) -> Result<Connection, Error> {
        let unknown = || Error::NoSuchRedis(unknown_redis(name, &self.urls, &self.permits));
        let (url, permit) = self.urls.get(name).zip(self.permits.get(name)).ok_or_else(unknown)?;
        let target = Target::parse(url).map_err(|text| {
            let message = format!("the url of Redis `{name}` in host.toml cannot be read: {text}");
            Error::ConnectionRejected(CommandError { code: "URL".to_owned(), message })
        })?;
        let place = Place::take(&self.open, limits::CONNECTIONS)
            .ok_or_else(|| too_much(format!("{} connections are open already; close one first", limits::CONNECTIONS)))?;
        let or = |ms: u32, default: Duration| if ms == 0 { default } else { Duration::from_millis(u64::from(ms)) };
        let timeouts = Timeouts {
            connect: or(options.connect_timeout_ms, limits::CONNECT_TIMEOUT),
            answer: or(options.response_timeout_ms, limits::ANSWER_TIMEOUT),
        };
        let way = Way { target: target.clone(), name: self.client_name(), timeouts };
        let session = Session::open(way).await.map_err(|failure| failed(name, failure))?;
        Ok(Connection { permit: Arc::new(permit.clone()), session: Some(session), place: Some(place), target, timeouts })
    }

    /// What the server's operator reads in CLIENT LIST: `host:flush_cache`, without what names may not have.
    pub(super) fn client_name(&self) -> String {
        let plain = |letter: char| if letter.is_ascii_graphic() { letter } else { '_' };
        format!("host:{}", self.gate.command().chars().take(60).map(plain).collect::<String>())
    }
}

impl HostConnection for RedisView<'_> {
    async fn open(&mut self, name: String, options: ConnectOptions) -> Trap<Result<Resource<Connection>, Error>> {
        let operation = operation("connection.open", &name, Effect::Read, b"");
        // A name that is not configured is told as such, not as a denial.
        let decision = match (self.ctx.urls.contains_key(&name), self.ctx.permits.get(&name)) {
            (false, _) => Decision::Allowed,
            (true, Some(permit)) => permit.any_power(),
            (true, None) => Permit::new(self.ctx.gate.command(), &name, RedisGrant::default()).any_power(),
        };
        match self.ctx.gate.pass(operation, decision, self.ctx.open(&name, options)).await {
            Ok(connection) => Ok(Ok(self.table.push(connection)?)),
            Err(error) => Ok(Err(error)),
        }
    }

    async fn server_version(&mut self, this: Resource<Connection>) -> Trap<String> {
        Ok(self.table.get(&this)?.session.as_ref().map(|session| session.version().to_owned()).unwrap_or_default())
    }

    async fn database(&mut self, this: Resource<Connection>) -> Trap<u32> {
        Ok(self.table.get(&this)?.target.database())
    }

    async fn close(&mut self, this: Resource<Connection>) -> Trap<()> {
        self.table.get_mut(&this)?.close();
        Ok(())
    }

    async fn drop(&mut self, this: Resource<Connection>) -> Trap<()> {
        self.table.delete(this)?;
        Ok(())
    }
}
