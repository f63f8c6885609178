//! Who may do what on the engine: pure, no engine and no file needed.

pub mod labels;

use crate::gate::Decision;
use crate::grants::{DockerGrant, DockerPower, Power};

/// What is granted to one command, read once.
#[derive(Clone, Debug)]
pub struct Permit {
    command: String,
    grant: DockerGrant,
}

impl Permit {
    pub fn new(command: &str, grant: DockerGrant) -> Self {
        Self { command: command.to_owned(), grant }
    }

    pub fn project(&self) -> &str {
        &self.grant.project
    }

    /// Whether the command may use `power` at all.
    pub fn decide(&self, power: DockerPower) -> Decision {
        if self.grant.powers.contains(&power) {
            return Decision::Allowed;
        }
        let mut powers = self.grant.powers.clone();
        powers.insert(power);
        let powers: Vec<&str> = powers.iter().map(|power| power.word()).collect();
        Decision::Denied(format!("power `{}` was not granted: {powers:?}", power.word()))
    }

    /// Whether any power was granted: what all of them share needs one.
    pub fn decide_any(&self) -> Decision {
        match self.grant.powers.is_empty() {
            false => Decision::Allowed,
            true => self.decide(DockerPower::Inspect),
        }
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_power_is_allowed_when_granted_and_denied_without_grant() {
        for power in DockerPower::ALL {
            let with = |powers: &[DockerPower]| {
                Permit::new("up", DockerGrant { powers: powers.iter().copied().collect(), ..DockerGrant::default() })
            };
            assert_eq!(with(&[*power]).decide(*power), Decision::Allowed);
            let others: Vec<DockerPower> = DockerPower::ALL.iter().copied().filter(|other| other != power).collect();
            assert!(matches!(with(&others).decide(*power), Decision::Denied(_)), "{power:?}");
            assert!(matches!(with(&[]).decide_any(), Decision::Denied(_)));
        }
    }
}
