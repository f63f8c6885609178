//! The project: `host.toml`, `.env`, where commands live, `host.lock`, the `.host` folder.
//!
//! Loading reads host.toml and `.env` and nothing else. A variable that is missing is an error only for the
//! value that needs it, when that value is used.

pub mod commands;
pub mod config;
pub mod document;
pub mod dotenv;
mod environment;
pub mod files;
pub mod interpolation;
pub mod lockfile;
pub mod state;
pub mod suggest;
pub mod units;
mod values;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use self::config::Config;
pub use self::environment::{Environment, VariableOrigin};
pub use self::values::{ConfigValue, without_secrets};
use crate::grants::Grants;
use crate::outcome::{Failure, Result};

/// More than this is no host.toml.
const CONFIG_BYTES_BOUND: u64 = 1024 * 1024;
/// Where a project keeps its commands when it does not say.
const COMMAND_FOLDER: &str = "commands";

/// What the command line says about where the project is.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--project`: the folder that holds host.toml.
    pub project: Option<PathBuf>,
    /// `--env-file`: instead of `.env` beside host.toml.
    pub env_file: Option<PathBuf>,
}

#[derive(Clone, Debug)]
pub struct Project {
    /// Absolute; the folder of host.toml, or the folder one is in when there is none.
    pub root: PathBuf,
    /// host.toml; none outside of a project, where nothing is granted.
    pub file: Option<PathBuf>,
    pub name: String,
    /// Absolute, in the order they are searched; the standard commands' folder is not among them.
    pub command_folders: Vec<PathBuf>,
    config: Config,
    environment: Environment,
    name_origin: String,
}

impl Project {
    /// The nearest project from `start` upward, or none of them.
    pub fn find(start: &Path, overrides: &Overrides) -> Result<Self> {
        Self::find_with(start, overrides, Environment::of_process())
    }

    /// No project: nothing is granted, and only the standard commands are found.
    pub fn none(folder: &Path) -> Result<Self> {
        Self::assemble(absolute(folder)?, None, Config::default(), Environment::new(Environment::of_process()))
    }

    /// [`Self::find`] with the process environment as an argument.
    pub fn find_with(start: &Path, overrides: &Overrides, process: BTreeMap<String, String>) -> Result<Self> {
        let start = absolute(start)?;
        let found = match &overrides.project {
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
        let environment = match (&overrides.env_file, &file) {
            (Some(path), _) => Environment::with_dotenv(process, &start.join(path), &path.display().to_string(), true)?,
            (None, Some(_)) => Environment::with_dotenv(process, &root.join(".env"), ".env", false)?,
            (None, None) => Environment::new(process),
        };
        Self::assemble(root, file, config, environment)
    }

    /// The address of a configured database; none when no `[sql.NAME]` has that name.
    pub fn database(&self, name: &str) -> Result<Option<String>> {
        self.config.databases.get(name).map(|url| url.resolve(&self.environment)).transpose()
    }

    pub fn database_names(&self) -> Vec<&str> {
        self.config.databases.keys().map(String::as_str).collect()
    }

    /// What `[commands.NAME]` grants; nothing when there is no such section.
    pub fn grants_for(&self, command: &str) -> Result<Grants> {
        self.config.commands.get(command).map_or_else(|| Ok(Grants::default()), |section| section.grants(&self.environment))
    }

    /// Commands that have a section, whether they exist or not.
    pub fn commands_with_grants(&self) -> Vec<&str> {
        self.config.commands.keys().map(String::as_str).collect()
    }

    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    fn assemble(root: PathBuf, file: Option<PathBuf>, config: Config, environment: Environment) -> Result<Self> {
        let (name, name_origin) = project_name(&root, &config, &environment)?;
        let folders = match &config.command_folders {
            Some(folders) => folders.iter().map(|folder| Ok(root.join(folder.resolve(&environment)?))).collect::<Result<_>>()?,
            None if file.is_some() => vec![root.join(COMMAND_FOLDER)],
            None => Vec::new(),
        };
        Ok(Self { root, file, name, command_folders: folders, config, environment, name_origin })
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

/// The nearest folder with a host.toml, and what that holds.
fn upward(start: &Path) -> Result<Option<(PathBuf, Vec<u8>)>> {
    for folder in start.ancestors() {
        if let Some(bytes) = files::read_bounded(&folder.join(config::FILE_NAME), CONFIG_BYTES_BOUND)? {
            return Ok(Some((folder.to_owned(), bytes)));
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
        let found = Project::find_with(folder.path(), &Overrides::default(), process(environment));
        (folder, found)
    }

    #[test]
    fn the_nearest_host_toml_upward_is_the_project() {
        let (folder, _) = project("", "", &[]);
        let deep = folder.path().join("a/b");
        std::fs::create_dir_all(&deep).unwrap();
        let found = Project::find_with(&deep, &Overrides::default(), process(&[])).unwrap();
        assert_eq!(found.root, folder.path());
        assert_eq!(found.command_folders, [folder.path().join("commands")]);
        std::fs::write(deep.join("host.toml"), "").unwrap();
        assert_eq!(Project::find_with(&deep, &Overrides::default(), process(&[])).unwrap().root, deep);
        let other = Overrides { project: Some("../..".into()), env_file: None };
        assert!(Project::find_with(&deep, &other, process(&[])).is_ok());
    }

    #[test]
    fn a_named_folder_without_host_toml_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let overrides = Overrides { project: Some(folder.path().to_owned()), env_file: None };
        let failure = Project::find_with(folder.path(), &overrides, process(&[])).unwrap_err();
        assert!(failure.message.starts_with("there is no host.toml in"), "{failure}");
    }

    #[test]
    fn outside_of_a_project_nothing_is_granted() {
        let folder = tempfile::tempdir().unwrap();
        let none = Project::none(folder.path()).unwrap();
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
        let overrides = Overrides { project: None, env_file: Some("ci.env".into()) };
        let found = Project::find_with(folder.path(), &overrides, process(&[])).unwrap();
        assert_eq!(found.database("a").unwrap().as_deref(), Some("two"));
    }

    #[test]
    fn names_are_letters_digits_and_dashes() {
        for (name, expected) in
            [("migrate", true), ("wait4db", true), ("4x", true), ("a_b-c", true), ("", false), ("_a", false), ("-a", false), ("a/b", false), ("..", false), ("a.wasm", false), ("ä", false), ("a\0", false)]
        {
            assert_eq!(is_name(name), expected, "{name:?}");
        }
    }
}
