//! What a command says of itself: the custom section `host:command`, TOML.
//!
//! All of it is text from a stranger: bounded in size, and without control characters, so that it can be
//! shown on a terminal.

use std::collections::{BTreeMap, BTreeSet};

use super::{BroadcastPower, DockerGrant, DockerPower, FileAccess, FileGrant, Power, RedisPower, SqlPower};
use crate::gate::Effect;
use crate::outcome::{Failure, Result};
use crate::project::document::{Document, Item, Section};
use crate::project::suggest;

/// A manifest is read whole on every run.
pub const MANIFEST_BYTES_BOUND: usize = 64 * 1024;
/// The custom section's name.
pub const MANIFEST_SECTION: &str = "host:command";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// One line.
    pub about: String,
    /// `migrate [APP] [TARGET] [OPTIONS]`
    pub usage: Option<String>,
    /// The worst the command can do; never less than what its asks allow.
    pub effect: Effect,
    pub examples: Vec<Example>,
    /// `--plan`, `--json`: for completion.
    pub options: Vec<String>,
    pub exit_codes: BTreeMap<u8, String>,
    pub asks: Vec<Ask>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// Without `host run ` before it.
    pub run: String,
    pub about: String,
}

/// One thing a command wants, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    pub wants: Wants,
    pub why: String,
    /// The command runs without it.
    pub optional: bool,
    /// `host init` grants it although it is optional.
    pub init: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wants {
    /// `database` is a configured name, or [`ANY`].
    Sql {
        database: String,
        powers: BTreeSet<SqlPower>,
    },
    /// `name` is a configured name, or [`ANY`].
    Redis {
        name: String,
        powers: BTreeSet<RedisPower>,
        /// Redis' globs; none means whichever keys the operator grants. `${PROJECT_NAME}` is the project's name.
        keys: Vec<String>,
        /// The same for the channels of `publish`.
        channels: Vec<String>,
    },
    /// The application's websocket connections.
    Broadcast {
        powers: BTreeSet<BroadcastPower>,
        /// What to propose to the operator.
        labels: Vec<String>,
    },
    /// The Docker engine, inside of one compose project: the powers, and what to propose to the operator beside them. An
    /// empty project is this project's name.
    Docker(Box<DockerGrant>),
    Files(FileGrant),
    /// A name, `*` at the end allowed.
    Env(String),
}

/// Asks for whichever databases or Redis servers the operator granted; always optional.
pub const ANY: &str = "*";

impl Manifest {
    /// `source` is what errors call the text by: `command.toml`, or the file and section it stands in.
    pub fn parse(bytes: &[u8], source: &str) -> Result<Self> {
        if bytes.len() > MANIFEST_BYTES_BOUND {
            let text = format!("{source}: the manifest has {} bytes, at most {MANIFEST_BYTES_BOUND} are read", bytes.len());
            return Err(Failure::usage(text));
        }
        let document = Document::new(source, bytes)?;
        let table = document.parse()?;
        let root = document.root(&table);
        root.only(&["about", "usage", "effect", "options", "examples", "exit-codes", "asks"])?;
        let about = shown(&root.require("about")?)?;
        let usage = root.get("usage").map(|item| shown(&item)).transpose()?;
        let examples = sections(&root, "examples")?.iter().map(example).collect::<Result<_>>()?;
        let options = root.get("options").map(|item| options(&item)).transpose()?.unwrap_or_default();
        let exit_codes = root.get("exit-codes").map(|item| exit_codes(&item.section()?)).transpose()?.unwrap_or_default();
        let asks: Vec<_> = sections(&root, "asks")?.iter().map(ask).collect::<Result<_>>()?;
        let effect = effect(root.get("effect").as_ref(), &asks)?;
        Ok(Self { about, usage, effect, examples, options, exit_codes, asks })
    }

    /// The asks, one power a line, sorted: what host.lock pins (`sql.default admin`, `files migrations/** read`).
    pub fn asks_in_words(&self) -> BTreeSet<String> {
        self.asks.iter().flat_map(Ask::in_words).collect()
    }
}

impl Manifest {
    /// The files it asks for, optional ones included.
    pub fn asked_files(&self) -> Vec<FileGrant> {
        let file = |ask: &Ask| if let Wants::Files(file) = &ask.wants { Some(file.clone()) } else { None };
        self.asks.iter().filter_map(file).collect()
    }
}

