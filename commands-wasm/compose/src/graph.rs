//! Who waits for whom.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::Error;
use crate::model::{Dependency, Service};

/// The dependencies between services; those on services that are not there (not required, or of a profile that is
/// not active) are left out.
#[derive(Debug, Clone)]
pub struct Graph<'a> {
    edges: BTreeMap<&'a str, BTreeMap<&'a str, &'a Dependency>>,
}

impl<'a> Graph<'a> {
    pub fn of(services: &'a BTreeMap<String, Service>) -> Self {
        let known = |(name, _): &(&String, &Dependency)| services.contains_key(*name);
        let edges = services.iter().map(|(name, service)| {
            let edges = service.depends_on.iter().filter(known).map(|(name, dependency)| (name.as_str(), dependency));
            (name.as_str(), edges.collect())
        });
        Self { edges: edges.collect() }
    }

    /// What a service waits for.
    pub fn dependencies(&self, name: &str) -> impl Iterator<Item = (&'a str, &'a Dependency)> {
        self.edges.get(name).into_iter().flatten().map(|(name, dependency)| (*name, *dependency))
    }

    /// Who waits for a service.
    pub fn dependents(&self, name: &str) -> impl Iterator<Item = (&'a str, &'a Dependency)> {
        self.edges.iter().filter_map(move |(dependent, edges)| edges.get(name).map(|dependency| (*dependent, *dependency)))
    }

    /// Services in levels: each waits only for services of the levels before. Start them in this order, stop them in
    /// the opposite one.
    ///
    /// # Errors
    /// When services wait for one another in a circle; the circle is named.
    pub fn levels(&self) -> Result<Vec<Vec<&'a str>>, Error> {
        let mut waiting: BTreeMap<&str, BTreeSet<&str>> =
            self.edges.iter().map(|(name, edges)| (*name, edges.keys().copied().collect())).collect();
        let mut levels = Vec::new();
        while !waiting.is_empty() {
            let ready: Vec<&str> = waiting.iter().filter(|(_, edges)| edges.is_empty()).map(|(name, _)| *name).collect();
            if ready.is_empty() {
                return Err(self.circle(&waiting));
            }
            for name in &ready {
                waiting.remove(name);
            }
            for edges in waiting.values_mut() {
                edges.retain(|name| !ready.contains(name));
            }
            levels.push(ready);
        }
        Ok(levels)
    }

    /// These services and all they wait for, directly or not.
    pub fn with_dependencies<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> BTreeSet<String> {
        self.reach(names, |name| self.dependencies(name).map(|(name, _)| name).collect())
    }

    /// These services and all that wait for them, directly or not.
    pub fn with_dependents<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> BTreeSet<String> {
        self.reach(names, |name| self.dependents(name).map(|(name, _)| name).collect())
    }

    fn reach<'n>(&self, names: impl IntoIterator<Item = &'n str>, next: impl Fn(&str) -> Vec<&'a str>) -> BTreeSet<String> {
        let mut reached = BTreeSet::new();
        let mut open: Vec<String> = names.into_iter().filter(|name| self.edges.contains_key(*name)).map(str::to_owned).collect();
        while let Some(name) = open.pop() {
            if reached.insert(name.clone()) {
                open.extend(next(&name).into_iter().map(str::to_owned));
            }
        }
        reached
    }

    /// Follows services that wait until one comes up again.
    fn circle(&self, waiting: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> Error {
        let mut path: Vec<&str> = Vec::new();
        let mut at = waiting.keys().next().copied();
        while let Some(name) = at.filter(|name| !path.contains(name)) {
            path.push(name);
            at = waiting.get(name).and_then(|edges| edges.first().copied());
        }
        let start = at.and_then(|again| path.iter().position(|name| *name == again)).unwrap_or(0);
        let mut circle = path.split_off(start);
        circle.extend(at);
        let error = Error::new(format!("services wait for one another: {}", circle.join(" -> ")));
        match circle.as_slice() {
            [first, second, ..] => match self.edges.get(first).and_then(|edges| edges.get(second)) {
                Some(dependency) => error.at(&dependency.place).key(format!("services.{first}.depends_on")),
                None => error,
            },
            _ => error,
        }
    }
}
