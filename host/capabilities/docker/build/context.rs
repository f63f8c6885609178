//! A build's context: which folder may be read, and its content as a tar stream.
//!
//! Folders are opened one below the other without following links, so that nothing outside of the context can be
//! read, also when links change meanwhile; links are sent as links. A file is read piece by piece. Sockets and devices
//! are left out, and so is the project's own `.host`, which changes with every run. Owners are not sent: in an image
//! everything belongs to root.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};

use super::super::archive;
use super::ignore::{self, Ignore};

/// Folders within folders: each holds a descriptor open while it is read.
const DEPTH_BOUND: usize = 128;
/// Files and folders of one context.
const ENTRIES_BOUND: u64 = 1_000_000;
/// The host's own folder: journals and locks.
const STATE: &str = ".host";
/// What may hold passwords, or what commands did.
const PRIVATE: [&str; 3] = [".env", "host.toml", STATE];
/// Bytes of a Dockerfile.
const DOCKERFILE_BOUND: u64 = 4 << 20;

const REPLACED: &str = "it was replaced while the context was read";

/// Why a context cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unreadable {
    /// It leads out of the project, which nothing can grant.
    #[error("{0}")]
    Outside(String),
    /// A path of the project that no grant covers.
    #[error("`{0}` is not granted")]
    NotGranted(String),
    #[error("{0}")]
    Invalid(String),
}

/// What became of an entry, for whoever watches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Note {
    /// `.env`, `host.toml`, or the `.host` of a project within this one, goes into the image's reach.
    Private(String),
    Skipped(String),
}

/// A file that is sent beside what lies in the folder, or instead of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Extra {
    pub(super) path: String,
    pub(super) content: Vec<u8>,
}

/// A folder that may be read, and what of it is sent.
#[derive(Debug)]
pub(super) struct Context {
    folder: OwnedFd,
    /// The host's own folder, where it lies in the context.
    state: Option<PathBuf>,
    pub(super) ignore: Ignore,
    /// The Dockerfile's path in the tar.
    pub(super) dockerfile: String,
    /// Its text.
    pub(super) instructions: String,
    pub(super) extras: Vec<Extra>,
}

