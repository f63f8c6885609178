//! A real PostgreSQL as a guard: started for the tests, ended by its process id.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use super::{fresh_folder, scratch, signal, until};

/// Speed instead of safety from power cuts (a kill loses no commit), and room for fifty migrating hosts at once.
const SETTINGS: &str = "\
listen_addresses = ''
fsync = off
full_page_writes = off
shared_buffers = 32MB
max_connections = 160
max_wal_senders = 0
wal_level = minimal
autovacuum = off
lc_messages = 'C'
";
/// Superuser of every server here; trusted on the socket.
const USER: &str = "postgres";
/// There is only a socket, so that the number is no more than part of its name.
const PORT: u16 = 5432;

/// A server of one test's own, to be stopped, killed and restarted. Most tests take a database of [`shared_postgres`].
pub(crate) struct Postgres {
    folder: PathBuf,
    child: Child,
}

/// One database on a server.
pub(crate) struct Database {
    socket: PathBuf,
    name: String,
}

/// The server that tests share, each with databases of its own.
pub(crate) fn shared_postgres() -> &'static Postgres {
    static SERVER: OnceLock<Postgres> = OnceLock::new();
    SERVER.get_or_init(Postgres::start)
}

impl Postgres {
    pub(crate) fn start() -> Self {
        let folder = fresh_folder("pg");
        own(&folder);
        let copied = as_postgres("cp").args(["-a", "--reflink=auto"]).arg(template()).arg(folder.join("data")).status();
        assert!(copied.expect("cp").success(), "the database cluster could not be copied");
        let child = launch(&folder);
        let server = Self { folder, child };
        server.wait_until_ready();
        server
    }

    /// A fresh database.
    pub(crate) fn database(&self) -> Database {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("db{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        self.named("postgres").sql(&format!("CREATE DATABASE {name}"));
        self.named(&name)
    }

    /// A database that may not exist.
    pub(crate) fn named(&self, name: &str) -> Database {
        Database { socket: self.folder.clone(), name: name.to_owned() }
    }

    /// Ends it as a restart would: clients are disconnected.
    pub(crate) fn stop(&mut self) {
        signal("INT", self.child.id());
        self.child.wait().expect("it ends");
    }

    /// Kills the server and all its sessions with SIGKILL.
    pub(crate) fn kill(&mut self) {
        let id = self.child.id();
        let sessions = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
        self.child.kill().expect("it can be killed");
        for session in sessions.split_whitespace() {
            drop(Command::new("sh").args(["-c", &format!("kill -KILL {session} 2>/dev/null")]).status());
        }
        self.child.wait().expect("it ends");
    }

    /// Starts it again after [`Self::stop`] or [`Self::kill`], without waiting for it.
    pub(crate) fn launch_again(&mut self) {
        self.child = launch(&self.folder);
    }

    pub(crate) fn restart(&mut self) {
        self.launch_again();
        self.wait_until_ready();
    }

    /// Adds a line before all others of `pg_hba.conf` and loads it.
    pub(crate) fn authenticate(&self, line: &str) {
        let path = self.folder.join("data/pg_hba.conf");
        let rest = fs::read_to_string(&path).expect("pg_hba.conf");
        fs::write(&path, format!("{line}\n{rest}")).expect("pg_hba.conf");
        self.named("postgres").sql("SELECT pg_reload_conf()");
    }

    fn wait_until_ready(&self) {
        until("PostgreSQL is ready", || self.named("postgres").psql("SELECT 1").is_ok());
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            signal("QUIT", self.child.id());
            drop(self.child.wait());
        }
        drop(fs::remove_dir_all(&self.folder));
    }
}

impl Database {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Folder of the server's socket.
    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    /// As `host.toml` and sqlx take it.
    pub(crate) fn url(&self) -> String {
        self.url_as(USER)
    }

    /// The same for another user: `name` or `name:password`.
    pub(crate) fn url_as(&self, user: &str) -> String {
        format!("postgres://{user}@localhost:{PORT}/{}?host={}", self.name, self.socket.display())
    }

    /// What psql answers, columns parted by `|`.
    #[track_caller]
    pub(crate) fn sql(&self, statements: &str) -> String {
        self.psql(statements).unwrap_or_else(|error| panic!("{statements}: {error}"))
    }

    /// A session that ran these statements and stays open, idle, until it is dropped.
    pub(crate) fn session(&self, statements: &str) -> Session {
        let mut client = self.client().stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("psql");
        let mut input = client.stdin.take().expect("a pipe");
        writeln!(input, "{statements};").expect("psql reads");
        Session { client, _input: input }
    }

    fn psql(&self, statements: &str) -> Result<String, String> {
        let output = self.client().args(["-c", statements]).stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    }

    fn client(&self) -> Command {
        let mut command = Command::new(program("psql"));
        command.env_clear().env("PGHOST", &self.socket).env("PGPORT", PORT.to_string()).env("PGAPPNAME", "psql");
        command.args(["-XqAt", "-v", "ON_ERROR_STOP=1", "-U", USER, "-d", &self.name]);
        command
    }
}

/// Somebody else's session.
pub(crate) struct Session {
    client: Child,
    /// Closed, it would end the session.
    _input: ChildStdin,
}

impl Drop for Session {
    fn drop(&mut self) {
        drop(self.client.kill());
        drop(self.client.wait());
    }
}

fn launch(folder: &Path) -> Child {
    let log = fs::File::options().create(true).append(true).open(folder.join("log")).expect("a log");
    as_postgres(program("postgres"))
        .arg("-D")
        .arg(folder.join("data"))
        .args(["-k".as_ref(), folder.as_os_str()])
        .args(["-p", &PORT.to_string()])
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a log"))
        .stderr(log)
        .spawn()
        .expect("postgres starts")
}

/// An initialised cluster that servers copy.
fn template() -> &'static Path {
    static TEMPLATE: OnceLock<PathBuf> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let folder = scratch().join("pg-template");
        fs::create_dir(&folder).expect("a folder");
        own(&folder);
        let cluster = folder.join("cluster");
        let mut initdb = as_postgres(program("initdb"));
        initdb.args(["-A", "trust", "-U", USER, "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "-D"]).arg(&cluster);
        let output = initdb.output().expect("initdb");
        assert!(output.status.success(), "initdb failed: {}", String::from_utf8_lossy(&output.stderr));
        fs::write(cluster.join("postgresql.auto.conf"), SETTINGS).expect("settings");
        cluster
    })
}

/// PostgreSQL refuses to run as root, so that root starts it as user `postgres`.
fn as_postgres(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = if is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.current_dir("/").env("LC_ALL", "C.UTF-8");
    command
}

fn own(folder: &Path) {
    if is_root() {
        let status = Command::new("chown").arg("postgres:postgres").arg(folder).status().expect("chown");
        assert!(status.success());
    }
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0)
}

/// Debian keeps the server's programs outside of PATH.
fn program(name: &str) -> PathBuf {
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|version| version.path().join("bin").join(name));
    debian.into_iter().find(|path| path.is_file()).unwrap_or_else(|| PathBuf::from(name))
}
