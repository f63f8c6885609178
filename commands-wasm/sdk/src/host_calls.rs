//! What a command may ask of this run: its settings, questions, progress, configuration.

use std::time::Duration;

use serde::Serialize;

pub use crate::bindings::host::terminal::settings::Settings;

use crate::bindings::host::command::run;
use crate::bindings::host::terminal::{progress, prompt};
use crate::bindings::wasi::config::store;
use crate::ending::Ending;
use crate::error::{Error, Result};
use crate::output;

/// This run. Its options `--yes`, `--no-input`, `--json`, `--quiet` and `-v` are already known to it.
#[derive(Debug)]
pub struct Host {
    name: String,
    settings: Settings,
}

impl Host {
    pub(crate) fn new(name: String, settings: Settings) -> Self {
        Self { name, settings }
    }

    /// Name the command was called by.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// `--json`: stdout carries one JSON document.
    pub fn wants_json(&self) -> bool {
        self.settings.json
    }

    /// Id of this run, as `host show` takes it.
    pub fn run_id(&self) -> String {
        run::run_id()
    }

    /// The project's name.
    pub fn project(&self) -> String {
        run::project()
    }

    /// Until the run's time is over.
    pub fn time_left(&self) -> Duration {
        Duration::from_millis(run::time_left_ms())
    }

    /// `commands.NAME.config.KEY` of host.toml.
    pub fn config(&self, key: &str) -> Result<Option<String>> {
        Ok(store::get(key)?)
    }

    /// Writes `body`, a struct or map, as one line of JSON with `"v":1` before its fields.
    pub fn json(&self, body: &impl Serialize) -> Result<()> {
        let text = serde_json::to_string(body)?;
        let Some(fields) = text.strip_prefix('{') else {
            return Err(Error::failed("a JSON document of a command is an object"));
        };
        let comma = if fields == "}" { "" } else { "," };
        output::data(format_args!("{{\"v\":1{comma}{fields}"));
        Ok(())
    }

    /// Yes or no; yes with `--yes`.
    pub fn confirm(&self, question: &str, default: bool) -> Result<bool> {
        output::flush();
        Ok(prompt::confirm(question, default, "--yes")?)
    }

    /// Goes on after a yes, and ends the command with exit code 5 otherwise.
    pub fn require_yes(&self, question: &str) -> Result<()> {
        match self.confirm(question, false)? {
            true => Ok(()),
            false => Err(Error::new(Ending::Unconfirmed, "not confirmed: nothing was done")),
        }
    }

    /// A line of text. `flag` is the option that answers without a terminal: `--confirm-name NAME`.
    pub fn ask(&self, question: &str, default: Option<&str>, flag: &str) -> Result<String> {
        output::flush();
        Ok(prompt::text(question, default, flag)?)
    }

    /// A line that is not shown while it is typed.
    pub fn ask_password(&self, question: &str, flag: &str) -> Result<String> {
        output::flush();
        Ok(prompt::password(question, flag)?)
    }

    /// The index of the chosen item.
    pub fn choose(&self, question: &str, items: &[String], default: usize, flag: &str) -> Result<usize> {
        output::flush();
        let default = u32::try_from(default).unwrap_or_default();
        let chosen = prompt::choice(question, items, default, flag)?;
        Ok(usize::try_from(chosen).unwrap_or_default())
    }

    /// A progress bar on stderr, a spinner when `total` is 0; gone when it is dropped.
    pub fn progress(&self, label: &str, total: u64) -> Progress {
        Progress { bar: progress::Bar::new(label, total) }
    }
}

/// A progress bar.
#[derive(Debug)]
pub struct Progress {
    bar: progress::Bar,
}

impl Progress {
    pub fn advance(&self, by: u64) {
        self.bar.advance(by);
    }

    pub fn message(&self, text: &str) {
        self.bar.set_message(text);
    }
}
