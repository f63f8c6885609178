//! A guest's stdout and stderr: unbuffered, counted, stripped of escapes on a terminal.
//!
//! A write goes to the descriptor at once as far as it takes it; what a slow reader leaves waits here, at
//! most [`WAITING_BOUND`] bytes, and the guest waits with it, asynchronously: time limits and signals still
//! end the run. No thread is started for any of this.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::AsyncWrite;
use tokio::net::unix::pipe::Sender;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};
use wasmtime_wasi_io::bytes::Bytes;

use super::escapes::Filter;
use super::stream::Stream;

/// What a guest may write at once, as other hosts of WASI allow it.
const PERMIT: usize = 64 * 1024;
/// Bytes that wait for a slow reader: one permit, grown by what replaces broken characters.
const WAITING_BOUND: usize = 4 * PERMIT;

/// Counts the bytes of a guest's stdout and stderr together. Clones count together.
#[derive(Clone, Debug)]
pub struct OutputMeter {
    shared: Arc<Counts>,
}

#[derive(Debug)]
struct Counts {
    bound: u64,
    used: AtomicU64,
    exceeded: AtomicBool,
}

/// The trap of a guest that wrote past its bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("output limit of {bound} bytes reached")]
pub struct OutputLimit {
    pub bound: u64,
}

impl OutputMeter {
    pub fn new(bound: u64) -> Self {
        Self { shared: Arc::new(Counts { bound, used: AtomicU64::new(0), exceeded: AtomicBool::new(false) }) }
    }

    pub fn bound(&self) -> u64 {
        self.shared.bound
    }

    /// Whether the guest was stopped for its output.
    pub fn exceeded(&self) -> bool {
        self.shared.exceeded.load(Ordering::Relaxed)
    }

    /// How many of `wanted` bytes may still be written; fewer than wanted means the bound is passed.
    fn take(&self, wanted: usize) -> usize {
        let before = self.shared.used.fetch_add(wanted as u64, Ordering::Relaxed);
        let left = self.shared.bound.saturating_sub(before);
        let taken = usize::try_from(left).unwrap_or(usize::MAX).min(wanted);
        if taken < wanted {
            self.shared.exceeded.store(true, Ordering::Relaxed);
        }
        taken
    }

    fn limit(&self) -> OutputLimit {
        OutputLimit { bound: self.bound() }
    }
}

/// One of the two streams of a guest, to be given to `WasiCtxBuilder::stdout` or `stderr`. Clones are the same stream.
#[derive(Clone)]
pub struct GuestOutput {
    shared: Arc<Mutex<Shared>>,
    stream: Stream,
}

struct Shared {
    stream: Stream,
    meter: OutputMeter,
    /// Only on a terminal.
    filter: Option<Filter>,
    /// Not yet taken by the descriptor.
    waiting: Vec<u8>,
    closed: bool,
}

impl GuestOutput {
    pub fn new(stream: Stream, meter: OutputMeter) -> Self {
        let filter = stream.is_terminal().then(|| Filter::new(stream.color()));
        let shared = Shared { stream, meter, filter, waiting: Vec::new(), closed: false };
        Self { shared: Arc::new(Mutex::new(shared)), stream }
    }

    pub fn stdout(meter: OutputMeter) -> Self {
        Self::new(Stream::Stdout, meter)
    }

    pub fn stderr(meter: OutputMeter) -> Self {
        Self::new(Stream::Stderr, meter)
    }

    /// Whether the reader went away: a guest that then fails does so for want of a reader.
    pub fn reader_is_gone(&self) -> bool {
        lock(&self.shared).closed
    }

    /// After the guest's end: waits until all is written, and ends what the guest left open on a terminal.
    pub async fn finish(&self) {
        {
            let mut shared = lock(&self.shared);
            let mut tail = Vec::new();
            if let Some(filter) = &mut shared.filter {
                filter.finish(&mut tail);
            }
            shared.waiting.extend_from_slice(&tail);
        }
        drained(&self.shared, self.stream).await;
    }
}

impl IsTerminal for GuestOutput {
    fn is_terminal(&self) -> bool {
        self.stream.is_terminal()
    }
}

