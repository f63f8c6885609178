//! Every value of the configuration with its origin, for `host config`; and the masking of secrets.

use super::config::docker::Credentials;
use super::config::{Drops, FILE_NAME, Placed, Text, messaging};
use super::{Environment, Project, VariableOrigin};
use crate::grants::{Power, Setting, SettingValue};

/// What stands for a secret.
const MASK: &str = "***";
/// A `config.KEY` whose key holds one of these is a secret.
const SECRET_WORDS: [&str; 6] = ["password", "passwd", "secret", "token", "credential", "private"];

/// One value, ready to be shown: secrets are masked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigValue {
    /// `sql.default.url`, `commands.migrate.limits.time`
    pub key: String,
    /// The error's text when it cannot be resolved.
    pub value: Result<String, String>,
    /// `host.toml:4, DATABASE_URL from .env:2`
    pub origin: String,
}

impl Project {
    /// All values, in the order project, databases, commands.
    pub fn values(&self) -> Vec<ConfigValue> {
        let mut values =
            vec![ConfigValue { key: "project.name".to_owned(), value: Ok(self.name.clone()), origin: self.name_origin.clone() }];
        let folders: Vec<_> = self.command_folders.iter().map(|folder| folder.display().to_string()).collect();
        let origin = match self.config.command_folders.as_deref() {
            Some([first, ..]) => text_origin(&self.environment, first),
            Some([]) => FILE_NAME.to_owned(),
            None => "default".to_owned(),
        };
        values.push(ConfigValue { key: "project.commands".to_owned(), value: Ok(folders.join(", ")), origin });
        values.extend(self.config.databases.iter().map(|(name, url)| self.text_value(format!("sql.{name}.url"), url)));
        values.extend(self.config.redis.iter().map(|(name, url)| self.text_value(format!("redis.{name}.url"), url)));
        if let Some(broadcast) = &self.config.broadcast {
            let servers: Vec<&str> = broadcast.redis.iter().map(|name| name.value.as_str()).collect();
            let origin = broadcast.redis.first().map(|name| format!("{FILE_NAME}:{}", name.line)).unwrap_or_default();
            values.push(ConfigValue { key: "broadcast.redis".to_owned(), value: Ok(servers.join(", ")), origin });
            values.extend(broadcast.prefix.as_ref().map(|prefix| self.text_value("broadcast.prefix".to_owned(), prefix)));
            values.extend(broadcast.mode.as_ref().map(|mode| ConfigValue {
                key: "broadcast.mode".to_owned(),
                value: Ok(mode.value.word().to_owned()),
                origin: format!("{FILE_NAME}:{}", mode.line),
            }));
        }
        for (key, text) in [("endpoint", &self.config.docker.endpoint), ("certificates", &self.config.docker.certificates)] {
            values.extend(text.as_ref().map(|text| self.text_value(format!("docker.{key}"), text)));
        }
        values.extend(self.config.docker.credentials.as_ref().map(|credentials| match credentials {
            Credentials::File(text) => self.text_value("docker.credentials".to_owned(), text),
            Credentials::Nothing(line) => {
                ConfigValue { key: "docker.credentials".to_owned(), value: Ok("false".to_owned()), origin: format!("{FILE_NAME}:{line}") }
            }
        }));
        for (name, section) in &self.config.commands {
            let placed = |setting: Setting, line: usize| {
                let value = match &setting.value {
                    SettingValue::Text(text) => text.clone(),
                    SettingValue::List(items) => items.join(", "),
                };
                ConfigValue {
                    key: format!("commands.{name}.{}", setting.keys.join(".")),
                    value: Ok(value),
                    origin: format!("{FILE_NAME}:{line}"),
                }
            };
            values.extend(section.sql.iter().map(|(database, powers)| {
                let words = powers.value.iter().map(|power| power.word().to_owned()).collect();
                placed(Setting { keys: vec!["sql".to_owned(), database.clone()], value: SettingValue::List(words) }, powers.line)
            }));
            let words =
                |key: String, words: String, line: usize| ConfigValue { key, value: Ok(words), origin: format!("{FILE_NAME}:{line}") };
            for (redis, grant) in &section.redis {
                let key = format!("commands.{name}.redis.{redis}");
                values.push(words(format!("{key}.allow"), messaging::words(&grant.value.powers), grant.line));
                values.extend(self.list_value(format!("{key}.keys"), &grant.value.keys));
                values.extend(grant.value.prefix.as_ref().map(|prefix| self.text_value(format!("{key}.prefix"), prefix)));
                values.extend(self.list_value(format!("{key}.channels"), &grant.value.channels));
            }
            if let Some(grant) = &section.broadcast {
                let key = format!("commands.{name}.broadcast");
                values.push(words(format!("{key}.allow"), messaging::words(&grant.value.powers), grant.line));
                values.extend(self.list_value(format!("{key}.labels"), &grant.value.labels));
            }
            if let Some(grant) = &section.docker {
                let key = format!("commands.{name}.docker");
                values.push(words(format!("{key}.allow"), messaging::words(&grant.value.powers), grant.line));
                values.extend(grant.value.project.as_ref().map(|project| self.text_value(format!("{key}.project"), project)));
                values.extend(grant.value.lists.iter().filter_map(|(list, texts)| self.list_value(format!("{key}.{list}"), texts)));
                for (flag, placed) in [("privileged", &grant.value.privileged), ("engine-socket", &grant.value.engine_socket)] {
                    values.extend(placed.as_ref().map(|flagged| words(format!("{key}.{flag}"), flagged.value.to_string(), flagged.line)));
                }
            }
            values.extend(section.files.iter().map(|file| {
                let access = SettingValue::Text(file.value.access.word().to_owned());
                placed(Setting { keys: vec!["files".to_owned(), file.value.pattern.clone()], value: access }, file.line)
            }));
            if let Some(first) = section.env.first() {
                let names = section.env.iter().map(|name| name.value.clone()).collect();
                values.push(placed(Setting { keys: vec!["env".to_owned()], value: SettingValue::List(names) }, first.line));
            }
            values.extend(section.config.iter().map(|(key, text)| self.text_value(format!("commands.{name}.config.{key}"), text)));
            for (key, text) in [("time", &section.time), ("memory", &section.memory), ("output", &section.output)] {
                values.extend(text.as_ref().map(|text| self.text_value(format!("commands.{name}.limits.{key}"), text)));
            }
            let dropped = section.connections_dropped.as_ref().map(|dropped| match dropped.value {
                Drops::InAll(count) => (count.to_string(), dropped.line),
                Drops::PerSecond(count) => (format!("{count}/s"), dropped.line),
            });
            let number = |number: &Option<Placed<u64>>| number.as_ref().map(|number| (number.value.to_string(), number.line));
            let budgets = [
                ("rows-changed", number(&section.rows_changed)),
                ("keys-deleted", number(&section.keys_deleted)),
                ("connections-dropped", dropped),
            ];
            values.extend(budgets.into_iter().filter_map(|(key, value)| {
                let (value, line) = value?;
                Some(words(format!("commands.{name}.budgets.{key}"), value, line))
            }));
        }
        values
    }

