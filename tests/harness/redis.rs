//! Real Redis servers as guards: plain, with users, over TLS, as a cluster, behind sentinels.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use super::{fresh_folder, scratch, signal, until};

/// Small and without a copy on disk unless a test wants one.
const SETTINGS: &str = "\
bind 127.0.0.1
protected-mode no
save \"\"
daemonize no
databases 16
loglevel notice
enable-debug-command local
";

/// How a server is to be started.
#[derive(Clone, Default)]
pub(crate) struct Options {
    /// Lines of `redis.conf`: `requirepass secret`, `user shop on >secret ~shop:* +@all`, ...
    lines: String,
    tls: bool,
    cluster: bool,
    kept: bool,
}

impl Options {
    /// A line of `redis.conf`.
    pub(crate) fn line(mut self, line: &str) -> Self {
        self.lines += line;
        self.lines += "\n";
        self
    }

    /// TLS on its port, with a certificate for `localhost` by [`authority`].
    pub(crate) fn tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// Data survive a restart.
    pub(crate) fn kept(mut self) -> Self {
        self.kept = true;
        self
    }

    pub(crate) fn start(self) -> Redis {
        Redis::with(self)
    }
}

/// A server of one test's own. Most tests take a database of [`shared_redis`].
pub(crate) struct Redis {
    folder: PathBuf,
    port: u16,
    options: Options,
    child: Option<Child>,
}

/// One database on the shared server.
pub(crate) struct RedisDatabase {
    number: u32,
}

/// The server that tests share. Each takes a database of its own with [`redis_database`].
pub(crate) fn shared_redis() -> &'static Redis {
    static SERVER: OnceLock<Redis> = OnceLock::new();
    SERVER.get_or_init(|| Options::default().line("databases 1024").start())
}

/// An empty database of the shared server.
pub(crate) fn redis_database() -> RedisDatabase {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    shared_redis();
    RedisDatabase { number: NUMBER.fetch_add(1, Ordering::Relaxed) }
}

impl RedisDatabase {
    /// As `host.toml` takes it.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/{}", shared_redis().port, self.number)
    }

    /// What one command answers, as text.
    #[track_caller]
    pub(crate) fn ask(&self, words: &[&str]) -> String {
        let mut client = shared_redis().client();
        client.ask(&["SELECT", &self.number.to_string()]);
        client.ask(words)
    }

    /// Many commands at once, words parted by spaces.
    #[track_caller]
    pub(crate) fn fill(&self, commands: impl IntoIterator<Item = String>) {
        let mut client = shared_redis().client();
        client.ask(&["SELECT", &self.number.to_string()]);
        client.pipeline(commands);
    }

    /// All keys, sorted, parted by spaces.
    pub(crate) fn keys(&self) -> String {
        sorted(&self.ask(&["KEYS", "*"]))
    }
}

impl Redis {
    pub(crate) fn start() -> Self {
        Options::default().start()
    }

