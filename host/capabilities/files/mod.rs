//! Files, granted by path or glob, enforced beneath `wasi:filesystem`: whatever language a command is
//! written in, its ordinary file functions obey.
//!
//! - [`pattern`], [`policy`]: which path is granted; pure. [`walk`]: from a guest's path to the real place.
//! - `host`: the WASI functions, each checked; what is permitted is done by `wasmtime-wasi`'s own code on
//!   the descriptor that the walk found.
//!
//! A command sees the project's folder as `.` (wasi-libc takes absolute paths from there too) when anything
//! in it is granted, and for each absolute grant the folder before its first wildcard under its own name.
//! Without grants there is no folder at all.
//!
//! Absent on purpose: making links (they would make one place have two names), opening devices, pipes and
//! sockets (they could block for ever), and any answer that tells whether an ungranted path exists, but that there is
//! no `.env` beside files that are granted. Reading of `.env` needs a grant of exactly that name, and nothing makes host.toml, the lock file, `.host`, the
//! command folders or the compiled store writable. Hard links are the operator's doing, and are not seen through.
//!
//! Journaled: every open, every change, every refusal. Not journaled: looking (stat, list) at what is granted,
//! and reading and writing what was opened.

mod deed;
mod host;
mod opening;
pub mod pattern;
pub mod policy;
mod walk;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::{Mode, OFlags, open};
use wasmtime::component::{HasData, Linker, ResourceTable};
use wasmtime_wasi::WasiView;
use wasmtime_wasi::cli::{WasiCli, WasiCliView};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView};
use wasmtime_wasi::filesystem::WasiFilesystemCtx;
use wasmtime_wasi::p2::bindings::{cli, clocks, filesystem, random, sockets};
use wasmtime_wasi::random::WasiRandom;
use wasmtime_wasi::sockets::{WasiSockets, WasiSocketsView};
use wasmtime_wasi_io::bindings::wasi::io;

use self::policy::Policy;
use self::walk::Base;
use crate::gate::Gate;
use crate::grants::FileGrant;
use crate::outcome::{Failure, Result};

/// Files and folders that one command has open at once, listings included. Past it, opening fails.
pub const OPEN_BOUND: usize = 1_000;
/// Refusals that are kept for the hint after a failure: the last ones tell most.
const DENIALS_KEPT: usize = 8;

/// What one run may do with files, and what it has open.
pub struct FilesCtx {
    gate: Gate,
    policy: Policy,
    bases: Vec<Base>,
    /// The names under which guests see the bases.
    preopens: Vec<(String, Base)>,
    /// The real path of each descriptor, by its number in the table.
    paths: HashMap<u32, PathBuf>,
    /// The folder that each open listing lists.
    listings: HashMap<u32, PathBuf>,
    denials: Denials,
    open_bound: usize,
    /// Empty: its preopens are ours.
    wasi: WasiFilesystemCtx,
}

/// What a command was refused: the last refusals, each once. Clones are the same list, and outlive the run.
#[derive(Clone, Debug, Default)]
pub struct Denials {
    shared: Arc<Mutex<Vec<String>>>,
}

/// Borrowed for one call of the guest.
pub struct FilesView<'a> {
    pub ctx: &'a mut FilesCtx,
    pub table: &'a mut ResourceTable,
}

struct HasFiles;

impl HasData for HasFiles {
    type Data<'a> = FilesView<'a>;
}

struct HasTable;

impl HasData for HasTable {
    type Data<'a> = &'a mut ResourceTable;
}

impl FilesCtx {
    /// `root` is the project's folder, `grants` what is permitted (asked for and granted). `protected` are
    /// paths below which nothing is ever changed: host.toml, host.lock, `.host`, the command folders, the
    /// compiled store, and whatever else the host itself relies on; they need not exist.
    /// `hidden` are files that are not even read. `asked` is what the manifest asks for, none without a manifest: for the
    /// text of refusals only.
    pub fn new(
        gate: Gate,
        root: &Path,
        grants: &[FileGrant],
        asked: Option<&[FileGrant]>,
        protected: &[PathBuf],
        hidden: &[PathBuf],
    ) -> Result<Self> {
        let command = gate.command().to_owned();
        // The usual command has no file grants and costs no call into the system.
        let root = if grants.is_empty() { root.to_owned() } else { real(root) };
        let real_ones = |paths: &[PathBuf]| match grants.is_empty() {
            true => Vec::new(),
            false => paths.iter().flat_map(|path| real_names(&root.join(path))).collect(),
        };
        let policy = Policy::new(&command, root.clone(), grants, real_ones(protected), real_part);
        let policy = policy.map(|policy| policy.with_hidden(real_ones(hidden)));
        let policy = match asked {
            Some(asked) => policy.map(|policy| policy.with_asked(asked)),
            None => policy,
        };
        let policy = policy.map_err(Failure::usage)?;
        let mut ctx = Self {
            gate,
            policy,
            bases: Vec::new(),
            preopens: Vec::new(),
            paths: HashMap::new(),
            listings: HashMap::new(),
            denials: Denials::default(),
            open_bound: OPEN_BOUND,
            wasi: WasiFilesystemCtx::default(),
        };
        for grant in grants {
            ctx.add_base(&root, &grant.pattern)?;
        }
        Ok(ctx)
    }

    /// To be asked after the run, when the command failed.
    pub fn denials(&self) -> Denials {
        self.denials.clone()
    }

