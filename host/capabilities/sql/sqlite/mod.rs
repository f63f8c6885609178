//! SQLite behind `host:sql`, with rusqlite: a thread owns the connection, the authorizer enforces the powers.

mod admin;
mod authorizer;
mod lock;
mod query;
mod script;
mod session;
mod transaction;
mod url;
mod value;
mod watch;

use std::path::{Path, PathBuf};

use rusqlite::OpenFlags;

use super::client::{Facts, Jobs, Result, Target};
use super::error::plain;
use super::types::{Engine, Error};

use self::session::Lite;
use self::url::Address;

pub(super) use self::admin::{Staged, kept, restore, summary};

/// The file that `url` names, if it is SQLite's.
pub(super) fn file_of(url: &str, root: &Path) -> Option<PathBuf> {
    if url.starts_with("sqlite:") { Address::parse(url, root).ok()?.path } else { None }
}

/// Opens the file, and leaves the connection to a thread of its own.
pub(super) async fn open(target: Target, jobs: Jobs, ending: tokio::sync::watch::Sender<bool>) -> Result<Facts> {
    let (reply, answer) = tokio::sync::oneshot::channel();
    let name = target.name.clone();
    let run = move || match Lite::open(target) {
        Ok(lite) => {
            let facts = Facts { engine: Engine::Sqlite, version: rusqlite::version().to_owned(), database: lite.database.clone() };
            if reply.send(Ok(facts)).is_ok() {
                lite.serve(jobs);
            }
            let _ = ending.send(true);
        }
        Err(error) => drop(reply.send(Err(error))),
    };
    let failed = |_| Error::ConnectionFailed(format!("no thread could be started for database `{name}`"));
    std::thread::Builder::new().name("sqlite".to_owned()).spawn(run).map_err(failed)?;
    answer.await.unwrap_or_else(|_| Err(Error::ConnectionFailed(format!("database `{name}` could not be opened"))))
}

/// How the file is opened: never written when no power changes anything, created only when one does.
fn flags(target: &Target, address: &Address) -> OpenFlags {
    let base = OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let is_memory = address.path.is_none();
    match address.mode.as_deref() {
        Some("ro") => base | OpenFlags::SQLITE_OPEN_READ_ONLY,
        _ if target.is_read_only() && !is_memory => base | OpenFlags::SQLITE_OPEN_READ_ONLY,
        Some("rw") => base | OpenFlags::SQLITE_OPEN_READ_WRITE,
        _ => base | OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
    }
}

fn rejected(code: &str, text: String) -> Error {
    Error::ConnectionRejected(plain(code, text))
}
