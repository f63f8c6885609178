//! Whole projects, from memory: what files say, and what is understood.

mod config;
mod files;
mod hash;
mod keys;
mod layers;
mod limits;
mod mistakes;
mod variables;

use std::collections::BTreeMap;

use crate::{Error, Loader, Options, Project, Service};

pub(crate) fn tree(files: &[(&str, &str)]) -> BTreeMap<String, String> {
    files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

pub(crate) fn options() -> Options {
    Options { folder_name: Some("shop".to_owned()), ..Options::default() }
}

pub(crate) fn try_files(files: &[(&str, &str)], options: &Options) -> Result<Project, Error> {
    Loader::new(&tree(files), BTreeMap::new()).load(options)
}

/// A project of these files, the first of which have the default names.
#[track_caller]
pub(crate) fn load_files(files: &[(&str, &str)]) -> Project {
    try_files(files, &options()).unwrap_or_else(|error| panic!("{error}"))
}

/// A project of one file.
#[track_caller]
pub(crate) fn load(text: &str) -> Project {
    load_files(&[("compose.yaml", text)])
}

/// A service `web` of an image with these keys, indented by four spaces.
#[track_caller]
pub(crate) fn web(keys: &str) -> Service {
    load(&format!("services:\n  web:\n    image: x\n{keys}")).services.remove("web").unwrap()
}

/// What is said about one file that is wrong.
#[track_caller]
pub(crate) fn fault(text: &str) -> String {
    said(try_files(&[("compose.yaml", text)], &options()).unwrap_err())
}

pub(crate) fn said(error: Error) -> String {
    let hints: String = error.hints.iter().map(|hint| format!(" | {hint}")).collect();
    format!("{error}{hints}")
}
