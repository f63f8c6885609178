//! A project in a temporary folder.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{Run, guest, scratch, standard};

/// A folder with a `host.toml`, removed at the end.
pub(crate) struct Project {
    folder: TempDir,
}

impl Project {
    /// A project with this `host.toml`.
    pub(crate) fn new(host_toml: &str) -> Self {
        let project = Self::bare();
        project.write("host.toml", host_toml);
        fs::create_dir(project.path("commands")).expect("a folder");
        project
    }

    /// A folder without anything in it.
    pub(crate) fn bare() -> Self {
        Self { folder: tempfile::Builder::new().prefix("p").tempdir_in(scratch()).expect("a temporary folder") }
    }

    /// Puts a standard command into `commands/`.
    #[track_caller]
    pub(crate) fn command(self, name: &str) -> Self {
        let path = standard(name);
        self.component(name, &path)
    }

    /// Puts a component of `tests/guests` into `commands/`.
    #[track_caller]
    pub(crate) fn guest(self, name: &str) -> Self {
        let path = guest(name);
        self.component(name, &path)
    }

    /// Puts any component into `commands/` under `name`.
    #[track_caller]
    pub(crate) fn component(self, name: &str, path: &Path) -> Self {
        fs::create_dir_all(self.path("commands")).expect("a folder");
        fs::copy(path, self.path(&format!("commands/{name}.wasm"))).expect("the component can be copied");
        self
    }

    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, content).expect("a file");
    }

    #[track_caller]
    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Adds lines at the end of `host.toml`.
    pub(crate) fn grant(&self, lines: &str) {
        self.write("host.toml", format!("{}\n{lines}\n", self.read("host.toml")));
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.folder().join(relative)
    }

    /// `host` with these words, split at spaces; [`Run::arg`] adds words that contain some.
    pub(crate) fn host(&self, words: &str) -> Run {
        Run::new(self.folder(), words.split_whitespace())
    }

    /// `host run` with these words.
    pub(crate) fn run(&self, words: &str) -> Run {
        Run::new(self.folder(), ["run"].into_iter().chain(words.split_whitespace()))
    }
}