    /// A list of values as one; none when it is empty.
    fn list_value(&self, key: String, texts: &[Text]) -> Option<ConfigValue> {
        let first = texts.first()?;
        let values: Vec<Result<String, String>> = texts.iter().map(|text| self.text_value(key.clone(), text).value).collect();
        let value = values.into_iter().collect::<Result<Vec<_>, _>>().map(|values| values.join(", "));
        Some(ConfigValue { key, value, origin: text_origin(&self.environment, first) })
    }

    fn text_value(&self, key: String, text: &Text) -> ConfigValue {
        let secret = key.contains(".config.") && SECRET_WORDS.iter().any(|word| key.to_lowercase().contains(word));
        let value = match text.resolve(&self.environment) {
            Ok(_) if secret => Ok(MASK.to_owned()),
            Ok(value) => Ok(without_secrets(&value)),
            Err(failure) => Err(failure.message),
        };
        ConfigValue { key, value, origin: text_origin(&self.environment, text) }
    }
}

/// `host.toml:4, DATABASE_URL from .env:2`
pub(super) fn text_origin(environment: &Environment, text: &Text) -> String {
    let variables = text.template.variables().into_iter().map(|name| match environment.origin(name) {
        Some(_) => format!(", {name} from {}", variable_origin(environment, name)),
        None => format!(", {name} not set"),
    });
    format!("{FILE_NAME}:{}{}", text.line, variables.collect::<String>())
}

