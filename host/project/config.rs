//! host.toml as typed values, each with its line. Pure: bytes in, values or the first error out.

use std::collections::{BTreeMap, BTreeSet};

use super::document::{Document, Item, Section};
use super::interpolation::{Template, Unresolved, Unset};
use super::{Environment, is_name, units};
use crate::grants::{BudgetGrants, FileGrant, Grants, LimitGrants, SqlPower, manifest};
use crate::outcome::{Failure, Result};

pub mod docker;
pub mod messaging;

use self::docker::{DockerGrantSection, DockerSection};
use self::messaging::{BroadcastGrantSection, BroadcastSection, RedisSection};

/// The name errors and origins call the file by.
pub const FILE_NAME: &str = "host.toml";

/// host.toml, read and checked; variables are not yet looked up.
#[derive(Clone, Debug, Default)]
pub struct Config {
    pub project_name: Option<Text>,
    pub command_folders: Option<Vec<Text>>,
    /// `[sql.NAME] url`
    pub databases: BTreeMap<String, Text>,
    /// `[redis.NAME] url`
    pub redis: BTreeMap<String, Text>,
    pub broadcast: Option<BroadcastSection>,
    pub docker: DockerSection,
    /// `[commands.NAME]`
    pub commands: BTreeMap<String, CommandSection>,
}

/// One `[commands.NAME]`.
#[derive(Clone, Debug, Default)]
pub struct CommandSection {
    pub sql: BTreeMap<String, Placed<BTreeSet<SqlPower>>>,
    pub redis: BTreeMap<String, Placed<RedisSection>>,
    pub broadcast: Option<Placed<BroadcastGrantSection>>,
    pub docker: Option<Placed<DockerGrantSection>>,
    pub files: Vec<Placed<FileGrant>>,
    pub env: Vec<Placed<String>>,
    pub config: BTreeMap<String, Text>,
    pub time: Option<Text>,
    pub memory: Option<Text>,
    pub output: Option<Text>,
    pub rows_changed: Option<Placed<u64>>,
    pub keys_deleted: Option<Placed<u64>>,
    pub connections_dropped: Option<Placed<Drops>>,
}

/// `connections-dropped = 500` for one run, or `"50/s"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drops {
    InAll(u64),
    PerSecond(u64),
}

/// A value and its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed<T> {
    pub value: T,
    pub line: usize,
}

/// A string value, whose variables are looked up when it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    pub template: Template,
    /// As written.
    raw: String,
    pub line: usize,
    column: usize,
    key: String,
}

impl Config {
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let document = Document::new(FILE_NAME, bytes)?;
        let table = document.parse()?;
        let root = document.root(&table);
        root.only(&["project", "sql", "redis", "broadcast", "docker", "commands"])?;
        let mut config = Self::default();
        if let Some(item) = root.get("project") {
            let section = item.section()?;
            section.only(&["name", "commands"])?;
            config.project_name = text(&section, "name")?;
            config.command_folders = section.get("commands").map(|item| texts(&item)).transpose()?;
        }
        for (name, item) in sections(&root, "sql")? {
            if !is_name(name) {
                return Err(item.error("is no database's name: letters, digits, `-` and `_`"));
            }
            let section = item.section()?;
            section.only(&["url"])?;
            config.databases.insert(name.to_owned(), Text::read(&section.require("url")?)?);
        }
        config.redis = messaging::servers(&root)?;
        config.broadcast = messaging::broadcast(&root, &config.redis)?;
        config.docker = DockerSection::read(&root)?;
        for (name, item) in sections(&root, "commands")? {
            if !is_name(name) {
                return Err(item.error("is no command's name: letters, digits, `-` and `_`"));
            }
            config.commands.insert(name.to_owned(), CommandSection::read(&item.section()?)?);
        }
        Ok(config)
    }
}

