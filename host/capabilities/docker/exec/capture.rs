//! A program in a container whose output is kept, for a command that wants to know it: bounded in bytes and in time.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};

use super::super::client::Failure;
use super::super::client::raw::Upgraded;
use super::super::types::Error;
use super::super::wit::exec::{Bounds, Captured};
use super::frames::{Channel, Frames};
use super::program::{Program, code_of_refusal};

/// Bytes read from the engine at once.
const PIECE: usize = 64 << 10;
/// SIGKILL: a program whose time is over.
const KILL: i32 = 9;

/// What was kept of both streams.
struct Kept {
    room: usize,
    out: Vec<u8>,
    err: Vec<u8>,
    truncated: bool,
}

/// Runs the program with this input to its end.
pub(in super::super) async fn capture(program: &mut Program, stdin: Vec<u8>, bounds: Bounds) -> Result<Captured, Error> {
    let time = if bounds.time_ms == 0 { Duration::MAX } else { Duration::from_millis(u64::from(bounds.time_ms)) };
    let done = tokio::time::timeout(time, run(program, stdin, bounds)).await;
    if done.is_err() {
        let _ = program.signal(KILL).await;
    }
    program.let_go();
    if let Ok(done) = done {
        return Ok(done?);
    }
    Err(Error::Timeout(format!("the program did not end within {} ms", bounds.time_ms)))
}

async fn run(program: &mut Program, stdin: Vec<u8>, bounds: Bounds) -> Result<Captured, Failure> {
    let room = usize::try_from(bounds.output).unwrap_or(usize::MAX);
    let mut kept = Kept { room, out: Vec::new(), err: Vec::new(), truncated: false };
    let stream = match program.start(None).await {
        Ok(stream) => stream,
        Err(failure) => {
            let Some((exit_code, message)) = code_of_refusal(&failure) else { return Err(failure) };
            kept.take(Channel::Err, message.as_bytes());
            return Ok(kept.with(exit_code));
        }
    };
    let (from, to) = tokio::io::split(stream);
    let tty = program.has_tty();
    tokio::select! {
        () = keep(from, tty, &mut kept) => {}
        () = give(to, &stdin) => {}
    }
    Ok(kept.with(program.ended().await?))
}

/// Reads to the end, also past what is kept: the program must not wait for us.
async fn keep(mut from: ReadHalf<Upgraded>, tty: bool, kept: &mut Kept) {
    let mut frames = Frames::new(tty);
    let mut buffer = vec![0; PIECE];
    loop {
        let count = from.read(&mut buffer).await.unwrap_or(0);
        let mut bytes = buffer.get(..count).unwrap_or_default();
        if bytes.is_empty() {
            return;
        }
        while let Ok(Some((channel, run))) = frames.next(&mut bytes) {
            kept.take(channel, run);
        }
    }
}

/// Never resolves: the connection stays open until the output ends.
async fn give(mut to: WriteHalf<Upgraded>, stdin: &[u8]) {
    // A program that does not read is no failure.
    let _ = to.write_all(stdin).await;
    let _ = to.shutdown().await;
    let _to = to;
    std::future::pending().await
}

impl Kept {
    fn take(&mut self, channel: Channel, run: &[u8]) {
        let fits = run.get(..self.room.min(run.len())).unwrap_or_default();
        self.room -= fits.len();
        self.truncated |= fits.len() < run.len();
        match channel {
            Channel::Out => self.out.extend_from_slice(fits),
            Channel::Err => self.err.extend_from_slice(fits),
        }
    }

    fn with(self, exit_code: i32) -> Captured {
        Captured { exit_code, stdout: self.out, stderr: self.err, truncated: self.truncated }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_kept_up_to_its_bound_over_both_streams() {
        let mut kept = Kept { room: 5, out: Vec::new(), err: Vec::new(), truncated: false };
        kept.take(Channel::Out, b"abc");
        kept.take(Channel::Err, b"de");
        assert!(!kept.truncated);
        kept.take(Channel::Out, b"");
        assert!(!kept.truncated);
        kept.take(Channel::Out, b"f");
        let captured = kept.with(0);
        assert_eq!(
            (captured.stdout.as_slice(), captured.stderr.as_slice(), captured.truncated),
            (b"abc".as_slice(), b"de".as_slice(), true)
        );
    }
}
