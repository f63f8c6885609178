//! Where commands are: `NAME.wasm` directly in a command folder, first match wins.
//!
//! A run opens no folder: it asks each folder for exactly one file. Subfolders hold libraries, never commands.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Project, is_name, suggest};
use crate::outcome::{Failure, Result};

/// Set, it is the folder of the standard commands.
const STANDARD_VARIABLE: &str = "HOST_COMMANDS";

/// A command that lies in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub name: String,
    pub path: PathBuf,
    /// An earlier folder has one of the same name, which is the one that runs.
    pub shadowed: bool,
    /// It came with the installation.
    pub standard: bool,
}

impl Project {
    /// The file that runs when `name` is asked for.
    pub fn find_command(&self, name: &str) -> Result<PathBuf> {
        if is_name(name) {
            let file = format!("{name}.wasm");
            if let Some(path) = self.command_folders().iter().map(|folder| folder.join(&file)).find(|path| path.is_file()) {
                return Ok(path);
            }
        }
        Err(self.unknown_command(name))
    }

    /// All commands, sorted by name; of one name, the one that runs comes first.
    pub fn commands(&self) -> Vec<Found> {
        let folders = self.command_folders();
        let own = self.command_folders.len();
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        for (index, folder) in folders.iter().enumerate() {
            for (name, path) in entries(folder) {
                let shadowed = !seen.insert(name.clone());
                found.push(Found { name, path, shadowed, standard: index >= own });
            }
        }
        found.sort_by(|one, other| (&one.name, one.shadowed).cmp(&(&other.name, other.shadowed)));
        found
    }

    /// The folders in the order they are searched: the project's, then the standard commands'.
    pub fn command_folders(&self) -> Vec<PathBuf> {
        self.command_folders.iter().cloned().chain(self.standard_folder()).collect()
    }

    fn standard_folder(&self) -> Option<PathBuf> {
        if let Some(folder) = self.environment().of_process_only(STANDARD_VARIABLE).filter(|folder| !folder.is_empty()) {
            return std::path::absolute(folder).ok();
        }
        let folder = std::env::current_exe().ok()?.parent()?.to_owned();
        let installed = folder.parent().map(|prefix| prefix.join("lib/host/commands"));
        installed.into_iter().chain([folder.join("commands")]).find(|folder| folder.is_dir())
    }

    /// Only here folders are listed: to find what was meant.
    fn unknown_command(&self, name: &str) -> Failure {
        if let Some(bare) = name.strip_suffix(".wasm").filter(|bare| is_name(bare)) {
            return Failure::usage(format!("`{name}` is no command's name")).hint(format!("leave out `.wasm`: `{bare}`"));
        }
        let failure = Failure::usage(format!("there is no command `{}`", name.escape_debug()));
        let found = self.commands();
        match closest(name, found.iter().map(|command| command.name.as_str())) {
            Some(near) => failure.hint(format!("did you mean `{near}`?")),
            None if found.is_empty() => {
                let folders: Vec<_> = self.command_folders().iter().map(|folder| folder.display().to_string()).collect();
                let folders = if folders.is_empty() {
                    "there is no folder of commands".to_owned()
                } else {
                    format!("looked in {}", folders.join(", "))
                };
                failure.hint(format!("{folders}; put `NAME.wasm` files there, or set {STANDARD_VARIABLE}"))
            }
            None => failure.hint("`host list` shows the commands there are"),
        }
    }
}

/// The nearest of `known` to a mistyped word.
pub fn closest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    suggest::nearest(word, known)
}

/// Names and paths of what lies directly in `folder`; a folder that is not there holds nothing.
fn entries(folder: &Path) -> Vec<(String, PathBuf)> {
    let Ok(listing) = fs::read_dir(folder) else { return Vec::new() };
    let entry = |entry: fs::DirEntry| {
        let name = entry.file_name().to_str()?.strip_suffix(".wasm").filter(|name| is_name(name))?.to_owned();
        let path = entry.path();
        // Links count as what they lead to.
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file() || (kind.is_symlink() && path.is_file()));
        is_file.then_some((name, path))
    };
    listing.filter_map(std::result::Result::ok).filter_map(entry).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// A project with commands `migrate` and `report`, and standard commands `migrate` and `wait4db`.
    fn project() -> (tempfile::TempDir, Project) {
        let folder = tempfile::tempdir().unwrap();
        for path in
            ["commands/migrate.wasm", "commands/report.wasm", "standard/migrate.wasm", "standard/wait4db.wasm", "commands/lib/codec.wasm"]
        {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        fs::create_dir(folder.path().join("commands/folder.wasm")).unwrap();
        fs::write(folder.path().join("commands/not-wasm.txt"), "").unwrap();
        fs::write(folder.path().join("commands/.hidden.wasm"), "").unwrap();
        fs::write(folder.path().join("host.toml"), "").unwrap();
        let standard = folder.path().join("standard").display().to_string();
        let process = BTreeMap::from([(STANDARD_VARIABLE.to_owned(), standard)]);
        let project = Project::find_with(folder.path(), None, None, process).unwrap();
        (folder, project)
    }

    #[test]
    fn the_projects_own_command_wins_over_the_standard_one() {
        let (folder, project) = project();
        assert_eq!(project.find_command("migrate").unwrap(), folder.path().join("commands/migrate.wasm"));
        assert_eq!(project.find_command("wait4db").unwrap(), folder.path().join("standard/wait4db.wasm"));
    }

    #[test]
    fn only_files_directly_in_a_folder_are_commands() {
        let (_folder, project) = project();
        let found: Vec<_> = project.commands().into_iter().map(|found| (found.name, found.shadowed, found.standard)).collect();
        let expected = [("migrate", false, false), ("migrate", true, true), ("report", false, false), ("wait4db", false, true)];
        assert_eq!(found, expected.map(|(name, shadowed, standard)| (name.to_owned(), shadowed, standard)));
    }

    #[test]
    fn names_that_lead_elsewhere_find_nothing() {
        let (_folder, project) = project();
        for name in ["lib/codec", "../standard/wait4db", "codec", "folder", ".hidden", "", "migrate\0", "/etc/passwd", "migrate.wasm", "*"]
        {
            assert!(project.find_command(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_typing_error_is_answered_with_the_near_name() {
        let (_folder, project) = project();
        let failure = project.find_command("migarte").unwrap_err();
        assert_eq!(failure.message, "there is no command `migarte`");
        assert_eq!(failure.hints, ["did you mean `migrate`?"]);
        assert_eq!(project.find_command("report.wasm").unwrap_err().hints, ["leave out `.wasm`: `report`"]);
        assert_eq!(project.find_command("frobnicate").unwrap_err().hints, ["`host list` shows the commands there are"]);
    }
}
