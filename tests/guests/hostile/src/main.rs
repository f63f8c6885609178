//! Misbehaves in the way its first argument names; each test names one. Reads its arguments itself, so that
//! nothing stands between a test and the host.

mod calls;
mod files;
mod limits;

use std::io::{Read, Write};
use std::process::ExitCode;
use std::time::Duration;

host_sdk::embed_manifest!();

/// What went wrong, in one line.
type Outcome = Result<(), String>;

fn main() -> ExitCode {
    host_sdk::call_constructors();
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match behave(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            // A test reads it; nowhere is left to tell that it failed.
            let _ = writeln!(std::io::stderr(), "error: {text}");
            ExitCode::FAILURE
        }
    }
}

fn behave(words: &[&str]) -> Outcome {
    match *words {
        ["args", ref rest @ ..] => lines(rest.iter().copied()),
        ["env"] => lines(std::env::vars().map(|(name, value)| format!("{name}={value}"))),
        ["cat" | "stdin-echo"] => cat(),
        ["exit", code] => {
            host_sdk::host::command::run::exit(number(code)?);
            Ok(())
        }
        ["panic"] => panic_now(),
        ["loop"] => limits::spin(),
        ["sleep"] => sleep(u64::MAX / 2),
        ["sleep", milliseconds] => sleep(number(milliseconds)?),
        ["memory"] => limits::memory(u64::MAX),
        ["memory", mebibytes] => limits::memory(number(mebibytes)?),
        ["recurse"] => limits::recurse(),
        ["flood" | "flood-stdout"] => limits::flood(std::io::stdout(), u64::MAX),
        ["flood" | "flood-stdout", bytes] => limits::flood(std::io::stdout(), number(bytes)?),
        ["flood-stderr"] => limits::flood(std::io::stderr(), u64::MAX),
        ["flood-stderr", bytes] => limits::flood(std::io::stderr(), number(bytes)?),
        ["leak-files", path] => limits::leak(|| std::fs::File::open(path).map_err(|error| error.to_string())),
        ["leak-bars"] => limits::leak(|| Ok(calls::bar())),
        ["leak-sockets"] => limits::leak(calls::socket),
        ["escapes"] => escapes(),
        ["huge-string", mebibytes] => calls::huge_string(number(mebibytes)?),
        ["spin-host-call"] => calls::spin_host_call(),
        ["config", key] => calls::config(key),
        ["confirm"] => calls::confirm(),
        ["about"] => calls::about(),
        ["connect-tcp", address] => calls::connect_tcp(address),
        ["resolve", name] => calls::resolve(name),
        [action, ref paths @ ..] => files::act(action, paths),
        [] => Err("no behaviour was named".to_owned()),
    }
}

fn number<T: std::str::FromStr>(word: &str) -> Result<T, String> {
    word.parse().map_err(|_| format!("`{word}` is no number that fits"))
}

fn lines(lines: impl Iterator<Item = impl std::fmt::Display>) -> Outcome {
    let mut stdout = std::io::stdout().lock();
    for line in lines {
        writeln!(stdout, "{line}").map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Each piece goes out as it comes.
fn cat() -> Outcome {
    let mut buffer = vec![0; 64 * 1024];
    let (mut stdin, mut stdout) = (std::io::stdin().lock(), std::io::stdout().lock());
    loop {
        let length = stdin.read(&mut buffer).map_err(|error| error.to_string())?;
        if length == 0 {
            return Ok(());
        }
        let piece = buffer.get(..length).unwrap_or_default();
        stdout.write_all(piece).and_then(|()| stdout.flush()).map_err(|error| error.to_string())?;
    }
}

fn sleep(milliseconds: u64) -> Outcome {
    std::thread::sleep(Duration::from_millis(milliseconds));
    lines(std::iter::once("awake"))
}

/// Colour, a new title, a moved cursor, a cleared screen, a rewritten line, an answer-back, a link; C1 codes too.
fn escapes() -> Outcome {
    let text = "red \u{1b}[31mred\u{1b}[0m, title \u{1b}]0;owned\u{7}, up \u{1b}[2A, clear \u{1b}[2J, back 12345\u{8}\u{8}\rrewritten, ask \u{1b}[c, \
                link \u{1b}]8;;http://example.invalid\u{1b}\\here\u{1b}]8;;\u{1b}\\, c1 \u{9b}31m, over \u{202e}txet, end";
    let _ = writeln!(std::io::stderr(), "{text}");
    lines(std::iter::once(text))
}

#[expect(clippy::panic, reason = "the behaviour that is asked for")]
fn panic_now() -> Outcome {
    panic!("the guest panicked as asked")
}
