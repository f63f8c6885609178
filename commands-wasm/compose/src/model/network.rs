//! Networks, and how a service is part of one.

use std::collections::BTreeMap;

use crate::error::Place;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    pub key: String,
    /// On the engine: `<project>_<key>`, or what `name:` says.
    pub name: String,
    /// It is there already, and neither made nor removed by this project.
    pub external: bool,
    /// None: the engine's, `bridge`.
    pub driver: Option<String>,
    pub driver_opts: BTreeMap<String, String>,
    pub ipam: Ipam,
    pub internal: bool,
    pub attachable: bool,
    pub enable_ipv4: Option<bool>,
    pub enable_ipv6: Option<bool>,
    pub labels: BTreeMap<String, String>,
    /// Of the key; of the first service that uses it for the implicit `default`.
    pub place: Place,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ipam {
    pub driver: Option<String>,
    pub config: Vec<IpamPool>,
    pub options: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IpamPool {
    pub subnet: Option<String>,
    pub gateway: Option<String>,
    pub ip_range: Option<String>,
    pub aux_addresses: BTreeMap<String, String>,
}

/// A service's end of a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceNetwork {
    /// Beside the service's and the container's name.
    pub aliases: Vec<String>,
    pub ipv4_address: Option<String>,
    pub ipv6_address: Option<String>,
    pub link_local_ips: Vec<String>,
    pub mac_address: Option<String>,
    pub driver_opts: BTreeMap<String, String>,
    pub interface_name: Option<String>,
    /// Networks are connected from the highest to the lowest, then by name.
    pub priority: i64,
    pub gw_priority: i64,
    /// Whether something was written below the network's name: `null` in Compose's hash otherwise.
    pub written: bool,
    pub place: Place,
}
