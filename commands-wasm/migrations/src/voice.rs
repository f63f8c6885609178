//! [`Talk`] over the SDK.

use std::io::Write as _;

use host_sdk::{Host, Progress, talk, warning};

use crate::failure::Result;
use crate::talk::Talk;

pub struct Voice<'a> {
    host: &'a Host,
    bar: Option<Progress>,
}

impl<'a> Voice<'a> {
    pub fn new(host: &'a Host) -> Self {
        Self { host, bar: None }
    }
}

impl Talk for Voice<'_> {
    /// Nothing with `--json`, where stdout carries one document, nor with `--quiet`.
    fn out(&mut self, text: &str) {
        let settings = self.host.settings();
        if settings.json || settings.quiet {
            return;
        }
        host_sdk::flush();
        let mut stdout = std::io::stdout().lock();
        // A reader who left early has seen enough; the migrations go on.
        let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    }

    fn note(&mut self, text: &str) {
        talk!("{text}");
    }

    fn warn(&mut self, text: &str) {
        warning!("{text}");
    }

    fn confirm(&mut self, question: &str) -> Result<bool> {
        Ok(self.host.confirm(question, false)?)
    }

    fn text(&mut self, question: &str, flag: &str) -> Result<String> {
        Ok(self.host.ask(question, None, flag)?)
    }

    fn working(&mut self, label: &str) -> bool {
        let settings = self.host.settings();
        let drawn = settings.interactive && !settings.quiet && !settings.json;
        self.bar = drawn.then(|| self.host.progress(label, 0));
        drawn
    }

    fn done(&mut self) {
        self.bar = None;
    }
}
