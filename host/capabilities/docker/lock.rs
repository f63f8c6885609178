//! The project's lock: files that the operating system locks, so that they are free again the moment their process ends,
//! however it ends.
//!
//! One lies in the user's cache folder and stands for the project on one engine: checkouts of one project in several
//! folders exclude each other. The other lies in the project's folder, for whoever has another cache folder or none.
//! What no file can do: runs of other users in other folders, and of other machines, go on beside each other.

use std::fs::{DirBuilder, File};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::types::Error;
use super::{Endpoint, limits};
use crate::own_folder::{OwnFolder, unusable};

/// Where runs meet that must know of each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// `.host/locks` in the project's folder.
    pub project: OwnFolder,
    /// In the user's cache folder; none without a home.
    pub user: Option<PathBuf>,
}

/// Held until it is dropped; closing the files releases it.
pub struct Lock {
    _files: Vec<File>,
}

/// One of the files.
struct Place {
    folder: OwnFolder,
    name: String,
    /// A path of the user's is the host's own: it is not told.
    is_of_project: bool,
}

impl Places {
    /// The user's folder where it can be used, else the project's.
    pub(super) fn folder(&self) -> OwnFolder {
        self.of_user().unwrap_or_else(|| self.project.clone())
    }

    fn of_user(&self) -> Option<OwnFolder> {
        self.user.as_deref().filter(|folder| is_usable(folder)).map(|folder| OwnFolder::new(folder, ""))
    }

    /// Always in the same order, so that nobody waits for whoever waits for him.
    fn locks(&self, endpoint: &Endpoint, project: &str) -> Vec<Place> {
        let of_user = self.of_user().map(|folder| Place { folder, name: name(&engine(endpoint), project), is_of_project: false });
        let own = Place { folder: self.project.clone(), name: name("docker", project), is_of_project: true };
        of_user.into_iter().chain([own]).collect()
    }
}

/// Takes the lock of `project`, waiting at most so long.
pub(super) async fn take(places: &Places, endpoint: &Endpoint, project: &str, command: &str, at_most: Duration) -> Result<Lock, Error> {
    let end = Instant::now() + at_most;
    let mut files = Vec::new();
    for place in places.locks(endpoint, project) {
        loop {
            let mut file = place.folder.lock_file(&place.name).map_err(|error| place.failed(&error))?;
            if try_to_take(&mut file, command).map_err(|error| place.failed(&error))? {
                files.push(file);
                break;
            }
            if Instant::now() >= end {
                let holder = holder(file).unwrap_or_else(|| "another run".to_owned());
                return Err(Error::LockHeld(format!("{holder} works on the project `{project}`")));
            }
            tokio::time::sleep(limits::LOCK_RETRY.min(end.saturating_duration_since(Instant::now()))).await;
        }
    }
    Ok(Lock { _files: files })
}

impl Place {
    fn failed(&self, error: &std::io::Error) -> Error {
        let told = if self.is_of_project { format!("`{}`", self.folder.shown(&self.name)) } else { "in the cache folder".to_owned() };
        Error::Other(unusable(&format!("the lock file {told}"), error))
    }
}

/// False when somebody else holds it.
fn try_to_take(file: &mut File, command: &str) -> std::io::Result<bool> {
    match file.try_lock() {
        Ok(()) => {}
        Err(std::fs::TryLockError::WouldBlock) => return Ok(false),
        Err(std::fs::TryLockError::Error(error)) => return Err(error),
    }
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{} {command}", std::process::id())?;
    Ok(true)
}

/// `` `up` (process 4711) ``
fn holder(file: File) -> Option<String> {
    let mut text = String::new();
    file.take(256).read_to_string(&mut text).ok()?;
    let (process, command) = text.trim().split_once(' ')?;
    process.parse::<u32>().ok()?;
    Some(format!("`{command}` (process {process})"))
}

/// A folder of our own in which nobody else writes; it is made when it is not there.
fn is_usable(folder: &Path) -> bool {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    let metadata = made.and_then(|()| std::fs::metadata(folder));
    metadata.is_ok_and(|found| found.is_dir() && found.mode() & 0o022 == 0 && found.uid() == rustix::process::geteuid().as_raw())
}

/// One engine has one name, whatever links lead to its socket.
fn engine(endpoint: &Endpoint) -> String {
    let address = endpoint.address.trim();
    let socket = address.strip_prefix("unix://").map(|path| std::fs::canonicalize(path).unwrap_or_else(|_| PathBuf::from(path)));
    let meant = socket.map_or_else(|| address.to_ascii_lowercase(), |path| path.to_string_lossy().into_owned());
    hex::encode(Sha256::digest(meant.as_bytes())).chars().take(16).collect()
}

/// A project's name holds nothing that a file's name may not, but may be longer than one.
fn name(before: &str, project: &str) -> String {
    let name: String = project.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).take(200).collect();
    format!("{before}-{name}.lock")
}
