//! What fits together: references, names, sections that exclude one another. The services of inactive profiles are
//! not looked at, as by Compose.

use std::collections::BTreeMap;

use crate::error::{Error, Place};
use crate::model::{MountKind, Project, Service};
use crate::{names, suggest};

pub(crate) fn project(project: &Project) -> Result<(), Error> {
    for service in project.services.values() {
        basics(service)?;
        references(project, service)?;
        dependencies(project, service)?;
        limits(service)?;
        targets(service)?;
    }
    container_names(project)
}

fn at(service: &Service, key: &str, message: impl Into<String>) -> Error {
    Error::new(message).at(service.place_of(key)).key(format!("services.{}.{key}", service.name))
}

fn basics(service: &Service) -> Result<(), Error> {
    if service.image.is_none() && service.build.is_none() {
        let error = Error::new("has neither `image` nor `build`").at(&service.place).key(format!("services.{}", service.name));
        return Err(error.hint("write image: NAME, or build: FOLDER"));
    }
    if service.network_mode.is_some() && !service.networks.is_empty() {
        return Err(at(service, "network_mode", "excludes `networks`"));
    }
    if service.network_mode.as_deref() == Some("host") && service.ports.iter().any(|port| port.published.is_some()) {
        return Err(at(service, "ports", "cannot be published with network_mode host: the container has the machine's ports"));
    }
    if let Some(name) = &service.container_name {
        if !names::is_container(name) {
            return Err(at(
                service,
                "container_name",
                format!("`{name}` is not a container's name: letters, digits, `.`, `_` and `-`, two of them at least"),
            ));
        }
        if service.replicas() > 1 {
            let key = if service.scale.is_some() { "scale" } else { "deploy" };
            return Err(at(
                service,
                "container_name",
                format!("excludes more than one container, and `{key}` asks for {}", service.replicas()),
            ));
        }
    }
    let Some(build) = &service.build else { return Ok(()) };
    if let Some(platform) = service.platform.as_ref().filter(|platform| !build.platforms.is_empty() && !build.platforms.contains(platform))
    {
        return Err(at(service, "platform", format!("`{platform}` is not one of `build.platforms`")));
    }
    Ok(())
}

fn unknown<'a>(service: &Service, key: &str, place: &Place, what: &str, name: &str, known: impl Iterator<Item = &'a String>) -> Error {
    let error = Error::new(format!("there is no {what} `{name}`")).at(place).key(format!("services.{}.{key}", service.name));
    match suggest::closest(name, known.map(String::as_str)) {
        Some(close) => error.hint(format!("did you mean `{close}`?")),
        None if what == "service" => error,
        None => error.hint(format!("add `{name}:` below the file's `{what}s:`")),
    }
}

fn references(project: &Project, service: &Service) -> Result<(), Error> {
    for (name, network) in &service.networks {
        if !project.networks.contains_key(name) {
            return Err(unknown(service, "networks", &network.place, "network", name, project.networks.keys()));
        }
    }
    for mount in service.volumes.iter().filter(|mount| mount.kind == MountKind::Volume) {
        if let Some(name) = mount.source.as_ref().filter(|name| !project.volumes.contains_key(*name)) {
            let error = unknown(service, "volumes", &mount.place, "volume", name, project.volumes.keys());
            return Err(if name.contains('/') { error.hint(format!("write ./{name} for a folder")) } else { error });
        }
    }
    for secret in &service.secrets {
        if !project.secrets.contains_key(&secret.source) {
            return Err(unknown(service, "secrets", &secret.place, "secret", &secret.source, project.secrets.keys()));
        }
    }
    for config in &service.configs {
        if !project.configs.contains_key(&config.source) {
            return Err(unknown(service, "configs", &config.place, "config", &config.source, project.configs.keys()));
        }
    }
    let Some(build) = &service.build else { return Ok(()) };
    for secret in &build.secrets {
        if !project.secrets.contains_key(&secret.source) {
            return Err(unknown(service, "build.secrets", &secret.place, "secret", &secret.source, project.secrets.keys()));
        }
    }
    for (name, context) in &build.additional_contexts {
        let Some(other) = context.strip_prefix("service:") else { continue };
        if project.services.get(other).is_none_or(|other| other.build.is_none()) {
            return Err(at(
                service,
                "build",
                format!("the context `{name}` is what `{other}` builds, and no active service of that name has a `build`"),
            ));
        }
    }
    Ok(())
}

