//! Folders of the host's own where others may write: a container that mounts the project may have put a link, a pipe or
//! a folder in the place of any name of `.host`. No link is followed there, and nothing is waited for.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, Mode, OFlags, linkat, mkdirat, openat, renameat, unlinkat};
use rustix::io::Errno;

const FOLDER: OFlags = OFlags::DIRECTORY.union(OFlags::CLOEXEC);
/// A pipe is opened, and then seen to be none of ours.
const FILE: OFlags = OFlags::NOFOLLOW.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);
const FOR_OWNER: Mode = Mode::from_raw_mode(0o600);

/// `.host/locks` in a project's folder. Nothing is made before a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnFolder {
    /// Opened as it is.
    base: PathBuf,
    /// Each of its names is a folder, or it is not used.
    inside: PathBuf,
}

impl OwnFolder {
    pub fn new(base: impl Into<PathBuf>, inside: impl Into<PathBuf>) -> Self {
        Self { base: base.into(), inside: inside.into() }
    }

    /// What people are told: `.host/locks/docker-shop.lock`.
    pub fn shown(&self, name: &str) -> String {
        self.inside.join(name).display().to_string()
    }

    pub fn read(&self, name: &str) -> io::Result<File> {
        file(&self.opened()?, name, OFlags::RDONLY, FOR_OWNER)
    }

    /// The whole file; more than `bound` bytes are not read.
    pub fn read_text(&self, name: &str, bound: u64) -> io::Result<String> {
        let mut text = String::new();
        self.read(name)?.take(bound).read_to_string(&mut text)?;
        Ok(text)
    }

    /// A file to which lines are added, for its owner only. One of that name is an error.
    pub fn create_new(&self, name: &str) -> io::Result<File> {
        file(&self.made()?, name, OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::EXCL, FOR_OWNER)
    }

    /// A file for locks, made when it is not there.
    pub fn lock_file(&self, name: &str) -> io::Result<File> {
        file(&self.made()?, name, OFlags::RDWR | OFlags::CREATE, Mode::from_raw_mode(0o666))
    }

    /// In one step: whoever reads finds the old content or the new one. For its owner only.
    pub fn replace(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let folder = self.made()?;
        aside(&folder, name, content, |_, part| Ok(renameat(&folder, part, &folder, name)?))
    }

    /// The same where nothing of that name may be there, and what was added must be there after a crash too.
    pub fn add(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let folder = self.made()?;
        aside(&folder, name, content, |file, part| {
            file.sync_all()?;
            Ok(linkat(&folder, part, &folder, name, AtFlags::empty())?)
        })
    }

    pub fn remove(&self, name: &str) -> io::Result<()> {
        Ok(unlinkat(self.opened()?, name, AtFlags::empty())?)
    }

    /// Names of what is there; none without the folder. Those that are not UTF-8 are not ours.
    pub fn names(&self) -> Vec<String> {
        let entries = self.opened().and_then(|folder| Ok(Dir::new(folder)?));
        let name = |entry: rustix::io::Result<rustix::fs::DirEntry>| entry.ok()?.file_name().to_str().ok().map(str::to_owned);
        entries.into_iter().flatten().filter_map(name).filter(|name| !matches!(name.as_str(), "." | "..")).collect()
    }

    fn opened(&self) -> io::Result<OwnedFd> {
        self.folder(|_, _| Ok(()))
    }

    fn made(&self) -> io::Result<OwnedFd> {
        self.folder(|at, name| match mkdirat(at, name, Mode::from_raw_mode(0o700)) {
            Err(Errno::EXIST) => Ok(()),
            made => made,
        })
    }

    fn folder(&self, prepare: impl Fn(&OwnedFd, &Path) -> rustix::io::Result<()>) -> io::Result<OwnedFd> {
        let mut at = rustix::fs::open(&self.base, FOLDER, Mode::empty())?;
        for name in &self.inside {
            prepare(&at, Path::new(name))?;
            at = openat(&at, name, FOLDER | OFlags::NOFOLLOW, Mode::empty())?;
        }
        Ok(at)
    }
}

