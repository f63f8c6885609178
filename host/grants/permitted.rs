//! permitted = asked AND granted. The one place where the two meet.

use std::collections::{BTreeMap, BTreeSet};

use super::meeting::{Meeting, Named, ONLY};
use super::{
    Ask, BroadcastGrant, BroadcastPower, DockerGrant, DockerPower, FileGrant, Grants, Manifest, Power, Powers, RedisGrant, RedisPower,
    Setting, SettingValue, SqlPower, Wants, host_toml_lines, patterns,
};
use crate::outcome::{Ending, Failure};

/// What one run may do, and what stands between the ask and the grant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permitted {
    /// By the database's configured name; never an empty set.
    pub sql: BTreeMap<String, BTreeSet<SqlPower>>,
    /// By the configured name of the Redis; never without a power.
    pub redis: BTreeMap<String, RedisGrant>,
    pub broadcast: Option<BroadcastGrant>,
    pub docker: Option<DockerGrant>,
    pub files: Vec<FileGrant>,
    /// Names, `*` at the end allowed.
    pub env: Vec<String>,
    /// Needed and not granted: the run does not start.
    pub missing: Vec<Missing>,
    /// Asked for, not granted, and the command runs without it.
    pub without: Vec<Missing>,
    /// Granted and never asked for: gives nothing. As a line of host.toml.
    pub unused: Vec<String>,
    /// The interfaces to link: each power that is granted somewhere, and those only asked for optionally,
    /// whose calls are answered with access-denied.
    pub linked: Powers,
}

/// An ask, or the part of it, that is not granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    pub wants: Wants,
    pub why: String,
}

/// Why a power is wanted that no manifest asks for.
const IMPORTED: &str = "the component imports it";
/// The name that is meant where none is said.
const DEFAULT: &str = "default";

