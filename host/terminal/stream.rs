//! The two file descriptors this program writes to, without a buffer between.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::OnceLock;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::FileType;
use rustix::io::Errno;

/// A pipe that is writable at all takes this many bytes without blocking (POSIX's `PIPE_BUF` on Linux).
const PIPE_CHUNK: usize = 4096;
/// Terminals promise less; a small piece keeps a stopped terminal (Ctrl-S) from blocking the program.
const TERMINAL_CHUNK: usize = 256;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    Stdout,
    Stderr,
}

/// What does not change while the process lives.
struct Facts {
    terminal: bool,
    color: bool,
    /// Bytes that may be written at once after the descriptor said it is writable; none means all.
    chunk: Option<usize>,
}

impl Stream {
    pub fn is_terminal(self) -> bool {
        self.facts().terminal
    }

    pub fn color(self) -> bool {
        self.facts().color
    }

    pub(super) fn fd(self) -> BorrowedFd<'static> {
        static STDOUT: OnceLock<io::Stdout> = OnceLock::new();
        static STDERR: OnceLock<io::Stderr> = OnceLock::new();
        match self {
            Self::Stdout => STDOUT.get_or_init(io::stdout).as_fd(),
            Self::Stderr => STDERR.get_or_init(io::stderr).as_fd(),
        }
    }

    /// Writes everything, waiting for a slow reader.
    pub(super) fn write_all(self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match rustix::io::write(self.fd(), bytes) {
                Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
                Err(Errno::INTR) => {}
                // Somebody who shares the terminal made it non-blocking.
                Err(Errno::AGAIN) => self.wait(None)?,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Writes what can be written without waiting, and answers how much that was.
    pub(super) fn write_some(self, bytes: &[u8]) -> io::Result<usize> {
        let mut done = 0;
        while let Some(rest) = bytes.get(done..).filter(|rest| !rest.is_empty()) {
            let piece = match self.facts().chunk {
                None => rest,
                Some(_) if !self.writable()? => break,
                Some(bound) => rest.get(..bound).unwrap_or(rest),
            };
            match rustix::io::write(self.fd(), piece) {
                Ok(written) => done += written,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(done)
    }

    fn writable(self) -> io::Result<bool> {
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        let mut fds = [PollFd::from_borrowed_fd(self.fd(), PollFlags::OUT)];
        match poll(&mut fds, Some(&now)) {
            // An error or a hang-up counts as writable: the write then tells which it is.
            Ok(ready) => Ok(ready > 0),
            Err(Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn wait(self, timeout: Option<&Timespec>) -> io::Result<()> {
        let mut fds = [PollFd::from_borrowed_fd(self.fd(), PollFlags::OUT)];
        match poll(&mut fds, timeout) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn facts(self) -> &'static Facts {
        static STDOUT: OnceLock<Facts> = OnceLock::new();
        static STDERR: OnceLock<Facts> = OnceLock::new();
        let cell = match self {
            Self::Stdout => &STDOUT,
            Self::Stderr => &STDERR,
        };
        cell.get_or_init(|| self.look())
    }

    fn look(self) -> Facts {
        let terminal = rustix::termios::isatty(self.fd());
        let color = wants_color(terminal, |name| std::env::var(name).ok());
        let kind = rustix::fs::fstat(self.fd()).map(|stat| FileType::from_raw_mode(stat.st_mode));
        let chunk = match kind {
            _ if terminal => Some(TERMINAL_CHUNK),
            Ok(FileType::RegularFile | FileType::CharacterDevice | FileType::BlockDevice) => None,
            _ => Some(PIPE_CHUNK),
        };
        Facts { terminal, color, chunk }
    }
}

/// NO_COLOR wins over CLICOLOR_FORCE, which wins over what the stream is (no-color.org, bixense.com/clicolors).
fn wants_color(terminal: bool, variable: impl Fn(&str) -> Option<String>) -> bool {
    let set = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
    let on = |name: &str| variable(name).is_some_and(|value| !value.is_empty() && value != "0");
    let dumb = variable("TERM").is_some_and(|value| value == "dumb");
    let off = variable("CLICOLOR").is_some_and(|value| value == "0");
    !set("NO_COLOR") && (on("CLICOLOR_FORCE") || (terminal && !dumb && !off))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_needs_a_terminal_unless_forced_and_no_color_wins() {
        type Case = (bool, &'static [(&'static str, &'static str)], bool);
        let cases: [Case; 9] = [
            (true, &[], true),
            (false, &[], false),
            (true, &[("NO_COLOR", "1")], false),
            (true, &[("NO_COLOR", "")], true),
            (false, &[("CLICOLOR_FORCE", "1")], true),
            (false, &[("CLICOLOR_FORCE", "0")], false),
            (false, &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], false),
            (true, &[("TERM", "dumb")], false),
            (true, &[("CLICOLOR", "0")], false),
        ];
        for (terminal, variables, expected) in cases {
            let look = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
            assert_eq!(wants_color(terminal, look), expected, "{terminal} {variables:?}");
        }
    }
}
