//! What the gateway says while it runs: lines for people on stderr, or with `--json` one object a line on stdout.

use serde_json::json;

use crate::terminal;

#[derive(Clone, Copy, Debug)]
pub(super) struct Log {
    pub(super) json: bool,
}

impl Log {
    pub(super) fn info(self, text: &str) {
        if self.json {
            self.line("info", text);
        } else {
            terminal::talk(text);
        }
    }

    pub(super) fn warn(self, text: &str) {
        if self.json {
            self.line("warning", text);
        } else {
            terminal::warn(text);
        }
    }

    /// With `-v`: what clients can cause as often as they like.
    pub(super) fn detail(self, text: &str) {
        if terminal::settings().verbosity == 0 {
            return;
        }
        if self.json {
            self.line("detail", text);
        } else {
            terminal::detail(1, text);
        }
    }

    fn line(self, level: &str, text: &str) {
        terminal::json(&json!({"v": 1, "time": jiff::Timestamp::now().to_string(), "level": level, "message": text}));
    }
}
