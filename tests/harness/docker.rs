//! Real Docker Engines as guards, each in namespaces of its own: processes, mounts, network.
//!
//! So two engines share neither bridges nor firewall rules nor ports, and one signal to the first process of the
//! namespaces ends engine, containerd, shims and containers together; mounts and bridges go with them. What is
//! left, empty control groups, is removed by [`Drop`] or by the janitor. Needs root, as the engine itself does.

mod api;
mod images;
mod other;
mod podman;
mod registry;
mod relay;
mod stack;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

pub(crate) use other::is_other_engine;
pub(crate) use podman::shared_podman;
pub(crate) use registry::{PASSWORD, Registry};
pub(crate) use relay::{Counted, Fault};
pub(crate) use stack::Stack;

use super::redis::{authority, openssl};
use super::{fresh_folder, signal};

/// Longest that an engine may take to start: it shares the machine with other tests.
const PATIENCE: Duration = Duration::from_secs(60);
/// The first process: a reaper that rests. `/run` is its own, for containerd's sockets and the lock of iptables.
const HOLD: &str = r#"mount -t tmpfs run /run && busybox ip link set lo up && : >"$1/held" && exec docker-init -- sleep infinity"#;
/// Where the engine listens with [`Docker::start_with_tls`], within its own network.
const TLS_PORT: u16 = 2376;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Docker,
    /// With TLS too.
    Tls,
    Podman,
}

/// Engines try a layer again for more than a minute.
const ONE_TRY: &str = "\"max-download-attempts\": 1";

/// An engine of one test's own, to be stopped, killed and started again. Most tests take a [`Stack`] of [`shared_docker`].
pub(crate) struct Docker {
    folder: PathBuf,
    kind: Kind,
    /// Ends everything when it is killed.
    holder: Child,
    /// The first process of the namespaces.
    first: u32,
    /// Waits for the engine, which is its only child.
    engine: Option<Child>,
    /// What was built, by name.
    images: Mutex<BTreeMap<String, String>>,
}

/// The engine that tests share, each with a project of its own: [`Docker::stack`].
pub(crate) fn shared_docker() -> &'static Docker {
    static ENGINE: OnceLock<Docker> = OnceLock::new();
    ENGINE.get_or_init(|| Docker::start_with(&format!("{{{ONE_TRY}}}")))
}

/// The same, one that builds with BuildKit.
pub(crate) fn shared_buildkit() -> &'static Docker {
    static ENGINE: OnceLock<Docker> = OnceLock::new();
    ENGINE.get_or_init(|| Docker::start_with(&format!("{{\"features\": {{\"buildkit\": true}}, {ONE_TRY}}}")))
}

