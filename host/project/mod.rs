//! The project: `host.toml`, `.env`, where commands live, `host.lock`, the `.host` folder.
//!
//! Loading reads host.toml and `.env` and nothing else. A variable that is missing is an error only for the
//! value that needs it, when that value is used.

pub mod commands;
pub mod config;
pub mod document;
pub mod dotenv;
pub mod edit;
mod environment;
pub mod files;
pub mod interpolation;
pub mod journals;
pub mod lockfile;
pub mod state;
pub mod suggest;
pub mod units;
mod values;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use self::config::Config;
pub use self::environment::{Environment, VariableOrigin};
pub use self::lockfile::LockFile;
pub use self::state::State;
pub use self::values::{ConfigValue, without_secrets};
use crate::capabilities::docker::{Endpoint, LoginFile};
use crate::channels::Settings;
use crate::grants::Grants;
use crate::outcome::{Failure, Result};

/// More than this is no host.toml.
const CONFIG_BYTES_BOUND: u64 = 1024 * 1024;
/// Where a project keeps its commands when it does not say.
const COMMAND_FOLDER: &str = "commands";

#[derive(Clone, Debug)]
pub struct Project {
    root: PathBuf,
    file: Option<PathBuf>,
    name: String,
    name_origin: String,
    command_folders: Vec<PathBuf>,
    config: Config,
    environment: Environment,
    env_file: Option<PathBuf>,
}

impl Project {
    /// The project of `folder` (`--project`), or else the nearest one from `start` upward; outside of any,
    /// nothing is granted and only the standard commands are found. `env_file` is read instead of `.env`.
    pub fn find(start: &Path, folder: Option<&Path>, env_file: Option<&Path>) -> Result<Self> {
        Self::find_with(start, folder, env_file, Environment::of_process())
    }

    /// [`Self::find`] with the process environment as an argument.
    pub fn find_with(start: &Path, folder: Option<&Path>, env_file: Option<&Path>, process: BTreeMap<String, String>) -> Result<Self> {
        let start = absolute(start)?;
        let found = match folder {
            Some(folder) => Some(named(&start.join(folder))?),
            None => upward(&start)?,
        };
        let (root, file, config) = match found {
            Some((root, bytes)) => {
                let file = root.join(config::FILE_NAME);
                (root, Some(file), Config::parse(&bytes)?)
            }
            None => (start.clone(), None, Config::default()),
        };
        let environment = match (env_file, &file) {
            (Some(path), _) => Environment::with_dotenv(process, &start.join(path), &path.display().to_string(), true)?,
            (None, Some(_)) => Environment::with_dotenv(process, &root.join(".env"), ".env", false)?,
            (None, None) => Environment::new(process),
        };
        let (name, name_origin) = project_name(&root, &config, &environment)?;
        let environment = environment.or_else("PROJECT_NAME", &name);
        let command_folders = match &config.command_folders {
            Some(folders) => folders.iter().map(|folder| Ok(root.join(folder.resolve(&environment)?))).collect::<Result<_>>()?,
            None if file.is_some() => vec![root.join(COMMAND_FOLDER)],
            None => Vec::new(),
        };
        let env_file = env_file.map(|path| start.join(path));
        Ok(Self { root, file, name, name_origin, command_folders, config, environment, env_file })
    }

    /// The same project read again, after host.toml was written.
    pub fn reload(&self) -> Result<Self> {
        let folder = self.file.is_some().then_some(self.root.as_path());
        Self::find(&self.root, folder, self.env_file.as_deref())
    }

    /// Absolute; the folder of host.toml, or the folder one is in when there is none.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// host.toml; none outside of a project.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The `.host` folder beside host.toml; none outside of a project, where nothing is recorded.
    pub fn state(&self) -> Option<State> {
        self.file.as_ref().map(|_| State::of(&self.root))
    }

    /// The address of a configured database; none when no `[sql.NAME]` has that name.
    pub fn database(&self, name: &str) -> Result<Option<String>> {
        self.config.databases.get(name).map(|url| url.resolve(&self.environment)).transpose()
    }

    pub fn database_names(&self) -> Vec<&str> {
        self.config.databases.keys().map(String::as_str).collect()
    }

