//! What a command may do with which path. Pure: paths are real ones, links are resolved before.

use std::path::{Component, Path, PathBuf};

use super::pattern::{Pattern, Standing, split_absolute};
use crate::grants::{FileAccess, FileGrant, escaped, file_common, is_secret, toml_text};

/// What is on the disk where a path leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Missing,
    File,
    Folder,
    Link,
    /// A device, a pipe, a socket.
    Other,
}

/// Why a path is refused; the message and its cure follow from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    NotGranted,
    /// A glob does not cover `.env`.
    Secret,
    /// host.toml, the lock file, commands: never writable. Logins of registries: not readable either.
    Protected,
    /// Outside of the project, and of all absolute grants.
    Outside,
    /// A link would be made.
    NoLinks,
    /// Neither a file nor a folder.
    Special,
}

/// One refusal, for the journal, the hint after a failure, and the guest's error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    pub path: PathBuf,
    pub access: FileAccess,
    pub reason: Reason,
}

struct Rule {
    pattern: Pattern,
    access: FileAccess,
}

pub struct Policy {
    command: String,
    /// The project's folder, real.
    root: PathBuf,
    rules: Vec<Rule>,
    /// What its manifest asks for: a grant beyond gives nothing. None for a command without a manifest.
    asked: Option<Vec<FileGrant>>,
    protected: Vec<PathBuf>,
    /// What is not there for the command, whatever is granted.
    hidden: Vec<PathBuf>,
}

impl Policy {
    /// `place` splits the folder of an absolute pattern into the part that exists, its links resolved, and
    /// the rest. `root` and `protected` are real already.
    pub fn new(
        command: &str,
        root: PathBuf,
        grants: &[FileGrant],
        protected: Vec<PathBuf>,
        place: impl Fn(&Path) -> (PathBuf, PathBuf),
    ) -> Result<Self, String> {
        let rules = rules(command, &root, grants, place)?;
        Ok(Self { command: command.to_owned(), root, rules, asked: None, protected, hidden: Vec::new() })
    }

    /// Says what the manifest asks for, so that a refusal of anything else does not promise that a grant helps.
    pub fn with_asked(self, asked: &[FileGrant]) -> Self {
        Self { asked: Some(asked.to_vec()), ..self }
    }

    /// Files that are neither read nor changed, whatever is granted: what the operator shows at registries. Real ones.
    pub fn with_hidden(self, hidden: Vec<PathBuf>) -> Self {
        Self { hidden, ..self }
    }

    /// The folders below which anything is granted: the project's, and those of absolute patterns.
    pub fn bases(&self) -> impl Iterator<Item = &Path> {
        self.rules.iter().map(|rule| rule.pattern.base())
    }

    pub fn standing(&self, path: &Path, access: FileAccess) -> Standing {
        if self.is_hidden(path) || access == FileAccess::Write && self.is_protected(path) {
            return Standing::Nothing;
        }
        let secret = is_secret(path);
        let rules = self.rules.iter().filter(|rule| access == FileAccess::Read || rule.access == FileAccess::Write);
        let rules = rules.filter(|rule| !secret || rule.pattern.is_exact());
        rules.map(|rule| rule.pattern.standing(path)).max().unwrap_or(Standing::Nothing)
    }

    /// Whether `path` may be opened for reading, looked at or listed.
    pub fn may_read(&self, path: &Path, kind: Kind) -> Result<(), Denial> {
        let standing = self.standing(path, FileAccess::Read);
        let allowed = match kind {
            Kind::Folder => standing >= Standing::Way,
            // What is missing may be told where it is granted, or follows from what is spelled out.
            Kind::Missing => standing >= Standing::SpelledWay || self.may_tell_of_missing_secret(path),
            Kind::File | Kind::Link | Kind::Other => standing == Standing::Granted,
        };
        if allowed { Ok(()) } else { Err(self.denial(path, FileAccess::Read)) }
    }

    /// What a `.env` holds is a secret, and not that there is none beside files that are granted: or whoever looks for one that
    /// need not be there could not go on.
    fn may_tell_of_missing_secret(&self, path: &Path) -> bool {
        let beside = |folder| self.rules.iter().any(|rule| rule.pattern.reaches_into(folder));
        is_secret(path) && !self.is_hidden(path) && path.parent().is_some_and(beside)
    }

