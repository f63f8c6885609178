//! A program in a container joined to our own streams.
//!
//! Three things go on at once and none waits for another: what the program prints goes to our stdout and stderr, as fast
//! as those take it (the engine, and then the program, wait for a slow reader); what we read goes to the program until
//! its end; signals and the window's size are handed on. It is over when the program's output ends, when the reader of
//! our stdout went away, or when the person gives up.

use std::io;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::signal::unix::{SignalKind, signal};

use super::super::client::Failure;
use super::super::client::raw::Upgraded;
use super::frames::{Channel, Frames};
use super::program::{Program, Signalled, code_of_refusal};
use crate::gate::Signals;
use crate::terminal::{self, Stream, lent};

/// Bytes read from the engine at once.
const PIECE: usize = 64 << 10;
/// A second Ctrl-C within this time is not for the program, but about it.
const AGAIN: Duration = Duration::from_secs(2);
/// How long one call to the engine for a signal may keep the next one waiting.
const SIGNAL_TIME: Duration = Duration::from_secs(2);
/// An engine takes the window's size only when the program runs: attempts, and the pause that grows with each.
const RESIZES: u32 = 10;
const RESIZE_PAUSE: Duration = Duration::from_millis(10);
const KILL: i32 = 9;
/// How long a program whose output nobody reads may take to end by itself.
const READERLESS: Duration = Duration::from_secs(1);