    /// The address of a configured Redis; none when no `[redis.NAME]` has that name.
    pub fn redis(&self, name: &str) -> Result<Option<String>> {
        self.config.redis.get(name).map(|url| url.resolve(&self.environment)).transpose()
    }

    pub fn redis_names(&self) -> Vec<&str> {
        self.config.redis.keys().map(String::as_str).collect()
    }

    /// `[broadcast]` with its addresses; none when there is no such section.
    pub fn broadcast(&self) -> Result<Option<Settings>> {
        self.config.broadcast.as_ref().map(|section| section.settings(&self.config.redis, &self.environment)).transpose()
    }

    /// Where the Docker engine is.
    pub fn docker(&self) -> Result<Endpoint> {
        self.config.docker.endpoint(&self.root, &self.environment)
    }

    /// Where what is shown at registries lies; none also where that cannot be told.
    pub fn logins(&self) -> Option<LoginFile> {
        self.config.docker.logins(&self.root, &self.environment).ok().flatten()
    }

    /// What `[commands.NAME]` grants; nothing when there is no such section.
    pub fn grants_for(&self, command: &str) -> Result<Grants> {
        self.config.commands.get(command).map_or_else(|| Ok(Grants::default()), |section| section.grants(&self.environment))
    }

    /// The part of [`Self::grants_for`] that asks are compared with; a variable that is not set is no error.
    pub fn powers_for(&self, command: &str) -> Grants {
        self.config.commands.get(command).map(config::CommandSection::powers).unwrap_or_default()
    }

    /// Commands that have a section, whether they exist or not.
    pub fn commands_with_grants(&self) -> Vec<&str> {
        self.config.commands.keys().map(String::as_str).collect()
    }

    pub fn environment(&self) -> &Environment {
        &self.environment
    }
}

/// Names of commands and databases: they stand in file names, keys and messages.
pub fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphanumeric())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
        && name.len() <= 128
}

/// The name, and where it comes from.
fn project_name(root: &Path, config: &Config, environment: &Environment) -> Result<(String, String)> {
    for variable in ["PROJECT_NAME", "COMPOSE_PROJECT_NAME"] {
        if let Some(name) = environment.get(variable).filter(|name| !name.is_empty()) {
            return Ok((name.to_owned(), values::variable_origin(environment, variable)));
        }
    }
    if let Some(text) = &config.project_name {
        return Ok((text.resolve(environment)?, values::text_origin(environment, text)));
    }
    let folder = root.file_name().map_or_else(|| "host".to_owned(), |name| name.to_string_lossy().into_owned());
    Ok((folder, "the folder's name".to_owned()))
}

/// The folder that `--project` names.
fn named(folder: &Path) -> Result<(PathBuf, Vec<u8>)> {
    match files::read_bounded(&folder.join(config::FILE_NAME), CONFIG_BYTES_BOUND)? {
        Some(bytes) => Ok((folder.to_owned(), bytes)),
        None => {
            let folder = folder.display();
            Err(Failure::usage(format!("there is no host.toml in `{folder}`")).hint(format!("host init {folder}")))
        }
    }
}

/// The nearest folder with a host.toml, and what that holds. A host.toml that is there and cannot be read is
/// an error, not a reason to take one further up; a folder that cannot be searched has none.
fn upward(start: &Path) -> Result<Option<(PathBuf, Vec<u8>)>> {
    for folder in start.ancestors() {
        let file = folder.join(config::FILE_NAME);
        match files::read_bounded(&file, CONFIG_BYTES_BOUND) {
            Ok(Some(bytes)) => return Ok(Some((folder.to_owned(), bytes))),
            Ok(None) => {}
            Err(failure) if file.symlink_metadata().is_ok() => return Err(failure),
            Err(_) => {}
        }
    }
    Ok(None)
}

fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|error| Failure::usage(format!("`{}` is no folder to start from: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn project(host_toml: &str, dotenv: &str, environment: &[(&str, &str)]) -> (tempfile::TempDir, Result<Project>) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("host.toml"), host_toml).unwrap();
        std::fs::write(folder.path().join(".env"), dotenv).unwrap();
        let found = Project::find_with(folder.path(), None, None, process(environment));
        (folder, found)
    }

    #[test]
    fn the_nearest_host_toml_upward_is_the_project() {
        let (folder, _) = project("", "", &[]);
        let deep = folder.path().join("a/b");
        std::fs::create_dir_all(&deep).unwrap();
        let found = Project::find_with(&deep, None, None, process(&[])).unwrap();
        assert_eq!(found.root, folder.path());
        assert_eq!(found.command_folders, [folder.path().join("commands")]);
        std::fs::write(deep.join("host.toml"), "").unwrap();
        assert_eq!(Project::find_with(&deep, None, None, process(&[])).unwrap().root, deep);
        assert!(Project::find_with(&deep, Some(Path::new("../..")), None, process(&[])).is_ok());
    }

    #[test]
    fn a_named_folder_without_host_toml_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let failure = Project::find_with(folder.path(), Some(folder.path()), None, process(&[])).unwrap_err();
        assert!(failure.message.starts_with("there is no host.toml in"), "{failure}");
    }

    #[test]
    fn outside_of_a_project_nothing_is_granted() {
        let folder = tempfile::tempdir().unwrap();
        let none = Project::find_with(folder.path(), None, None, process(&[])).unwrap();
        assert_eq!(none.file, None);
        assert!(none.command_folders.is_empty() && none.database_names().is_empty());
        assert_eq!(none.grants_for("migrate").unwrap(), Grants::default());
    }

    #[test]
    fn the_projects_name_is_found_in_this_order() {
        let named = "[project]\nname = \"from-${X:-toml}\"";
        for (host_toml, dotenv, environment, expected) in [
            (named, "PROJECT_NAME=dot\nCOMPOSE_PROJECT_NAME=compose", &[("PROJECT_NAME", "process")][..], "process"),
            (named, "PROJECT_NAME=dot\nCOMPOSE_PROJECT_NAME=compose", &[][..], "dot"),
            (named, "COMPOSE_PROJECT_NAME=compose", &[][..], "compose"),
            (named, "PROJECT_NAME=", &[][..], "from-toml"),
            (named, "X=env", &[][..], "from-env"),
        ] {
            assert_eq!(project(host_toml, dotenv, environment).1.unwrap().name, expected);
        }
        let (folder, found) = project("", "", &[]);
        assert_eq!(found.unwrap().name, folder.path().file_name().unwrap().to_string_lossy());
    }

    #[test]
    fn a_database_of_another_command_does_not_break_this_one() {
        let (_folder, found) = project("[sql.a]\nurl = \"${NOT_SET:?}\"\n[sql.b]\nurl = \"${URL}\"", "URL=sqlite://x.db", &[]);
        let found = found.unwrap();
        assert_eq!(found.database("b").unwrap().as_deref(), Some("sqlite://x.db"));
        assert_eq!(found.database("none").unwrap(), None);
        assert!(found.database("a").unwrap_err().message.contains("`NOT_SET`"));
        assert_eq!(found.database_names(), ["a", "b"]);
    }

    #[test]
    fn an_error_in_dotenv_names_its_line() {
        let (_folder, found) = project("", "A=1\nB=\"open", &[]);
        assert_eq!(found.unwrap_err().message, ".env:2: the quote that begins here is not closed");
    }

    #[test]
    fn another_env_file_is_read_instead() {
        let (folder, _) = project("[sql.a]\nurl = \"$URL\"", "URL=one", &[]);
        std::fs::write(folder.path().join("ci.env"), "URL=two").unwrap();
        let found = Project::find_with(folder.path(), None, Some(Path::new("ci.env")), process(&[])).unwrap();
        assert_eq!(found.database("a").unwrap().as_deref(), Some("two"));
    }

    #[test]
    fn names_are_letters_digits_and_dashes() {
        for (name, expected) in [
            ("migrate", true),
            ("wait4db", true),
            ("4x", true),
            ("a_b-c", true),
            ("", false),
            ("_a", false),
            ("-a", false),
            ("a/b", false),
            ("..", false),
            ("a.wasm", false),
            ("ä", false),
            ("a\0", false),
        ] {
            assert_eq!(is_name(name), expected, "{name:?}");
        }
    }
}
