//! A real engine for this module's tests, in namespaces of its own: ended as a whole by one process id.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use tempfile::TempDir;

static SHARED: Mutex<Weak<Engine>> = Mutex::new(Weak::new());

pub(super) struct Engine {
    folder: TempDir,
    /// Ends the engine and all that it started when it is killed.
    holder: Child,
}

/// Debian's programs, after those of the engine that was unpacked in the folder that HOST_TEST_ENGINE names.
fn programs() -> String {
    let other = std::env::var("HOST_TEST_ENGINE").map(|folder| format!("{folder}/usr/sbin:{folder}/usr/bin:"));
    format!("{}/usr/bin:/bin:/usr/sbin:/sbin", other.unwrap_or_default())
}

/// The engine that tests share, each with projects of its own.
pub(super) fn shared() -> Arc<Engine> {
    let mut shared = SHARED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let engine = Arc::new(Engine::start());
        *shared = Arc::downgrade(&engine);
        engine
    })
}

impl Engine {
    pub(super) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().display().to_string();
        std::fs::write(folder.path().join("daemon.json"), "{}").unwrap();
        let script = format!(
            "mount -t tmpfs run /run && busybox ip link set lo up && exec docker-init -- dockerd --config-file {path}/daemon.json \
             --data-root {path}/data --exec-root {path}/exec --pidfile {path}/pid -H unix://{path}/docker.sock \
             --exec-opt native.cgroupdriver=cgroupfs --default-address-pool base=10.128.0.0/9,size=24"
        );
        let holder = Command::new("unshare")
            .env("PATH", programs())
            .args(["--mount", "--net", "--pid", "--ipc", "--fork", "--kill-child", "--mount-proc", "sh", "-c", &script])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        let engine = Self { folder, holder };
        let end = Instant::now() + Duration::from_secs(90);
        while !engine.try_docker("version") {
            let log = || std::fs::read_to_string(engine.folder.path().join("log")).unwrap_or_default();
            assert!(Instant::now() < end, "the engine did not start: {}", log());
            std::thread::sleep(Duration::from_millis(50));
        }
        engine.import();
        engine
    }

    /// `busybox:1`, with a program that ends at once when it is told to.
    fn import(&self) {
        let mut archive = tar::Builder::new(Vec::new());
        let program = std::fs::read("/bin/busybox").unwrap();
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o755);
        header.set_size(program.len() as u64);
        archive.append_data(&mut header, "bin/busybox", program.as_slice()).unwrap();
        for name in ["sh", "sleep", "echo", "cat", "true", "false", "ls", "test", "touch"] {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_size(0);
            archive.append_link(&mut header, format!("bin/{name}"), "busybox").unwrap();
        }
        let path = self.folder.path().join("busybox.tar");
        std::fs::write(&path, archive.into_inner().unwrap()).unwrap();
        let rest = r#"CMD ["/bin/sh","-c","trap 'exit 0' TERM; while :; do sleep 1 & wait $!; done"]"#;
        let output = self.client().args(["import", "-c", rest]).arg(&path).arg("busybox:1").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.folder.path().join("docker.sock")
    }

    pub(super) fn address(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// `docker` with these words, split at spaces; what it printed.
    #[track_caller]
    pub(super) fn docker(&self, words: &str) -> String {
        self.docker_with(&words.split_whitespace().collect::<Vec<_>>())
    }

    #[track_caller]
    pub(super) fn docker_with(&self, words: &[&str]) -> String {
        let output = self.client().args(words).output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Not for ever: a test may fail while the engine is stopped.
    pub(super) fn try_docker(&self, words: &str) -> bool {
        let mut client = self.client().args(words.split_whitespace()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let end = Instant::now() + Duration::from_secs(30);
        while Instant::now() < end {
            if let Some(status) = client.try_wait().unwrap() {
                return status.success();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        drop(client.kill());
        drop(client.wait());
        false
    }

    /// Stops it where it stands (`STOP`), or lets it go on (`CONT`).
    pub(super) fn signal(&self, name: &str) {
        // Its own number is written in its namespace; ours is found by what it has open.
        let socket = self.folder.path().display().to_string();
        let listed = Command::new("pgrep").args(["-f", &format!("^dockerd .*{socket}")]).output().unwrap();
        let id = String::from_utf8_lossy(&listed.stdout).lines().next().expect("its process").to_owned();
        assert!(Command::new("kill").args([&format!("-{name}"), &id]).status().unwrap().success());
        // A thread that runs just then may answer one question more.
        while name == "STOP" && !is_stopped(&id) {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn client(&self) -> Command {
        let mut command = Command::new("docker");
        command.env_clear().env("PATH", programs()).env("HOME", self.folder.path()).env("DOCKER_HOST", self.address()).stdin(Stdio::null());
        command
    }
}

/// All threads of the process stand still.
fn is_stopped(id: &str) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{id}/task")).unwrap();
    let states = threads.map(|thread| std::fs::read_to_string(thread.unwrap().path().join("status")).unwrap_or_default());
    states.filter(|status| !status.is_empty()).all(|status| status.contains("State:\tT"))
}

impl Drop for Engine {
    fn drop(&mut self) {
        drop(self.holder.kill());
        drop(self.holder.wait());
    }
}
