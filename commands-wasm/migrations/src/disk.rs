//! Listing folders and reading whole files.
//!
//! In a component both speak to `wasi:filesystem` directly: `std` reaches it by way of preview 1, which asks for
//! an inode of every listed file and for every file's size. That would be more than half of what a `migrate`
//! with nothing to do costs.

use std::io;

#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// Sorted by name.
    pub(crate) files: Vec<String>,
    /// Sorted by name, without hidden ones.
    pub(crate) folders: Vec<String>,
}

enum Kind {
    File,
    Folder,
    Other,
}

impl Listing {
    fn add(&mut self, name: String, kind: Kind) {
        match kind {
            Kind::File => self.files.push(name),
            Kind::Folder if !name.starts_with('.') => self.folders.push(name),
            Kind::Folder | Kind::Other => {}
        }
    }

    fn sorted(mut self) -> Self {
        self.files.sort();
        self.folders.sort();
        self
    }
}

/// The kind of what `path` leads to, links followed.
fn kind_of(path: &str) -> io::Result<Kind> {
    let kind = std::fs::metadata(path)?.file_type();
    Ok(if kind.is_file() {
        Kind::File
    } else if kind.is_dir() {
        Kind::Folder
    } else {
        Kind::Other
    })
}

#[cfg(not(target_family = "wasm"))]
pub(crate) fn list(folder: &str) -> io::Result<Listing> {
    let mut listing = Listing::default();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let kind = kind_of(&format!("{folder}/{name}"))?;
        listing.add(name, kind);
    }
    Ok(listing.sorted())
}

#[cfg(not(target_family = "wasm"))]
pub(crate) fn read(path: &str) -> io::Result<Vec<u8>> {
    std::fs::read(path)
}

#[cfg(target_family = "wasm")]
pub(crate) use self::wasi::{list, read};

#[cfg(target_family = "wasm")]
mod wasi {
    use std::io;

    use wasip2::filesystem::preopens;
    use wasip2::filesystem::types::{Descriptor, DescriptorFlags, DescriptorType, ErrorCode, OpenFlags, PathFlags};

    use super::{Kind, Listing, kind_of};

    thread_local! {
        /// The project's folder (`.`) and those of absolute grants; asked for once.
        static GRANTED: Vec<(Descriptor, String)> = preopens::get_directories();
    }

    /// Most migrations fit into one.
    const CHUNK_BYTES: u64 = 16 * 1024;

    pub(crate) fn list(folder: &str) -> io::Result<Listing> {
        let folder_handle = open(folder, OpenFlags::DIRECTORY)?;
        let entries = folder_handle.read_directory().map_err(convert)?;
        let mut listing = Listing::default();
        while let Some(entry) = entries.read_directory_entry().map_err(convert)? {
            let kind = match entry.type_ {
                DescriptorType::RegularFile => Kind::File,
                DescriptorType::Directory => Kind::Folder,
                DescriptorType::SymbolicLink | DescriptorType::Unknown => kind_of(&format!("{folder}/{}", entry.name))?,
                _ => Kind::Other,
            };
            listing.add(entry.name, kind);
        }
        Ok(listing.sorted())
    }

    pub(crate) fn read(path: &str) -> io::Result<Vec<u8>> {
        let file = open(path, OpenFlags::empty())?;
        let mut bytes = Vec::new();
        loop {
            let (chunk, _) = file.read(CHUNK_BYTES, bytes.len() as u64).map_err(convert)?;
            // A regular file gives less than it was asked for only at its end.
            let last = (chunk.len() as u64) < CHUNK_BYTES;
            if bytes.is_empty() {
                bytes = chunk;
            } else {
                bytes.extend_from_slice(&chunk);
            }
            if last {
                return Ok(bytes);
            }
        }
    }

    fn open(path: &str, flags: OpenFlags) -> io::Result<Descriptor> {
        GRANTED.with(|granted| {
            let (folder, rest) = granted
                .iter()
                .filter_map(|(folder, name)| Some((folder, below(name, path)?)))
                .min_by_key(|(_, rest)| rest.len())
                .ok_or(io::ErrorKind::PermissionDenied)?;
            folder.open_at(PathFlags::SYMLINK_FOLLOW, rest, flags, DescriptorFlags::READ).map_err(convert)
        })
    }

    /// What of `path` is left below a granted folder.
    fn below<'a>(folder: &str, path: &'a str) -> Option<&'a str> {
        if folder == "." {
            return (!path.starts_with('/')).then_some(path);
        }
        let rest = path.strip_prefix(folder.trim_end_matches('/'))?;
        match rest.strip_prefix('/') {
            Some(rest) => Some(rest),
            None => rest.is_empty().then_some("."),
        }
    }

    fn convert(code: ErrorCode) -> io::Error {
        match code {
            ErrorCode::NoEntry => io::ErrorKind::NotFound.into(),
            ErrorCode::Access | ErrorCode::NotPermitted => io::ErrorKind::PermissionDenied.into(),
            ErrorCode::NotDirectory => io::ErrorKind::NotADirectory.into(),
            other => io::Error::other(other.message()),
        }
    }
}