    fn with(options: Options) -> Self {
        let folder = fresh_folder("redis");
        let mut server = Self { folder, port: free_port(), options, child: None };
        server.launch();
        server.wait_until_ready();
        server
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    /// `redis://127.0.0.1:PORT/0`, or `rediss://localhost` with TLS.
    pub(crate) fn url(&self) -> String {
        self.url_of("", 0)
    }

    /// The same with a login (`user:password@`) and a database.
    pub(crate) fn url_of(&self, login: &str, database: u32) -> String {
        match self.options.tls {
            true => format!("rediss://{login}localhost:{}/{database}", self.port),
            false => format!("redis://{login}127.0.0.1:{}/{database}", self.port),
        }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.join("redis.sock")
    }

    /// By its unix socket, which stays as it is with TLS and is never asked for a password that it does not want.
    pub(crate) fn client(&self) -> Client {
        Client::connect(&self.socket())
    }

    #[track_caller]
    pub(crate) fn ask(&self, words: &[&str]) -> String {
        self.client().ask(words)
    }

    /// Ends it as an operator would; with [`Options::kept`] the data are on disk.
    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            if child.try_wait().is_ok_and(|status| status.is_none()) {
                signal("TERM", child.id());
            }
            child.wait().expect("it ends");
        }
    }

    /// Ends it with SIGKILL.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("it can be killed");
            child.wait().expect("it ends");
        }
    }

    /// Starts it again on the same port after [`Self::stop`] or [`Self::kill`].
    pub(crate) fn restart(&mut self) {
        self.launch();
        self.wait_until_ready();
    }

    /// Holds it (SIGSTOP): it accepts connections and answers nothing.
    pub(crate) fn hang(&self) {
        signal("STOP", self.id());
    }

    pub(crate) fn go_on(&self) {
        signal("CONT", self.id());
    }

    fn launch(&mut self) {
        let Self { folder, port, options, .. } = self;
        let mut settings = format!("{SETTINGS}dir {0}\nunixsocket {0}/redis.sock\n", folder.display());
        match options.tls {
            true => {
                let keys = authority();
                settings += &format!(
                    "port 0\ntls-port {port}\ntls-auth-clients no\ntls-cert-file {0}/server.crt\ntls-key-file {0}/server.key\ntls-ca-cert-file {0}/ca.crt\n",
                    keys.display()
                );
            }
            false => settings += &format!("port {port}\n"),
        }
        if options.cluster {
            settings += "cluster-enabled yes\ncluster-config-file nodes.conf\ncluster-node-timeout 2000\n";
        }
        if options.kept {
            settings += "appendonly yes\nappendfsync always\n";
        }
        settings += &options.lines;
        fs::write(folder.join("redis.conf"), settings).expect("redis.conf");
        self.child = Some(run("redis-server", &[&folder.join("redis.conf").display().to_string()], folder));
    }

    fn wait_until_ready(&self) {
        until("Redis is ready", || {
            UnixStream::connect(self.socket()).is_ok_and(|stream| {
                let answer = Client::of(stream).try_ask(&["PING"]);
                answer.is_ok_and(|answer| !answer.contains("LOADING"))
            })
        });
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.kill();
        }
        drop(fs::remove_dir_all(&self.folder));
    }
}

/// Three masters that share the slots.
pub(crate) struct RedisCluster {
    nodes: Vec<Redis>,
}

impl RedisCluster {
    pub(crate) fn start() -> Self {
        let node = || {
            let options = Options { cluster: true, ..Options::default() };
            options.line("cluster-allow-replica-migration no").start()
        };
        let nodes = vec![node(), node(), node()];
        let addresses: Vec<String> = nodes.iter().map(|node| format!("127.0.0.1:{}", node.port)).collect();
        let mut create = Command::new("redis-cli");
        create.args(["--cluster", "create"]).args(&addresses).args(["--cluster-replicas", "0", "--cluster-yes"]);
        let output = create.stdin(Stdio::null()).output().expect("redis-cli");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        for node in &nodes {
            until("the cluster is ready", || {
                let info = node.ask(&["CLUSTER", "INFO"]);
                info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3")
            });
        }
        Self { nodes }
    }

    pub(crate) fn url(&self) -> String {
        let nodes: Vec<String> = self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.port)).collect();
        format!("redis+cluster://{}", nodes.join(","))
    }

    pub(crate) fn nodes(&self) -> &[Redis] {
        &self.nodes
    }

    /// The keys of all nodes, sorted, parted by spaces.
    pub(crate) fn keys(&self) -> String {
        sorted(&self.nodes.iter().map(|node| node.ask(&["KEYS", "*"])).collect::<Vec<_>>().join(" "))
    }

    /// Asks the node that has the key's slot.
    #[track_caller]
    pub(crate) fn ask(&self, words: &[&str]) -> String {
        let answers = self.nodes.iter().map(|node| node.ask(words));
        answers.into_iter().find(|answer| !answer.starts_with("(error) MOVED")).expect("one node has the slot")
    }
}

/// A master, a replica, and sentinels that watch them as `main`.
pub(crate) struct RedisSentinel {
    pub(crate) master: Redis,
    pub(crate) replica: Redis,
    sentinels: Vec<(Child, u16)>,
}

