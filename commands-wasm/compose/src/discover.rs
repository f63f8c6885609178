//! Which files a project is made of, and the environment their variables are filled in from.

use std::collections::{BTreeMap, BTreeSet};

use crate::dotenv;
use crate::error::{Error, Place};
use crate::files::{FileError, Files, join};
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
    let names = choose(files, &environment, options, &start, notes)?;
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

fn choose(
    files: &dyn Files,
    environment: &BTreeMap<String, String>,
    options: &Options,
    start: &str,
    notes: &Notes,
) -> Result<Vec<String>, Error> {
    if !options.files.is_empty() {
        return Ok(options.files.iter().map(|file| join(".", file)).collect());
    }
    if let Some(listed) = environment.get("COMPOSE_FILE").filter(|listed| !listed.is_empty()) {
        let separator = environment.get("COMPOSE_PATH_SEPARATOR").map_or(":", String::as_str);
        let separator = if separator.is_empty() { ":" } else { separator };
        return Ok(listed.split(separator).filter(|file| !file.is_empty()).map(|file| join(".", file)).collect());
    }
    let present = |names: [&str; 4]| names.iter().map(|name| join(start, name)).filter(|path| files.exists(path)).collect::<Vec<_>>();
    let (mains, overrides) = (present(NAMES), present(OVERRIDES));
    for several in [&mains, &overrides] {
        if let [first, _, ..] = several.as_slice() {
            notes.warn(None, format!("several files have a default name, `{first}` is used: {}", several.join(", ")));
        }
    }
    let Some(main) = mains.into_iter().next() else {
        return Err(Error::new("there is no Compose file here").hint(format!("Compose looks for {}", NAMES.join(", "))));
    };
    Ok(std::iter::once(main).chain(overrides.into_iter().next()).collect())
}