impl StdoutStream for GuestOutput {
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }

    /// WASI 0.3 is not linked; nothing calls this.
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(NotOffered)
    }
}

#[async_trait]
impl OutputStream for GuestOutput {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        lock(&self.shared).accept(&bytes)
    }

    /// Nothing is kept back on purpose, so there is nothing to flush.
    fn flush(&mut self) -> StreamResult<()> {
        if lock(&self.shared).closed { Err(StreamError::Closed) } else { Ok(()) }
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        let mut shared = lock(&self.shared);
        shared.push()?;
        Ok(if shared.waiting.is_empty() { PERMIT } else { 0 })
    }

    /// The usual way of a guest to write a line: one call into the system when the reader keeps up.
    async fn blocking_write_and_flush(&mut self, bytes: Bytes) -> StreamResult<()> {
        if !lock(&self.shared).waiting.is_empty() {
            self.ready().await;
        }
        self.write(bytes)?;
        if !lock(&self.shared).waiting.is_empty() {
            self.ready().await;
        }
        self.flush()
    }
}

#[async_trait]
impl Pollable for GuestOutput {
    async fn ready(&mut self) {
        drained(&self.shared, self.stream).await;
    }
}

impl Shared {
    fn accept(&mut self, bytes: &[u8]) -> StreamResult<()> {
        if self.closed {
            return Err(StreamError::Closed);
        }
        if self.waiting.len() + bytes.len() > WAITING_BOUND {
            return Err(StreamError::trap("more was written than the stream had permitted"));
        }
        let allowed = bytes.get(..self.meter.take(bytes.len())).unwrap_or(bytes);
        match &mut self.filter {
            Some(filter) => filter.push(allowed, &mut self.waiting),
            // The usual case writes from the guest's bytes, without a copy.
            None if self.waiting.is_empty() => {
                let done = self.send(allowed)?;
                self.waiting.extend_from_slice(allowed.get(done..).unwrap_or_default());
            }
            None => self.waiting.extend_from_slice(allowed),
        }
        self.push()?;
        if allowed.len() < bytes.len() { Err(StreamError::Trap(wasmtime::Error::new(self.meter.limit()))) } else { Ok(()) }
    }

    /// Writes what waits, as far as the descriptor takes it.
    fn push(&mut self) -> StreamResult<()> {
        if self.closed {
            return Err(StreamError::Closed);
        }
        if self.waiting.is_empty() {
            return Ok(());
        }
        let waiting = std::mem::take(&mut self.waiting);
        let done = self.send(&waiting)?;
        self.waiting = waiting;
        self.waiting.drain(..done);
        Ok(())
    }

    /// A reader that went away closes the stream; the guest sees it and decides what that means.
    fn send(&mut self, bytes: &[u8]) -> StreamResult<usize> {
        let stream = self.stream;
        super::beside_bars(stream, || stream.write_some(bytes)).map_err(|error| {
            self.closed = true;
            match error.kind() {
                std::io::ErrorKind::BrokenPipe => StreamError::Closed,
                _ => StreamError::LastOperationFailed(error.into()),
            }
        })
    }
}

/// Waits until nothing waits any more, or the stream is closed.
async fn drained(shared: &Mutex<Shared>, stream: Stream) {
    loop {
        {
            let mut shared = lock(shared);
            if shared.push().is_err() || shared.waiting.is_empty() {
                return;
            }
        }
        writable(stream).await;
    }
}

/// Resolves when the descriptor may take more. The caller tries again, so a wake-up too many does no harm.
pub(super) async fn writable(stream: Stream) {
    // A descriptor of its own to be watched, so that nothing is changed for those who share the stream.
    match stream.fd().try_clone_to_owned().and_then(Sender::from_owned_fd_unchecked) {
        Ok(watched) => {
            let _ = watched.writable().await;
        }
        // What cannot be watched (a file) is always writable, or so nearly that a pause is enough.
        Err(_) => tokio::time::sleep(Duration::from_millis(2)).await,
    }
}

struct NotOffered;