fn dependencies(project: &Project, service: &Service) -> Result<(), Error> {
    for (name, dependency) in &service.depends_on {
        if project.services.contains_key(name) {
            continue;
        }
        let key = if dependency.implicit { implied_by(service, name) } else { "depends_on" };
        match project.inactive.get(name) {
            Some(_) if !dependency.required => {}
            Some(inactive) => {
                let profiles: Vec<&str> = inactive.profiles.iter().map(String::as_str).collect();
                let error = Error::new(format!("the service `{name}` belongs to a profile that is not active")).at(&dependency.place);
                let profile = profiles.first().copied().unwrap_or_default();
                return Err(error
                    .key(format!("services.{}.{key}", service.name))
                    .hint(format!("--profile {profile}, or write required: false")));
            }
            None => return Err(unknown(service, key, &dependency.place, "service", name, project.services.keys())),
        }
    }
    Ok(())
}

/// The key that a dependency comes from.
fn implied_by(service: &Service, other: &str) -> &'static str {
    let names = |mode: &Option<String>| mode.as_ref().and_then(|mode| mode.strip_prefix("service:")) == Some(other);
    let modes = [
        ("network_mode", &service.network_mode),
        ("ipc", &service.ipc),
        ("pid", &service.pid),
        ("uts", &service.uts),
        ("cgroup", &service.cgroup),
    ];
    let begins = |list: &[String]| list.iter().any(|entry| entry.split(':').next() == Some(other));
    match modes.iter().find(|(_, mode)| names(mode)) {
        Some((key, _)) => key,
        None if begins(&service.links) => "links",
        None => "volumes_from",
    }
}

/// The same limit at two places must be the same.
fn limits(service: &Service) -> Result<(), Error> {
    let Some(deploy) = &service.deploy else { return Ok(()) };
    let differ =
        |key: &str, other: &str| Err(at(service, key, format!("says something else than `deploy.{other}`")).hint("write one of the two"));
    if service.scale.is_some() && deploy.replicas.is_some() && service.scale != deploy.replicas {
        return differ("scale", "replicas");
    }
    let limit = deploy.limits.as_ref();
    if service.cpus.zip(limit.and_then(|limit| limit.cpus)).is_some_and(|(own, other)| own.total_cmp(&other).is_ne()) {
        return differ("cpus", "resources.limits.cpus");
    }
    let pairs = [
        ("mem_limit", "resources.limits.memory", service.mem_limit, limit.and_then(|limit| limit.memory)),
        ("pids_limit", "resources.limits.pids", service.pids_limit, limit.and_then(|limit| limit.pids)),
        (
            "mem_reservation",
            "resources.reservations.memory",
            service.mem_reservation,
            deploy.reservations.as_ref().and_then(|reserved| reserved.memory),
        ),
    ];
    match pairs.iter().find(|(_, _, own, other)| own.zip(*other).is_some_and(|(own, other)| own != other)) {
        Some((key, other, _, _)) => differ(key, other),
        None => Ok(()),
    }
}

/// Two mounts at one path.
fn targets(service: &Service) -> Result<(), Error> {
    if let Some(relative) = service.tmpfs.iter().find(|tmpfs| !tmpfs.starts_with('/')) {
        return Err(at(service, "tmpfs", format!("`{relative}` is not an absolute path")));
    }
    let tmpfs = service.tmpfs.iter().map(|tmpfs| (tmpfs.split(':').next().unwrap_or_default(), service.place_of("tmpfs")));
    let volumes = service.volumes.iter().map(|mount| (mount.target.as_str(), &mount.place));
    let mut seen: BTreeMap<&str, &Place> = BTreeMap::new();
    for (target, place) in tmpfs.chain(volumes) {
        if let Some(first) = seen.insert(target, place) {
            let error = Error::new(format!("`{target}` is mounted twice, first at {first}")).at(place);
            return Err(error.key(format!("services.{}.volumes", service.name)));
        }
    }
    Ok(())
}

/// One name for two containers.
fn container_names(project: &Project) -> Result<(), Error> {
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    for service in project.services.values() {
        let Some(name) = &service.container_name else { continue };
        if let Some(other) = seen.insert(name, &service.name) {
            return Err(at(service, "container_name", format!("`{name}` is also the container of `{other}`")));
        }
    }
    Ok(())
}