/// `environment`, or the line of `.env`.
pub(super) fn variable_origin(environment: &Environment, name: &str) -> String {
    match environment.origin(name) {
        Some(VariableOrigin::Dotenv(place)) => place,
        Some(VariableOrigin::Process) => "the environment".to_owned(),
        None => "nowhere".to_owned(),
    }
}

/// `text` with what looks like a password in an address replaced by `***`.
///
/// Rather too much than too little: a password may hold `/`, `?` and `@` that somebody forgot to encode, so
/// all from the first `:` after the user's name to the last `@` goes.
pub fn without_secrets(text: &str) -> String {
    let masked = match text.split_once("://") {
        Some((scheme, rest)) => match rest.rsplit_once('@') {
            Some((user_and_password, host)) if user_and_password.contains(':') => {
                let user = user_and_password.split_once(':').map_or(user_and_password, |(user, _)| user);
                format!("{scheme}://{user}:{MASK}@{host}")
            }
            _ => text.to_owned(),
        },
        None => text.to_owned(),
    };
    without_secret_parameters(&masked)
}

/// `?password=x&sslpassword=y`
fn without_secret_parameters(text: &str) -> String {
    let Some((address, query)) = text.split_once('?') else { return text.to_owned() };
    let parameter = |parameter: &str| match parameter.split_once('=') {
        Some((key, _)) if SECRET_WORDS.iter().any(|word| key.to_lowercase().contains(word)) => format!("{key}={MASK}"),
        _ => parameter.to_owned(),
    };
    format!("{address}?{}", query.split('&').map(parameter).collect::<Vec<_>>().join("&"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn passwords_in_addresses_are_masked() {
        for (text, expected) in [
            ("postgres://shop:hunter2@db/shop", "postgres://shop:***@db/shop"),
            ("postgres://shop@db/shop", "postgres://shop@db/shop"),
            ("postgres://db:5432/shop", "postgres://db:5432/shop"),
            ("postgres://shop:p@ss/w?rd@db/shop", "postgres://shop:***@db/shop"),
            ("postgres://:secret@db/shop", "postgres://:***@db/shop"),
            ("postgres://db/shop?user=a&password=b&sslmode=require", "postgres://db/shop?user=a&password=***&sslmode=require"),
            ("sqlite://var/app.db", "sqlite://var/app.db"),
            ("plain", "plain"),
        ] {
            assert_eq!(without_secrets(text), expected, "{text}");
        }
    }

    #[test]
    fn each_value_tells_where_it_comes_from() {
        let folder = tempfile::tempdir().unwrap();
        let host_toml = "[project]\nname = \"shop\"\n[sql.default]\nurl = \"${URL:-sqlite://x.db}\"\n[sql.other]\nurl = \"${NONE}\"\n\
                         [commands.x]\nsql.default = [\"read\"]\nconfig.api-token = \"t\"\nconfig.place = \"${HERE:-there}\"\n";
        std::fs::write(folder.path().join("host.toml"), host_toml).unwrap();
        std::fs::write(folder.path().join(".env"), "\nURL=postgres://u:p@h/d\n").unwrap();
        let process = BTreeMap::from([("HERE".to_owned(), "here".to_owned())]);
        let project = Project::find_with(folder.path(), None, None, process).unwrap();
        let values: BTreeMap<_, _> = project.values().into_iter().map(|value| (value.key, (value.value, value.origin))).collect();
        let of = |key: &str| values[key].clone();
        assert_eq!(of("project.name"), (Ok("shop".to_owned()), "host.toml:2".to_owned()));
        assert_eq!(of("project.commands").1, "default");
        assert_eq!(of("sql.default.url"), (Ok("postgres://u:***@h/d".to_owned()), "host.toml:4, URL from .env:2".to_owned()));
        assert!(of("sql.other.url").0.unwrap_err().contains("`NONE`"));
        assert_eq!(of("commands.x.sql.default"), (Ok("read".to_owned()), "host.toml:8".to_owned()));
        assert_eq!(of("commands.x.config.api-token").0, Ok("***".to_owned()));
        assert_eq!(of("commands.x.config.place"), (Ok("here".to_owned()), "host.toml:10, HERE from the environment".to_owned()));
    }
}
