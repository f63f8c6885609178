//! The routes of all running stacks as one file for Traefik's file provider.
//!
//! Names are a stack's own: where two stacks use one, each gets its project's name behind it, in references too, so
//! that copies of a stack beside each other never answer for one another.

use std::collections::{BTreeMap, BTreeSet};

use host_sdk::docker::inspect::Status;
use host_sdk::docker::shared::Neighbour;
use host_sdk::serde_json::{Map, Value, json};

use crate::container::{Part, parts};
use crate::labels::{self, PROTOCOLS, Protocol, SECTIONS, Section};
use crate::yaml;

/// What the proxy offers, for warnings about labels that count on more.
#[derive(Clone, Debug)]
pub struct Offer {
    pub network: String,
    pub entry_points: Vec<String>,
    /// The name of the resolver of certificates; none without TLS.
    pub resolver: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Router {
    pub name: String,
    pub rule: String,
    pub project: String,
    pub service: String,
}

/// What is written, and what there is to say about it.
#[derive(Clone, Debug, Default)]
pub struct Routes {
    /// YAML
    pub text: String,
    pub routers: Vec<Router>,
    pub warnings: Vec<String>,
}

const HEAD: &str = "# Written by `start_reverse_proxy` from the labels of running stacks; whatever is changed here is lost.\n";

/// The routes to the containers on the shared network.
pub fn routes(neighbours: &[Neighbour], offer: &Offer) -> Routes {
    let mut routes = Routes::default();
    let mut sorted: Vec<&Neighbour> = neighbours.iter().collect();
    sorted.sort_by(|one, other| (&one.project, &one.service, &one.name).cmp(&(&other.project, &other.service, &other.name)));
    let mut all = Vec::new();
    for neighbour in sorted {
        let found = labels::read(&neighbour.labels);
        if is_routed(neighbour, &found, offer, &mut routes.warnings) {
            routes.warnings.extend(found.warnings.iter().map(|warning| format!("{}: {warning}", neighbour.name)));
            all.extend(parts(neighbour, &found, &mut routes.warnings));
        }
    }
    let named = Named::new(merged(all, &mut routes.warnings));
    named.write(offer, &mut routes);
    routes.warnings.dedup();
    routes
}

/// Names of the projects with containers that ask to be routed, sorted.
pub fn routed_projects(neighbours: &[Neighbour]) -> Vec<String> {
    let asks = |neighbour: &&Neighbour| neighbour.status == Status::Running && labels::read(&neighbour.labels).enabled == Some(true);
    let projects: BTreeSet<String> = neighbours.iter().filter(asks).map(|neighbour| neighbour.project.clone()).collect();
    projects.into_iter().collect()
}

/// Only what says `traefik.enable=true`: nothing is shown to the world because it shares a network.
fn is_routed(neighbour: &Neighbour, found: &labels::Found, offer: &Offer, warnings: &mut Vec<String>) -> bool {
    let name = &neighbour.name;
    match found.enabled {
        None if found.routes => {
            warnings.push(format!("{name}: it has routes, and no label `traefik.enable=true`: it is left out"));
            return false;
        }
        Some(true) => {}
        _ => return false,
    }
    if neighbour.status != Status::Running {
        warnings.push(format!("{name}: it is not running, and left out"));
        return false;
    }
    if let Some(other) = found.network.as_ref().filter(|network| **network != offer.network) {
        warnings.push(format!("{name}: `traefik.docker.network` is `{other}`; it is reached over `{}`", offer.network));
    }
    true
}

/// Containers of one compose service say the same and share what they define; a contradiction is left out.
fn merged(parts: Vec<Part>, warnings: &mut Vec<String>) -> Vec<(Part, Vec<Value>)> {
    // What it is and whose; then what it says, where its servers are, and whether all agree.
    type Key = (Protocol, Section, String, String);
    let mut merged: BTreeMap<Key, (Part, Vec<Value>, bool)> = BTreeMap::new();
    for mut part in parts {
        let key = (part.protocol, part.section, part.project.clone(), part.name.to_ascii_lowercase());
        let server = part.server.take();
        match merged.get_mut(&key) {
            None => drop(merged.insert(key, (part, server.into_iter().collect(), true))),
            Some((first, servers, agree)) => {
                if first.body == part.body {
                    servers.extend(server);
                } else if *agree {
                    *agree = false;
                    let what = part.section.trim_end_matches('s');
                    warnings.push(format!("{}: {what} `{}` is defined twice and differently: it is left out", part.project, part.name));
                }
            }
        }
    }
    merged.into_values().filter(|(_, _, agree)| *agree).map(|(part, servers, _)| (part, servers)).collect()
}

/// Every part with the name that it has in the file.
struct Named {
    parts: Vec<(String, Part, Vec<Value>)>,
    /// By protocol, section and lower-case name: the final name of each project's.
    names: BTreeMap<(Protocol, Section, String), BTreeMap<String, String>>,
}

impl Named {
    fn new(merged: Vec<(Part, Vec<Value>)>) -> Self {
        let mut names: BTreeMap<(Protocol, Section, String), BTreeMap<String, String>> = BTreeMap::new();
        for (part, _) in &merged {
            let key = (part.protocol, part.section, part.name.to_ascii_lowercase());
            names.entry(key).or_default().insert(part.project.clone(), part.name.clone());
        }
        let taken: BTreeSet<_> = names.keys().cloned().collect();
        for ((protocol, section, _), projects) in names.iter_mut().filter(|(_, projects)| projects.len() > 1) {
            for (project, name) in projects {
                let mut own = format!("{name}-{project}");
                while taken.contains(&(*protocol, *section, own.to_ascii_lowercase())) {
                    own.push('_');
                }
                *name = own;
            }
        }
        let name = |part: &Part| {
            let projects = names.get(&(part.protocol, part.section, part.name.to_ascii_lowercase()));
            projects.and_then(|projects| projects.get(&part.project)).unwrap_or(&part.name).clone()
        };
        let parts = merged.into_iter().map(|(part, servers)| (name(&part), part, servers)).collect();
        Self { parts, names }
    }

