//! What a spec says where nothing is said: that the engine decides. `create::Spec { name, image, ..Default::default() }`.

use crate::docker::{build, create, exec, network, volume};

macro_rules! defaults {
    ($($of:path { $($field:ident),* $(,)? })*) => {$(
        impl Default for $of {
            fn default() -> Self {
                Self { $($field: Default::default()),* }
            }
        }
    )*};
}

impl Default for create::MountKind {
    fn default() -> Self {
        Self::Bind
    }
}

impl Default for create::RestartMode {
    fn default() -> Self {
        Self::No
    }
}

defaults! {
    create::Healthcheck { test, interval_ns, timeout_ns, start_period_ns, start_interval_ns, retries }
    create::Published { container_port, protocol, host_ip, host_port, host_port_last }
    create::Mount {
        kind, source, target, read_only, create_source, propagation, no_copy, subpath,
        tmpfs_size, tmpfs_mode, selinux,
    }
    create::Attachment {
        network, aliases, ipv4_address, ipv6_address, link_local_ips, mac_address,
        driver_options, gateway_priority,
    }
    create::DeviceRequest { driver, count, ids, capabilities, options }
    create::Resources {
        nano_cpus, cpu_shares, cpu_quota, cpu_period, cpuset, memory, memory_reservation, memory_swap, memory_swappiness,
        pids, oom_kill_disable, oom_score_adjust, block_io_weight, shm_size, ulimits, storage_options,
    }
    create::Namespaces { pid, ipc, uts, user, cgroup }
    create::Security {
        privileged, cap_add, cap_drop, options, devices, device_requests, device_cgroup_rules,
        cgroup_parent, runtime, sysctls,
    }
    create::Spec {
        name, service, number, one_off, image, platform, labels, annotations,
        config_files, entrypoint, command, environment, working_dir, user, groups, hostname,
        domain_name, tty, stdin_open, init, read_only, stop_signal, stop_timeout_s, healthcheck, exposed,
        published, mounts, volumes_from, anonymous_volumes_of, files, network_mode, attachments, links,
        extra_hosts, dns, dns_search, dns_options, restart, logging, resources,
        namespaces, security, auto_remove,
    }
    create::Ground { networks, volumes, external_networks, external_volumes }
    network::Pool { subnet, gateway, ip_range, auxiliary }
    network::Spec {
        name, key, driver, options, labels, internal, attachable, ipv6, ipam_driver,
        ipam_options, pools, shared,
    }
    volume::Spec { name, key, driver, options, labels }
    build::Spec {
        service, context, dockerfile, dockerfile_inline, args, target, tags,
        labels, cache_from, network, extra_hosts, platform, shm_size, ulimits, secrets,
        no_cache, pull,
    }
    exec::Process { args, environment, working_dir, user, privileged, tty, stdin }
    create::Restart { mode, most }
}
