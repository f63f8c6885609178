//! Debian's registry as a guard, beside an engine: on a free port of the engine's own network, open or with a password.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::OnceLock;

use super::super::fresh_folder;
use super::super::others::cache;
use super::super::redis::authority;
use super::{Docker, entering, logged, patiently, told};

/// Who may pull and push, where not everybody may.
const NAME: &str = "deploy";
pub(crate) const PASSWORD: &str = "geheim-4711-word";
/// Both, as the registry keeps them: bcrypt at its least cost.
const HTPASSWD: &str = "deploy:$2b$04$hIuWXpS/KT/V9AQkzghaAOrrWk59ZZkjabsFLVMFe.OouiHaZLsLq\n";
/// Bytes of `noise` in a context: random, so that its layer is on no engine, and the largest one.
const NOISE: usize = 4 << 20;

pub(crate) struct Registry {
    engine: &'static Docker,
    folder: PathBuf,
    server: Child,
    port: u16,
}

impl Docker {
    /// A registry that lets everybody in.
    pub(crate) fn open_registry(&'static self) -> Registry {
        Registry::start(self, "")
    }

    /// One that wants [`PASSWORD`].
    pub(crate) fn private_registry(&'static self) -> Registry {
        Registry::start(self, "auth: {htpasswd: {realm: test, path: htpasswd}}\n")
    }

    /// One with TLS by [`authority`], which no engine trusts.
    pub(crate) fn tls_registry(&'static self) -> Registry {
        let [certificate, key] = ["server.crt", "server.key"].map(|name| authority().join(name).display().to_string());
        Registry::start(self, &format!("http: {{addr: '0.0.0.0:0', tls: {{certificate: '{certificate}', key: '{key}'}}}}\n"))
    }

    /// An address of the engine's network at which it wants a registry to have TLS.
    #[track_caller]
    pub(crate) fn far_address(&self) -> String {
        let bridge = self.api("GET", "/networks/bridge");
        let subnet = bridge["IPAM"]["Config"][0]["Subnet"].as_str().unwrap_or_default();
        subnet.strip_suffix(".0/24").map(|begin| format!("{begin}.1")).unwrap_or_else(|| panic!("{bridge}"))
    }
}

impl Registry {
    fn start(engine: &'static Docker, more: &str) -> Self {
        let folder = fresh_folder("registry");
        fs::write(folder.join("htpasswd"), HTPASSWD).expect("a file");
        let http = if more.starts_with("http:") { "" } else { "http: {addr: '0.0.0.0:0'}\n" };
        let storage = "storage: {filesystem: {rootdirectory: data}}\n";
        fs::write(folder.join("config.yml"), format!("version: 0.1\nlog: {{level: debug}}\n{storage}{http}{more}")).expect("a file");
        let mut command = entering(engine.first, &["--net", &format!("--wd={}", folder.display())]);
        let server = logged(command.arg(program()).args(["serve", "config.yml"]), &folder);
        // Where the janitor looks.
        fs::write(folder.join("server.pid"), server.id().to_string()).expect("a pid file");
        let port = || {
            let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
            let (_, after) = log.split_once("listening on ")?;
            after.split('"').next()?.trim_end_matches(", tls").rsplit(':').next()?.trim().parse().ok()
        };
        let mut found = None;
        patiently(&folder, "the registry listens", || {
            found = port();
            found.is_some()
        });
        Self { engine, server, port: found.expect("a port"), folder }
    }

    /// `127.0.0.1:40123`, where the engine wants no TLS.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The reference of an image of it.
    pub(crate) fn image(&self, name: &str) -> String {
        format!("{}/{name}", self.address())
    }

    /// Docker's configuration with a login here.
    pub(crate) fn login(&self, password: &str) -> String {
        use base64::Engine as _;
        let auth = base64::engine::general_purpose::STANDARD.encode(format!("{NAME}:{password}"));
        format!("{{\"auths\": {{\"{}\": {{\"auth\": \"{auth}\"}}}}}}", self.address())
    }

    /// Makes an image of busybox and these lines, which may copy `noise`, pushes it, and has the engine forget it.
    /// Answers its digest.
    #[track_caller]
    pub(crate) fn push(&self, name: &str, lines: &str) -> String {
        let (image, folder) = (self.image(name), fresh_folder("pushed"));
        let mut noise = vec![0; NOISE];
        let random = fs::File::open("/dev/urandom").and_then(|mut random| std::io::Read::read_exact(&mut random, &mut noise));
        random.expect("random bytes");
        fs::write(folder.join("noise"), noise).expect("a file");
        fs::write(folder.join("config.json"), self.login(PASSWORD)).expect("a file");
        fs::write(folder.join("Dockerfile"), format!("FROM {}\n{lines}\n", self.engine.busybox())).expect("a file");
        // Without that configuration: its folder is also where builders are looked for.
        told(self.engine.client("docker").args(["build", "-q", "-t", &image]).arg(&folder));
        let pushed = told(self.engine.client("docker").env("DOCKER_CONFIG", &folder).args(["push", &image]));
        self.forget(name);
        fs::remove_dir_all(&folder).expect("the folder can be removed");
        let digest = pushed.split_once("digest: ").and_then(|(_, after)| after.split_whitespace().next());
        digest.unwrap_or_else(|| panic!("no digest in {pushed}")).to_owned()
    }

    /// The engine has the image no more.
    pub(crate) fn forget(&self, name: &str) {
        self.engine.answer("DELETE", &format!("/images/{}?force=1", self.image(name)), None);
    }

    /// Makes the largest layer longer than anybody waits for: a pull of it comes to no end. Answers its digest, in hex.
    pub(crate) fn lengthen(&self) -> String {
        let mut blobs = Vec::new();
        files(&self.folder.join("data"), &mut blobs);
        let size = |path: &PathBuf| path.metadata().map_or(0, |found| found.len());
        let largest = blobs.into_iter().max_by_key(size).expect("something was pushed");
        fs::File::options().write(true).open(&largest).and_then(|blob| blob.set_len(64 << 30)).expect("it can be made longer");
        let folder = largest.parent().and_then(Path::file_name).expect("a folder of its own");
        // What was read of it so far, by the push, is not what is waited for.
        fs::write(self.folder.join("log"), "").expect("the log");
        folder.to_string_lossy().into_owned()
    }

    /// Waits until somebody reads a layer.
    #[track_caller]
    pub(crate) fn until_read(&self, digest: &str) {
        patiently(&self.folder, "the layer is read", || {
            let log = fs::read(self.folder.join("log")).unwrap_or_default();
            String::from_utf8_lossy(&log).lines().any(|line| line.contains("filesystem.Reader(") && line.contains(digest))
        });
    }

    pub(crate) fn kill(&mut self) {
        drop(self.server.kill());
        drop(self.server.wait());
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.kill();
        drop(fs::remove_dir_all(&self.folder));
    }
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for path in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let installed = Command::new("sh").args(["-c", "command -v docker-registry"]).output().expect("a shell");
        let installed = String::from_utf8_lossy(&installed.stdout).trim().to_owned();
        if installed.is_empty() { cache().join("registry/usr/bin/docker-registry") } else { installed.into() }
    })
}
