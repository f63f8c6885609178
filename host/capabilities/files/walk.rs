//! From a guest's path to a place on the disk, one name at a time.
//!
//! No link is ever followed by the operating system: every folder is opened by its name in the folder before
//! it, links are read and walked like the rest of the path, and each step is checked against the policy
//! *before* the disk is asked. So the answer names the real place, it holds for the folder that was opened
//! whatever is renamed meanwhile, and nothing is told about places that are not granted.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, openat, readlinkat, statat};
use rustix::io::Errno;
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;

use super::policy::{Denial, Kind, Policy, tidy};
use crate::grants::FileAccess;

/// As Linux bounds it.
const LINKS_BOUND: usize = 40;
/// As Linux bounds a path and wasi-libc builds it.
const PATH_BOUND: usize = 4096;

/// Opens a folder only to go on from it: needs no permission to list it.
#[cfg(target_os = "linux")]
const STEP: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
#[cfg(not(target_os = "linux"))]
const STEP: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// A folder from which walks begin; `path` is real.
#[derive(Clone)]
pub(super) struct Base {
    pub(super) path: PathBuf,
    pub(super) folder: Arc<OwnedFd>,
}

/// Where a path leads.
pub(super) struct Found {
    /// The real path.
    pub(super) path: PathBuf,
    /// The folder that holds it.
    pub(super) parent: Arc<OwnedFd>,
    /// Its name there; none when the path leads to `parent` itself.
    pub(super) name: Option<OsString>,
    pub(super) kind: Kind,
    /// The path ended in a slash: only a folder will do.
    pub(super) as_folder: bool,
}

/// Why a path leads nowhere.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stop {
    Denied(Denial),
    Code(ErrorCode),
}

impl From<Errno> for Stop {
    fn from(error: Errno) -> Self {
        Self::Code(std::io::Error::from(error).into())
    }
}

struct Walk<'a> {
    bases: &'a [Base],
    policy: &'a Policy,
    /// The folders from a base to here; never empty.
    folders: Vec<Arc<OwnedFd>>,
    path: PathBuf,
    todo: VecDeque<OsString>,
    links: usize,
}

impl Found {
    /// The name to act on within `parent`.
    pub(super) fn entry(&self) -> &OsStr {
        self.name.as_deref().unwrap_or(OsStr::new("."))
    }
}

/// Walks the guest's `path` from the folder at `start`, which is a real path at or below a base.
pub(super) fn walk(bases: &[Base], policy: &Policy, start: &Path, path: &str, follow: bool) -> Result<Found, Stop> {
    check(policy, start, path)?;
    let base = base_of(bases, start).ok_or_else(|| denied(policy, start))?;
    let below = start.strip_prefix(&base.path).unwrap_or(Path::new(""));
    let todo = below.iter().chain(Path::new(path).iter()).map(OsStr::to_owned).collect();
    let walk = Walk { bases, policy, folders: vec![Arc::clone(&base.folder)], path: base.path.clone(), todo, links: 0 };
    let as_folder = path.ends_with('/') || path.ends_with("/.");
    let mut found = walk.run(follow || as_folder)?;
    found.as_folder = as_folder;
    Ok(found)
}

/// What can be refused without looking: absolute paths, and paths that climb out of the folder they start in.
fn check(policy: &Policy, start: &Path, path: &str) -> Result<(), Stop> {
    if path.is_empty() {
        return Err(Stop::Code(ErrorCode::NoEntry));
    }
    if path.contains('\0') {
        return Err(Stop::Code(ErrorCode::Invalid));
    }
    if path.len() > PATH_BOUND {
        return Err(Stop::Code(ErrorCode::NameTooLong));
    }
    let mut depth = 0_usize;
    for part in Path::new(path).components() {
        match part {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir if depth > 0 => depth -= 1,
            _ => return Err(denied(policy, &tidy(&start.join(path)).unwrap_or_else(|| path.into()))),
        }
    }
    Ok(())
}

