//! Data on stdout, talk on stderr. On a terminal every line goes out at once; otherwise stdout is collected up to
//! [`BUFFER_BYTES`], and written before anything is said on stderr, so that the two never change places.

use std::cell::{Cell, RefCell};
use std::fmt::{Arguments, Write as _};
use std::io::Write as _;

use crate::bindings::host::terminal::settings::Settings;
use crate::error::{Error, Result};

const BUFFER_BYTES: usize = 32 * 1024;

thread_local! {
    static PENDING: RefCell<String> = const { RefCell::new(String::new()) };
    static MANNER: Cell<Manner> = const { Cell::new(Manner { immediate: true, quiet: false, verbosity: 0, closed: false }) };
    /// Why stdout took no more, unless its reader went away.
    static FAILURE: RefCell<Option<std::io::Error>> = const { RefCell::new(None) };
}

#[derive(Clone, Copy)]
struct Manner {
    immediate: bool,
    quiet: bool,
    verbosity: u8,
    /// stdout took no more.
    closed: bool,
}

pub(crate) fn begin(settings: &Settings) {
    change(|manner| {
        manner.immediate = settings.interactive;
        manner.quiet = settings.quiet;
        manner.verbosity = settings.verbosity;
    });
}

/// One line of data. Use [`out!`](crate::out).
pub fn data(line: Arguments<'_>) {
    let full = PENDING.with_borrow_mut(|pending| {
        // Writing to a string does not fail.
        let _ = writeln!(pending, "{line}");
        pending.len() >= BUFFER_BYTES
    });
    if full || MANNER.get().immediate {
        flush();
    }
}

/// Something a person may want to know. Use [`talk!`](crate::talk).
pub fn talk(verbosity: u8, line: Arguments<'_>) {
    let manner = MANNER.get();
    if !manner.quiet && manner.verbosity >= verbosity {
        say(&format!("{line}\n"));
    }
}

/// Something is wrong, and the command goes on. Use [`warning!`](crate::warning).
pub fn warning(line: Arguments<'_>) {
    say(&format!("warning: {line}\n"));
}

/// Writes what [`out!`](crate::out) collected: before a long wait, if somebody may be reading.
pub fn flush() {
    // Not while a line is being formatted: a panic inside of that flushes too.
    PENDING.with(|pending| pending.try_borrow_mut().map_or((), |mut pending| write_out(&mut pending)));
}

fn write_out(pending: &mut String) {
    if !pending.is_empty() && !MANNER.get().closed {
        let mut stdout = std::io::stdout().lock();
        if let Err(error) = stdout.write_all(pending.as_bytes()).and_then(|()| stdout.flush()) {
            change(|manner| manner.closed = true);
            if !reader_left(&error) {
                FAILURE.set(Some(error));
            }
        }
    }
    pending.clear();
}

/// `| head -1` is no failure. WASI 0.1 has no number of its own for a stream that was closed: it says EIO.
fn reader_left(error: &std::io::Error) -> bool {
    const WASI_EIO: i32 = 29;
    error.kind() == std::io::ErrorKind::BrokenPipe || (cfg!(target_family = "wasm") && error.raw_os_error() == Some(WASI_EIO))
}

/// A panic ends the component at once: what was collected goes out before.
pub(crate) fn survive_panics() {
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        flush();
        default(panic);
    }));
}

pub(crate) fn say(text: &str) {
    flush();
    // Nowhere is left to tell that stderr is gone.
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// An error when some data did not arrive.
pub(crate) fn finish() -> Result<()> {
    flush();
    match FAILURE.take() {
        Some(error) => Err(Error::failed(format!("failed to write to stdout: {error}"))),
        None => Ok(()),
    }
}

fn change(change: impl FnOnce(&mut Manner)) {
    let mut manner = MANNER.get();
    change(&mut manner);
    MANNER.set(manner);
}

/// A line of data on stdout.
#[macro_export]
macro_rules! out {
    ($($part:tt)*) => { $crate::output::data(format_args!($($part)*)) };
}

/// A line on stderr that a person may want to read; none with `--quiet`.
#[macro_export]
macro_rules! talk {
    ($($part:tt)*) => { $crate::output::talk(0, format_args!($($part)*)) };
}

/// A line on stderr with `-v`: `detail!("...")`, or with more of them: `detail!(2; "...")`.
#[macro_export]
macro_rules! detail {
    ($verbosity:expr; $($part:tt)*) => { $crate::output::talk($verbosity, format_args!($($part)*)) };
    ($($part:tt)*) => { $crate::output::talk(1, format_args!($($part)*)) };
}

/// `warning: ...` on stderr, with `--quiet` too.
#[macro_export]
macro_rules! warning {
    ($($part:tt)*) => { $crate::output::warning(format_args!($($part)*)) };
}
