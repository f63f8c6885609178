//! Hosts: a sub-domain of what the template has.

use std::net::{IpAddr, Ipv6Addr};

/// As DNS bounds a whole name.
const NAME_BYTES: usize = 253;
/// Endings that no certificate is issued for.
const PRIVATE: [&str; 8] = ["localhost", "local", "test", "example", "invalid", "internal", "lan", "arpa"];

/// What a host of the template becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Becomes {
    SubDomain(String),
    /// It refers to another value that is set.
    Follows,
    /// An address that a server listens on.
    Address,
}

/// `value` may be a list, have a scheme and a port: `https://a.example:8000,b.example`. `known` are keys that are set.
pub(crate) fn sub_domain(value: &str, label: &str, known: &[&str]) -> Result<Becomes, String> {
    if known.iter().any(|key| refers_to(value, key)) {
        return Ok(Becomes::Follows);
    }
    let hosts: Vec<Becomes> = value.split(',').map(|host| one(host.trim(), label)).collect::<Result<_, _>>()?;
    if hosts.contains(&Becomes::Address) {
        return Ok(Becomes::Address);
    }
    let names: Vec<String> =
        hosts.into_iter().filter_map(|host| if let Becomes::SubDomain(name) = host { Some(name) } else { None }).collect();
    Ok(Becomes::SubDomain(names.join(",")))
}

/// Whether certificates are issued for names that end so.
pub(crate) fn is_public(value: &str) -> bool {
    let name = split(value).1;
    let last = name.trim_end_matches('.').rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    name.contains('.') && name.parse::<IpAddr>().is_err() && !PRIVATE.contains(&last.as_str())
}

fn one(host: &str, label: &str) -> Result<Becomes, String> {
    let (scheme, name, rest) = split(host);
    if name.parse::<IpAddr>().is_ok() || name.trim_matches(['[', ']']).parse::<Ipv6Addr>().is_ok() {
        return Ok(Becomes::Address);
    }
    let name = name.strip_prefix("*.").unwrap_or(name);
    if name.is_empty() {
        return Err("is empty, so that there is nothing to make a sub-domain of".to_owned());
    }
    if super::secret::is_placeholder(name) {
        return Err(format!("is `{name}`, which is no domain yet"));
    }
    // What a variable stands for is not known here.
    if !name.contains('$') {
        check(name, label)?;
    }
    let sub = if name.starts_with(&format!("{label}.")) { name.to_owned() } else { format!("{label}.{name}") };
    Ok(Becomes::SubDomain(format!("{scheme}{sub}{rest}")))
}

fn check(name: &str, label: &str) -> Result<(), String> {
    let parts = name.strip_suffix('.').unwrap_or(name).split('.');
    let fine = |part: &str| !part.is_empty() && part.len() <= 63 && part.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'));
    if !parts.clone().all(fine) {
        return Err(format!("is `{name}`, which is no domain"));
    }
    let length = label.len() + 1 + name.len();
    if length > NAME_BYTES {
        return Err(format!("would be {length} bytes long with `{label}.` before it, at most {NAME_BYTES} are a name"));
    }
    Ok(())
}

/// Scheme, name, and the port and path behind it.
fn split(host: &str) -> (&str, &str, &str) {
    let start = host.find("://").map_or(0, |place| place + 3);
    let (scheme, name) = host.split_at_checked(start).unwrap_or(("", host));
    let address_end = if name.starts_with('[') { name.find(']').map(|end| end + 1) } else { None };
    // Two colons without brackets are an IPv6 address; a default in `${X:-y}` is no port.
    let bare_v6 = name.parse::<Ipv6Addr>().is_ok();
    let end = address_end.or_else(|| if bare_v6 { None } else { port_or_path(name) }).unwrap_or(name.len());
    let (name, rest) = name.split_at_checked(end).unwrap_or((name, ""));
    (scheme, name, rest)
}

fn port_or_path(name: &str) -> Option<usize> {
    let braces = name.rfind('}').map_or(0, |end| end + 1);
    name.get(braces..)?.find([':', '/']).map(|place| braces + place)
}

fn refers_to(value: &str, key: &str) -> bool {
    value.match_indices('$').any(|(place, _)| {
        let behind = value.get(place + 1..).unwrap_or_default();
        let behind = behind.strip_prefix('{').unwrap_or(behind);
        behind.strip_prefix(key).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_becomes_a_sub_domain_of_itself() {
        let cases = [
            ("example.com", "pr-1.example.com"),
            ("api.example.com.", "pr-1.api.example.com."),
            ("localhost", "pr-1.localhost"),
            ("localhost:8000", "pr-1.localhost:8000"),
            ("https://example.com:8443/app", "https://pr-1.example.com:8443/app"),
            ("*.example.com", "pr-1.example.com"),
            ("pr-1.example.com", "pr-1.example.com"),
            ("a.example.com, b.example.com", "pr-1.a.example.com,pr-1.b.example.com"),
            ("${DOMAIN}", "pr-1.${DOMAIN}"),
            ("${DOMAIN:-example.com}:80", "pr-1.${DOMAIN:-example.com}:80"),
            ("münchen.example", "pr-1.münchen.example"),
        ];
        for (host, expected) in cases {
            assert_eq!(sub_domain(host, "pr-1", &["HOST"]), Ok(Becomes::SubDomain(expected.to_owned())), "{host}");
        }
    }

    #[test]
    fn what_refers_to_a_value_that_is_set_follows_it() {
        for host in ["${HOST}", "$HOST", "www.${HOST:-x}", "${PROJECT_NAME}.example.com"] {
            assert_eq!(sub_domain(host, "pr-1", &["HOST", "PROJECT_NAME"]), Ok(Becomes::Follows), "{host}");
        }
        assert_ne!(sub_domain("${HOSTNAME}", "pr-1", &["HOST"]), Ok(Becomes::Follows));
    }

    #[test]
    fn addresses_are_told_apart_and_what_is_no_domain_is_an_error() {
        for host in ["0.0.0.0", "127.0.0.1:8000", "::1", "[::1]:80", "http://10.0.0.1/"] {
            assert_eq!(sub_domain(host, "pr-1", &[]), Ok(Becomes::Address), "{host}");
        }
        for host in ["", "changeme", "<your domain>", "a..b", "exa mple.com", "a/b c", "https://"] {
            let answer = sub_domain(host, "pr-1", &[]);
            assert!(answer.is_err() || host == "a/b c", "{host}: {answer:?}");
        }
    }

    #[test]
    fn a_name_is_as_long_as_dns_allows_and_no_longer() {
        let name = |bytes: usize| format!("{}{}", "a.".repeat((bytes - 1) / 2), "a".repeat(1 + (bytes - 1) % 2));
        assert!(sub_domain(&name(NAME_BYTES - 5), "pr-1", &[]).is_ok());
        assert!(sub_domain(&name(NAME_BYTES - 4), "pr-1", &[]).is_err());
    }

    #[test]
    fn certificates_are_for_public_names() {
        for (host, expected) in [
            ("example.com", true),
            ("localhost", false),
            ("pr-1.localhost:80", false),
            ("shop.test", false),
            ("10.0.0.1:80", false),
            ("https://a.de/x", true),
        ] {
            assert_eq!(is_public(host), expected, "{host}");
        }
    }
}
