//! `build:`.

use std::collections::BTreeMap;

use super::Keys;
use crate::error::Error;
use crate::model::Build;

pub(super) fn build(keys: Keys<'_>) -> Result<Build, Error> {
    keys.unsupported(&[
        ("ssh", "copy what is needed into the context, or use a secret"),
        ("provenance", "attestations need BuildKit's own client"),
        ("sbom", "attestations need BuildKit's own client"),
    ])?;
    let inline = keys.text("dockerfile_inline")?;
    let dockerfile = keys.text("dockerfile")?;
    if inline.is_some() && dockerfile.is_some() {
        return Err(keys.wrong("dockerfile_inline", "stands beside `dockerfile`: one of the two"));
    }
    let build = Build {
        context: keys.text("context")?.unwrap_or_else(|| ".".to_owned()),
        dockerfile: if inline.is_some() { None } else { Some(dockerfile.unwrap_or_else(|| "Dockerfile".to_owned())) },
        dockerfile_inline: inline,
        args: arguments(&keys)?,
        target: keys.text("target")?,
        labels: keys.options("labels")?,
        cache_from: keys.texts("cache_from")?,
        cache_to: keys.texts("cache_to")?,
        no_cache: keys.flag("no_cache")?,
        no_cache_filter: keys.texts("no_cache_filter")?,
        pull: keys.flag("pull")?,
        network: keys.text("network")?,
        shm_size: keys.bytes("shm_size")?,
        extra_hosts: keys.texts("extra_hosts")?,
        isolation: keys.text("isolation")?,
        tags: keys.texts("tags")?,
        platforms: keys.texts("platforms")?,
        ulimits: super::resources::ulimits(&keys)?,
        secrets: super::service::references(&keys, "secrets")?,
        additional_contexts: keys.options("additional_contexts")?,
        privileged: keys.flag("privileged")?,
        entitlements: keys.texts("entitlements")?,
        place: keys.place.clone(),
    };
    keys.finish()?;
    Ok(build)
}

/// A name without a value has the environment's, or is left out.
fn arguments(keys: &Keys<'_>) -> Result<BTreeMap<String, String>, Error> {
    let environment = keys.context.environment;
    let known = keys
        .pairs("args")?
        .into_iter()
        .filter_map(|(name, value)| value.or_else(|| environment.get(&name).cloned()).map(|value| (name, value)));
    Ok(known.collect())
}
