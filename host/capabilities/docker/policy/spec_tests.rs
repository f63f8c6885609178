//! Each field of a spec that gives a container something of the machine's: denied without a grant, allowed with the very
//! line that the denial names.

use std::path::Path;

use super::*;
use crate::capabilities::docker::create::{
    Device, DeviceRequest, LogDriver, Namespaces, Published, Resources, Restart, RestartMode, Security, Variable,
};
use crate::capabilities::docker::policy::lack::Needs;
use crate::capabilities::docker::types::Pair;
use crate::grants::DockerGrant;

pub(in crate::capabilities::docker) fn spec() -> Spec {
    Spec {
        name: "shop-web-1".into(),
        service: "web".into(),
        number: 1,
        one_off: false,
        image: "shop-web".into(),
        platform: String::new(),
        labels: vec![],
        annotations: vec![],
        config_files: vec![],
        entrypoint: None,
        command: None,
        environment: vec![],
        working_dir: String::new(),
        user: String::new(),
        groups: vec![],
        hostname: String::new(),
        domain_name: String::new(),
        tty: false,
        stdin_open: false,
        init: None,
        read_only: false,
        stop_signal: String::new(),
        stop_timeout_s: None,
        healthcheck: None,
        exposed: vec![],
        published: vec![],
        mounts: vec![],
        volumes_from: vec![],
        anonymous_volumes_of: String::new(),
        files: vec![],
        network_mode: String::new(),
        attachments: vec![],
        links: vec![],
        extra_hosts: vec![],
        dns: vec![],
        dns_search: vec![],
        dns_options: vec![],
        restart: Restart { mode: RestartMode::No, most: 0 },
        logging: None,
        resources: resources(),
        namespaces: namespaces(),
        security: security(),
        auto_remove: false,
    }
}

fn resources() -> Resources {
    Resources {
        nano_cpus: 0,
        cpu_shares: 0,
        cpu_quota: 0,
        cpu_period: 0,
        cpuset: String::new(),
        memory: 0,
        memory_reservation: 0,
        memory_swap: 0,
        memory_swappiness: None,
        pids: 0,
        oom_kill_disable: false,
        oom_score_adjust: 0,
        block_io_weight: 0,
        shm_size: 0,
        ulimits: vec![],
        storage_options: vec![],
    }
}

fn namespaces() -> Namespaces {
    Namespaces { pid: String::new(), ipc: String::new(), uts: String::new(), user: String::new(), cgroup: String::new() }
}

fn security() -> Security {
    Security {
        privileged: false,
        cap_add: vec![],
        cap_drop: vec![],
        options: vec![],
        devices: vec![],
        device_requests: vec![],
        device_cgroup_rules: vec![],
        cgroup_parent: String::new(),
        runtime: String::new(),
        sysctls: vec![],
    }
}

pub(in crate::capabilities::docker) fn bind(source: &str, read_only: bool) -> Mount {
    Mount { source: source.into(), read_only, ..volume(source) }.of(MountKind::Bind)
}

pub(in crate::capabilities::docker) fn volume(source: &str) -> Mount {
    Mount {
        kind: MountKind::Volume,
        source: source.into(),
        target: "/x".into(),
        read_only: false,
        create_source: false,
        propagation: String::new(),
        no_copy: false,
        subpath: String::new(),
        tmpfs_size: 0,
        tmpfs_mode: 0,
        selinux: String::new(),
    }
}

fn tmpfs(options: &str) -> Mount {
    volume(options).of(MountKind::Tmpfs)
}

impl Mount {
    fn of(self, kind: MountKind) -> Self {
        Self { kind, ..self }
    }
}

pub(in crate::capabilities::docker) fn attachment(network: &str) -> Attachment {
    Attachment {
        network: network.into(),
        aliases: vec![],
        ipv4_address: String::new(),
        ipv6_address: String::new(),
        link_local_ips: vec![],
        mac_address: String::new(),
        driver_options: vec![],
        gateway_priority: 0,
    }
}

