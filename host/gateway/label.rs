//! Labels: `COMMIT.ENVIRONMENT`, as the documents name the connections of one build in one place.

use std::path::Path;

use crate::channels::label::{REGISTERED_BOUND, can_be_registered};
use crate::outcome::{Failure, Result};
use crate::project::Environment;

const COMMIT_VARIABLES: [&str; 5] = ["HOST_COMMIT", "VENUELESS_COMMIT_SHA", "GIT_COMMIT", "COMMIT_SHA", "GITHUB_SHA"];
const ENVIRONMENT_VARIABLES: [&str; 4] = ["HOST_ENVIRONMENT", "VENUELESS_ENVIRONMENT", "EVENTYAY_VIDEO_ENVIRONMENT", "ENVIRONMENT"];
const UNKNOWN: &str = "unknown";
/// `.git` files are small; whatever is larger is none.
const GIT_BYTES: u64 = 1 << 20;

/// The label of `--label`, or of the variables and the git checkout that `folder` lies in.
pub fn label(given: Option<&str>, environment: &Environment, folder: &Path) -> Result<String> {
    if let Some(given) = given {
        return checked(given.to_owned(), "--label");
    }
    let first = |names: &[&str]| names.iter().find_map(|name| environment.get(name)).filter(|value| !value.is_empty()).map(str::to_owned);
    let commit = first(&COMMIT_VARIABLES).or_else(|| commit(folder)).unwrap_or_else(|| UNKNOWN.to_owned());
    let place = first(&ENVIRONMENT_VARIABLES).unwrap_or_else(|| UNKNOWN.to_owned());
    checked(format!("{commit}.{place}"), "the environment")
}

fn checked(label: String, source: &str) -> Result<String> {
    if can_be_registered(&label) {
        return Ok(label);
    }
    Err(Failure::usage(format!("`{}` from {source} is no label", label.escape_debug()))
        .hint(format!("a label is 1 to {REGISTERED_BOUND} letters, digits, `.`, `_` and `-`: --label 411b261.production")))
}

/// The commit that is checked out, read from git's own files so that no program is started.
fn commit(folder: &Path) -> Option<String> {
    let dot_git = folder.ancestors().map(|folder| folder.join(".git")).find(|path| path.symlink_metadata().is_ok())?;
    let git = match read(&dot_git) {
        // A worktree has a file that says where its git folder lies.
        Some(text) => dot_git.parent()?.join(text.strip_prefix("gitdir:")?.trim()),
        None => dot_git,
    };
    let head = read(&git.join("HEAD"))?;
    let Some(name) = head.trim().strip_prefix("ref: ") else { return sha(&head) };
    let common = read(&git.join("commondir")).map_or_else(|| git.clone(), |path| git.join(path.trim()));
    [&git, &common].into_iter().find_map(|folder| sha(&read(&folder.join(name))?)).or_else(|| {
        let packed = read(&common.join("packed-refs"))?;
        let line = packed.lines().find(|line| line.split(' ').nth(1) == Some(name))?;
        sha(line)
    })
}

fn read(path: &Path) -> Option<String> {
    let facts = path.metadata().ok().filter(|facts| facts.is_file() && facts.len() <= GIT_BYTES);
    facts.and_then(|_| std::fs::read_to_string(path).ok())
}

fn sha(text: &str) -> Option<String> {
    let word = text.split_whitespace().next()?;
    (matches!(word.len(), 40 | 64) && word.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| word.to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const SHA: &str = "411b2610c0ffee00c0ffee00c0ffee00c0ffee00";

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        Environment::new(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<BTreeMap<_, _>>())
    }

    #[test]
    fn the_label_comes_from_the_flag_the_variables_or_unknown() {
        let folder = tempfile::tempdir().unwrap();
        let of = |given, pairs: &[(&str, &str)]| label(given, &environment(pairs), folder.path()).unwrap();
        assert_eq!(of(None, &[]), "unknown.unknown");
        assert_eq!(of(None, &[("VENUELESS_COMMIT_SHA", "c1"), ("EVENTYAY_VIDEO_ENVIRONMENT", "prod")]), "c1.prod");
        assert_eq!(of(Some("x.y"), &[("VENUELESS_COMMIT_SHA", "c1")]), "x.y");
        let failure = label(Some("a b"), &environment(&[]), folder.path()).unwrap_err();
        assert_eq!(failure.message, "`a b` from --label is no label");
    }

    #[test]
    fn the_commit_is_read_from_a_checkout_a_packed_one_and_a_worktree() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write(".git/HEAD", "ref: refs/heads/main\n");
        write("deep/er/x", "");
        assert_eq!(commit(&folder.path().join("deep/er")), None);
        write(".git/packed-refs", &format!("# pack-refs with: peeled\n{SHA} refs/heads/main\n"));
        assert_eq!(commit(&folder.path().join("deep/er")).as_deref(), Some(SHA));
        write(".git/refs/heads/main", &SHA.to_uppercase());
        assert_eq!(commit(folder.path()), Some(SHA.to_uppercase()));
        write("tree/.git", "gitdir: ../.git/worktrees/tree\n");
        write(".git/worktrees/tree/HEAD", "ref: refs/heads/other\n");
        write(".git/worktrees/tree/commondir", "../..\n");
        write(".git/refs/heads/other", SHA);
        assert_eq!(commit(&folder.path().join("tree")).as_deref(), Some(SHA));
        write(".git/HEAD", SHA);
        assert_eq!(commit(folder.path()).as_deref(), Some(SHA));
    }
}
