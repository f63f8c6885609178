//! The lines of host.toml that would grant what is missing: one source for errors, `inspect`, `grant` and `init`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::manifest::ANY;
use super::{DockerGrant, FileAccess, Grants, Power, RedisPower, Wants};

/// One key beneath `[commands.NAME]` with the value it must have; what was granted before is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// `["sql", "default"]`, `["redis", "default", "allow"]`, `["files", "migrations/**"]`, `["env"]`
    pub keys: Vec<String>,
    pub value: SettingValue,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingValue {
    Text(String),
    List(Vec<String>),
}

/// The settings that give `wants` in addition to `grants`; those that would change nothing are left out.
///
/// Asks for any database have no line: which database is the operator's to say.
pub fn settings<'w>(wants: impl IntoIterator<Item = &'w Wants>, grants: &Grants) -> Vec<Setting> {
    let mut sql = BTreeMap::new();
    let mut redis = BTreeMap::new();
    let mut broadcast = None;
    let mut docker = None;
    let mut files = BTreeMap::new();
    let mut env = grants.env.clone();
    for want in wants {
        match want {
            Wants::Sql { database: name, .. } | Wants::Redis { name, .. } if name == ANY => {}
            Wants::Sql { database, powers } => {
                sql.entry(database).or_insert_with(|| grants.sql.get(database).cloned().unwrap_or_default()).extend(powers);
            }
            Wants::Redis { name, powers, keys, channels } => {
                let granted = grants.redis.get(name);
                let entry = redis.entry(name).or_insert_with(|| granted.cloned().unwrap_or_default());
                entry.powers.extend(powers);
                // Which keys is the operator's to say once something is granted.
                if granted.is_none_or(|granted| granted.keys.is_empty() && granted.prefix.is_none()) {
                    propose(&mut entry.keys, keys, powers.iter().any(|power| *power != RedisPower::Publish));
                }
                if granted.is_none_or(|granted| granted.channels.is_empty()) {
                    propose(&mut entry.channels, channels, powers.contains(&RedisPower::Publish));
                }
            }
            Wants::Broadcast { powers, labels } => {
                let entry = broadcast.get_or_insert_with(|| grants.broadcast.clone().unwrap_or_default());
                entry.powers.extend(powers);
                if grants.broadcast.is_none() {
                    entry.labels = if labels.is_empty() { vec!["*".to_owned()] } else { labels.clone() };
                }
            }
            Wants::Docker(asked) => {
                let entry = docker.get_or_insert_with(|| grants.docker.clone().unwrap_or_default());
                propose_docker(entry, asked, grants.docker.as_ref());
            }
            Wants::Files(file) => {
                let granted = grants.files.iter().filter(|grant| grant.pattern == file.pattern).map(|grant| grant.access);
                let access = granted.chain([file.access]).max().unwrap_or(FileAccess::Read);
                let entry = files.entry(&file.pattern).or_insert(access);
                *entry = access.max(*entry);
            }
            Wants::Env(name) if env.contains(name) => {}
            Wants::Env(name) => env.push(name.clone()),
        }
    }
    let sql = sql
        .into_iter()
        .filter(|(database, powers)| grants.sql.get(*database) != Some(powers))
        .map(|(database, powers)| Setting { keys: vec!["sql".to_owned(), database.clone()], value: SettingValue::List(words(&powers)) });
    let redis = redis.into_iter().flat_map(|(name, grant)| {
        let before = grants.redis.get(name).cloned().unwrap_or_default();
        let of = |key: &str, items: Vec<String>| Setting {
            keys: vec!["redis".to_owned(), name.clone(), key.to_owned()],
            value: SettingValue::List(items),
        };
        let allow = (grant.powers != before.powers).then(|| of("allow", words(&grant.powers)));
        let keys = (grant.keys != before.keys).then(|| of("keys", grant.keys));
        let channels = (grant.channels != before.channels).then(|| of("channels", grant.channels));
        allow.into_iter().chain(keys).chain(channels)
    });
    let broadcast = broadcast.into_iter().flat_map(|grant| {
        let before = grants.broadcast.clone().unwrap_or_default();
        let of = |key: &str, items: Vec<String>| Setting {
            keys: vec!["broadcast".to_owned(), key.to_owned()],
            value: SettingValue::List(items),
        };
        let allow = (grant.powers != before.powers).then(|| of("allow", words(&grant.powers)));
        let labels = (grant.labels != before.labels).then(|| of("labels", grant.labels));
        allow.into_iter().chain(labels)
    });
    let docker = docker.iter().flat_map(|grant| docker_settings(grant, grants.docker.as_ref()));
    let unchanged = |pattern: &str, access| grants.files.iter().any(|grant| grant.pattern == pattern && grant.access == access);
    let files = files.into_iter().filter(|(pattern, access)| !unchanged(pattern, *access)).map(|(pattern, access)| Setting {
        keys: vec!["files".to_owned(), pattern.clone()],
        value: SettingValue::Text(access.word().to_owned()),
    });
    let env = (env != grants.env).then(|| Setting { keys: vec!["env".to_owned()], value: SettingValue::List(env) });
    sql.chain(redis).chain(broadcast).chain(docker).chain(files).chain(env).collect()
}

