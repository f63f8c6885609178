//! The functions of `wasi:filesystem` as a guest calls them, on a real folder.

use std::fs;
use std::future::Future;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use tokio::sync::watch;
use wasmtime::component::{Resource, ResourceTable};
use wasmtime_wasi::filesystem::Descriptor;
use wasmtime_wasi::p2::FsResult;
use wasmtime_wasi::p2::bindings::filesystem::preopens::Host as _;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    DescriptorFlags, DescriptorType, ErrorCode, HostDescriptor, HostDirectoryEntryStream, NewTimestamp, OpenFlags, PathFlags,
};

use super::{FilesCtx, FilesView};
use crate::gate::journal::Journal;
use crate::gate::{Budgets, Gate, Leave};
use crate::grants::FileAccess::{self, Read, Write};
use crate::grants::FileGrant;

/// A project on the disk, and a guest that sees it.
struct Guest {
    folder: tempfile::TempDir,
    ctx: FilesCtx,
    table: ResourceTable,
    /// Dropping it would end nothing, but the gate asks it.
    _leave: watch::Sender<Leave>,
}

type Outcome<T> = Result<T, ErrorCode>;

impl Guest {
    /// `ROOT` in a pattern stands for the temporary folder, whose `p` is the project.
    fn new(grants: &[(&str, FileAccess)]) -> Self {
        Self::with(grants, false)
    }

