//! Workers on Django Channels' own layers with real websocket clients, and queues that a test empties itself.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use host::channels::message::{self, Kind};

use super::others::python_command;
use super::{fresh_folder, until};

/// Runs a program of `tests/channels` and collects its lines.
struct Program {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    folder: PathBuf,
}

impl Program {
    fn start(script: &str, arguments: &[&str]) -> Self {
        let folder = fresh_folder("channels");
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/channels").join(script);
        let errors = fs::File::create(folder.join("errors")).expect("a file");
        let mut command = python_command();
        command.arg(path).args(arguments);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors).spawn().expect("Python starts");
        // Where the janitor looks.
        fs::write(folder.join("server.pid"), child.id().to_string()).expect("a pid file");
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (stdout, into) = (child.stdout.take().expect("a pipe"), Arc::clone(&lines));
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                into.lock().expect("lines").push(line);
            }
        });
        Self { child, lines, folder }
    }

    /// Lines that begin with this.
    fn lines(&self, start: &str) -> Vec<String> {
        self.lines.lock().expect("lines").iter().filter(|line| line.starts_with(start)).cloned().collect()
    }

    #[track_caller]
    fn says(&self, line: &str) {
        until(&format!("{line}: {}", fs::read_to_string(self.folder.join("errors")).unwrap_or_default()), || !self.lines(line).is_empty());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        drop(fs::remove_dir_all(&self.folder));
    }
}

/// A real worker: uvicorn, Django Channels, channels_redis.
pub(crate) struct Worker {
    program: Program,
    port: u16,
}

impl Worker {
    /// `mode` is `core` or `pubsub`; one address for each server of the ring.
    #[track_caller]
    pub(crate) fn start(mode: &str, prefix: &str, label: &str, urls: &[String]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port();
        let number = port.to_string();
        let arguments: Vec<&str> = [mode, prefix, label, &number].into_iter().chain(urls.iter().map(String::as_str)).collect();
        let worker = Self { program: Program::start("worker.py", &arguments), port };
        worker.program.says("ready");
        worker
    }

    /// That many websocket clients of this worker, connected and registered.
    #[track_caller]
    pub(crate) fn clients(&self, count: usize) -> Clients {
        let url = format!("ws://127.0.0.1:{}/", self.port);
        let clients = Clients { program: Program::start("clients.py", &[&count.to_string(), &url]) };
        clients.program.says("open");
        clients
    }

    /// How often each channel got a message of this type (`connection.drop`).
    pub(crate) fn got(&self, kind: &str) -> BTreeMap<String, usize> {
        let mut got = BTreeMap::new();
        for line in self.program.lines(&format!("got {kind} ")) {
            let channel = line.split(' ').nth(2).expect("a channel").to_owned();
            *got.entry(channel).or_default() += 1;
        }
        got
    }

    /// SIGKILL: nothing is tidied up.
    pub(crate) fn kill(&mut self) {
        self.program.child.kill().expect("it can be killed");
        self.program.child.wait().expect("it ends");
    }
}

/// Websocket clients in a process of their own.
pub(crate) struct Clients {
    program: Program,
}

impl Clients {
    /// Close codes of those that were closed.
    pub(crate) fn closed(&self) -> Vec<String> {
        let code = |line: String| line.split(' ').nth(2).unwrap_or_default().to_owned();
        self.program.lines("closed ").into_iter().map(code).collect()
    }

    /// What each was told.
    pub(crate) fn texts(&self) -> Vec<String> {
        let body = |line: String| line.splitn(3, ' ').nth(2).unwrap_or_default().to_owned();
        self.program.lines("text ").into_iter().map(body).collect()
    }
}

/// When it was taken, what it is, and for which channels.
pub(crate) type Taken = (Instant, Kind, Vec<String>);

/// Takes messages from queues of the core layer as a worker does, and survives restarts of its server.
pub(crate) struct Sink {
    stop: Arc<AtomicBool>,
    /// Counts questions that were answered, and whose message is among those taken.
    rounds: Arc<AtomicU64>,
    taken: Arc<Mutex<Vec<Taken>>>,
    thread: Option<JoinHandle<()>>,
}

impl Sink {
    /// `queues` are the keys.
    pub(crate) fn start(url: &str, queues: &[String]) -> Self {
        let (stop, rounds, taken) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)), Arc::new(Mutex::new(Vec::new())));
        let (url, queues, ended, answered, into) =
            (url.to_owned(), queues.to_vec(), Arc::clone(&stop), Arc::clone(&rounds), Arc::clone(&taken));
        let take = move || {
            let mut connection = None;
            while !ended.load(Ordering::Relaxed) {
                answered.fetch_add(1, Ordering::SeqCst);
                let Some(open) = &mut connection else {
                    connection = redis::Client::open(url.as_str()).and_then(|client| client.get_connection()).ok();
                    std::thread::sleep(Duration::from_millis(5));
                    continue;
                };
                match redis::cmd("BZPOPMIN").arg(&queues).arg(0.1).query::<Option<(String, Vec<u8>, String)>>(open) {
                    Ok(Some((_, bytes, _))) => {
                        let read = message::read_core(&bytes).expect("a message of the core layer");
                        into.lock().expect("messages").push((Instant::now(), read.kind.expect("drop or reload"), read.channels));
                    }
                    Ok(None) => {}
                    Err(_) => connection = None,
                }
            }
        };
        Self { stop, rounds, taken, thread: Some(std::thread::spawn(take)) }
    }

    /// All that were taken up to now, the one that is on its way included.
    pub(crate) fn messages(&self) -> Vec<Taken> {
        let (before, end) = (self.rounds.load(Ordering::SeqCst), Instant::now() + Duration::from_millis(500));
        // A server that hangs answers nothing.
        while self.rounds.load(Ordering::SeqCst) < before + 2 && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(1));
        }
        self.taken.lock().expect("messages").clone()
    }

    /// How often each channel was named.
    pub(crate) fn channels(&self) -> BTreeMap<String, usize> {
        let mut channels = BTreeMap::new();
        for channel in self.messages().into_iter().flat_map(|(_, _, channels)| channels) {
            *channels.entry(channel).or_default() += 1;
        }
        channels
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}
