//! Which files a project is made of, and the environment their variables are filled in from.

use std::collections::{BTreeMap, BTreeSet};

use crate::dotenv;
use crate::error::{Error, Place};
use crate::files::{FileError, Files, is_above, join};
use crate::interpolate::warn_unset;
use crate::loader::{Options, folder_of};
use crate::notes::Notes;

/// In the order Compose prefers them.
const NAMES: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
const OVERRIDES: [&str; 4] =
    ["compose.override.yml", "compose.override.yaml", "docker-compose.override.yml", "docker-compose.override.yaml"];

pub(crate) struct Found {
    pub(crate) files: Vec<String>,
    pub(crate) folder: String,
    pub(crate) environment: BTreeMap<String, String>,
}

pub(crate) fn files(
    files: &dyn Files,
    process: &BTreeMap<String, String>,
    options: &Options,
    notes: &Notes,
    read: &mut BTreeSet<String>,
) -> Result<Found, Error> {
    let mut environment = process.clone();
    // First of all: what lies beside a file that cannot be is of no interest.
    let given = named(files, options.files.iter().map(String::as_str))?;
    let start = options.project_directory.clone().map_or_else(|| folder_of(&options.files), |folder| join(".", &folder));
    let env_files = env_files(options, process);
    let default = env_files.is_empty() && !is_true(process.get("COMPOSE_DISABLE_ENV_FILE"));
    let mut add = |paths: &[String], required: bool, environment: &mut BTreeMap<String, String>| {
        add(files, paths, required, environment, notes, read)
    };
    add(&env_files, true, &mut environment)?;
    if default {
        add(&[join(&start, ".env")], false, &mut environment)?;
    }
    let names = if given.is_empty() { choose(files, &environment, &start, notes)? } else { given };
    let folder = if options.project_directory.is_some() { start.clone() } else { folder_of(&names) };
    if default && start != folder {
        add(&[join(&folder, ".env")], false, &mut environment)?;
    }
    Ok(Found { files: names, folder, environment })
}

fn env_files(options: &Options, process: &BTreeMap<String, String>) -> Vec<String> {
    if !options.env_files.is_empty() {
        return options.env_files.clone();
    }
    let listed = process.get("COMPOSE_ENV_FILES").map(String::as_str).unwrap_or_default();
    listed.split(',').map(str::trim).filter(|path| !path.is_empty()).map(str::to_owned).collect()
}

/// Adds what files say and the environment does not. Of several files the later one wins.
fn add(
    files: &dyn Files,
    paths: &[String],
    required: bool,
    environment: &mut BTreeMap<String, String>,
    notes: &Notes,
    read: &mut BTreeSet<String>,
) -> Result<(), Error> {
    let mut said = BTreeMap::new();
    for path in paths {
        let bytes = match files.read(path) {
            Ok(bytes) => bytes,
            Err(FileError::Missing) if !required => continue,
            Err(error) => return Err(error.of(&format!("the env file `{path}`"), path)),
        };
        let more = dotenv::parse(path, &bytes, &said, &|name| environment.get(name).cloned())?;
        warn_unset(more.unset, Some(&Place::start(path)), notes);
        said.extend(more.variables);
        read.insert(path.clone());
    }
    for (name, value) in said {
        environment.entry(name).or_insert(value);
    }
    Ok(())
}

fn is_true(value: Option<&String>) -> bool {
    value.is_some_and(|value| matches!(value.to_ascii_lowercase().as_str(), "1" | "t" | "true"))
}

/// Files of `-f` or COMPOSE_FILE, which start from the project's folder, wherever one is.
fn named<'p>(files: &dyn Files, paths: impl Iterator<Item = &'p str>) -> Result<Vec<String>, Error> {
    let one = |path: &str| {
        let path = join(".", path);
        if is_above(&path) {
            let inside = path.trim_start_matches("../");
            return Err(Error::new(format!("`{path}` lies outside of the project's folder"))
                .hint(format!("paths of Compose files start from the project's folder, wherever you are: `-f {inside}`")));
        }
        match files.read(&path) {
            Err(FileError::Missing) => Err(FileError::Missing
                .of(&format!("`{path}`"), &path)
                .hint("paths of Compose files start from the project's folder, wherever you are")),
            _ => Ok(path),
        }
    };
    paths.map(one).collect()
}

fn choose(files: &dyn Files, environment: &BTreeMap<String, String>, start: &str, notes: &Notes) -> Result<Vec<String>, Error> {
    if let Some(listed) = environment.get("COMPOSE_FILE").filter(|listed| !listed.is_empty()) {
        let separator = environment.get("COMPOSE_PATH_SEPARATOR").map_or(":", String::as_str);
        let separator = if separator.is_empty() { ":" } else { separator };
        return named(files, listed.split(separator).filter(|file| !file.is_empty()));
    }
    let present = |names: [&str; 4]| names.iter().map(|name| join(start, name)).filter(|path| files.exists(path)).collect::<Vec<_>>();
    let (mains, overrides) = (present(NAMES), present(OVERRIDES));
    for several in [&mains, &overrides] {
        if let [first, _, ..] = several.as_slice() {
            notes.warn(None, format!("several files have a default name, `{first}` is used: {}", several.join(", ")));
        }
    }
    let Some(main) = mains.into_iter().next() else {
        let none = Error::new("there is no Compose file here").hint(format!("Compose looks for {}", NAMES.join(", ")));
        let denied = NAMES.iter().map(|name| join(start, name)).find(|path| matches!(files.read(path), Err(FileError::Denied)));
        return Err(match denied {
            Some(path) => none.hint(format!("`{path}` may not be read: it is not granted, or a link that leads out of the project")),
            None => none,
        });
    };
    Ok(std::iter::once(main).chain(overrides.into_iter().next()).collect())
}
