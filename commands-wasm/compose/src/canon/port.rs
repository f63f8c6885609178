//! `[ADDRESS:][PUBLISHED:]TARGET[/PROTOCOL]`, with ranges, to one entry for each port.

use crate::error::Error;
use crate::node::{Map, Node, Value};

/// All ports there are: more than one range of them in a list would be a mistake.
const MOST: usize = 65_535;

/// Expands a list of ports.
pub(super) fn ports(node: &mut Node, path: &str) -> Result<(), Error> {
    let Value::List(items) = &node.value else { return Ok(()) };
    let mut out = Vec::new();
    for item in items {
        match &item.value {
            Value::Text(text) => out.extend(short(text, item, path)?),
            Value::Int(port, _) => out.extend(short(&port.to_string(), item, path)?),
            Value::Map(map) => out.push(long(map.clone(), item)),
            _ => return Err(item.expected("a port like `8080:80` or a map", path)),
        }
        if out.len() > MOST {
            return Err(Error::new(format!("more than {MOST} ports")).at(&item.place).key(path));
        }
    }
    node.value = Value::List(out);
    Ok(())
}

fn long(mut map: Map, item: &Node) -> Node {
    super::default(&mut map, "protocol", Node::text(&item.place, "tcp"));
    super::default(&mut map, "mode", Node::text(&item.place, "ingress"));
    if let Some(published) = map.get_mut("published")
        && let Value::Int(port, _) = published.node.value
    {
        published.node.value = Value::Text(port.to_string());
    }
    Node { place: item.place.clone(), tag: item.tag, value: Value::Map(map) }
}

fn short(text: &str, item: &Node, path: &str) -> Result<Vec<Node>, Error> {
    let fail = |why: String| {
        let error = Error::new(why).at(&item.place).key(path).hint("write [ADDRESS:][PUBLISHED:]TARGET[/PROTOCOL]");
        if text.is_empty() || text.starts_with(':') || text.contains(":/") || text.ends_with(':') {
            error.hint("a variable in it may be empty")
        } else {
            error
        }
    };
    let (rest, protocol) = text.rsplit_once('/').map_or((text, "tcp".to_owned()), |(rest, protocol)| (rest, protocol.to_ascii_lowercase()));
    if !["tcp", "udp", "sctp"].contains(&protocol.as_str()) {
        return Err(fail(format!("`{protocol}` in `{text}` is not a protocol: tcp, udp or sctp")));
    }
    let (before, target) = rest.rsplit_once(':').map_or((None, rest), |(before, target)| (Some(before), target));
    let (address, published) = match before {
        None => (None, None),
        Some(before) => before.rsplit_once(':').map_or((None, Some(before)), |(address, published)| (Some(address), Some(published))),
    };
    let address = address
        .map(|address| address.strip_prefix('[').and_then(|inside| inside.strip_suffix(']')).unwrap_or(address))
        .filter(|address| !address.is_empty());
    if let Some(address) = address
        && address.parse::<std::net::IpAddr>().is_err()
    {
        return Err(fail(format!("`{address}` in `{text}` is not an address")));
    }
    let (first, last) = range(target).ok_or_else(|| fail(format!("`{target}` in `{text}` is not a port between 1 and 65535")))?;
    let published = match published.filter(|published| !published.is_empty()) {
        None => None,
        Some(ports) => Some(range(ports).ok_or_else(|| fail(format!("`{ports}` in `{text}` is not a port between 0 and 65535")))?),
    };
    if first == 0 {
        return Err(fail(format!("`{text}` has no port of the container")));
    }
    let leaf = |text: &str| Node::text(&item.place, text);
    let entry = |target: u16, published: Option<String>| {
        let mut keys = vec![
            ("mode", leaf("ingress")),
            ("target", Node::new(&item.place, Value::Int(target.into(), target.to_string()))),
            ("protocol", leaf(&protocol)),
        ];
        keys.extend(published.map(|published| ("published", leaf(&published))));
        keys.extend(address.map(|address| ("host_ip", leaf(address))));
        Node::map(&item.place, keys)
    };
    match published {
        None => Ok((first..=last).map(|target| entry(target, None)).collect()),
        Some((from, to)) if from == to && first == last => Ok(vec![entry(first, Some(from.to_string()))]),
        // One port of the container at any of these.
        Some((from, to)) if first == last => Ok(vec![entry(first, Some(format!("{from}-{to}")))]),
        Some((from, to)) if to - from == last - first => {
            Ok((first..=last).zip(from..=to).map(|(target, from)| entry(target, Some(from.to_string()))).collect())
        }
        Some(_) => Err(fail(format!("the two ranges of `{text}` are not of the same length"))),
    }
}

/// `80` or `80-90`.
pub(crate) fn range(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten();
    let (first, last) = (number(first)?, number(last)?);
    (first <= last).then_some((first, last))
}
