//! Whole projects, from memory: what files say, and what is understood.

mod hash;

use std::collections::BTreeMap;

use crate::{Error, Loader, Options, Project};

pub(crate) fn tree(files: &[(&str, &str)]) -> BTreeMap<String, String> {
    files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

pub(crate) fn options() -> Options {
    Options { folder_name: Some("shop".to_owned()), ..Options::default() }
}

pub(crate) fn try_files(files: &[(&str, &str)], options: &Options) -> Result<Project, Error> {
    Loader::new(&tree(files), BTreeMap::new()).load(options)
}

/// A project of one file.
#[track_caller]
pub(crate) fn load(text: &str) -> Project {
    try_files(&[("compose.yaml", text)], &options()).unwrap_or_else(|error| panic!("{error}"))
}