impl RedisSentinel {
    pub(crate) fn start() -> Self {
        let master = Redis::start();
        let replica = Options::default().line(&format!("replicaof 127.0.0.1 {}", master.port)).start();
        until("the replica follows", || replica.ask(&["INFO", "replication"]).contains("master_link_status:up"));
        let mut group = Self { master, replica, sentinels: Vec::new() };
        for _ in 0..3 {
            group.sentinels.push(sentinel(group.master.port));
        }
        for (_, port) in &group.sentinels {
            until("the sentinels know each other", || {
                let mut client = Client::of(TcpStream::connect(("127.0.0.1", *port)).expect("a sentinel"));
                let state = client.ask(&["SENTINEL", "MASTER", "main"]);
                state.contains("num-slaves 1") && state.contains("num-other-sentinels 2")
            });
        }
        group
    }

    pub(crate) fn url(&self) -> String {
        let hosts: Vec<String> = self.sentinels.iter().map(|(_, port)| format!("127.0.0.1:{port}")).collect();
        format!("redis+sentinel://{}/main/0", hosts.join(","))
    }

    /// Makes the replica the master, as sentinels do when the master is gone.
    pub(crate) fn fail_over(&self) {
        let (_, port) = self.sentinels.first().expect("a sentinel");
        let ask = |words: &[&str]| Client::of(TcpStream::connect(("127.0.0.1", *port)).expect("a sentinel")).ask(words);
        until("the failover is accepted", || ask(&["SENTINEL", "FAILOVER", "main"]) == "OK");
        let replica = self.replica.port.to_string();
        for (_, port) in &self.sentinels {
            until("the sentinels name the new master", || {
                let mut client = Client::of(TcpStream::connect(("127.0.0.1", *port)).expect("a sentinel"));
                client.ask(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", "main"]).ends_with(&replica)
            });
        }
        until("the replica is master", || self.replica.ask(&["ROLE"]).starts_with("master"));
        // Sentinels tell it ten seconds later.
        self.master.ask(&["REPLICAOF", "127.0.0.1", &replica]);
        until("the old master follows", || self.master.ask(&["ROLE"]).starts_with("slave"));
    }
}

impl Drop for RedisSentinel {
    fn drop(&mut self) {
        for (sentinel, _) in &mut self.sentinels {
            drop(sentinel.kill());
            drop(sentinel.wait());
        }
    }
}

fn sentinel(master: u16) -> (Child, u16) {
    let (folder, port) = (fresh_folder("sentinel"), free_port());
    let settings = format!(
        "port {port}\nbind 127.0.0.1\nprotected-mode no\ndir {0}\nsentinel monitor main 127.0.0.1 {master} 2\nsentinel down-after-milliseconds main 1000\nsentinel failover-timeout main 3000\n",
        folder.display()
    );
    fs::write(folder.join("sentinel.conf"), settings).expect("sentinel.conf");
    let child = run("redis-server", &[&folder.join("sentinel.conf").display().to_string(), "--sentinel"], &folder);
    until("the sentinel is ready", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    (child, port)
}

/// The folder of an authority (`ca.crt`) and of a certificate for `localhost` by it; for SSL_CERT_FILE.
pub(crate) fn authority() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = scratch().join("tls");
        fs::create_dir(&folder).expect("a folder");
        let file = |name: &str| folder.join(name).display().to_string();
        let (ca_key, ca, key, request, certificate) =
            (file("ca.key"), file("ca.crt"), file("server.key"), file("server.csr"), file("server.crt"));
        fs::write(folder.join("names"), "subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n").expect("a file");
        let new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
        openssl(&[&["req", "-x509", "-days", "2", "-subj", "/CN=test authority", "-keyout", &ca_key, "-out", &ca], &new_key[..]].concat());
        openssl(&[&["req", "-subj", "/CN=localhost", "-keyout", &key, "-out", &request], &new_key[..]].concat());
        openssl(&[
            "x509",
            "-req",
            "-days",
            "2",
            "-in",
            &request,
            "-CA",
            &ca,
            "-CAkey",
            &ca_key,
            "-CAcreateserial",
            "-extfile",
            &file("names"),
            "-out",
            &certificate,
        ]);
        folder
    })
}

