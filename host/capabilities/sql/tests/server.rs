//! A real Postgres for this module's tests: started by the first, ended with the last that holds it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Weak};

use tempfile::TempDir;

static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
static DATABASES: AtomicU32 = AtomicU32::new(0);

pub(crate) struct Server {
    folder: TempDir,
}

impl Server {
    /// The server that tests share; each takes databases of its own.
    pub(crate) fn shared() -> Arc<Self> {
        let mut shared = SHARED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let server = Arc::new(Self::start());
            *shared = Arc::downgrade(&server);
            server
        })
    }

    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        run("chown", &["postgres", path(folder.path())]);
        run(
            "runuser",
            &[
                "-u",
                "postgres",
                "--",
                "initdb",
                "-D",
                &format!("{}/pg", path(folder.path())),
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C",
                "-N",
            ],
        );
        let options = format!("-k {} -c listen_addresses= -c fsync=off -c max_prepared_transactions=2", path(folder.path()));
        let server = Self { folder };
        server.ctl(&["-o", &options, "-w", "-l", &format!("{}/log", path(server.folder.path())), "start"]);
        server
    }

    fn ctl(&self, arguments: &[&str]) {
        let data = format!("{}/pg", path(self.folder.path()));
        run("runuser", &[&["-u", "postgres", "--", "pg_ctl", "-D", &data], arguments].concat());
    }

    /// A fresh database; its address.
    pub(crate) fn database(&self) -> String {
        let name = format!("db{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        self.url("postgres", &name)
    }

    pub(crate) fn url(&self, user: &str, database: &str) -> String {
        format!("postgres://{user}@localhost/{database}?host={}", path(self.folder.path()))
    }

    /// What psql answers.
    pub(crate) fn sql(&self, database: &str, sql: &str) -> String {
        let output = Command::new("psql")
            .args(["-h", path(self.folder.path()), "-U", "postgres", "-d", database, "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let pid = std::fs::read_to_string(self.folder.path().join("pg/postmaster.pid")).unwrap_or_default();
        if let Some(pid) = pid.lines().next() {
            let _ = Command::new("kill").args(["-QUIT", pid]).status();
        }
        // The folder can go once the server stopped writing to it.
        for _ in 0..100 {
            if !self.folder.path().join("pg/postmaster.pid").exists() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn run(program: &str, arguments: &[&str]) {
    let status = Command::new(program).args(arguments).current_dir("/").stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    assert!(status.success(), "{program} {arguments:?} failed");
}