    fn with(grants: &[(&str, FileAccess)], dry_run: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("p");
        for file in
            ["migrations/1.sql", "migrations/blog/1.sql", "data/x.csv", "data/x.txt", "secrets/key", "commands/a.wasm", ".host/journal/1"]
        {
            let path = root.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, format!("content of {file}")).unwrap();
        }
        for file in ["p/host.toml", "p/.env", "outside", "p/data/[1].csv"] {
            fs::write(folder.path().join(file), format!("content of {file}")).unwrap();
        }
        fs::create_dir_all(root.join("out/full")).unwrap();
        fs::write(root.join("out/full/inside"), "").unwrap();
        let pattern = |text: &str| text.replace("ROOT", folder.path().to_str().unwrap());
        let grants: Vec<FileGrant> = grants.iter().map(|(text, access)| FileGrant { pattern: pattern(text), access: *access }).collect();
        let (sender, leave) = watch::channel(Leave::Granted);
        let gate = Gate::new("report".to_owned(), Budgets::default(), Journal::nowhere(), leave, dry_run);
        let protected = ["host.toml", "host.lock", ".host", "commands"].map(Into::into);
        let ctx = FilesCtx::new(gate, &root, &grants, None, &protected, &[]).unwrap();
        Self { folder, ctx, table: ResourceTable::new(), _leave: sender }
    }

    fn root(&self) -> std::path::PathBuf {
        self.folder.path().join("p")
    }

    fn link(&self, target: &str, name: &str) {
        let target = target.replace("ROOT", self.folder.path().to_str().unwrap());
        symlink(target, self.root().join(name)).unwrap();
    }

    fn view(&mut self) -> FilesView<'_> {
        FilesView { ctx: &mut self.ctx, table: &mut self.table }
    }

    /// The descriptor of the preopened folder with this name.
    fn preopen(&mut self, name: &str) -> u32 {
        let folders = self.view().get_directories().unwrap();
        folders.into_iter().find(|(_, known)| known == name).map(|(fd, _)| fd.rep()).unwrap()
    }

    fn open_in(&mut self, folder: u32, path: &str, open: OpenFlags, flags: DescriptorFlags) -> Outcome<u32> {
        let view = &mut self.view();
        let fd = now(view.open_at(Resource::new_borrow(folder), PathFlags::SYMLINK_FOLLOW, path.to_owned(), open, flags));
        code(fd).map(|fd| fd.rep())
    }

    fn open(&mut self, path: &str, open: OpenFlags, flags: DescriptorFlags) -> Outcome<u32> {
        let root = self.preopen(".");
        self.open_in(root, path, open, flags)
    }

    fn read(&mut self, path: &str) -> Outcome<String> {
        let fd = self.open(path, OpenFlags::empty(), DescriptorFlags::READ)?;
        self.read_from(fd)
    }

    fn read_from(&mut self, fd: u32) -> Outcome<String> {
        let (bytes, _) = code(now(self.view().read(Resource::<Descriptor>::new_borrow(fd), 1 << 16, 0)))?;
        Ok(String::from_utf8(bytes).unwrap())
    }

    /// Creates or overwrites a file.
    fn write(&mut self, path: &str) -> Outcome<()> {
        let fd = self.open(path, OpenFlags::CREATE | OpenFlags::TRUNCATE, DescriptorFlags::WRITE)?;
        code(now(self.view().write(Resource::<Descriptor>::new_borrow(fd), b"new".to_vec(), 0))).map(|_| ())
    }

    fn stat(&mut self, path: &str) -> Outcome<DescriptorType> {
        let root = self.preopen(".");
        let view = &mut self.view();
        code(now(view.stat_at(Resource::new_borrow(root), PathFlags::SYMLINK_FOLLOW, path.to_owned()))).map(|stat| stat.type_)
    }

    fn list(&mut self, path: &str) -> Outcome<Vec<String>> {
        let fd = self.open(path, OpenFlags::DIRECTORY, DescriptorFlags::READ)?;
        let listing = code(now(self.view().read_directory(Resource::<Descriptor>::new_borrow(fd))))?;
        let mut names = Vec::new();
        while let Some(entry) = code(now(self.view().read_directory_entry(Resource::new_borrow(listing.rep()))))? {
            names.push(entry.name);
        }
        HostDirectoryEntryStream::drop(&mut self.view(), listing).unwrap();
        names.sort();
        Ok(names)
    }

    fn rename(&mut self, from: &str, to: &str) -> Outcome<()> {
        let root = self.preopen(".");
        let (from_fd, to_fd) = (Resource::new_borrow(root), Resource::new_borrow(root));
        code(now(self.view().rename_at(from_fd, from.to_owned(), to_fd, to.to_owned())))
    }

    fn unlink(&mut self, path: &str) -> Outcome<()> {
        let root = self.preopen(".");
        code(now(self.view().unlink_file_at(Resource::new_borrow(root), path.to_owned())))
    }

    fn remove_folder(&mut self, path: &str) -> Outcome<()> {
        let root = self.preopen(".");
        code(now(self.view().remove_directory_at(Resource::new_borrow(root), path.to_owned())))
    }

    fn make_folder(&mut self, path: &str) -> Outcome<()> {
        let root = self.preopen(".");
        code(now(self.view().create_directory_at(Resource::new_borrow(root), path.to_owned())))
    }

    fn last_denial(&self) -> String {
        self.ctx.denials().lines().last().cloned().unwrap_or_default()
    }
}

/// Nothing here waits: blocking calls are made at once.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a file function waited"),
    }
}

fn code<T>(result: FsResult<T>) -> Outcome<T> {
    result.map_err(|error| error.downcast().unwrap())
}

fn is_denied<T>(outcome: Outcome<T>) -> bool {
    outcome.err() == Some(ErrorCode::Access)
}

#[test]
fn without_grants_there_is_no_folder() {
    let mut guest = Guest::new(&[]);
    assert!(guest.view().get_directories().unwrap().is_empty());
}