/// Which project is the operator's to say once something is granted, and so is each list that says anything: which images,
/// mounts, networks. A power that comes later brings what it needs of the others.
fn propose_docker(entry: &mut DockerGrant, asked: &DockerGrant, granted: Option<&DockerGrant>) {
    entry.powers.extend(&asked.powers);
    if granted.is_none() && entry.project.is_empty() {
        entry.project.clone_from(&asked.project);
    }
    let said: Vec<&str> = granted.iter().flat_map(|grant| grant.lists()).filter(|(_, list)| !list.is_empty()).map(|(key, _)| key).collect();
    for (key, proposed) in asked.lists().into_iter().filter(|(key, _)| !said.contains(key)) {
        if let Some(list) = entry.list_mut(key) {
            propose(list, proposed, false);
        }
    }
}

fn docker_settings(grant: &DockerGrant, before: Option<&DockerGrant>) -> Vec<Setting> {
    let of = |key: &str, value: SettingValue| Setting { keys: vec!["docker".to_owned(), key.to_owned()], value };
    let nothing = DockerGrant::default();
    let before = before.unwrap_or(&nothing);
    let project = (grant.project != before.project).then(|| of("project", SettingValue::Text(grant.project.clone())));
    let allow = (grant.powers != before.powers).then(|| of("allow", SettingValue::List(words(&grant.powers))));
    let lists = grant.lists().into_iter().zip(before.lists()).filter(|((_, now), (_, before))| now != before);
    let lists = lists.map(|((key, now), _)| of(key, SettingValue::List(now.clone())));
    project.into_iter().chain(allow).chain(lists).collect()
}

/// The patterns that were asked for, or all that begins with the project's name where some are `needed`.
fn propose(patterns: &mut Vec<String>, asked: &[String], needed: bool) {
    let missing: Vec<String> = asked.iter().filter(|pattern| !patterns.contains(pattern)).cloned().collect();
    patterns.extend(missing);
    if patterns.is_empty() && needed {
        patterns.push(OWN.to_owned());
    }
}

/// Keys and channels of this project.
const OWN: &str = "${PROJECT_NAME}:*";

fn words<P: Power>(powers: &BTreeSet<P>) -> Vec<String> {
    powers.iter().map(|power| power.word().to_owned()).collect()
}

/// The same as text, the section's header first; empty when there is nothing to add.
pub fn host_toml_lines<'w>(command: &str, wants: impl IntoIterator<Item = &'w Wants>, grants: &Grants) -> Vec<String> {
    let settings = settings(wants, grants);
    if settings.is_empty() {
        return Vec::new();
    }
    std::iter::once(format!("[commands.{}]", toml_key(command))).chain(settings.iter().map(ToString::to_string)).collect()
}

impl fmt::Display for Setting {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<_> = self.keys.iter().map(|name| toml_key(name)).collect();
        match &self.value {
            SettingValue::Text(text) => write!(out, "{} = {}", keys.join("."), toml_text(text)),
            SettingValue::List(items) => {
                write!(out, "{} = {}", keys.join("."), toml_list(items))
            }
        }
    }
}

/// A TOML key: bare when it can be.
pub(crate) fn toml_key(name: &str) -> String {
    let bare = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if bare { name.to_owned() } else { toml_text(name) }
}

/// A TOML string. Always of the basic form, so that nothing a stranger's manifest holds ends it early.
pub(crate) fn toml_text(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            unseen if unseen.is_control() || reorders(unseen) => quoted.push_str(&format!("\\u{:04X}", u32::from(unseen))),
            plain => quoted.push(plain),
        }
    }
    quoted.push('"');
    quoted
}

