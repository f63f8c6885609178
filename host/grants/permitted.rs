//! permitted = asked AND granted. The one place where the two meet.

use std::collections::{BTreeMap, BTreeSet};

use super::manifest::ANY_DATABASE;
use super::{Ask, FileGrant, Grants, Manifest, Setting, SettingValue, SqlPower, Wants, host_toml_lines, patterns};
use crate::outcome::{Ending, Failure};

/// What one run may do, and what stands between the ask and the grant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permitted {
    /// By the database's configured name; never an empty set.
    pub sql: BTreeMap<String, BTreeSet<SqlPower>>,
    pub files: Vec<FileGrant>,
    /// Names, `*` at the end allowed.
    pub env: Vec<String>,
    /// Needed and not granted: the run does not start.
    pub missing: Vec<Missing>,
    /// Asked for, not granted, and the command runs without it.
    pub without: Vec<Missing>,
    /// Granted and never asked for: gives nothing. As a line of host.toml.
    pub unused: Vec<String>,
    /// Powers whose interface the component imports though nothing of it is granted, because it only
    /// asked optionally: linked, and every call is answered with access-denied.
    denied_politely: BTreeSet<SqlPower>,
}

/// An ask, or the part of it, that is not granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    pub wants: Wants,
    pub why: String,
}

/// Why a power is wanted that no manifest asks for.
const IMPORTED: &str = "the component imports it";

/// `imports`: the powers whose interfaces the component imports; it can use no others whatever it asks for.
///
/// What is imported but not asked for counts as asked on whichever database grants it. A component without
/// a manifest cannot ask for files and variables, so there the operator's lines are taken as they are.
pub fn permit(imports: &BTreeSet<SqlPower>, manifest: Option<&Manifest>, grants: &Grants) -> Permitted {
    let mut permitted = Permitted::default();
    let asks = manifest.map_or(&[][..], |manifest| &manifest.asks);
    for ask in asks {
        let missing = match &ask.wants {
            Wants::Sql { database, powers } => permitted.sql(database, powers, grants, imports),
            Wants::Files(file) => permitted.file(file, grants),
            Wants::Env(name) => permitted.env(name, grants),
        };
        let list = if ask.optional { &mut permitted.without } else { &mut permitted.missing };
        list.extend(missing.map(|wants| Missing { wants, why: ask.why.clone() }));
    }
    permitted.imported(imports, asks, grants);
    if manifest.is_none() {
        permitted.files.clone_from(&grants.files);
        permitted.env.clone_from(&grants.env);
    }
    permitted.denied_politely = imports.iter().copied().filter(|power| !permitted.grants_somewhere(*power)).collect();
    for missing in &permitted.missing {
        if let Wants::Sql { powers, .. } = &missing.wants {
            permitted.denied_politely.retain(|power| !powers.contains(power));
        }
    }
    permitted.unused = unused(&permitted, manifest, imports, grants);
    permitted
}

impl Permitted {
    /// The interfaces to link: each power that some database grants, and those only asked for optionally.
    pub fn linked_powers(&self) -> BTreeSet<SqlPower> {
        self.sql.values().flatten().copied().chain(self.denied_politely.iter().copied()).collect()
    }

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

    /// Adds what is granted of an ask; what is not comes back.
    fn sql(&mut self, database: &str, powers: &BTreeSet<SqlPower>, grants: &Grants, imports: &BTreeSet<SqlPower>) -> Option<Wants> {
        let asked = |name: &str| database == ANY_DATABASE || database == name;
        let mut lacking = powers.clone();
        for (name, granted) in grants.sql.iter().filter(|(name, _)| asked(name)) {
            lacking.retain(|power| !granted.contains(power));
            self.allow(name, granted.iter().copied().filter(|power| powers.contains(power) && imports.contains(power)));
        }
        (!lacking.is_empty()).then(|| Wants::Sql { database: database.to_owned(), powers: lacking })
    }

    fn file(&mut self, file: &FileGrant, grants: &Grants) -> Option<Wants> {
        if grants.files.iter().any(|grant| patterns::file_covers(grant, file)) {
            self.allow_file(file.clone());
            return None;
        }
        grants.files.iter().filter_map(|grant| patterns::file_common(grant, file)).for_each(|common| self.allow_file(common));
        Some(Wants::Files(file.clone()))
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

    /// Imports are the second way to ask.
    fn imported(&mut self, imports: &BTreeSet<SqlPower>, asks: &[Ask], grants: &Grants) {
        let asked = |power: &SqlPower| asks.iter().any(|ask| matches!(&ask.wants, Wants::Sql { powers, .. } if powers.contains(power)));
        let unasked: BTreeSet<_> = imports.iter().copied().filter(|power| !asked(power)).collect();
        for (name, granted) in &grants.sql {
            self.allow(name, granted.intersection(&unasked).copied());
        }
        let powers: BTreeSet<_> = unasked.into_iter().filter(|power| !self.grants_somewhere(*power)).collect();
        if !powers.is_empty() {
            self.missing.push(Missing { wants: Wants::Sql { database: "default".to_owned(), powers }, why: IMPORTED.to_owned() });
        }
    }

    fn allow(&mut self, database: &str, powers: impl Iterator<Item = SqlPower>) {
        let mut powers = powers.peekable();
        if powers.peek().is_some() {
            self.sql.entry(database.to_owned()).or_default().extend(powers);
        }
    }

    fn grants_somewhere(&self, power: SqlPower) -> bool {
        self.sql.values().any(|powers| powers.contains(&power))
    }
}

impl Missing {
    /// `sql.default read, write: reads and writes the table of applied migrations`
    pub fn in_words(&self) -> String {
        format!("{}: {}", self.wants.in_words(), self.why)
    }