impl Ask {
    /// One string for each power.
    pub fn in_words(&self) -> Vec<String> {
        let optional = if self.optional { " (optional)" } else { "" };
        match &self.wants {
            Wants::Sql { database, powers } => powers.iter().map(|power| format!("sql.{database} {}{optional}", power.word())).collect(),
            Wants::Redis { name, powers, keys, .. } => {
                let of = if keys.is_empty() { String::new() } else { format!(" of {}", keys.join(", ")) };
                powers.iter().map(|power| format!("redis.{name} {}{of}{optional}", power.word())).collect()
            }
            Wants::Broadcast { powers, .. } => powers.iter().map(|power| format!("broadcast {}{optional}", power.word())).collect(),
            Wants::Docker(docker) => {
                let of = if docker.project.is_empty() { String::new() } else { format!(" in {}", docker.project) };
                docker.powers.iter().map(|power| format!("docker {}{of}{optional}", power.word())).collect()
            }
            Wants::Files(FileGrant { pattern, access }) => vec![format!("files {pattern} {}{optional}", access.word())],
            Wants::Env(name) => vec![format!("env {name}{optional}")],
        }
    }
}

impl Wants {
    /// The worst that having it allows.
    pub fn effect(&self) -> Effect {
        match self {
            Self::Sql { powers, .. } if powers.contains(&SqlPower::Admin) => Effect::Destroy,
            Self::Sql { powers, .. } if powers.iter().any(|power| *power != SqlPower::Read) => Effect::Change,
            Self::Redis { powers, .. } if powers.contains(&RedisPower::Delete) => Effect::Destroy,
            Self::Redis { powers, .. } if powers.iter().any(|power| *power != RedisPower::Read) => Effect::Change,
            Self::Broadcast { powers, .. } if powers.contains(&BroadcastPower::Drop) => Effect::Destroy,
            Self::Broadcast { powers, .. } if powers.contains(&BroadcastPower::Reload) => Effect::Change,
            Self::Docker(docker) => docker.powers.iter().map(|power| docker_effect(*power)).max().unwrap_or(Effect::Read),
            Self::Files(FileGrant { access: FileAccess::Write, .. }) => Effect::Change,
            Self::Sql { .. } | Self::Redis { .. } | Self::Broadcast { .. } | Self::Files(_) | Self::Env(_) => Effect::Read,
        }
    }
}

/// Volumes hold data, and whoever makes them may remove them.
fn docker_effect(power: DockerPower) -> Effect {
    match power {
        DockerPower::Inspect | DockerPower::Logs | DockerPower::Shared => Effect::Read,
        DockerPower::StartStop
        | DockerPower::Create
        | DockerPower::Exec
        | DockerPower::Build
        | DockerPower::Pull
        | DockerPower::Network => Effect::Change,
        DockerPower::Remove | DockerPower::Volume => Effect::Destroy,
    }
}

fn sections<'d>(root: &Section<'d>, key: &str) -> Result<Vec<Section<'d>>> {
    root.get(key).map_or_else(|| Ok(Vec::new()), |item| item.sections())
}

fn example(section: &Section<'_>) -> Result<Example> {
    section.only(&["run", "about"])?;
    Ok(Example { run: shown(&section.require("run")?)?, about: shown(&section.require("about")?)? })
}

fn options(item: &Item<'_>) -> Result<Vec<String>> {
    let option = |(_, item): (&str, Item<'_>)| match shown(&item)? {
        option if option.starts_with('-') && !option.contains(char::is_whitespace) => Ok(option),
        other => Err(item.error(&format!("names `{other}`, which is no option: those begin with `-`"))),
    };
    item.strings()?.into_iter().map(option).collect()
}

fn exit_codes(section: &Section<'_>) -> Result<BTreeMap<u8, String>> {
    let code = |(key, item): (&str, Item<'_>)| match key.parse::<u8>() {
        Ok(code) => Ok((code, shown(&item)?)),
        Err(_) => Err(item.error("is no exit code: those are 0 to 255")),
    };
    section.items().into_iter().map(code).collect()
}

/// What an ask can be for, and the keys that go with each.
const KINDS: [(&str, &[&str]); 6] = [
    ("sql", &["powers"]),
    ("redis", &["powers", "keys", "channels"]),
    ("broadcast", &["powers", "labels"]),
    ("docker", &["powers", "project", "images", "tags", "mounts", "ports", "networks", "volumes", "contexts"]),
    ("files", &["access"]),
    ("env", &[]),
];
/// The keys of an ask beside its kind, `why`, `optional` and `init`.
const DETAILS: [&str; 13] =
    ["powers", "keys", "channels", "labels", "access", "project", "images", "tags", "mounts", "ports", "networks", "volumes", "contexts"];

