//! `.host/broadcast/RUN.json`: what an interrupted broadcast leaves, so that another run can go on.
//!
//! Written in one step and readable by its owner only; gone when everything was sent. The file of a run that was resumed
//! only names the run that did it. It holds labels and channel names: they never reach a guest.

use std::io;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::error::invalid;
use super::limits;
use super::plan::Reached;
use super::types::Error;
use crate::own_folder::OwnFolder;

const VERSION: u32 = 1;

/// What goes on in another run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Saved {
    pub(super) v: u32,
    /// `drop` or `reload`.
    pub(super) power: String,
    pub(super) patterns: Vec<String>,
    /// Seconds since 1970, as bits: who joined later is not part of it.
    pub(super) began: u64,
    /// What is left of `max`.
    pub(super) max: Option<u64>,
    /// Microseconds between messages; 0 without a pace.
    pub(super) pause_us: u64,
    pub(super) jitter_percent: u8,
    pub(super) reached: Reached,
}

impl Saved {
    pub(super) fn version() -> u32 {
        VERSION
    }
}

#[derive(Serialize, Deserialize)]
struct Resumed {
    v: u32,
    resumed_by: String,
}

/// The folder, and what broadcasts of this run are called.
pub(super) struct Runs {
    folder: OwnFolder,
    run_id: String,
    started: u32,
}

impl Runs {
    pub(super) fn new(folder: OwnFolder, run_id: String) -> Self {
        Self { folder, run_id, started: 0 }
    }

    /// The file of a broadcast that begins; nothing is written yet.
    pub(super) fn begin(&mut self) -> RunFile {
        self.started += 1;
        let token = match self.started {
            1 => self.run_id.clone(),
            number => format!("{}.{number}", self.run_id),
        };
        RunFile { folder: self.folder.clone(), token }
    }

    /// What an interrupted broadcast left.
    pub(super) fn open(&self, token: &str) -> Result<Saved, Error> {
        let named = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
        if token.is_empty() || token.len() > 64 || token.starts_with('.') || !token.bytes().all(named) {
            return Err(invalid(format!("{token:?} is no id of a run; hint: `host runs` lists them")));
        }
        let text = self.folder.read_text(&name(token), limits::RUN_BYTES).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => invalid(format!(
                "run `{token}` left nothing to resume: it was finished, or it sent nothing; hint: `host show {token}` says what it did"
            )),
            _ => Error::Other(format!("the file of run `{token}` cannot be read: {error}")),
        })?;
        if let Ok(resumed) = serde_json::from_str::<Resumed>(&text) {
            return Err(invalid(format!("run `{token}` was resumed by run `{0}`; hint: go on with --resume {0}", resumed.resumed_by)));
        }
        let saved = serde_json::from_str::<Saved>(&text).ok().filter(|saved| saved.v == VERSION);
        saved.ok_or_else(|| Error::Other(format!("the file of run `{token}` was not written by this version of the host")))
    }

    /// Says in the file of a run that was resumed who did it, so that nobody is sent to twice.
    pub(super) fn hand_over(&self, token: &str, to: &RunFile) -> io::Result<()> {
        let resumed = Resumed { v: VERSION, resumed_by: to.token.clone() };
        self.folder.replace(&name(token), &serde_json::to_vec(&resumed)?)
    }

    /// Nothing was left of it.
    pub(super) fn forget(&self, token: &str) {
        // One that stays says no more than what is true: nobody is left.
        let _ = self.folder.remove(&name(token));
    }

    /// Forgets what nobody resumed for long.
    pub(super) fn forget_old(&self) {
        let age = |name: &str| {
            let changed = self.folder.read(name).and_then(|file| file.metadata()?.modified()).ok()?;
            SystemTime::now().duration_since(changed).ok()
        };
        for old in self.folder.names().iter().filter(|name| age(name).is_some_and(|age| age > limits::RUN_AGE)) {
            // What stays is found again by the next broadcast.
            let _ = self.folder.remove(old);
        }
    }
}

/// The file of one broadcast.
pub(super) struct RunFile {
    folder: OwnFolder,
    token: String,
}

impl RunFile {
    /// What `resume` takes.
    pub(super) fn token(&self) -> &str {
        &self.token
    }

    pub(super) fn save(&self, saved: &Saved) -> io::Result<()> {
        self.folder.replace(&name(&self.token), &serde_json::to_vec(saved)?)
    }

    pub(super) fn remove(&self) {
        // One that stays says no more than what is true: nobody is left.
        let _ = self.folder.remove(&name(&self.token));
    }
}

fn name(token: &str) -> String {
    format!("{token}.json")
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn saved() -> Saved {
        Saved {
            v: VERSION,
            power: "drop".to_owned(),
            patterns: vec!["a\n*".to_owned()],
            began: 1_763_705_809.25_f64.to_bits(),
            max: Some(7),
            pause_us: 2_000,
            jitter_percent: 30,
            reached: Reached { queues: [("a".to_owned(), "q!".to_owned())].into(), ..Reached::default() },
        }
    }

    fn refusal(error: Error) -> String {
        match error {
            Error::InvalidArgument(text) => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_was_left_is_read_back_and_only_its_owner_may_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut runs = Runs::new(OwnFolder::new(folder.path(), "broadcast"), "0193-a".to_owned());
        let file = runs.begin();
        file.save(&saved()).unwrap();
        assert_eq!(runs.open("0193-a").unwrap(), saved());
        let path = folder.path().join("broadcast/0193-a.json");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
        file.remove();
        assert!(refusal(runs.open("0193-a").unwrap_err()).contains("left nothing to resume"));
        assert_eq!(runs.begin().token(), "0193-a.2");
    }

    #[test]
    fn a_run_that_was_resumed_names_who_did_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = Runs::new(OwnFolder::new(folder.path(), ""), "a".to_owned());
        first.begin().save(&saved()).unwrap();
        let mut second = Runs::new(OwnFolder::new(folder.path(), ""), "b".to_owned());
        let file = second.begin();
        second.hand_over("a", &file).unwrap();
        assert!(refusal(second.open("a").unwrap_err()).contains("resumed by run `b`"));
    }

    #[test]
    fn an_id_cannot_lead_out_of_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("x.json"), serde_json::to_string(&saved()).unwrap()).unwrap();
        let runs = Runs::new(OwnFolder::new(folder.path(), "broadcast"), "a".to_owned());
        for token in ["../x", "..", "", ".x", "a/b", "a\0b", "a\nb", &"a".repeat(65)] {
            assert!(refusal(runs.open(token).unwrap_err()).contains("no id of a run"), "{token:?}");
        }
    }

    #[test]
    fn only_old_files_are_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let mut runs = Runs::new(OwnFolder::new(folder.path(), ""), "a".to_owned());
        runs.begin().save(&saved()).unwrap();
        let old = folder.path().join("old.json");
        fs::write(&old, "{}").unwrap();
        let long_ago = SystemTime::now() - limits::RUN_AGE - std::time::Duration::from_secs(60);
        File::options().write(true).open(&old).unwrap().set_modified(long_ago).unwrap();
        runs.forget_old();
        assert!(!old.exists() && runs.open("a").is_ok());
    }

    #[test]
    fn a_file_of_something_else_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let runs = Runs::new(OwnFolder::new(folder.path(), ""), "a".to_owned());
        for text in ["", "{}", "[1]", &serde_json::to_string(&saved()).unwrap().replace("\"v\":1", "\"v\":9")] {
            fs::write(folder.path().join("a.json"), text).unwrap();
            assert!(matches!(runs.open("a"), Err(Error::Other(_))), "{text}");
        }
    }
}
