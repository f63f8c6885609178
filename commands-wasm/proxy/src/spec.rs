//! The proxy's container.

use std::fmt::Write as _;

use host_sdk::docker::create::{Attachment, Exposed, Healthcheck, Mount, MountKind, Published, Restart, RestartMode, Spec};
use host_sdk::docker::{Pair, pair};
use sha2::{Digest, Sha256};

use crate::settings::{ENTRY_POINTS, Provider, Settings};

pub const SERVICE: &str = "reverse-proxy";
/// The key of the volume with the certificates; it outlives every container.
pub const VOLUME: &str = "acme";
/// What tells the proxy's container from others: `check_services` asks for it.
const MARK: &str = "host.reverse-proxy";
/// Its presence makes Compose see the container; its value tells whether the container is as it should be.
const CONFIG_HASH: &str = "com.docker.compose.config-hash";

const ROUTES: &str = "/etc/traefik/dynamic";
const CERTIFICATES: &str = "/acme";
const SECOND_NS: u64 = 1_000_000_000;

/// How it is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// For good: it comes back with the engine.
    Service,
    /// As long as the terminal that it is joined to.
    Terminal,
}

/// `folder_id` tells one folder of routes from another: a container that reads elsewhere is not the right one.
pub fn spec(settings: &Settings, project: &str, folder_id: &str, mode: Mode) -> Spec {
    let restart = if mode == Mode::Service { RestartMode::UnlessStopped } else { RestartMode::No };
    let mut spec = Spec {
        name: container_name(project),
        service: SERVICE.to_owned(),
        number: 1,
        image: settings.image.clone(),
        command: Some(arguments(settings)),
        exposed: ports(settings).map(|(inner, _)| Exposed { port: inner, protocol: "tcp".to_owned() }).collect(),
        published: ports(settings).map(|(inner, outer)| published(inner, outer)).collect(),
        mounts: mounts(settings, project),
        attachments: vec![Attachment { network: settings.network.clone(), aliases: vec![SERVICE.to_owned()], ..Attachment::default() }],
        restart: Restart { mode: restart, most: 0 },
        // What it writes are certificates, and those have a volume.
        read_only: true,
        healthcheck: Some(Healthcheck {
            test: ["CMD", "traefik", "healthcheck", "--ping"].map(str::to_owned).to_vec(),
            interval_ns: 2 * SECOND_NS,
            timeout_ns: 5 * SECOND_NS,
            retries: 5,
            ..Healthcheck::default()
        }),
        ..Spec::default()
    };
    let hash = hash(&spec, folder_id);
    spec.labels = vec![pair(MARK, "true"), pair(CONFIG_HASH, hash)];
    spec
}

pub fn container_name(project: &str) -> String {
    format!("{project}-{SERVICE}-1")
}

pub fn volume_name(project: &str) -> String {
    format!("{project}_{VOLUME}")
}

/// Whether a container with these labels was made of the same spec.
pub fn is_same(labels: &[Pair], spec: &Spec) -> bool {
    let hash = |labels: &[Pair]| host_sdk::docker::label(labels, CONFIG_HASH).map(str::to_owned);
    hash(labels).is_some() && hash(labels) == hash(&spec.labels)
}

pub fn is_proxy(labels: &[Pair]) -> bool {
    host_sdk::docker::label(labels, MARK) == Some("true")
}

/// Traefik's static configuration; `traefik healthcheck` in the container is given the same by the engine's own check.
fn arguments(settings: &Settings) -> Vec<String> {
    let [web, secure] = ENTRY_POINTS;
    let mut arguments: Vec<String> =
        ["--global.checknewversion=false", "--global.sendanonymoususage=false", "--ping=true"].map(str::to_owned).to_vec();
    arguments.push(format!("--entrypoints.{web}.address=:80"));
    match settings.provider {
        Provider::File => {
            arguments.push(format!("--providers.file.directory={ROUTES}"));
            arguments.push("--providers.file.watch=true".to_owned());
            // Two seconds by itself, for which a stack that was just routed would answer 404.
            arguments.push("--providers.providersthrottleduration=100ms".to_owned());
        }
        Provider::Docker => {
            arguments.push("--providers.docker=true".to_owned());
            arguments.push("--providers.docker.exposedbydefault=false".to_owned());
            arguments.push(format!("--providers.docker.network={}", settings.network));
        }
    }
    if settings.tls {
        let acme = format!("--certificatesresolvers.{}.acme", settings.resolver);
        arguments.extend([
            format!("--entrypoints.{web}.http.redirections.entrypoint.to={secure}"),
            format!("--entrypoints.{web}.http.redirections.entrypoint.scheme=https"),
            format!("--entrypoints.{secure}.address=:443"),
            format!("--entrypoints.{secure}.http.tls.certresolver={}", settings.resolver),
            format!("{acme}.storage={CERTIFICATES}/acme.json"),
            format!("{acme}.httpchallenge.entrypoint={web}"),
        ]);
        arguments.extend(settings.acme_email.iter().map(|email| format!("{acme}.email={email}")));
        arguments.extend(settings.acme_server.iter().map(|server| format!("{acme}.caserver={server}")));
    }
    arguments
}