/// `imports`: the powers whose interfaces the component imports; it can use no others whatever it asks for.
///
/// What is imported but not asked for counts as asked on whichever database grants it. A component without
/// a manifest cannot ask for files and variables, so there the operator's lines are taken as they are.
pub fn permit(imports: &Powers, manifest: Option<&Manifest>, grants: &Grants) -> Permitted {
    let mut permitted = Permitted::default();
    let redis_granted = redis_powers(grants);
    let broadcast_granted = broadcast_powers(grants);
    let docker_granted = docker_powers(grants);
    let mut sql = Meeting::new(&grants.sql, &imports.sql);
    let mut redis = Meeting::new(&redis_granted, &imports.redis);
    let mut broadcast = Meeting::new(&broadcast_granted, &imports.broadcast);
    let mut docker = Meeting::new(&docker_granted, &imports.docker);
    for ask in manifest.map_or(&[][..], |manifest| &manifest.asks) {
        let missing = match &ask.wants {
            Wants::Sql { database, powers } => sql.ask(database, powers).map(|powers| Wants::Sql { database: database.clone(), powers }),
            Wants::Redis { name, powers, keys, channels } => {
                let (keys, channels) = (keys.clone(), channels.clone());
                redis.ask(name, powers).map(|powers| Wants::Redis { name: name.clone(), powers, keys, channels })
            }
            Wants::Broadcast { powers, labels } => {
                broadcast.ask(ONLY, powers).map(|powers| Wants::Broadcast { powers, labels: labels.clone() })
            }
            Wants::Docker(wanted) => docker.ask(ONLY, &wanted.powers).map(|powers| docker_wants(powers, wanted)),
            Wants::Files(file) => permitted.file(file, grants),
            Wants::Env(name) => permitted.env(name, grants),
        };
        let list = if ask.optional { &mut permitted.without } else { &mut permitted.missing };
        list.extend(missing.map(|wants| Missing { wants, why: ask.why.clone() }));
    }
    let imported = [
        sql.imported().map(|powers| Wants::Sql { database: DEFAULT.to_owned(), powers }),
        redis.imported().map(|powers| Wants::Redis { name: DEFAULT.to_owned(), powers, keys: Vec::new(), channels: Vec::new() }),
        broadcast.imported().map(|powers| Wants::Broadcast { powers, labels: Vec::new() }),
        docker.imported().map(|powers| docker_wants(powers, &DockerGrant::default())),
    ];
    permitted.missing.extend(imported.into_iter().flatten().map(|wants| Missing { wants, why: IMPORTED.to_owned() }));
    if manifest.is_none() {
        permitted.files.clone_from(&grants.files);
        permitted.env.clone_from(&grants.env);
    }
    let missing = || permitted.missing.iter().map(|missing| &missing.wants);
    permitted.linked = Powers {
        sql: sql.linked(missing().filter_map(|wants| if let Wants::Sql { powers, .. } = wants { Some(powers) } else { None })),
        redis: redis.linked(missing().filter_map(|wants| if let Wants::Redis { powers, .. } = wants { Some(powers) } else { None })),
        broadcast: broadcast
            .linked(missing().filter_map(|wants| if let Wants::Broadcast { powers, .. } = wants { Some(powers) } else { None })),
        docker: docker.linked(missing().filter_map(|wants| if let Wants::Docker(wanted) = wants { Some(&wanted.powers) } else { None })),
    };
    permitted.unused = power_lines(&["sql"], &[], &sql.unused())
        .chain(power_lines(&["redis"], &["allow"], &redis.unused()))
        .chain(power_lines(&["broadcast"], &["allow"], &broadcast.unused()))
        .chain(power_lines(&["docker"], &["allow"], &docker.unused()))
        .map(|setting| setting.to_string())
        .chain(permitted.unused_files_and_variables(grants))
        .collect();
    permitted.sql = sql.permitted;
    permitted.redis = redis.permitted.into_iter().map(|(name, powers)| redis_grant(name, powers, manifest, grants)).collect();
    permitted.broadcast = broadcast
        .permitted
        .into_values()
        .next()
        .map(|powers| BroadcastGrant { powers, labels: grants.broadcast.iter().flat_map(|granted| granted.labels.clone()).collect() });
    permitted.docker =
        docker.permitted.into_values().next().map(|powers| DockerGrant { powers, ..grants.docker.clone().unwrap_or_default() });
    permitted
}

impl Permitted {
    /// The failure that says what is missing and how to grant it; none when nothing is.
    pub fn refusal(&self, command: &str, grants: &Grants) -> Option<Failure> {
        if self.missing.is_empty() {
            return None;
        }
        let reasons: String = self.missing.iter().map(|missing| format!("\n  {}", missing.in_words())).collect();
        let lines = host_toml_lines(command, self.missing.iter().map(|missing| &missing.wants), grants);
        Some(
            Failure::new(Ending::Denied, format!("`{command}` was not granted what it needs:{reasons}"))
                .hint(format!("`host grant {command}`, or in host.toml:\n{}", lines.join("\n"))),
        )
    }

    fn file(&mut self, file: &FileGrant, grants: &Grants) -> Option<Wants> {
        let covered = grants.files.iter().any(|grant| patterns::file_covers(grant, file));
        if covered {
            self.allow_file(file.clone());
        }
        // What is granted by its own name counts beside a glob that covers the ask: it may be a `.env`, which no glob does.
        let counts = |grant: &&FileGrant| !covered || patterns::literal(&grant.pattern).is_some();
        let common = grants.files.iter().filter(counts).filter_map(|grant| patterns::file_common(grant, file));
        common.for_each(|common| self.allow_file(common));
        (!covered).then(|| Wants::Files(file.clone()))
    }

    /// Each once: a folder asked for beside all of which it is a part would be there twice.
    fn allow_file(&mut self, file: FileGrant) {
        if !self.files.contains(&file) {
            self.files.push(file);
        }
    }