impl CommandSection {
    fn read(section: &Section<'_>) -> Result<Self> {
        section.only(&["sql", "redis", "broadcast", "docker", "files", "env", "config", "limits", "budgets"])?;
        let mut read = Self::default();
        for (database, item) in sections(section, "sql")? {
            if !is_name(database) {
                return Err(item.error("is no database's name: letters, digits, `-` and `_`"));
            }
            read.sql.insert(database.to_owned(), Placed { value: manifest::powers(&item)?, line: item.line() });
        }
        for (name, item) in sections(section, "redis")? {
            if !is_name(name) {
                return Err(item.error("is no name for a Redis: letters, digits, `-` and `_`"));
            }
            read.redis.insert(name.to_owned(), Placed { value: RedisSection::read(&item)?, line: item.line() });
        }
        if let Some(item) = section.get("broadcast") {
            read.broadcast = Some(Placed { value: BroadcastGrantSection::read(&item)?, line: item.line() });
        }
        if let Some(item) = section.get("docker") {
            read.docker = Some(Placed { value: DockerGrantSection::read(&item)?, line: item.line() });
        }
        for (pattern, item) in sections(section, "files")? {
            let pattern = manifest::file_pattern(&item, pattern.to_owned())?;
            read.files.push(Placed { value: FileGrant { pattern, access: manifest::access(&item)? }, line: item.line() });
        }
        if let Some(item) = section.get("env") {
            for (name, item) in item.strings()? {
                read.env.push(Placed { value: manifest::env_pattern(&item, name.to_owned())?, line: item.line() });
            }
        }
        for (key, item) in sections(section, "config")? {
            read.config.insert(key.to_owned(), Text::read(&item)?);
        }
        if let Some(item) = section.get("limits") {
            let limits = item.section()?;
            limits.only(&["time", "memory", "output"])?;
            read.time = checked(text(&limits, "time")?, units::duration)?;
            read.memory = checked(text(&limits, "memory")?, units::size)?;
            read.output = checked(text(&limits, "output")?, units::size)?;
        }
        if let Some(item) = section.get("budgets") {
            let budgets = item.section()?;
            budgets.only(&["rows-changed", "keys-deleted", "connections-dropped"])?;
            let placed = |item: Item<'_>| -> Result<Placed<u64>> { Ok(Placed { value: item.whole_number()?, line: item.line() }) };
            let number = |key| budgets.get(key).map(placed).transpose();
            read.rows_changed = number("rows-changed")?;
            read.keys_deleted = number("keys-deleted")?;
            if let Some(item) = budgets.get("connections-dropped") {
                read.connections_dropped = Some(Placed { value: drops(&item)?, line: item.line() });
            }
        }
        Ok(read)
    }

    /// What is granted, with variables looked up.
    pub fn grants(&self, environment: &Environment) -> Result<Grants> {
        let limit = |text: &Option<Text>| text.as_ref().map(|text| text.parsed(environment, units::size)).transpose();
        let limits = LimitGrants {
            time: self.time.as_ref().map(|text| text.parsed(environment, units::duration)).transpose()?,
            memory: limit(&self.memory)?,
            output: limit(&self.output)?,
        };
        let config = self.config.iter().map(|(key, text)| Ok((key.clone(), text.resolve(environment)?)));
        let dropped = self.connections_dropped.as_ref().map(|dropped| dropped.value);
        let budgets = BudgetGrants {
            rows_changed: self.rows_changed.as_ref().map(|rows| rows.value),
            keys_deleted: self.keys_deleted.as_ref().map(|keys| keys.value),
            connections_dropped: dropped.and_then(|drops| if let Drops::InAll(count) = drops { Some(count) } else { None }),
            connections_dropped_rate: dropped.and_then(|drops| if let Drops::PerSecond(count) = drops { Some(count) } else { None }),
        };
        let redis = self.redis.iter().map(|(name, section)| Ok((name.clone(), section.value.grant(environment)?)));
        let broadcast = self.broadcast.as_ref().map(|section| section.value.grant(environment)).transpose()?;
        let docker = self.docker.as_ref().map(|section| section.value.grant(environment)).transpose()?;
        Ok(Grants {
            config: config.collect::<Result<_>>()?,
            limits,
            budgets,
            redis: redis.collect::<Result<_>>()?,
            broadcast,
            docker,
            ..self.powers()
        })
    }

    /// Only what asks are compared with: databases, files and variables. Needs no variable's value.
    pub fn powers(&self) -> Grants {
        Grants {
            sql: self.sql.iter().map(|(database, powers)| (database.clone(), powers.value.clone())).collect(),
            redis: self.redis.iter().map(|(name, section)| (name.clone(), section.value.powers())).collect(),
            broadcast: self.broadcast.as_ref().map(|section| section.value.powers()),
            docker: self.docker.as_ref().map(|section| section.value.powers()),
            files: self.files.iter().map(|file| file.value.clone()).collect(),
            env: self.env.iter().map(|name| name.value.clone()).collect(),
            ..Grants::default()
        }
    }
}

impl Text {
    fn read(item: &Item<'_>) -> Result<Self> {
        let raw = item.string()?;
        let template = Template::parse(raw).map_err(|malformed| item.error(&format!("cannot be read: {}", malformed.message)))?;
        let (line, column) = item.place();
        Ok(Self { template, raw: raw.to_owned(), line, column, key: item.key() })
    }