/// One that builds with its classic builder: the shared one, unless another is tested, whose default is BuildKit.
pub(crate) fn classic_docker() -> &'static Docker {
    static ENGINE: OnceLock<Docker> = OnceLock::new();
    match is_other_engine() {
        true => ENGINE.get_or_init(|| Docker::start_with(r#"{"features": {"buildkit": false}}"#)),
        false => shared_docker(),
    }
}

impl Docker {
    pub(crate) fn start() -> Self {
        Self::start_as(Kind::Docker, "{}")
    }

    /// With this configuration (`daemon.json`).
    pub(crate) fn start_with(configuration: &str) -> Self {
        Self::start_as(Kind::Docker, configuration)
    }

    /// Listens with TLS too, and wants a certificate by [`authority`]: [`Self::certificates`], [`Self::tls_port`].
    pub(crate) fn start_with_tls() -> Self {
        Self::start_as(Kind::Tls, "{}")
    }

    fn start_as(kind: Kind, configuration: &str) -> Self {
        let folder = fresh_folder("docker");
        fs::write(folder.join("daemon.json"), other::configuration(configuration)).expect("a file");
        other::plugins(&folder);
        let mut unshare = Command::new("unshare");
        unshare.args(["--mount", "--net", "--pid", "--ipc", "--fork", "--kill-child", "--mount-proc", "sh", "-c", HOLD, "hold"]);
        let holder = logged(unshare.arg(&folder), &folder);
        // Where the janitor looks.
        fs::write(folder.join("server.pid"), holder.id().to_string()).expect("a pid file");
        patiently(&folder, "its namespaces are made (as root only)", || folder.join("held").exists());
        let first = child_of(holder.id()).expect("the first process");
        let mut engine = Self { folder, kind, holder, first, engine: None, images: Mutex::default() };
        engine.restart();
        engine
    }

    /// Starts it again on the same data after [`Self::stop`] or [`Self::kill`].
    pub(crate) fn restart(&mut self) {
        let folder = &self.folder;
        let mut command = entering(self.first, &["--mount", "--net", "--pid", "--ipc"]);
        match self.kind {
            Kind::Docker | Kind::Tls => self.dockerd(&mut command),
            Kind::Podman => podman::service(&mut command, folder, &self.host()),
        }
        self.engine = Some(logged(&mut command, folder));
        patiently(folder, "the engine answers", || {
            api::ask(&self.socket(), "GET", "/_ping", None).is_ok_and(|answer| answer.status == 200)
        });
    }

    fn dockerd(&self, command: &mut Command) {
        let folder = &self.folder;
        // The engine calls itself three times for each container that starts; collecting garbage was 28 of the 67 ms
        // of processor time that each call takes.
        command.arg("dockerd").env("GOGC", "1000").env("PATH", other::path(&std::env::var("PATH").expect("a path")));
        for (option, file) in
            [("--config-file", "daemon.json"), ("--data-root", "data"), ("--exec-root", "exec"), ("--pidfile", "docker.pid")]
        {
            command.arg(option).arg(folder.join(file));
        }
        command.args(["-H", &self.host(), "--exec-opt", "native.cgroupdriver=cgroupfs", "--cgroup-parent", &format!("/{}", group(folder))]);
        // Room for as many networks as tests make. Who ignores SIGTERM is not waited for.
        command.args(["--default-address-pool", "base=10.128.0.0/9,size=24", "--shutdown-timeout", "3"]);
        if self.kind == Kind::Tls {
            let keys = authority();
            command.args(["-H", &format!("tcp://127.0.0.1:{TLS_PORT}"), "--tlsverify"]);
            for (option, file) in [("--tlscacert", "ca.crt"), ("--tlscert", "server.crt"), ("--tlskey", "server.key")] {
                command.arg(option).arg(keys.join(file));
            }
        }
    }

    /// Ends it as an operator would: its containers are stopped.
    pub(crate) fn stop(&mut self) {
        self.end("TERM");
    }

    /// Ends it with SIGKILL: its containers run on.
    pub(crate) fn kill(&mut self) {
        self.end("KILL");
    }

    fn end(&mut self, name: &str) {
        signal(name, self.id());
        self.engine.take().expect("it runs").wait().expect("it ends");
    }

    /// Holds it (SIGSTOP): it accepts connections and answers nothing.
    pub(crate) fn hang(&self) {
        signal("STOP", self.id());
    }

    pub(crate) fn go_on(&self) {
        signal("CONT", self.id());
        // It stopped itself too.
        signal("CONT", self.engine.as_ref().expect("it runs").id());
    }

    fn id(&self) -> u32 {
        child_of(self.engine.as_ref().expect("it runs").id()).expect("the engine's process")
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.join("docker.sock")
    }

    /// As DOCKER_HOST takes it.
    pub(crate) fn host(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// A folder as DOCKER_CERT_PATH takes it.
    pub(crate) fn certificates(&self) -> PathBuf {
        let folder = self.folder.join("certificates");
        if !folder.exists() {
            fs::create_dir(&folder).expect("a folder");
            let file = |name: &str| folder.join(name).display().to_string();
            let (key, request, certificate) = (file("key.pem"), file("request.pem"), file("cert.pem"));
            fs::copy(authority().join("ca.crt"), folder.join("ca.pem")).expect("a copy");
            let [ca, ca_key] = ["ca.crt", "ca.key"].map(|name| authority().join(name).display().to_string());
            let new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
            openssl(&[&["req", "-subj", "/CN=client", "-keyout", &key, "-out", &request], &new_key[..]].concat());
            let sign = ["x509", "-req", "-days", "2", "-in", &request, "-CA", &ca, "-CAkey", &ca_key, "-CAcreateserial"];
            openssl(&[&sign[..], &["-out", &certificate]].concat());
        }
        folder
    }

    /// The port of 127.0.0.1 that leads to the engine's TLS.
    pub(crate) fn tls_port(&self) -> u16 {
        relay::port_into(self.first, TLS_PORT)
    }

    /// A run where the engine publishes its ports.
    pub(crate) fn through(&self, run: &super::Run) -> Command {
        run.through(&["nsenter", "-t", &self.first.to_string(), "--net"])
    }

    /// What a published port answers.
    #[track_caller]
    pub(crate) fn page(&self, port: u16, path: &str) -> String {
        let mut command = entering(self.first, &["--net"]);
        told(command.args(["timeout", "10", "busybox", "wget", "-qO-", &format!("http://127.0.0.1:{port}{path}")]))
    }

    /// Takes a port, as a program beside the engine would, until the answer is dropped.
    pub(crate) fn take_port(&self, port: u16) -> PortHolder {
        let mut command = entering(self.first, &["--net"]);
        let child = logged(command.args(["busybox", "httpd", "-f", "-p", &format!("0.0.0.0:{port}")]), &self.folder);
        let line = format!(":{port:04X} 00000000:0000 0A");
        super::until("the port is taken", || {
            let sockets = fs::read_to_string(format!("/proc/{}/net/tcp", child.id())).unwrap_or_default();
            sockets.contains(&line)
        });
        PortHolder { child }
    }

    /// `docker` with these words, split at spaces; answers what it printed.
    #[track_caller]
    pub(crate) fn docker(&self, words: &str) -> String {
        told(self.client("docker").args(words.split_whitespace()))
    }

    /// docker-compose 1.29, or another engine's, with these words in a folder; answers what it printed.
    #[track_caller]
    pub(crate) fn compose(&self, folder: &Path, words: &str) -> String {
        told(self.client("docker-compose").args(words.split_whitespace()).current_dir(folder))
    }

    /// Debian's clients, in an environment of their own. Another `docker` may come first in somebody's PATH.
    pub(crate) fn client(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", other::path("/usr/bin:/bin:/usr/sbin")).env("HOME", &self.folder).env("LANG", "C.UTF-8");
        command.env("DOCKER_HOST", self.host()).stdin(Stdio::null());
        command
    }

    pub(crate) fn stack(&self, name: &str) -> Stack<'_> {
        Stack::new(self, name)
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        drop(self.holder.kill());
        drop(self.holder.wait());
        if let Some(mut engine) = self.engine.take() {
            drop(engine.kill());
            drop(engine.wait());
        }
        let end = Instant::now() + Duration::from_secs(5);
        while fs::remove_dir_all(&self.folder).is_err() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(50));
        }
        let groups = format!("find /sys/fs/cgroup -depth -type d -path '*/{}*' -exec rmdir {{}} +", group(&self.folder));
        drop(Command::new("sh").args(["-c", &groups]).stderr(Stdio::null()).status());
    }
}

