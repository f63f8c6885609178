//! One run of the real binary: what goes in, what must come out.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::scratch;

/// Longest that any run may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// A run that is about to happen, in a clean environment.
#[derive(Clone)]
pub(crate) struct Run {
    folder: std::path::PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    stdin: Vec<u8>,
    patience: Duration,
}

impl Run {
    pub(crate) fn new(folder: &Path, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        let environment = [
            ("PATH", "/usr/local/bin:/usr/bin:/bin".into()),
            ("HOME", folder.as_os_str().to_owned()),
            ("LANG", "C.UTF-8".into()),
            ("HOST_CACHE_DIR", scratch().join("cache").into_os_string()),
        ];
        Self {
            folder: folder.to_owned(),
            arguments: arguments.into_iter().map(|word| word.as_ref().to_owned()).collect(),
            environment: environment.into_iter().map(|(name, value)| (name.into(), value)).collect(),
            stdin: Vec::new(),
            patience: PATIENCE,
        }
    }

    pub(crate) fn arg(mut self, word: impl AsRef<OsStr>) -> Self {
        self.arguments.push(word.as_ref().to_owned());
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.into(), value.as_ref().to_owned()));
        self
    }

    pub(crate) fn stdin(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.stdin = bytes.as_ref().to_owned();
        self
    }

    /// Waits longer than [`PATIENCE`].
    pub(crate) fn patience(mut self, seconds: u64) -> Self {
        self.patience = Duration::from_secs(seconds);
        self
    }

    /// The command itself, for a terminal or a wrapper of its own.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_host"));
        self.prepare(&mut command);
        command.args(&self.arguments);
        command
    }

    /// The same run through another program, such as `sh -c 'ulimit -f 1; exec "$@"' sh`.
    pub(crate) fn through(&self, program: &[&str]) -> Command {
        let mut command = Command::new(program[0]);
        self.prepare(&mut command);
        command.args(&program[1..]).arg(env!("CARGO_BIN_EXE_host")).args(&self.arguments);
        command
    }

    /// A shell's script where the run would happen, for what is around it.
    pub(crate) fn through_shell(&self, script: &str) -> Command {
        let mut command = Command::new("sh");
        self.prepare(&mut command);
        command.args(["-c", script]).env("TERM", "xterm");
        command
    }

    fn prepare(&self, command: &mut Command) {
        command.env_clear().envs(self.environment.iter().map(|(name, value)| (name, value))).current_dir(&self.folder);
    }

    /// Starts it; standard input stays open until [`Started::wait`].
    #[track_caller]
    pub(crate) fn start(&self) -> Started {
        self.start_as(self.command())
    }

    #[track_caller]
    pub(crate) fn start_as(&self, mut command: Command) -> Started {
        let line = self.to_string();
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        let bytes = self.stdin.clone();
        // Writing may fail: a run may end without reading its input.
        let writer = std::thread::spawn(move || drop(stdin.write_all(&bytes)));
        let stdout = collect(child.stdout.take().expect("a pipe"));
        let stderr = collect(child.stderr.take().expect("a pipe"));
        Started { line, child, writer, stdout, stderr, since: Instant::now(), patience: self.patience }
    }

    /// Runs it and checks its exit code.
    #[track_caller]
    pub(crate) fn ends(&self, code: i32) -> Output {
        self.start().wait().ended(code)
    }

    /// Runs it and expects success.
    #[track_caller]
    pub(crate) fn succeeds(&self) -> Output {
        self.ends(0)
    }
}

impl fmt::Display for Run {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("host")?;
        self.arguments.iter().try_for_each(|word| write!(out, " {}", word.to_string_lossy()))
    }
}

fn collect(mut from: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        drop(from.read_to_end(&mut bytes));
        bytes
    })
}

/// A run that is under way.
pub(crate) struct Started {
    line: String,
    child: Child,
    writer: JoinHandle<()>,
    stdout: JoinHandle<Vec<u8>>,
    stderr: JoinHandle<Vec<u8>>,
    since: Instant,
    patience: Duration,
}

impl Started {
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it can be killed");
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("its state").is_none()
    }

    #[track_caller]
    pub(crate) fn wait(mut self) -> Output {
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("its state") {
                break status;
            }
            if self.since.elapsed() > self.patience {
                drop(self.child.kill());
                let stderr = self.stderr.join().expect("stderr");
                panic!("`{}` did not end within {:?}\n{}", self.line, self.patience, String::from_utf8_lossy(&stderr));
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        let took = self.since.elapsed();
        drop(self.writer);
        let bytes = self.stdout.join().expect("stdout");
        let stderr = String::from_utf8_lossy(&self.stderr.join().expect("stderr")).into_owned();
        let stdout = String::from_utf8_lossy(&bytes).into_owned();
        Output { line: self.line, code: status.code(), signal: status.signal(), bytes, stdout, stderr, took }
    }
}

/// How a run ended. Every check answers itself, so that checks chain.
pub(crate) struct Output {
    pub(crate) line: String,
    /// None when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) signal: Option<i32>,
    /// Standard output as it came.
    pub(crate) bytes: Vec<u8>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) took: Duration,
}

impl Output {
    #[track_caller]
    pub(crate) fn ended(self, code: i32) -> Self {
        assert!(self.code == Some(code), "expected exit code {code}\n{self}");
        self
    }

    /// Standard output holds this.
    #[track_caller]
    pub(crate) fn prints(self, text: &str) -> Self {
        assert!(self.stdout.contains(text), "stdout lacks {text:?}\n{self}");
        self
    }

    /// Standard error holds this.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "stderr lacks {text:?}\n{self}");
        self
    }

    /// Neither stream holds this.
    #[track_caller]
    pub(crate) fn lacks(self, text: &str) -> Self {
        assert!(!self.stdout.contains(text) && !self.stderr.contains(text), "{text:?} is told\n{self}");
        self
    }

    /// Standard output is exactly this.
    #[track_caller]
    pub(crate) fn prints_only(self, text: &str) -> Self {
        assert!(self.stdout == text, "stdout is not {text:?}\n{self}");
        self
    }

    /// Standard output is one JSON document.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("stdout is not one JSON document: {error}\n{self}"))
    }
}

impl fmt::Display for Output {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, code, signal, stdout, stderr, took, .. } = self;
        let shorten = |text: &str| text.chars().take(6000).collect::<String>();
        writeln!(out, "$ {line}\nexit code {code:?}, signal {signal:?}, after {took:?}")?;
        write!(out, "--- stdout\n{}\n--- stderr\n{}\n---", shorten(stdout), shorten(stderr))
    }
}
