//! Keeps what it should give back.

use std::time::Duration;

use host_sdk::sql::Database;
use host_sdk::{Error, Result, flush, out};

/// A day: tests end it before.
const FOR_EVER: Duration = Duration::from_secs(86_400);
/// More than any host allows.
const MANY: usize = 10_000;

pub(crate) fn connections(open: impl Fn() -> Result<Database>) -> Result<()> {
    let mut held = Vec::new();
    for _ in 0..MANY {
        held.push(open().map_err(|error| error.context(format!("refused after {} connections", held.len())))?);
    }
    Err(Error::failed(format!("{} connections are open", held.len())))
}

pub(crate) fn rows(open: impl Fn() -> Result<Database>) -> Result<()> {
    let mut held = Vec::new();
    for _ in 0..MANY {
        let refused = |error: Error| error.context(format!("refused after {} queries", held.len()));
        let database: &'static Database = Box::leak(Box::new(open().map_err(refused)?));
        let rows = database.query("SELECT 1", &[]).map_err(refused)?;
        held.push(rows);
    }
    Err(Error::failed(format!("{} queries are open", held.len())))
}

pub(crate) fn begin_then_hang(database: &Database, statements: &[String]) -> Result<()> {
    let transaction = database.transaction()?;
    for sql in statements {
        transaction.execute(sql, &[])?;
    }
    out!("begun");
    flush();
    std::thread::sleep(FOR_EVER);
    transaction.commit()
}

pub(crate) fn hold_lock(database: &Database, key: i64, time: Option<Duration>) -> Result<()> {
    let lock = database.wait_for_lock(key, Duration::from_secs(10))?;
    out!("acquired");
    flush();
    std::thread::sleep(time.unwrap_or(FOR_EVER));
    out!("released {}", lock.release()?);
    Ok(())
}
