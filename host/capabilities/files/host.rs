//! The functions of `wasi:filesystem`: find the place, decide, pass the gate, act.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, Mode, mkdirat, readlinkat, renameat, unlinkat};
use wasmtime::component::Resource;
use wasmtime_wasi::filesystem::{Descriptor, Dir, File, WasiFilesystemCtxView};
use wasmtime_wasi::p2::bindings::filesystem::preopens;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    self, Advice, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry, DirectoryEntryStream, ErrorCode, Filesize,
    HostDescriptor, HostDirectoryEntryStream, MetadataHashValue, NewTimestamp, OpenFlags, PathFlags,
};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, FsError, FsResult};
use wasmtime_wasi::{FsPerms, OpenMode};

use super::FilesView;
use super::deed::{Deed, Problem, change, look};
use super::opening::Opening;
use super::pattern::Standing;
use super::policy::{Denial, Kind, Reason};
use super::walk::{Found, Stop, walk};
use crate::gate::journal::Outcome;
use crate::gate::{Decision, Effect, Operation, Refusal};
use crate::grants::FileAccess;

impl FilesView<'_> {
    fn wasi(&mut self) -> WasiFilesystemCtxView<'_> {
        WasiFilesystemCtxView { ctx: &mut self.ctx.wasi, table: self.table }
    }

    fn path(&self, fd: &Resource<Descriptor>) -> FsResult<PathBuf> {
        self.ctx.paths.get(&fd.rep()).cloned().ok_or_else(|| ErrorCode::BadDescriptor.into())
    }

    /// Where `path` leads from the folder `fd`; a refusal is journaled and remembered.
    fn find(&mut self, deed: Deed, fd: &Resource<Descriptor>, path: &str, follow: bool) -> FsResult<Found> {
        if matches!(self.table.get(fd)?, Descriptor::File(_)) {
            return Err(ErrorCode::NotDirectory.into());
        }
        let start = self.path(fd)?;
        match walk(&self.ctx.bases, &self.ctx.policy, &start, path, follow) {
            Ok(found) => Ok(found),
            Err(Stop::Code(code)) => Err(code.into()),
            Err(Stop::Denied(denial)) => {
                // What was wanted is what the message names, also when the walk only wanted to get there.
                let access = if deed.effect == Effect::Read { FileAccess::Read } else { FileAccess::Write };
                let path = if deed.folder { denial.path.join("**") } else { denial.path };
                let denial = self.ctx.policy.denial(&path, access);
                Err(self.refuse(deed, denial))
            }
        }
    }

    fn refuse(&mut self, deed: Deed, denial: Denial) -> FsError {
        match self.pass(deed, &denial.path.clone(), Err(denial), || Ok(())) {
            Ok(()) => ErrorCode::Access.into(),
            Err(error) => error,
        }
    }

    /// The gate: `work` is done if `verdict` permits it, and journaled either way.
    fn pass<T>(&mut self, deed: Deed, path: &Path, verdict: Result<(), Denial>, work: impl FnOnce() -> Result<T, Problem>) -> FsResult<T> {
        let target = self.ctx.policy.shown(path);
        let decision = match verdict {
            Ok(()) => Decision::Allowed,
            Err(denial) => {
                let text = self.ctx.policy.text(&denial);
                // Whoever looks for one of several names is refused each; to tell of those that are not there would help nobody.
                if !(deed.only_looks() && is_missing(path)) {
                    self.ctx.denials.remember(text.clone());
                }
                Decision::Denied(text)
            }
        };
        let operation = Operation { capability: "files", action: deed.action, target, effect: deed.effect, detail: String::new() };
        Ok(self.ctx.gate.pass_now(operation, decision, work)?)
    }

    /// For what is looked at and not opened: only its refusal is journaled.
    fn admit(&mut self, deed: Deed, found: &Found) -> FsResult<()> {
        match self.ctx.policy.may_read(&found.path, found.kind) {
            Err(denial) => Err(self.refuse(deed, denial)),
            Ok(()) if found.kind == Kind::Missing => Err(ErrorCode::NoEntry.into()),
            Ok(()) if found.as_folder && found.kind != Kind::Folder => Err(ErrorCode::NotDirectory.into()),
            Ok(()) => Ok(()),
        }
    }

    /// One more descriptor or listing, if the bound allows it.
    fn room(&mut self) -> Result<(), Problem> {
        let bound = self.ctx.open_bound;
        if self.ctx.paths.len() + self.ctx.listings.len() < bound {
            return Ok(());
        }
        let text = format!("`{}` has {bound} files open, which is the limit", self.ctx.gate.command());
        self.ctx.denials.remember(text.clone());
        Err(Problem::Refused(Refusal::LimitExceeded(text)))
    }

    fn keep(&mut self, descriptor: Descriptor, path: PathBuf) -> wasmtime::Result<Resource<Descriptor>> {
        let fd = self.table.push(descriptor)?;
        self.ctx.paths.insert(fd.rep(), path);
        Ok(fd)
    }

    /// A folder for the length of one call of `wasmtime-wasi`'s, which takes folders from the table only.
    fn lend(&mut self, folder: &Arc<OwnedFd>) -> FsResult<Resource<Descriptor>> {
        let folder = std::fs::File::from(folder.try_clone()?);
        Ok(self.table.push(Descriptor::Dir(Dir::new(folder, FsPerms::ReadWrite, OpenMode::READ, true)))?)
    }

    fn unlend(&mut self, lent: Resource<Descriptor>) -> FsResult<()> {
        self.table.delete(lent)?;
        Ok(())
    }

    fn perms(&self, path: &Path, kind: Kind) -> FsPerms {
        if self.ctx.policy.may_write(path, kind).is_ok() { FsPerms::ReadWrite } else { FsPerms::ReadOnly }
    }

    /// What a change of an open descriptor needs: that its path may be changed.
    fn change_open(&mut self, deed: Deed, fd: &Resource<Descriptor>) -> FsResult<()> {
        let path = self.path(fd)?;
        let kind = if matches!(self.table.get(fd)?, Descriptor::Dir(_)) { Kind::Folder } else { Kind::File };
        let verdict = self.ctx.policy.may_write(&path, kind);
        self.pass(deed, &path, verdict, || Ok(()))
    }

    /// Whether a listing shows the entry: it is granted, or a folder that leads to what is.
    fn is_shown(&self, folder: &Path, entry: &DirectoryEntry) -> bool {
        let (policy, path) = (&self.ctx.policy, folder.join(&entry.name));
        match entry.type_ {
            DescriptorType::Directory => policy.may_read(&path, Kind::Folder).is_ok(),
            DescriptorType::SymbolicLink => {
                let target = walk(&self.ctx.bases, policy, folder, &entry.name, true);
                policy.may_read(&path, Kind::Link).is_ok() && !matches!(target, Err(Stop::Denied(_)))
            }
            _ => policy.standing(&path, FileAccess::Read) == Standing::Granted,
        }
    }
}