/// Where the instructions come from, as the guest says.
#[derive(Clone, Copy, Debug)]
pub(super) enum Instructions<'a> {
    /// Relative to the context; empty for `Dockerfile`.
    File(&'a str),
    Inline(&'a str),
}

impl Context {
    /// Opens `context`, a folder of the project beneath one of the `granted`, and reads what says how to build it.
    pub(super) fn open(root: &Path, granted: &[String], context: &str, instructions: Instructions<'_>) -> Result<Self, Unreadable> {
        let real = real_path(root, granted, &root.join(context), context)?;
        let folder = open_beneath(root, &real, OFlags::DIRECTORY).map_err(|error| invalid("the context", context, &error))?;
        let state = root.join(STATE).strip_prefix(&real).ok().map(Path::to_owned);
        let mut opened =
            Self { folder, state, ignore: Ignore::default(), dockerfile: String::new(), instructions: String::new(), extras: Vec::new() };
        let own_ignore = match instructions {
            Instructions::Inline(text) => {
                opened.added_dockerfile(text);
                None
            }
            Instructions::File(name) => opened.find_dockerfile(root, granted, &root.join(context), &real, name)?,
        };
        let patterns = match own_ignore {
            Some(text) => Some(text),
            None => opened.read_within(root, &real, ".dockerignore", ignore::FILE_BOUND)?,
        };
        if let Some(text) = patterns {
            opened.ignore = Ignore::parse(&text).map_err(|why| Unreadable::Invalid(format!("`.dockerignore` of `{context}`: {why}")))?;
            opened.ignore.keep(".dockerignore");
            let dockerfile = opened.dockerfile.clone();
            opened.ignore.keep(&dockerfile);
        }
        Ok(opened)
    }

    /// Finds the file of instructions; answers the text of the ignore file that lies beside it and is named after it.
    /// Its text is read once: what is sent is what was looked at, whatever becomes of the file meanwhile.
    fn find_dockerfile(
        &mut self,
        root: &Path,
        granted: &[String],
        context: &Path,
        real_context: &Path,
        name: &str,
    ) -> Result<Option<String>, Unreadable> {
        let name = if name.is_empty() { "Dockerfile" } else { name };
        let at = context.join(name);
        let real = real_path(root, granted, &at, name).map_err(|error| match error {
            Unreadable::Invalid(_) => Unreadable::Invalid(format!("there is no `{name}` in the build's context")),
            other => other,
        })?;
        let beside = real.with_file_name(format!("{}.dockerignore", real.file_name().unwrap_or_default().to_string_lossy()));
        let own_ignore = match read_beneath(root, &beside, ignore::FILE_BOUND) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(invalid("its ignore file", &format!("{name}.dockerignore"), &error)),
        };
        let text = read_beneath(root, &real, DOCKERFILE_BOUND).map_err(|error| invalid("the Dockerfile", name, &error))?;
        let relative = ignore::clean(name);
        // One that is reached through a link is sent like one that lies elsewhere, and so is one that Podman would have the
        // machine's preprocessor read, which includes files of the machine.
        if !relative.ends_with(".in") && real.strip_prefix(real_context).is_ok_and(|path| path == Path::new(&relative)) {
            self.dockerfile = relative;
            self.instructions = text;
        } else {
            self.added_dockerfile(&text);
        }
        Ok(own_ignore)
    }

    /// Sends instructions that do not lie in the context, under a name that is the same for the same text: a name
    /// that changed would spoil the cache of each `COPY .`.
    fn added_dockerfile(&mut self, text: &str) {
        use sha2::Digest;
        let digest = hex::encode(sha2::Sha256::digest(text.as_bytes()));
        self.dockerfile = format!(".dockerfile.{}", digest.get(..20).unwrap_or(&digest));
        self.extras.push(Extra { path: self.dockerfile.clone(), content: text.as_bytes().to_vec() });
        self.instructions = text.to_owned();
    }

    fn read_within(&self, root: &Path, folder: &Path, name: &str, bound: u64) -> Result<Option<String>, Unreadable> {
        let at = match std::fs::canonicalize(folder.join(name)) {
            Ok(real) if real.starts_with(folder) => real,
            Ok(_) => return Err(Unreadable::Outside(format!("`{name}` leads out of the build's context"))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(invalid("the file", name, &error)),
        };
        read_beneath(root, &at, bound).map(Some).map_err(|error| invalid("the file", name, &error))
    }

    /// Writes the context as tar; ends with an error when `out` takes no more. `note` hears what is unusual.
    pub(super) fn write_tar(self, out: impl Write, mut note: impl FnMut(Note)) -> io::Result<()> {
        let mut tar = archive::begin(out)?;
        for extra in &self.extras {
            let mut header = tar::Header::new_gnu();
            header.set_mode(0o644);
            header.set_size(u64::try_from(extra.content.len()).unwrap_or(u64::MAX));
            header.set_mtime(0);
            tar.append_data(&mut header, &extra.path, extra.content.as_slice())?;
        }
        let dockerfile = (Path::new(&self.dockerfile), self.instructions.as_bytes());
        let (state, ignore, note) = (self.state.as_deref(), &self.ignore, &mut note);
        let mut walk = Walk {
            tar: &mut tar,
            state,
            ignore,
            dockerfile,
            has_instructions: false,
            note,
            entries: 0,
            private: Vec::new(),
            waiting: Vec::new(),
        };
        walk.folder(&self.folder, &PathBuf::new(), 0)?;
        if !walk.has_instructions && self.extras.is_empty() {
            // Behind a link that was put there meanwhile, the engine would find another one.
            return Err(at(Path::new(&self.dockerfile), io::Error::other(REPLACED)));
        }
        tar.into_inner()?.flush()
    }
}

struct Walk<'a, W: Write> {
    tar: &'a mut tar::Builder<W>,
    state: Option<&'a Path>,
    ignore: &'a Ignore,
    /// Its path and the text that is sent for it.
    dockerfile: (&'a Path, &'a [u8]),
    has_instructions: bool,
    note: &'a mut dyn FnMut(Note),
    entries: u64,
    private: Vec<String>,
    /// Folders that are left out themselves and are sent when something beneath them is.
    waiting: Vec<(PathBuf, Stat)>,
}