/// A program that listens beside the engine.
pub(crate) struct PortHolder {
    child: Child,
}

impl Drop for PortHolder {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The control group of an engine's containers: named as the folder, where the janitor finds it.
fn group(folder: &Path) -> String {
    let name = |path: &Path| path.file_name().expect("a name").to_string_lossy().into_owned();
    format!("{}-{}", name(folder.parent().expect("a folder")), name(folder))
}

/// A program of these namespaces; its own words come next.
fn entering(first: u32, namespaces: &[&str]) -> Command {
    let mut command = Command::new("nsenter");
    command.args(["-t", &first.to_string()]).args(namespaces);
    command
}

fn child_of(process: u32) -> Option<u32> {
    fs::read_to_string(format!("/proc/{process}/task/{process}/children")).ok()?.split_whitespace().next()?.parse().ok()
}

#[track_caller]
fn patiently(folder: &Path, what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !condition() {
        let log = || fs::read_to_string(folder.join("log")).unwrap_or_default();
        assert!(Instant::now() < end, "did not happen within {PATIENCE:?}: {what}\n{}", log());
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn logged(command: &mut Command, folder: &Path) -> Child {
    let log = fs::File::options().create(true).append(true).open(folder.join("log")).expect("a log");
    command.current_dir("/").stdin(Stdio::null()).stdout(log.try_clone().expect("a log")).stderr(log);
    command.spawn().expect("the program is installed by `make test`")
}

#[track_caller]
fn told(command: &mut Command) -> String {
    let output = command.output().expect("the program is installed by `make test`");
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?} failed: {text}");
    text
}