fn ask(section: &Section<'_>) -> Result<Ask> {
    let known: Vec<&str> = KINDS.iter().map(|(kind, _)| *kind).chain(DETAILS).chain(["why", "optional", "init"]).collect();
    section.only(&known)?;
    let why = shown(&section.require("why")?)?;
    let flag = |name: &str| section.get(name).map(|item| item.boolean()).transpose().map(Option::unwrap_or_default);
    let (optional, init) = (flag("optional")?, flag("init")?);
    let kinds: Vec<_> = KINDS.into_iter().filter_map(|(kind, with)| section.get(kind).map(|item| (kind, with, item))).collect();
    let (kind, with, subject) = match kinds.as_slice() {
        [one] => one,
        [] => return Err(section.error("an ask needs one of `sql`, `redis`, `broadcast`, `docker`, `files` and `env`")),
        _ => return Err(section.error("an ask is for one thing: `sql`, `redis`, `broadcast`, `docker`, `files` or `env`")),
    };
    for key in DETAILS {
        if let Some(item) = section.get(key)
            && !with.contains(&key)
        {
            let owners: Vec<_> = KINDS.iter().filter(|(_, with)| with.contains(&key)).map(|(kind, _)| format!("`{kind}`")).collect();
            return Err(item.error(&format!("belongs to {}, not to `{kind}`", owners.join(" and "))));
        }
    }
    let wants = match *kind {
        "sql" => Wants::Sql { database: configured_name(subject, "a database's")?, powers: powers(&section.require("powers")?)? },
        "redis" => Wants::Redis {
            name: configured_name(subject, "a Redis'")?,
            powers: powers(&section.require("powers")?)?,
            keys: section.get("keys").map(|item| shown_list(&item)).transpose()?.unwrap_or_default(),
            channels: section.get("channels").map(|item| shown_list(&item)).transpose()?.unwrap_or_default(),
        },
        "broadcast" | "docker" if !subject.boolean()? => return Err(subject.error("must be `true`")),
        "broadcast" => Wants::Broadcast {
            powers: powers(&section.require("powers")?)?,
            labels: section.get("labels").map(|item| shown_list(&item)).transpose()?.unwrap_or_default(),
        },
        "docker" => Wants::Docker(Box::new(docker(section)?)),
        "files" => {
            Wants::Files(FileGrant { pattern: file_pattern(subject, shown(subject)?)?, access: access(&section.require("access")?)? })
        }
        _ => Wants::Env(env_pattern(subject, shown(subject)?)?),
    };
    let any = match &wants {
        Wants::Sql { database: name, .. } | Wants::Redis { name, .. } => name == ANY,
        Wants::Broadcast { .. } | Wants::Docker(_) | Wants::Files(_) | Wants::Env(_) => false,
    };
    Ok(Ask { wants, why, optional: optional || any, init })
}

fn docker(section: &Section<'_>) -> Result<DockerGrant> {
    let mut grant = DockerGrant { powers: powers(&section.require("powers")?)?, ..DockerGrant::default() };
    if let Some(project) = section.get("project") {
        grant.project = shown(&project)?;
    }
    for key in DETAILS {
        if let (Some(list), Some(item)) = (grant.list_mut(key), section.get(key)) {
            *list = shown_list(&item)?;
        }
    }
    Ok(grant)
}

/// The stated effect, or the worst the asks allow; a stated one must not be weaker than that.
fn effect(stated: Option<&Item<'_>>, asks: &[Ask]) -> Result<Effect> {
    let implied = asks.iter().map(|ask| ask.wants.effect()).max().unwrap_or(Effect::Read);
    let Some(item) = stated else { return Ok(implied) };
    let word = item.string()?;
    let words = [Effect::Read, Effect::Change, Effect::Destroy].map(|effect| (effect.word(), effect));
    let Some((_, effect)) = words.into_iter().find(|(known, _)| *known == word) else {
        return Err(item.error(&format!("is `{word}`, which is no effect")).hint(suggest::hint(word, &words.map(|(known, _)| known))));
    };
    if effect < implied {
        let culprit = asks.iter().find(|ask| ask.wants.effect() > effect).and_then(|ask| ask.in_words().pop()).unwrap_or_default();
        let text = format!("is `{word}`, but `{culprit}` is asked for, which can {}", implied.word());
        return Err(item.error(&text).hint(format!("effect = \"{}\"", implied.word())));
    }
    Ok(effect)
}

