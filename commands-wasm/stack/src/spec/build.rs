//! `build`.

use compose::Error;
use compose::{Build, Project, Service};
use host_sdk::docker::build::{Secret, Spec};

use super::{limits, pairs};

/// What builds the service's image; none without `build:`. `image` is the first tag.
pub fn build(project: &Project, service: &Service, image: &str) -> Result<Option<Spec>, Error> {
    let Some(build) = &service.build else { return Ok(None) };
    refuse(service, build)?;
    let mut tags = vec![image.to_owned()];
    tags.extend(build.tags.iter().filter(|tag| *tag != image).cloned());
    Ok(Some(Spec {
        service: service.name.clone(),
        context: build.context.clone(),
        dockerfile: build.dockerfile.clone().unwrap_or_default(),
        dockerfile_inline: build.dockerfile_inline.clone().unwrap_or_default(),
        args: pairs(&build.args),
        target: build.target.clone().unwrap_or_default(),
        tags,
        labels: pairs(&build.labels),
        cache_from: build.cache_from.clone(),
        network: build.network.clone().unwrap_or_default(),
        extra_hosts: build.extra_hosts.clone(),
        platform: build.platforms.first().cloned().or_else(|| service.platform.clone()).unwrap_or_default(),
        shm_size: build.shm_size.unwrap_or_default(),
        ulimits: limits::ulimits(&build.ulimits),
        secrets: secrets(project, service, build)?,
        no_cache: build.no_cache,
        pull: build.pull,
    }))
}

fn refuse(service: &Service, build: &Build) -> Result<(), Error> {
    let wrong = |key: &str, why: &str| {
        Err(Error::new(format!("is not supported: {why}")).at(&build.place).key(format!("services.{}.build.{key}", service.name)))
    };
    let elsewhere = "the engine's own cache is used";
    match () {
        () if !build.is_local() => wrong("context", "a context is a folder of the project"),
        () if !build.cache_to.is_empty() => wrong("cache_to", elsewhere),
        () if !build.no_cache_filter.is_empty() => wrong("no_cache_filter", "`no_cache` is, for all stages"),
        () if !build.additional_contexts.is_empty() => wrong("additional_contexts", "an image has one context"),
        () if build.platforms.len() > 1 => wrong("platforms", "the engine builds for one platform"),
        () if build.privileged => wrong("privileged", "builds have no privileges"),
        () if !build.entitlements.is_empty() => wrong("entitlements", "builds have no privileges"),
        () if build.isolation.as_deref().is_some_and(|isolation| isolation != "default") => wrong("isolation", "it is for Windows"),
        () => Ok(()),
    }
}

fn secrets(project: &Project, service: &Service, build: &Build) -> Result<Vec<Secret>, Error> {
    let mut secrets = Vec::new();
    for reference in &build.secrets {
        let wrong = |why: String| Error::new(why).at(&reference.place).key(format!("services.{}.build.secrets", service.name));
        let secret = project.secrets.get(&reference.source).ok_or_else(|| wrong(format!("there is no secret `{}`", reference.source)))?;
        let content = match (&secret.file, &secret.content) {
            (Some(file), _) => std::fs::read(file).map_err(|error| wrong(format!("failed to read `{file}`: {error}")))?,
            (None, Some(content)) => content.as_bytes().to_vec(),
            (None, None) => return Err(wrong(format!("the secret `{}` has no value", secret.key))),
        };
        secrets.push(Secret { id: reference.target.clone().unwrap_or_else(|| reference.source.clone()), content });
    }
    Ok(secrets)
}