/// Why it is over.
enum Over {
    /// The program closed its output: it ended, or the engine did.
    OutputEnded,
    /// Nobody reads our stdout any more.
    ReaderGone(io::Error),
    /// The person, or the system, does not want to wait; the exit code, and what to say.
    GivenUp(i32, &'static str),
}

/// Runs the program to its end; the exit code. Dropping it ends the program.
pub(in super::super) async fn attach(program: &mut Program, reads: bool, signals: Signals) -> Result<i32, Failure> {
    let ended = joined(program, reads, signals).await;
    program.let_go();
    ended
}

async fn joined(program: &mut Program, reads: bool, mut signals: Signals) -> Result<i32, Failure> {
    let tty = program.has_tty();
    let stream = match program.start(lent::size().filter(|_| tty)).await {
        Ok(stream) => stream,
        Err(failure) => {
            let Some((code, message)) = code_of_refusal(&failure) else { return Err(failure) };
            terminal::warn(message);
            return Ok(code);
        }
    };
    let mut outputs = [Stream::Stdout, Stream::Stderr].map(|stream| lent::Output::new(stream, tty));
    let over = {
        let raw = if tty && reads { Some(lent::raw().map_err(unusable_terminal)?) } else { None };
        let (from, to) = tokio::io::split(stream);
        let over = tokio::select! {
            over = hand_out(from, tty, &mut outputs) => over,
            over = control(program, tty, &mut signals) => over,
            error = hand_in(to, reads) => return Err(unusable_terminal(error)),
        };
        drop(raw);
        over
    };
    for output in &mut outputs {
        output.finish().await;
    }
    let over = match over {
        Over::OutputEnded => {
            // A program may close its output and go on; signals are for it still.
            tokio::select! {
                biased;
                ended = program.ended() => return ended,
                over = control(program, false, &mut signals) => over,
            }
        }
        over => over,
    };
    match over {
        Over::OutputEnded => program.ended().await,
        Over::ReaderGone(error) => Ok(without_reader(program, &error).await),
        Over::GivenUp(code, words) => {
            terminal::warn(words);
            Ok(code)
        }
    }
}

/// What the program prints, to our stdout and stderr.
async fn hand_out(mut from: ReadHalf<Upgraded>, tty: bool, [out, err]: &mut [lent::Output; 2]) -> Over {
    let mut frames = Frames::new(tty);
    let mut buffer = vec![0; PIECE];
    let mut stderr_is_open = true;
    loop {
        // An error is an end as well: whether the program ended or the engine did is found out by asking.
        let count = from.read(&mut buffer).await.unwrap_or(0);
        let mut bytes = buffer.get(..count).unwrap_or_default();
        if bytes.is_empty() {
            return Over::OutputEnded;
        }
        loop {
            match frames.next(&mut bytes) {
                Ok(Some((Channel::Out, run))) => {
                    if let Err(error) = out.write(run).await {
                        return Over::ReaderGone(error);
                    }
                }
                Ok(Some((Channel::Err, run))) => {
                    stderr_is_open = stderr_is_open && err.write(run).await.is_ok();
                }
                Ok(None) => break,
                Err(_) => return Over::OutputEnded,
            }
        }
    }
}

/// What we read, to the program, and its end. Resolves only when nothing can be read at all.
async fn hand_in(mut to: WriteHalf<Upgraded>, reads: bool) -> io::Error {
    if reads {
        let mut input = match lent::Input::open() {
            Ok(input) => input,
            Err(error) => return error,
        };
        while let Some(piece) = input.next().await {
            // A program that does not read any more is no failure.
            if to.write_all(&piece).await.is_err() || to.flush().await.is_err() {
                break;
            }
        }
        let _ = to.shutdown().await;
    }
    // The other half stays open until the output ends.
    let _to = to;
    std::future::pending().await
}

/// Hands on signals and the window's size.
async fn control(program: &Program, tty: bool, signals: &mut Signals) -> Over {
    let mut resized = signal(SignalKind::window_change()).ok();
    if tty {
        first_size(program).await;
    }
    let mut interrupted: Option<Instant> = None;
    loop {
        let number = tokio::select! {
            number = signals.next() => number,
            () = changed(&mut resized), if tty => {
                if let Some(size) = lent::size() {
                    let _ = program.resize(size).await;
                }
                continue;
            }
        };
        if number == SignalKind::interrupt().as_raw_value() {
            if interrupted.is_some_and(|before| before.elapsed() < AGAIN) {
                return Over::GivenUp(128 + number, "interrupted twice: not waiting for the program in the container, which may still run");
            }
            interrupted = Some(Instant::now());
        }
        match tokio::time::timeout(SIGNAL_TIME, program.signal(number)).await {
            Ok(Ok(Signalled::Impossible)) => {
                return Over::GivenUp(128 + number, "the program in the container cannot be signalled from here and may still run");
            }
            // An engine that is gone is noticed by the end of the output.
            Ok(Ok(Signalled::Sent) | Err(_)) | Err(_) => {}
        }
    }
}

async fn first_size(program: &Program) {
    for attempt in 1..=RESIZES {
        let Some(size) = lent::size() else { return };
        if program.resize(size).await.is_ok() {
            return;
        }
        tokio::time::sleep(RESIZE_PAUSE * attempt).await;
    }
}

async fn changed(resized: &mut Option<tokio::signal::unix::Signal>) {
    let heard = match resized {
        Some(signal) => signal.recv().await.is_some(),
        None => false,
    };
    if !heard {
        std::future::pending::<()>().await;
    }
}

/// Ends a program that writes for nobody, as the system ends one at a broken pipe.
async fn without_reader(program: &Program, error: &io::Error) -> i32 {
    if error.kind() != io::ErrorKind::BrokenPipe {
        terminal::warn(&format!("failed to write to stdout: {error}; the program in the container is ended"));
    }
    let pipe = SignalKind::pipe().as_raw_value();
    // The first process of a container is ended by nothing but SIGKILL where it did not ask for signals.
    for number in [pipe, SignalKind::terminate().as_raw_value(), KILL] {
        let _ = program.signal(number).await;
        if tokio::time::timeout(READERLESS, program.ended()).await.is_ok() {
            break;
        }
    }
    128 + pipe
}

fn unusable_terminal(error: io::Error) -> Failure {
    Failure::Other(format!("failed to use the terminal: {error}"))
}
