//! The labels that say what belongs together, and those that a guest must leave to the host.

use super::{Invalid, pairs};
use crate::capabilities::docker::types::Pair;

pub const PROJECT: &str = "com.docker.compose.project";
pub const WORKING_DIR: &str = "com.docker.compose.project.working_dir";
pub const CONFIG_FILES: &str = "com.docker.compose.project.config_files";
pub const VERSION: &str = "com.docker.compose.version";
pub const SERVICE: &str = "com.docker.compose.service";
pub const NUMBER: &str = "com.docker.compose.container-number";
pub const ONE_OFF: &str = "com.docker.compose.oneoff";
pub const NETWORK: &str = "com.docker.compose.network";
pub const VOLUME: &str = "com.docker.compose.volume";
/// The run that made it.
pub const RUN: &str = "host.run";

/// Labels that the host alone writes: with them a guest would make something another project's.
pub fn check(labels: &[Pair]) -> Result<(), Invalid> {
    for Pair { name, value: _ } in labels {
        if name.starts_with(PROJECT) || name == RUN || name == VERSION {
            return Err(format!("the label `{name}` is written by the host"));
        }
        if name.is_empty() {
            return Err("a label without a name".to_owned());
        }
    }
    pairs::each_once("labels", labels)
}

/// Where the compose files lie is told as paths of the project, as far as they lie in its folder: a guest knows no others,
/// and tells by those that stay absolute what other files brought up.
pub fn tell_by_project(label: &mut Pair, root: &str) {
    let told = |path: &str| match path.strip_prefix(root) {
        Some("") => ".".to_owned(),
        Some(inside) if inside.starts_with('/') => inside.trim_start_matches('/').to_owned(),
        _ => path.to_owned(),
    };
    if label.name == WORKING_DIR {
        label.value = told(&label.value);
    } else if label.name == CONFIG_FILES {
        label.value = label.value.split(',').map(told).collect::<Vec<_>>().join(",");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(names: &[&str]) -> Vec<Pair> {
        names.iter().map(|name| Pair { name: (*name).to_owned(), value: String::new() }).collect()
    }

    #[test]
    fn labels_that_say_whose_it_is_are_the_hosts() {
        for name in [PROJECT, WORKING_DIR, CONFIG_FILES, "com.docker.compose.projectx", RUN, VERSION, ""] {
            assert!(check(&labels(&[name])).is_err(), "{name}");
        }
        assert!(check(&labels(&[SERVICE, NUMBER, "com.docker.compose.config-hash", "host.config", "traefik.enable"])).is_ok());
        assert!(check(&labels(&["tier", "tier"])).is_err());
    }
    #[test]
    fn paths_in_the_projects_folder_are_told_as_the_projects() {
        let told = |name: &str, value: &str| {
            let mut label = Pair { name: name.to_owned(), value: value.to_owned() };
            tell_by_project(&mut label, "/srv/shop");
            label.value
        };
        assert_eq!(told(WORKING_DIR, "/srv/shop"), ".");
        assert_eq!(told(WORKING_DIR, "/srv/shop/web"), "web");
        assert_eq!(told(WORKING_DIR, "/srv/shop2"), "/srv/shop2");
        assert_eq!(told(CONFIG_FILES, "/srv/shop/a.yml,/srv/b.yml,c.yml"), "a.yml,/srv/b.yml,c.yml");
        assert_eq!(told("other", "/srv/shop"), "/srv/shop");
    }
}
