//! Postgres behind `host:sql`, with sqlx.

mod admin;
mod array;
mod cancel;
mod datetime;
mod decode;
mod encode;
mod error;
mod fallback;
mod frame;
mod guard;
mod lock;
mod network;
mod numeric;
mod oid;
mod query;
mod script;
mod session;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};
use std::str::FromStr;
use std::time::Duration;
use tokio::sync::watch;

use super::client::{Facts, Jobs, Result, Target};
use super::types::{Engine, Error};

use self::session::Pg;

pub(super) use self::admin::{Staged, kept, restore, summary};

/// Prepared statements kept on the server for one connection; each keeps its text here, too.
const PREPARED_STATEMENTS: usize = 16;

/// Connects, and leaves the connection to a task of its own.
pub(super) async fn open(target: Target, jobs: Jobs, ending: watch::Sender<bool>) -> Result<Facts> {
    let options = options(&target)?;
    let bound = target.connect_timeout;
    let pg = bounded(&target.name, bound, Pg::connect(target.clone(), options)).await?;
    let facts = Facts { engine: Engine::Postgres, version: pg.version.clone(), database: pg.database.clone() };
    tokio::spawn(pg.serve(jobs, ending));
    Ok(facts)
}

fn options(target: &Target) -> Result<PgConnectOptions> {
    let options = PgConnectOptions::from_str(&target.url).map_err(|error| error::of_connecting(&error, &target.name))?;
    let options = match &target.staged {
        Some(database) => options.database(database),
        None => options,
    };
    let application: String = format!("host {}", target.command).chars().filter(char::is_ascii).take(super::limits::NAME_BYTES).collect();
    Ok(options.application_name(&application).statement_cache_capacity(PREPARED_STATEMENTS).disable_statement_logging())
}

/// One bounded try to connect.
async fn connect(options: &PgConnectOptions, name: &str, bound: Duration) -> Result<PgConnection> {
    let connecting = async { PgConnection::connect_with(options).await.map_err(|error| error::of_connecting(&error, name)) };
    bounded(name, bound, connecting).await
}

async fn bounded<T>(name: &str, bound: Duration, work: impl Future<Output = Result<T>>) -> Result<T> {
    let too_long = |_| Error::ConnectionFailed(format!("the server of database `{name}` did not answer within {} ms", bound.as_millis()));
    tokio::time::timeout(bound, work).await.map_err(too_long)?
}
