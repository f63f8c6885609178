//! Things that were not granted, and the lines of host.toml that would grant them.

use crate::grants::{DockerGrant, toml_list};

/// A thing that something needs and that is not granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lack {
    /// The field of what was asked for: `image`, `mounts`, `pid`, ...
    pub field: &'static str,
    /// `postgres:16`, `/etc/localtime`, `0.0.0.0:80`
    pub thing: String,
    pub needs: Needs,
}

/// What would grant it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Needs {
    /// An item of one of the grant's lists, by its key.
    Item(&'static str, String),
    Privileged,
    EngineSocket,
}

impl Lack {
    /// An item of a list that is named as it is granted.
    pub fn item(field: &'static str, list: &'static str, item: impl Into<String>) -> Self {
        let item = item.into();
        Self { field, thing: item.clone(), needs: Needs::Item(list, item) }
    }

    pub fn option(field: &'static str, item: impl Into<String>) -> Self {
        Self::item(field, "security-options", item)
    }

    pub fn namespace(field: &'static str, namespace: &str) -> Self {
        Self { field, thing: "host".to_owned(), needs: Needs::Item("host-namespaces", namespace.to_owned()) }
    }

    pub fn privileged(field: &'static str) -> Self {
        Self { field, thing: "privileged".to_owned(), needs: Needs::Privileged }
    }

    pub fn engine_socket(field: &'static str, path: impl Into<String>) -> Self {
        Self { field, thing: path.into(), needs: Needs::EngineSocket }
    }

    /// `` `image` `postgres:16` ``
    pub(super) fn words(&self) -> String {
        format!("`{}` `{}`", self.field, self.thing.escape_debug())
    }
}

/// One line for each key that must change, with what is granted already.
pub(super) fn lines(granted: &DockerGrant, lacks: &[Lack]) -> Vec<String> {
    let mut lines = Vec::new();
    for (key, list) in granted.lists() {
        let mut list = list.clone();
        let before = list.len();
        for lack in lacks {
            if let Needs::Item(of, item) = &lack.needs
                && *of == key
                && !list.contains(item)
            {
                list.push(item.clone());
            }
        }
        if list.len() > before {
            lines.push(format!("docker.{key} = {}", toml_list(&list)));
        }
    }
    if lacks.iter().any(|lack| lack.needs == Needs::Privileged) {
        lines.push("docker.privileged = true".to_owned());
    }
    if lacks.iter().any(|lack| lack.needs == Needs::EngineSocket) {
        lines.push("docker.engine-socket = true".to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_hold_what_is_granted_already_and_each_key_once() {
        let granted = DockerGrant { images: vec!["redis:7".to_owned()], ..DockerGrant::default() };
        let lacks = [
            Lack::item("image", "images", "postgres:16"),
            Lack::item("image", "images", "postgres:16"),
            Lack::item("ports", "ports", "80"),
            Lack::namespace("pid", "pid"),
            Lack::privileged("privileged"),
            Lack::engine_socket("mounts", "/run/docker.sock"),
            Lack::option("security-options", "seccomp=unconfined"),
        ];
        assert_eq!(
            lines(&granted, &lacks),
            [
                r#"docker.images = ["redis:7", "postgres:16"]"#,
                r#"docker.ports = ["80"]"#,
                r#"docker.host-namespaces = ["pid"]"#,
                r#"docker.security-options = ["seccomp=unconfined"]"#,
                "docker.privileged = true",
                "docker.engine-socket = true",
            ]
        );
        assert!(lines(&granted, &[]).is_empty());
    }
}
