//! What follows from what is written: the default network, implied dependencies, active profiles, env files.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Error, Place};
use crate::files::{FileError, Files};
use crate::interpolate::warn_unset;
use crate::loader::Options;
use crate::model::{Condition, Dependency, Ipam, Network, Project, Service, ServiceNetwork};
use crate::notes::Notes;
use crate::{check, dotenv};

pub(crate) fn project(mut project: Project, options: &Options, files: &dyn Files, notes: &Notes) -> Result<Project, Error> {
    default_network(&mut project);
    for service in project.services.values_mut() {
        imply(service);
        let environment = &project.environment;
        for (name, value) in service.environment.iter_mut().filter(|(_, value)| value.is_none()) {
            *value = environment.get(name).cloned();
        }
    }
    activate(&mut project, options)?;
    check::project(&project)?;
    project.graph().levels()?;
    warn_of_owners(&project, notes);
    if !options.without_service_files {
        let Project { services, environment, read, .. } = &mut project;
        may_be_read(services, files)?;
        for service in services.values_mut() {
            env_files(service, environment, files, notes, read)?;
            label_files(service, files, read)?;
        }
    }
    Ok(project)
}

/// A service that names no network is in `default`, which is made when somebody is in it.
fn default_network(project: &mut Project) {
    let mut first: Option<Place> = None;
    for service in project.services.values_mut().filter(|service| service.network_mode.is_none()) {
        if service.networks.is_empty() {
            let end = ServiceNetwork {
                aliases: Vec::new(),
                ipv4_address: None,
                ipv6_address: None,
                link_local_ips: Vec::new(),
                mac_address: None,
                driver_opts: BTreeMap::new(),
                interface_name: None,
                priority: 0,
                gw_priority: 0,
                written: false,
                place: service.place.clone(),
            };
            service.networks.insert("default".to_owned(), end);
        }
        if service.networks.contains_key("default") {
            first.get_or_insert_with(|| service.place.clone());
        }
    }
    if let Some(place) = first {
        project.networks.entry("default".to_owned()).or_insert_with(|| Network {
            key: "default".to_owned(),
            name: format!("{}_default", project.name),
            external: false,
            driver: None,
            driver_opts: BTreeMap::new(),
            ipam: Ipam::default(),
            internal: false,
            attachable: false,
            enable_ipv4: None,
            enable_ipv6: None,
            labels: BTreeMap::new(),
            place,
        });
    }
}