/// Of the container, and of the machine.
fn ports(settings: &Settings) -> impl Iterator<Item = (u16, u16)> {
    let second = settings.tls.then_some((443, settings.https_port));
    [(80, settings.http_port)].into_iter().chain(second)
}

fn published(inner: u16, outer: u16) -> Published {
    let protocol = "tcp".to_owned();
    Published { container_port: inner, protocol, host_ip: String::new(), host_port: outer, host_port_last: outer }
}

fn mounts(settings: &Settings, project: &str) -> Vec<Mount> {
    let bind = |source: &str, target: &str| Mount {
        kind: MountKind::Bind,
        source: source.to_owned(),
        target: target.to_owned(),
        read_only: true,
        ..Mount::default()
    };
    let mut mounts = match settings.provider {
        Provider::File => vec![bind(&settings.folder, ROUTES)],
        Provider::Docker => vec![bind(&settings.socket, "/var/run/docker.sock")],
    };
    if settings.tls {
        let (source, target) = (volume_name(project), CERTIFICATES.to_owned());
        mounts.push(Mount { kind: MountKind::Volume, source, target, ..Mount::default() });
    }
    mounts
}

fn hash(spec: &Spec, folder_id: &str) -> String {
    let mut hash = String::new();
    for byte in Sha256::digest(format!("{spec:?} {folder_id}").as_bytes()) {
        // Writing to a string does not fail.
        let _ = write!(hash, "{byte:02x}");
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::tests::settings;

    fn made(config: &[(&str, &str)], ssl: Option<&str>) -> Spec {
        spec(&settings(config, ssl).unwrap(), "reverse_proxy", "id", Mode::Service)
    }

    #[test]
    fn without_certificates_there_is_one_port_and_no_volume() {
        let spec = made(&[], None);
        let expected = [
            "--global.checknewversion=false",
            "--global.sendanonymoususage=false",
            "--ping=true",
            "--entrypoints.web.address=:80",
            "--providers.file.directory=/etc/traefik/dynamic",
            "--providers.file.watch=true",
            "--providers.providersthrottleduration=100ms",
        ];
        assert_eq!(spec.command.unwrap(), expected);
        assert_eq!((spec.published.len(), spec.mounts.len()), (1, 1));
        assert_eq!((spec.name.as_str(), spec.image.as_str()), ("reverse_proxy-reverse-proxy-1", "traefik:v3.7.15"));
    }

    #[test]
    fn with_certificates_http_leads_to_https_and_they_are_kept() {
        let spec = made(&[("acme-email", "ops@example.org"), ("cert-resolver", "le")], Some("true"));
        let arguments = spec.command.unwrap();
        for argument in [
            "--entrypoints.web.http.redirections.entrypoint.to=websecure",
            "--entrypoints.websecure.address=:443",
            "--entrypoints.websecure.http.tls.certresolver=le",
            "--certificatesresolvers.le.acme.storage=/acme/acme.json",
            "--certificatesresolvers.le.acme.httpchallenge.entrypoint=web",
            "--certificatesresolvers.le.acme.email=ops@example.org",
        ] {
            assert!(arguments.iter().any(|own| own == argument), "{argument}: {arguments:?}");
        }
        assert_eq!(spec.published.iter().map(|port| port.host_port).collect::<Vec<_>>(), [80, 443]);
        assert_eq!((spec.mounts[1].source.as_str(), spec.mounts[1].read_only), ("reverse_proxy_acme", false));
    }

    #[test]
    fn the_engines_socket_is_mounted_only_when_the_docker_provider_is_chosen() {
        let has_socket = |spec: &Spec| spec.mounts.iter().any(|mount| mount.source.contains("docker.sock"));
        assert!(!has_socket(&made(&[], Some("true"))));
        let docker = made(&[("provider", "docker")], None);
        assert!(has_socket(&docker) && docker.mounts.iter().all(|mount| mount.read_only));
        assert!(docker.command.unwrap().contains(&"--providers.docker.exposedbydefault=false".to_owned()));
    }

    #[test]
    fn neither_dashboard_nor_api_is_ever_switched_on() {
        for ssl in [None, Some("true")] {
            assert!(!made(&[], ssl).command.unwrap().iter().any(|argument| argument.starts_with("--api")));
        }
    }

    #[test]
    fn whatever_changes_the_container_changes_its_hash() {
        let first = made(&[], None);
        assert!(is_same(&first.labels, &made(&[], None)) && is_proxy(&first.labels));
        let others = [
            made(&[("image", "traefik:v3.7.16")], None),
            made(&[("http-port", "81")], None),
            made(&[], Some("true")),
            spec(&settings(&[], None).unwrap(), "reverse_proxy", "another", Mode::Service),
            spec(&settings(&[], None).unwrap(), "reverse_proxy", "id", Mode::Terminal),
        ];
        assert!(others.iter().all(|other| !is_same(&first.labels, other)));
        assert!(!is_same(&[], &first));
    }
}