impl preopens::Host for FilesView<'_> {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Resource<Descriptor>, String)>> {
        let mut folders = Vec::new();
        for (name, base) in self.ctx.preopens.clone() {
            // A guest that asks over and over holds descriptors like any other.
            self.room().map_err(|problem| wasmtime::format_err!("{}", problem.summary()))?;
            let perms = self.perms(&base.path, Kind::Folder);
            let folder = std::fs::File::from(base.folder.try_clone()?);
            let dir = Dir::new(folder, perms, OpenMode::READ | OpenMode::WRITE, true);
            folders.push((self.keep(Descriptor::Dir(dir), base.path)?, name));
        }
        Ok(folders)
    }
}

impl types::Host for FilesView<'_> {
    fn convert_error_code(&mut self, error: FsError) -> wasmtime::Result<ErrorCode> {
        self.wasi().convert_error_code(error)
    }

    fn filesystem_error_code(&mut self, error: Resource<wasmtime::Error>) -> wasmtime::Result<Option<ErrorCode>> {
        self.wasi().filesystem_error_code(error)
    }
}

impl HostDescriptor for FilesView<'_> {
    async fn open_at(
        &mut self,
        fd: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
        open_flags: OpenFlags,
        flags: DescriptorFlags,
    ) -> FsResult<Resource<Descriptor>> {
        let opening = Opening::new(path_flags, open_flags, flags)?;
        let found = self.find(opening.deed(), &fd, &path, opening.follow)?;
        let policy = &self.ctx.policy;
        let verdict = match found.kind {
            // A folder is never opened for writing; asking for it is an error, not a question of grants.
            Kind::Folder if opening.writes => policy.may_read(&found.path, Kind::Folder),
            kind if opening.writes => policy.may_write(&found.path, kind),
            kind => policy.may_read(&found.path, kind),
        };
        let special = Denial { path: found.path.clone(), access: FileAccess::Read, reason: Reason::Special };
        let verdict = verdict.and(if found.kind == Kind::Other { Err(special) } else { Ok(()) });
        let room = if verdict.is_ok() { self.room() } else { Ok(()) };
        let file = self.pass(opening.deed(), &found.path, verdict, || room.and_then(|()| opening.open(&found)))?;
        let kind = file.metadata()?;
        let perms = self.perms(&found.path, if kind.is_dir() { Kind::Folder } else { Kind::File });
        let descriptor = if kind.is_dir() {
            Descriptor::Dir(Dir::new(file, perms, opening.mode, true))
        } else if kind.is_file() {
            Descriptor::File(File::new(file, perms, opening.mode, true))
        } else {
            // It took the place of what the walk had seen.
            return Err(ErrorCode::Access.into());
        };
        self.keep(descriptor, found.path).map_err(FsError::trap)
    }

    async fn stat_at(&mut self, fd: Resource<Descriptor>, flags: PathFlags, path: String) -> FsResult<DescriptorStat> {
        let found = self.find(look("stat"), &fd, &path, flags.contains(PathFlags::SYMLINK_FOLLOW))?;
        self.admit(look("stat"), &found)?;
        let lent = self.lend(&found.parent)?;
        let name = found.entry().to_string_lossy().into_owned();
        let stat = self.wasi().stat_at(Resource::new_borrow(lent.rep()), PathFlags::empty(), name).await;
        self.unlend(lent)?;
        stat
    }

    async fn metadata_hash_at(&mut self, fd: Resource<Descriptor>, flags: PathFlags, path: String) -> FsResult<MetadataHashValue> {
        let found = self.find(look("stat"), &fd, &path, flags.contains(PathFlags::SYMLINK_FOLLOW))?;
        self.admit(look("stat"), &found)?;
        let lent = self.lend(&found.parent)?;
        let name = found.entry().to_string_lossy().into_owned();
        let hash = self.wasi().metadata_hash_at(Resource::new_borrow(lent.rep()), PathFlags::empty(), name).await;
        self.unlend(lent)?;
        hash
    }

    async fn set_times_at(
        &mut self,
        fd: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
        accessed: NewTimestamp,
        modified: NewTimestamp,
    ) -> FsResult<()> {
        let deed = change("set-times");
        let found = self.find(deed, &fd, &path, flags.contains(PathFlags::SYMLINK_FOLLOW))?;
        let verdict = self.ctx.policy.may_write(&found.path, found.kind);
        self.pass(deed, &found.path, verdict, || Ok(()))?;
        let lent = self.lend(&found.parent)?;
        let name = found.entry().to_string_lossy().into_owned();
        let done = self.wasi().set_times_at(Resource::new_borrow(lent.rep()), PathFlags::empty(), name, accessed, modified).await;
        self.unlend(lent)?;
        done
    }

    async fn create_directory_at(&mut self, fd: Resource<Descriptor>, path: String) -> FsResult<()> {
        let deed = change("create-directory");
        let found = self.find(deed, &fd, &path, false)?;
        let verdict = self.ctx.policy.may_make_folder(&found.path);
        self.pass(deed, &found.path, verdict, || match &found.name {
            None => Err(Problem::Code(ErrorCode::Exist)),
            Some(name) => Ok(mkdirat(&found.parent, name, Mode::from_raw_mode(0o777))?),
        })
    }

    async fn remove_directory_at(&mut self, fd: Resource<Descriptor>, path: String) -> FsResult<()> {
        let deed = change("remove-directory");
        let found = self.find(deed, &fd, &path, false)?;
        let verdict = self.ctx.policy.may_write(&found.path, found.kind);
        self.pass(deed, &found.path, verdict, || match &found.name {
            None => Err(Problem::Code(ErrorCode::Invalid)),
            Some(name) => Ok(unlinkat(&found.parent, name, AtFlags::REMOVEDIR)?),
        })
    }

    async fn unlink_file_at(&mut self, fd: Resource<Descriptor>, path: String) -> FsResult<()> {
        let deed = change("unlink");
        let found = self.find(deed, &fd, &path, false)?;
        let verdict = self.ctx.policy.may_write(&found.path, found.kind);
        self.pass(deed, &found.path, verdict, || match &found.name {
            None => Err(Problem::Code(ErrorCode::IsDirectory)),
            Some(name) => Ok(unlinkat(&found.parent, name, AtFlags::empty())?),
        })
    }

    /// Needs write on both names; for a folder on all that may be inside.
    async fn rename_at(&mut self, fd: Resource<Descriptor>, from: String, to_fd: Resource<Descriptor>, to: String) -> FsResult<()> {
        let deed = change("rename");
        let from = self.find(deed, &fd, &from, false)?;
        let to = self.find(deed, &to_fd, &to, false)?;
        let policy = &self.ctx.policy;
        let verdict = if from.kind == Kind::Folder {
            policy.may_move_folder(&from.path).and_then(|()| policy.may_move_folder(&to.path))
        } else {
            policy.may_write(&from.path, from.kind).and_then(|()| policy.may_write(&to.path, to.kind))
        };
        let refused = verdict.as_ref().err().map_or(&from.path, |denial| &denial.path).clone();
        self.pass(deed, &refused, verdict, || match (&from.name, &to.name) {
            (Some(name), Some(new_name)) => Ok(renameat(&from.parent, name, &to.parent, new_name)?),
            _ => Err(Problem::Code(ErrorCode::Busy)),
        })
    }

    /// Never: a second name for a file would escape what is granted by name.
    async fn link_at(
        &mut self,
        _fd: Resource<Descriptor>,
        _flags: PathFlags,
        _from: String,
        to_fd: Resource<Descriptor>,
        to: String,
    ) -> FsResult<()> {
        self.refuse_link("link", &to_fd, &to)
    }

    /// Never, for the same reason.
    async fn symlink_at(&mut self, fd: Resource<Descriptor>, _target: String, path: String) -> FsResult<()> {
        self.refuse_link("symlink", &fd, &path)
    }

    /// Only of links that lead to what may be read, and that tell no path of the host's.
    async fn readlink_at(&mut self, fd: Resource<Descriptor>, path: String) -> FsResult<String> {
        let deed = look("readlink");
        let found = self.find(deed, &fd, &path, false)?;
        self.admit(deed, &found)?;
        let target = self.find(deed, &fd, &path, true)?;
        if let Err(denial) = self.ctx.policy.may_read(&target.path, target.kind) {
            return Err(self.refuse(deed, denial));
        }
        let text = readlinkat(&found.parent, found.entry(), Vec::new()).map_err(Problem::from)?;
        match text.into_string() {
            Ok(text) if text.starts_with('/') => Err(ErrorCode::Access.into()),
            Ok(text) => Ok(text),
            Err(_) => Err(ErrorCode::IllegalByteSequence.into()),
        }
    }

    async fn read_directory(&mut self, fd: Resource<Descriptor>) -> FsResult<Resource<DirectoryEntryStream>> {
        let path = self.path(&fd)?;
        self.room()?;
        let listing = self.wasi().read_directory(fd).await?;
        self.ctx.listings.insert(listing.rep(), path);
        Ok(listing)
    }

    async fn set_size(&mut self, fd: Resource<Descriptor>, size: Filesize) -> FsResult<()> {
        self.change_open(change("set-size"), &fd)?;
        self.wasi().set_size(fd, size).await
    }

    async fn set_times(&mut self, fd: Resource<Descriptor>, accessed: NewTimestamp, modified: NewTimestamp) -> FsResult<()> {
        self.change_open(change("set-times"), &fd)?;
        self.wasi().set_times(fd, accessed, modified).await
    }

    // What follows acts on an open descriptor within the permission and the mode it was opened with.

    async fn advise(&mut self, fd: Resource<Descriptor>, offset: Filesize, length: Filesize, advice: Advice) -> FsResult<()> {
        self.wasi().advise(fd, offset, length, advice).await
    }

    async fn sync_data(&mut self, fd: Resource<Descriptor>) -> FsResult<()> {
        self.wasi().sync_data(fd).await
    }

    async fn sync(&mut self, fd: Resource<Descriptor>) -> FsResult<()> {
        self.wasi().sync(fd).await
    }

    async fn get_flags(&mut self, fd: Resource<Descriptor>) -> FsResult<DescriptorFlags> {
        self.wasi().get_flags(fd).await
    }

    async fn get_type(&mut self, fd: Resource<Descriptor>) -> FsResult<DescriptorType> {
        self.wasi().get_type(fd).await
    }

    async fn read(&mut self, fd: Resource<Descriptor>, length: Filesize, offset: Filesize) -> FsResult<(Vec<u8>, bool)> {
        self.wasi().read(fd, length, offset).await
    }

    async fn write(&mut self, fd: Resource<Descriptor>, bytes: Vec<u8>, offset: Filesize) -> FsResult<Filesize> {
        self.wasi().write(fd, bytes, offset).await
    }

    async fn stat(&mut self, fd: Resource<Descriptor>) -> FsResult<DescriptorStat> {
        self.wasi().stat(fd).await
    }

    fn read_via_stream(&mut self, fd: Resource<Descriptor>, offset: Filesize) -> FsResult<Resource<DynInputStream>> {
        self.wasi().read_via_stream(fd, offset)
    }

    fn write_via_stream(&mut self, fd: Resource<Descriptor>, offset: Filesize) -> FsResult<Resource<DynOutputStream>> {
        self.wasi().write_via_stream(fd, offset)
    }

    fn append_via_stream(&mut self, fd: Resource<Descriptor>) -> FsResult<Resource<DynOutputStream>> {
        self.wasi().append_via_stream(fd)
    }

    async fn is_same_object(&mut self, one: Resource<Descriptor>, other: Resource<Descriptor>) -> wasmtime::Result<bool> {
        self.wasi().is_same_object(one, other).await
    }

    async fn metadata_hash(&mut self, fd: Resource<Descriptor>) -> FsResult<MetadataHashValue> {
        self.wasi().metadata_hash(fd).await
    }

    fn drop(&mut self, fd: Resource<Descriptor>) -> wasmtime::Result<()> {
        self.ctx.paths.remove(&fd.rep());
        HostDescriptor::drop(&mut self.wasi(), fd)
    }
}