#[test]
fn what_is_granted_opens_by_its_ordinary_name() {
    let mut guest = Guest::new(&[("migrations/**", Read)]);
    for path in ["migrations/1.sql", "./migrations/1.sql", "migrations//1.sql", "migrations/./1.sql", "migrations/blog/../1.sql"] {
        assert_eq!(guest.read(path).unwrap(), "content of migrations/1.sql", "{path}");
    }
    assert_eq!(guest.stat("migrations").unwrap(), DescriptorType::Directory);
    assert_eq!(guest.stat("migrations/").unwrap(), DescriptorType::Directory);
    assert_eq!(guest.stat("migrations/1.sql").unwrap(), DescriptorType::RegularFile);
    assert_eq!(guest.stat("migrations/1.sql/").unwrap_err(), ErrorCode::NotDirectory);
    assert_eq!(guest.read("migrations/none.sql").unwrap_err(), ErrorCode::NoEntry);
    assert_eq!(guest.read("migrations/1.sql/x").unwrap_err(), ErrorCode::NotDirectory);
    assert!(guest.ctx.denials().lines().is_empty());
}

#[test]
fn files_open_relative_to_a_folder_that_was_opened() {
    let mut guest = Guest::new(&[("migrations/**", Read)]);
    let folder = guest.open("migrations", OpenFlags::DIRECTORY, DescriptorFlags::READ).unwrap();
    let file = guest.open_in(folder, "blog/1.sql", OpenFlags::empty(), DescriptorFlags::READ).unwrap();
    assert_eq!(guest.read_from(file).unwrap(), "content of migrations/blog/1.sql");
    assert!(is_denied(guest.open_in(folder, "../migrations/1.sql", OpenFlags::empty(), DescriptorFlags::READ)));
    assert_eq!(guest.open_in(file, "x", OpenFlags::empty(), DescriptorFlags::READ).unwrap_err(), ErrorCode::NotDirectory);
}

#[test]
fn what_is_not_granted_is_denied_whether_it_exists_or_not() {
    let mut guest = Guest::new(&[("data/*.csv", Read)]);
    for path in ["secrets/key", "secrets/none", "secrets", "none", "data/x.txt", "data/none.txt", "data/x.txt/y", "host.toml", ".env"] {
        assert!(is_denied(guest.read(path)), "{path}");
        assert!(is_denied(guest.stat(path)), "{path}");
    }
    assert_eq!(guest.read("data/x.csv").unwrap(), "content of data/x.csv");
}

#[test]
fn parents_and_absolute_paths_are_denied() {
    let mut guest = Guest::new(&[("**", Read)]);
    let outside = guest.folder.path().join("outside");
    for path in ["../outside", "..", "data/../../outside", "../p/data/x.csv", outside.to_str().unwrap(), "/etc/passwd", "/"] {
        assert!(is_denied(guest.read(path)), "{path}");
        assert!(is_denied(guest.stat(path)), "{path}");
    }
}

#[test]
fn links_are_followed_to_what_is_granted_and_nowhere_else() {
    let mut guest = Guest::new(&[("data/**", Read), ("migrations/**", Read)]);
    guest.link("x.csv", "data/inside");
    guest.link("../migrations/1.sql", "data/other");
    guest.link("ROOT/p/migrations/1.sql", "data/absolute");
    guest.link("../migrations", "data/folder");
    assert_eq!(guest.read("data/inside").unwrap(), "content of data/x.csv");
    assert_eq!(guest.read("data/other").unwrap(), "content of migrations/1.sql");
    assert_eq!(guest.read("data/absolute").unwrap(), "content of migrations/1.sql");
    assert_eq!(guest.read("data/folder/blog/1.sql").unwrap(), "content of migrations/blog/1.sql");

    guest.link("ROOT/outside", "data/out-absolute");
    guest.link("../../outside", "data/out-relative");
    guest.link("../secrets/key", "data/ungranted");
    guest.link("../secrets", "data/ungranted-folder");
    guest.link("/etc", "data/etc");
    guest.link("../secrets/none", "data/dangling");
    for path in ["out-absolute", "out-relative", "ungranted", "ungranted-folder/key", "etc/passwd", "etc/none", "dangling"] {
        assert!(is_denied(guest.read(&format!("data/{path}"))), "{path}");
        assert!(is_denied(guest.stat(&format!("data/{path}"))), "{path}");
    }
    guest.link("loop", "data/loop");
    assert_eq!(guest.read("data/loop").unwrap_err(), ErrorCode::Loop);
    let shown = ["[1].csv", "absolute", "folder", "inside", "loop", "other", "x.csv", "x.txt"];
    assert_eq!(guest.list("data").unwrap(), shown);
}

