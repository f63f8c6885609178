//! Advisory locks for SQLite, which has none: files in `.host/locks`, locked by the operating system, so that they
//! are free again the moment their process ends, however it ends.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use crate::capabilities::sql::client::{Result, Target};
use crate::capabilities::sql::lock::Holder;
use crate::capabilities::sql::types::Error;
use crate::own_folder::{OwnFolder, unusable};

use super::url::Address;

/// The locks of one connection.
pub(super) struct Locks {
    folder: OwnFolder,
    database: String,
    command: String,
    /// With a count, as Postgres' session locks have: taken twice, released twice.
    held: BTreeMap<i64, (File, u32)>,
}

impl Locks {
    pub(super) fn new(target: &Target, address: &Address) -> Self {
        // One name for one file, however its path is written.
        let path = address.path.as_deref().map(|path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()));
        let database =
            path.as_deref().map_or_else(|| format!(":memory:{}", std::process::id()), |path| path.to_string_lossy().into_owned());
        Self { folder: target.locks.clone(), database, command: target.command.clone(), held: BTreeMap::new() }
    }

    pub(super) fn try_lock(&mut self, key: i64) -> Result<bool> {
        if let Some((_, count)) = self.held.get_mut(&key) {
            *count += 1;
            return Ok(true);
        }
        let mut file = self.file(key)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => return Ok(false),
            Err(std::fs::TryLockError::Error(error)) => return Err(self.failed(&self.name(key), &error)),
        }
        let written =
            file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{} host {}", std::process::id(), self.command));
        written.map_err(|error| self.failed(&self.name(key), &error))?;
        self.held.insert(key, (file, 1));
        Ok(true)
    }

    /// False when the lock was not held.
    pub(super) fn unlock(&mut self, key: i64) -> bool {
        match self.held.get_mut(&key) {
            Some((_, count)) if *count > 1 => {
                *count -= 1;
                true
            }
            // Closing the file releases it. It is never deleted: a name that another process waits on must stay.
            Some(_) => self.held.remove(&key).is_some(),
            None => false,
        }
    }

    pub(super) fn holder(&self, key: i64) -> Result<Option<Holder>> {
        if !self.held.contains_key(&key) {
            let file = self.file(key)?;
            match file.try_lock_shared() {
                Ok(()) => return Ok(None),
                Err(std::fs::TryLockError::WouldBlock) => {}
                Err(std::fs::TryLockError::Error(error)) => return Err(self.failed(&self.name(key), &error)),
            }
        }
        let name = self.name(key);
        self.folder.read(&name).and_then(read_holder).map(Some).map_err(|error| self.failed(&name, &error))
    }

    fn file(&self, key: i64) -> Result<File> {
        let name = self.name(key);
        self.folder.lock_file(&name).map_err(|error| self.failed(&name, &error))
    }

    fn name(&self, key: i64) -> String {
        let mut hash = Sha256::new();
        hash.update(self.database.as_bytes());
        hash.update(key.to_be_bytes());
        let name: String = hex::encode(hash.finalize()).chars().take(32).collect();
        format!("{name}.lock")
    }

    fn failed(&self, name: &str, error: &std::io::Error) -> Error {
        Error::Other(unusable(&format!("the lock file `{}`", self.folder.shown(name)), error))
    }
}

fn read_holder(mut file: File) -> std::io::Result<Holder> {
    let mut text = String::new();
    (&mut file).take(256).read_to_string(&mut text)?;
    let (process, application) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
    let since = file.metadata()?.modified().ok().and_then(|at| SystemTime::now().duration_since(at).ok());
    Ok(Holder {
        process: process.parse().unwrap_or(0),
        user: String::new(),
        application: application.to_owned(),
        state: String::new(),
        seconds: since.map_or(0, |since| since.as_secs()),
    })
}
