//! A run whose standard streams are in the test's hands, while it goes on.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Stdio};

use super::Run;

pub(crate) struct Piped {
    pub(crate) child: Child,
    pub(crate) out: BufReader<ChildStdout>,
}

impl Piped {
    #[track_caller]
    pub(crate) fn start(run: &Run) -> Self {
        let mut child =
            run.command().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
        let out = BufReader::new(child.stdout.take().expect("a pipe"));
        Self { child, out }
    }

    /// The next line that it prints.
    #[track_caller]
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).expect("a line");
        line.trim_end().to_owned()
    }

    /// Its exit code (-1: a signal), and the rest of what it printed and said.
    #[track_caller]
    pub(crate) fn ends(mut self) -> (i32, String, String) {
        drop(self.child.stdin.take());
        let (mut out, mut err) = (String::new(), String::new());
        self.out.read_to_string(&mut out).expect("text");
        self.child.stderr.take().expect("a pipe").read_to_string(&mut err).expect("text");
        (self.child.wait().expect("its state").code().unwrap_or(-1), out, err)
    }
}
