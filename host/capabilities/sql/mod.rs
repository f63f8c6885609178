//! `host:sql`: the databases an operator configured, by name, with the powers that were granted.
//!
//! A guest names a database and never learns its address, user or password: they live in [`SqlCtx`], and
//! errors that reach a guest are built in [`error`] from the database's own report only. What is absent on
//! purpose: connection strings from guests, several statements in one call, a way around the gate.

#![expect(clippy::result_large_err, reason = "the error is the WIT's own and goes to the guest whole")]

mod batch;
mod client;
mod error;
#[expect(unreachable_pub, reason = "bindgen re-exports the resources, which must be `pub` for that")]
mod host;
mod limits;
pub mod policy;
mod postgres;
mod script;
mod sqlite;
mod statement;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use wasmtime::component::{HasData, Linker, ResourceTable};

use crate::gate::Gate;
use crate::grants::SqlPower;
use crate::own_folder::OwnFolder;

use self::client::Session;

mod bindings {
    wasmtime::component::bindgen!({
        path: "wit/sql",
        world: "host:sql/imports",
        imports: { default: async | trappable },
        additional_derives: [PartialEq],
        with: {
            "host:sql/types.connection": crate::capabilities::sql::host::Connection,
            "host:sql/types.transaction": crate::capabilities::sql::host::Transaction,
            "host:sql/types.rows": crate::capabilities::sql::host::Rows,
            "host:sql/lock.advisory-lock": crate::capabilities::sql::host::AdvisoryLock,
            "host:sql/admin.staged-database": crate::capabilities::sql::host::StagedDatabase,
        },
    });
}
use self::bindings::host::sql::{admin, lock, read, schema, types, write};

/// The files of a SQLite database, whether they exist or not; none for a server's address. Other capabilities
/// keep guests away from them.
pub fn sqlite_files(url: &str, root: &std::path::Path) -> Vec<PathBuf> {
    let Some(file) = sqlite::file_of(url, root) else { return Vec::new() };
    ["", "-wal", "-shm", "-journal"].into_iter().map(|end| PathBuf::from(format!("{}{end}", file.display()))).collect()
}

/// Tells the person at the terminal what the guest must not learn (a server's address). Wired to stderr by the runner.
pub type Teller = Arc<dyn Fn(&str) + Send + Sync>;

/// What one run may reach, and what it has open.
pub struct SqlCtx {
    gate: Gate,
    command: String,
    /// Addresses of all configured databases, by name.
    urls: BTreeMap<String, String>,
    /// Permitted powers (asked for and granted) by the database's name.
    grants: BTreeMap<String, BTreeSet<SqlPower>>,
    /// The project's folder: relative SQLite files are beneath it.
    root: PathBuf,
    /// `.host/locks`: where SQLite's advisory locks live.
    locks: OwnFolder,
    teller: Teller,
    open: OpenSessions,
}

impl SqlCtx {
    pub fn new(
        gate: Gate,
        urls: BTreeMap<String, String>,
        grants: BTreeMap<String, BTreeSet<SqlPower>>,
        root: PathBuf,
        locks: OwnFolder,
        teller: Teller,
    ) -> Self {
        let command = gate.command().to_owned();
        Self { gate, command, urls, grants, root, locks, teller, open: OpenSessions::default() }
    }

    /// A handle that can close everything after the store that owns this context is gone.
    pub fn closer(&self) -> Closer {
        Closer { open: self.open.clone() }
    }

    /// Cancels what runs, rolls back and closes everything, within five seconds.
    pub async fn shutdown(&mut self) {
        self.closer().shutdown().await;
    }
}

/// Closes a run's connections; works before and after the store was dropped.
#[derive(Clone)]
pub struct Closer {
    open: OpenSessions,
}

impl Closer {
    /// Cancels what runs, rolls back and closes everything, within five seconds. Nothing can be opened afterwards.
    pub async fn shutdown(&self) {
        let sessions = self.open.close();
        for session in &sessions {
            session.close();
        }
        let all_ended = futures_util::future::join_all(sessions.iter().map(|session| session.ended()));
        // Past the bound the process ends anyway, and each server rolls back when its socket closes.
        let _ = tokio::time::timeout(limits::SHUTDOWN, all_ended).await;
    }
}

/// The sessions of one run; `None` once the run is over.
#[derive(Clone)]
struct OpenSessions(Arc<Mutex<Option<Vec<Arc<Session>>>>>);

impl Default for OpenSessions {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Some(Vec::new()))))
    }
}

impl OpenSessions {
    /// Whether one more may be opened.
    fn has_room(&self) -> bool {
        match &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(sessions) => {
                sessions.retain(|session| !session.is_closed());
                sessions.len() < limits::CONNECTIONS
            }
            None => false,
        }
    }

    /// Remembers a session; when the run is over already, it is closed at once.
    fn add(&self, session: &Arc<Session>) {
        match &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(sessions) => sessions.push(Arc::clone(session)),
            None => session.close(),
        }
    }

    /// Sessions that were closed and may not have ended yet.
    fn closing(&self) -> Vec<Arc<Session>> {
        let sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.iter().flatten().filter(|session| session.is_closed()).cloned().collect()
    }

    fn close(&self) -> Vec<Arc<Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default()
    }
}

/// The context and the store's table, borrowed for one call.
pub struct SqlView<'a> {
    pub ctx: &'a mut SqlCtx,
    pub table: &'a mut ResourceTable,
}

struct HasSql;

impl HasData for HasSql {
    type Data<'a> = SqlView<'a>;
}

/// Links `types` and the interface of each power; the others do not exist for the guest.
pub fn add_to_linker<T: Send + 'static>(
    linker: &mut Linker<T>,
    powers: &BTreeSet<SqlPower>,
    view: fn(&mut T) -> SqlView<'_>,
) -> wasmtime::Result<()> {
    types::add_to_linker::<T, HasSql>(linker, view)?;
    for power in powers {
        match power {
            SqlPower::Read => read::add_to_linker::<T, HasSql>(linker, view)?,
            SqlPower::Write => write::add_to_linker::<T, HasSql>(linker, view)?,
            SqlPower::Schema => schema::add_to_linker::<T, HasSql>(linker, view)?,
            SqlPower::Lock => lock::add_to_linker::<T, HasSql>(linker, view)?,
            SqlPower::Admin => admin::add_to_linker::<T, HasSql>(linker, view)?,
        }
    }
    Ok(())
}
