//! How a file is opened: from the guest's flags to the system's.

use rustix::fs::{Mode, OFlags, openat};
use wasmtime_wasi::OpenMode;
use wasmtime_wasi::p2::bindings::filesystem::types::{DescriptorFlags, ErrorCode, OpenFlags, PathFlags};

use super::deed::{Deed, Problem, change, look};
use super::policy::Kind;
use super::walk::Found;
use crate::grants::is_secret;

/// How a file is opened, from what the guest said.
pub(super) struct Opening {
    flags: OFlags,
    pub(super) mode: OpenMode,
    pub(super) writes: bool,
    pub(super) follow: bool,
}

impl Opening {
    pub(super) fn new(path_flags: PathFlags, open: OpenFlags, flags: DescriptorFlags) -> Result<Self, ErrorCode> {
        let sync = DescriptorFlags::FILE_INTEGRITY_SYNC | DescriptorFlags::DATA_INTEGRITY_SYNC | DescriptorFlags::REQUESTED_WRITE_SYNC;
        if flags.intersects(sync) {
            return Err(ErrorCode::Unsupported);
        }
        if open.contains(OpenFlags::DIRECTORY) && open.intersects(OpenFlags::CREATE | OpenFlags::EXCLUSIVE | OpenFlags::TRUNCATE) {
            return Err(ErrorCode::Invalid);
        }
        let writes = flags.contains(DescriptorFlags::WRITE) || open.intersects(OpenFlags::CREATE | OpenFlags::TRUNCATE);
        let reads = flags.contains(DescriptorFlags::READ) || !flags.contains(DescriptorFlags::WRITE);
        let exclusive = open.contains(OpenFlags::CREATE | OpenFlags::EXCLUSIVE);
        // NONBLOCK changes nothing for files, and keeps a pipe that took a file's place from blocking.
        let mut how = OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
        how |= match (reads, writes) {
            (true, true) => OFlags::RDWR,
            (false, true) => OFlags::WRONLY,
            _ => OFlags::RDONLY,
        };
        how.set(OFlags::CREATE, open.contains(OpenFlags::CREATE));
        how.set(OFlags::EXCL, exclusive);
        how.set(OFlags::TRUNC, open.contains(OpenFlags::TRUNCATE));
        how.set(OFlags::DIRECTORY, open.contains(OpenFlags::DIRECTORY));
        let mut mode = OpenMode::empty();
        mode.set(OpenMode::READ, reads);
        mode.set(OpenMode::WRITE, writes);
        let follow = path_flags.contains(PathFlags::SYMLINK_FOLLOW) && !exclusive;
        Ok(Self { flags: how, mode, writes, follow })
    }

    pub(super) fn deed(&self) -> Deed {
        let deed = if self.writes { change("open") } else { look("open") };
        Deed { folder: self.flags.contains(OFlags::DIRECTORY), ..deed }
    }

    pub(super) fn open(&self, found: &Found) -> Result<std::fs::File, Problem> {
        match found.kind {
            Kind::Missing if !self.flags.contains(OFlags::CREATE) => return Err(Problem::Code(ErrorCode::NoEntry)),
            Kind::Link if !self.flags.contains(OFlags::EXCL) => return Err(Problem::Code(ErrorCode::Loop)),
            _ => {}
        }
        let mut flags = self.flags;
        flags.set(OFlags::DIRECTORY, flags.contains(OFlags::DIRECTORY) || found.as_folder);
        // Secrets are their owner's from the first byte on; whatever else, the umask decides.
        let mode = if is_secret(&found.path) { 0o600 } else { 0o666 };
        Ok(openat(&found.parent, found.entry(), flags, Mode::from_raw_mode(mode))?.into())
    }
}
