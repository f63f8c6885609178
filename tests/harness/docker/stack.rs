//! A project of one test on an engine that tests share.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

use super::{Docker, api};
use crate::harness::{Project, guest};

/// A name of its own, and what the engine has by it. At the end all of that is removed.
pub(crate) struct Stack<'engine> {
    engine: &'engine Docker,
    name: String,
}

impl<'engine> Stack<'engine> {
    pub(super) fn new(engine: &'engine Docker, name: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        Self { engine, name: format!("{name}{}", NUMBER.fetch_add(1, Ordering::Relaxed)) }
    }

    /// A project on the engine, whose `dockerio` may do what `grant` says, in this compose project.
    pub(crate) fn dockerio(&self, grant: &str) -> Project {
        let name = &self.name;
        let host_toml = format!(
            "[project]\nname = \"{name}\"\ncommands = [\"commands\"]\n[docker]\nendpoint = \"{}\"\n\
             [commands.dockerio]\ndocker = {{ project = \"{name}\", {grant} }}\n",
            self.engine.host()
        );
        Project::new(&host_toml).component("dockerio", &guest("dockerio"))
    }

    /// The project's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// As the engine lists them, also those that do not run, sorted by name.
    #[track_caller]
    pub(crate) fn containers(&self) -> Vec<Value> {
        let list = self.engine.api("GET", &format!("/containers/json?all=1&{}", self.label()));
        sorted(list, |container| &container["Names"][0])
    }

    #[track_caller]
    pub(crate) fn networks(&self) -> Vec<Value> {
        sorted(self.engine.api("GET", &format!("/networks?{}", self.label())), |network| &network["Name"])
    }

    #[track_caller]
    pub(crate) fn volumes(&self) -> Vec<Value> {
        let list = self.engine.api("GET", &format!("/volumes?{}", self.label()));
        sorted(list["Volumes"].clone(), |volume| &volume["Name"])
    }

    /// The one container of a service, as `inspect` tells it.
    #[track_caller]
    pub(crate) fn container(&self, service: &str) -> Value {
        let containers = self.containers();
        let of = |container: &&Value| container["Labels"]["com.docker.compose.service"] == service;
        let found: Vec<&Value> = containers.iter().filter(of).collect();
        let [container] = found[..] else { panic!("`{service}` has {} containers: {containers:#?}", found.len()) };
        self.engine.inspect(container["Id"].as_str().expect("an id"))
    }

    fn label(&self) -> String {
        api::labelled(&format!("com.docker.compose.project={}", self.name))
    }
}

impl Drop for Stack<'_> {
    fn drop(&mut self) {
        // A test may have ended the engine.
        let list = |path: &str| api::ask(&self.engine.socket(), "GET", path, None).map_or(Value::Null, |answer| answer.body);
        let remove = |kind: &str, list: Value, key: &str| {
            for id in list.as_array().into_iter().flatten().filter_map(|thing| thing[key].as_str()) {
                drop(api::ask(&self.engine.socket(), "DELETE", &format!("/{kind}/{id}?force=1&v=1"), None));
            }
        };
        remove("containers", list(&format!("/containers/json?all=1&{}", self.label())), "Id");
        remove("networks", list(&format!("/networks?{}", self.label())), "Id");
        remove("volumes", list(&format!("/volumes?{}", self.label()))["Volumes"].take(), "Name");
    }
}

fn sorted(list: Value, name: impl Fn(&Value) -> &Value) -> Vec<Value> {
    let mut list = list.as_array().cloned().unwrap_or_default();
    list.sort_by_key(|thing| name(thing).as_str().unwrap_or_default().to_owned());
    list
}
