//! What is mounted into containers.

use std::collections::BTreeMap;

use crate::error::Place;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    pub kind: MountKind,
    /// Of a bind a path: relative to the folder of [`Files`](crate::Files) (`data`, `../x`, `.`) unless it starts with
    /// `/` or `~`. Of a volume its key in `volumes:`; none: a volume without a name. Of an image its name.
    pub source: Option<String>,
    /// An absolute path in the container.
    pub target: String,
    pub read_only: bool,
    pub consistency: Option<String>,
    pub propagation: Option<Propagation>,
    /// Of a bind: whether a missing folder is made on the machine.
    pub create_host_path: bool,
    /// Of a bind: `enabled`, `disabled`, `writable` or `readonly`.
    pub recursive: Option<String>,
    /// Of a bind: `z` (shared) or `Z` (private).
    pub selinux: Option<char>,
    /// Of a volume: nothing is copied into it from the image.
    pub nocopy: bool,
    /// Of a volume or an image: the folder in it that is mounted.
    pub subpath: Option<String>,
    /// Of a volume without a name.
    pub labels: BTreeMap<String, String>,
    /// Of a tmpfs, in bytes.
    pub tmpfs_size: Option<i64>,
    /// Of a tmpfs.
    pub tmpfs_mode: Option<u32>,
    /// Whether the options of its type stand in the file, as they always do for the short form.
    pub section: bool,
    pub place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MountKind {
    Bind,
    Volume,
    Tmpfs,
    Image,
    /// A named pipe of Windows.
    Npipe,
    /// A volume of a swarm.
    Cluster,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Propagation {
    Private,
    Rprivate,
    Shared,
    Rshared,
    Slave,
    Rslave,
}

impl MountKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bind => "bind",
            Self::Volume => "volume",
            Self::Tmpfs => "tmpfs",
            Self::Image => "image",
            Self::Npipe => "npipe",
            Self::Cluster => "cluster",
        }
    }
}

impl Propagation {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Rprivate => "rprivate",
            Self::Shared => "shared",
            Self::Rshared => "rshared",
            Self::Slave => "slave",
            Self::Rslave => "rslave",
        }
    }
}
