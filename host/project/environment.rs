//! Variables by name: the process environment first, then `.env`, as Compose does.

use std::collections::BTreeMap;
use std::path::Path;

use super::dotenv::{self, Entries};
use super::files;
use crate::outcome::{Failure, Result};

/// A `.env` of more than this is no `.env`.
const DOTENV_BYTES_BOUND: u64 = 1024 * 1024;

/// Where a variable's value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VariableOrigin {
    Process,
    /// `.env:3`
    Dotenv(String),
}

#[derive(Clone, Debug, Default)]
pub struct Environment {
    process: BTreeMap<String, String>,
    dotenv: Entries,
    dotenv_label: String,
    /// What stands in for variables that are set nowhere; guests never see it.
    defaults: BTreeMap<String, String>,
}

impl Environment {
    /// What this process was started with. Values that are not UTF-8 cannot be given to a component and are left out.
    pub fn of_process() -> BTreeMap<String, String> {
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect()
    }

    /// Without a `.env` file.
    pub fn new(process: BTreeMap<String, String>) -> Self {
        Self { process, ..Self::default() }
    }

    /// With `path`; when it does not exist, that is an error only if it is `required`.
    pub fn with_dotenv(process: BTreeMap<String, String>, path: &Path, label: &str, required: bool) -> Result<Self> {
        let Some(bytes) = files::read_bounded(path, DOTENV_BYTES_BOUND)? else {
            let missing = || Failure::usage(format!("`{}` does not exist", path.display()));
            return if required { Err(missing()) } else { Ok(Self::new(process)) };
        };
        let entries = dotenv::parse(&bytes, &|name| process.get(name).map(String::as_str))
            .map_err(|bad| Failure::usage(format!("{label}:{}: {}", bad.line, bad.message)))?;
        Ok(Self { process, dotenv: entries, dotenv_label: label.to_owned(), ..Self::default() })
    }

    /// With a value for a variable that is set nowhere.
    pub fn or_else(mut self, name: &str, value: &str) -> Self {
        self.defaults.insert(name.to_owned(), value.to_owned());
        self
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        let set = self.process.get(name).or_else(|| self.dotenv.get(name).map(|entry| &entry.value));
        set.or_else(|| self.defaults.get(name)).map(String::as_str)
    }

    /// For what steers `host` itself: a `.env` that came with a project must not say where commands come from.
    pub fn of_process_only(&self, name: &str) -> Option<&str> {
        self.process.get(name).map(String::as_str)
    }

    pub fn origin(&self, name: &str) -> Option<VariableOrigin> {
        if self.process.contains_key(name) {
            return Some(VariableOrigin::Process);
        }
        self.dotenv.get(name).map(|entry| VariableOrigin::Dotenv(format!("{}:{}", self.dotenv_label, entry.line)))
    }

    /// The variables that `patterns` name (`*` at the end allowed), sorted.
    pub fn matching(&self, patterns: &[String]) -> BTreeMap<String, String> {
        let wanted = |name: &str| {
            patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
                Some(prefix) => name.starts_with(prefix),
                None => name == pattern,
            })
        };
        let dotenv = self.dotenv.iter().map(|(name, entry)| (name, &entry.value));
        let all = dotenv.chain(&self.process);
        all.filter(|(name, _)| wanted(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment() -> (tempfile::TempDir, Environment) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".env");
        std::fs::write(&path, "A=file\nB=file\nAPP_X=1\n").unwrap();
        let process = BTreeMap::from([("B".to_owned(), "process".to_owned()), ("APP_Y".to_owned(), "2".to_owned())]);
        let environment = Environment::with_dotenv(process, &path, ".env", true).unwrap();
        (folder, environment)
    }

    #[test]
    fn the_process_wins_over_the_file() {
        let (_folder, environment) = environment();
        assert_eq!((environment.get("A"), environment.get("B"), environment.get("C")), (Some("file"), Some("process"), None));
        assert_eq!(environment.origin("A"), Some(VariableOrigin::Dotenv(".env:1".to_owned())));
        assert_eq!(environment.origin("B"), Some(VariableOrigin::Process));
    }

    #[test]
    fn only_what_a_pattern_names_is_given() {
        let (_folder, environment) = environment();
        let names = |patterns: &[&str]| {
            let patterns: Vec<_> = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
            environment.matching(&patterns).into_keys().collect::<Vec<_>>()
        };
        assert_eq!(names(&["APP_*"]), ["APP_X", "APP_Y"]);
        assert_eq!(names(&["APP"]), Vec::<String>::new());
        assert_eq!(names(&["A", "B"]), ["A", "B"]);
        assert_eq!(names(&[]), Vec::<String>::new());
    }

    #[test]
    fn a_file_that_was_named_must_be_there_and_the_usual_one_need_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("none.env");
        assert!(Environment::with_dotenv(BTreeMap::new(), &path, "none.env", true).is_err());
        assert!(Environment::with_dotenv(BTreeMap::new(), &path, "none.env", false).is_ok());
    }

    #[test]
    fn a_file_past_the_bound_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".env");
        std::fs::write(&path, vec![b'#'; 1024 * 1024]).unwrap();
        assert!(Environment::with_dotenv(BTreeMap::new(), &path, ".env", true).is_ok());
        std::fs::write(&path, vec![b'#'; 1024 * 1024 + 1]).unwrap();
        assert!(Environment::with_dotenv(BTreeMap::new(), &path, ".env", true).unwrap_err().message.contains("1048576"));
    }
}
