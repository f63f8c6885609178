//! `inet` and `cidr` in binary against their text.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Bytes: family (2: IPv4, 3: IPv6), bits of the network, whether it is a cidr, length, address.
pub(super) fn to_text(raw: &[u8], out: &mut String) -> Option<()> {
    let (bits, cidr, address) = (*raw.get(1)?, *raw.get(2)? != 0, raw.get(4..)?);
    let (text, all) = match raw.first()? {
        2 => (Ipv4Addr::from(<[u8; 4]>::try_from(address).ok()?).to_string(), 32),
        3 => (Ipv6Addr::from(<[u8; 16]>::try_from(address).ok()?).to_string(), 128),
        _ => return None,
    };
    out.push_str(&text);
    if cidr || bits != all {
        out.push_str(&format!("/{bits}"));
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_show_their_network_only_when_they_have_one() {
        for (raw, text) in [
            (&[2, 32, 0, 4, 127, 0, 0, 1][..], "127.0.0.1"),
            (&[2, 24, 0, 4, 10, 0, 0, 1][..], "10.0.0.1/24"),
            (&[2, 32, 1, 4, 10, 0, 0, 1][..], "10.0.0.1/32"),
        ] {
            let mut out = String::new();
            assert_eq!(to_text(raw, &mut out), Some(()));
            assert_eq!(out, text);
        }
    }
}