    fn add_base(&mut self, root: &Path, pattern: &str) -> Result<()> {
        let (name, path) = if pattern.starts_with('/') {
            let (folder, _) = pattern::split_absolute(pattern);
            let (there, missing) = real_part(&folder);
            // Seen under the operator's name for the part that exists.
            let name = folder.ancestors().nth(missing.components().count()).unwrap_or(Path::new("/"));
            (name.to_string_lossy().into_owned(), there)
        } else {
            (".".to_owned(), root.to_owned())
        };
        if self.preopens.iter().any(|(known, _)| *known == name) {
            return Ok(());
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = open(&path, flags, Mode::empty())
            .map_err(|error| Failure::failed(format!("failed to open `{}`, which `files` grants: {error}", path.display())))?;
        let base = Base { path, folder: Arc::new(folder) };
        self.bases.push(base.clone());
        self.preopens.push((name, base));
        Ok(())
    }
}

impl Denials {
    /// One line each, with the line of host.toml that would allow it; oldest first.
    pub fn lines(&self) -> Vec<String> {
        self.list().clone()
    }

    fn remember(&self, line: String) {
        let mut list = self.list();
        list.retain(|known| *known != line);
        if list.len() == DENIALS_KEPT {
            list.remove(0);
        }
        list.push(line);
    }

    fn list(&self) -> MutexGuard<'_, Vec<String>> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Links WASI 0.2 without sockets: as `wasmtime_wasi::p2::add_to_linker_async`, but the file system is ours.
pub fn add_wasi_to_linker<T: WasiView>(linker: &mut Linker<T>, files: fn(&mut T) -> FilesView<'_>) -> wasmtime::Result<()> {
    filesystem::types::add_to_linker::<T, HasFiles>(linker, files)?;
    filesystem::preopens::add_to_linker::<T, HasFiles>(linker, files)?;

    add_io(linker)?;
    add_cli(linker)?;
    clocks::wall_clock::add_to_linker::<T, WasiClocks>(linker, T::clocks)?;
    clocks::monotonic_clock::add_to_linker::<T, WasiClocks>(linker, T::clocks)?;
    random::random::add_to_linker::<T, WasiRandom>(linker, |state| state.ctx().ctx.random())?;
    random::insecure::add_to_linker::<T, WasiRandom>(linker, |state| state.ctx().ctx.random())?;
    random::insecure_seed::add_to_linker::<T, WasiRandom>(linker, |state| state.ctx().ctx.random())
}

fn add_io<T: WasiView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    io::error::add_to_linker::<T, HasTable>(linker, |state| state.ctx().table)?;
    io::poll::add_to_linker::<T, HasTable>(linker, |state| state.ctx().table)?;
    io::streams::add_to_linker::<T, HasTable>(linker, |state| state.ctx().table)
}

fn add_cli<T: WasiView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    cli::exit::add_to_linker::<T, WasiCli>(linker, T::cli)?;
    cli::environment::add_to_linker::<T, WasiCli>(linker, T::cli)?;
    cli::stdin::add_to_linker::<T, WasiCli>(linker, T::cli)?;
    cli::stdout::add_to_linker::<T, WasiCli>(linker, T::cli)?;
    cli::stderr::add_to_linker::<T, WasiCli>(linker, T::cli)?;
    cli::terminal_input::add_to_linker::<T, WasiCli>(linker, T::cli)?;
    cli::terminal_output::add_to_linker::<T, WasiCli>(linker, T::cli)?;
    cli::terminal_stdin::add_to_linker::<T, WasiCli>(linker, T::cli)?;
    cli::terminal_stdout::add_to_linker::<T, WasiCli>(linker, T::cli)?;
    cli::terminal_stderr::add_to_linker::<T, WasiCli>(linker, T::cli)
}

/// Sockets, for the languages that import them whether a program uses them or not; the run's `WasiCtx` denies them all.
pub fn add_sockets_to_linker<T: WasiView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    let options = sockets::network::LinkOptions::default();
    sockets::network::add_to_linker::<T, WasiSockets>(linker, &options, T::sockets)?;
    sockets::instance_network::add_to_linker::<T, WasiSockets>(linker, T::sockets)?;
    sockets::ip_name_lookup::add_to_linker::<T, WasiSockets>(linker, T::sockets)?;
    sockets::tcp::add_to_linker::<T, WasiSockets>(linker, T::sockets)?;
    sockets::tcp_create_socket::add_to_linker::<T, WasiSockets>(linker, T::sockets)?;
    sockets::udp::add_to_linker::<T, WasiSockets>(linker, T::sockets)?;
    sockets::udp_create_socket::add_to_linker::<T, WasiSockets>(linker, T::sockets)
}

/// `path` with its links resolved, as far as it exists.
fn real(path: &Path) -> PathBuf {
    let (there, rest) = real_part(path);
    if rest.as_os_str().is_empty() { there } else { there.join(rest) }
}

/// The part of `path` that exists, its links resolved, and the rest.
fn real_part(path: &Path) -> (PathBuf, PathBuf) {
    for there in path.ancestors() {
        if let Ok(real) = std::fs::canonicalize(there) {
            return (real, path.strip_prefix(there).unwrap_or(Path::new("")).to_owned());
        }
    }
    (PathBuf::from("/"), path.strip_prefix("/").unwrap_or(path).to_owned())
}

/// A protected path under its own name in its real folder, and what it leads to if it is a link.
fn real_names(path: &Path) -> Vec<PathBuf> {
    let own = match (path.parent(), path.file_name()) {
        (Some(folder), Some(name)) => real(folder).join(name),
        _ => path.to_owned(),
    };
    vec![own, real(path)]
}
