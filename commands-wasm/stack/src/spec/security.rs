//! Privileges, devices and namespaces: each needs a grant of its own, which the host looks at.

use compose::{DeviceRequest, Service};
use host_sdk::docker::create::{self, Device, Namespaces, Security};

use super::{narrow, pairs};

/// As the engine reads a device without more.
const PERMISSIONS: &str = "rwm";

pub(super) fn security(service: &Service) -> Security {
    let device = |device: &compose::Device| {
        let permissions = if device.permissions.is_empty() { PERMISSIONS } else { &device.permissions };
        Device { source: device.source.clone(), target: device.target.clone(), permissions: permissions.to_owned() }
    };
    Security {
        privileged: service.privileged,
        cap_add: service.cap_add.clone(),
        cap_drop: service.cap_drop.clone(),
        options: service.security_opt.clone(),
        devices: service.devices.iter().map(device).collect(),
        device_requests: service.limits().devices.iter().map(request).collect(),
        device_cgroup_rules: service.device_cgroup_rules.clone(),
        cgroup_parent: service.cgroup_parent.clone().unwrap_or_default(),
        runtime: service.runtime.clone().unwrap_or_default(),
        sysctls: pairs(&service.sysctls),
    }
}

pub(super) fn namespaces(service: &Service) -> Namespaces {
    let said = |name: &Option<String>| name.clone().unwrap_or_default();
    Namespaces {
        pid: said(&service.pid),
        ipc: said(&service.ipc),
        uts: said(&service.uts),
        user: said(&service.userns_mode),
        cgroup: said(&service.cgroup),
    }
}

fn request(request: &DeviceRequest) -> create::DeviceRequest {
    create::DeviceRequest {
        driver: request.driver.clone().unwrap_or_default(),
        // All of them, unless some are named.
        count: request.count.map_or(if request.device_ids.is_empty() { -1 } else { 0 }, |count| narrow(count, i32::MAX)),
        ids: request.device_ids.clone(),
        capabilities: vec![request.capabilities.clone()],
        options: pairs(&request.options),
    }
}
