//! Real servers for this module's tests: started by the test, ended by process id.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use tempfile::TempDir;

static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// A server on a unix socket.
pub(crate) struct Server {
    folder: TempDir,
    child: Mutex<Option<Child>>,
    lines: String,
}

/// One database of a server.
pub(crate) struct Database {
    server: Arc<Server>,
    number: u32,
}

/// An empty database of the server that tests share.
pub(crate) fn database() -> Database {
    let mut shared = SHARED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let server = shared.upgrade().unwrap_or_else(|| {
        let server = Arc::new(Server::start("databases 1024"));
        *shared = Arc::downgrade(&server);
        server
    });
    Database { server, number: DATABASES.fetch_add(1, Ordering::Relaxed) % 1024 }
}

impl Database {
    pub(crate) fn url(&self) -> String {
        format!("unix://{}?db={}", self.server.socket(), self.number)
    }

    /// What one command answers, as text; elements are parted by spaces.
    pub(crate) fn ask(&self, line: &str) -> String {
        self.server.ask_all(&[&format!("SELECT {}", self.number), line]).pop().unwrap()
    }

    pub(crate) fn fill(&self, lines: &[&str]) {
        let select = format!("SELECT {}", self.number);
        let all: Vec<&str> = [select.as_str()].into_iter().chain(lines.iter().copied()).collect();
        for (answer, line) in self.server.ask_all(&all).iter().zip(&all) {
            assert!(!answer.starts_with('-'), "{line}: {answer}");
        }
    }

    /// All keys, sorted, parted by spaces.
    pub(crate) fn keys(&self) -> String {
        let keys = self.ask("KEYS *");
        let mut keys: Vec<&str> = keys.split_whitespace().collect();
        keys.sort_unstable();
        keys.join(" ")
    }
}

impl Server {
    pub(crate) fn start(lines: &str) -> Self {
        let server = Self { folder: tempfile::tempdir().unwrap(), child: Mutex::new(None), lines: lines.to_owned() };
        server.launch();
        server
    }

    pub(crate) fn launch(&self) {
        let config = format!("port 0\nunixsocket {}\nsave \"\"\ndir {}\n{}\n", self.socket(), self.folder.path().display(), self.lines);
        let path = self.folder.path().join("redis.conf");
        std::fs::write(&path, config).unwrap();
        let child =
            Command::new("redis-server").arg(path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        *self.child.lock().unwrap() = Some(child);
        let end = Instant::now() + Duration::from_secs(10);
        while UnixStream::connect(self.socket()).is_err() {
            assert!(Instant::now() < end, "Redis did not start");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn kill(&self) {
        if let Some(mut child) = self.child.lock().unwrap().take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    fn socket(&self) -> String {
        self.folder.path().join("redis.sock").display().to_string()
    }

    pub(crate) fn url(&self) -> String {
        format!("unix://{}", self.socket())
    }

    pub(crate) fn ask_all(&self, lines: &[&str]) -> Vec<String> {
        let mut stream = BufReader::new(UnixStream::connect(self.socket()).unwrap());
        let mut bytes = Vec::new();
        for line in lines {
            let words: Vec<&str> = line.split(' ').collect();
            write!(bytes, "*{}\r\n", words.len()).unwrap();
            for word in words {
                write!(bytes, "${}\r\n{word}\r\n", word.len()).unwrap();
            }
        }
        stream.get_mut().write_all(&bytes).unwrap();
        lines.iter().map(|_| answer(&mut stream)).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

fn answer(stream: &mut BufReader<UnixStream>) -> String {
    let mut line = String::new();
    stream.read_line(&mut line).unwrap();
    let line = line.trim_end();
    match line.split_at_checked(1) {
        Some(("+" | ":", rest)) => rest.to_owned(),
        Some(("-", _)) => line.to_owned(),
        Some(("$", length)) if length != "-1" => {
            let mut bytes = vec![0; length.parse::<usize>().unwrap() + 2];
            stream.read_exact(&mut bytes).unwrap();
            bytes.truncate(bytes.len() - 2);
            String::from_utf8_lossy(&bytes).into_owned()
        }
        Some(("*", count)) if count != "-1" => (0..count.parse::<usize>().unwrap()).map(|_| answer(stream)).collect::<Vec<_>>().join(" "),
        _ => String::new(),
    }
}
