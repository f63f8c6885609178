//! The images that a build may take: those that its instructions name and those that its bases put off to it; an image
//! that was built for another project does not exist for this one.

use std::collections::HashMap;

use bollard::models::ImageInspect;

use super::context::{Context, Unreadable};
use super::logins::{self, Logins};
use super::references::{self, Base, Reading, References};
use super::request::{self, Builder};
use crate::capabilities::docker::client::{Engine, Failure};
use crate::capabilities::docker::error::{invalid, no_such};
use crate::capabilities::docker::jobs::Reporter;
use crate::capabilities::docker::policy::image::Reference;
use crate::capabilities::docker::policy::labels;
use crate::capabilities::docker::policy::lack::Lack;
use crate::capabilities::docker::scope::Scope;
use crate::capabilities::docker::types::{Error, Event};
use crate::capabilities::docker::wit::build::Spec;

/// Readers of Dockerfiles that need no grant: they are the engine's own, in newer versions. Those before 1.2 do not keep
/// the projects' cache mounts apart.
pub(super) const OWN_READER: &str = "docker.io/docker/dockerfile";

/// What a build lacks, as far as its spec, its context and its instructions tell. What cannot be meant the build says.
pub(super) async fn lacks(scope: &Scope, spec: &Spec, builder: Builder) -> Result<Vec<Lack>, Error> {
    let Ok(mut lacks) = scope.permit.build(spec) else { return Ok(Vec::new()) };
    if scope.permit.contexts().is_empty() {
        return Ok(lacks);
    }
    match super::context(scope, spec).await {
        Ok(context) => {
            if let Ok((found, _)) = references(scope, spec, &context, builder).await {
                lacks.extend(readers(scope, &found).unwrap_or_default());
                lacks.extend(scope.permit.added(&found.addresses));
            }
        }
        Err(Unreadable::NotGranted(path)) => lacks.push(super::context_lack(&path)),
        Err(Unreadable::Outside(text)) => return Err(Error::AccessDenied(format!("the build's context: {text}"))),
        Err(Unreadable::Invalid(_)) => {}
    }
    Ok(lacks)
}

/// Looks at all that a build takes, and has the engine fetch what it begins with; answers what registries are shown.
pub(super) async fn check(scope: &Scope, spec: &Spec, context: &Context, builder: Builder, reporter: &Reporter) -> Result<Logins, Error> {
    let (mut found, platform) = references(scope, spec, context, builder).await?;
    let platform = platform.as_str();
    scope.granted(readers(scope, &found)?)?;
    addresses_and_images(scope, spec, &found).await?;
    let first = logins(scope, spec, &found).await?;
    let mut platforms = HashMap::new();
    for base in found.bases.clone() {
        let platform = base.platform.as_deref().unwrap_or(platform);
        // The engine keeps an image for one of them, and what is put off may differ.
        if platforms.insert(base.image.clone(), platform.to_owned()).is_some_and(|other| other != platform) {
            return Err(invalid(format!("the Dockerfile begins with `{}` for two platforms", base.image)));
        }
        let triggers = triggers(scope, spec, &base, platform, &first, reporter).await?;
        for trigger in triggers {
            let late = references::of_trigger(&trigger);
            let late = late.map_err(|why| invalid(format!("`ONBUILD {trigger}` of the image `{}`: {why}", base.image)))?;
            found.images.extend(late.images);
            found.addresses.extend(late.addresses);
        }
    }
    addresses_and_images(scope, spec, &found).await?;
    for tag in &spec.tags {
        if is_of_another(scope, tag).await? {
            return Err(Error::Conflict(format!("the name `{tag}` is in use for an image of another project")));
        }
    }
    Ok(logins(scope, spec, &found).await?)
}

async fn logins(scope: &Scope, spec: &Spec, found: &References) -> Result<Logins, Failure> {
    logins::of(scope, found.images.iter().chain(&spec.cache_from).chain(&found.readers)).await
}

/// What the instructions refer to, and the platform that the image is for.
async fn references(scope: &Scope, spec: &Spec, context: &Context, builder: Builder) -> Result<(References, String), Error> {
    let version = scope.engine.version().await?;
    let machine = format!("{}/{}", version.os, version.architecture);
    let platform = if spec.platform.is_empty() { machine.as_str() } else { spec.platform.as_str() };
    let arguments = request::arguments(spec, builder, scope.project()).into_iter().map(|pair| (pair.name, pair.value));
    let reading = match builder {
        Builder::BuildKit => Reading::BuildKit { machine: &machine, target: platform },
        Builder::Classic if version.podman => Reading::Podman,
        Builder::Classic => Reading::Classic,
    };
    let mut found = references::of(&context.instructions, &Vec::from_iter(arguments), reading).map_err(invalid)?;
    if builder == Builder::Classic {
        found.readers.clear();
    }
    Ok((found, platform.to_owned()))
}