impl<W: Write> Walk<'_, W> {
    fn folder(&mut self, folder: &OwnedFd, path: &Path, depth: usize) -> io::Result<()> {
        if depth > DEPTH_BOUND {
            return Err(io::Error::other(format!("`{}` lies more than {DEPTH_BOUND} folders deep", path.display())));
        }
        for name in names(folder)? {
            let path = path.join(std::ffi::OsStr::from_bytes(name.as_bytes()));
            self.entry(folder, &name, &path, depth)?;
        }
        Ok(())
    }

    fn entry(&mut self, folder: &OwnedFd, name: &CStr, path: &Path, depth: usize) -> io::Result<()> {
        let stat = match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            // Gone since the folder was read.
            Err(rustix::io::Errno::NOENT) => return Ok(()),
            Err(error) => return Err(at(path, error.into())),
        };
        if self.state == Some(path) {
            return Ok(());
        }
        let text = path.to_string_lossy();
        let out = self.ignore.leaves_out(&text);
        let kind = FileType::from_raw_mode(stat.st_mode);
        if kind == FileType::Directory {
            return self.subfolder(folder, name, path, stat, out, depth);
        }
        if out {
            return Ok(());
        }
        self.send_waiting()?;
        self.count()?;
        self.warn_of_private(path);
        let sent = match kind {
            _ if path == self.dockerfile.0 => self.instructions(kind, path, &stat),
            FileType::RegularFile => self.file(folder, name, path),
            FileType::Symlink => self.link(folder, name, path, &stat),
            FileType::Fifo => self.tar.append_data(&mut header(&stat, tar::EntryType::Fifo), path, io::empty()),
            _ => {
                (self.note)(Note::Skipped(text.into_owned()));
                Ok(())
            }
        };
        sent.map_err(|error| at(path, error))
    }

    fn instructions(&mut self, kind: FileType, path: &Path, stat: &Stat) -> io::Result<()> {
        if kind != FileType::RegularFile {
            return Err(io::Error::other(REPLACED));
        }
        self.has_instructions = true;
        let text = self.dockerfile.1;
        let mut header = header(stat, tar::EntryType::Regular);
        header.set_size(u64::try_from(text.len()).unwrap_or(u64::MAX));
        self.tar.append_data(&mut header, path, text)
    }

    fn link(&mut self, folder: &OwnedFd, name: &CStr, path: &Path, stat: &Stat) -> io::Result<()> {
        let target = rustix::fs::readlinkat(folder, name, Vec::new())?;
        self.tar.append_link(&mut header(stat, tar::EntryType::Symlink), path, std::ffi::OsStr::from_bytes(target.as_bytes()))
    }

    fn subfolder(&mut self, folder: &OwnedFd, name: &CStr, path: &Path, stat: Stat, out: bool, depth: usize) -> io::Result<()> {
        if out && !self.ignore.may_hold_exceptions(&path.to_string_lossy()) {
            return Ok(());
        }
        let waiting = self.waiting.len();
        self.waiting.push((path.to_owned(), stat));
        if !out {
            self.send_waiting()?;
            self.warn_of_private(path);
        }
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = rustix::fs::openat(folder, name, flags, Mode::empty()).map_err(|error| at(path, error.into()))?;
        self.folder(&opened, path, depth + 1)?;
        self.waiting.truncate(waiting);
        Ok(())
    }

    fn send_waiting(&mut self) -> io::Result<()> {
        for (path, stat) in std::mem::take(&mut self.waiting) {
            self.count()?;
            self.tar.append_data(&mut header(&stat, tar::EntryType::Directory), path, io::empty())?;
        }
        Ok(())
    }

    fn file(&mut self, folder: &OwnedFd, name: &CStr, path: &Path) -> io::Result<()> {
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::openat(folder, name, flags, Mode::empty())?;
        let stat = rustix::fs::fstat(&file)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(io::Error::other(REPLACED));
        }
        let mut header = header(&stat, tar::EntryType::Regular);
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        header.set_size(size);
        self.tar.append_data(&mut header, path, Exactly { file: File::from(file), left: size })
    }

    fn count(&mut self) -> io::Result<()> {
        self.entries += 1;
        if self.entries > ENTRIES_BOUND { Err(io::Error::other(format!("more than {ENTRIES_BOUND} files"))) } else { Ok(()) }
    }

    /// Each of the names once: what is said a hundred times is not read.
    fn warn_of_private(&mut self, path: &Path) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if PRIVATE.contains(&name.as_str()) && !self.private.contains(&name) {
            self.private.push(name);
            (self.note)(Note::Private(path.to_string_lossy().into_owned()));
        }
    }
}

