//! The only writer of the program: stdout carries data, stderr carries talk.
//!
//! - data: [`line`], [`json`], [`table`]; talk: [`talk`], [`detail`], [`warn`], [`error`].
//! - a guest's own output: [`GuestOutput`], counted by an [`OutputMeter`], stripped of terminal escapes
//!   ([`escapes`]) when it goes to a terminal.
//! - streams lent to a program in a container: [`lent`].
//! - questions: [`ask`]; progress bars live in [`bars`], so that text never runs through them.
//!
//! Nothing here is buffered: what was written is out when the call returns. A reader of stdout that went
//! away ends the data silently; any other failure of stdout is kept for [`finish`], so that it is no success.

pub mod ask;
pub mod escapes;
mod guest_output;
pub mod lent;
mod stream;
mod table;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{OnceLock, PoisonError, RwLock};

use indicatif::MultiProgress;
use serde_json::{Value, json};

pub use self::guest_output::{GuestOutput, OutputLimit, OutputMeter};
pub use self::stream::Stream;
pub use self::table::{Table, width_of};
use crate::outcome::{Ending, Failure, Result};

/// How this process talks, as its arguments say, and those of the command it runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    pub json: bool,
    pub quiet: bool,
    pub verbosity: u8,
}

/// Colour is never the only signal: each tint goes with a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tint {
    Bold,
    Dim,
    Red,
    Green,
    Yellow,
    Cyan,
}

impl Tint {
    fn code(self) -> &'static str {
        match self {
            Self::Bold => "1",
            Self::Dim => "2",
            Self::Red => "1;31",
            Self::Green => "32",
            Self::Yellow => "1;33",
            Self::Cyan => "36",
        }
    }
}

static SETTINGS: RwLock<Settings> = RwLock::new(Settings { json: false, quiet: false, verbosity: 0 });
static BARS: OnceLock<MultiProgress> = OnceLock::new();
/// The first failure of stdout that is not a reader who went away.
static STDOUT_FAILURE: OnceLock<String> = OnceLock::new();
static STDOUT_CLOSED: AtomicBool = AtomicBool::new(false);

/// Before the first call nothing is quiet and nothing is JSON.
pub fn set(settings: Settings) {
    *SETTINGS.write().unwrap_or_else(PoisonError::into_inner) = settings;
}

pub fn settings() -> Settings {
    *SETTINGS.read().unwrap_or_else(PoisonError::into_inner)
}

/// Whether somebody can be asked: a question is shown on stderr and answered on stdin.
pub fn is_interactive() -> bool {
    ask::possible()
}

/// Columns of the terminal that data goes to, 80 without one.
pub fn width() -> u16 {
    console::Term::stdout().size_checked().map_or(80, |(_, columns)| columns)
}

/// Columns of the terminal that talk and progress go to, 80 without one.
pub fn talk_width() -> u16 {
    console::Term::stderr().size_checked().map_or(80, |(_, columns)| columns)
}

/// One line, or several, of data.
pub fn line(text: &str) {
    data(&format!("{text}\n"));
}

/// One JSON document on a line of its own.
pub fn json(value: &Value) {
    line(&value.to_string());
}

/// The rows of a table, columns aligned by their width on the screen.
pub fn table(table: &Table) {
    data(&table.render());
}

/// Something a person may want to know; silent with `--quiet`.
pub fn talk(text: &str) {
    if !settings().quiet {
        say(&clean(text, Stream::Stderr));
    }
}

/// Something a person wants to know with this many `-v`.
pub fn detail(verbosity: u8, text: &str) {
    if settings().verbosity >= verbosity {
        talk(text);
    }
}

/// Something is wrong, and the program goes on. Said with `--quiet` too.
pub fn warn(text: &str) {
    labelled("warning", Tint::Yellow, text);
}

/// A line that cures what was just said.
pub fn hint(text: &str) {
    labelled("hint", Tint::Cyan, text);
}

/// The end of a program that failed: `error: ...` and its hints on stderr, or one JSON document on stdout.
pub fn error(failure: &Failure) {
    if settings().json {
        json(&error_document(failure));
        return;
    }
    labelled("error", Tint::Red, &failure.message);
    for text in &failure.hints {
        hint(text);
    }
}

