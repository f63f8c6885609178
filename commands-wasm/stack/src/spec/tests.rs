//! What a service of a compose file becomes.

use host_sdk::docker::create::{MountKind, RestartMode};
use host_sdk::docker::label;

use super::*;
use crate::fixture::{project, wanted};
use crate::labels;

fn spec(service: &str) -> host_sdk::docker::create::Spec {
    wanted(&format!("services: {{a: {service}}}")).services["a"].instance("shop", 2)
}

fn refused(yaml: &str) -> String {
    Wanted::of(&project(yaml), &Selection::default()).unwrap_err().to_string()
}

#[test]
fn a_container_has_its_names_and_labels() {
    let spec = spec("{image: x, labels: {own: '1'}, networks: {default: {aliases: [other]}}, depends_on: {}}");
    assert_eq!((spec.name.as_str(), spec.number, spec.one_off), ("shop-a-2", 2, false));
    assert_eq!(spec.attachments[0].network, "shop_default");
    assert_eq!(spec.attachments[0].aliases, ["shop-a-2", "a", "other"]);
    assert_eq!((label(&spec.labels, "own"), label(&spec.labels, labels::DEPENDS_ON)), (Some("1"), Some("")));
    assert!(label(&spec.labels, labels::KEYS).is_some_and(|keys| keys.contains("labels.own")));
    assert_eq!(label(&spec.labels, labels::CONFIG_HASH).map(str::len), Some(64));
    assert_eq!(spec.config_files, ["compose.yaml"]);
}

#[test]
fn what_it_waits_for_stands_in_a_label() {
    let wanted = wanted(
        "services: {a: {image: x, depends_on: {b: {condition: service_healthy, restart: true}, c: {condition: service_started}}}, b: {image: x}, c: {image: x}}",
    );
    let spec = wanted.services["a"].instance("shop", 1);
    assert_eq!(label(&spec.labels, labels::DEPENDS_ON), Some("b:service_healthy:true,c:service_started:false"));
}

#[test]
fn variables_without_a_value_are_told_so_that_the_image_s_own_go() {
    let mut project = project("services: {a: {image: x, environment: {A: '1', B: }}}");
    project.services.get_mut("a").unwrap().removed.insert("C".to_owned());
    let spec = Wanted::of(&project, &Selection::default()).unwrap().services["a"].instance("shop", 1);
    let told: Vec<_> = spec.environment.iter().map(|variable| (variable.name.as_str(), variable.value.as_deref())).collect();
    assert_eq!(told, [("A", Some("1")), ("B", None), ("C", None)]);
    assert!(label(&spec.labels, labels::KEYS).is_some_and(|keys| keys.contains("environment.C")));
}

#[test]
fn mounts_are_told_apart() {
    let wanted = wanted(
        "
services:
  a:
    image: x
    volumes: ['data:/data', './here:/here:ro', '/etc/localtime:/etc/localtime:ro', /anonymous]
    tmpfs: ['/run:size=64m,mode=1770', /tmp]
volumes: {data: }
",
    );
    let mounts = &wanted.services["a"].spec.mounts;
    let told: Vec<_> = mounts.iter().map(|mount| (mount.kind, mount.source.as_str(), mount.target.as_str(), mount.read_only)).collect();
    let expected = [
        (MountKind::Volume, "shop_data", "/data", false),
        (MountKind::Bind, "./here", "/here", true),
        (MountKind::Bind, "/etc/localtime", "/etc/localtime", true),
        (MountKind::Volume, "", "/anonymous", false),
        (MountKind::Tmpfs, "size=64m,mode=1770", "/run", false),
        (MountKind::Tmpfs, "rw", "/tmp", false),
    ];
    assert_eq!(told, expected);
}

#[test]
fn ports_are_published_and_exposed() {
    let spec = spec("{image: x, ports: ['127.0.0.1:8080:80', '53:53/udp', '9000'], expose: ['3000-3001']}");
    let published: Vec<_> = spec.published.iter().map(|port| (port.container_port, port.host_ip.as_str(), port.host_port)).collect();
    assert_eq!(published, [(80, "127.0.0.1", 8080), (53, "", 53), (9000, "", 0)]);
    let exposed: Vec<_> = spec.exposed.iter().map(|port| (port.port, port.protocol.as_str())).collect();
    assert_eq!(exposed, [(53, "udp"), (80, "tcp"), (3000, "tcp"), (3001, "tcp"), (9000, "tcp")]);
}

#[test]
fn times_and_limits_are_in_the_engines_units() {
    let spec = spec(
        "{image: x, stop_grace_period: 1500ms, restart: 'on-failure:3', mem_limit: 64m, cpus: 0.5, healthcheck: {test: 'true', interval: 2s, retries: 4}}",
    );
    assert_eq!(spec.stop_timeout_s, Some(2));
    assert_eq!((spec.restart.mode, spec.restart.most), (RestartMode::OnFailure, 3));
    assert_eq!((spec.resources.memory, spec.resources.nano_cpus), (64 << 20, 500_000_000));
    let check = spec.healthcheck.unwrap();
    assert_eq!((check.test, check.interval_ns, check.retries), (vec!["CMD-SHELL".to_owned(), "true".to_owned()], 2_000_000_000, 4));
}

#[test]
fn a_service_that_is_built_has_its_tags() {
    let wanted = wanted("services: {a: {build: {context: web, args: {A: '1'}, tags: ['a:2']}}}");
    let build = wanted.services["a"].build.as_ref().unwrap();
    assert_eq!((build.context.as_str(), build.tags.as_slice()), ("web", ["shop-a".to_owned(), "a:2".to_owned()].as_slice()));
}

#[test]
fn what_the_engine_has_no_place_for_is_named_with_its_line() {
    let table = [
        ("services:\n  a:\n    image: x\n    cpu_rt_period: 1000\n", "compose.yaml:4:5: `services.a.cpu_rt_period`: is not supported"),
        ("services:\n  a:\n    image: x\n    tmpfs: ['/run:color=red']\n", "`services.a.tmpfs`: is not supported: the option `color=red`"),
        ("services:\n  a:\n    build: https://example.com/x.git\n", "`services.a.build.context`: is not supported"),
    ];
    for (yaml, expected) in table {
        let told = refused(yaml);
        assert!(told.contains(expected), "{told}");
    }
}

#[test]
fn one_name_is_not_for_several_containers() {
    let selection = Selection { scale: [("a".to_owned(), 2)].into(), ..Selection::default() };
    let told = Wanted::of(&project("services: {a: {image: x, container_name: one}}"), &selection).unwrap_err().to_string();
    assert!(told.contains("2 containers cannot have the one name"), "{told}");
}
