//! Ports of this machine: `8000`, `8000-8099`, `127.0.0.1:5432`, `53/udp`, `0` for one that the engine chooses.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use super::lack::Lack;
use super::{Invalid, Permit};
use crate::capabilities::docker::create::Published;

/// Ports that may be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortGrant {
    /// None is every address.
    ip: Option<IpAddr>,
    ports: RangeInclusive<u16>,
    protocol: String,
}

impl PortGrant {
    /// What is no port grants nothing.
    pub fn new(written: &str) -> Option<Self> {
        let (rest, protocol) = written.trim().rsplit_once('/').unwrap_or((written.trim(), "tcp"));
        let (ip, ports) = match rest.rsplit_once(':') {
            Some((ip, ports)) => (Some(address(ip)?), ports),
            None => (None, rest),
        };
        let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
        let ports = first.parse().ok()?..=last.parse().ok()?;
        Some(Self { ip, ports, protocol: protocol.to_ascii_lowercase() })
    }

    fn covers(&self, ip: Option<IpAddr>, port: u16, protocol: &str) -> bool {
        self.protocol == protocol && self.ports.contains(&port) && (self.ip.is_none() || self.ip == ip)
    }
}

impl Permit {
    /// What a published port lacks.
    pub(super) fn published(&self, published: &Published) -> Result<Option<Lack>, Invalid> {
        let Published { container_port, protocol, host_ip, host_port, host_port_last } = published;
        if *container_port == 0 {
            return Err("port 0 of a container cannot be published".to_owned());
        }
        if !matches!(protocol.as_str(), "tcp" | "udp" | "sctp") {
            return Err(format!("`{}` is no protocol of a port: `tcp`, `udp` or `sctp`", protocol.escape_debug()));
        }
        if host_port_last < host_port || (*host_port == 0 && *host_port_last != 0) {
            return Err(format!("ports from {host_port} to {host_port_last} are none"));
        }
        let ip = match host_ip.as_str() {
            "" => None,
            ip => Some(address(ip).ok_or_else(|| format!("`{}` is no address to publish on", ip.escape_debug()))?),
        };
        let mut ports = *host_port..=*host_port_last;
        let covered = ports.all(|port| self.ports.iter().any(|grant| grant.covers(ip, port, protocol)));
        Ok((!covered).then(|| Lack::item("ports", "ports", words(host_ip, *host_port, *host_port_last, protocol))))
    }

    /// Whether a port may be asked about: where it is granted on any address.
    pub fn has_port(&self, port: u16) -> bool {
        self.ports.iter().any(|grant| grant.ports.contains(&port))
    }

    /// The first of these that is not granted.
    pub fn ports(&self, ports: &[u16]) -> Vec<Lack> {
        ports.iter().filter(|port| !self.has_port(**port)).map(|port| Lack::item("ports", "ports", port.to_string())).collect()
    }
}

/// As it would be granted: `127.0.0.1:8000-8010/udp`.
fn words(ip: &str, first: u16, last: u16, protocol: &str) -> String {
    let ip = match ip {
        "" => String::new(),
        ip if ip.contains(':') && !ip.starts_with('[') => format!("[{ip}]:"),
        ip => format!("{ip}:"),
    };
    let last = if last == first { String::new() } else { format!("-{last}") };
    let protocol = if protocol == "tcp" { String::new() } else { format!("/{protocol}") };
    format!("{ip}{first}{last}{protocol}")
}

fn address(written: &str) -> Option<IpAddr> {
    written.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grants::DockerGrant;

    fn permit(ports: &[&str]) -> Permit {
        Permit::new("up", DockerGrant { ports: ports.iter().map(ToString::to_string).collect(), ..DockerGrant::default() })
    }

    fn port(host_ip: &str, host_port: u16, host_port_last: u16, protocol: &str) -> Published {
        Published { container_port: 80, protocol: protocol.to_owned(), host_ip: host_ip.to_owned(), host_port, host_port_last }
    }

    #[test]
    fn ports_are_granted_with_their_address_range_and_protocol() {
        let table: [(&[&str], Published, Option<&str>); 18] = [
            (&["8000"], port("", 8000, 8000, "tcp"), None),
            (&["8000"], port("127.0.0.1", 8000, 8000, "tcp"), None),
            (&["8000"], port("", 8001, 8001, "tcp"), Some("8001")),
            (&["8000-8099"], port("", 8000, 8099, "tcp"), None),
            (&["8000-8099"], port("", 8000, 8100, "tcp"), Some("8000-8100")),
            (&["8000-8049", "8050-8099"], port("", 8000, 8099, "tcp"), None),
            (&["127.0.0.1:5432"], port("127.0.0.1", 5432, 5432, "tcp"), None),
            (&["127.0.0.1:5432"], port("", 5432, 5432, "tcp"), Some("5432")),
            (&["127.0.0.1:5432"], port("0.0.0.0", 5432, 5432, "tcp"), Some("0.0.0.0:5432")),
            (&["127.0.0.1:5432"], port("127.0.0.2", 5432, 5432, "tcp"), Some("127.0.0.2:5432")),
            (&["[::1]:80"], port("::1", 80, 80, "tcp"), None),
            (&["[::1]:80"], port("::", 80, 80, "tcp"), Some("[::]:80")),
            (&["53/udp"], port("", 53, 53, "udp"), None),
            (&["53"], port("", 53, 53, "udp"), Some("53/udp")),
            (&["1-65535"], port("", 0, 0, "tcp"), Some("0")),
            (&["0"], port("", 0, 0, "tcp"), None),
            (&["0"], port("", 80, 80, "tcp"), Some("80")),
            (&["80x", "x", "", "1.2.3:80", "90000"], port("", 80, 80, "tcp"), Some("80")),
        ];
        for (granted, published, lacks) in table {
            let lack = permit(granted).published(&published).unwrap();
            assert_eq!(lack.as_ref().map(|lack| lack.thing.as_str()), lacks, "{granted:?} {published:?}");
            if let Some(lack) = lack {
                assert_eq!(permit(&[&lack.thing]).published(&published), Ok(None), "the line would not allow it");
            }
        }
    }

    #[test]
    fn ports_that_are_none_are_refused() {
        for published in [
            port("", 81, 80, "tcp"),
            port("", 0, 5, "tcp"),
            port("", 80, 80, "icmp"),
            port("nowhere", 80, 80, "tcp"),
            Published { container_port: 0, ..port("", 80, 80, "tcp") },
        ] {
            assert!(permit(&["0-65535"]).published(&published).is_err(), "{published:?}");
        }
    }
}