    /// The value, or an error that names the variable and how to set it.
    pub fn resolve(&self, environment: &Environment) -> Result<String> {
        self.template.evaluate(&|name| environment.get(name), Unset::Fails).map_err(|unresolved| {
            let failure = self.error(&unresolved.to_string());
            match unresolved {
                Unresolved::Missing { name, .. } => {
                    failure.hint(format!("set `{name}` in the environment or in `.env`, or give it a default: `${{{name}:-...}}`"))
                }
                Unresolved::TooLong => failure,
            }
        })
    }

    fn parsed<T>(&self, environment: &Environment, parse: impl Fn(&str) -> std::result::Result<T, String>) -> Result<T> {
        parse(&self.resolve(environment)?).map_err(|expected| self.error(&format!("must be {expected}")))
    }

    fn error(&self, text: &str) -> Failure {
        Failure::usage(format!("{FILE_NAME}:{}:{}: `{}` {text}", self.line, self.column, self.key))
    }
}

/// `500`, or `"50/s"`.
fn drops(item: &Item<'_>) -> Result<Drops> {
    if let Ok(count) = item.whole_number() {
        return Ok(Drops::InAll(count));
    }
    let rate = item.string().ok().and_then(|text| text.strip_suffix("/s")).and_then(|number| number.trim().parse().ok());
    match rate {
        Some(rate) if rate > 0 => Ok(Drops::PerSecond(rate)),
        _ => Err(item.error("must be a whole number for one run, or a rate such as \"50/s\"")),
    }
}

/// A value without variables is checked at once, whoever it is for.
fn checked<T>(text: Option<Text>, parse: impl Fn(&str) -> std::result::Result<T, String>) -> Result<Option<Text>> {
    if let Some(text) = text.as_ref().filter(|text| text.template.is_literal()) {
        text.parsed(&Environment::default(), parse)?;
    }
    Ok(text)
}

fn sections<'d>(section: &Section<'d>, key: &str) -> Result<Vec<(&'d str, Item<'d>)>> {
    section.get(key).map_or_else(|| Ok(Vec::new()), |item| Ok(item.section()?.items()))
}

fn text(section: &Section<'_>, key: &str) -> Result<Option<Text>> {
    section.get(key).map(|item| Text::read(&item)).transpose()
}

