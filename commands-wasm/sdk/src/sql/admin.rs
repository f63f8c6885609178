//! Power `admin`: a database as a whole.

use crate::bindings::host::sql::admin;
use crate::error::Result;
use crate::sql::Database;

pub use crate::bindings::host::sql::admin::{Client, DatabaseSummary};

/// What stands where `name` is configured. The host shows the server's address to the person; the command does not learn it.
pub fn summary(name: &str) -> Result<DatabaseSummary> {
    Ok(admin::summary(name)?)
}

/// Databases that an earlier swap kept for this name, newest first.
pub fn restorable(name: &str) -> Result<Vec<String>> {
    Ok(admin::restorable(name)?)
}

/// Puts a kept database back; the present one is kept under `keep_as`.
pub fn restore(name: &str, kept: &str, keep_as: &str, disconnect: bool) -> Result<()> {
    Ok(admin::restore(name, kept, keep_as, disconnect)?)
}

/// An empty database beside the configured one. Dropping it before [`swap`](Self::swap) deletes it.
#[derive(Debug)]
pub struct StagedDatabase {
    name: String,
    raw: admin::StagedDatabase,
}

impl StagedDatabase {
    pub fn create(name: &str) -> Result<Self> {
        Ok(Self { name: name.to_owned(), raw: admin::StagedDatabase::create(name)? })
    }

    /// A connection to it, with the powers granted on the name.
    pub fn connect(&self) -> Result<Database> {
        Ok(Database::wrap(&self.name, self.raw.connect()?))
    }

    /// Puts it in the configured one's place, all or nothing. The old one is kept under `keep_as`, or deleted when that is none. Its clients are
    /// disconnected first when `disconnect` is true. Connections from [`connect`](Self::connect) must be dropped before.
    pub fn swap(self, keep_as: Option<&str>, disconnect: bool) -> Result<()> {
        Ok(admin::StagedDatabase::swap(self.raw, keep_as, disconnect)?)
    }
}
