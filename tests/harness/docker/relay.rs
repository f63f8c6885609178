//! Between a client and the engine: counts requests, and fails at the one that a test names.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Condvar, Mutex};

use super::super::{fresh_folder, signal};
use super::{Docker, entering};

/// What happens at the request of a number, the first being 1.
#[derive(Clone, Copy)]
pub(crate) enum Fault {
    /// Its connection ends without an answer; the engine sees nothing of it.
    Cut(usize),
    /// As if the engine had ended: all connections end, and nobody accepts new ones.
    Gone(usize),
    /// The process that [`Counted::victim`] names is killed with SIGKILL; the engine sees nothing of the request.
    Kill(usize),
    /// The same, but the engine does what was asked.
    KillAfter(usize),
}

/// A socket of its own that leads to the engine.
pub(crate) struct Counted {
    socket: PathBuf,
    relay: Arc<Relay>,
}

struct Relay {
    engine: PathBuf,
    fault: Option<Fault>,
    state: Mutex<State>,
    named: Condvar,
}

#[derive(Default)]
struct State {
    requests: Vec<String>,
    victim: Option<u32>,
    gone: bool,
    open: Vec<UnixStream>,
}

impl Docker {
    /// A way to the engine that counts requests.
    pub(crate) fn counted(&self) -> Counted {
        Counted::new(self.socket(), None)
    }

    /// The same, failing once.
    pub(crate) fn failing(&self, fault: Fault) -> Counted {
        Counted::new(self.socket(), Some(fault))
    }
}

impl Counted {
    fn new(engine: PathBuf, fault: Option<Fault>) -> Self {
        let socket = fresh_folder("relay").join("docker.sock");
        let listener = UnixListener::bind(&socket).expect("a socket");
        let relay = Arc::new(Relay { engine, fault, state: Mutex::default(), named: Condvar::new() });
        let shared = Arc::clone(&relay);
        std::thread::spawn(move || {
            // Ends with the test binary, or by the connection that `Drop` makes.
            for client in listener.incoming().map_while(Result::ok) {
                if shared.lock().gone {
                    break;
                }
                let relay = Arc::clone(&shared);
                // A connection that breaks is the client's to tell.
                std::thread::spawn(move || drop(relay.serve(client)));
            }
        });
        Self { socket, relay }
    }

    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    /// As DOCKER_HOST takes it.
    pub(crate) fn host(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// What came so far: `GET /containers/json?all=1`.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.relay.lock().requests.clone()
    }

    /// Whom [`Fault::Kill`] means; the request waits until it is known.
    pub(crate) fn victim(&self, process: u32) {
        self.relay.lock().victim = Some(process);
        self.relay.named.notify_all();
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.relay.end();
        drop(UnixStream::connect(&self.socket));
        drop(fs::remove_file(&self.socket));
    }
}

impl Relay {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|broken| broken.into_inner())
    }

    fn end(&self) {
        let mut state = self.lock();
        state.gone = true;
        for stream in state.open.drain(..) {
            drop(stream.shutdown(Shutdown::Both));
        }
    }

    /// Whether the request goes on to the engine.
    fn admits(&self, request: &str) -> bool {
        let mut state = self.lock();
        state.requests.push(request.to_owned());
        let number = state.requests.len();
        match self.fault {
            Some(Fault::Cut(at)) => number != at,
            Some(Fault::Gone(at)) if number >= at => {
                drop(state);
                self.end();
                false
            }
            Some(Fault::Kill(at) | Fault::KillAfter(at)) if number == at => {
                let state = self.named.wait_while(state, |state| state.victim.is_none()).expect("the state");
                signal("KILL", state.victim.expect("it is known"));
                matches!(self.fault, Some(Fault::KillAfter(_)))
            }
            _ => true,
        }
    }

    fn serve(&self, client: UnixStream) -> std::io::Result<()> {
        let engine = UnixStream::connect(&self.engine)?;
        {
            let mut state = self.lock();
            state.open.push(client.try_clone()?);
            state.open.push(engine.try_clone()?);
        }
        let (mut from, mut to) = (engine.try_clone()?, client.try_clone()?);
        std::thread::spawn(move || {
            drop(std::io::copy(&mut from, &mut to));
            drop(to.shutdown(Shutdown::Both));
        });
        let result = self.requests(BufReader::new(client.try_clone()?), &engine);
        match result {
            // The client ended its half: the engine may have more to say.
            Ok(true) => engine.shutdown(Shutdown::Write),
            _ => client.shutdown(Shutdown::Both).and(engine.shutdown(Shutdown::Both)),
        }
    }

    /// Passes requests on until the client has no more; answers false at the one that does not pass.
    fn requests(&self, mut client: BufReader<UnixStream>, mut engine: &UnixStream) -> std::io::Result<bool> {
        loop {
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                if client.read_line(&mut head)? == 0 {
                    return Ok(true);
                }
            }
            let line: Vec<&str> = head.split(' ').take(2).collect();
            if !self.admits(&line.join(" ")) {
                return Ok(false);
            }
            engine.write_all(head.as_bytes())?;
            let lower = head.to_ascii_lowercase();
            let header = |name: &str| lower.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
            if header("upgrade:").is_some() {
                std::io::copy(&mut client, &mut engine)?;
                return Ok(true);
            }
            if header("transfer-encoding:").is_some_and(|coding| coding.contains("chunked")) {
                chunks(&mut client, engine)?;
            } else if let Some(length) = header("content-length:").and_then(|length| length.parse().ok()) {
                std::io::copy(&mut client.by_ref().take(length), &mut engine)?;
            }
        }
    }
}

/// Passes a chunked body on.
fn chunks(client: &mut BufReader<UnixStream>, mut engine: &UnixStream) -> std::io::Result<()> {
    loop {
        let mut line = String::new();
        client.read_line(&mut line)?;
        engine.write_all(line.as_bytes())?;
        let length = u64::from_str_radix(line.trim(), 16).map_err(std::io::Error::other)?;
        // The chunk and the end of its line.
        std::io::copy(&mut client.by_ref().take(length + 2), &mut engine)?;
        if length == 0 {
            return Ok(());
        }
    }
}

/// A port here that leads to a port of the network of `first`.
pub(super) fn port_into(first: u32, port: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let here = listener.local_addr().expect("a port").port();
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let mut command = entering(first, &["--net"]);
            command.args(["busybox", "nc", "127.0.0.1", &port.to_string()]);
            let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("nsenter");
            let (mut stdin, mut stdout) = (child.stdin.take().expect("a pipe"), child.stdout.take().expect("a pipe"));
            let (mut from, mut to) = (client.try_clone().expect("a stream"), client);
            std::thread::spawn(move || drop(pump(&mut from, &mut stdin)));
            std::thread::spawn(move || {
                drop(pump(&mut stdout, &mut to));
                drop(to.shutdown(Shutdown::Both));
                drop(child.wait());
            });
        }
    });
    here
}

/// Not [`std::io::copy`]: it would splice, which holds a pipe's lock while it waits for the socket, so that nobody
/// can read the pipe.
fn pump(from: &mut impl Read, to: &mut impl Write) -> std::io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match from.read(&mut buffer)? {
            0 => return Ok(()),
            length => to.write_all(&buffer[..length])?,
        }
    }
}