fn texts(item: &Item<'_>) -> Result<Vec<Text>> {
    item.strings()?.iter().map(|(_, item)| Text::read(item)).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SHOP: &str = r#"
[project]
name = "shop"
commands = ["commands", "vendor/commands"]

[sql.default]
url = "${DATABASE_URL:-sqlite://var/app.db}"
[sql.replica]
url = "${REPLICA_URL:?the replica}"

[commands.migrate]
sql.default = ["read", "write", "schema", "lock"]
files."migrations/**" = "read"
env = ["HOME", "APP_*"]
config.greeting = "hello ${WHO:-you}"
limits.time = "1h"
limits.memory = "256MiB"
limits.output = "${OUTPUT_LIMIT:-10MiB}"
budgets.rows-changed = 500
"#;

    fn failure(text: &str) -> Failure {
        Config::parse(text.as_bytes()).map(|_| ()).unwrap_err()
    }

    #[test]
    fn a_whole_file_is_read() {
        let config = Config::parse(SHOP.as_bytes()).unwrap();
        let environment = Environment::default();
        let migrate = config.commands.get("migrate").unwrap();
        let grants = migrate.grants(&environment).unwrap();
        assert_eq!(grants.sql["default"].len(), 4);
        assert_eq!(grants.config["greeting"], "hello you");
        assert_eq!(grants.limits.time, Some(Duration::from_secs(3600)));
        assert_eq!(grants.limits.memory, Some(256 << 20));
        assert_eq!(grants.limits.output, Some(10 << 20));
        assert_eq!(grants.budgets.rows_changed, Some(500));
        assert_eq!(grants.env, ["HOME", "APP_*"]);
        assert_eq!(config.databases["default"].resolve(&environment).unwrap(), "sqlite://var/app.db");
        assert_eq!((config.databases["default"].line, migrate.sql["default"].line), (7, 12));
    }

    #[test]
    fn a_missing_variable_is_an_error_only_for_who_uses_it() {
        let config = Config::parse(SHOP.as_bytes()).unwrap();
        let failure = config.databases["replica"].resolve(&Environment::default()).unwrap_err();
        assert_eq!(failure.message, "host.toml:9:1: `sql.replica.url` needs `REPLICA_URL`, which is not set: the replica");
        assert!(failure.hints[0].contains("`.env`"));
    }

    #[test]
    fn errors_name_place_key_and_what_was_meant() {
        for (text, expected, hint) in [
            (
                "[commands.migrate]\nsqll.default = [\"read\"]",
                "host.toml:2:1: unknown key `sqll` in [commands.migrate]",
                "did you mean `sql`?",
            ),
            ("[dokcer]\nurl = \"x\"", "host.toml:1:2: unknown key `dokcer` at the top level", "did you mean `docker`?"),
            ("[command.x]", "host.toml:1:2: unknown key `command` at the top level", "did you mean `commands`?"),
            ("[project]\nnaem = \"x\"", "host.toml:2:1: unknown key `naem` in [project]", "did you mean `name`?"),
            ("[project]\nname = 3", "host.toml:2:1: `project.name` must be a string, not an integer", ""),
            ("[project]\ncommands = \"x\"", "host.toml:2:1: `project.commands` must be a list of strings, not a string", ""),
            ("project = 1", "host.toml:1:1: `project` must be a table, not an integer", ""),
            ("[sql.default]", "host.toml:1:6: `url` is missing in [sql.default]", ""),
            ("[sql.\"a b\"]\nurl = \"x\"", "host.toml:1:6: `sql.a b` is no database's name", ""),
            ("[sql.default]\nurl = \"${X\"", "host.toml:2:1: `sql.default.url` cannot be read: `${X` has no closing `}`", ""),
            (
                "[commands.x]\nsql.default = [\"reed\"]",
                "host.toml:2:16: `commands.x.sql.default` names `reed`, which is no power",
                "did you mean `read`?",
            ),
            ("[commands.x]\nsql.default = []", "host.toml:2:5: `commands.x.sql.default` names no power", ""),
            ("[commands.x]\nsql.default = \"read\"", "host.toml:2:5: `commands.x.sql.default` must be a list of strings, not a string", ""),
            ("[commands.x]\nsql = [\"read\"]", "host.toml:2:1: `commands.x.sql` must be a table, not an array", ""),
            ("[commands.x]\nfiles.\"a\" = \"rw\"", "host.toml:2:7: `commands.x.files.a` is `rw`, which is no access", ""),
            ("[commands.x]\nfiles.\"../a\" = \"read\"", "host.toml:2:7: `commands.x.files.../a` must be a path or glob without `..`", ""),
            ("[commands.x]\nfiles.\"a[\" = \"read\"", "host.toml:2:7: `commands.x.files.a[` is no glob", ""),
            ("[commands.x]\nenv = [\"A*B\"]", "host.toml:2:8: `commands.x.env` names `A*B`", ""),
            ("[commands.x]\nlimits.time = \"1 fortnight\"", "host.toml:2:8: `commands.x.limits.time` must be a duration", ""),
            ("[commands.x]\nlimits.time = 60", "host.toml:2:8: `commands.x.limits.time` must be a string, not an integer", ""),
            ("[commands.x]\nlimits.memory = \"256\"", "host.toml:2:8: `commands.x.limits.memory` must be a size", ""),
            ("[commands.x]\nlimits.tiem = \"1h\"", "host.toml:2:8: unknown key `tiem` in [commands.x.limits]", "did you mean `time`?"),
            (
                "[commands.x]\nbudgets.rows-changed = -1",
                "host.toml:2:9: `commands.x.budgets.rows-changed` must be a whole number from 0 up",
                "",
            ),
            ("[commands.\"../x\"]", "host.toml:1:11: `commands.../x` is no command's name", ""),
            ("[commands.x]\ndocker = {}", "host.toml:2:1: `allow` is missing in [commands.x.docker]", ""),
        ] {
            let failure = failure(text);
            assert!(failure.message.starts_with(expected), "{failure}\nexpected {expected}");
            assert!(failure.hints.concat().contains(hint), "{:?}", failure.hints);
        }
    }

    #[test]
    fn a_duration_from_a_variable_is_checked_when_it_is_used() {
        let config = Config::parse(b"[commands.x]\nlimits.time = \"${T}\"").unwrap();
        let with = |value: &str| config.commands["x"].grants(&Environment::new(BTreeMap::from([("T".to_owned(), value.to_owned())])));
        assert_eq!(with("5m").unwrap().limits.time, Some(Duration::from_secs(300)));
        assert!(with("soon").unwrap_err().message.starts_with("host.toml:2:8: `commands.x.limits.time` must be a duration"));
    }

    #[test]
    fn hostile_bytes_are_errors_with_a_place() {
        assert!(failure("[project]\nname = \"a\0b\"").message.starts_with("host.toml:2:"));
        assert!(failure("[project]\n[project]").message.starts_with("host.toml:2:"));
        let bytes = b"[project]\nname = \"\xff\"";
        assert_eq!(Config::parse(bytes).map(|_| ()).unwrap_err().message, "host.toml:2:9: not UTF-8 from here on");
    }

    #[test]
    fn an_empty_file_grants_nothing() {
        assert!(Config::parse(b"").unwrap().commands.is_empty());
    }
}
