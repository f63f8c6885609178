//! Reading the project, with the options that all stack commands have.

use std::collections::BTreeMap;
use std::time::Duration;

use compose::{Disk, Loader, Options, Project};
use host_sdk::docker::{self, DockerError, Lock};
use host_sdk::{Ending, Error, Result, clap, warning};

/// Where the compose files are.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ProjectArgs {
    /// A compose file; several are merged, the last one wins
    #[arg(long = "file", short = 'f', value_name = "FILE")]
    pub files: Vec<String>,
    /// Services of this profile too
    #[arg(long = "profile", value_name = "NAME")]
    pub profiles: Vec<String>,
    /// Variables from this file instead of `.env`
    #[arg(long = "env-file", value_name = "FILE")]
    pub env_files: Vec<String>,
}

impl ProjectArgs {
    /// The project under the name that was granted. Warnings are told.
    pub fn load(&self, services: &[String]) -> Result<Project> {
        let project = self.read(services).map_err(told)?;
        project.warnings.iter().for_each(|found| warning!("{found}"));
        Ok(project)
    }

    /// The same without a word.
    pub fn read(&self, services: &[String]) -> Result<Project, compose::Error> {
        let environment: BTreeMap<String, String> = std::env::vars().collect();
        let options = Options {
            files: self.files.clone(),
            profiles: self.profiles.clone(),
            env_files: self.env_files.clone(),
            services: services.to_vec(),
            only_name: Some(docker::project()),
            ..Options::default()
        };
        Loader::new(&Disk::new(""), environment).load(&options)
    }
}

/// The project's lock. Whoever finds it held is told how to wait for it.
pub(crate) fn lock(at_most: Duration) -> Result<Lock> {
    docker::lock(at_most).map_err(|error| match error.docker() {
        Some(DockerError::LockHeld(_)) => error.hint("`--lock-timeout 30s` waits for its end"),
        _ => error,
    })
}

/// What is wrong with a compose file, with its place.
pub fn told(error: compose::Error) -> Error {
    let mut told = Error::new(if error.denied { Ending::Denied } else { Ending::Usage }, error.to_string());
    if let Some(place) = &error.place {
        told = told.detail("file", place.file.to_string()).detail("line", place.line).detail("column", place.column);
    }
    if let Some(key) = &error.key {
        told = told.detail("key", key.clone());
    }
    error.hints.iter().fold(told, |told, hint| told.hint(hint))
}

/// `S=N`.
pub fn scale(text: &str) -> Result<(String, u32), String> {
    let wrong = || format!("`{text}` is not `SERVICE=NUMBER`");
    let (service, number) = text.split_once('=').ok_or_else(wrong)?;
    Ok((service.to_owned(), number.parse().map_err(|_| wrong())?))
}
