//! Reading with a bound, and replacing a file all at once.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::outcome::{Failure, Result};

/// Mode of a file that did not exist before.
const NEW_FILE_MODE: u32 = 0o644;

/// The whole file, or none when it does not exist; more than `bound` bytes is an error.
pub fn read_bounded(path: &Path, bound: u64) -> Result<Option<Vec<u8>>> {
    let unreadable = |error: &std::io::Error| Failure::usage(format!("`{}` cannot be read: {error}", path.display()));
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
        Err(error) => return Err(unreadable(&error)),
    };
    let mut bytes = Vec::new();
    file.take(bound + 1).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > bound) {
        return Err(Failure::usage(format!("`{}` has more than {bound} bytes", path.display())));
    }
    Ok(Some(bytes))
}

/// Replaces `path` by `text` in one step: whoever reads sees the old or the new, also after a crash.
///
/// A symbolic link is followed and stays; an existing file keeps its mode.
pub fn replace(path: &Path, text: &str) -> Result<()> {
    replace_bytes(path, text.as_bytes())
}

/// The same for bytes.
pub fn replace_bytes(path: &Path, bytes: &[u8]) -> Result<()> {
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mode = fs::metadata(&target).map_or(NEW_FILE_MODE, |metadata| metadata.permissions().mode() & 0o7777);
    replace_with_mode(&target, bytes, mode).map_err(|error| Failure::failed(format!("`{}` cannot be written: {error}", path.display())))
}

fn replace_with_mode(target: &Path, bytes: &[u8], mode: u32) -> std::io::Result<()> {
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut temporary = tempfile::Builder::new().prefix(".host-").permissions(fs::Permissions::from_mode(mode)).tempfile_in(folder)?;
    temporary.write_all(bytes)?;
    // The creation mode went through the umask; this one does not.
    temporary.as_file().set_permissions(fs::Permissions::from_mode(mode))?;
    temporary.as_file().sync_all()?;
    temporary.persist(target)?;
    // The name is durable once the folder is; a folder that cannot be synced (some network disks) is no failure.
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn a_replaced_file_keeps_its_mode_and_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("host.toml");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        replace(&path, "new").unwrap();
        assert_eq!((fs::read_to_string(&path).unwrap().as_str(), mode(&path)), ("new", 0o640));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_symbolic_link_is_followed_and_stays_one() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().join("real.toml");
        let link = folder.path().join("host.toml");
        fs::write(&real, "old").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        replace(&link, "new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&real).unwrap(), "new");
    }

    #[test]
    fn a_folder_that_is_gone_is_a_failure_with_the_path() {
        let folder = tempfile::tempdir().unwrap();
        let failure = replace(&folder.path().join("none/host.toml"), "x").unwrap_err();
        assert!(failure.message.contains("none/host.toml"), "{failure}");
    }

    #[test]
    fn reading_stops_at_the_bound() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "12345").unwrap();
        assert_eq!(read_bounded(&path, 5).unwrap(), Some(b"12345".to_vec()));
        assert!(read_bounded(&path, 4).is_err());
        assert_eq!(read_bounded(&folder.path().join("none"), 4).unwrap(), None);
        assert!(read_bounded(folder.path(), 4).is_err());
    }
}