/// `docker/dockerfile:1`, `docker/dockerfile:1.7-labs`; what a digest stands for cannot be told.
fn is_own_reader(reference: &Reference) -> bool {
    let (name, tag) = reference.parts();
    let version = tag.split_once('-').map_or(tag, |(version, channel)| if channel == "labs" { version } else { "" });
    let numbers: Option<Vec<u32>> = version.split('.').map(|number| number.parse().ok()).collect();
    let is_new = numbers.is_some_and(|numbers| numbers.len() <= 3 && (numbers == [1] || numbers >= vec![1, 2]));
    name == OWN_READER && (is_new || matches!(tag, "latest" | "labs"))
}

fn readers(scope: &Scope, found: &References) -> Result<Vec<Lack>, Error> {
    let mut lacks = Vec::new();
    for reader in &found.readers {
        let reference = Reference::new(reader).map_err(invalid)?;
        if !is_own_reader(&reference) && !scope.permit.has_image(&reference) {
            lacks.push(Lack::item("syntax", "images", reader));
        }
    }
    Ok(lacks)
}

async fn addresses_and_images(scope: &Scope, spec: &Spec, found: &References) -> Result<(), Error> {
    scope.granted(scope.permit.added(&found.addresses))?;
    for image in found.images.iter().chain(&spec.cache_from) {
        if is_of_another(scope, image).await? {
            return Err(no_such("image", image));
        }
    }
    Ok(())
}

/// What an image puts off to the builds that begin with it. One that is not here is fetched before: otherwise the build
/// would, and do at once what it puts off.
async fn triggers(
    scope: &Scope,
    spec: &Spec,
    base: &Base,
    platform: &str,
    logins: &Logins,
    reporter: &Reporter,
) -> Result<Vec<String>, Error> {
    let engine = &scope.engine;
    let mut image = engine.image(&base.image).await?;
    if spec.pull || !image.as_ref().is_some_and(|image| is_for(image, platform)) {
        let reference = Reference::new(&base.image).map_err(invalid)?;
        reporter.say(Event { id: String::new(), text: format!("pulling {}", base.image), current: 0, total: 0 });
        let asked = if spec.platform.is_empty() { base.platform.as_deref().unwrap_or_default() } else { platform };
        let fetched = engine.fetch(&reference, asked, logins.at(&reference), |_| {}).await;
        fetched.map_err(|failure| logins.explain_of(&reference, failure))?;
        image = engine.image(&base.image).await?;
    }
    Ok(image.and_then(|image| image.config).and_then(|config| config.on_build).unwrap_or_default())
}

/// Variants (`linux/arm/v7`) are not compared.
fn is_for(image: &ImageInspect, platform: &str) -> bool {
    let mut parts = platform.split('/');
    let is_same = |part: Option<&str>, of: &Option<String>| of.as_deref().is_none_or(|of| of.is_empty() || part == Some(of));
    is_same(parts.next(), &image.os) && is_same(parts.next(), &image.architecture)
}

/// Whether an image was built for another project, and was not granted by its name either.
async fn is_of_another(scope: &Scope, image: &str) -> Result<bool, Error> {
    if Reference::new(image).is_ok_and(|reference| scope.permit.has_image(&reference)) {
        return Ok(false);
    }
    let config = scope.engine.image(image).await?.and_then(|image| image.config);
    let mut labels = config.and_then(|config| config.labels).into_iter().flatten();
    Ok(labels.any(|(name, value)| name == labels::PROJECT && value != scope.project()))
}

impl Engine {
    /// An image of this engine.
    async fn image(&self, reference: &str) -> Result<Option<ImageInspect>, Failure> {
        match self.ask(|docker| async move { docker.inspect_image(reference).await }).await {
            Ok(image) => Ok(Some(image)),
            // It is not here, or cannot be a name: the build says so, or pulls it.
            Err(Failure::Answered { status: 400..500, .. } | Failure::Other(_)) => Ok(None),
            Err(failure) => Err(failure),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_that_keep_projects_apart_need_no_grant() {
        let is_own = |reader: &str| is_own_reader(&Reference::new(reader).unwrap());
        for own in [
            "docker/dockerfile",
            "docker/dockerfile:1",
            "docker.io/docker/dockerfile:1.2",
            "docker/dockerfile:1.7.1-labs",
            "docker/dockerfile:labs",
        ] {
            assert!(is_own(own), "{own}");
        }
        let digest = format!("docker/dockerfile@sha256:{}", "a".repeat(64));
        for other in [
            "docker/dockerfile:1.0.0-experimental",
            "docker/dockerfile:1.1.7",
            "docker/dockerfile:experimental",
            "docker/dockerfile:0",
            "other/dockerfile:1",
            &digest,
            "docker/dockerfile:1-x",
        ] {
            assert!(!is_own(other), "{other}");
        }
    }
}
