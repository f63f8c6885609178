//! The way to a server: addresses, connecting, replies. Nothing here knows grants or guests.
//!
//! Guests' calls go over a connection of our own ([`wire`]); the broadcast capability and the gateway take the
//! crate's multiplexed connection from [`Target::client`]. No text here holds an address, a user or a password.

mod cluster;
mod connect;
mod reply;
mod request;
mod scan;
mod sentinel;
mod session;
mod stream;
mod target;
mod wire;

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ConnectionAddr, ErrorKind, IntoConnectionInfo as _, RedisConnectionInfo, RedisError};

use self::connect::Greeting;
pub(super) use self::reply::{Reply, ServerError, extent};
pub(super) use self::request::Request;
pub(super) use self::scan::Walk;
pub(super) use self::session::{Session, Way};
pub use self::target::Target;
use self::target::{Address, Login, Place};
pub(super) use self::wire::Budget;

/// How long is waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For everything until a connection is ready: names, TLS, login.
    pub connect: Duration,
    /// For each answer.
    pub answer: Duration,
}

/// Why a server could not be used. Displayed without addresses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It cannot be reached, or the connection broke. Trying again may help.
    #[error("{0}")]
    Unreachable(String),
    /// It was reached and refused for good.
    #[error("{code} {message}")]
    Rejected { code: String, message: String },
    #[error("{0}")]
    Timeout(String),
    /// An answer is larger than its bound.
    #[error("{0}")]
    TooMuch(String),
}

impl Target {
    /// A multiplexed connection to the server, or to the master that the sentinels know now. It does not
    /// reconnect by itself: after an error that breaks it, this is called again.
    pub async fn client(&self, timeouts: Timeouts) -> Result<MultiplexedConnection, Failure> {
        let client = self.redis_client(timeouts).await?;
        let config =
            AsyncConnectionConfig::new().set_connection_timeout(Some(timeouts.connect)).set_response_timeout(Some(timeouts.answer));
        client.get_multiplexed_async_connection_with_config(&config).await.map_err(|error| self.failure(&error))
    }

    /// The crate's client of the same server, for subscriptions.
    pub async fn redis_client(&self, timeouts: Timeouts) -> Result<Client, Failure> {
        let address = self.server_address(timeouts).await?;
        let address = match address {
            Address::Unix(path) => ConnectionAddr::Unix(path),
            Address::Tcp(host, port) if self.tls => ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None },
            Address::Tcp(host, port) => ConnectionAddr::Tcp(host, port),
        };
        let mut settings = RedisConnectionInfo::default().set_db(i64::from(self.database));
        if let Some(user) = &self.login.user {
            settings = settings.set_username(user);
        }
        if let Some(password) = &self.login.password {
            settings = settings.set_password(password);
        }
        let info = address.into_connection_info().map_err(|error| self.failure(&error))?.set_redis_settings(settings);
        Client::open(info).map_err(|error| self.failure(&error))
    }

    /// What an error of the crate's means, without addresses.
    pub fn failure(&self, error: &RedisError) -> Failure {
        if error.is_timeout() {
            return Failure::Timeout("no answer in time".to_owned());
        }
        if error.is_connection_refusal() {
            return Failure::Unreachable("nothing listens there".to_owned());
        }
        if error.is_io_error() || error.is_connection_dropped() {
            return Failure::Unreachable("the connection broke".to_owned());
        }
        let message = without_user(error.detail().unwrap_or_default(), &self.login);
        match (error.code(), error.kind()) {
            (Some(code), _) => Failure::Rejected { code: code.to_owned(), message },
            (None, ErrorKind::AuthenticationFailed) => Failure::Rejected { code: "WRONGPASS".to_owned(), message },
            (None, kind) => Failure::Rejected { code: "ERR".to_owned(), message: format!("{kind:?}") },
        }
    }

    async fn server_address(&self, timeouts: Timeouts) -> Result<Address, Failure> {
        match &self.place {
            Place::Server(address) => Ok(address.clone()),
            Place::Cluster(_) => Err(no_cluster()),
            Place::Sentinel { .. } => {
                let greeting = Greeting { login: &self.login, database: self.database, name: "host" };
                Ok(connect::within(timeouts.connect, sentinel::master(self, greeting, timeouts)).await?.0)
            }
        }
    }
}

fn no_cluster() -> Failure {
    let message = "a cluster cannot be used here; name a single server, or one behind sentinels".to_owned();
    Failure::Rejected { code: "CLUSTER".to_owned(), message }
}

/// NOPERM names the user.
fn without_user(message: &str, login: &Login) -> String {
    match login.user.as_deref().filter(|user| !user.is_empty()) {
        Some(user) => message.replace(&format!("User {user} has"), "the account has").replace(&format!("'{user}'"), "the account"),
        None => message.to_owned(),
    }
}
