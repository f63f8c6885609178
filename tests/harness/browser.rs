//! A real browser: Debian's Chromium, driven through chromedriver.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::fresh_folder;
use super::redis::free_port;

/// As a machine without a network needs it.
const FLAGS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
];

/// A browser on a busy machine takes its time.
const PATIENCE: Duration = Duration::from_secs(20);

/// One browser with a profile of its own.
pub(crate) struct Browser {
    driver: Child,
    port: u16,
    session: String,
    /// Chromium itself, which outlives its driver.
    process: Option<u64>,
}

impl Browser {
    pub(crate) fn start() -> Self {
        let port = free_port();
        let mut command = Command::new("chromedriver");
        command.arg(format!("--port={port}")).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut driver = command.spawn().expect("chromedriver is installed by `make test`");
        let folder = fresh_folder("browser");
        // Where the janitor looks.
        std::fs::write(folder.join("server.pid"), driver.id().to_string()).expect("a pid file");
        let mut lines = BufReader::new(driver.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
        assert!(lines.any(|line| line.contains("started successfully")), "chromedriver does not start");
        std::thread::spawn(move || lines.for_each(drop));
        let mut browser = Self { driver, port, session: String::new(), process: None };
        let profile = format!("--user-data-dir={}", folder.join("profile").display());
        let arguments: Vec<&str> = FLAGS.into_iter().chain([profile.as_str()]).collect();
        let wanted = json!({"capabilities": {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": {"args": arguments}}}});
        let session = browser.ask("POST", "", &wanted);
        browser.session = format!("/{}", session["sessionId"].as_str().expect("a session"));
        browser.process = session["capabilities"]["goog:processID"].as_u64();
        browser
    }

    pub(crate) fn goto(&self, url: &str) {
        self.ask("POST", "/url", &json!({"url": url}));
    }

    /// The window that is driven now.
    pub(crate) fn window(&self) -> String {
        self.ask("GET", "/window", &Value::Null).as_str().expect("a window").to_owned()
    }

    pub(crate) fn new_tab(&self) -> String {
        self.ask("POST", "/window/new", &json!({"type": "tab"}))["handle"].as_str().expect("a window").to_owned()
    }

    pub(crate) fn switch(&self, window: &str) {
        self.ask("POST", "/window", &json!({"handle": window}));
    }

    /// What a script returns.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.ask("POST", "/execute/sync", &json!({"script": script, "args": []}))
    }

    /// Waits until the text of an element holds this.
    #[track_caller]
    pub(crate) fn shows(&self, id: &str, what: &str) {
        let end = Instant::now() + PATIENCE;
        loop {
            let text = self.run(&format!("return document.getElementById({id:?})?.innerText"));
            if text.as_str().is_some_and(|text| text.contains(what)) {
                return;
            }
            assert!(Instant::now() < end, "`{id}` shows {text} and not {what:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    #[track_caller]
    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("chromedriver listens");
        let head = format!(
            "{method} /session{}{path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            self.session,
            self.port,
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).expect("a request");
        let mut reader = BufReader::new(stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            assert!(reader.read_line(&mut line).expect("an answer") > 0, "chromedriver closed the connection");
            if line == "\r\n" {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().expect("a length");
            }
        }
        let mut answer = vec![0; length];
        reader.read_exact(&mut answer).expect("an answer");
        let answer: Value = serde_json::from_slice(&answer).expect("JSON");
        assert!(answer["value"]["error"].is_null(), "{method} {path}: {answer}");
        answer["value"].clone()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Ended by its process id: a driver that is told to end leaves its browser behind.
        let processes = self.process.into_iter().chain([u64::from(self.driver.id())]);
        let words: Vec<String> = processes.map(|process| process.to_string()).collect();
        drop(Command::new("sh").args(["-c", &format!("kill -TERM {}", words.join(" "))]).status());
        let end = Instant::now() + PATIENCE;
        while self.driver.try_wait().is_ok_and(|status| status.is_none()) && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(20));
        }
        drop(self.driver.kill());
        drop(self.driver.wait());
    }
}
