//! Keeps what it should give back.

use host_sdk::redis::Connection;
use host_sdk::{Error, Result, out};

/// More than any host allows.
const MANY: usize = 10_000;

pub(crate) fn connections(open: impl Fn() -> Result<Connection>) -> Result<()> {
    let mut held = Vec::new();
    for _ in 0..MANY {
        match open() {
            Ok(connection) => held.push(connection),
            Err(error) => {
                out!("refused after {} connections", held.len());
                return Err(error);
            }
        }
    }
    Err(Error::failed(format!("{} connections are open", held.len())))
}

pub(crate) fn scans(redis: &Connection) -> Result<()> {
    let mut held = Vec::new();
    for _ in 0..MANY {
        match redis.scan("*", 0) {
            Ok(scan) => held.push(scan),
            Err(error) => {
                out!("refused after {} scans", held.len());
                return Err(error);
            }
        }
    }
    Err(Error::failed(format!("{} scans are open", held.len())))
}