impl AsyncWrite for NotOffered {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<std::io::Result<usize>> {
        Poll::Ready(Err(std::io::ErrorKind::Unsupported.into()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// What a panic elsewhere left behind is still a valid list of bytes.
fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_may_reach_its_bound_and_not_pass_it() {
        let meter = OutputMeter::new(10);
        let other = meter.clone();
        assert_eq!(meter.take(6), 6);
        assert_eq!(other.take(4), 4);
        assert!(!meter.exceeded());
        assert_eq!(other.take(1), 0);
        assert!(meter.exceeded());
        assert_eq!(meter.take(1), 0);
    }

    #[test]
    fn what_still_fits_is_written_before_the_bound_stops_the_guest() {
        let meter = OutputMeter::new(10);
        assert_eq!(meter.take(12), 10);
        assert!(meter.exceeded());
        assert_eq!(meter.limit().to_string(), "output limit of 10 bytes reached");
    }

    #[test]
    fn past_the_bound_the_guest_is_trapped_with_the_limit_as_cause() {
        let mut shared = lockless(OutputMeter::new(0));
        match shared.accept(b"x") {
            Err(StreamError::Trap(error)) => assert_eq!(error.downcast_ref::<OutputLimit>(), Some(&OutputLimit { bound: 0 })),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_guest_that_ignores_the_permit_is_trapped_and_not_buffered_for() {
        let mut shared = lockless(OutputMeter::new(u64::MAX));
        shared.waiting = vec![b' '; WAITING_BOUND];
        assert!(matches!(shared.accept(b"x"), Err(StreamError::Trap(_))));
    }

    #[test]
    fn a_closed_stream_stays_closed() {
        let mut shared = lockless(OutputMeter::new(u64::MAX));
        shared.closed = true;
        assert!(matches!(shared.accept(b"x"), Err(StreamError::Closed)));
        assert!(matches!(shared.push(), Err(StreamError::Closed)));
    }

    fn lockless(meter: OutputMeter) -> Shared {
        Shared { stream: Stream::Stderr, meter, filter: None, waiting: Vec::new(), closed: false }
    }

    /// Run as a process of its own by the test below, because it needs the real stdout.
    #[tokio::test]
    #[ignore = "the child of another test"]
    async fn child_writes_a_mebibyte_and_keeps_time() {
        if std::env::var_os("WRITE").is_none() {
            return;
        }
        let ticks = tokio::spawn(async {
            let mut ticks = 0_u32;
            loop {
                tokio::time::sleep(Duration::from_millis(10)).await;
                ticks += 1;
                Stream::Stderr.write_all(format!("ticks {ticks}\n").as_bytes()).unwrap();
            }
        });
        let output = GuestOutput::stdout(OutputMeter::new(u64::MAX));
        let mut stream = output.p2_stream();
        for number in 0..256_u32 {
            let line = format!("<{number:04}>").repeat(4096 / 6);
            if stream.blocking_write_and_flush(Bytes::from(line)).await.is_err() {
                Stream::Stderr.write_all(format!("closed {}\n", output.reader_is_gone()).as_bytes()).unwrap();
                break;
            }
        }
        output.finish().await;
        ticks.abort();
    }

    fn child() -> std::process::Child {
        let name = "terminal::guest_output::tests::child_writes_a_mebibyte_and_keeps_time";
        std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", name, "--nocapture", "--quiet"])
            .env("WRITE", "1")
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap()
    }

    #[test]
    fn a_slow_reader_gets_every_byte_and_time_goes_on_meanwhile() {
        use std::io::Read;
        let mut child = child();
        // The pipe is full long before this is over.
        std::thread::sleep(Duration::from_millis(300));
        let (mut out, mut errors) = (String::new(), String::new());
        child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        assert!(child.wait().unwrap().success());
        let expected: String = (0..256).map(|number| format!("<{number:04}>").repeat(4096 / 6)).collect();
        assert!(out.contains(&expected), "{} bytes", out.len());
        assert!(errors.lines().filter(|line| line.starts_with("ticks")).count() >= 10, "{errors}");
    }

    #[test]
    fn a_reader_that_goes_away_closes_the_guests_stream() {
        use std::io::Read;
        let mut child = child();
        let mut first = [0; 1000];
        child.stdout.take().unwrap().read_exact(&mut first).unwrap();
        let mut errors = String::new();
        child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        assert!(errors.contains("closed true"), "{errors}");
        child.wait().unwrap();
    }
}