    fn env(&mut self, name: &str, grants: &Grants) -> Option<Wants> {
        if grants.env.iter().any(|grant| patterns::env_covers(grant, name)) {
            self.env.push(name.to_owned());
            return None;
        }
        self.env.extend(grants.env.iter().filter_map(|grant| patterns::env_common(grant, name)).map(str::to_owned));
        Some(Wants::Env(name.to_owned()))
    }

    fn unused_files_and_variables(&self, grants: &Grants) -> Vec<String> {
        let idle_file = |grant: &&FileGrant| !self.files.iter().any(|file| patterns::file_common(grant, file).is_some());
        let files = grants.files.iter().filter(idle_file).map(|grant| Setting {
            keys: vec!["files".to_owned(), grant.pattern.clone()],
            value: SettingValue::Text(grant.access.word().to_owned()),
        });
        let idle_name = |grant: &&String| !self.env.iter().any(|name| patterns::env_common(grant, name).is_some());
        let names: Vec<_> = grants.env.iter().filter(idle_name).cloned().collect();
        let env = (!names.is_empty()).then(|| Setting { keys: vec!["env".to_owned()], value: SettingValue::List(names) });
        files.chain(env).map(|setting| setting.to_string()).collect()
    }
}

impl Missing {
    /// `sql.default read, write: reads and writes the table of applied migrations`
    pub fn in_words(&self) -> String {
        format!("{}: {}", self.wants.in_words(), self.why)
    }

    /// Whether it is all or part of `ask`.
    pub fn of(&self, ask: &Ask) -> bool {
        self.wants.same_thing(&ask.wants) && self.why == ask.why
    }
}

impl Wants {
    /// `sql.default read, write`
    pub fn in_words(&self) -> String {
        match self {
            Self::Sql { database, powers } => format!("sql.{database} {}", words(powers)),
            Self::Redis { name, powers, keys, .. } if keys.is_empty() => format!("redis.{name} {}", words(powers)),
            Self::Redis { name, powers, keys, .. } => format!("redis.{name} {} of {}", words(powers), keys.join(", ")),
            Self::Broadcast { powers, .. } => format!("broadcast {}", words(powers)),
            Self::Docker(docker) if docker.project.is_empty() => format!("docker {}", words(&docker.powers)),
            Self::Docker(docker) => format!("docker {} in the project {}", words(&docker.powers), docker.project),
            Self::Files(file) => format!("files {} {}", file.pattern, file.access.word()),
            Self::Env(name) => format!("env {name}"),
        }
    }

    /// Whether both are about the same thing, with whichever powers.
    pub fn same_thing(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Sql { database: one, .. }, Self::Sql { database: other, .. }) => one == other,
            (Self::Redis { name: one, .. }, Self::Redis { name: other, .. }) => one == other,
            (Self::Broadcast { .. }, Self::Broadcast { .. }) | (Self::Docker(_), Self::Docker(_)) => true,
            (one, other) => one == other,
        }
    }
}

fn words<P: Power>(powers: &BTreeSet<P>) -> String {
    powers.iter().map(|power| power.word()).collect::<Vec<_>>().join(", ")
}

fn redis_powers(grants: &Grants) -> Named<RedisPower> {
    grants.redis.iter().map(|(name, grant)| (name.clone(), grant.powers.clone())).collect()
}

fn broadcast_powers(grants: &Grants) -> Named<BroadcastPower> {
    grants.broadcast.iter().map(|grant| (ONLY.to_owned(), grant.powers.clone())).collect()
}

fn docker_powers(grants: &Grants) -> Named<DockerPower> {
    grants.docker.iter().map(|grant| (ONLY.to_owned(), grant.powers.clone())).collect()
}

/// An ask again, with only these powers.
fn docker_wants(powers: BTreeSet<DockerPower>, asked: &DockerGrant) -> Wants {
    Wants::Docker(Box::new(DockerGrant { powers, ..asked.clone() }))
}