fn header(stat: &Stat, kind: tar::EntryType) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(if kind.is_symlink() { 0o777 } else { stat.st_mode & 0o7777 });
    header.set_mtime(u64::try_from(stat.st_mtime).unwrap_or(0));
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(0);
    header
}

/// As many bytes as the header promised: what was appended since is not sent, what is missing is an error.
struct Exactly {
    file: File,
    left: u64,
}

impl Read for Exactly {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        let count = self.file.read(buffer.get_mut(..most).unwrap_or_default())?;
        if count == 0 {
            return Err(io::Error::other("it became shorter while it was read"));
        }
        self.left -= u64::try_from(count).unwrap_or(0);
        Ok(count)
    }
}

/// In the order of their bytes, so that the same folder is the same stream.
fn names(folder: &OwnedFd) -> io::Result<Vec<CString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        if ![c".", c".."].contains(&entry.file_name()) {
            names.push(entry.file_name().to_owned());
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// The real place of `path`, which must lie in the project and beneath a granted folder.
fn real_path(root: &Path, granted: &[String], path: &Path, said: &str) -> Result<PathBuf, Unreadable> {
    let lexical = ignore::clean(&path.to_string_lossy());
    if !Path::new(&lexical).starts_with(root) {
        return Err(Unreadable::Outside(format!("`{said}` lies outside of the project")));
    }
    let real = std::fs::canonicalize(path).map_err(|error| invalid("the path", said, &error))?;
    if !real.starts_with(root) {
        return Err(Unreadable::Outside(format!("`{said}` leads out of the project")));
    }
    if real.strip_prefix(root).is_ok_and(|beneath| beneath.iter().any(|part| part == STATE)) {
        return Err(Unreadable::Outside(format!("`{said}` lies in `{STATE}`, which is the host's own")));
    }
    let beneath = |folder: &String| std::fs::canonicalize(root.join(folder)).is_ok_and(|folder| real.starts_with(folder));
    if granted.iter().any(beneath) { Ok(real) } else { Err(Unreadable::NotGranted(said.to_owned())) }
}

/// Opens a real path of the project, each part without following a link that was put there meanwhile.
fn open_beneath(root: &Path, real: &Path, flags: OFlags) -> io::Result<OwnedFd> {
    let relative = real.strip_prefix(root).map_err(|_| io::Error::from(io::ErrorKind::PermissionDenied))?;
    let folder_flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut at = rustix::fs::open(root, folder_flags, Mode::empty())?;
    let mut parts = relative.components().peekable();
    while let Some(part) = parts.next() {
        let Component::Normal(name) = part else { return Err(io::ErrorKind::PermissionDenied.into()) };
        let last = parts.peek().is_none();
        let flags = if last { flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC } else { folder_flags };
        at = rustix::fs::openat(at.as_fd(), name, flags, Mode::empty())?;
    }
    Ok(at)
}

fn read_beneath(root: &Path, real: &Path, bound: u64) -> io::Result<String> {
    let file = File::from(open_beneath(root, real, OFlags::empty())?);
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut bytes = Vec::new();
    file.take(bound + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > bound {
        return Err(io::Error::other(format!("it is longer than {bound} bytes")));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::other("it is not UTF-8"))
}

/// The error with the path it happened at.
fn at(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("`{}`: {error}", path.display()))
}

fn invalid(what: &str, said: &str, error: &io::Error) -> Unreadable {
    Unreadable::Invalid(format!("{what} `{said}`: {error}"))
}

#[cfg(test)]
#[path = "context_tests.rs"]
mod tests;