/// `["read", "write"]`, for manifests and host.toml alike.
pub(crate) fn powers<P: Power>(item: &Item<'_>) -> Result<BTreeSet<P>> {
    let mut powers = BTreeSet::new();
    for (word, item) in item.strings()? {
        let power = P::from_word(word).ok_or_else(|| {
            let known: Vec<_> = P::ALL.iter().map(|power| power.word()).collect();
            item.error(&format!("names `{word}`, which is no power")).hint(suggest::hint(word, &known))
        })?;
        powers.insert(power);
    }
    if powers.is_empty() { Err(item.error("names no power")) } else { Ok(powers) }
}

/// `"read"` or `"write"`, for manifests and host.toml alike.
pub(crate) fn access(item: &Item<'_>) -> Result<FileAccess> {
    let word = item.string()?;
    FileAccess::from_word(word)
        .ok_or_else(|| item.error(&format!("is `{word}`, which is no access")).hint(suggest::hint(word, &["read", "write"])))
}

/// A glob without `..`, for manifests and host.toml alike.
pub(crate) fn file_pattern(item: &Item<'_>, pattern: String) -> Result<String> {
    if pattern.is_empty() || pattern.split('/').any(|part| part == "..") || pattern.contains('\0') {
        return Err(item.error("must be a path or glob without `..`, relative to the project's folder or absolute"));
    }
    if pattern.contains(['*', '?', '[', '{']) {
        globset::Glob::new(&pattern).map_err(|error| item.error(&format!("is no glob: {}", error.kind())))?;
    }
    Ok(pattern)
}

/// A name of an environment variable, `*` only at its end; for manifests and host.toml alike.
pub(crate) fn env_pattern(item: &Item<'_>, pattern: String) -> Result<String> {
    let name = pattern.strip_suffix('*').unwrap_or(&pattern);
    if pattern.is_empty() || name.contains(['*', '=', '\0']) || name.contains(char::is_whitespace) {
        return Err(
            item.error(&format!("names `{}`, which is no variable: a name, or a prefix with `*` at its end", pattern.escape_debug()))
        );
    }
    Ok(pattern)
}

fn configured_name(item: &Item<'_>, whose: &str) -> Result<String> {
    let name = shown(item)?;
    let valid = name == ANY || crate::project::is_name(&name);
    if valid { Ok(name) } else { Err(item.error(&format!("must be {whose} configured name, or `*`"))) }
}

fn shown_list(item: &Item<'_>) -> Result<Vec<String>> {
    item.strings()?.iter().map(|(_, item)| shown(item)).collect()
}