    fn write(mut self, offer: &Offer, routes: &mut Routes) {
        let mut document = Map::new();
        let parts = std::mem::take(&mut self.parts);
        for (protocol, section) in PROTOCOLS.into_iter().flat_map(|protocol| SECTIONS.into_iter().map(move |section| (protocol, section))) {
            let mut items = Map::new();
            for (name, part, servers) in parts.iter().filter(|(_, part, _)| (part.protocol, part.section) == (protocol, section)) {
                let body = self.body(name, part, servers, offer, routes);
                items.insert(name.clone(), Value::Object(body));
            }
            if !items.is_empty()
                && let Value::Object(inner) = document.entry(protocol).or_insert_with(|| json!({}))
            {
                inner.insert(section.to_owned(), Value::Object(items));
            }
        }
        let text = if document.is_empty() { "{}\n".to_owned() } else { yaml::write(&Value::Object(document)) };
        routes.text = format!("{HEAD}{text}");
    }

    fn body(&self, name: &str, part: &Part, servers: &[Value], offer: &Offer, routes: &mut Routes) -> Map<String, Value> {
        let mut body = part.body.clone();
        match part.section {
            "services" => {
                if let Some(Value::Object(balancer)) = body.get_mut("loadBalancer") {
                    balancer.insert("servers".to_owned(), servers.into());
                }
            }
            "routers" => {
                self.refer(&mut body, "service", part, "services", routes);
                self.refer(&mut body, "middlewares", part, "middlewares", routes);
                router(name, part, &body, offer, routes);
            }
            _ => {
                if let Some(Value::Object(chain)) = body.get_mut("chain") {
                    self.refer(chain, "middlewares", part, "middlewares", routes);
                }
                if let Some(Value::Object(errors)) = body.get_mut("errors") {
                    self.refer(errors, "service", part, "services", routes);
                }
            }
        }
        body
    }

    /// Replaces the name, or each of a list of names, at `key`.
    fn refer(&self, body: &mut Map<String, Value>, key: &str, part: &Part, section: Section, routes: &mut Routes) {
        let mut refer = |value: &mut Value| {
            if let Value::String(name) = value {
                *name = self.reference(name, part, section, routes);
            }
        };
        match body.get_mut(key) {
            Some(Value::Array(list)) => list.iter_mut().for_each(&mut refer),
            Some(value) => refer(value),
            None => {}
        }
    }

    /// `auth@docker` and `auth` are the stack's own, or the only other stack's that has it.
    fn reference(&self, name: &str, part: &Part, section: Section, routes: &mut Routes) -> String {
        let (plain, provider) = name.split_once('@').map_or((name, None), |(plain, provider)| (plain, Some(provider)));
        if !matches!(provider, None | Some("docker" | "file")) {
            return name.to_owned();
        }
        let projects = self.names.get(&(part.protocol, section, plain.to_ascii_lowercase()));
        let own = projects.and_then(|projects| projects.get(&part.project));
        let only = projects.filter(|projects| projects.len() == 1).and_then(|projects| projects.values().next());
        if let Some(known) = own.or(only) {
            return known.clone();
        }
        if provider != Some("file") {
            let (what, of) = (section.trim_end_matches('s'), part.section.trim_end_matches('s'));
            routes.warnings.push(format!("{}: {of} `{}` uses the {what} `{plain}`, which no label defines", part.project, part.name));
        }
        plain.to_owned()
    }
}

/// What Traefik would refuse only in its own log.
fn router(name: &str, part: &Part, body: &Map<String, Value>, offer: &Offer, routes: &mut Routes) {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let entry_points = body.get("entryPoints").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    for unknown in entry_points.filter(|entry| !offer.entry_points.iter().any(|known| known == entry)) {
        let known = offer.entry_points.join(", ");
        routes.warnings.push(format!("{}: router `{}` listens at `{unknown}`; the proxy has {known}", part.project, part.name));
    }
    let resolver = body.get("tls").and_then(|tls| tls.get("certResolver")).and_then(Value::as_str);
    if let Some(resolver) = resolver.filter(|resolver| offer.resolver.as_deref() != Some(resolver)) {
        let has = offer.resolver.as_ref().map_or_else(|| "has none, because SSL is not true".to_owned(), |own| format!("has `{own}`"));
        routes.warnings.push(format!("{}: router `{}` wants certificates of `{resolver}`; the proxy {has}", part.project, part.name));
    }
    routes.routers.push(Router {
        name: name.to_owned(),
        rule: text(body.get("rule")),
        project: part.project.clone(),
        service: part.service.clone(),
    });
}

#[cfg(test)]
#[path = "routes_tests.rs"]
mod tests;
