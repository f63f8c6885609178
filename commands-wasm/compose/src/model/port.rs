//! Ports, one entry for each port of a container: ranges are expanded.

use std::fmt;

use crate::error::Place;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// In the container.
    pub target: u16,
    /// On the machine; none: one that the engine chooses.
    pub published: Option<Published>,
    /// The machine's address it listens at; none: all.
    pub host_ip: Option<String>,
    pub protocol: Protocol,
    /// `ingress` or `host`: the same for an engine that is no swarm.
    pub mode: String,
    pub name: Option<String>,
    pub app_protocol: Option<String>,
    pub place: Place,
}

/// One port, or a range of which the engine takes a free one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Published {
    pub first: u16,
    pub last: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    Tcp,
    Udp,
    Sctp,
}

impl Protocol {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl fmt::Display for Published {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last { write!(out, "{}", self.first) } else { write!(out, "{}-{}", self.first, self.last) }
    }
}

/// `127.0.0.1:8080:80/tcp`, as in a Compose file.
impl fmt::Display for Port {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host_ip {
            Some(ip) if ip.contains(':') => write!(out, "[{ip}]:")?,
            Some(ip) => write!(out, "{ip}:")?,
            None => {}
        }
        match self.published {
            Some(published) => write!(out, "{published}:")?,
            None if self.host_ip.is_some() => write!(out, ":")?,
            None => {}
        }
        write!(out, "{}/{}", self.target, self.protocol)
    }
}
