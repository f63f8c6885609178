//! Who may do what with which labels: pure, no connection needed.

use crate::channels::fnmatch::Pattern;
use crate::gate::Decision;
use crate::grants::{BroadcastGrant, BroadcastPower, Power, toml_key, toml_list};

/// What is granted to one command, read once.
#[derive(Clone, Debug)]
pub struct Permit {
    command: String,
    grant: BroadcastGrant,
    labels: Vec<Pattern>,
}

impl Permit {
    pub fn new(command: &str, grant: BroadcastGrant) -> Self {
        let labels = grant.labels.iter().map(|label| Pattern::new(label)).collect();
        Self { command: command.to_owned(), grant, labels }
    }

    /// Whether the command may use `power` at all.
    pub fn decide(&self, power: BroadcastPower) -> Decision {
        if self.grant.powers.contains(&power) {
            return Decision::Allowed;
        }
        Decision::Denied(format!(
            "command `{}` may not `{}` connections; to allow it, add {}",
            self.command,
            power.word(),
            self.grant_line(power)
        ))
    }

    /// Whether a label exists for the command.
    pub fn sees(&self, label: &str) -> bool {
        self.labels.iter().any(|pattern| pattern.matches(label))
    }

    /// `` `broadcast = { allow = ["list", "drop"], labels = ["*"] }` under `[commands.connections]` in host.toml ``
    fn grant_line(&self, power: BroadcastPower) -> String {
        let mut powers = self.grant.powers.clone();
        powers.insert(power);
        let labels = match self.grant.labels.as_slice() {
            [] => toml_list(["*"]),
            labels => toml_list(labels),
        };
        format!(
            "`broadcast = {{ allow = {}, labels = {labels} }}` under `[commands.{}]` in host.toml",
            toml_list(powers.iter().map(|power| power.word())),
            toml_key(&self.command)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permit(powers: &[BroadcastPower], labels: &[&str]) -> Permit {
        let labels = labels.iter().map(ToString::to_string).collect();
        Permit::new("connections", BroadcastGrant { powers: powers.iter().copied().collect(), labels })
    }

    #[test]
    fn every_power_is_allowed_when_granted_and_denied_without_grant() {
        for power in BroadcastPower::ALL {
            assert_eq!(permit(&[*power], &["*"]).decide(*power), Decision::Allowed);
            let others: Vec<BroadcastPower> = BroadcastPower::ALL.iter().copied().filter(|other| other != power).collect();
            assert!(matches!(permit(&others, &["*"]).decide(*power), Decision::Denied(_)), "{power:?}");
            assert!(matches!(permit(&[], &[]).decide(*power), Decision::Denied(_)), "{power:?}");
        }
    }

    #[test]
    fn labels_are_seen_when_a_granted_pattern_matches_the_whole_of_them() {
        let table: [(&[&str], &str, bool); 8] = [
            (&["*"], "411b261.production", true),
            (&["*.production"], "411b261.production", true),
            (&["*.production"], "411b261.staging", false),
            (&["*.production"], "411b261.production.old", false),
            (&["*.production"], "411b261.Production", false),
            (&["a.*", "b.*"], "b.x", true),
            (&["411b261.production"], "411b261.production", true),
            (&[], "411b261.production", false),
        ];
        for (labels, label, seen) in table {
            assert_eq!(permit(BroadcastPower::ALL, labels).sees(label), seen, "{labels:?} {label}");
        }
    }

    #[test]
    fn a_denial_names_the_command_the_power_and_the_line_that_allows_it() {
        let Decision::Denied(text) = permit(&[BroadcastPower::List], &["*.production"]).decide(BroadcastPower::Drop) else {
            panic!("allowed")
        };
        assert_eq!(
            text,
            "command `connections` may not `drop` connections; to allow it, add \
             `broadcast = { allow = [\"list\", \"drop\"], labels = [\"*.production\"] }` under `[commands.connections]` in host.toml"
        );
    }
}
