//! The labels that say what belongs together, and those that a guest must leave to the host.

use super::Invalid;

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
pub fn check<'l>(names: impl IntoIterator<Item = &'l str>) -> Result<(), Invalid> {
    for name in names {
        if name.starts_with(PROJECT) || name == RUN || name == VERSION {
            return Err(format!("the label `{name}` is written by the host"));
        }
        if name.is_empty() {
            return Err("a label without a name".to_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_that_say_whose_it_is_are_the_hosts() {
        for name in [PROJECT, WORKING_DIR, CONFIG_FILES, "com.docker.compose.projectx", RUN, VERSION, ""] {
            assert!(check([name]).is_err(), "{name}");
        }
        assert!(check([SERVICE, NUMBER, "com.docker.compose.config-hash", "host.config", "traefik.enable"]).is_ok());
    }
}