/// What `clap` has to say: help and version are data, a usage error is an error. Answers the exit code.
pub fn usage(error: &clap::Error) -> u8 {
    let rendered = error.render();
    if !error.use_stderr() {
        let text = if Stream::Stdout.color() { rendered.ansi().to_string() } else { rendered.to_string() };
        data(&text);
        return Ending::Ok.code();
    }
    // The arguments could not be read, so this is all that is known of them.
    if std::env::args_os().any(|argument| argument == "--json") {
        json(&error_document(&Failure::usage(rendered.to_string().trim_start_matches("error: ").trim_end())));
    } else {
        let text = if Stream::Stderr.color() { rendered.ansi().to_string() } else { rendered.to_string() };
        say(clean(&text, Stream::Stderr).trim_end());
    }
    Ending::Usage.code()
}

/// Version 1 of what `--json` prints for a failure.
pub fn error_document(failure: &Failure) -> Value {
    json!({
        "v": 1,
        "error": {
            "ending": failure.ending.word(),
            "exit_code": failure.ending.code(),
            "message": failure.message,
            "hints": failure.hints,
        },
    })
}

/// Whether all data arrived. A reader who went away (`| head -1`) is no failure.
pub fn finish() -> Result<()> {
    match STDOUT_FAILURE.get() {
        Some(text) => Err(Failure::failed(format!("failed to write to stdout: {text}"))),
        None => Ok(()),
    }
}

/// `text` in colour, where the stream can show it.
pub fn paint(stream: Stream, tint: Tint, text: &str) -> String {
    if stream.color() { format!("\u{1b}[{}m{text}\u{1b}[0m", tint.code()) } else { text.to_owned() }
}

/// The progress bars of this process, on stderr. Whoever draws must draw through it.
pub fn bars() -> &'static MultiProgress {
    BARS.get_or_init(MultiProgress::new)
}

/// Puts the terminal back in order when a run ends in the middle of a question or of progress.
pub fn restore() {
    ask::restore();
    if let Some(bars) = BARS.get() {
        let _ = bars.clear();
    }
}

/// Runs `write` while no progress bar is on the screen.
fn beside_bars<T>(stream: Stream, write: impl FnOnce() -> T) -> T {
    match BARS.get() {
        Some(bars) if stream.is_terminal() => bars.suspend(write),
        _ => write(),
    }
}

fn data(text: &str) {
    if STDOUT_CLOSED.load(Ordering::Relaxed) {
        return;
    }
    let text = clean(text, Stream::Stdout);
    if let Err(error) = beside_bars(Stream::Stdout, || Stream::Stdout.write_all(text.as_bytes())) {
        STDOUT_CLOSED.store(true, Ordering::Relaxed);
        if error.kind() != std::io::ErrorKind::BrokenPipe {
            let _ = STDOUT_FAILURE.set(error.to_string());
        }
    }
}

fn labelled(label: &str, tint: Tint, text: &str) {
    let label = paint(Stream::Stderr, tint, &format!("{label}:"));
    say(&format!("{label} {}", clean(text, Stream::Stderr)));
}

/// Nobody can be told that stderr is gone.
fn say(text: &str) {
    let _ = beside_bars(Stream::Stderr, || Stream::Stderr.write_all(format!("{text}\n").as_bytes()));
}

/// Messages carry file names, database errors and guests' words: on a terminal they may not steer it.
fn clean(text: &str, stream: Stream) -> String {
    if stream.is_terminal() { escapes::strip_keeping_color(text, stream.color()) } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_as_json_carries_version_ending_code_message_and_hints() {
        let failure = Failure::new(Ending::Denied, "`x` may not read `y`").hint("add z");
        let expected = r#"{"v":1,"error":{"ending":"denied","exit_code":4,"message":"`x` may not read `y`","hints":["add z"]}}"#;
        assert_eq!(error_document(&failure).to_string(), expected);
    }

    #[test]
    fn without_a_terminal_nothing_is_painted() {
        // Under the test harness colour depends on the environment, so the two forms are what is stated.
        let painted = paint(Stream::Stderr, Tint::Red, "x");
        assert_eq!(painted, if Stream::Stderr.color() { "\u{1b}[1;31mx\u{1b}[0m" } else { "x" });
    }
}