/// A text people will see: not empty, one line, nothing a terminal would obey.
fn shown(item: &Item<'_>) -> Result<String> {
    let text = item.string()?.trim();
    if text.is_empty() {
        return Err(item.error("is empty"));
    }
    if text.contains(char::is_control) {
        return Err(item.error("holds a line break or control character"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIGRATE: &str = r#"
about = "Apply migrations that are pending"
usage = "migrate [APP] [TARGET] [OPTIONS]"
effect = "change"
options = ["--plan"]
[[examples]]
run = "migrate --plan"
about = "show what would be applied"
[exit-codes]
3 = "migrations are pending (with --check)"
[[asks]]
sql = "default"
powers = ["read", "write", "schema", "lock"]
why = "reads and writes the table of applied migrations and runs their SQL"
[[asks]]
sql = "*"
powers = ["read"]
why = "with --database"
[[asks]]
files = "migrations/**"
access = "read"
why = "the migrations"
[[asks]]
env = "DJANGO_ADMIN_*"
optional = true
why = "the first account"
"#;

    fn parse(text: &str) -> Result<Manifest> {
        Manifest::parse(text.as_bytes(), "command.toml")
    }

    fn message(text: &str) -> (String, Vec<String>) {
        let failure = parse(text).unwrap_err();
        (failure.message, failure.hints)
    }

    #[test]
    fn a_whole_manifest_is_read() {
        let manifest = parse(MIGRATE).unwrap();
        assert_eq!(manifest.effect, Effect::Change);
        assert_eq!(manifest.exit_codes.get(&3).map(String::as_str), Some("migrations are pending (with --check)"));
        assert_eq!((manifest.asks.len(), manifest.options.len()), (4, 1));
        assert!(manifest.asks[1].optional, "any database is always optional");
        assert_eq!(
            manifest.asks_in_words().into_iter().collect::<Vec<_>>(),
            [
                "env DJANGO_ADMIN_* (optional)",
                "files migrations/** read",
                "sql.* read (optional)",
                "sql.default lock",
                "sql.default read",
                "sql.default schema",
                "sql.default write",
            ]
        );
    }

    #[test]
    fn the_least_manifest_is_one_line() {
        let manifest = parse("about = \"says hello\"").unwrap();
        assert_eq!((manifest.effect, manifest.asks.len()), (Effect::Read, 0));
    }

    #[test]
    fn errors_name_line_key_and_what_was_meant() {
        for (text, expected, hint) in [
            ("", "command.toml:1:1: `about` is missing at the top level", ""),
            ("about = \"x\"\neffcet = \"read\"", "command.toml:2:1: unknown key `effcet` at the top level", "did you mean `effect`?"),
            ("about = 3", "command.toml:1:1: `about` must be a string, not an integer", ""),
            ("about = \"x\"\neffect = \"chnge\"", "command.toml:2:1: `effect` is `chnge`, which is no effect", "did you mean `change`?"),
            (
                "about = \"x\"\n[[asks]]\nsql = \"default\"\npowers = [\"read\", \"wirte\"]\nwhy = \"y\"",
                "command.toml:4:19: `asks.powers` names `wirte`, which is no power",
                "did you mean `write`?",
            ),
            (
                "about = \"x\"\n[[asks]]\nfiles = \"a\"\naccess = \"rw\"\nwhy = \"y\"",
                "command.toml:4:1: `asks.access` is `rw`, which is no access",
                "known here",
            ),
            (
                "about = \"x\"\n[[asks]]\nfiles = \"../a\"\naccess = \"read\"\nwhy = \"y\"",
                "command.toml:3:1: `asks.files` must be a path",
                "",
            ),
            ("about = \"x\"\n[[asks]]\nenv = \"A*B\"\nwhy = \"y\"", "command.toml:3:1: `asks.env` names `A*B`", ""),
            ("about = \"x\"\n[[asks]]\nenv = \"A\"", "command.toml:2:1: `why` is missing in [asks]", ""),
            ("about = \"x\"\n[[asks]]\nwhy = \"y\"", "command.toml:2:", ""),
            (
                "about = \"x\"\n[[asks]]\nenv = \"A\"\naccess = \"read\"\nwhy = \"y\"",
                "command.toml:4:1: `asks.access` belongs to `files`",
                "",
            ),
            ("about = \"x\"\n[exit-codes]\n300 = \"y\"", "command.toml:3:1: `exit-codes.300` is no exit code", ""),
            ("about = \"two\\nlines\"", "command.toml:1:1: `about` holds a line break", ""),
            ("about = \"\\u001b[31mred\"", "command.toml:1:1: `about` holds a line break or control character", ""),
        ] {
            let (message, hints) = message(text);
            assert!(message.starts_with(expected), "{message}\nexpected {expected}");
            assert!(hints.concat().contains(hint), "{hints:?}");
        }
    }

    #[test]
    fn an_effect_weaker_than_the_asks_is_a_lie() {
        let asks = "[[asks]]\nsql = \"default\"\npowers = [\"admin\"]\nwhy = \"y\"";
        let (message, hints) = message(&format!("about = \"x\"\neffect = \"read\"\n{asks}"));
        assert!(message.contains("`sql.default admin` is asked for, which can destroy"), "{message}");
        assert_eq!(hints, ["effect = \"destroy\""]);
        assert_eq!(parse(&format!("about = \"x\"\n{asks}")).unwrap().effect, Effect::Destroy);
    }

    #[test]
    fn more_than_the_bound_is_refused_and_the_bound_is_not() {
        let mut text = "about = \"x\"\n#".to_owned();
        text.push_str(&"a".repeat(MANIFEST_BYTES_BOUND - text.len()));
        assert!(parse(&text).is_ok());
        text.push('a');
        assert!(parse(&text).unwrap_err().message.contains("at most 65536"));
    }
}
