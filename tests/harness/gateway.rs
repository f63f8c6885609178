//! A real gateway, an application behind it, and clients in front of it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

use super::redis::free_port;
use super::run::Started;
use super::{Output, Run, fresh_folder, until};

/// How long a client of these tests waits for anything.
const PATIENCE: Duration = Duration::from_secs(15);

/// `host gateway` in front of an application.
pub(crate) struct Gateway {
    started: Option<Started>,
    pub(crate) port: u16,
}

impl Gateway {
    /// With `--listen` and `--upstream` of its own and these options besides, split at spaces.
    #[track_caller]
    pub(crate) fn start(application: &Application, options: &str) -> Self {
        Self::to(&format!("ws://127.0.0.1:{}", application.port), options)
    }

    #[track_caller]
    pub(crate) fn to(upstream: &str, options: &str) -> Self {
        let gateway = Self::launch(upstream, options, |run| run);
        until("the gateway is ready", || TcpStream::connect(("127.0.0.1", gateway.port)).is_ok());
        gateway
    }

    /// Starts it without waiting.
    #[track_caller]
    pub(crate) fn launch(upstream: &str, options: &str, change: impl FnOnce(Run) -> Run) -> Self {
        let port = free_port();
        let words = format!("gateway --listen 127.0.0.1:{port} --upstream {upstream} {options}");
        let folder = fresh_folder("gateway");
        let started = change(Run::new(&folder, words.split_whitespace()).patience(240)).start();
        // Where the janitor looks.
        std::fs::write(folder.join("server.pid"), started.id().to_string()).expect("a pid file");
        Self { started: Some(started), port }
    }

    pub(crate) fn id(&self) -> u32 {
        self.started.as_ref().expect("it runs").id()
    }

    pub(crate) fn kill(&mut self) {
        self.started.as_mut().expect("it runs").kill();
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.started.as_mut().expect("it was started").is_running()
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn wait(mut self) -> Output {
        self.started.take().expect("it runs").wait()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("ws://127.0.0.1:{}{path}", self.port)
    }

    #[track_caller]
    pub(crate) fn connect(&self, path: &str) -> Socket {
        self.try_connect(path, &[]).unwrap_or_else(|(status, body)| panic!("refused with {status}: {body}"))
    }

    /// The status and body of a refusal.
    pub(crate) fn try_connect(&self, path: &str, headers: &[(&str, &str)]) -> Result<Socket, (u16, String)> {
        self.handshake(path, headers).map(|(socket, _)| socket)
    }

    pub(crate) fn handshake(
        &self,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<(Socket, tungstenite::handshake::client::Response), (u16, String)> {
        handshake(&self.url(path), self.stream(), headers)
    }

    pub(crate) fn stream(&self) -> TcpStream {
        stream(self.port)
    }

    /// A plain request: status, and all of the answer.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        get(self.port, path, &[])
    }

    /// The value of one line of `/metrics`.
    #[track_caller]
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let (status, text) = self.get("/metrics");
        assert_eq!(status, 200, "{text}");
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or("0").trim().parse().expect("a number")
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let Some(mut started) = self.started.take() else { return };
        if started.is_running() {
            started.kill();
        }
    }
}

/// What a client sees next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing for a second.
    Open,
    Said(String),
    Closed(Option<(u16, String)>),
}

/// A connection of a client.
#[derive(Debug)]
pub(crate) struct Socket(pub(crate) WebSocket<TcpStream>);

impl Socket {
    #[track_caller]
    pub(crate) fn send(&mut self, message: Message) {
        self.0.send(message).expect("it is sent");
    }

    #[track_caller]
    pub(crate) fn receive(&mut self) -> Message {
        self.0.read().expect("a message comes")
    }

    /// The next text or binary message as text.
    #[track_caller]
    pub(crate) fn text(&mut self) -> String {
        loop {
            match self.receive() {
                Message::Ping(_) | Message::Pong(_) => {}
                message => return message.to_text().expect("text").to_owned(),
            }
        }
    }

