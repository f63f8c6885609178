//! The store of compiled components: `CACHE/compiled/`, one pointer and one data file an entry.
//!
//! - `KEY` holds the data file's SHA-256, then what identified that file on disk when it was verified.
//! - `KEY.SHA256.cwasm` is the compiled form, mapped into memory as it is.
//!
//! KEY = SHA-256 of the component and this host's version. What another engine made under the same key (another
//! processor, an update of wasmtime) is refused by wasmtime itself, and compiled anew: asking the compiler for its
//! compatibility hash would start it on every run. Both files appear by rename: a reader sees a whole entry or none,
//! and two hosts that compile the same component at once both end with a valid one.
//!
//! Mapping runs native code, so the folder must belong to this user alone (0700), nothing in it is ever
//! taken from outside, and a data file whose inode, size or change time is not the one recorded is
//! hashed again before it is mapped. What does not match is removed and compiled anew.

use std::fs::{self, DirBuilder, File, Metadata};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

use super::engine;
use crate::outcome::{Failure, Result};

/// Where the compiled form of this run came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Mapped,
    Compiled,
    /// Compiled, and not stored because of this.
    NotStored(String),
}

/// One entry, for `host cache`.
pub struct Entry {
    pub name: String,
    pub bytes: u64,
    pub used: SystemTime,
}

pub struct Store {
    folder: PathBuf,
}