/// Terminals reorder the text around these, and ours leaves them out.
fn reorders(character: char) -> bool {
    matches!(character, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// `["read", "write"]`
pub(crate) fn toml_list(items: impl IntoIterator<Item: AsRef<str>>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| toml_text(item.as_ref())).collect();
    format!("[{}]", items.join(", "))
}

#[cfg(test)]
mod tests {
    use super::super::{DockerPower, FileGrant, SqlPower};
    use super::*;

    fn sql(database: &str, powers: &[SqlPower]) -> Wants {
        Wants::Sql { database: database.to_owned(), powers: powers.iter().copied().collect() }
    }

    fn file(pattern: &str, access: FileAccess) -> Wants {
        Wants::Files(FileGrant { pattern: pattern.to_owned(), access })
    }

    #[test]
    fn lines_are_the_section_and_one_line_for_each_thing() {
        let wants = [
            sql("default", &[SqlPower::Write, SqlPower::Read]),
            file("migrations/**", FileAccess::Read),
            Wants::Env("HOME".to_owned()),
            sql("*", &[SqlPower::Read]),
        ];
        assert_eq!(
            host_toml_lines("migrate", &wants, &Grants::default()),
            ["[commands.migrate]", "sql.default = [\"read\", \"write\"]", "files.\"migrations/**\" = \"read\"", "env = [\"HOME\"]"]
        );
    }

    #[test]
    fn a_power_that_comes_later_brings_what_it_needs_and_changes_no_list_that_says_something() {
        let docker = |powers: &[DockerPower], networks: &[&str], mounts: &[&str]| DockerGrant {
            powers: powers.iter().copied().collect(),
            networks: networks.iter().map(|name| (*name).to_owned()).collect(),
            mounts: mounts.iter().map(|name| (*name).to_owned()).collect(),
            ..DockerGrant::default()
        };
        let asked = docker(&[DockerPower::Shared], &["reverse-proxy"], &["."]);
        let grants = Grants { docker: Some(docker(&[DockerPower::Inspect], &[], &["./src:ro"])), ..Grants::default() };
        assert_eq!(
            host_toml_lines("check", &[Wants::Docker(Box::new(asked))], &grants),
            ["[commands.check]", "docker.allow = [\"inspect\", \"shared\"]", "docker.networks = [\"reverse-proxy\"]"]
        );
    }

    #[test]
    fn what_is_granted_already_stays_in_the_line_and_alone_makes_none() {
        let grants = Grants {
            sql: BTreeMap::from([("default".to_owned(), BTreeSet::from([SqlPower::Read]))]),
            files: vec![FileGrant { pattern: "a".to_owned(), access: FileAccess::Write }],
            env: vec!["A".to_owned()],
            ..Grants::default()
        };
        assert_eq!(
            host_toml_lines("x", &[sql("default", &[SqlPower::Schema]), file("a", FileAccess::Read), Wants::Env("B".to_owned())], &grants),
            ["[commands.x]", "sql.default = [\"read\", \"schema\"]", "env = [\"A\", \"B\"]"]
        );
        let nothing: Vec<String> = Vec::new();
        assert_eq!(host_toml_lines("x", &[sql("default", &[SqlPower::Read])], &grants), nothing);
    }

    #[test]
    fn hostile_names_stay_inside_their_quotes() {
        let lines = host_toml_lines("x", &[file("a\"] = 1\nb", FileAccess::Read)], &Grants::default());
        assert_eq!(lines[1], "files.\"a\\\"] = 1\\u000Ab\" = \"read\"");
        assert!(lines.join("\n").parse::<toml_edit::DocumentMut>().is_ok());
    }

    #[test]
    fn whatever_a_key_or_text_holds_is_read_back_as_it_is() {
        for name in ["default", "", "a.b", "a b", "\"", "\\", "'", "\0\u{1b}[2J\u{7f}\u{9b}\r\n\t", "\u{202e}txt", "\u{301}", "\u{1f600}"] {
            let text = format!("{} = {}", toml_key(name), toml_list([name, name]));
            let document = text.parse::<toml_edit::DocumentMut>().unwrap_or_else(|error| panic!("{text}: {error}"));
            let (key, value) = document.iter().next().unwrap();
            let items: Vec<&str> = value.as_array().unwrap().iter().filter_map(|item| item.as_str()).collect();
            assert_eq!((key, items), (name, vec![name, name]));
            assert!(!text.contains(|character: char| character.is_control() || reorders(character)), "{text:?}");
        }
    }
}
