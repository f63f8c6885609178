//! `deploy:`.

use super::Keys;
use super::resources::device_requests;
use crate::error::Error;
use crate::model::{Deploy, Resource, RestartPolicy, UpdateConfig};

const FOR_A_SWARM: &str = "it is for a swarm";

pub(super) fn deploy(keys: Keys<'_>) -> Result<Deploy, Error> {
    keys.without_effect(&["update_config", "rollback_config", "placement", "endpoint_mode"], FOR_A_SWARM);
    let resources = keys.sub("resources")?;
    let (mut limits, mut reservations) = (None, None);
    if let Some(resources) = resources {
        limits = resources.sub("limits")?.map(|keys| resource(keys, false)).transpose()?;
        reservations = resources.sub("reservations")?.map(|keys| resource(keys, true)).transpose()?;
        resources.finish()?;
    }
    let placement = keys.sub("placement")?;
    let (mut constraints, mut spread, mut most) = (Vec::new(), Vec::new(), None);
    if let Some(placement) = placement {
        constraints = placement.texts("constraints")?;
        for item in placement.list("preferences")? {
            let preference = Keys::of(item, placement.below("preferences"), placement.context)?;
            spread.extend(preference.text("spread")?);
            preference.finish()?;
        }
        most = placement.number("max_replicas_per_node", "zero or more")?;
        placement.finish()?;
    }
    let deploy = Deploy {
        mode: keys.choice("mode", &["replicated", "global", "replicated-job", "global-job"].map(|mode| (mode, mode)))?.map(str::to_owned),
        replicas: keys.number("replicas", "zero or more")?,
        labels: keys.options("labels")?,
        limits,
        reservations,
        restart_policy: keys.sub("restart_policy")?.map(restart_policy).transpose()?,
        update_config: keys.sub("update_config")?.map(update_config).transpose()?,
        rollback_config: keys.sub("rollback_config")?.map(update_config).transpose()?,
        constraints,
        spread,
        max_replicas_per_node: most,
        endpoint_mode: keys.text("endpoint_mode")?,
        place: keys.place.clone(),
    };
    keys.finish()?;
    Ok(deploy)
}

fn resource(keys: Keys<'_>, reserved: bool) -> Result<Resource, Error> {
    let mut resource = Resource { cpus: keys.float("cpus")?, memory: keys.bytes("memory")?, ..Resource::default() };
    if reserved {
        keys.without_effect(&["cpus", "generic_resources"], FOR_A_SWARM);
        resource.devices = device_requests(&keys, "devices")?;
        for item in keys.list("generic_resources")? {
            let outer = Keys::of(item, keys.below("generic_resources"), keys.context)?;
            if let Some(inner) = outer.sub("discrete_resource_spec")? {
                resource.generic_resources.push((inner.required("kind")?, inner.int("value")?.unwrap_or(0)));
                inner.finish()?;
            }
            outer.finish()?;
        }
    } else {
        resource.pids = keys.int("pids")?;
    }
    keys.finish()?;
    Ok(resource)
}

fn restart_policy(keys: Keys<'_>) -> Result<RestartPolicy, Error> {
    keys.without_effect(&["delay", "window"], FOR_A_SWARM);
    let conditions = ["none", "no", "on-failure", "any", "always", "unless-stopped"].map(|word| (word, word));
    let policy = RestartPolicy {
        condition: keys.choice("condition", &conditions)?.map(str::to_owned),
        delay: keys.duration("delay")?,
        max_attempts: keys.number("max_attempts", "zero or more")?,
        window: keys.duration("window")?,
    };
    keys.finish()?;
    Ok(policy)
}

fn update_config(keys: Keys<'_>) -> Result<UpdateConfig, Error> {
    let config = UpdateConfig {
        parallelism: keys.number("parallelism", "zero or more")?,
        delay: keys.duration("delay")?,
        failure_action: keys.text("failure_action")?,
        monitor: keys.duration("monitor")?,
        max_failure_ratio: keys.float("max_failure_ratio")?,
        order: keys.choice("order", &["start-first", "stop-first"].map(|word| (word, word)))?.map(str::to_owned),
    };
    keys.finish()?;
    Ok(config)
}
