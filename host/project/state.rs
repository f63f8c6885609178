//! The `.host` folder: journals and locks of this project, for its owner only, never committed.

use std::fs::{self, DirBuilder};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// Journals kept; `host runs` removes older ones.
pub const JOURNALS_KEPT: usize = 1000;

const FOLDER_NAME: &str = ".host";
const JOURNAL_ENDING: &str = ".jsonl";

#[derive(Clone, Debug)]
pub struct State {
    folder: PathBuf,
}

impl State {
    /// Of the project in `root`. Nothing is created.
    pub fn of(root: &Path) -> Self {
        Self { folder: root.join(FOLDER_NAME) }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// One file a run, `RUN.jsonl`.
    pub fn journal_folder(&self) -> PathBuf {
        self.folder.join("journal")
    }

    /// Lock files for databases that have no locks of their own.
    pub fn lock_folder(&self) -> PathBuf {
        self.folder.join("locks")
    }

    /// What interrupted broadcasts left for the runs that resume them.
    pub fn broadcast_folder(&self) -> PathBuf {
        self.folder.join("broadcast")
    }

    /// Makes the folder, with a `.gitignore` that keeps it out of every commit. One system call when it is there.
    pub fn create(&self) -> std::io::Result<()> {
        match DirBuilder::new().mode(0o700).create(&self.folder) {
            Ok(()) => fs::write(self.folder.join(".gitignore"), "*\n"),
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
        let Ok(listing) = fs::read_dir(self.journal_folder()) else { return Vec::new() };
        let id = |entry: fs::DirEntry| entry.file_name().to_str().and_then(|name| name.strip_suffix(JOURNAL_ENDING)).map(str::to_owned);
        let mut runs: Vec<_> = listing.filter_map(std::result::Result::ok).filter_map(id).collect();
        runs.sort_unstable_by(|one, other| other.cmp(one));
        runs
    }

    pub fn journal(&self, run: &str) -> PathBuf {
        self.journal_folder().join(format!("{run}{JOURNAL_ENDING}"))
    }

    /// Removes all journals but the newest `keep`; answers how many went. A run that is still going on is
    /// among the newest.
    pub fn prune(&self, keep: usize) -> usize {
        self.runs().iter().skip(keep).filter(|run| fs::remove_file(self.journal(run)).is_ok()).count()
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
        fs::create_dir_all(state.journal_folder()).unwrap();
        for run in ["1", "2", "3", "4"] {
            fs::write(state.journal(run), "").unwrap();
        }
        fs::write(state.journal_folder().join("other.txt"), "").unwrap();
        assert_eq!(state.runs(), ["4", "3", "2", "1"]);
        assert_eq!(state.prune(2), 2);
        assert_eq!(state.runs(), ["4", "3"]);
        assert_eq!(state.prune(2), 0);
    }
}