    /// Whether it is all or part of `ask`.
    pub fn of(&self, ask: &Ask) -> bool {
        let same = match (&self.wants, &ask.wants) {
            (Wants::Sql { database: mine, .. }, Wants::Sql { database: asked, .. }) => mine == asked,
            (mine, asked) => mine == asked,
        };
        same && self.why == ask.why
    }
}

impl Wants {
    /// `sql.default read, write`
    pub fn in_words(&self) -> String {
        match self {
            Self::Sql { database, powers } => {
                let powers: Vec<_> = powers.iter().map(|power| power.word()).collect();
                format!("sql.{database} {}", powers.join(", "))
            }
            Self::Files(file) => format!("files {} {}", file.pattern, file.access.word()),
            Self::Env(name) => format!("env {name}"),
        }
    }
}

/// What is granted and neither asked for nor, for powers, imported without being asked for.
fn unused(permitted: &Permitted, manifest: Option<&Manifest>, imports: &BTreeSet<SqlPower>, grants: &Grants) -> Vec<String> {
    let asks = || manifest.into_iter().flat_map(|manifest| &manifest.asks);
    let asked = |power: SqlPower, on: Option<&str>| {
        asks().any(|ask| match &ask.wants {
            Wants::Sql { database, powers } => powers.contains(&power) && on.is_none_or(|on| database == on || database == ANY_DATABASE),
            Wants::Files(_) | Wants::Env(_) => false,
        })
    };
    let used = |power: SqlPower, database: &str| asked(power, Some(database)) || (imports.contains(&power) && !asked(power, None));
    let sql = grants.sql.iter().filter_map(|(database, granted)| {
        let powers: Vec<_> = granted.iter().filter(|power| !used(**power, database)).map(|power| power.word().to_owned()).collect();
        (!powers.is_empty()).then(|| Setting { keys: vec!["sql".to_owned(), database.clone()], value: SettingValue::List(powers) })
    });
    let idle_file = |grant: &&FileGrant| !permitted.files.iter().any(|file| patterns::file_common(grant, file).is_some());
    let files = grants.files.iter().filter(idle_file).map(|grant| Setting {
        keys: vec!["files".to_owned(), grant.pattern.clone()],
        value: SettingValue::Text(grant.access.word().to_owned()),
    });
    let idle_name = |grant: &&String| !permitted.env.iter().any(|name| patterns::env_common(grant, name).is_some());
    let names: Vec<_> = grants.env.iter().filter(idle_name).cloned().collect();
    let env = (!names.is_empty()).then(|| Setting { keys: vec!["env".to_owned()], value: SettingValue::List(names) });
    sql.chain(files).chain(env).map(|setting| setting.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::FileAccess;
    use super::SqlPower::{Admin, Lock, Read, Schema, Write};
    use super::*;

    fn powers(list: &[SqlPower]) -> BTreeSet<SqlPower> {
        list.iter().copied().collect()
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
            let permitted = permit(&powers(&[Read, Write, Admin]), Some(&manifest), &grants(&[("default", granted)], &[], &[]));
            let found: BTreeSet<_> = permitted.sql.get("default").into_iter().flatten().copied().filter(|power| *power != Admin).collect();
            assert_eq!(found, powers(allowed), "{granted:?}");
            assert_eq!(missing(&permitted).iter().filter(|words| !words.contains("admin")).collect::<Vec<_>>(), lacking, "{granted:?}");
        }
    }

    #[test]
    fn a_grant_on_another_database_gives_nothing() {
        let manifest = manifest(&sql_ask("default", "[\"read\"]", ""));
        let permitted = permit(&powers(&[Read]), Some(&manifest), &grants(&[("replica", &[Read])], &[], &[]));
        assert_eq!((permitted.sql.len(), missing(&permitted)), (0, vec!["sql.default read".to_owned()]));
        assert_eq!(permitted.unused, ["sql.replica = [\"read\"]"]);
    }

    #[test]
    fn any_database_takes_whichever_is_granted_and_needs_none() {
        let manifest = manifest(&sql_ask("*", "[\"read\"]", ""));
        let permitted = permit(&powers(&[Read]), Some(&manifest), &grants(&[("a", &[Read, Write]), ("b", &[Write])], &[], &[]));
        assert_eq!(permitted.sql, BTreeMap::from([("a".to_owned(), powers(&[Read]))]));
        assert_eq!(permitted.unused, ["sql.a = [\"write\"]", "sql.b = [\"write\"]"]);
        let nothing = permit(&powers(&[Read]), Some(&manifest), &Grants::default());
        assert!(nothing.missing.is_empty());
        assert_eq!(nothing.linked_powers(), powers(&[Read]), "linked, so that a call is answered with access-denied");
    }

    #[test]
    fn an_optional_ask_is_not_missing() {
        let asks = format!("{}{}", sql_ask("default", "[\"read\"]", ""), sql_ask("default", "[\"lock\"]", "optional = true"));
        let permitted = permit(&powers(&[Read, Lock]), Some(&manifest(&asks)), &grants(&[("default", &[Read])], &[], &[]));
        assert!(permitted.missing.is_empty());
        assert_eq!(permitted.without.len(), 1);
        assert_eq!(permitted.sql["default"], powers(&[Read]));
        assert_eq!(permitted.linked_powers(), powers(&[Read, Lock]));
    }

    #[test]
    fn a_power_that_is_not_imported_is_not_permitted() {
        let manifest = manifest(&sql_ask("default", "[\"read\", \"write\"]", ""));
        let permitted = permit(&powers(&[Read]), Some(&manifest), &grants(&[("default", &[Read, Write])], &[], &[]));
        assert_eq!(permitted.sql["default"], powers(&[Read]));
        assert!(permitted.unused.is_empty(), "asked for, so not idle");
    }

    #[test]
    fn an_import_that_the_manifest_hides_is_missing_until_it_is_granted() {
        let manifest = manifest(&sql_ask("default", "[\"read\"]", ""));
        let hidden = permit(&powers(&[Read, Admin]), Some(&manifest), &grants(&[("default", &[Read])], &[], &[]));
        assert_eq!(missing(&hidden), ["sql.default admin"]);
        assert_eq!(hidden.linked_powers(), powers(&[Read]));
        let granted = permit(&powers(&[Read, Admin]), Some(&manifest), &grants(&[("default", &[Read, Admin])], &[], &[]));
        assert!(granted.missing.is_empty());
        assert_eq!(granted.sql["default"], powers(&[Read, Admin]));
    }

    #[test]
    fn without_a_manifest_the_imports_ask_and_the_grants_are_taken_as_they_are() {
        let granted = grants(&[("other", &[Read, Write])], &[("data/**", FileAccess::Write)], &["A_*"]);
        let permitted = permit(&powers(&[Read]), None, &granted);
        assert_eq!(permitted.sql, BTreeMap::from([("other".to_owned(), powers(&[Read]))]));
        assert_eq!((permitted.files.len(), permitted.env.len(), permitted.missing.len()), (1, 1, 0));
        assert_eq!(permitted.unused, ["sql.other = [\"write\"]"]);
        let refused = permit(&powers(&[Read, Schema]), None, &Grants::default());
        assert_eq!(missing(&refused), ["sql.default read, schema"]);
        assert!(refused.linked_powers().is_empty());
    }

    #[test]
    fn files_and_variables_are_permitted_as_asked_when_the_grant_covers_them() {
        let asks = "[[asks]]\nfiles = \"migrations/**\"\naccess = \"read\"\nwhy = \"y\"\n[[asks]]\nenv = \"A_*\"\nwhy = \"y\"\n";
        let manifest = manifest(asks);
        let covered = permit(&powers(&[]), Some(&manifest), &grants(&[], &[("**", FileAccess::Write)], &["*"]));
        assert_eq!(covered.files, [FileGrant { pattern: "migrations/**".to_owned(), access: FileAccess::Read }]);
        assert_eq!(covered.env, ["A_*"]);
        assert!(covered.missing.is_empty() && covered.unused.is_empty());
        let narrower = permit(&powers(&[]), Some(&manifest), &grants(&[], &[("migrations/app/**", FileAccess::Read)], &["A_B"]));
        assert_eq!(narrower.files[0].pattern, "migrations/app/**");
        assert_eq!(narrower.env, ["A_B"]);
        assert_eq!(missing(&narrower), ["files migrations/** read", "env A_*"]);
        let elsewhere = permit(&powers(&[]), Some(&manifest), &grants(&[], &[("data/**", FileAccess::Read)], &["B"]));
        assert!(elsewhere.files.is_empty() && elsewhere.env.is_empty());
        assert_eq!(elsewhere.unused, ["files.\"data/**\" = \"read\"", "env = [\"B\"]"]);
    }

    #[test]
    fn a_refusal_shows_reasons_and_the_exact_lines() {
        let manifest = manifest(&sql_ask("default", "[\"read\", \"write\"]", ""));
        let granted = grants(&[("default", &[Read])], &[], &[]);
        let refusal = permit(&powers(&[Read, Write]), Some(&manifest), &granted).refusal("migrate", &granted).unwrap();
        assert_eq!(refusal.ending, Ending::Denied);
        assert_eq!(refusal.message, "`migrate` was not granted what it needs:\n  sql.default write: for the test");
        assert_eq!(refusal.hints, ["`host grant migrate`, or in host.toml:\n[commands.migrate]\nsql.default = [\"read\", \"write\"]"]);
    }
}
