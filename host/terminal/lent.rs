//! The person's streams, lent to a program that runs somewhere else: raw bytes in, raw bytes out.
//!
//! What passes here is not the guest's, and is not counted: a dump through a pipe is as long as it is. A program that
//! has a terminal of its own drives ours; of any other one escapes are taken out on a terminal, as of a guest. Reading has a thread of its own, which waits for the descriptor *and* for the end of the
//! loan, so that nothing is read for a program that is gone and a run never waits for a key.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::termios::{OptionalActions, tcgetattr, tcgetwinsize, tcsetattr};
use tokio::sync::mpsc;

use super::escapes::Filter;
use super::{Stream, ask, guest_output};

/// Bytes of one piece of input, and how many pieces may wait: what is typed or piped ahead is bounded.
const PIECE: usize = 64 << 10;
const PIECES: usize = 4;

/// The terminal in raw mode; dropping it puts the terminal back, and so does [`super::restore`].
#[derive(Debug)]
pub struct Raw(());

/// Standard input, piece by piece; dropping it ends the reading.
#[derive(Debug)]
pub struct Input {
    pieces: mpsc::Receiver<Vec<u8>>,
    _end: UnixStream,
}

/// Standard output or error, for what the program prints there.
#[derive(Debug)]
pub struct Output {
    stream: Stream,
    /// Only on a terminal, and not for a program that drives it.
    filter: Option<Filter>,
}

/// Whether a program can have a terminal here: what it prints goes to one, and what it reads, if anything, comes from one.
pub fn is_terminal(reads: bool) -> bool {
    Stream::Stdout.is_terminal() && (!reads || rustix::termios::isatty(io::stdin()))
}

/// Rows and columns, where there is a terminal.
pub fn size() -> Option<(u16, u16)> {
    let size = tcgetwinsize(Stream::Stdout.fd()).ok()?;
    (size.ws_row > 0 && size.ws_col > 0).then_some((size.ws_row, size.ws_col))
}

/// Every key is a byte from now on, Ctrl-C too.
pub fn raw() -> io::Result<Raw> {
    ask::remember_terminal()?;
    let raw = Raw(());
    let mut modes = tcgetattr(io::stdin())?;
    modes.make_raw();
    tcsetattr(io::stdin(), OptionalActions::Now, &modes)?;
    Ok(raw)
}

impl Drop for Raw {
    fn drop(&mut self) {
        ask::restore();
    }
}

impl Input {
    /// Begins to read.
    pub fn open() -> io::Result<Self> {
        let (end, ended) = UnixStream::pair()?;
        let (sender, pieces) = mpsc::channel(PIECES);
        std::thread::Builder::new().name("stdin".to_owned()).spawn(move || read(&ended, &sender))?;
        Ok(Self { pieces, _end: end })
    }

    /// The next bytes; none at the end.
    pub async fn next(&mut self) -> Option<Vec<u8>> {
        self.pieces.recv().await
    }
}

fn read(ended: &UnixStream, pieces: &mpsc::Sender<Vec<u8>>) {
    let stdin = io::stdin();
    loop {
        let mut fds = [PollFd::from_borrowed_fd(ended.as_fd(), PollFlags::IN), PollFd::from_borrowed_fd(stdin.as_fd(), PollFlags::IN)];
        match poll(&mut fds, None) {
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(_) => return,
        }
        let [over, ready] = fds.map(|fd| !fd.revents().is_empty());
        if over {
            return;
        }
        if !ready {
            continue;
        }
        // Past the standard library's buffer: what is read here must be all there is to hand on.
        let mut piece = vec![0; PIECE];
        match rustix::io::read(stdin.as_fd(), &mut piece) {
            Ok(0) => return,
            Ok(count) => {
                piece.truncate(count);
                if pieces.blocking_send(piece).is_err() {
                    return;
                }
            }
            Err(Errno::INTR | Errno::AGAIN) => {}
            // The terminal is gone: no more will come.
            Err(_) => return,
        }
    }
}

impl Output {
    pub fn new(stream: Stream, drives_terminal: bool) -> Self {
        let filter = (stream.is_terminal() && !drives_terminal).then(|| Filter::new(stream.color()));
        Self { stream, filter }
    }

    /// Writes all of it, as fast as the reader takes it.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(filter) = &mut self.filter else { return write(self.stream, bytes).await };
        let mut shown = Vec::with_capacity(bytes.len());
        filter.push(bytes, &mut shown);
        write(self.stream, &shown).await
    }

    /// Ends what the program left open on a terminal.
    pub async fn finish(&mut self) {
        let mut tail = Vec::new();
        if let Some(filter) = &mut self.filter {
            filter.finish(&mut tail);
        }
        // Nobody is there to be told when that fails.
        let _ = write(self.stream, &tail).await;
    }
}

async fn write(stream: Stream, mut bytes: &[u8]) -> io::Result<()> {
    loop {
        let done = stream.write_some(bytes)?;
        bytes = bytes.get(done..).unwrap_or_default();
        if bytes.is_empty() {
            return Ok(());
        }
        guest_output::writable(stream).await;
    }
}
