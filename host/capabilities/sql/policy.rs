//! Who may do what to which database: pure, no connection needed.

use std::collections::{BTreeMap, BTreeSet};

use crate::gate::Decision;
use crate::grants::{Power, SqlPower, toml_key, toml_list};

/// Permitted powers by database name.
pub type Powers = BTreeMap<String, BTreeSet<SqlPower>>;

/// What a function needs on a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// `connection.open`, read-only transactions: whatever is granted is enough.
    AnyPower,
    /// A read-write transaction.
    WriteOrSchema,
    Power(SqlPower),
}

/// Whether `command` may do on `database` what `need` stands for.
pub fn decide(command: &str, powers: &Powers, database: &str, need: Need) -> Decision {
    let granted = powers.get(database);
    let allowed = granted.is_some_and(|granted| match need {
        Need::AnyPower => !granted.is_empty(),
        Need::WriteOrSchema => granted.contains(&SqlPower::Write) || granted.contains(&SqlPower::Schema),
        Need::Power(power) => granted.contains(&power),
    });
    if allowed {
        return Decision::Allowed;
    }
    let power = match need {
        Need::AnyPower => SqlPower::Read,
        Need::WriteOrSchema => SqlPower::Write,
        Need::Power(power) => power,
    };
    let none = BTreeSet::new();
    Decision::Denied(denial(command, database, granted.unwrap_or(&none), power))
}

/// The text of a denial: who, what, and the line that would allow it (what is granted already stays in it).
pub fn denial(command: &str, database: &str, granted: &BTreeSet<SqlPower>, power: SqlPower) -> String {
    format!(
        "command `{command}` may not `{}` on database `{database}`; to allow it, add {}",
        power.word(),
        grant_line(command, database, granted, power)
    )
}

/// `` `sql.default = ["read", "schema"]` under `[commands.migrate]` in host.toml ``
fn grant_line(command: &str, database: &str, granted: &BTreeSet<SqlPower>, power: SqlPower) -> String {
    let powers: BTreeSet<SqlPower> = granted.iter().copied().chain([power]).collect();
    let words = toml_list(powers.iter().map(|power| power.word()));
    format!("`sql.{} = {words}` under `[commands.{}]` in host.toml", toml_key(database), toml_key(command))
}

/// The text for a name that is not configured: which names this command could have meant.
pub(super) fn unknown_database(database: &str, urls: &BTreeMap<String, String>, powers: &Powers) -> String {
    let names: Vec<String> = powers.keys().filter(|name| urls.contains_key(*name)).map(|name| format!("`{name}`")).collect();
    match names.is_empty() {
        true => {
            format!("no database `{database}` is configured; to configure it, add to host.toml: [sql.{}] url = \"...\"", toml_key(database))
        }
        false => format!("no database `{database}` is configured; granted to this command: {}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn powers(granted: &[SqlPower]) -> Powers {
        BTreeMap::from([("default".to_owned(), granted.iter().copied().collect())])
    }

    #[test]
    fn every_power_is_allowed_when_granted_and_denied_without_grant() {
        for power in SqlPower::ALL.iter().copied() {
            assert_eq!(decide("c", &powers(&[power]), "default", Need::Power(power)), Decision::Allowed);
            let others: Vec<SqlPower> = SqlPower::ALL.iter().copied().filter(|other| *other != power).collect();
            assert!(matches!(decide("c", &powers(&others), "default", Need::Power(power)), Decision::Denied(_)), "{power:?}");
            assert!(matches!(decide("c", &powers(&[power]), "other", Need::Power(power)), Decision::Denied(_)), "{power:?}");
        }
    }

    #[test]
    fn opening_needs_any_power_and_a_read_write_transaction_needs_write_or_schema() {
        for power in SqlPower::ALL.iter().copied() {
            assert_eq!(decide("c", &powers(&[power]), "default", Need::AnyPower), Decision::Allowed);
            let may = matches!(power, SqlPower::Write | SqlPower::Schema);
            assert_eq!(decide("c", &powers(&[power]), "default", Need::WriteOrSchema) == Decision::Allowed, may, "{power:?}");
        }
        assert!(matches!(decide("c", &powers(&[]), "default", Need::AnyPower), Decision::Denied(_)));
    }

    #[test]
    fn a_denial_names_command_power_database_and_the_line_that_allows_it() {
        let Decision::Denied(text) = decide("migrate", &powers(&[SqlPower::Read]), "default", Need::Power(SqlPower::Schema)) else {
            panic!("allowed")
        };
        assert_eq!(
            text,
            "command `migrate` may not `schema` on database `default`; to allow it, add \
             `sql.default = [\"read\", \"schema\"]` under `[commands.migrate]` in host.toml"
        );
    }

    #[test]
    fn names_that_toml_cannot_have_bare_are_quoted() {
        let text = denial("my.command", "the db", &BTreeSet::new(), SqlPower::Read);
        assert!(text.ends_with("`sql.\"the db\" = [\"read\"]` under `[commands.\"my.command\"]` in host.toml"), "{text}");
    }

    #[test]
    fn an_unknown_name_lists_the_configured_names_that_are_granted() {
        let urls = BTreeMap::from([("default".to_owned(), String::new()), ("secret".to_owned(), String::new())]);
        let text = unknown_database("defualt", &urls, &powers(&[SqlPower::Read]));
        assert!(text.contains("`default`") && !text.contains("secret"), "{text}");
    }
}
