//! Specs from JSON, their fields named as in the WIT.

use host_sdk::docker::{build, create, exec, network, volume};
use serde_json::Value;

use crate::field;
use crate::json::{flag, list, number, pairs, text, words};

pub(crate) fn container(of: &Value) -> create::Spec {
    let given = |name: &str| field(of, name).is_array().then(|| words(of, name));
    create::Spec {
        name: text(of, "name"),
        service: text(of, "service"),
        number: number(of, "number"),
        one_off: flag(of, "one-off"),
        image: text(of, "image"),
        labels: pairs(of, "labels"),
        annotations: pairs(of, "annotations"),
        config_files: words(of, "config-files"),
        entrypoint: given("entrypoint"),
        command: given("command"),
        environment: pairs(of, "environment")
            .into_iter()
            .map(|variable| create::Variable { name: variable.name, value: Some(variable.value) })
            .collect(),
        tty: flag(of, "tty"),
        stdin_open: flag(of, "stdin-open"),
        read_only: flag(of, "read-only"),
        stop_timeout_s: field(of, "stop-timeout-s").as_u64().and_then(|seconds| u32::try_from(seconds).ok()),
        published: list(field(of, "published"), published),
        mounts: list(field(of, "mounts"), mount),
        volumes_from: words(of, "volumes-from"),
        files: list(field(of, "files"), file),
        network_mode: text(of, "network-mode"),
        attachments: list(field(of, "attachments"), attachment),
        links: words(of, "links"),
        logging: field(of, "logging")
            .is_object()
            .then(|| create::LogDriver { driver: text(field(of, "logging"), "driver"), options: pairs(field(of, "logging"), "options") }),
        resources: create::Resources { storage_options: pairs(of, "storage-options"), ..create::Resources::default() },
        namespaces: namespaces(field(of, "namespaces")),
        security: security(field(of, "security")),
        ..create::Spec::default()
    }
}

pub(crate) fn attachment(of: &Value) -> create::Attachment {
    create::Attachment {
        network: text(of, "network"),
        aliases: words(of, "aliases"),
        gateway_priority: number(of, "gateway-priority"),
        ..create::Attachment::default()
    }
}

pub(crate) fn network(of: &Value) -> network::Spec {
    let pool = |pool: &Value| network::Pool {
        subnet: text(pool, "subnet"),
        gateway: String::new(),
        ip_range: String::new(),
        auxiliary: Vec::new(),
    };
    network::Spec {
        name: text(of, "name"),
        key: text(of, "key"),
        driver: text(of, "driver"),
        options: pairs(of, "options"),
        labels: pairs(of, "labels"),
        pools: list(field(of, "pools"), pool),
        shared: flag(of, "shared"),
        ..network::Spec::default()
    }
}

pub(crate) fn volume(of: &Value) -> volume::Spec {
    volume::Spec {
        name: text(of, "name"),
        key: text(of, "key"),
        driver: text(of, "driver"),
        options: pairs(of, "options"),
        labels: pairs(of, "labels"),
    }
}

pub(crate) fn ground(of: &Value) -> create::Ground {
    let external = |of: &Value| create::External { key: text(of, "key"), name: text(of, "name") };
    create::Ground {
        networks: list(field(of, "networks"), network),
        volumes: list(field(of, "volumes"), volume),
        external_networks: list(field(of, "external-networks"), external),
        external_volumes: list(field(of, "external-volumes"), external),
    }
}

pub(crate) fn build(of: &Value) -> build::Spec {
    build::Spec {
        service: text(of, "service"),
        context: text(of, "context"),
        dockerfile: text(of, "dockerfile"),
        dockerfile_inline: text(of, "dockerfile-inline"),
        tags: words(of, "tags"),
        ..build::Spec::default()
    }
}

pub(crate) fn process(of: &Value) -> exec::Process {
    exec::Process {
        args: words(of, "args"),
        environment: pairs(of, "environment"),
        user: text(of, "user"),
        privileged: flag(of, "privileged"),
        tty: flag(of, "tty"),
        stdin: flag(of, "stdin"),
        ..exec::Process::default()
    }
}

fn published(of: &Value) -> create::Published {
    let first = number(of, "host-port");
    create::Published {
        container_port: number(of, "container-port"),
        protocol: "tcp".to_owned(),
        host_ip: text(of, "host-ip"),
        host_port: first,
        host_port_last: first,
    }
}

fn mount(of: &Value) -> create::Mount {
    create::Mount {
        kind: match text(of, "kind").as_str() {
            "volume" => create::MountKind::Volume,
            "tmpfs" => create::MountKind::Tmpfs,
            _ => create::MountKind::Bind,
        },
        source: text(of, "source"),
        target: text(of, "target"),
        read_only: flag(of, "read-only"),
        propagation: text(of, "propagation"),
        ..create::Mount::default()
    }
}

fn file(of: &Value) -> create::File {
    create::File { path: text(of, "path"), content: text(of, "content").into_bytes(), mode: number(of, "mode"), uid: 0, gid: 0 }
}

fn namespaces(of: &Value) -> create::Namespaces {
    create::Namespaces {
        pid: text(of, "pid"),
        ipc: text(of, "ipc"),
        uts: text(of, "uts"),
        user: text(of, "user"),
        cgroup: text(of, "cgroup"),
    }
}

fn security(of: &Value) -> create::Security {
    let device =
        |device: &Value| create::Device { source: text(device, "source"), target: text(device, "target"), permissions: "rw".to_owned() };
    let request = |request: &Value| create::DeviceRequest {
        driver: text(request, "driver"),
        ids: words(request, "ids"),
        ..create::DeviceRequest::default()
    };
    create::Security {
        privileged: flag(of, "privileged"),
        cap_add: words(of, "cap-add"),
        cap_drop: words(of, "cap-drop"),
        options: words(of, "options"),
        devices: list(field(of, "devices"), device),
        device_requests: list(field(of, "device-requests"), request),
        device_cgroup_rules: words(of, "device-cgroup-rules"),
        cgroup_parent: text(of, "cgroup-parent"),
        runtime: text(of, "runtime"),
        sysctls: pairs(of, "sysctls"),
    }
}