    /// Whether `path` may be created, changed or removed.
    pub fn may_write(&self, path: &Path, kind: Kind) -> Result<(), Denial> {
        let least = if kind == Kind::Folder { Standing::Folder } else { Standing::Granted };
        if self.standing(path, FileAccess::Write) >= least { Ok(()) } else { Err(self.denial(path, FileAccess::Write)) }
    }

    /// Whether a folder may be made: where it may be written, and on the spelled-out way there.
    pub fn may_make_folder(&self, path: &Path) -> Result<(), Denial> {
        if self.standing(path, FileAccess::Write) >= Standing::SpelledWay { Ok(()) } else { Err(self.denial(path, FileAccess::Write)) }
    }

    /// Whether a folder may be moved from or to `path`: with all that is, or may come to be, inside.
    pub fn may_move_folder(&self, path: &Path) -> Result<(), Denial> {
        self.may_write(path, Kind::Folder)?;
        if self.protected.iter().chain(&self.hidden).any(|protected| protected.starts_with(path)) {
            return Err(Denial { path: path.to_owned(), access: FileAccess::Write, reason: Reason::Protected });
        }
        let covered = self.rules.iter().any(|rule| rule.access == FileAccess::Write && rule.pattern.covers(path));
        if covered { Ok(()) } else { Err(self.denial(&path.join("**"), FileAccess::Write)) }
    }

    pub fn denial(&self, path: &Path, access: FileAccess) -> Denial {
        let reason = if self.is_hidden(path) || access == FileAccess::Write && self.is_protected(path) {
            Reason::Protected
        } else if !self.is_below_a_base(path) {
            Reason::Outside
        } else if is_secret(path) {
            Reason::Secret
        } else {
            Reason::NotGranted
        };
        Denial { path: path.to_owned(), access, reason }
    }

    /// `path` as the operator would write it: relative inside the project.
    pub fn shown(&self, path: &Path) -> String {
        let below = path.strip_prefix(&self.root).unwrap_or(path);
        let text = if below.as_os_str().is_empty() { ".".into() } else { below.to_string_lossy() };
        text.into_owned()
    }

    /// What happened, and the line of host.toml that would allow it, if one can.
    pub fn text(&self, denial: &Denial) -> String {
        let Self { command, .. } = self;
        let path = self.shown(&denial.path);
        let verb = denial.access.word();
        let allow = || match self.cure(denial) {
            Some(grant) => {
                let line = format!("files.{} = \"{}\"", toml_text(&grant.pattern), grant.access.word());
                format!("to allow it, add `{line}` under `[commands.{command}]` in host.toml")
            }
            None => "its manifest does not ask for it, so that no grant can allow it".to_owned(),
        };
        match denial.reason {
            Reason::NotGranted => format!("`{command}` tried to {verb} `{path}`, which is not granted; {}", allow()),
            Reason::Outside => {
                format!("`{command}` tried to {verb} `{path}`, which is outside of the project and not granted; {}", allow())
            }
            Reason::Secret => format!("`{command}` tried to {verb} `{path}`, which no pattern grants, only its exact name; {}", allow()),
            Reason::Protected => {
                let verb = if denial.access == FileAccess::Write { "change" } else { verb };
                format!("`{command}` tried to {verb} `{path}`, which no command may {verb}")
            }
            Reason::NoLinks => format!("`{command}` tried to make a link at `{path}`, which no command may do"),
            Reason::Special => format!("`{command}` tried to open `{path}`, which is neither a file nor a folder"),
        }
    }

    /// The grant that would allow it; none when the manifest does not ask for that, which makes every grant idle.
    fn cure(&self, denial: &Denial) -> Option<FileGrant> {
        let path = self.shown(&denial.path);
        // Wildcards in a file's own name mean themselves in the line that grants it.
        let pattern = match path.strip_suffix("/**") {
            Some(folder) => format!("{}/**", escaped(folder)),
            None => escaped(&path),
        };
        let grant = FileGrant { pattern, access: denial.access };
        let helps = |asked: &Vec<FileGrant>| asked.iter().any(|ask| file_common(&grant, ask).as_ref() == Some(&grant));
        self.asked.as_ref().is_none_or(helps).then_some(grant)
    }

    fn is_protected(&self, path: &Path) -> bool {
        self.protected.iter().any(|protected| path.starts_with(protected))
    }