    /// Sends and gets the same back.
    #[track_caller]
    pub(crate) fn echoes(&mut self, text: &str) {
        self.send(Message::text(text));
        assert_eq!(self.text(), text);
    }

    /// Reads until it is closed: code and reason, none when it just ended. Answers the close as clients do.
    pub(crate) fn closed(&mut self) -> Option<(u16, String)> {
        let mut close = None;
        loop {
            match self.0.read() {
                Ok(Message::Close(frame)) => {
                    close = Some(frame.map_or((1005, String::new()), |CloseFrame { code, reason }| (code.into(), reason.to_string())))
                }
                Ok(_) => {}
                Err(tungstenite::Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    panic!("not closed within {PATIENCE:?}")
                }
                Err(_) => return close,
            }
        }
    }

    pub(crate) fn state(&mut self) -> State {
        self.0.get_ref().set_read_timeout(Some(Duration::from_secs(1))).expect("a timeout");
        let state = match self.0.read() {
            Ok(Message::Close(frame)) => State::Closed(frame.map(|frame| (frame.code.into(), frame.reason.to_string()))),
            Ok(message) => State::Said(message.to_string()),
            Err(tungstenite::Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => State::Open,
            Err(_) => State::Closed(None),
        };
        self.0.get_ref().set_read_timeout(Some(PATIENCE)).expect("a timeout");
        state
    }

    /// Whether it is still open after this time.
    pub(crate) fn stays_open(&mut self, time: Duration) -> bool {
        let end = Instant::now() + time;
        let open = loop {
            let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) else { break true };
            self.0.get_ref().set_read_timeout(Some(left)).expect("a timeout");
            match self.0.read() {
                Ok(Message::Ping(_) | Message::Pong(_)) => {}
                Ok(message) => panic!("{message:?} came"),
                Err(tungstenite::Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => break false,
            }
        };
        self.0.get_ref().set_read_timeout(Some(PATIENCE)).expect("a timeout");
        open
    }
}

pub(crate) fn stream(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("the gateway listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream.set_nodelay(true).expect("no delay");
    stream
}

fn handshake(
    url: &str,
    stream: TcpStream,
    headers: &[(&str, &str)],
) -> Result<(Socket, tungstenite::handshake::client::Response), (u16, String)> {
    let mut request = url.into_client_request().expect("a request");
    for (name, value) in headers {
        request.headers_mut().append(axum::http::HeaderName::try_from(*name).expect("a name"), value.parse().expect("a value"));
    }
    let config = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
    match tungstenite::client::client_with_config(request, stream, Some(config)) {
        Ok((socket, response)) => Ok((Socket(socket), response)),
        Err(tungstenite::HandshakeError::Failure(tungstenite::Error::Http(response))) => {
            let body = response.body().clone().unwrap_or_default();
            Err((response.status().as_u16(), String::from_utf8_lossy(&body).into_owned()))
        }
        Err(error) => Err((0, error.to_string())),
    }
}

/// Status, and all of the answer.
#[track_caller]
pub(crate) fn get(port: u16, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
    let mut request = format!("GET {path} HTTP/1.1\r\n");
    if !headers.iter().any(|(name, _)| *name == "Host") {
        request += &format!("Host: 127.0.0.1:{port}\r\n");
    }
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    request += "\r\n";
    let mut stream = stream(port);
    stream.write_all(request.as_bytes()).expect("a request");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.unwrap_or_else(|| panic!("no HTTP: {answer}")), answer)
}

/// An application with an address for each thing that a gateway must get right.
pub(crate) struct Application {
    pub(crate) port: u16,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    closes: Mutex<Vec<Option<(u16, String)>>>,
    /// Bytes that `/flood` got rid of.
    flooded: AtomicU64,
    open: AtomicU64,
    over: AtomicBool,
}

impl Application {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let seen = Arc::new(Seen::default());
        let all = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if all.over.load(Ordering::SeqCst) {
                    return;
                }
                let seen = Arc::clone(&all);
                let thread = std::thread::Builder::new().stack_size(256 << 10);
                thread.spawn(move || serve(stream, &seen)).expect("a thread");
            }
        });
        Self { port, seen }
    }

    /// Connections that stand.
    pub(crate) fn open(&self) -> u64 {
        self.seen.open.load(Ordering::SeqCst)
    }

    pub(crate) fn flooded(&self) -> u64 {
        self.seen.flooded.load(Ordering::SeqCst)
    }

    /// How connections ended so far: with a close frame, or without.
    pub(crate) fn closes(&self) -> Vec<Option<(u16, String)>> {
        self.seen.closes.lock().expect("a lock").clone()
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        self.seen.over.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(("127.0.0.1", self.port)));
    }
}