fn pair(name: &str, value: &str) -> Vec<Pair> {
    vec![Pair { name: name.into(), value: value.into() }]
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

fn secured(change: impl FnOnce(&mut Security)) -> Spec {
    let mut spec = spec();
    change(&mut spec.security);
    spec
}

fn in_namespace(change: impl FnOnce(&mut Namespaces)) -> Spec {
    let mut spec = spec();
    change(&mut spec.namespaces);
    spec
}

fn device(source: &str) -> Vec<Device> {
    vec![Device { source: source.into(), target: "/dev/x".into(), permissions: "rwm".into() }]
}

fn request(driver: &str, ids: &[&str]) -> Vec<DeviceRequest> {
    vec![DeviceRequest { driver: driver.into(), count: -1, ids: texts(ids), capabilities: vec![texts(&["gpu"])], options: vec![] }]
}

fn port(host_ip: &str, host_port: u16) -> Vec<Published> {
    vec![Published { container_port: 80, protocol: "tcp".into(), host_ip: host_ip.into(), host_port, host_port_last: host_port }]
}

fn check(grant: &DockerGrant, spec: &Spec) -> Result<Vec<Lack>, Invalid> {
    let world = World { root: Path::new("/p"), socket: Some(Path::new("/run/docker.sock")), real: &|path| Ok(path.to_owned()) };
    let grant = DockerGrant { project: "shop".into(), ..grant.clone() };
    Ok(Permit::new("up", grant).spec(spec, &world)?.lacks)
}

/// The grant that a lack's line would make.
fn granting(lack: &Lack) -> DockerGrant {
    let mut grant = DockerGrant::default();
    match &lack.needs {
        Needs::Item(list, item) => grant.list_mut(list).unwrap().push(item.clone()),
        Needs::Privileged => grant.privileged = true,
        Needs::EngineSocket => grant.engine_socket = true,
    }
    grant
}

#[test]
fn each_field_that_gives_something_of_the_machine_is_denied_by_name_and_allowed_by_the_line_it_names() {
    let table: Vec<(Spec, &str, &str)> = vec![
        (Spec { image: "postgres:16".into(), ..spec() }, "image", "postgres:16"),
        (Spec { annotations: pair("run.oci.x", "1"), ..spec() }, "annotations", "annotation=run.oci.x"),
        (Spec { published: port("", 80), ..spec() }, "ports", "80"),
        (Spec { published: port("0.0.0.0", 80), ..spec() }, "ports", "0.0.0.0:80"),
        (Spec { published: port("", 0), ..spec() }, "ports", "0"),
        (Spec { mounts: vec![bind("./data", false)], ..spec() }, "mounts", "./data"),
        (Spec { mounts: vec![bind("/etc", true)], ..spec() }, "mounts", "/etc:ro"),
        (Spec { mounts: vec![bind("/run/docker.sock", true)], ..spec() }, "mounts", "/run/docker.sock"),
        (Spec { network_mode: "host".into(), ..spec() }, "network-mode", "host"),
        (Spec { network_mode: "bridge".into(), ..spec() }, "network-mode", "bridge"),
        (Spec { attachments: vec![attachment("host")], ..spec() }, "network-mode", "host"),
        (
            Spec { resources: Resources { storage_options: pair("dm.x", "1"), ..resources() }, ..spec() },
            "storage-options",
            "storage-option=dm.x",
        ),
        (in_namespace(|namespaces| namespaces.pid = "host".into()), "pid", "host"),
        (in_namespace(|namespaces| namespaces.ipc = "host".into()), "ipc", "host"),
        (in_namespace(|namespaces| namespaces.uts = "host".into()), "uts", "host"),
        (in_namespace(|namespaces| namespaces.user = "host".into()), "user", "host"),
        (in_namespace(|namespaces| namespaces.cgroup = "host".into()), "cgroup", "host"),
        (secured(|security| security.privileged = true), "privileged", "privileged"),
        (secured(|security| security.cap_add = texts(&["CAP_NET_ADMIN"])), "cap-add", "NET_ADMIN"),
        (secured(|security| security.cap_add = texts(&["all"])), "cap-add", "ALL"),
        (secured(|security| security.options = texts(&["seccomp:unconfined"])), "security-options", "seccomp=unconfined"),
        (secured(|security| security.options = texts(&["apparmor=unconfined"])), "security-options", "apparmor=unconfined"),
        (secured(|security| security.options = texts(&["label:disable"])), "security-options", "label=disable"),
        (secured(|security| security.options = texts(&["label=type:spc_t"])), "security-options", "label=type:spc_t"),
        (secured(|security| security.options = texts(&["systempaths=unconfined"])), "security-options", "systempaths=unconfined"),
        (secured(|security| security.options = texts(&["no-new-privileges:false"])), "security-options", "no-new-privileges=false"),
        (
            secured(|security| security.options = texts(&["seccomp={}"])),
            "security-options",
            "seccomp=sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
        ),
        (secured(|security| security.devices = device("/dev/fuse")), "devices", "/dev/fuse"),
        (secured(|security| security.devices = device("vendor.com/class=x")), "devices", "vendor.com/class=x"),
        (secured(|security| security.device_requests = request("", &[])), "device-requests", "gpu"),
        (secured(|security| security.device_requests = request("cdi", &["v.com/c=a"])), "devices", "v.com/c=a"),
        (secured(|security| security.device_cgroup_rules = texts(&["c 1:3 rwm"])), "device-cgroup-rules", "device-cgroup-rule=c 1:3 rwm"),
        (secured(|security| security.cgroup_parent = "/x".into()), "cgroup-parent", "cgroup-parent=/x"),
        (secured(|security| security.runtime = "runc".into()), "runtime", "runtime=runc"),
        (secured(|security| security.sysctls = pair("kernel.msgmax", "1")), "sysctls", "sysctl=kernel.msgmax"),
        (
            Spec { logging: Some(LogDriver { driver: "syslog".into(), options: pair("syslog-address", "udp://h:1") }), ..spec() },
            "logging",
            "log-driver=syslog",
        ),
        (Spec { resources: Resources { oom_score_adjust: -1000, ..resources() }, ..spec() }, "oom-score-adjust", "oom-score-adjust=-1000"),
    ];
    for (spec, field, thing) in table {
        let lacks = check(&DockerGrant::default(), &spec).unwrap();
        let [lack] = lacks.as_slice() else { panic!("{field} {thing}: {lacks:?}") };
        assert_eq!((lack.field, lack.thing.as_str()), (field, thing));
        assert_eq!(check(&granting(lack), &spec), Ok(vec![]), "the line of `{field}` `{thing}` does not allow it");
    }
}

#[test]
fn a_mount_that_others_see_is_granted_by_its_propagation() {
    let spec = Spec { mounts: vec![Mount { propagation: "rshared".into(), ..bind(".", false) }], ..spec() };
    let grant = DockerGrant { mounts: texts(&["."]), ..DockerGrant::default() };
    let lacks = check(&grant, &spec).unwrap();
    assert_eq!(lacks, [Lack::option("mounts", "propagation=rshared")]);
}

#[test]
fn a_label_for_selinux_is_a_change_of_what_is_mounted() {
    let spec = Spec { mounts: vec![Mount { selinux: "Z".into(), ..bind("./a", true) }], ..spec() };
    assert_eq!(check(&DockerGrant { mounts: texts(&["./a:ro"]), ..DockerGrant::default() }, &spec).unwrap().len(), 1);
    assert_eq!(check(&DockerGrant { mounts: texts(&["./a"]), ..DockerGrant::default() }, &spec), Ok(vec![]));
}

#[test]
fn on_the_machines_network_its_sysctls_are_the_machines() {
    let mut spec = Spec { network_mode: "host".into(), ..spec() };
    spec.security.sysctls = pair("net.core.somaxconn", "1");
    let grant = DockerGrant { host_namespaces: texts(&["network"]), ..DockerGrant::default() };
    assert_eq!(check(&grant, &spec).unwrap(), [Lack::option("sysctls", "sysctl=net.core.somaxconn")]);
}

#[test]
fn what_every_container_may_have_needs_no_grant() {
    let plain = [
        spec(),
        Spec { network_mode: "none".into(), ..spec() },
        Spec { network_mode: "service:db".into(), ..spec() },
        Spec { network_mode: "container:shop-db-1".into(), ..spec() },
        Spec { attachments: vec![attachment("shop_default")], ..spec() },
        Spec { mounts: vec![volume("shop_db"), volume(""), Mount { target: "/tmp".into(), ..volume("").of(MountKind::Tmpfs) }], ..spec() },
        Spec { mounts: vec![tmpfs("rw"), tmpfs("size=64m,mode=1770,uid=1000,gid=1000,exec,ro")], ..spec() },
        Spec { logging: Some(LogDriver { driver: "json-file".into(), options: pair("max-size", "10m") }), ..spec() },
        Spec { labels: pair("traefik.enable", "true"), ..spec() },
        in_namespace(|namespaces| namespaces.ipc = "shareable".into()),
        in_namespace(|namespaces| namespaces.pid = "service:db".into()),
        in_namespace(|namespaces| namespaces.cgroup = "private".into()),
        secured(|security| security.cap_add = texts(&["NET_BIND_SERVICE", "cap_chown"])),
        secured(|security| security.cap_drop = texts(&["ALL"])),
        secured(|security| security.options = texts(&["no-new-privileges", "no-new-privileges:true", "seccomp=builtin"])),
        secured(|security| security.sysctls = pair("net.core.somaxconn", "1")),
        Spec { resources: Resources { storage_options: pair("size", "1G"), ..resources() }, ..spec() },
    ];
    for spec in plain {
        assert_eq!(check(&DockerGrant::default(), &spec), Ok(vec![]), "{spec:?}");
    }
}

#[test]
fn what_no_grant_could_mean_is_refused_as_a_whole() {
    let file = |path: &str, bytes: usize| vec![File { path: path.into(), content: vec![0; bytes], mode: 0, uid: 0, gid: 0 }];
    let wrong = [
        Spec { name: "a/b".into(), ..spec() },
        Spec { service: String::new(), ..spec() },
        Spec { image: "a b".into(), ..spec() },
        Spec { labels: pair(labels::PROJECT, "other"), ..spec() },
        Spec { labels: pair(labels::RUN, "x"), ..spec() },
        Spec { environment: vec![Variable { name: "A=B".into(), value: None }], ..spec() },
        Spec { mounts: vec![Mount { target: "x".into(), ..volume("v") }], ..spec() },
        Spec { mounts: vec![Mount { subpath: "../x".into(), ..volume("v") }], ..spec() },
        Spec { mounts: vec![volume("../v")], ..spec() },
        Spec { mounts: vec![tmpfs("/etc")], ..spec() },
        Spec { mounts: vec![tmpfs("rw,suid")], ..spec() },
        Spec { mounts: vec![tmpfs("rw,mode=x")], ..spec() },
        Spec { mounts: vec![Mount { tmpfs_size: 1, ..tmpfs("rw") }], ..spec() },
        Spec { mounts: vec![Mount { target: "x".into(), ..tmpfs("rw") }], ..spec() },
        Spec { mounts: vec![Mount { propagation: "wide".into(), ..bind(".", true) }], ..spec() },
        Spec { files: file("relative", 1), ..spec() },
        Spec { files: file("/a/../b", 1), ..spec() },
        Spec { files: file("/a", limits::FILE_BYTES + 1), ..spec() },
        Spec { network_mode: "default".into(), ..spec() },
        Spec { network_mode: "container:".into(), ..spec() },
        Spec { network_mode: "none".into(), attachments: vec![attachment("shop_default")], ..spec() },
        Spec { attachments: vec![attachment("")], ..spec() },
        in_namespace(|namespaces| namespaces.uts = "container:x".into()),
        in_namespace(|namespaces| namespaces.user = "keep-id".into()),
        secured(|security| security.cap_add = texts(&["NET ADMIN"])),
        secured(|security| security.devices = vec![Device { permissions: "x".into(), ..device("/dev/a").remove(0) }]),
    ];
    for spec in wrong {
        assert!(check(&DockerGrant::default(), &spec).is_err(), "{spec:?}");
    }
    assert_eq!(check(&DockerGrant::default(), &Spec { files: file("/a", limits::FILE_BYTES), ..spec() }), Ok(vec![]));
}
