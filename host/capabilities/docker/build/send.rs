//! The context on its way to the engine: a thread reads files and writes tar, the connection takes it piece by piece.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use hyper::body::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::super::jobs::Reporter;
use super::super::types::Event;
use super::context::{Context, Note};

/// Bytes of one piece, and pieces that wait for the engine: the whole of what a context takes of memory.
const PIECE: usize = 64 << 10;
const PIECES: usize = 4;
/// Between two events that say how much was sent.
const PAUSE: Duration = Duration::from_millis(200);
/// The id of events about the context.
const CONTEXT: &str = "context";

/// Begins to send; the task answers whether all could be read.
pub(super) fn send(context: Context, reporter: Reporter) -> (mpsc::Receiver<io::Result<Bytes>>, JoinHandle<io::Result<()>>) {
    let (pieces, body) = mpsc::channel(PIECES);
    let task = tokio::task::spawn_blocking(move || {
        let failed = pieces.clone();
        let notes = reporter.clone();
        let pipe = Pipe { pieces, waiting: Vec::with_capacity(PIECE), sent: 0, told: Instant::now(), reporter };
        let done = context.write_tar(pipe, |note| notes.say(event(words(note), 0)));
        if let Err(error) = &done {
            // A tar that breaks off must not pass for a whole one.
            let _ = failed.blocking_send(Err(io::Error::new(error.kind(), "the context could not be read")));
        }
        done
    });
    (body, task)
}

fn words(note: Note) -> String {
    match note {
        Note::Private(path) => format!("warning: `{path}` is part of the context; `.dockerignore` can leave it out"),
        Note::Skipped(path) => format!("`{path}` is no file, folder or link, and is not sent"),
    }
}

fn event(text: String, current: u64) -> Event {
    Event { id: CONTEXT.to_owned(), text, current, total: 0 }
}

/// Collects what is written into pieces.
struct Pipe {
    pieces: mpsc::Sender<io::Result<Bytes>>,
    waiting: Vec<u8>,
    sent: u64,
    told: Instant,
    reporter: Reporter,
}

impl Pipe {
    fn hand_on(&mut self) -> io::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.waiting, Vec::with_capacity(PIECE));
        self.sent += u64::try_from(piece.len()).unwrap_or(0);
        // The engine, or whoever waited for the build, does not want more.
        self.pieces.blocking_send(Ok(piece.into())).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = PIECE - self.waiting.len();
        let taken = bytes.get(..room.min(bytes.len())).unwrap_or_default();
        self.waiting.extend_from_slice(taken);
        if self.waiting.len() == PIECE {
            self.hand_on()?;
            if self.told.elapsed() > PAUSE {
                self.told = Instant::now();
                self.reporter.say(event("sending".to_owned(), self.sent));
            }
        }
        Ok(taken.len())
    }

    /// The last of it.
    fn flush(&mut self) -> io::Result<()> {
        self.hand_on()?;
        self.reporter.say(event("sent".to_owned(), self.sent));
        Ok(())
    }
}