/// What is permitted on one Redis: the granted keys, and those of them that were asked for.
fn redis_grant(name: String, powers: BTreeSet<RedisPower>, manifest: Option<&Manifest>, grants: &Grants) -> (String, RedisGrant) {
    let granted = grants.redis.get(&name).cloned().unwrap_or_default();
    let asks = manifest.map_or(&[][..], |manifest| &manifest.asks).iter().filter_map(|ask| match &ask.wants {
        Wants::Redis { name: asked, keys, .. } if *asked == name || asked == super::manifest::ANY => Some(keys),
        _ => None,
    });
    // One ask without keys leaves them to the operator.
    let keys: Vec<&Vec<String>> = asks.collect();
    let asked_keys = if keys.iter().any(|keys| keys.is_empty()) { Vec::new() } else { keys.into_iter().flatten().cloned().collect() };
    (name, RedisGrant { powers, asked_keys, ..granted })
}

/// Powers as lines of host.toml: `sql.default = ["read"]`, `redis.default.allow = ["read"]`.
fn power_lines<P: Power>(before: &[&str], after: &[&str], named: &Named<P>) -> impl Iterator<Item = Setting> {
    named.iter().map(move |(name, powers)| Setting {
        keys: before
            .iter()
            .copied()
            .chain((name != ONLY).then_some(name.as_str()))
            .chain(after.iter().copied())
            .map(str::to_owned)
            .collect(),
        value: SettingValue::List(powers.iter().map(|power| power.word().to_owned()).collect()),
    })
}

#[cfg(test)]
mod tests {
    use super::super::FileAccess;
    use super::SqlPower::{Admin, Lock, Read, Schema, Write};
    use super::*;

    fn powers(list: &[SqlPower]) -> BTreeSet<SqlPower> {
        list.iter().copied().collect()
    }

    fn imports(list: &[SqlPower]) -> Powers {
        Powers { sql: powers(list), ..Powers::default() }
    }

    fn grants(sql: &[(&str, &[SqlPower])], files: &[(&str, FileAccess)], env: &[&str]) -> Grants {
        Grants {
            sql: sql.iter().map(|(name, list)| ((*name).to_owned(), powers(list))).collect(),
            files: files.iter().map(|(pattern, access)| FileGrant { pattern: (*pattern).to_owned(), access: *access }).collect(),
            env: env.iter().map(|name| (*name).to_owned()).collect(),
            ..Grants::default()
        }
    }

    fn manifest(asks: &str) -> Manifest {
        Manifest::parse(format!("about = \"x\"\n{asks}").as_bytes(), "command.toml").unwrap()
    }

    fn sql_ask(database: &str, words: &str, rest: &str) -> String {
        format!("[[asks]]\nsql = \"{database}\"\npowers = {words}\nwhy = \"for the test\"\n{rest}\n")
    }

    fn missing(permitted: &Permitted) -> Vec<String> {
        permitted.missing.iter().map(|missing| missing.wants.in_words()).collect()
    }

    #[test]
    fn what_is_asked_and_granted_is_permitted_and_nothing_else() {
        let manifest = manifest(&sql_ask("default", "[\"read\", \"write\"]", ""));
        for (granted, allowed, lacking) in [
            (&[][..], &[][..], &["sql.default read, write"][..]),
            (&[Read][..], &[Read][..], &["sql.default write"][..]),
            (&[Read, Write][..], &[Read, Write][..], &[][..]),
            (&[Read, Write, Admin][..], &[Read, Write][..], &[][..]),
            (&[Admin][..], &[][..], &["sql.default read, write"][..]),
        ] {
            let permitted = permit(&imports(&[Read, Write, Admin]), Some(&manifest), &grants(&[("default", granted)], &[], &[]));
            let found: BTreeSet<_> = permitted.sql.get("default").into_iter().flatten().copied().filter(|power| *power != Admin).collect();
            assert_eq!(found, powers(allowed), "{granted:?}");
            assert_eq!(missing(&permitted).iter().filter(|words| !words.contains("admin")).collect::<Vec<_>>(), lacking, "{granted:?}");
        }
    }

