//! What every test needs: the real binary in a temporary project, real servers, and nothing left behind.
//!
//! Everything a test run makes lies in one folder ([`scratch`]). A janitor process, which waits for the end of
//! this process on a pipe, stops what still runs there and removes the folder, however the tests end.

mod browser;
mod channels;
mod components;
mod composed;
mod docker;
mod gateway;
mod others;
mod piped;
mod postgres;
mod project;
mod redis;
mod run;
mod screen;
mod shop;
mod terminal;

use std::fs;
use std::io::PipeWriter;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

pub(crate) use browser::Browser;
pub(crate) use channels::{Sink, Worker};
pub(crate) use components::{CORE_MODULE, EMPTY_COMPONENT, guest, nested, standard, standard_folder, with_manifest};
pub(crate) use composed::Composed;
pub(crate) use docker::{
    Counted, Docker, Fault, PASSWORD, Registry, Stack, classic_docker, is_other_engine, shared_buildkit, shared_docker, shared_podman,
};
pub(crate) use gateway::{Application, Gateway, Socket, State, get, stream};
pub(crate) use others::{Django, python, sqlx};
pub(crate) use piped::Piped;
pub(crate) use postgres::{Database, Postgres, shared_postgres};
pub(crate) use project::Project;
pub(crate) use redis::{
    Options as RedisOptions, Redis, RedisCluster, RedisDatabase, RedisSentinel, authority, free_port, redis_database, shared_redis,
};
pub(crate) use run::{Output, Run};
pub(crate) use screen::Screen;
pub(crate) use shop::Shop;
pub(crate) use terminal::Terminal;

/// Stops the servers whose pid files are still there, then removes the folder, and what an engine leaves elsewhere.
const JANITOR: &str = r#"trap '' INT TERM HUP
cat >/dev/null
for file in "$1"/*/data/postmaster.pid; do [ -f "$file" ] && kill -QUIT "$(head -n 1 "$file")" 2>/dev/null; done
for file in "$1"/*/server.pid; do [ -f "$file" ] && kill -KILL "$(cat "$file")" 2>/dev/null; done
find /sys/fs/cgroup -depth -type d -path "*/${1##*/}-*" -exec rmdir {} + 2>/dev/null
for id in $(ls "$1"/*/data/overlay-containers 2>/dev/null); do find /sys/fs/cgroup -depth -type d -name "libpod-*$id" -exec rmdir {} + 2>/dev/null; done
for try in 1 2 3 4 5 6 7 8 9 10; do sleep 0.2; rm -rf "$1" 2>/dev/null && break; done"#;

/// The folder of this test run: short, because paths of unix sockets are limited to 107 bytes.
pub(crate) fn scratch() -> &'static Path {
    static FOLDER: OnceLock<(PathBuf, PipeWriter, Child)> = OnceLock::new();
    let (folder, ..) = FOLDER.get_or_init(|| {
        let folder = tempfile::Builder::new().prefix("host-tests-").tempdir_in("/tmp").expect("a temporary folder").keep();
        // Servers that run as another user must be able to enter it.
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o711)).expect("permissions");
        let (reader, writer) = std::io::pipe().expect("a pipe");
        let janitor = Command::new("sh")
            .args(["-c", JANITOR, "janitor"])
            .arg(&folder)
            .stdin(reader)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("a shell");
        (folder, writer, janitor)
    });
    folder
}

/// A fresh folder beneath [`scratch`].
pub(crate) fn fresh_folder(prefix: &str) -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let folder = scratch().join(format!("{prefix}{}", NUMBER.fetch_add(1, Ordering::Relaxed)));
    fs::create_dir(&folder).expect("a fresh folder");
    folder
}

/// Sends a signal by name (`TERM`) to a process.
pub(crate) fn signal(name: &str, process: u32) {
    let status = Command::new("sh").args(["-c", &format!("kill -{name} {process}")]).status().expect("a shell");
    assert!(status.success(), "no process {process} to send {name} to");
}

/// Waits until `condition` holds; fails after ten seconds, naming what did not happen.
#[track_caller]
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < end, "did not happen within 10 s: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