impl Store {
    /// The store beneath `cache` (`HOST_CACHE_DIR`, else `host` in the user's cache folder), created with mode 0700.
    pub fn open(cache: &Path) -> Result<Self> {
        let folder = cache.join("compiled");
        DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(|error| unusable(&folder, &error.to_string()))?;
        let metadata = fs::symlink_metadata(&folder).map_err(|error| unusable(&folder, &error.to_string()))?;
        if !metadata.is_dir() {
            return Err(unusable(&folder, "it is not a folder"));
        }
        if metadata.mode() & 0o077 != 0 {
            return Err(unusable(&folder, "others may read or write it").hint(format!("chmod 700 {}", folder.display())));
        }
        let owner = fs::metadata("/proc/self").map_or(metadata.uid(), |me| me.uid());
        if metadata.uid() != owner {
            return Err(unusable(&folder, "it belongs to another user").hint("set HOST_CACHE_DIR to a folder of your own"));
        }
        Ok(Self { folder })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Maps the compiled form of `bytes`, whose digest is `digest`, or compiles and stores it.
    pub fn load(&self, engine: &Engine, digest: &str, bytes: &[u8]) -> Result<(Component, Origin)> {
        let key = key(digest);
        if let Some(component) = self.map(engine, &key) {
            return Ok((component, Origin::Mapped));
        }
        let compiled = compile(bytes)?;
        match self.put(&key, &compiled) {
            Ok(()) => match self.map(engine, &key) {
                Some(component) => Ok((component, Origin::Compiled)),
                None => Ok((from_memory(engine, &compiled)?, Origin::NotStored("it could not be read back".to_owned()))),
            },
            Err(error) => Ok((from_memory(engine, &compiled)?, Origin::NotStored(error.to_string()))),
        }
    }

    /// Everything stored, oldest use first.
    pub fn entries(&self) -> Result<Vec<Entry>> {
        let unreadable = |error: std::io::Error| unusable(&self.folder, &error.to_string());
        let mut entries = Vec::new();
        for item in fs::read_dir(&self.folder).map_err(unreadable)? {
            let item = item.map_err(unreadable)?;
            // A file that another host removes meanwhile is no entry any more.
            if let Ok(metadata) = item.metadata() {
                let used = metadata.accessed().or_else(|_| metadata.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
                entries.push(Entry { name: item.file_name().to_string_lossy().into_owned(), bytes: metadata.len(), used });
            }
        }
        entries.sort_by_key(|entry| entry.used);
        Ok(entries)
    }

    /// Removes the files that were not used since `before`; answers how many and their bytes.
    pub fn prune(&self, before: SystemTime) -> Result<(usize, u64)> {
        let (mut count, mut bytes) = (0, 0);
        for entry in self.entries()?.into_iter().filter(|entry| entry.used < before) {
            if fs::remove_file(self.folder.join(&entry.name)).is_ok() {
                count += 1;
                bytes += entry.bytes;
            }
        }
        Ok((count, bytes))
    }

    fn map(&self, engine: &Engine, key: &str) -> Option<Component> {
        let pointer = self.folder.join(key);
        let text = fs::read_to_string(&pointer).ok()?;
        let (sum, fingerprint) = text.trim_end().split_once(' ')?;
        if sum.len() != 64 || !sum.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let path = self.data_path(key, sum);
        let metadata = fs::symlink_metadata(&path).ok()?;
        if !metadata.is_file() {
            return None;
        }
        if self::fingerprint(&metadata) != fingerprint {
            if digest_of(&path)? != sum {
                let _ = fs::remove_file(&path);
                let _ = fs::remove_file(&pointer);
                return None;
            }
            // Copied or restored, but whole: remember it as it is now.
            let _ = self.write(&pointer, format!("{sum} {}\n", self::fingerprint(&metadata)).as_bytes());
        }
        deserialize(engine, &path)
    }

    fn put(&self, key: &str, compiled: &[u8]) -> std::io::Result<()> {
        let sum = hex::encode(Sha256::digest(compiled));
        let data = self.data_path(key, &sum);
        self.write(&data, compiled)?;
        let metadata = fs::symlink_metadata(&data)?;
        self.write(&self.folder.join(key), format!("{sum} {}\n", fingerprint(&metadata)).as_bytes())
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
        let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(&self.folder)?;
        file.write_all(bytes)?;
        file.flush()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    }

    fn data_path(&self, key: &str, sum: &str) -> PathBuf {
        self.folder.join(format!("{key}.{sum}.cwasm"))
    }
}

/// Compiles without a store.
pub fn compile_only(engine: &Engine, bytes: &[u8]) -> Result<Component> {
    from_memory(engine, &compile(bytes)?)
}

fn compile(bytes: &[u8]) -> Result<Vec<u8>> {
    engine::compiler()?.precompile_component(bytes).map_err(|error| invalid(&error))
}

fn invalid(error: &wasmtime::Error) -> Failure {
    Failure::usage(format!("the component is not valid: {error:#}")).hint("build or copy it again")
}

fn key(digest: &str) -> String {
    format!("{}-{}", digest.strip_prefix("sha256:").unwrap_or(digest), env!("CARGO_PKG_VERSION"))
}

/// What changes when somebody writes to the file or replaces it; only root can forge a change time.
fn fingerprint(metadata: &Metadata) -> String {
    format!("{} {} {}.{:09}", metadata.ino(), metadata.len(), metadata.ctime(), metadata.ctime_nsec())
}

fn digest_of(path: &Path) -> Option<String> {
    let mut file = File::open(path).ok()?;
    let mut hasher = Sha256::new();
    let mut chunk = vec![0; 1 << 20];
    loop {
        match file.read(&mut chunk).ok()? {
            0 => return Some(hex::encode(hasher.finalize())),
            count => hasher.update(chunk.get(..count)?),
        }
    }
}

#[expect(unsafe_code, reason = "mapping compiled code is what the store is for")]
fn deserialize(engine: &Engine, path: &Path) -> Option<Component> {
    // SAFETY: the file was written by `put` from what this engine compiled, its checksum was verified, and
    // it lies in a folder that only this user can enter. wasmtime itself checks version and settings.
    unsafe { Component::deserialize_file(engine, path) }.ok()
}

#[expect(unsafe_code, reason = "the bytes never left this process")]
fn from_memory(engine: &Engine, compiled: &[u8]) -> Result<Component> {
    // SAFETY: `compiled` is what `precompile_component` of this engine answered a moment ago.
    unsafe { Component::deserialize(engine, compiled) }
        .map_err(|error| Failure::failed(format!("failed to load the compiled component: {error:#}")))
}

fn unusable(folder: &Path, why: &str) -> Failure {
    Failure::failed(format!("the store of compiled components `{}` cannot be used: {why}", folder.display()))
}