    #[test]
    fn a_grant_on_another_database_gives_nothing() {
        let manifest = manifest(&sql_ask("default", "[\"read\"]", ""));
        let permitted = permit(&imports(&[Read]), Some(&manifest), &grants(&[("replica", &[Read])], &[], &[]));
        assert_eq!((permitted.sql.len(), missing(&permitted)), (0, vec!["sql.default read".to_owned()]));
        assert_eq!(permitted.unused, ["sql.replica = [\"read\"]"]);
    }

    #[test]
    fn any_database_takes_whichever_is_granted_and_needs_none() {
        let manifest = manifest(&sql_ask("*", "[\"read\"]", ""));
        let permitted = permit(&imports(&[Read]), Some(&manifest), &grants(&[("a", &[Read, Write]), ("b", &[Write])], &[], &[]));
        assert_eq!(permitted.sql, BTreeMap::from([("a".to_owned(), powers(&[Read]))]));
        assert_eq!(permitted.unused, ["sql.a = [\"write\"]", "sql.b = [\"write\"]"]);
        let nothing = permit(&imports(&[Read]), Some(&manifest), &Grants::default());
        assert!(nothing.missing.is_empty());
        assert_eq!(nothing.linked.sql, powers(&[Read]), "linked, so that a call is answered with access-denied");
    }

    #[test]
    fn an_optional_ask_is_not_missing() {
        let asks = format!("{}{}", sql_ask("default", "[\"read\"]", ""), sql_ask("default", "[\"lock\"]", "optional = true"));
        let permitted = permit(&imports(&[Read, Lock]), Some(&manifest(&asks)), &grants(&[("default", &[Read])], &[], &[]));
        assert!(permitted.missing.is_empty());
        assert_eq!(permitted.without.len(), 1);
        assert_eq!(permitted.sql["default"], powers(&[Read]));
        assert_eq!(permitted.linked.sql, powers(&[Read, Lock]));
    }

    #[test]
    fn a_power_that_is_not_imported_is_not_permitted() {
        let manifest = manifest(&sql_ask("default", "[\"read\", \"write\"]", ""));
        let permitted = permit(&imports(&[Read]), Some(&manifest), &grants(&[("default", &[Read, Write])], &[], &[]));
        assert_eq!(permitted.sql["default"], powers(&[Read]));
        assert!(permitted.unused.is_empty(), "asked for, so not idle");
    }

    #[test]
    fn an_import_that_the_manifest_hides_is_missing_until_it_is_granted() {
        let manifest = manifest(&sql_ask("default", "[\"read\"]", ""));
        let hidden = permit(&imports(&[Read, Admin]), Some(&manifest), &grants(&[("default", &[Read])], &[], &[]));
        assert_eq!(missing(&hidden), ["sql.default admin"]);
        assert_eq!(hidden.linked.sql, powers(&[Read]));
        let granted = permit(&imports(&[Read, Admin]), Some(&manifest), &grants(&[("default", &[Read, Admin])], &[], &[]));
        assert!(granted.missing.is_empty());
        assert_eq!(granted.sql["default"], powers(&[Read, Admin]));
    }

    #[test]
    fn without_a_manifest_the_imports_ask_and_the_grants_are_taken_as_they_are() {
        let granted = grants(&[("other", &[Read, Write])], &[("data/**", FileAccess::Write)], &["A_*"]);
        let permitted = permit(&imports(&[Read]), None, &granted);
        assert_eq!(permitted.sql, BTreeMap::from([("other".to_owned(), powers(&[Read]))]));
        assert_eq!((permitted.files.len(), permitted.env.len(), permitted.missing.len()), (1, 1, 0));
        assert_eq!(permitted.unused, ["sql.other = [\"write\"]"]);
        let refused = permit(&imports(&[Read, Schema]), None, &Grants::default());
        assert_eq!(missing(&refused), ["sql.default read, schema"]);
        assert!(refused.linked.sql.is_empty());
    }

