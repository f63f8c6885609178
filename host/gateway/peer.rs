//! Who is at the other end: the address of a client, also behind proxies that are trusted to tell it.

use std::net::IpAddr;

use axum::http::HeaderMap;

/// A network of `--trusted-proxy`: `10.0.0.0/8`, `::1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: u128,
    bits: u32,
}

impl Network {
    /// The error completes "must be ...".
    pub fn parse(text: &str) -> Result<Self, String> {
        let malformed = || format!("an address or a network such as `10.0.0.0/8` or `::1`, not `{text}`");
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| malformed())?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(width), str::parse::<u32>).ok().filter(|bits| *bits <= width).ok_or_else(malformed)?;
        Ok(Self { address: number(address), bits: 128 - width + bits })
    }

    fn holds(&self, address: IpAddr) -> bool {
        let differing = self.address ^ number(address);
        self.bits == 0 || differing >> (128 - self.bits) == 0
    }
}

/// IPv4 as its mapped form, so that both are compared alike.
fn number(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// One connection's other end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    pub(super) address: IpAddr,
    pub(super) tls: bool,
    /// Came in by `--admin-listen`.
    pub(super) admin: bool,
}

pub(super) fn is_trusted(address: IpAddr, trusted: &[Network]) -> bool {
    trusted.iter().any(|network| network.holds(address))
}

/// The client's own address: the last one of `X-Forwarded-For` that is no trusted proxy, or the peer's. What
/// strangers write in front of it is not looked at.
pub(super) fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let mut client = peer.to_canonical();
    let values = headers.get_all("x-forwarded-for").iter().rev().filter_map(|value| value.to_str().ok());
    for hop in values.flat_map(|value| value.rsplit(',')) {
        if !is_trusted(client, trusted) {
            break;
        }
        let Ok(address) = hop.trim().parse::<IpAddr>() else { break };
        client = address.to_canonical();
    }
    client
}

/// Whether a request came from this machine itself, and not through a proxy on it, and means this machine: a
/// page of another site whose name was made to point here names itself in `Host`.
pub(super) fn is_local(peer: IpAddr, headers: &HeaderMap) -> bool {
    let forwarded = ["x-forwarded-for", "x-forwarded-host", "x-real-ip", "forwarded", "via"].iter().any(|name| headers.contains_key(*name));
    peer.to_canonical().is_loopback() && !forwarded && names_an_address(headers)
}

/// `localhost` or an address, which no name server can change.
pub(super) fn names_an_address(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get("host").and_then(|host| host.to_str().ok()) else { return false };
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((name, _)) => name,
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn networks_hold_their_addresses() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.9.8.7", "11.0.0.1"),
            ("192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2"),
            ("2001:db8::/32", "2001:db8:1::1", "2001:db9::1"),
            ("0.0.0.0/0", "8.8.8.8", "::1"),
        ] {
            let network = Network::parse(network).unwrap();
            assert!(network.holds(address(inside)) && !network.holds(address(outside)), "{network:?}");
        }
        assert!(Network::parse("::/0").unwrap().holds(address("8.8.8.8")));
        for text in ["", "10.0.0.0/33", "10.0.0/8", "host", "::1/129", "1.2.3.4/-1"] {
            assert!(Network::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let trusted = [Network::parse("10.0.0.0/8").unwrap()];
        for (peer, forwarded, expected) in [
            ("192.0.2.1", "6.6.6.6", "192.0.2.1"),
            ("10.0.0.1", "192.0.2.7", "192.0.2.7"),
            ("10.0.0.1", "6.6.6.6, 192.0.2.7, 10.0.0.2", "192.0.2.7"),
            ("10.0.0.1", "rubbish", "10.0.0.1"),
            ("10.0.0.1", "", "10.0.0.1"),
        ] {
            assert_eq!(client(address(peer), &headers(&[("x-forwarded-for", forwarded)]), &trusted), address(expected), "{forwarded}");
        }
        let two = headers(&[("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "192.0.2.7")]);
        assert_eq!(client(address("10.0.0.1"), &two, &trusted), address("192.0.2.7"));
    }

    #[test]
    fn a_proxy_on_this_machine_and_a_rebound_name_are_not_local() {
        let local = |peer: &str, pairs: &[(&'static str, &'static str)]| is_local(address(peer), &headers(pairs));
        assert!(local("127.0.0.1", &[("host", "localhost:8080")]));
        assert!(local("::1", &[("host", "[::1]:8080")]));
        assert!(!local("127.0.0.1", &[("host", "evil.test:8080")]));
        assert!(!local("127.0.0.1", &[]));
        assert!(!local("127.0.0.1", &[("host", "localhost"), ("x-forwarded-for", "192.0.2.1")]));
        assert!(!local("192.0.2.1", &[("host", "localhost")]));
    }
}
