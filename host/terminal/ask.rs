//! Questions to the person at the terminal: asked on stderr, answered on stdin, only when both are terminals.
//!
//! Lines are read as the terminal's own line discipline gives them, so that Ctrl-C is a signal, Ctrl-D an end,
//! and a run that is ended in the middle of a question leaves nothing to repair but the echo ([`restore`]).
//! A choice is made with the arrow keys, through `dialoguer`. All of these block; call them off the executor.

use std::io;
use std::sync::{Mutex, PoisonError};

use dialoguer::Select;
use dialoguer::theme::{ColorfulTheme, SimpleTheme, Theme};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use super::{Stream, Tint, beside_bars, paint};

/// Wrong answers to one question before it counts as interrupted.
const TRIES: usize = 10;
/// Bytes of one answer.
const ANSWER_BOUND: usize = 64 * 1024;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// stdin or stderr is no terminal.
    NoTerminal,
    /// Ctrl-C, Ctrl-D, or no answer that makes sense.
    Interrupted,
    Failed(String),
}

pub type Answer<T> = std::result::Result<T, Unanswered>;

/// How the terminal was before a question changed it.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// Whether anybody can be asked.
pub fn possible() -> bool {
    rustix::termios::isatty(io::stdin()) && Stream::Stderr.is_terminal()
}

/// `question [y/N]`, until it is yes or no; an empty line is `default`.
pub fn confirm(question: &str, default: bool) -> Answer<bool> {
    need_terminal()?;
    let choices = if default { "[Y/n]" } else { "[y/N]" };
    for _ in 0..TRIES {
        prompt(&format!("{question} {choices} "));
        match yes_or_no(&read_line()?, default) {
            Some(answer) => return Ok(answer),
            None => prompt("please answer `y` or `n`\n"),
        }
    }
    Err(Unanswered::Interrupted)
}

/// One line; an empty one is `default`, or asked again where there is none.
pub fn text(question: &str, default: Option<&str>) -> Answer<String> {
    need_terminal()?;
    let shown = default.filter(|text| !text.is_empty()).map(|text| format!(" [{text}]")).unwrap_or_default();
    for _ in 0..TRIES {
        prompt(&format!("{question}{shown}: "));
        let line = read_line()?;
        match (line.is_empty(), default) {
            (false, _) => return Ok(line),
            (true, Some(default)) => return Ok(default.to_owned()),
            (true, None) => {}
        }
    }
    Err(Unanswered::Interrupted)
}

/// One line that is not echoed; it may be empty.
pub fn password(question: &str) -> Answer<String> {
    need_terminal()?;
    remember()?;
    let hidden = tcgetattr(io::stdin()).and_then(|mut modes| {
        modes.local_modes.remove(LocalModes::ECHO);
        modes.local_modes.insert(LocalModes::ECHONL);
        tcsetattr(io::stdin(), OptionalActions::Flush, &modes)
    });
    if let Err(error) = hidden {
        restore();
        return Err(Unanswered::Failed(error.to_string()));
    }
    prompt(&format!("{question}: "));
    let line = read_line();
    restore();
    line
}

/// The index of one of `items`, chosen with the arrow keys.
pub fn choice(question: &str, items: &[String], default: usize) -> Answer<usize> {
    need_terminal()?;
    remember()?;
    let colorful = ColorfulTheme::default();
    let theme: &dyn Theme = if Stream::Stderr.color() { &colorful } else { &SimpleTheme };
    let select = Select::with_theme(theme).with_prompt(question).items(items).default(default.min(items.len().saturating_sub(1)));
    let chosen = beside_bars(Stream::Stderr, || select.interact_on_opt(&console::Term::stderr()));
    restore();
    match chosen {
        Ok(Some(index)) => Ok(index),
        Ok(None) => Err(Unanswered::Interrupted),
        Err(dialoguer::Error::IO(error)) => Err(of_io(&error)),
    }
}

/// Puts the terminal back as it was before a question, if one was cut short. Harmless at any time.
pub fn restore() {
    let before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(modes) = before {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &modes);
        if Stream::Stderr.is_terminal() {
            let _ = console::Term::stderr().show_cursor();
        }
    }
}

/// A question will not be answered any more: what follows starts on a line of its own.
pub fn abandon() {
    restore();
    prompt("\n");
}

fn remember() -> Answer<()> {
    remember_terminal().map_err(|error| Unanswered::Failed(error.to_string()))
}

/// Keeps how the terminal is now, for [`restore`].
pub(super) fn remember_terminal() -> io::Result<()> {
    let modes = tcgetattr(io::stdin())?;
    *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = Some(modes);
    Ok(())
}

fn need_terminal() -> Answer<()> {
    if possible() { Ok(()) } else { Err(Unanswered::NoTerminal) }
}

fn prompt(text: &str) {
    let text = match text.split_once('[') {
        Some((question, rest)) if Stream::Stderr.color() => {
            format!("{}[{rest}", paint(Stream::Stderr, Tint::Bold, question))
        }
        _ => text.to_owned(),
    };
    let _ = beside_bars(Stream::Stderr, || Stream::Stderr.write_all(text.as_bytes()));
}

/// A line without its end. The terminal's Ctrl-D on an empty line is an interruption.
fn read_line() -> Answer<String> {
    use io::{BufRead, Read};
    let mut line = String::new();
    let bound = u64::try_from(ANSWER_BOUND).unwrap_or(u64::MAX);
    match io::stdin().lock().take(bound).read_line(&mut line) {
        Ok(0) => {
            prompt("\n");
            Err(Unanswered::Interrupted)
        }
        Ok(_) => Ok(line.trim_end_matches(['\r', '\n']).to_owned()),
        Err(error) => Err(of_io(&error)),
    }
}

fn of_io(error: &io::Error) -> Unanswered {
    match error.kind() {
        io::ErrorKind::Interrupted | io::ErrorKind::UnexpectedEof => Unanswered::Interrupted,
        _ => Unanswered::Failed(error.to_string()),
    }
}

fn yes_or_no(line: &str, default: bool) -> Option<bool> {
    match line.trim().to_ascii_lowercase().as_str() {
        "" => Some(default),
        "y" | "yes" => Some(true),
        "n" | "no" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yes_and_no_are_words_and_an_empty_line_is_the_default() {
        let cases = [
            ("y", false, Some(true)),
            ("YES ", false, Some(true)),
            ("n", true, Some(false)),
            ("No", true, Some(false)),
            ("", true, Some(true)),
            ("", false, Some(false)),
            ("yep", true, None),
            ("ja", false, None),
        ];
        for (line, default, expected) in cases {
            assert_eq!(yes_or_no(line, default), expected, "{line:?}");
        }
    }
}
