//! What gives a container something of the machine's kernel: privileges, capabilities, namespaces, devices, options.

use sha2::{Digest, Sha256};

use super::lack::Lack;
use super::mount::{Place, World};
use super::{Invalid, Permit};
use crate::capabilities::docker::create::{Device, DeviceRequest, Namespaces, Security};
use crate::capabilities::docker::types::Pair;
use crate::channels::fnmatch::Pattern;

/// What engines give every container.
const DEFAULT_CAPABILITIES: [&str; 14] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

impl Permit {
    pub(super) fn security(&self, security: &Security, on_host_network: bool, world: &World<'_>) -> Result<Vec<Lack>, Invalid> {
        let Security {
            privileged,
            cap_add,
            // Less than everybody has.
            cap_drop: _,
            options,
            devices,
            device_requests,
            device_cgroup_rules,
            cgroup_parent,
            runtime,
            sysctls,
        } = security;
        let mut lacks = Vec::new();
        if *privileged && !self.grant.privileged {
            lacks.push(Lack::privileged("privileged"));
        }
        for capability in cap_add {
            lacks.extend(self.capability(capability)?);
        }
        for option in options {
            lacks.extend(self.security_option(option)?);
        }
        for device in devices {
            lacks.extend(self.device(device, world)?);
        }
        for request in device_requests {
            lacks.extend(self.device_request(request));
        }
        for rule in device_cgroup_rules {
            lacks.extend(self.option("device-cgroup-rules", "device-cgroup-rule", rule));
        }
        if !cgroup_parent.is_empty() {
            lacks.extend(self.option("cgroup-parent", "cgroup-parent", cgroup_parent));
        }
        // Which one is the default is the engine's: naming one may be less than that.
        if !runtime.is_empty() {
            lacks.extend(self.option("runtime", "runtime", runtime));
        }
        for Pair { name, value: _ } in sysctls {
            // Those of the network are the container's own, unless its network is the machine's.
            if on_host_network || !name.starts_with("net.") {
                lacks.extend(self.option("sysctls", "sysctl", name));
            }
        }
        Ok(lacks)
    }

    pub(super) fn namespaces(&self, namespaces: &Namespaces) -> Result<Vec<Lack>, Invalid> {
        let Namespaces { pid, ipc, uts, user, cgroup } = namespaces;
        let table: [(&'static str, &String, &[&str], bool); 5] = [
            ("pid", pid, &[], true),
            ("ipc", ipc, &["none", "private", "shareable"], true),
            ("uts", uts, &[], false),
            ("user", user, &[], false),
            ("cgroup", cgroup, &["private"], false),
        ];
        let mut lacks = Vec::new();
        for (namespace, mode, plain, of_another) in table {
            match mode.as_str() {
                "" => {}
                "host" if self.has_namespace(namespace) => {}
                "host" => lacks.push(Lack::namespace(namespace, namespace)),
                mode if plain.contains(&mode) => {}
                // Whose container that is is looked up when this one is made.
                mode if of_another && of_container(mode).is_some() => {}
                mode => return Err(format!("`{}` is no `{namespace}` namespace", mode.escape_debug())),
            }
        }
        Ok(lacks)
    }

    /// A security option that is no better than the default is granted by its whole text.
    pub(super) fn option(&self, field: &'static str, key: &str, value: &str) -> Option<Lack> {
        let option = format!("{key}={value}");
        (!self.has_option(&option)).then(|| Lack::option(field, option))
    }

    fn capability(&self, written: &str) -> Result<Option<Lack>, Invalid> {
        let capability = written.to_ascii_uppercase();
        let capability = capability.strip_prefix("CAP_").unwrap_or(&capability);
        if capability.is_empty() || !capability.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Err(format!("`{}` is no kernel capability", written.escape_debug()));
        }
        let granted = DEFAULT_CAPABILITIES.contains(&capability) || self.has_capability(capability);
        Ok((!granted).then(|| Lack::item("cap-add", "capabilities", capability)))
    }

    fn security_option(&self, written: &str) -> Result<Option<Lack>, Invalid> {
        if written.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
            return Err("a security option with control characters".to_owned());
        }
        let place = written.find(['=', ':']).unwrap_or(written.len());
        let (key, value) = written.split_at_checked(place).unwrap_or((written, ""));
        let value = value.trim_start_matches(['=', ':']);
        match (key, value) {
            ("no-new-privileges", "" | "true") | ("seccomp", "builtin") | ("apparmor", "docker-default") => Ok(None),
            // A profile is granted by what stands in it, not by a name that could stand for another one.
            ("seccomp", profile) if profile.trim_start().starts_with('{') => {
                let digest = hex::encode(Sha256::digest(profile.as_bytes()));
                Ok(self.option("security-options", key, &format!("sha256:{digest}")))
            }
            // Any label, profile or mask may be weaker than what the engine gives by itself.
            _ => Ok(self.option("security-options", key, value)),
        }
    }

    fn device(&self, device: &Device, world: &World<'_>) -> Result<Option<Lack>, Invalid> {
        let Device { source, target: _, permissions } = device;
        if !permissions.chars().all(|c| matches!(c, 'r' | 'w' | 'm')) {
            return Err(format!("`{}` are no permissions of a device: `r`, `w`, `m`", permissions.escape_debug()));
        }
        if !source.starts_with('/') {
            // `nvidia.com/gpu=all`: a device that the engine knows by a name.
            return Ok(self.device_name(source));
        }
        let place = Place::new(source, world)?;
        let covers = |granted: &String| {
            let granted = if granted.contains(['*', '?']) { granted.clone() } else { real(granted, world) };
            granted.starts_with('/') && Pattern::new(&granted).matches(&place.real.to_string_lossy())
        };
        if !self.grant.devices.iter().any(covers) {
            return Ok(Some(Lack::item("devices", "devices", source)));
        }
        place.problem.map_or(Ok(None), Err)
    }

    fn device_name(&self, name: &str) -> Option<Lack> {
        let granted = self.grant.devices.iter().any(|granted| !granted.starts_with('/') && Pattern::new(granted).matches(name));
        (!granted).then(|| Lack::item("devices", "devices", name))
    }

    fn device_request(&self, request: &DeviceRequest) -> Vec<Lack> {
        let DeviceRequest { driver, count: _, ids, capabilities: _, options: _ } = request;
        // CDI names any device of the machine, others graphics processors.
        if driver == "cdi" {
            return ids.iter().filter_map(|id| self.device_name(id)).collect();
        }
        let granted = self.grant.devices.iter().any(|granted| granted == "gpu");
        if granted { Vec::new() } else { vec![Lack::item("device-requests", "devices", "gpu")] }
    }
}

fn real(path: &str, world: &World<'_>) -> String {
    (world.real)(std::path::Path::new(path)).map_or_else(|_| path.to_owned(), |real| real.to_string_lossy().into_owned())
}

/// The name in `service:NAME` and `container:NAME`, and whether it is a service's.
pub(in crate::capabilities::docker) fn of_container(mode: &str) -> Option<(&str, bool)> {
    let (name, is_service) = match mode.strip_prefix("service:") {
        Some(name) => (name, true),
        None => (mode.strip_prefix("container:")?, false),
    };
    (!name.is_empty()).then_some((name, is_service))
}