impl HostDirectoryEntryStream for FilesView<'_> {
    /// The next entry that may be seen; a name that is no UTF-8 can be granted to nobody.
    async fn read_directory_entry(&mut self, listing: Resource<DirectoryEntryStream>) -> FsResult<Option<DirectoryEntry>> {
        let folder = self.ctx.listings.get(&listing.rep()).cloned().ok_or(ErrorCode::BadDescriptor)?;
        loop {
            match self.wasi().read_directory_entry(Resource::new_borrow(listing.rep())).await {
                Ok(Some(entry)) if !self.is_shown(&folder, &entry) => {}
                Err(error) if matches!(error.downcast_ref(), Some(ErrorCode::IllegalByteSequence)) => {}
                answer => return answer,
            }
        }
    }

    fn drop(&mut self, listing: Resource<DirectoryEntryStream>) -> wasmtime::Result<()> {
        self.ctx.listings.remove(&listing.rep());
        HostDirectoryEntryStream::drop(&mut self.wasi(), listing)
    }
}

impl FilesView<'_> {
    fn refuse_link(&mut self, action: &'static str, fd: &Resource<Descriptor>, path: &str) -> FsResult<()> {
        let place = self.path(fd)?.join(path.trim_start_matches('/'));
        let denial = Denial { path: place, access: FileAccess::Write, reason: Reason::NoLinks };
        self.refuse(change(action), denial);
        Err(ErrorCode::NotPermitted.into())
    }
}

fn is_missing(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
}
