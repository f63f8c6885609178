//! `ports:`, which are in their long form and without ranges of the container's ports.

use super::Keys;
use crate::error::Error;
use crate::model::{Port, Protocol, Published};

pub(super) fn ports(keys: &Keys<'_>) -> Result<Vec<Port>, Error> {
    let path = keys.below("ports");
    let protocols = [("tcp", Protocol::Tcp), ("udp", Protocol::Udp), ("sctp", Protocol::Sctp)];
    keys.list("ports")?
        .iter()
        .map(|item| {
            let keys = Keys::of(item, path.clone(), keys.context)?;
            let target: Option<u16> = keys.number("target", "a port between 1 and 65535")?;
            let Some(target) = target.filter(|target| *target != 0) else {
                return Err(Error::new("`target` is missing: the port of the container").at(&item.place).key(&keys.path));
            };
            let host_ip = keys.text("host_ip")?;
            if let Some(address) = host_ip.as_ref().filter(|address| address.parse::<std::net::IpAddr>().is_err()) {
                return Err(keys.wrong("host_ip", format!("`{address}` is not an address")));
            }
            let port = Port {
                target,
                published: published(&keys)?,
                host_ip,
                protocol: keys.choice("protocol", &protocols)?.unwrap_or(Protocol::Tcp),
                mode: keys.choice("mode", &[("ingress", "ingress"), ("host", "host")])?.unwrap_or("ingress").to_owned(),
                name: keys.text("name")?,
                app_protocol: keys.text("app_protocol")?,
                place: item.place.clone(),
            };
            keys.finish()?;
            Ok(port)
        })
        .collect()
}

fn published(keys: &Keys<'_>) -> Result<Option<Published>, Error> {
    let Some(text) = keys.word("published")? else { return Ok(None) };
    match crate::canon::port_range(&text) {
        // Zero is the engine's choice, as nothing is.
        Some((0, 0)) => Ok(None),
        Some((first, last)) => Ok(Some(Published { first, last })),
        None => Err(keys.wrong("published", format!("`{text}` is not a port between 0 and 65535, nor a range of them"))),
    }
}