pub(super) fn openssl(arguments: &[&str]) {
    let output = Command::new("openssl").args(arguments).stdin(Stdio::null()).output().expect("openssl");
    assert!(output.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Starts a server whose pid file the janitor finds.
fn run(program: &str, arguments: &[&str], folder: &Path) -> Child {
    let log = fs::File::options().create(true).append(true).open(folder.join("log")).expect("a log");
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).stdout(log.try_clone().expect("a log")).stderr(log);
    let child = command.spawn().expect("the server starts");
    fs::write(folder.join("server.pid"), child.id().to_string()).expect("a pid file");
    child
}

/// A port that nobody had a moment ago.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Below the ports that the system gives away by itself, so that nobody takes it meanwhile; a cluster's bus
    // is 10,000 above.
    let start = 20_000 + std::process::id() % 100 * 25;
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = u16::try_from(10_000 + (start + number) % 12_000).expect("a port");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() && TcpListener::bind(("127.0.0.1", port + 10_000)).is_ok() {
            return port;
        }
    }
}

fn sorted(words: &str) -> String {
    let mut words: Vec<&str> = words.split_whitespace().collect();
    words.sort_unstable();
    words.join(" ")
}

/// A client of a few lines, for asserting: answers come as text, elements parted by spaces.
pub(crate) struct Client {
    stream: BufReader<Box<dyn Stream>>,
}

pub(crate) trait Stream: Read + Write {}

impl<S: Read + Write> Stream for S {}

impl Client {
    pub(crate) fn connect(socket: &Path) -> Self {
        Self::of(UnixStream::connect(socket).expect("Redis listens"))
    }

    pub(crate) fn of(stream: impl Stream + 'static) -> Self {
        Self { stream: BufReader::new(Box::new(stream)) }
    }

    /// What a command answers: nothing for nil, `(error) ...` for an error.
    #[track_caller]
    pub(crate) fn ask(&mut self, words: &[&str]) -> String {
        self.try_ask(words).unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }

    pub(crate) fn try_ask(&mut self, words: &[&str]) -> std::io::Result<String> {
        self.ask_bytes(&words.iter().map(|word| word.as_bytes()).collect::<Vec<_>>())
    }

    pub(crate) fn ask_bytes(&mut self, words: &[&[u8]]) -> std::io::Result<String> {
        self.stream.get_mut().write_all(&encoded(words))?;
        self.answer()
    }

    /// Commands in one go, words parted by spaces; fails when one of them does.
    #[track_caller]
    pub(crate) fn pipeline(&mut self, commands: impl IntoIterator<Item = String>) {
        let commands: Vec<String> = commands.into_iter().collect();
        for part in commands.chunks(1000) {
            let bytes: Vec<u8> = part.iter().flat_map(|line| encoded(&line.split(' ').map(str::as_bytes).collect::<Vec<_>>())).collect();
            self.stream.get_mut().write_all(&bytes).expect("Redis reads");
            for line in part {
                let answer = self.answer().expect("an answer");
                assert!(!answer.starts_with("(error)"), "{line}: {answer}");
            }
        }
    }

    fn answer(&mut self) -> std::io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_end();
        let (kind, rest) = line.split_at(1);
        Ok(match kind {
            "+" | ":" => rest.to_owned(),
            "-" => format!("(error) {rest}"),
            "$" => match rest.parse::<usize>() {
                Ok(length) => {
                    let mut bytes = vec![0; length + 2];
                    self.stream.read_exact(&mut bytes)?;
                    bytes.truncate(length);
                    String::from_utf8_lossy(&bytes).into_owned()
                }
                Err(_) => String::new(),
            },
            "*" => {
                let count = rest.parse::<i64>().unwrap_or(0);
                let mut parts = Vec::new();
                for _ in 0..count {
                    parts.push(self.answer()?);
                }
                parts.join(" ")
            }
            _ => return Err(std::io::Error::other(line.to_owned())),
        })
    }
}

fn encoded(words: &[&[u8]]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}
