//! A run on a terminal of its own, with somebody who types.

use rexpect::process::WaitStatus;
use rexpect::session::{PtySession, spawn_command};

use super::Run;

/// Longest wait for what must appear, in milliseconds.
const PATIENCE: u64 = 20_000;

pub(crate) struct Terminal {
    session: PtySession,
    seen: String,
}

impl Terminal {
    pub(crate) fn start(run: &Run) -> Self {
        Self::start_as(run.command())
    }

    pub(crate) fn start_as(command: std::process::Command) -> Self {
        Self { session: spawn_command(command, Some(PATIENCE)).expect("a terminal"), seen: String::new() }
    }

    /// The window gets another size.
    #[track_caller]
    pub(crate) fn resizes(&mut self, rows: u16, columns: u16) -> &mut Self {
        let size = rustix::termios::Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        rustix::termios::tcsetwinsize(self.session.process().get_file_handle().expect("the terminal"), size).expect("the size can be set");
        self
    }

    /// Waits until this appears.
    #[track_caller]
    pub(crate) fn sees(&mut self, text: &str) -> &mut Self {
        let before =
            self.session.exp_string(text).unwrap_or_else(|error| panic!("{text:?} does not appear after {:?}: {error}", self.seen));
        self.seen += &before;
        self.seen += text;
        self
    }

    #[track_caller]
    pub(crate) fn types(&mut self, line: &str) -> &mut Self {
        self.session.send_line(line).expect("the terminal takes a line");
        self
    }

    /// Ctrl-C.
    #[track_caller]
    pub(crate) fn interrupts(&mut self) -> &mut Self {
        self.session.send_control('c').expect("the terminal takes Ctrl-C");
        self
    }

    /// Waits for the end; answers everything that appeared.
    #[track_caller]
    pub(crate) fn ends(mut self, code: i32) -> String {
        let rest = self.session.exp_eof().unwrap_or_else(|error| panic!("no end after {:?}: {error}", self.seen));
        self.seen += &rest;
        let status = self.session.process().wait().expect("its state");
        assert!(
            matches!(status, WaitStatus::Exited(_, found) if found == code),
            "expected exit code {code}, found {status:?}\n{}",
            self.seen
        );
        self.seen
    }
}