#[test]
fn a_link_tells_its_target_only_when_that_is_granted_and_relative() {
    let mut guest = Guest::new(&[("data/**", Read)]);
    guest.link("x.csv", "data/inside");
    guest.link("ROOT/p/data/x.csv", "data/absolute");
    guest.link("../secrets/key", "data/ungranted");
    let root = guest.preopen(".");
    let mut readlink = |path: &str| code(now(guest.view().readlink_at(Resource::new_borrow(root), path.to_owned())));
    assert_eq!(readlink("data/inside").unwrap(), "x.csv");
    assert!(is_denied(readlink("data/absolute")));
    assert!(is_denied(readlink("data/ungranted")));
    assert_eq!(readlink("data/x.csv").unwrap_err(), ErrorCode::Invalid);
}

#[test]
fn listings_show_what_is_granted_and_what_leads_there() {
    let mut guest = Guest::new(&[("data/*.csv", Read), ("migrations/**", Read)]);
    assert_eq!(guest.list(".").unwrap(), ["data", "migrations"]);
    assert_eq!(guest.list("data").unwrap(), ["[1].csv", "x.csv"]);
    assert_eq!(guest.list("migrations").unwrap(), ["1.sql", "blog"]);
    assert!(is_denied(guest.list("secrets")));
    assert!(guest.last_denial().contains(r#"`files."secrets/**" = "read"` under `[commands.report]`"#), "{}", guest.last_denial());
    let mut guest = Guest::new(&[("**", Read)]);
    assert_eq!(guest.list(".").unwrap(), [".host", "commands", "data", "host.toml", "migrations", "out", "secrets"]);
}

#[test]
fn reading_is_not_writing() {
    let mut guest = Guest::new(&[("data/**", Read)]);
    let file = "data/x.csv";
    assert!(is_denied(guest.write(file)));
    assert!(is_denied(guest.open(file, OpenFlags::empty(), DescriptorFlags::WRITE)));
    assert!(is_denied(guest.open(file, OpenFlags::empty(), DescriptorFlags::READ | DescriptorFlags::WRITE)));
    assert!(is_denied(guest.open(file, OpenFlags::TRUNCATE, DescriptorFlags::READ)));
    assert!(is_denied(guest.open(file, OpenFlags::CREATE, DescriptorFlags::READ)));
    assert!(is_denied(guest.open("data/new", OpenFlags::CREATE, DescriptorFlags::WRITE)));
    assert!(is_denied(guest.unlink(file)));
    assert!(is_denied(guest.rename(file, "data/y.csv")));
    assert!(is_denied(guest.make_folder("data/new")));
    assert!(is_denied(guest.remove_folder("data")));
    let fd = guest.open(file, OpenFlags::empty(), DescriptorFlags::READ).unwrap();
    let borrow = || Resource::<Descriptor>::new_borrow(fd);
    assert!(code(now(guest.view().write(borrow(), b"x".to_vec(), 0))).is_err());
    assert!(code(guest.view().write_via_stream(borrow(), 0)).is_err());
    assert!(code(guest.view().append_via_stream(borrow())).is_err());
    assert!(is_denied(code(now(guest.view().set_size(borrow(), 0)))));
    assert!(is_denied(code(now(guest.view().set_times(borrow(), NewTimestamp::Now, NewTimestamp::Now)))));
    assert_eq!(guest.read(file).unwrap(), "content of data/x.csv");
}

#[test]
fn what_may_be_written_is_created_changed_moved_and_removed() {
    let mut guest = Guest::new(&[("out/**", Write), ("var/new/**", Write)]);
    guest.write("out/a").unwrap();
    assert_eq!(guest.read("out/a").unwrap(), "new");
    guest.rename("out/a", "out/b").unwrap();
    guest.make_folder("out/folder").unwrap();
    guest.rename("out/b", "out/folder/b").unwrap();
    guest.rename("out/folder", "out/moved").unwrap();
    guest.unlink("out/moved/b").unwrap();
    guest.remove_folder("out/moved").unwrap();
    assert_eq!(guest.remove_folder("out/full").unwrap_err(), ErrorCode::NotEmpty);
    assert_eq!(guest.make_folder("var/new").unwrap_err(), ErrorCode::NoEntry);
    guest.make_folder("var").unwrap();
    guest.make_folder("var/new").unwrap();
    guest.write("var/new/x").unwrap();
    assert!(is_denied(guest.write("var/x")));
    assert_eq!(guest.open("out", OpenFlags::empty(), DescriptorFlags::WRITE).unwrap_err(), ErrorCode::IsDirectory);
}

#[test]
fn what_the_host_relies_on_is_never_written() {
    let mut guest = Guest::new(&[("**", Write), ("host.toml", Write), ("ROOT/p/**", Write)]);
    guest.link("host.toml", "innocent");
    guest.link("commands", "folder");
    for path in ["host.toml", "./host.toml", "host.lock", "innocent", ".host/journal/1", "commands/new.wasm", "folder/a.wasm"] {
        assert!(is_denied(guest.write(path)), "{path}");
    }
    guest.write("data/mine").unwrap();
    for path in ["host.toml", "host.lock", "commands/a.wasm", "commands/new.wasm", "folder/a.wasm"] {
        assert!(is_denied(guest.rename("data/mine", path)), "{path}");
    }
    assert!(is_denied(guest.rename("host.toml", "data/mine")));
    assert!(is_denied(guest.rename("commands", "data/commands")));
    assert!(is_denied(guest.unlink("host.toml")));
    assert!(is_denied(guest.make_folder(".host/new")));
    assert!(is_denied(guest.remove_folder("commands")));
    assert!(guest.last_denial().contains("which no command may change"), "{}", guest.last_denial());
    let absolute = guest.root();
    let folder = guest.preopen(absolute.to_str().unwrap());
    assert!(is_denied(guest.open_in(folder, "host.toml", OpenFlags::TRUNCATE, DescriptorFlags::WRITE)));
    assert_eq!(fs::read_to_string(guest.root().join("host.toml")).unwrap(), "content of p/host.toml");
    guest.unlink("innocent").unwrap();
}

#[test]
fn a_folder_moves_only_with_the_right_to_everything_inside() {
    let mut guest = Guest::new(&[("out/*", Write), ("data/**", Write)]);
    assert!(is_denied(guest.rename("out/full", "data/full")));
    assert!(is_denied(guest.rename("data", "out/data")));
    guest.write("out/file").unwrap();
    guest.rename("out/file", "data/file").unwrap();
    assert_eq!(guest.rename("data/none", "data/x").unwrap_err(), ErrorCode::NoEntry);
}

#[test]
fn secrets_need_their_exact_name() {
    for pattern in ["**", ".env*", "*"] {
        let mut guest = Guest::new(&[(pattern, Write)]);
        assert!(is_denied(guest.read(".env")), "{pattern}");
        assert!(is_denied(guest.rename(".env", "x")), "{pattern}");
        assert!(guest.last_denial().contains("only its exact name"), "{}", guest.last_denial());
    }
    let mut guest = Guest::new(&[(".env", Read)]);
    assert_eq!(guest.read(".env").unwrap(), "content of p/.env");
}

#[test]
fn that_there_is_no_secret_is_told_beside_what_is_granted_and_nothing_else_of_it() {
    let mut guest = Guest::new(&[("data/x.csv", Write), ("out/**", Write)]);
    guest.link("/nowhere", "data/.env.link");
    fs::create_dir(guest.root().join("out/.env")).unwrap();
    for path in ["data/.env", "out/full/.env.local"] {
        assert_eq!(guest.read(path).unwrap_err(), ErrorCode::NoEntry, "{path}");
        assert_eq!(guest.stat(path).unwrap_err(), ErrorCode::NoEntry, "{path}");
        assert!(
            is_denied(guest.write(path)) && is_denied(guest.make_folder(path)) && is_denied(guest.rename("data/x.csv", path)),
            "{path}"
        );
    }
    for path in ["data/.env.link", "out/.env", "out/.env/x", ".env", ".env.local", "secrets/.env"] {
        assert!(is_denied(guest.read(path)) && is_denied(guest.stat(path)), "{path}");
    }
}

#[test]
fn new_secrets_are_their_owners_only() {
    let mut guest = Guest::new(&[(".env.local", Write), ("out/x", Write)]);
    guest.write(".env.local").unwrap();
    guest.write("out/x").unwrap();
    let mode = |path: &str| fs::metadata(guest.root().join(path)).unwrap().permissions().mode() & 0o077;
    assert_eq!(mode(".env.local"), 0);
    assert_ne!(mode("out/x"), 0, "the umask decides on other files");
}

#[test]
fn links_are_never_made() {
    let mut guest = Guest::new(&[("**", Write)]);
    let root = guest.preopen(".");
    let fd = || Resource::<Descriptor>::new_borrow(root);
    let symbolic = code(now(guest.view().symlink_at(fd(), "x.csv".to_owned(), "data/link".to_owned())));
    assert_eq!(symbolic.unwrap_err(), ErrorCode::NotPermitted);
    let hard = code(now(guest.view().link_at(fd(), PathFlags::empty(), "data/x.csv".to_owned(), fd(), "data/link".to_owned())));
    assert_eq!(hard.unwrap_err(), ErrorCode::NotPermitted);
    assert!(guest.last_denial().contains("tried to make a link at `data/link`"));
}

#[test]
fn pipes_and_devices_are_not_opened() {
    let mut guest = Guest::new(&[("data/**", Write), ("/dev/null", Write)]);
    let pipe = guest.root().join("data/pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    assert!(is_denied(guest.read("data/pipe")));
    assert!(is_denied(guest.write("data/pipe")));
    let devices = guest.preopen("/dev");
    assert!(is_denied(guest.open_in(devices, "null", OpenFlags::empty(), DescriptorFlags::READ)));
}

#[test]
fn absolute_grants_are_folders_of_their_own() {
    let mut guest = Guest::new(&[("ROOT/outside", Read), ("ROOT/new/made/**", Write)]);
    let name = guest.folder.path().to_str().unwrap().to_owned();
    let folders: Vec<String> = guest.view().get_directories().unwrap().into_iter().map(|(_, name)| name).collect();
    assert_eq!(folders, std::slice::from_ref(&name));
    let folder = guest.preopen(&name);
    let file = guest.open_in(folder, "outside", OpenFlags::empty(), DescriptorFlags::READ).unwrap();
    assert_eq!(guest.read_from(file).unwrap(), "content of outside");
    assert!(is_denied(guest.open_in(folder, "p", OpenFlags::DIRECTORY, DescriptorFlags::READ)));
    assert!(is_denied(guest.open_in(folder, "p/host.toml", OpenFlags::empty(), DescriptorFlags::READ)));
    for path in ["new", "new/made"] {
        code(now(guest.view().create_directory_at(Resource::new_borrow(folder), path.to_owned()))).unwrap();
    }
    guest.open_in(folder, "new/made/x", OpenFlags::CREATE, DescriptorFlags::WRITE).unwrap();
}

#[test]
fn a_link_in_the_project_may_lead_to_an_absolute_grant() {
    let mut guest = Guest::new(&[("data/**", Read), ("ROOT/outside", Read)]);
    guest.link("../../outside", "data/relative");
    guest.link("ROOT/outside", "data/absolute");
    assert_eq!(guest.read("data/relative").unwrap(), "content of outside");
    assert_eq!(guest.read("data/absolute").unwrap(), "content of outside");
}

#[test]
fn files_may_be_open_up_to_the_bound_and_not_past_it() {
    let mut guest = Guest::new(&[("migrations/**", Read)]);
    let root = guest.preopen(".");
    guest.ctx.open_bound = 4;
    let mut open = || guest.open_in(root, "migrations/1.sql", OpenFlags::empty(), DescriptorFlags::READ);
    let (first, _, _) = (open().unwrap(), open().unwrap(), open().unwrap());
    assert_eq!(open().unwrap_err(), ErrorCode::Quota);
    assert!(guest.view().get_directories().is_err());
    assert!(guest.last_denial().contains("4 files open"), "{}", guest.last_denial());
    HostDescriptor::drop(&mut guest.view(), Resource::new_own(first)).unwrap();
    guest.open_in(root, "migrations/1.sql", OpenFlags::empty(), DescriptorFlags::READ).unwrap();
}

#[test]
fn a_dry_run_reads_and_changes_nothing() {
    let mut guest = Guest::with(&[("**", Write)], true);
    assert_eq!(guest.read("data/x.csv").unwrap(), "content of data/x.csv");
    assert_eq!(guest.write("data/x.csv").unwrap_err(), ErrorCode::ReadOnly);
    assert_eq!(guest.unlink("data/x.csv").unwrap_err(), ErrorCode::ReadOnly);
}

#[test]
fn odd_paths_are_errors_and_not_surprises() {
    let mut guest = Guest::new(&[("**", Read)]);
    assert_eq!(guest.read("").unwrap_err(), ErrorCode::NoEntry);
    assert_eq!(guest.read("a\0b").unwrap_err(), ErrorCode::Invalid);
    assert_eq!(guest.read(&"a/".repeat(4096)).unwrap_err(), ErrorCode::NameTooLong);
    assert_eq!(guest.read(&"a".repeat(300)).unwrap_err(), ErrorCode::NameTooLong);
}

#[test]
fn looking_for_what_is_not_there_is_denied_and_not_told() {
    let mut guest = Guest::new(&[("data/*.csv", Read)]);
    for path in ["none", ".env.sample", "data/none.txt", "none/at/all"] {
        assert!(is_denied(guest.stat(path)), "{path}");
    }
    assert!(guest.ctx.denials().lines().is_empty());
    assert!(is_denied(guest.read("none")));
    assert!(is_denied(guest.stat("data/x.txt")));
    assert_eq!(guest.ctx.denials().lines().len(), 2);
}

#[test]
fn a_denial_is_told_once_with_its_cure() {
    let mut guest = Guest::new(&[("data/*.csv", Read)]);
    for _ in 0..3 {
        assert!(is_denied(guest.read("secrets/key")));
    }
    let expected = r#"`report` tried to read `secrets/key`, which is not granted; to allow it, add `files."secrets/key" = "read"` under `[commands.report]` in host.toml"#;
    assert_eq!(guest.ctx.denials().lines(), [expected]);
    for number in 0..20 {
        assert!(is_denied(guest.read(&format!("secrets/{number}"))));
    }
    assert_eq!(guest.ctx.denials().lines().len(), super::DENIALS_KEPT);
}

#[test]
fn a_grant_of_a_folder_that_is_a_file_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let (_sender, leave) = watch::channel(Leave::Granted);
    let gate = Gate::new("report".to_owned(), Budgets::default(), Journal::nowhere(), leave, false);
    let grants = [FileGrant { pattern: "/etc/passwd/**".to_owned(), access: Read }];
    let failure = FilesCtx::new(gate, Path::new(folder.path()), &grants, None, &[], &[]).err().unwrap();
    assert!(failure.message.starts_with("failed to open `/etc/passwd`"), "{failure}");
}