    fn is_hidden(&self, path: &Path) -> bool {
        self.hidden.iter().any(|hidden| path == hidden)
    }

    fn is_below_a_base(&self, path: &Path) -> bool {
        path.starts_with(&self.root) || self.bases().any(|base| path.starts_with(base))
    }
}

/// `path` without `.` and `..`, by its text alone; none when it climbs above the root of the file system.
pub fn tidy(path: &Path) -> Option<PathBuf> {
    let mut tidied = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                if !tidied.pop() {
                    return None;
                }
            }
            Component::CurDir => {}
            part => tidied.push(part),
        }
    }
    Some(tidied)
}

fn rules(command: &str, root: &Path, grants: &[FileGrant], place: impl Fn(&Path) -> (PathBuf, PathBuf)) -> Result<Vec<Rule>, String> {
    let rule = |grant: &FileGrant| {
        let pattern = if grant.pattern.starts_with('/') {
            let (folder, rest) = split_absolute(&grant.pattern);
            let (there, missing) = place(&folder);
            Pattern::new(there, &missing.join(rest).to_string_lossy())
        } else {
            Pattern::new(root.to_owned(), grant.pattern.strip_prefix("./").unwrap_or(&grant.pattern))
        };
        let pattern = pattern.map_err(|why| format!("`files.{}` of `{command}`: {why}", toml_text(&grant.pattern)))?;
        Ok(Rule { pattern, access: grant.access })
    };
    grants.iter().map(rule).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grants::{Grants, Manifest, Powers, permit};

    fn policy(grants: &[(&str, FileAccess)]) -> Policy {
        let grants: Vec<FileGrant> =
            grants.iter().map(|(pattern, access)| FileGrant { pattern: (*pattern).to_owned(), access: *access }).collect();
        let protected = ["/p/host.toml", "/p/host.lock", "/p/.host", "/p/sub/commands"].map(PathBuf::from).to_vec();
        Policy::new("report", "/p".into(), &grants, protected, there).unwrap()
    }

    use FileAccess::{Read, Write};

    fn there(path: &Path) -> (PathBuf, PathBuf) {
        (path.to_owned(), PathBuf::new())
    }

    #[test]
    fn reading_is_allowed_as_granted_and_not_beyond() {
        let cases = [
            ("data/*.csv", "/p/data/x.csv", Kind::File, true),
            ("data/*.csv", "/p/data/x.txt", Kind::File, false),
            ("data/*.csv", "/p/data/x.txt", Kind::Missing, false),
            ("data/*.csv", "/p/data/y.csv", Kind::Missing, true),
            ("data/*.csv", "/p/data", Kind::Folder, true),
            ("data/*.csv", "/p/data", Kind::File, false),
            ("data/*.csv", "/p", Kind::Folder, true),
            ("data/*.csv", "/p/other", Kind::Folder, false),
            ("data/*.csv", "/p/data/pipe.csv", Kind::Other, true),
            ("migrations/**", "/p/migrations", Kind::Folder, true),
            ("migrations/**", "/p/migrations", Kind::File, false),
            ("**/*.py", "/p/secret", Kind::Folder, true),
            ("**/*.py", "/p/secret", Kind::File, false),
            ("**/*.py", "/p/secret", Kind::Missing, false),
            ("**", "/p/.env", Kind::File, false),
            ("**", "/p/.env", Kind::Missing, true),
            ("sub/c.yml", "/p/sub/.env", Kind::Missing, true),
            ("sub/c.yml", "/p/sub/.env", Kind::File, false),
            ("sub/c.yml", "/p/sub/.env", Kind::Link, false),
            ("sub/c.yml", "/p/sub/.env", Kind::Folder, false),
            ("sub/c.yml", "/p/.env", Kind::Missing, false),
            ("sub/c.yml", "/p/other/.env", Kind::Missing, false),
            ("**", "/p/sub/.env.local", Kind::File, false),
            (".env*", "/p/.env", Kind::File, false),
            (".env", "/p/.env", Kind::File, true),
            ("**", "/p/.envrc", Kind::File, true),
            ("**", "/p/host.toml", Kind::File, true),
            ("**", "/q", Kind::File, false),
            ("/srv/data/**", "/srv/data/x", Kind::File, true),
            ("/srv/data/**", "/srv", Kind::Folder, false),
            ("/srv/data/**", "/p", Kind::Folder, false),
            ("/etc/hosts", "/etc/hosts", Kind::File, true),
            ("/etc/hosts", "/etc/passwd", Kind::File, false),
        ];
        for (pattern, path, kind, expected) in cases {
            for access in [Read, Write] {
                let answer = policy(&[(pattern, access)]).may_read(Path::new(path), kind);
                assert_eq!(answer.is_ok(), expected, "{pattern} {path} {kind:?}");
            }
        }
    }

    #[test]
    fn writing_needs_write_and_never_reaches_what_is_protected() {
        let cases = [
            ("out/**", Write, "/p/out/x", Kind::Missing, true),
            ("out/**", Read, "/p/out/x", Kind::Missing, false),
            ("out/**", Write, "/p/out", Kind::Folder, true),
            ("out/**", Write, "/p/out", Kind::Missing, false),
            ("out/*.txt", Write, "/p/out", Kind::Folder, false),
            ("**", Write, "/p/x", Kind::File, true),
            ("**", Write, "/p/host.toml", Kind::File, false),
            ("host.toml", Write, "/p/host.toml", Kind::File, false),
            ("**", Write, "/p/host.lock", Kind::Missing, false),
            ("**", Write, "/p/.host/journal/x.jsonl", Kind::File, false),
            ("**", Write, "/p/.host", Kind::Folder, false),
            ("**", Write, "/p/sub/commands/evil.wasm", Kind::Missing, false),
            ("**", Write, "/p/host.toml.bak", Kind::Missing, true),
            ("**", Write, "/p/.env", Kind::File, false),
            (".env", Write, "/p/.env", Kind::File, true),
        ];
        for (pattern, access, path, kind, expected) in cases {
            let answer = policy(&[(pattern, access)]).may_write(Path::new(path), kind);
            assert_eq!(answer.is_ok(), expected, "{pattern} {access:?} {path} {kind:?}");
        }
    }

    #[test]
    fn what_is_hidden_is_neither_read_nor_changed_whatever_is_granted() {
        for pattern in ["**", "keys.json", "/p/keys.json"] {
            let policy = policy(&[(pattern, Write)]).with_hidden(vec!["/p/keys.json".into()]);
            let path = Path::new("/p/keys.json");
            let denials = [policy.may_read(path, Kind::File).unwrap_err(), policy.may_write(path, Kind::File).unwrap_err()];
            assert_eq!(policy.text(&denials[0]), "`report` tried to read `keys.json`, which no command may read");
            assert_eq!(policy.text(&denials[1]), "`report` tried to change `keys.json`, which no command may change");
        }
        let policy = policy(&[("**", Write)]).with_hidden(vec!["/p/sub/keys.json".into()]);
        assert!(policy.may_read(Path::new("/p/sub/other.json"), Kind::File).is_ok());
        assert!(policy.may_move_folder(Path::new("/p/sub")).is_err());
    }

    #[test]
    fn folders_may_be_made_on_the_spelled_way_to_what_is_writable() {
        let cases = [
            ("var/reports/**", Write, "/p/var", true),
            ("var/reports/**", Write, "/p/var/reports", true),
            ("var/reports/**", Read, "/p/var", false),
            ("var/reports/**", Write, "/p/vax", false),
            ("*/reports/**", Write, "/p/var", false),
            ("**", Write, "/p/.host", false),
        ];
        for (pattern, access, path, expected) in cases {
            assert_eq!(policy(&[(pattern, access)]).may_make_folder(Path::new(path)).is_ok(), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn folders_move_only_with_all_that_is_inside() {
        let cases = [
            ("data/**", Write, "/p/data/a", true),
            ("data/**", Read, "/p/data/a", false),
            ("data/*", Write, "/p/data/a", false),
            ("**", Write, "/p/sub", false),
            ("**", Write, "/p/other", true),
        ];
        for (pattern, access, path, expected) in cases {
            assert_eq!(policy(&[(pattern, access)]).may_move_folder(Path::new(path)).is_ok(), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn a_denial_beyond_what_the_manifest_asks_for_promises_no_grant() {
        let asked = [("data/**", Read), ("logs/*.txt", Write)].map(|(pattern, access)| FileGrant { pattern: pattern.to_owned(), access });
        let policy = policy(&[("data/*.csv", Read)]).with_asked(&asked);
        let told = |access, path: &str| policy.text(&policy.denial(Path::new(path), access));
        let none = "its manifest does not ask for it, so that no grant can allow it";
        for (access, path) in
            [(Read, "/p/secrets/key"), (Write, "/p/data/x.txt"), (Read, "/p/logs/x.csv"), (Read, "/p/logs/**"), (Read, "/p/.env")]
        {
            assert!(told(access, path).ends_with(none), "{access:?} {path}");
        }
        for (access, path, line) in [
            (Read, "/p/data/x.txt", r#"files."data/x.txt" = "read""#),
            (Read, "/p/data/a/**", r#"files."data/a/**" = "read""#),
            (Write, "/p/logs/x.txt", r#"files."logs/x.txt" = "write""#),
            (Read, "/p/data/.env", r#"files."data/.env" = "read""#),
            (Read, r#"/p/data/.env.{"\x*}"#, r#"files."data/.env.[{]\"[\\]x[*][}]" = "read""#),
        ] {
            assert!(told(access, path).contains(&format!("add `{line}`")), "{access:?} {}", told(access, path));
        }
    }

    /// Every line that a refusal names is tried: with it, the same is permitted.
    #[test]
    fn the_line_of_a_refusal_is_one_that_helps() {
        let asks = "[[asks]]\nfiles = \"**\"\naccess = \"read\"\nwhy = \"y\"\n[[asks]]\nfiles = \".env\"\naccess = \"read\"\nwhy = \"y\"\n";
        let manifest = Manifest::parse(format!("about = \"x\"\n{asks}").as_bytes(), "command.toml").unwrap();
        for before in [&[][..], &[("**", Read)][..], &[("*.yml", Read), (".env", Read)][..]] {
            for path in ["backend/.env", ".env", ".env.prod", "sub/.env.[x]", "sub/.env.{*}", "notes.txt", "a b/[1].csv"] {
                let path = Path::new("/p").join(path);
                let files = before.iter().map(|(pattern, access)| FileGrant { pattern: (*pattern).to_owned(), access: *access });
                let mut grants = Grants { files: files.collect(), ..Grants::default() };
                let policy_of = |grants: &Grants| {
                    let permitted = permit(&Powers::default(), Some(&manifest), grants);
                    Policy::new("report", "/p".into(), &permitted.files, Vec::new(), there).unwrap().with_asked(&manifest.asked_files())
                };
                let policy = policy_of(&grants);
                let Err(denial) = policy.may_read(&path, Kind::File) else { continue };
                let cure = policy.cure(&denial).unwrap();
                grants.files.push(cure);
                assert!(policy_of(&grants).may_read(&path, Kind::File).is_ok(), "{before:?} {path:?}");
            }
        }
    }

    #[test]
    fn a_denial_names_the_command_the_path_and_the_line_that_would_allow_it() {
        let policy = policy(&[("data/*.csv", Read)]);
        let denial = policy.may_read(Path::new("/p/secrets/key"), Kind::File).unwrap_err();
        let text = r#"`report` tried to read `secrets/key`, which is not granted; to allow it, add `files."secrets/key" = "read"` under `[commands.report]` in host.toml"#;
        assert_eq!(policy.text(&denial), text);
        let denial = policy.may_write(Path::new("/p/data/[1].csv"), Kind::File).unwrap_err();
        assert!(policy.text(&denial).contains(r#"files."data/[[]1[]].csv" = "write""#), "{}", policy.text(&denial));
        let denial = policy.may_write(Path::new("/p/host.toml"), Kind::File).unwrap_err();
        assert_eq!(policy.text(&denial), "`report` tried to change `host.toml`, which no command may change");
        let denial = policy.may_read(Path::new("/etc/passwd"), Kind::File).unwrap_err();
        assert_eq!(denial.reason, Reason::Outside);
    }

    #[test]
    fn a_pattern_that_is_none_is_named() {
        let grants = [FileGrant { pattern: "../x".to_owned(), access: Read }];
        let error = Policy::new("report", "/p".into(), &grants, Vec::new(), there).err().unwrap();
        assert_eq!(error, r#"`files."../x"` of `report`: a pattern is relative, not empty, and has no `.` or `..` in it"#);
    }

    #[test]
    fn a_path_is_tidied_by_its_text() {
        assert_eq!(tidy(Path::new("/a/./b/../c")), Some(PathBuf::from("/a/c")));
        assert_eq!(tidy(Path::new("a/../../c")), None);
    }
}
