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

/// Where runs meet that must know of each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// `.host/locks` in the project's folder.
    pub project: PathBuf,
    /// In the user's cache folder; none without a home.
    pub user: Option<PathBuf>,
}

/// Held until it is dropped; closing the files releases it.
pub struct Lock {
    _files: Vec<File>,
}

impl Places {
    /// The user's folder where it can be used, else the project's.
    pub(super) fn folder(&self) -> &Path {
        self.user.as_deref().filter(|folder| is_usable(folder)).unwrap_or(&self.project)
    }

    /// Always in the same order, so that nobody waits for whoever waits for him.
    fn locks(&self, endpoint: &Endpoint, project: &str) -> Vec<PathBuf> {
        let of_user = self.user.iter().filter(|folder| is_usable(folder)).map(|folder| folder.join(name(&engine(endpoint), project)));
        of_user.chain([self.project.join(name("docker", project))]).collect()
    }
}

/// Takes the lock of `project`, waiting at most so long.
pub(super) async fn take(places: &Places, endpoint: &Endpoint, project: &str, command: &str, at_most: Duration) -> Result<Lock, Error> {
    let end = Instant::now() + at_most;
    let mut files = Vec::new();
    for path in places.locks(endpoint, project) {
        loop {
            if let Some(file) = try_to_take(&path, command).map_err(|error| failed(&error))? {
                files.push(file);
                break;
            }
            if Instant::now() >= end {
                let holder = holder(&path).unwrap_or_else(|| "another run".to_owned());
                return Err(Error::LockHeld(format!("{holder} works on the project `{project}`")));
            }
            tokio::time::sleep(limits::LOCK_RETRY.min(end.saturating_duration_since(Instant::now()))).await;
        }
    }
    Ok(Lock { _files: files })
}

fn try_to_take(path: &Path, command: &str) -> std::io::Result<Option<File>> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    // Never deleted: a name that another process waits on must stay.
    let mut file = File::options().create(true).truncate(false).read(true).write(true).open(path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(std::fs::TryLockError::WouldBlock) => return Ok(None),
        Err(std::fs::TryLockError::Error(error)) => return Err(error),
    }
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{} {command}", std::process::id())?;
    Ok(Some(file))
}

/// `` `up` (process 4711) ``
fn holder(path: &Path) -> Option<String> {
    let mut text = String::new();
    File::open(path).ok()?.take(256).read_to_string(&mut text).ok()?;
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

/// The folder's path is the host's own: it is not told.
fn failed(error: &std::io::Error) -> Error {
    Error::Other(format!("the lock file cannot be used: {}", error.kind()))
}