    #[test]
    fn files_and_variables_are_permitted_as_asked_when_the_grant_covers_them() {
        let asks = "[[asks]]\nfiles = \"migrations/**\"\naccess = \"read\"\nwhy = \"y\"\n[[asks]]\nenv = \"A_*\"\nwhy = \"y\"\n";
        let manifest = manifest(asks);
        let covered = permit(&imports(&[]), Some(&manifest), &grants(&[], &[("**", FileAccess::Write)], &["*"]));
        assert_eq!(covered.files, [FileGrant { pattern: "migrations/**".to_owned(), access: FileAccess::Read }]);
        assert_eq!(covered.env, ["A_*"]);
        assert!(covered.missing.is_empty() && covered.unused.is_empty());
        let narrower = permit(&imports(&[]), Some(&manifest), &grants(&[], &[("migrations/app/**", FileAccess::Read)], &["A_B"]));
        assert_eq!(narrower.files[0].pattern, "migrations/app/**");
        assert_eq!(narrower.env, ["A_B"]);
        assert_eq!(missing(&narrower), ["files migrations/** read", "env A_*"]);
        let elsewhere = permit(&imports(&[]), Some(&manifest), &grants(&[], &[("data/**", FileAccess::Read)], &["B"]));
        assert!(elsewhere.files.is_empty() && elsewhere.env.is_empty());
        assert_eq!(elsewhere.unused, ["files.\"data/**\" = \"read\"", "env = [\"B\"]"]);
    }

    #[test]
    fn a_secret_is_permitted_where_a_glob_asks_for_it_and_the_operator_names_it() {
        let asks = |rest: &str| manifest(&format!("[[asks]]\nfiles = \"**\"\naccess = \"read\"\nwhy = \"y\"\n{rest}"));
        let named = ("backend/.env", FileAccess::Write);
        let files = |permitted: Permitted| permitted.files.into_iter().map(|file| file.pattern).collect::<Vec<_>>();
        let everything = grants(&[], &[("**", FileAccess::Read), named], &[]);
        let permitted = permit(&imports(&[]), Some(&asks("")), &everything);
        assert!(permitted.unused.is_empty() && permitted.missing.is_empty());
        assert_eq!(permitted.files[1], FileGrant { pattern: named.0.to_owned(), access: FileAccess::Read }, "as asked");
        assert_eq!(files(permitted), ["**", "backend/.env"]);
        assert_eq!(files(permit(&imports(&[]), Some(&asks("")), &grants(&[], &[named], &[]))), ["backend/.env"]);
        // Asked for by its name, and granted by a glob.
        let exact = asks("[[asks]]\nfiles = \".env\"\naccess = \"read\"\nwhy = \"y\"\n");
        let refused = permit(&imports(&[]), Some(&exact), &everything);
        assert_eq!(missing(&refused), ["files .env read"]);
        assert_eq!(files(refused), ["**", "backend/.env"]);
    }

    #[test]
    fn a_refusal_shows_reasons_and_the_exact_lines() {
        let manifest = manifest(&sql_ask("default", "[\"read\", \"write\"]", ""));
        let granted = grants(&[("default", &[Read])], &[], &[]);
        let refusal = permit(&imports(&[Read, Write]), Some(&manifest), &granted).refusal("migrate", &granted).unwrap();
        assert_eq!(refusal.ending, Ending::Denied);
        assert_eq!(refusal.message, "`migrate` was not granted what it needs:\n  sql.default write: for the test");
        assert_eq!(refusal.hints, ["`host grant migrate`, or in host.toml:\n[commands.migrate]\nsql.default = [\"read\", \"write\"]"]);
    }
}
