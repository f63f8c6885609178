//! One container's part: its labels completed as Traefik's own Docker provider does it.
//!
//! Servers are named, not numbered: a container's address changes with each start, its name does not, and the engine's
//! DNS answers for it on the shared network.

use host_sdk::docker::shared::Neighbour;
use host_sdk::serde_json::{Map, Value, json};

use crate::labels::{Found, Item, PROTOCOLS, Protocol, SECTIONS, Section};

/// A router, a service or a middleware, and whose it is.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) protocol: Protocol,
    pub(crate) section: Section,
    pub(crate) name: String,
    pub(crate) project: String,
    /// The compose service.
    pub(crate) service: String,
    pub(crate) body: Map<String, Value>,
    /// Of a service: where it is.
    pub(crate) server: Option<Value>,
}

/// Everything that the container defines. What cannot be completed is told in `warnings` and left out.
pub(crate) fn parts(neighbour: &Neighbour, found: &Found, warnings: &mut Vec<String>) -> Vec<Part> {
    let mut parts = Vec::new();
    for protocol in PROTOCOLS {
        let any = SECTIONS.into_iter().any(|section| found.items(protocol, section).next().is_some());
        let other = PROTOCOLS.into_iter().any(|other| other != protocol && found.items(other, "routers").next().is_some());
        if any || (protocol == "http" && !other) {
            Completing { neighbour, protocol, parts: &mut parts, warnings }.run(found);
        }
    }
    parts
}

/// What a compose service is called where labels give no name: `backend-shop`.
pub(crate) fn default_name(neighbour: &Neighbour) -> String {
    let (service, project) = (&neighbour.service, &neighbour.project);
    let name = if service.is_empty() { neighbour.name.clone() } else { format!("{service}_{project}") };
    name.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}

struct Completing<'a> {
    neighbour: &'a Neighbour,
    protocol: Protocol,
    parts: &'a mut Vec<Part>,
    warnings: &'a mut Vec<String>,
}

impl Completing<'_> {
    fn run(mut self, found: &Found) {
        for item in found.items(self.protocol, "middlewares") {
            self.add("middlewares", &item.name, item.body.clone(), None);
        }
        let default = default_name(self.neighbour);
        let mut services: Vec<Item> = found.items(self.protocol, "services").cloned().collect();
        if services.is_empty() {
            services.push(Item { name: default.clone(), body: Map::new() });
        }
        let mut names: Vec<String> = Vec::new();
        for Item { name, body } in services {
            match self.server(body) {
                Ok((body, server)) => {
                    self.add("services", &name, body, Some(server));
                    names.push(name);
                }
                Err(why) => self.warn(&format!("{why}: service `{name}` is left out")),
            }
        }
        let mut routers: Vec<Item> = found.items(self.protocol, "routers").cloned().collect();
        // A TCP router without a rule leads nowhere, so that there is no default one.
        if routers.is_empty() && self.protocol == "http" && names.len() == 1 {
            routers.push(Item { name: default, body: Map::new() });
        }
        for Item { name, body } in routers {
            match self.router(body, &names) {
                Ok(body) => self.add("routers", &name, body, None),
                Err(why) => self.warn(&format!("router `{name}` {why}: it is left out")),
            }
        }
    }

    fn add(&mut self, section: Section, name: &str, body: Map<String, Value>, server: Option<Value>) {
        let Neighbour { project, service, .. } = self.neighbour;
        let (name, project, service) = (name.to_owned(), project.clone(), service.clone());
        self.parts.push(Part { protocol: self.protocol, section, name, project, service, body, server });
    }

    fn warn(&mut self, text: &str) {
        self.warnings.push(format!("{}: {text}", self.neighbour.name));
    }

    /// The load balancer without its server, and the server as a file has it.
    fn server(&self, mut body: Map<String, Value>) -> Result<(Map<String, Value>, Value), String> {
        let balancer = body.entry("loadBalancer").or_insert_with(|| json!({}));
        let said = balancer.as_object_mut().and_then(|balancer| balancer.remove("server"));
        let mut server = if let Some(Value::Object(server)) = said { server } else { Map::new() };
        let (scheme, port) = (server.remove("scheme"), server.remove("port"));
        if server.contains_key("url") {
            let both = scheme.is_some() || port.is_some();
            return if both { Err("a server has an URL, or a scheme and a port".to_owned()) } else { Ok((body, Value::Object(server))) };
        }
        let exposed = self.neighbour.ports.iter().min().map(|port| Value::from(*port));
        let port = port.or(exposed).ok_or("it exposes no port, and no label `...loadbalancer.server.port` names one")?;
        let address = format!("{}:{port}", self.neighbour.name);
        let (key, address) = match self.protocol {
            "http" => ("url", format!("{}://{address}", scheme.as_ref().and_then(Value::as_str).unwrap_or("http"))),
            _ => ("address", address),
        };
        let mut whole = Map::new();
        whole.insert(key.to_owned(), address.into());
        whole.extend(server);
        Ok((body, Value::Object(whole)))
    }

    fn router(&self, mut body: Map<String, Value>, services: &[String]) -> Result<Map<String, Value>, String> {
        if !body.contains_key("rule") {
            if self.protocol != "http" {
                return Err("has no rule".to_owned());
            }
            body.insert("rule".to_owned(), format!("Host(`{}`)", default_name(self.neighbour)).into());
        }
        if !body.contains_key("service") {
            let [service] = services else {
                return Err(format!("names no service, and the container has {}", services.len()));
            };
            body.insert("service".to_owned(), service.as_str().into());
        }
        Ok(body)
    }
}