impl Walk<'_> {
    fn run(mut self, follow: bool) -> Result<Found, Stop> {
        while let Some(name) = self.todo.pop_front() {
            match name.to_str() {
                Some("." | "") => {}
                Some("..") => self.climb()?,
                _ => {
                    if let Some(found) = self.step(name, follow)? {
                        return Ok(found);
                    }
                }
            }
        }
        let parent = self.here()?;
        Ok(Found { path: self.path, parent, name: None, kind: Kind::Folder, as_folder: false })
    }

    /// Goes to `name`; answers when it is the last one.
    fn step(&mut self, name: OsString, follow: bool) -> Result<Option<Found>, Stop> {
        let path = self.path.join(&name);
        // Before the disk is asked: a folder is the least that could be here, or that nothing is may be told.
        let open = self.policy.may_read(&path, Kind::Folder).is_ok();
        let last = self.todo.is_empty();
        if !(open || (last && self.policy.may_read(&path, Kind::Missing).is_ok())) {
            return Err(denied(self.policy, &self.target(&path)));
        }
        if !last {
            self.enter(name, path)?;
            return Ok(None);
        }
        let parent = self.here()?;
        let kind = kind_of(&parent, &name)?;
        if !open && kind != Kind::Missing {
            return Err(denied(self.policy, &path));
        }
        if kind == Kind::Link && follow {
            self.follow(&parent, &name)?;
            return Ok(None);
        }
        Ok(Some(Found { path, parent, name: Some(name), kind, as_folder: false }))
    }

    fn enter(&mut self, name: OsString, path: PathBuf) -> Result<(), Stop> {
        let parent = self.here()?;
        match openat(&parent, &name, STEP, Mode::empty()) {
            Ok(folder) => {
                self.folders.push(Arc::new(folder));
                self.path = path;
                Ok(())
            }
            Err(Errno::NOTDIR | Errno::LOOP) => match kind_of(&parent, &name)? {
                Kind::Link => self.follow(&parent, &name),
                kind => Err(self.dead_end(&path, kind)),
            },
            Err(Errno::NOENT) => Err(self.dead_end(&path, Kind::Missing)),
            Err(error) => Err(error.into()),
        }
    }

    /// The way ends before the path does. What is told must follow from what is granted.
    fn dead_end(&self, path: &Path, kind: Kind) -> Stop {
        let target = self.target(path);
        match self.policy.may_read(&target, Kind::Missing) {
            Ok(()) if kind != Kind::Missing && self.policy.may_read(path, kind).is_ok() => Stop::Code(ErrorCode::NotDirectory),
            Ok(()) => Stop::Code(ErrorCode::NoEntry),
            Err(denial) => Stop::Denied(denial),
        }
    }

    /// Where `path` and what is left to do would lead, as far as that can be told without looking.
    fn target(&self, path: &Path) -> PathBuf {
        tidy(&self.todo.iter().fold(path.to_owned(), |path, name| path.join(name))).unwrap_or_else(|| path.to_owned())
    }

    /// Puts a link's target in the place of its name.
    fn follow(&mut self, parent: &OwnedFd, name: &OsStr) -> Result<(), Stop> {
        self.links += 1;
        if self.links > LINKS_BOUND {
            return Err(Stop::Code(ErrorCode::Loop));
        }
        let target = PathBuf::from(OsString::from_vec(readlinkat(parent, name, Vec::new())?.into_bytes()));
        if target.is_absolute() {
            return self.jump(&target);
        }
        for part in target.iter().rev() {
            self.todo.push_front(part.to_owned());
        }
        Ok(())
    }

    /// Up one folder; above a base the walk goes on only where another base allows it.
    fn climb(&mut self) -> Result<(), Stop> {
        if self.folders.len() > 1 {
            self.folders.pop();
            self.path.pop();
            return Ok(());
        }
        let above = self.path.parent().unwrap_or(Path::new("/")).to_owned();
        self.jump(&above)
    }

    /// Continues at an absolute path, followed by what is left to do.
    fn jump(&mut self, to: &Path) -> Result<(), Stop> {
        let whole = self.todo.drain(..).fold(to.to_owned(), |path, name| path.join(name));
        let whole = tidy(&whole).ok_or_else(|| denied(self.policy, to))?;
        let base = base_of(self.bases, &whole).ok_or_else(|| denied(self.policy, &whole))?;
        self.folders = vec![Arc::clone(&base.folder)];
        self.path.clone_from(&base.path);
        self.todo = whole.strip_prefix(&base.path).unwrap_or(Path::new("")).iter().map(OsStr::to_owned).collect();
        Ok(())
    }

    fn here(&self) -> Result<Arc<OwnedFd>, Stop> {
        self.folders.last().map(Arc::clone).ok_or(Stop::Code(ErrorCode::Io))
    }
}

/// The innermost base that holds `path`.
fn base_of<'a>(bases: &'a [Base], path: &Path) -> Option<&'a Base> {
    bases.iter().filter(|base| path.starts_with(&base.path)).max_by_key(|base| base.path.components().count())
}

fn denied(policy: &Policy, path: &Path) -> Stop {
    Stop::Denied(policy.denial(path, FileAccess::Read))
}

fn kind_of(folder: &OwnedFd, name: &OsStr) -> Result<Kind, Errno> {
    match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Kind::File,
            FileType::Directory => Kind::Folder,
            FileType::Symlink => Kind::Link,
            _ => Kind::Other,
        }),
        Err(Errno::NOENT) => Ok(Kind::Missing),
        Err(error) => Err(error),
    }
}
