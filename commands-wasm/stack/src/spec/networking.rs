//! `networks`, `ports`, `expose`, `links`.

use std::collections::BTreeSet;

use compose::Error;
use compose::{Port, Project, Service};
use host_sdk::docker::create::{Attachment, Exposed, Published};

use super::{narrow, pairs, unsupported};

/// Beside these aliases there is the container's own name, which is not known yet.
pub(super) fn attachments(project: &Project, service: &Service) -> Result<Vec<Attachment>, Error> {
    let mut attachments: Vec<Attachment> = Vec::new();
    for (key, network) in service.networks_by_priority() {
        let wrong = |why: &str| Error::new(why).at(&network.place).key(format!("services.{}.networks.{key}", service.name));
        if network.interface_name.is_some() {
            return Err(wrong("`interface_name` is not supported"));
        }
        let name = project.networks.get(key).map(|network| network.name.clone()).ok_or_else(|| wrong("there is no such network"))?;
        let mut aliases = vec![service.name.clone()];
        aliases.extend(network.aliases.iter().filter(|alias| **alias != service.name).cloned());
        let own_address = network.mac_address.clone().or_else(|| service.mac_address.clone().filter(|_| attachments.is_empty()));
        attachments.push(Attachment {
            network: name,
            aliases,
            ipv4_address: network.ipv4_address.clone().unwrap_or_default(),
            ipv6_address: network.ipv6_address.clone().unwrap_or_default(),
            link_local_ips: network.link_local_ips.clone(),
            mac_address: own_address.unwrap_or_default(),
            driver_options: pairs(&network.driver_opts),
            gateway_priority: narrow(network.gw_priority, i32::MAX),
        });
    }
    Ok(attachments)
}

pub(super) fn published(service: &Service) -> Vec<Published> {
    let one = |port: &Port| Published {
        container_port: port.target,
        protocol: port.protocol.as_str().to_owned(),
        host_ip: port.host_ip.clone().unwrap_or_default(),
        host_port: port.published.map(|published| published.first).unwrap_or_default(),
        host_port_last: port.published.map(|published| published.last).unwrap_or_default(),
    };
    service.ports.iter().map(one).collect()
}

pub(super) fn exposed(service: &Service) -> Result<Vec<Exposed>, Error> {
    let mut exposed = BTreeSet::new();
    for entry in &service.expose {
        let refused = || unsupported(service, "expose", &format!("`{entry}` is no port; write `80`, `80/udp` or `3000-3005`"));
        let (ports, protocol) = entry.split_once('/').unwrap_or((entry, "tcp"));
        let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
        let (first, last): (u16, u16) = (first.parse().map_err(|_| refused())?, last.parse().map_err(|_| refused())?);
        exposed.extend((first..=last).map(|port| (port, protocol.to_owned())));
    }
    exposed.extend(service.ports.iter().map(|port| (port.target, port.protocol.as_str().to_owned())));
    Ok(exposed.into_iter().map(|(port, protocol)| Exposed { port, protocol }).collect())
}
