//! A service as the spec of its containers, without what differs from one to the next.

use compose::Error;
use compose::{Dependency, Project, Restart as Wish, Service};
use host_sdk::docker::create::{LogDriver, Restart, RestartMode, Spec, Variable};
use host_sdk::docker::pair;

use super::{healthcheck, limits, mounts, networking, pairs, secrets, security, unsupported};
use crate::labels;

pub(super) fn container(project: &Project, service: &Service, image: &str) -> Result<Spec, Error> {
    if service.isolation.as_deref().is_some_and(|isolation| isolation != "default") {
        return Err(unsupported(service, "isolation", "it is for containers of Windows"));
    }
    let (secret_mounts, files) = secrets::secrets_and_configs(project, service)?;
    let mut mounts = mounts::mounts(project, service)?;
    mounts.extend(secret_mounts);
    let said = |text: &Option<String>| text.clone().unwrap_or_default();
    Ok(Spec {
        service: service.name.clone(),
        image: image.to_owned(),
        platform: said(&service.platform),
        labels: own_labels(service),
        annotations: pairs(&service.annotations),
        config_files: project.files.clone(),
        entrypoint: service.entrypoint.clone(),
        command: service.command.clone(),
        environment: variables(service),
        working_dir: said(&service.working_dir),
        user: said(&service.user),
        groups: service.group_add.clone(),
        hostname: said(&service.hostname),
        domain_name: said(&service.domainname),
        tty: service.tty,
        stdin_open: service.stdin_open,
        init: service.init,
        read_only: service.read_only,
        stop_signal: said(&service.stop_signal),
        stop_timeout_s: service.stop_grace_period.map(whole_seconds),
        healthcheck: service.healthcheck.as_ref().map(healthcheck::healthcheck),
        exposed: networking::exposed(service)?,
        published: networking::published(service),
        mounts,
        volumes_from: service.volumes_from.clone(),
        files,
        network_mode: said(&service.network_mode),
        attachments: networking::attachments(project, service)?,
        links: service.links.iter().chain(&service.external_links).cloned().collect(),
        extra_hosts: service.extra_hosts.iter().map(|host| host.replacen('=', ":", 1)).collect(),
        dns: service.dns.clone(),
        dns_search: service.dns_search.clone(),
        dns_options: service.dns_opt.clone(),
        restart: restart(service.restart_policy()),
        logging: service
            .logging
            .as_ref()
            .map(|logging| LogDriver { driver: logging.driver.clone().unwrap_or_default(), options: pairs(&logging.options) }),
        resources: limits::resources(service)?,
        namespaces: security::namespaces(service),
        security: security::security(service),
        ..Default::default()
    })
}

/// Without a value: not in the container, whatever the image says.
fn variables(service: &Service) -> Vec<Variable> {
    let removed = service.removed.iter().map(|name| Variable { name: name.clone(), value: None });
    let said = service.environment.iter().map(|(name, value)| Variable { name: name.clone(), value: value.clone() });
    said.chain(removed).collect()
}

/// What the file says, and what Compose says of every container.
fn own_labels(service: &Service) -> Vec<host_sdk::docker::Pair> {
    let mut labels = pairs(&service.labels);
    labels.push(pair(labels::DEPENDS_ON, depends_on(&service.depends_on)));
    labels
}

/// `db:service_healthy:false,cache:service_started:true`
fn depends_on<'a>(dependencies: impl IntoIterator<Item = (&'a String, &'a Dependency)>) -> String {
    let one = |(name, dependency): (&String, &Dependency)| format!("{name}:{}:{}", dependency.condition.as_str(), dependency.restart);
    dependencies.into_iter().map(one).collect::<Vec<_>>().join(",")
}

fn restart(wish: Wish) -> Restart {
    match wish {
        Wish::No => Restart::default(),
        Wish::Always => Restart { mode: RestartMode::Always, most: 0 },
        Wish::UnlessStopped => Restart { mode: RestartMode::UnlessStopped, most: 0 },
        Wish::OnFailure(most) => Restart { mode: RestartMode::OnFailure, most },
    }
}

/// The engine counts whole seconds: a part of one is one.
fn whole_seconds(nanoseconds: i64) -> u32 {
    let nanoseconds = u64::try_from(nanoseconds).unwrap_or_default();
    u32::try_from(nanoseconds.div_ceil(1_000_000_000)).unwrap_or(u32::MAX)
}
