//! Who may do what on the engine: pure, no engine and no file needed.
//!
//! What of a spec is not granted is a [`Lack`]; what no grant could allow, because it cannot be meant, is an error.

pub mod build;
pub mod image;
pub mod labels;
pub mod lack;
mod logging;
pub mod mount;
mod name;
pub mod network;
mod pairs;
pub mod port;
mod security;
pub mod spec;
pub mod volume;
mod words;

use crate::gate::Decision;
use crate::grants::{DockerGrant, DockerPower, Power, toml_key, toml_list};

use self::image::ImagePattern;
use self::lack::Lack;
use self::mount::MountGrant;
use self::port::PortGrant;
pub(super) use self::security::of_container;

/// What is granted to one command, read once.
#[derive(Clone, Debug)]
pub struct Permit {
    command: String,
    grant: DockerGrant,
    images: Vec<ImagePattern>,
    tags: Vec<ImagePattern>,
    mounts: Vec<MountGrant>,
    ports: Vec<PortGrant>,
}

/// What cannot be meant, in words for the guest.
pub type Invalid = String;

impl Permit {
    pub fn new(command: &str, grant: DockerGrant) -> Self {
        Self {
            command: command.to_owned(),
            images: grant.images.iter().map(|image| ImagePattern::new(image)).collect(),
            tags: grant.tags.iter().map(|tag| ImagePattern::new(tag)).collect(),
            mounts: grant.mounts.iter().map(|mount| MountGrant::new(mount)).collect(),
            ports: grant.ports.iter().filter_map(|port| PortGrant::new(port)).collect(),
            grant,
        }
    }

    pub fn project(&self) -> &str {
        &self.grant.project
    }

    /// Whether the command may use `power` at all.
    pub fn decide(&self, power: DockerPower) -> Decision {
        // Without a name everything that carries no name would be the project's.
        let named = !self.grant.project.is_empty();
        if named && self.grant.powers.contains(&power) {
            return Decision::Allowed;
        }
        let mut powers = self.grant.powers.clone();
        powers.insert(power);
        let line = match named {
            true => format!("docker.allow = {}", toml_list(powers.iter().map(|power| power.word()))),
            false => "docker.project = \"NAME\"".to_owned(),
        };
        Decision::Denied(format!("command `{}` may not `{}` on the engine; {}", self.command, power.word(), self.cure(&[line])))
    }

    /// Whether any power was granted: what all of them share needs one.
    pub fn decide_any(&self) -> Decision {
        self.decide(self.grant.powers.first().copied().unwrap_or(DockerPower::Inspect))
    }

    /// The same for a power on something that needs a grant of its own.
    pub fn decide_on(&self, power: DockerPower, lacks: &[Lack]) -> Decision {
        match self.decide(power) {
            Decision::Allowed if !lacks.is_empty() => Decision::Denied(self.denial(lacks)),
            decision => decision,
        }
    }

    /// What is denied, and what would allow it.
    pub fn denial(&self, lacks: &[Lack]) -> String {
        let things: Vec<String> = lacks.iter().map(Lack::words).collect();
        format!("command `{}` was not granted {}; {}", self.command, things.join(", "), self.cure_of(lacks))
    }

    /// What would allow it, in words.
    pub fn cure_of(&self, lacks: &[Lack]) -> String {
        self.cure(&lack::lines(&self.grant, lacks))
    }

    /// The lines of host.toml that would grant all of it, the section first; empty when nothing lacks.
    pub fn lines(&self, lacks: &[Lack]) -> Vec<String> {
        let lines = lack::lines(&self.grant, lacks);
        if lines.is_empty() {
            return lines;
        }
        std::iter::once(self.section()).chain(lines).collect()
    }

    /// `` to allow it, add `docker.images = ["postgres:16"]` under `[commands.up]` in host.toml ``
    fn cure(&self, lines: &[String]) -> String {
        let lines: Vec<String> = lines.iter().map(|line| format!("`{line}`")).collect();
        format!("to allow it, add {} under `{}` in host.toml", lines.join(" and "), self.section())
    }

    fn section(&self) -> String {
        format!("[commands.{}]", toml_key(&self.command))
    }

    /// Whether something may have this name at all.
    pub fn name(&self, kind: &str, name: &str) -> Result<(), Invalid> {
        name::check(kind, name)
    }

    /// Names of networks that are granted.
    pub fn networks(&self) -> &[String] {
        &self.grant.networks
    }

    pub fn sees_network(&self, name: &str) -> bool {
        self.grant.networks.iter().any(|granted| granted == name)
    }

    pub fn volumes(&self) -> &[String] {
        &self.grant.volumes
    }

    pub fn sees_volume(&self, name: &str) -> bool {
        self.grant.volumes.iter().any(|granted| granted == name)
    }

    pub fn is_privileged(&self) -> bool {
        self.grant.privileged
    }

    /// What having a namespace of the machine's lacks.
    pub fn host_namespace(&self, field: &'static str, namespace: &str) -> Option<Lack> {
        (!self.has_namespace(namespace)).then(|| Lack::namespace(field, namespace))
    }

    fn has_namespace(&self, namespace: &str) -> bool {
        self.grant.host_namespaces.iter().any(|granted| granted == namespace)
    }

    fn has_option(&self, option: &str) -> bool {
        self.grant.security_options.iter().any(|granted| granted == option)
    }

    fn has_capability(&self, capability: &str) -> bool {
        let plain = |name: &str| name.to_ascii_uppercase().trim_start_matches("CAP_").to_owned();
        self.grant.capabilities.iter().map(|granted| plain(granted)).any(|granted| granted == capability || granted == "ALL")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permit(powers: &[DockerPower]) -> Permit {
        Permit::new("up", DockerGrant { powers: powers.iter().copied().collect(), project: "shop".to_owned(), ..DockerGrant::default() })
    }

    #[test]
    fn every_power_is_allowed_when_granted_and_denied_without_grant() {
        for power in DockerPower::ALL {
            assert_eq!(permit(&[*power]).decide(*power), Decision::Allowed);
            let others: Vec<DockerPower> = DockerPower::ALL.iter().copied().filter(|other| other != power).collect();
            assert!(matches!(permit(&others).decide(*power), Decision::Denied(_)), "{power:?}");
            assert_eq!(permit(&others).decide_any(), Decision::Allowed);
        }
        assert!(matches!(permit(&[]).decide_any(), Decision::Denied(_)));
    }

    #[test]
    fn without_a_project_nothing_is_allowed() {
        let permit = Permit::new("up", DockerGrant { powers: DockerPower::ALL.iter().copied().collect(), ..DockerGrant::default() });
        for power in DockerPower::ALL {
            assert!(matches!(permit.decide(*power), Decision::Denied(text) if text.contains("docker.project")));
        }
    }

    #[test]
    fn a_denial_names_the_command_the_power_and_the_line_that_allows_it() {
        let Decision::Denied(text) = permit(&[DockerPower::Inspect]).decide(DockerPower::StartStop) else { panic!("allowed") };
        assert_eq!(
            text,
            "command `up` may not `start-stop` on the engine; to allow it, add `docker.allow = [\"inspect\", \"start-stop\"]` \
             under `[commands.up]` in host.toml"
        );
    }
}
