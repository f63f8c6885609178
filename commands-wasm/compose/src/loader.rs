//! Loading a project: which files, in which environment, under which name.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::Error;
use crate::files::{self, Files};
use crate::model::{NamedBy, Project};
use crate::names;
use crate::notes::Notes;
use crate::read::{self, Context};
use crate::source::Sources;
use crate::{discover, finish, model_of};

/// What a command line says about the project. All may be left empty.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// `-f`, in order; none: `COMPOSE_FILE`, or the default names.
    pub files: Vec<String>,
    /// `--profile`; none: `COMPOSE_PROFILES`. `*` is all.
    pub profiles: Vec<String>,
    /// `--env-file`; none: `.env`, when it is there.
    pub env_files: Vec<String>,
    /// Services named on the command line: their profiles are active.
    pub services: Vec<String>,
    /// `-p`: the project's name, over everything else.
    pub name: Option<String>,
    /// The only name the project may have. A file that gives another one is an error, unless a variable names the project:
    /// its containers would not be those that Compose makes of it.
    pub only_name: Option<String>,
    /// What the folder of the project is called: its name, when nothing else gives one.
    pub folder_name: Option<String>,
    /// `--project-directory`; none: the folder of the first file.
    pub project_directory: Option<String>,
    /// Whether `env_file` and `label_file` of services are left unread: enough for whoever only needs names.
    pub without_service_files: bool,
}

/// Loads projects from files, in an environment.
pub struct Loader<'a> {
    files: &'a dyn Files,
    environment: BTreeMap<String, String>,
}

impl<'a> Loader<'a> {
    /// `environment` is the process's; what `.env` says comes below it.
    pub fn new(files: &'a dyn Files, environment: BTreeMap<String, String>) -> Self {
        Self { files, environment }
    }

    /// Reads, merges, fills in, checks.
    ///
    /// # Errors
    /// With file, line and key for whatever Compose would refuse, and for what is not supported here.
    pub fn load(&self, options: &Options) -> Result<Project, Error> {
        let notes = Notes::default();
        let mut read = BTreeSet::new();
        let found = discover::files(self.files, &self.environment, options, &notes, &mut read)?;
        let (files, folder, mut environment) = (found.files, found.folder, found.environment);

        let sources = Sources::new(self.files, &notes);
        let (name, named_by) = self.name(options, &sources, &files, &environment, &notes)?;
        environment.insert("COMPOSE_PROJECT_NAME".to_owned(), name.clone());

        let mut tree = model_of::project(&sources, &files, &folder, &environment)?;
        crate::merge::settle(&mut tree);
        let top = read::top(&tree, Context { project: &name, environment: &environment, notes: &notes })?;
        read.extend(sources.read());
        let project = Project {
            name,
            named_by,
            folder,
            services: top.services,
            inactive: BTreeMap::new(),
            networks: top.networks,
            volumes: top.volumes,
            secrets: top.secrets,
            configs: top.configs,
            files,
            read,
            environment,
            profiles: BTreeSet::new(),
            warnings: Vec::new(),
        };
        let mut project = finish::project(project, options, self.files, &notes)?;
        project.warnings = notes.take();
        Ok(project)
    }

    fn name(
        &self,
        options: &Options,
        sources: &Sources<'_>,
        files: &[String],
        environment: &BTreeMap<String, String>,
        notes: &Notes,
    ) -> Result<(String, NamedBy), Error> {
        if let Some(name) = options.name.as_ref().filter(|name| !name.is_empty()) {
            names::check_project(name, "the command line")?;
            return Ok((name.clone(), NamedBy::Caller));
        }
        if let Some(only) = &options.only_name {
            only_name(only, sources, files, environment)?;
            return Ok((only.clone(), NamedBy::Caller));
        }
        let variables: Vec<(&str, &String)> = NAME_VARIABLES
            .into_iter()
            .filter_map(|variable| environment.get(variable).filter(|name| !name.is_empty()).map(|name| (variable, name)))
            .collect();
        if let [(first, name), rest @ ..] = variables.as_slice() {
            names::check_project(name, first)?;
            if let Some((second, other)) = rest.first().filter(|(_, other)| other != name) {
                notes.warn(None, format!("`{first}` is {name} and `{second}` is {other}: the project is called {name}"));
            }
            return Ok(((*name).clone(), NamedBy::Variable));
        }
        let said = sources.project_name(files, environment)?.map(|(name, _)| names::normalised(&name));
        if let Some(name) = said.filter(|name| !name.is_empty()) {
            return Ok((name, NamedBy::File));
        }
        let folder = options.folder_name.as_deref().map(names::normalised).filter(|name| !name.is_empty());
        folder.map(|name| (name, NamedBy::Folder)).ok_or_else(|| {
            Error::new("the project has no name").hint("write `name: shop` at the top of the Compose file, or PROJECT_NAME=shop in `.env`")
        })
    }
}

const NAME_VARIABLES: [&str; 2] = ["PROJECT_NAME", "COMPOSE_PROJECT_NAME"];

fn only_name(only: &str, sources: &Sources<'_>, files: &[String], environment: &BTreeMap<String, String>) -> Result<(), Error> {
    if NAME_VARIABLES.iter().any(|variable| environment.get(*variable).is_some_and(|name| !name.is_empty())) {
        return Ok(());
    }
    let Some((said, place)) = sources.project_name(files, environment)? else { return Ok(()) };
    let name = names::normalised(&said);
    if name.is_empty() || name == only {
        return Ok(());
    }
    let error =
        Error { denied: true, ..Error::new(format!("the file calls the project `{name}`, and `{only}` is the one that is granted")) };
    Err(error
        .at(&place)
        .key("name")
        .hint(format!("in host.toml: `name = \"{name}\"` under `[project]`, and under `docker.project` where that is written"))
        .hint(format!("or, for it to stay `{only}`, in `.env`: PROJECT_NAME={only}")))
}

/// The folder of the first file.
pub(crate) fn folder_of(files: &[String]) -> String {
    files.first().map_or_else(|| ".".to_owned(), |file| files::clean(&files::parent(file)))
}