fn serve(stream: TcpStream, seen: &Seen) {
    stream.set_nodelay(true).expect("no delay");
    let (mut path, mut headers) = (String::new(), String::new());
    #[expect(clippy::result_large_err, reason = "the type is tungstenite's")]
    let answer = |request: &Request, mut response: Response| {
        path = request.uri().to_string();
        headers =
            request.headers().iter().map(|(name, value)| format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes()))).collect();
        let argument = path.split_once('?').map_or("", |(_, argument)| argument);
        match path.split('?').next().unwrap_or_default() {
            "/refuse" => return Err(refusal()),
            "/slow" => std::thread::sleep(Duration::from_secs(20)),
            "/label" => drop(response.headers_mut().insert("x-host-label", argument.parse().expect("a header"))),
            "/protocol" => drop(response.headers_mut().insert("sec-websocket-protocol", argument.parse().expect("a header"))),
            "/cookie" => drop(response.headers_mut().insert("set-cookie", argument.parse().expect("a header"))),
            _ => {}
        }
        Ok(response)
    };
    let config = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
    let Ok(mut socket) = tungstenite::accept_hdr_with_config(stream, answer, Some(config)) else { return };
    seen.open.fetch_add(1, Ordering::SeqCst);
    let close = behave(&mut socket, &path, &headers, seen);
    seen.open.fetch_sub(1, Ordering::SeqCst);
    seen.closes.lock().expect("a lock").push(close);
}

fn refusal() -> ErrorResponse {
    let response = axum::http::Response::builder().status(403).header("x-why", "because").header("content-length", "9");
    response.body(Some("not today".to_owned())).expect("a response")
}

/// How the connection ended.
fn behave(socket: &mut WebSocket<TcpStream>, path: &str, headers: &str, seen: &Seen) -> Option<(u16, String)> {
    let (place, argument) = path.split_once('?').unwrap_or((path, ""));
    match place {
        "/headers" => drop(socket.send(Message::text(format!("{path}\n{headers}")))),
        "/greet" => drop(socket.send(Message::text("hello"))),
        "/close" => {
            let code = argument.parse::<u16>().expect("a code");
            drop(socket.close(Some(CloseFrame { code: code.into(), reason: "as you wish".into() })));
        }
        "/vanish" => return None,
        "/ping" => drop(socket.send(Message::Ping("are you there".into()))),
        "/flood" => loop {
            if socket.send(Message::binary(vec![7; 64 << 10])).is_err() {
                return None;
            }
            seen.flooded.fetch_add(64 << 10, Ordering::SeqCst);
        },
        "/deaf" => loop {
            std::thread::sleep(Duration::from_secs(1));
            if seen.over.load(Ordering::SeqCst) {
                return None;
            }
        },
        _ => {}
    }
    let mut close = None;
    loop {
        let answered = match socket.read() {
            Ok(message @ (Message::Text(_) | Message::Binary(_))) => socket.send(message),
            Ok(Message::Pong(payload)) => socket.send(Message::text(format!("pong {}", String::from_utf8_lossy(&payload)))),
            Ok(Message::Close(frame)) => {
                close = Some(frame.map_or((1005, String::new()), |frame| (frame.code.into(), frame.reason.to_string())));
                Ok(())
            }
            Ok(_) => Ok(()),
            Err(_) => return close,
        };
        if answered.is_err() && close.is_none() {
            return None;
        }
    }
}