/// Whoever uses another service's network, volumes or the like waits for it.
fn imply(service: &mut Service) {
    let mut implied: Vec<(String, bool, &'static str)> = Vec::new();
    implied.extend(service.links.iter().map(|link| (link.split(':').next().unwrap_or_default().to_owned(), true, "links")));
    let namespaces = [
        ("network_mode", &service.network_mode),
        ("ipc", &service.ipc),
        ("pid", &service.pid),
        ("uts", &service.uts),
        ("cgroup", &service.cgroup),
    ];
    for (key, mode) in namespaces {
        if let Some(other) = mode.as_ref().and_then(|mode| mode.strip_prefix("service:")) {
            implied.push((other.to_owned(), true, key));
        }
    }
    for from in service.volumes_from.iter().filter(|from| !from.starts_with("container:")) {
        implied.push((from.split(':').next().unwrap_or_default().to_owned(), false, "volumes_from"));
    }
    for (other, restart, key) in implied {
        let place = service.place_of(key).clone();
        let dependency = Dependency { condition: Condition::Started, restart, required: true, implicit: true, place };
        service.depends_on.entry(other).or_insert(dependency);
    }
}

/// Sets aside the services whose profile is not active.
fn activate(project: &mut Project, options: &Options) -> Result<(), Error> {
    let listed = project.environment.get("COMPOSE_PROFILES").map(String::as_str).unwrap_or_default();
    let mut profiles: Vec<String> = options.profiles.clone();
    if profiles.is_empty() {
        profiles.extend(listed.split(',').map(str::trim).filter(|profile| !profile.is_empty()).map(str::to_owned));
    }
    for name in &options.services {
        let service = match project.services.get(name) {
            Some(service) => service,
            None => project.service(name)?,
        };
        if !is_active(service, &profiles) {
            profiles.extend(service.profiles.iter().cloned());
        }
    }
    let services = std::mem::take(&mut project.services);
    (project.services, project.inactive) = services.into_iter().partition(|(_, service)| is_active(service, &profiles));
    project.profiles = profiles.into_iter().collect();
    Ok(())
}

fn is_active(service: &Service, profiles: &[String]) -> bool {
    service.profiles.is_empty() || profiles.iter().any(|profile| profile == "*" || service.profiles.contains(profile))
}

/// A secret or config that is a file is mounted as it is.
fn warn_of_owners(project: &Project, notes: &Notes) {
    for service in project.services.values() {
        let kinds = [("secret", &service.secrets, &project.secrets), ("config", &service.configs, &project.configs)];
        for (what, references, known) in kinds {
            for reference in
                references.iter().filter(|reference| reference.mode.is_some() || reference.uid.is_some() || reference.gid.is_some())
            {
                if let Some(file) = known.get(&reference.source).and_then(|known| known.file.as_ref()) {
                    let source = &reference.source;
                    let message = format!(
                        "the {what} `{source}` of `{}` is the file `{file}`, mounted as it is: `mode`, `uid` and `gid` have no effect",
                        service.name
                    );
                    notes.warn(Some(&reference.place), message);
                }
            }
        }
    }
}

/// All files of services that may not be read are named at once: each is a line that the operator grants.
fn may_be_read(services: &BTreeMap<String, Service>, files: &dyn Files) -> Result<(), Error> {
    let mut found: Option<Error> = None;
    let mut asked = BTreeSet::new();
    for service in services.values() {
        let of_env = service.env_files.iter().map(|file| (&file.path, &file.place, "env_file"));
        let of_labels = service.label_files.iter().map(|path| (path, service.place_of("label_file"), "label_file"));
        for (path, place, key) in of_env.chain(of_labels) {
            if !asked.insert(path) || files.read(path) != Err(FileError::Denied) {
                continue;
            }
            let error = FileError::Denied.of(&format!("`{path}`"), path);
            found = Some(match found {
                None => error.at(place).key(format!("services.{}.{key}", service.name)),
                Some(first) => first.hints(error.hints),
            });
        }
    }
    found.map_or(Ok(()), Err)
}

/// What env files say, below what the service says itself.
fn env_files(
    service: &mut Service,
    environment: &BTreeMap<String, String>,
    files: &dyn Files,
    notes: &Notes,
    read: &mut BTreeSet<String>,
) -> Result<(), Error> {
    let mut said: BTreeMap<String, String> = BTreeMap::new();
    let mut removed = BTreeSet::new();
    for file in &service.env_files {
        let key = format!("services.{}.env_file", service.name);
        let bytes = match files.read(&file.path) {
            Ok(bytes) => bytes,
            Err(FileError::Missing) if !file.required => continue,
            Err(error) => {
                let missing = (error == FileError::Missing).then(|| format!("create it, or write - path: {}, required: false", file.path));
                return Err(error.of(&format!("`{}`", file.path), &file.path).at(&file.place).key(key).hints(missing));
            }
        };
        let own = &service.environment;
        let lookup = |name: &str| environment.get(name).cloned().or_else(|| own.get(name).cloned().flatten());
        let more =
            if file.raw { dotenv::parse_raw(&file.path, &bytes, &lookup)? } else { dotenv::parse(&file.path, &bytes, &said, &lookup)? };
        warn_unset(more.unset, Some(&Place::start(&file.path)), notes);
        said.extend(more.variables);
        removed.extend(more.removed);
        read.insert(file.path.clone());
    }
    for (name, value) in said {
        service.environment.entry(name).or_insert(Some(value));
    }
    service.removed = removed.into_iter().filter(|name| !service.environment.contains_key(name)).collect();
    Ok(())
}

fn label_files(service: &mut Service, files: &dyn Files, read: &mut BTreeSet<String>) -> Result<(), Error> {
    let mut said: BTreeMap<String, String> = BTreeMap::new();
    for path in &service.label_files {
        let bytes = files.read(path).map_err(|error| {
            Error::new(format!("failed to read `{path}`: {error}"))
                .at(service.place_of("label_file"))
                .key(format!("services.{}.label_file", service.name))
        })?;
        said.extend(dotenv::parse(path, &bytes, &said, &|_| None)?.variables);
        read.insert(path.clone());
    }
    for (name, value) in said {
        service.labels.entry(name).or_insert(value);
    }
    Ok(())
}
