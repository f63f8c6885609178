//! Networks that a guest makes.

use std::net::IpAddr;

use super::lack::Lack;
use super::{Invalid, Permit, labels, name, pairs};
use crate::capabilities::docker::network::Spec;
use crate::capabilities::docker::types::NetworkPool as Pool;

/// Options that change nothing outside of the network.
const PLAIN_OPTIONS: [&str; 5] = [
    "com.docker.network.driver.mtu",
    "com.docker.network.bridge.enable_icc",
    "com.docker.network.bridge.enable_ip_masquerade",
    "com.docker.network.container_iface_prefix",
    "encrypted",
];

impl Permit {
    /// What making a network lacks.
    pub fn network(&self, spec: &Spec) -> Result<Vec<Lack>, Invalid> {
        let Spec {
            name,
            key: _,
            driver,
            options,
            labels: given,
            // Less than everybody has.
            internal: _,
            // For services of a swarm, which only its managers can make.
            attachable: _,
            ipv6: _,
            ipam_driver,
            ipam_options,
            pools,
            shared,
        } = spec;
        name::check("network", name)?;
        labels::check(given)?;
        pairs::each_once("options", options)?;
        pairs::each_once("ipam-options", ipam_options)?;
        pools.iter().try_for_each(|pool| pairs::each_once("pools", &pool.auxiliary))?;
        let mut lacks = Vec::new();
        if *shared && !self.sees_network(name) {
            lacks.push(Lack::item("name", "networks", name));
        }
        // Others are on the machine's own network: macvlan, ipvlan, host.
        if !matches!(driver.as_str(), "" | "bridge" | "overlay") {
            lacks.extend(self.option("driver", "network-driver", driver));
        }
        for option in options.iter().filter(|option| !PLAIN_OPTIONS.contains(&option.name.as_str())) {
            // Such as the name of a bridge, which may be the machine's or another project's.
            lacks.extend(self.option("options", "network-option", &format!("{}={}", option.name, option.value)));
        }
        if !matches!(ipam_driver.as_str(), "" | "default") || !ipam_options.is_empty() {
            lacks.extend(self.option("ipam-driver", "ipam-driver", ipam_driver));
        }
        for Pool { subnet, gateway: _, ip_range: _, auxiliary: _ } in pools {
            if !subnet.is_empty() && !is_private(subnet)? {
                lacks.extend(self.option("pools", "subnet", subnet));
            }
        }
        Ok(lacks)
    }
}

/// Whether what is routed there is nobody's on the internet: the machine would not reach the real one any more.
fn is_private(subnet: &str) -> Result<bool, Invalid> {
    let none = || format!("`{}` is no subnet like `172.28.0.0/16`", subnet.escape_debug());
    let (address, bits) = subnet.split_once('/').ok_or_else(none)?;
    let bits: u8 = bits.parse().map_err(|_| none())?;
    Ok(match address.parse::<IpAddr>().map_err(|_| none())? {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            match (first, second) {
                (10, _) => bits >= 8,
                (172, 16..=31) => bits >= 12,
                (192, 168) => bits >= 16,
                (100, 64..=127) => bits >= 10,
                (198, 18 | 19) => bits >= 15,
                _ => false,
            }
        }
        IpAddr::V6(address) => {
            let [first, ..] = address.octets();
            // Unique local, and the range of documentation, which nobody has.
            (matches!(first, 0xfc | 0xfd) && bits >= 7) || (address.segments().starts_with(&[0x2001, 0xdb8]) && bits >= 32)
        }
    })
}

#[cfg(test)]
pub(in crate::capabilities::docker) mod tests {
    use super::*;
    use crate::capabilities::docker::types::Pair;
    use crate::grants::DockerGrant;

    pub(in crate::capabilities::docker) fn spec() -> Spec {
        Spec {
            name: "shop_default".to_owned(),
            key: "default".to_owned(),
            driver: String::new(),
            options: vec![],
            labels: vec![],
            internal: false,
            attachable: false,
            ipv6: false,
            ipam_driver: String::new(),
            ipam_options: vec![],
            pools: vec![],
            shared: false,
        }
    }

    fn pool(subnet: &str) -> Vec<Pool> {
        vec![Pool { subnet: subnet.to_owned(), gateway: String::new(), ip_range: String::new(), auxiliary: vec![] }]
    }

    fn option(name: &str, value: &str) -> Vec<Pair> {
        vec![Pair { name: name.to_owned(), value: value.to_owned() }]
    }

    fn things(grant: DockerGrant, spec: &Spec) -> Vec<String> {
        Permit::new("up", grant).network(spec).unwrap().into_iter().map(|lack| lack.thing).collect()
    }

    #[test]
    fn networks_reach_the_machines_own_only_when_that_is_granted() {
        let table = [
            (spec(), None),
            (Spec { driver: "bridge".into(), internal: true, ..spec() }, None),
            (Spec { driver: "overlay".into(), attachable: true, ..spec() }, None),
            (Spec { driver: "macvlan".into(), ..spec() }, Some("network-driver=macvlan")),
            (Spec { driver: "host".into(), ..spec() }, Some("network-driver=host")),
            (Spec { options: option("com.docker.network.driver.mtu", "1400"), ..spec() }, None),
            (
                Spec { options: option("com.docker.network.bridge.name", "docker0"), ..spec() },
                Some("network-option=com.docker.network.bridge.name=docker0"),
            ),
            (Spec { ipam_driver: "dhcp".into(), ..spec() }, Some("ipam-driver=dhcp")),
            (Spec { pools: pool("172.28.0.0/16"), ..spec() }, None),
            (Spec { pools: pool("fd00:1::/64"), ..spec() }, None),
            (Spec { pools: pool("8.8.8.0/24"), ..spec() }, Some("subnet=8.8.8.0/24")),
            (Spec { pools: pool("10.0.0.0/7"), ..spec() }, Some("subnet=10.0.0.0/7")),
        ];
        for (spec, lack) in table {
            assert_eq!(things(DockerGrant::default(), &spec), lack.into_iter().map(str::to_owned).collect::<Vec<_>>(), "{spec:?}");
            let security_options = lack.into_iter().map(str::to_owned).collect();
            assert!(things(DockerGrant { security_options, ..DockerGrant::default() }, &spec).is_empty(), "{spec:?}");
        }
    }

    #[test]
    fn a_shared_network_is_granted_by_its_name() {
        let shared = Spec { name: "reverse-proxy".into(), shared: true, ..spec() };
        assert_eq!(things(DockerGrant::default(), &shared), ["reverse-proxy"]);
        assert!(things(DockerGrant { networks: vec!["reverse-proxy".into()], ..DockerGrant::default() }, &shared).is_empty());
    }

    #[test]
    fn what_is_no_network_is_refused() {
        let permit = Permit::new("up", DockerGrant::default());
        for spec in [
            Spec { name: "a/b".into(), ..spec() },
            Spec { pools: pool("everything"), ..spec() },
            Spec { labels: option(labels::PROJECT, "other"), ..spec() },
        ] {
            assert!(permit.network(&spec).is_err(), "{spec:?}");
        }
    }
}
