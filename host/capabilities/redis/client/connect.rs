//! From an address to a connection that is logged in, on its database, and says its name.

use std::time::Duration;

use super::Failure;
use super::reply::{Reply, ServerError};
use super::request::Request;
use super::session::Way;
use super::stream;
use super::target::{Address, Login, Place};
use super::wire::{Budget, Wire};

/// Answers while connecting are short.
const GREETING_BYTES: usize = 1 << 20;

/// A connection and what the server said about itself.
pub(super) struct Connected {
    pub(super) wire: Wire,
    /// `7.0.15`; empty when it does not tell.
    pub(super) version: String,
}

/// How to introduce ourselves.
#[derive(Clone, Copy)]
pub(super) struct Greeting<'g> {
    pub(super) login: &'g Login,
    pub(super) database: u32,
    /// The connection's name on the server, for its operators.
    pub(super) name: &'g str,
}

/// Connects to the one server that a target means: itself, or the master that its sentinels know.
pub(super) async fn server(way: &Way) -> Result<Connected, Failure> {
    let greeting = greeting(way);
    let connect = async {
        match &way.target.place {
            Place::Server(address) => greet(address, way.target.tls, greeting, way.timeouts.answer).await,
            Place::Sentinel { .. } => super::sentinel::master(&way.target, greeting, way.timeouts).await.map(|(_, connected)| connected),
            Place::Cluster(_) => Err(super::no_cluster()),
        }
    };
    within(way.timeouts.connect, connect).await
}

/// Connects to one node of a cluster.
pub(super) async fn node(way: &Way, address: &Address) -> Result<Connected, Failure> {
    within(way.timeouts.connect, greet(address, way.target.tls, greeting(way), way.timeouts.answer)).await
}

fn greeting(way: &Way) -> Greeting<'_> {
    Greeting { login: &way.target.login, database: way.target.database, name: &way.name }
}

pub(super) async fn within<T>(bound: Duration, connect: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::time::timeout(bound, connect).await.unwrap_or_else(|_| Err(Failure::Timeout(format!("not connected within {bound:?}"))))
}

/// Opens, logs in, chooses the database.
pub(super) async fn greet(address: &Address, tls: bool, greeting: Greeting<'_>, patience: Duration) -> Result<Connected, Failure> {
    let mut wire = Wire::new(stream::open(address, tls).await?, patience);
    let user = greeting.login.user.as_deref().unwrap_or("default");
    let mut hello: Vec<&[u8]> = vec![b"HELLO", b"3"];
    if let Some(password) = &greeting.login.password {
        hello.extend([b"AUTH", user.as_bytes(), password.as_bytes()]);
    }
    let (replies, rest) = ask(&mut wire, &hello, greeting).await?;
    let version = match replies.first() {
        Some(Reply::Failed(error)) if is_unknown(error) => {
            let (replies, rest) = old_greeting(&mut wire, greeting).await?;
            check(replies.first(), greeting)?;
            check(rest.as_ref(), greeting)?;
            String::new()
        }
        hello => {
            check(hello, greeting)?;
            check(rest.as_ref(), greeting)?;
            version(&replies)
        }
    };
    Ok(Connected { wire, version })
}

/// Servers before 6.0, and proxies, know no HELLO.
async fn old_greeting(wire: &mut Wire, greeting: Greeting<'_>) -> Result<(Vec<Reply>, Option<Reply>), Failure> {
    let words: Vec<&[u8]> = match (&greeting.login.user, &greeting.login.password) {
        (Some(user), Some(password)) => vec![b"AUTH", user.as_bytes(), password.as_bytes()],
        (None, Some(password)) => vec![b"AUTH", password.as_bytes()],
        _ => vec![b"PING"],
    };
    ask(wire, &words, greeting).await
}

/// A first command, the database and the name in one go: the first one's reply, and the database's.
async fn ask(wire: &mut Wire, first: &[&[u8]], greeting: Greeting<'_>) -> Result<(Vec<Reply>, Option<Reply>), Failure> {
    let database = greeting.database.to_string();
    let mut request = Request::reading();
    request.add(first, None);
    if greeting.database != 0 {
        request.add(&[b"SELECT", database.as_bytes()], None);
    }
    request.add(&[b"CLIENT", b"SETNAME", greeting.name.as_bytes()], None);
    let budget = Budget::new(GREETING_BYTES);
    let mut replies = Vec::new();
    wire.exchange(request.bytes(), request.len(), &budget, &mut replies).await?;
    // Whether the name was taken does not matter: some servers do not let us.
    let mut rest = replies.split_off(super::reply::extent(&replies)).into_iter();
    let selected = (greeting.database != 0).then(|| rest.next()).flatten();
    Ok((replies, selected))
}

fn is_unknown(error: &ServerError) -> bool {
    error.code == "NOPROTO" || (error.code == "ERR" && error.message.to_ascii_lowercase().starts_with("unknown command"))
}

fn check(reply: Option<&Reply>, greeting: Greeting<'_>) -> Result<(), Failure> {
    match reply {
        Some(Reply::Failed(error)) => Err(refused(error, greeting.login)),
        _ => Ok(()),
    }
}

/// What a server answered instead of letting us in. Some of it passes by itself.
fn refused(error: &ServerError, login: &Login) -> Failure {
    let passing = matches!(error.code.as_str(), "LOADING" | "BUSY" | "MASTERDOWN" | "TRYAGAIN" | "CLUSTERDOWN");
    if passing || error.message.contains("max number of clients") {
        return Failure::Unreachable(format!("it is not ready: {} {}", error.code, error.message));
    }
    let message = match error.code.as_str() {
        "NOAUTH" if login.password.is_none() => "it wants a password; write it into the url".to_owned(),
        _ => super::without_user(&error.message, login),
    };
    Failure::Rejected { code: error.code.clone(), message }
}

/// `version` of HELLO's answer, a map of short values.
fn version(hello: &[Reply]) -> String {
    let mut values = hello.iter();
    let is = |reply: &Reply| matches!(reply, Reply::Bytes(bytes) if bytes == b"version");
    match values.by_ref().find(|reply| is(reply)).and(values.next()) {
        Some(Reply::Bytes(version)) => String::from_utf8_lossy(version).into_owned(),
        _ => String::new(),
    }
}
