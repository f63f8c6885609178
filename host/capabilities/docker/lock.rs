//! The project's lock: a file that the operating system locks, so that it is free again the moment its process ends,
//! however it ends.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use super::limits;
use super::types::Error;

/// Held until it is dropped; closing the file releases it.
pub struct Lock {
    _file: File,
}

/// Takes the lock of `project`, waiting at most so long.
pub(super) async fn take(folder: &Path, project: &str, command: &str, at_most: Duration) -> Result<Lock, Error> {
    let path = path(folder, project);
    let end = Instant::now() + at_most;
    loop {
        if let Some(lock) = try_to_take(folder, &path, command).map_err(|error| failed(&error))? {
            return Ok(lock);
        }
        if Instant::now() >= end {
            let holder = holder(&path).unwrap_or_else(|| "another run".to_owned());
            return Err(Error::LockHeld(format!("{holder} works on the project `{project}`")));
        }
        tokio::time::sleep(limits::LOCK_RETRY.min(end.saturating_duration_since(Instant::now()))).await;
    }
}

fn try_to_take(folder: &Path, path: &Path, command: &str) -> std::io::Result<Option<Lock>> {
    std::fs::create_dir_all(folder)?;
    // Never deleted: a name that another process waits on must stay.
    let mut file = File::options().create(true).truncate(false).read(true).write(true).open(path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{} {command}", std::process::id())?;
    Ok(Some(Lock { _file: file }))
}

/// `` `up` (process 4711) ``
fn holder(path: &Path) -> Option<String> {
    let mut text = String::new();
    File::open(path).ok()?.take(256).read_to_string(&mut text).ok()?;
    let (process, command) = text.trim().split_once(' ')?;
    process.parse::<u32>().ok()?;
    Some(format!("`{command}` (process {process})"))
}

/// A project's name holds nothing that a file's name may not, but may be longer than one.
fn path(folder: &Path, project: &str) -> PathBuf {
    let name: String = project.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).take(200).collect();
    folder.join(format!("docker-{name}.lock"))
}

/// The folder's path is the host's own: it is not told.
fn failed(error: &std::io::Error) -> Error {
    Error::Other(format!("the lock file cannot be used: {}", error.kind()))
}