/// Whether something that is not the host's lies where its file should be.
pub fn is_strange(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::LOOP | Errno::NOTDIR | Errno::ISDIR | Errno::NXIO))
}

/// Why a file cannot be used; `told` is what people call it.
pub fn unusable(told: &str, error: &io::Error) -> String {
    match is_strange(error) {
        true => format!("{told} is a link or no file, or lies behind a link: remove what is there"),
        false => format!("{told} cannot be used: {}", error.kind()),
    }
}

fn file(folder: &OwnedFd, name: &str, how: OFlags, mode: Mode) -> io::Result<File> {
    let file = File::from(openat(folder, name, how | FILE, mode)?);
    if file.metadata()?.is_file() { Ok(file) } else { Err(Errno::NXIO.into()) }
}

/// Writes a file of another name, which `place` gives its own.
fn aside(folder: &OwnedFd, name: &str, content: &[u8], place: impl FnOnce(&File, &str) -> io::Result<()>) -> io::Result<()> {
    let part = format!("{name}.{}", uuid::Uuid::now_v7());
    let placed = (|| {
        let mut file = file(folder, &part, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL, FOR_OWNER)?;
        file.write_all(content)?;
        place(&file, &part)
    })();
    // It is there still where it was linked, or where something went wrong.
    let _ = unlinkat(folder, &part, AtFlags::empty());
    placed
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::{fs, io::ErrorKind};

    use super::*;

    #[test]
    fn files_are_for_their_owner_and_replaced_or_added_whole() {
        let base = tempfile::tempdir().unwrap();
        let folder = OwnFolder::new(base.path(), ".host/broadcast");
        assert_eq!(folder.names(), Vec::<String>::new());
        assert_eq!(folder.read("a").unwrap_err().kind(), ErrorKind::NotFound);
        assert!(fs::read_dir(base.path()).unwrap().next().is_none());
        folder.replace("a", b"1").unwrap();
        folder.replace("a", b"23").unwrap();
        assert_eq!(folder.add("a", b"4").unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(folder.create_new("a").unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!((folder.read_text("a", 9).unwrap(), folder.read_text("a", 1).unwrap()), ("23".to_owned(), "2".to_owned()));
        assert_eq!(folder.names(), ["a"]);
        let mode = |path: &str| fs::metadata(base.path().join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(".host"), mode(".host/broadcast"), mode(".host/broadcast/a")), (0o700, 0o700, 0o600));
        folder.remove("a").unwrap();
        assert_eq!(folder.names(), Vec::<String>::new());
    }

    #[test]
    fn nothing_strange_is_followed_read_or_waited_for() {
        let base = tempfile::tempdir().unwrap();
        let at = |name: &str| base.path().join(name);
        fs::create_dir_all(at("project/.host/journal")).unwrap();
        fs::create_dir(at("outside")).unwrap();
        fs::write(at("outside/x"), "precious").unwrap();
        let folder = OwnFolder::new(at("project"), ".host/journal");
        let pipe = at("project/.host/journal/pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        symlink(at("outside/x"), at("project/.host/journal/link")).unwrap();
        fs::create_dir(at("project/.host/journal/folder")).unwrap();
        for name in ["pipe", "link", "folder"] {
            assert!(is_strange(&folder.lock_file(name).unwrap_err()), "{name}");
            assert!(folder.read_text(name, 9).is_err(), "{name}");
            assert!(folder.create_new(name).is_err(), "{name}");
        }
        folder.replace("link", b"ours").unwrap();
        fs::remove_dir_all(at("project/.host/journal")).unwrap();
        symlink(at("outside"), at("project/.host/journal")).unwrap();
        let inside = OwnFolder::new(at("project/.host/journal"), "");
        assert_eq!(inside.names(), ["x"]);
        for refused in [folder.remove("x"), folder.replace("x", b"ours"), folder.add("y", b"ours"), folder.create_new("y").map(drop)] {
            assert!(is_strange(&refused.unwrap_err()));
        }
        assert_eq!(folder.names(), Vec::<String>::new());
        assert_eq!(fs::read_to_string(at("outside/x")).unwrap(), "precious");
        assert_eq!(fs::read_dir(at("outside")).unwrap().count(), 1);
    }
}
