//! The `.host` folder: journals and locks of this project, for its owner only, never committed.

use std::fs::{self, DirBuilder};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::own_folder::OwnFolder;

/// Journals kept; `host runs` removes older ones.
pub const JOURNALS_KEPT: usize = 1000;

const FOLDER_NAME: &str = ".host";
const JOURNAL_ENDING: &str = ".jsonl";

#[derive(Clone, Debug)]
pub struct State {
    root: PathBuf,
}

impl State {
    /// Of the project in `root`. Nothing is created.
    pub fn of(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    pub fn folder(&self) -> PathBuf {
        self.root.join(FOLDER_NAME)
    }

    /// One file a run, `RUN.jsonl`.
    pub fn journals(&self) -> OwnFolder {
        self.own("journal")
    }

    /// Lock files for databases that have no locks of their own.
    pub fn locks(&self) -> OwnFolder {
        self.own("locks")
    }

    /// What interrupted broadcasts left for the runs that resume them.
    pub fn broadcasts(&self) -> OwnFolder {
        self.own("broadcast")
    }

    fn own(&self, name: &str) -> OwnFolder {
        OwnFolder::new(&self.root, Path::new(FOLDER_NAME).join(name))
    }

    /// Makes the folder, with a `.gitignore` that keeps it out of every commit. One system call when it is there.
    pub fn create(&self) -> std::io::Result<()> {
        match DirBuilder::new().mode(0o700).create(self.folder()) {
            Ok(()) => fs::write(self.folder().join(".gitignore"), "*\n"),
            // A file or a dangling link of that name fails when it is used, with a better message.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// A new run's id: sorts by time.
    pub fn new_run_id() -> String {
        uuid::Uuid::now_v7().to_string()
    }

    /// Ids of all runs that have a journal, newest first.
    pub fn runs(&self) -> Vec<String> {
        let id = |name: String| name.strip_suffix(JOURNAL_ENDING).map(str::to_owned);
        let mut runs: Vec<_> = self.journals().names().into_iter().filter_map(id).collect();
        runs.sort_unstable_by(|one, other| other.cmp(one));
        runs
    }

    /// The name of its file among [`State::journals`].
    pub fn journal(run: &str) -> String {
        format!("{run}{JOURNAL_ENDING}")
    }

    /// Removes all journals but the newest `keep`; answers how many went. A run that is still going on is
    /// among the newest.
    pub fn prune(&self, keep: usize) -> usize {
        let journals = self.journals();
        self.runs().iter().skip(keep).filter(|run| journals.remove(&Self::journal(run)).is_ok()).count()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_folder_is_private_and_ignored_by_git() {
        let root = tempfile::tempdir().unwrap();
        let state = State::of(root.path());
        state.create().unwrap();
        state.create().unwrap();
        assert_eq!(fs::metadata(state.folder()).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::read_to_string(state.folder().join(".gitignore")).unwrap(), "*\n");
    }

    #[test]
    fn run_ids_sort_by_time() {
        let ids: Vec<_> = (0..100).map(|_| State::new_run_id()).collect();
        assert!(ids.is_sorted());
    }

    #[test]
    fn pruning_keeps_the_newest() {
        let root = tempfile::tempdir().unwrap();
        let state = State::of(root.path());
        for name in ["1.jsonl", "2.jsonl", "3.jsonl", "4.jsonl", "other.txt"] {
            state.journals().create_new(name).unwrap();
        }
        assert_eq!(state.runs(), ["4", "3", "2", "1"]);
        assert_eq!(state.prune(2), 2);
        assert_eq!(state.runs(), ["4", "3"]);
        assert_eq!(state.prune(2), 0);
    }
}
