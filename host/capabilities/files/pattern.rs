//! One granted pattern: what it names, and which folders lead there. Pure.

use std::path::{Component, Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};

use crate::grants::literal;

/// How a path stands to what is granted; the later, the more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    Nothing,
    /// As a folder on the way to something that a pattern may match: `a` for `**/*.py`.
    Way,
    /// As a folder that the pattern spells out: `var` for `var/reports/**`.
    SpelledWay,
    /// As the folder whose whole content is granted: `migrations` for `migrations/**`.
    Folder,
    Granted,
}

/// A pattern below a folder. Both are absolute once put together.
#[derive(Clone, Debug)]
pub struct Pattern {
    base: PathBuf,
    whole: GlobMatcher,
    /// For `x/**`: what `x` itself is.
    folder: Option<Folder>,
    /// What comes before the last slash.
    parent: Option<GlobMatcher>,
    parts: Vec<Part>,
    /// The pattern has no wildcard: it names one path.
    exact: bool,
}

#[derive(Clone, Debug)]
enum Folder {
    /// The pattern is `**`: the base itself.
    Base,
    Of(GlobMatcher),
}

#[derive(Clone, Debug)]
enum Part {
    Literal(String),
    Wild(GlobMatcher),
    /// `**`, or what cannot be taken apart at slashes: anything may follow.
    Any,
}

impl Pattern {
    /// `text` is relative to `base`, which is absolute and free of symbolic links.
    pub fn new(base: PathBuf, text: &str) -> Result<Self, String> {
        if Path::new(text).components().any(|part| !matches!(part, Component::Normal(_))) || text.is_empty() {
            return Err("a pattern is relative, not empty, and has no `.` or `..` in it".to_owned());
        }
        let folder = match text.strip_suffix("**").map(|stem| stem.strip_suffix('/').ok_or(stem)) {
            Some(Ok(stem)) => Some(Folder::Of(glob(stem)?)),
            Some(Err("")) => Some(Folder::Base),
            _ => None,
        };
        // A brace around a slash leaves a beginning that is no glob.
        let parent = glob(text.rsplit_once('/').map_or("", |(parent, _)| parent)).ok();
        Ok(Self { base, whole: glob(text)?, folder, parent, parts: parts(text)?, exact: literal(text).is_some() })
    }

    pub fn base(&self) -> &Path {
        &self.base
    }

    pub fn is_exact(&self) -> bool {
        self.exact
    }

    pub fn standing(&self, path: &Path) -> Standing {
        let Ok(below) = path.strip_prefix(&self.base) else {
            return Standing::Nothing;
        };
        if below.as_os_str().is_empty() {
            return if matches!(self.folder, Some(Folder::Base)) { Standing::Folder } else { Standing::SpelledWay };
        }
        if self.whole.is_match(below) {
            return Standing::Granted;
        }
        if matches!(&self.folder, Some(Folder::Of(stem)) if stem.is_match(below)) {
            return Standing::Folder;
        }
        self.way(below)
    }

    /// Whether everything below `path`, at any depth, is granted: only `**` at the end promises that.
    pub fn covers(&self, path: &Path) -> bool {
        let Ok(below) = path.strip_prefix(&self.base) else {
            return false;
        };
        match &self.folder {
            None => false,
            Some(Folder::Base) => true,
            Some(Folder::Of(stem)) => below.ancestors().any(|folder| stem.is_match(folder)),
        }
    }

    /// Whether something right inside of `folder` may be granted.
    pub fn reaches_into(&self, folder: &Path) -> bool {
        let Ok(below) = folder.strip_prefix(&self.base) else {
            return false;
        };
        self.parent.as_ref().is_some_and(|parent| parent.is_match(below)) || self.covers(folder)
    }

    fn way(&self, below: &Path) -> Standing {
        let mut parts = self.parts.iter();
        let mut spelled = true;
        for name in below.iter() {
            match parts.next() {
                None => return Standing::Nothing,
                Some(Part::Any) => return Standing::Way,
                Some(Part::Literal(text)) if name == text.as_str() => {}
                Some(Part::Wild(glob)) if glob.is_match(name) => spelled = false,
                Some(_) => return Standing::Nothing,
            }
        }
        match (parts.next(), spelled) {
            (None, _) => Standing::Nothing,
            (Some(_), true) => Standing::SpelledWay,
            (Some(_), false) => Standing::Way,
        }
    }
}

/// Splits an absolute pattern into the folder before the first wildcard (or the file), and the rest.
pub fn split_absolute(text: &str) -> (PathBuf, String) {
    let parts: Vec<&str> = text.split('/').filter(|part| !part.is_empty()).collect();
    let fixed = parts.iter().position(|part| is_wild(part)).unwrap_or(parts.len().saturating_sub(1));
    let (folder, rest) = parts.split_at(fixed);
    (Path::new("/").join(folder.join("/")), rest.join("/"))
}

fn is_wild(text: &str) -> bool {
    text.contains(['*', '?', '[', '{', '\\'])
}

fn parts(text: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    for part in text.split('/') {
        if part == "**" {
            parts.push(Part::Any);
        } else if !is_wild(part) {
            parts.push(Part::Literal(part.to_owned()));
        } else if let (Ok(glob), true) = (glob(part), stands_alone(part)) {
            parts.push(Part::Wild(glob));
        } else {
            parts.push(Part::Any);
        }
    }
    Ok(parts)
}

/// Whether a part means the same alone: `{a/b,c}` was cut in the middle, at a slash.
fn stands_alone(part: &str) -> bool {
    !part.contains(['{', '}', '\\'])
}

fn glob(text: &str) -> Result<GlobMatcher, String> {
    let glob = GlobBuilder::new(text).literal_separator(true).build().map_err(|error| error.kind().to_string())?;
    Ok(glob.compile_matcher())
}

#[cfg(test)]
mod tests {
    use super::Standing::{Folder, Granted, Nothing, SpelledWay, Way};
    use super::*;

    #[test]
    fn a_path_stands_to_a_pattern_as_the_table_says() {
        let cases = [
            ("migrations/**", "migrations", Folder),
            ("migrations/**", "migrations/1.sql", Granted),
            ("migrations/**", "migrations/blog/1.sql", Granted),
            ("migrations/**", "migrations2", Nothing),
            ("migrations/**", "", SpelledWay),
            ("data/*.csv", "data", SpelledWay),
            ("data/*.csv", "data/x.csv", Granted),
            ("data/*.csv", "data/x.txt", Nothing),
            ("data/*.csv", "data/sub/x.csv", Nothing),
            ("data/*.csv", "data/sub", Nothing),
            ("data/x.csv", "data/x.csv", Granted),
            ("data/x.csv", "data/x.csv/y", Nothing),
            ("var/reports/**", "var", SpelledWay),
            ("apps/*/migrations/*.sql", "apps", SpelledWay),
            ("apps/*/migrations/*.sql", "apps/blog", Way),
            ("apps/*/migrations/*.sql", "apps/blog/models", Nothing),
            ("apps/*/migrations/*.sql", "apps/blog/migrations", Way),
            ("apps/*/migrations/*.sql", "apps/blog/migrations/1.sql", Granted),
            ("**/*.py", "a/b/c", Way),
            ("**/*.py", "x.py", Granted),
            ("**/*.py", "a/x.py", Granted),
            ("**", "", Folder),
            ("**", "a/b", Granted),
            ("*", "a", Granted),
            ("*", "a/b", Nothing),
            ("{a/b,c}/x", "a", Way),
            ("{a/b,c}/x", "a/b/x", Granted),
            ("[ab]/x", "a", Way),
            ("[ab]/x", "c", Nothing),
        ];
        for (pattern, path, expected) in cases {
            let pattern_of = Pattern::new("/p".into(), pattern).unwrap();
            let whole = if path.is_empty() { PathBuf::from("/p") } else { Path::new("/p").join(path) };
            assert_eq!(pattern_of.standing(&whole), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn only_two_stars_at_the_end_cover_a_whole_folder() {
        let cases = [
            ("data/**", "data", true),
            ("data/**", "data/a/b", true),
            ("data/**", "other", false),
            ("data/*", "data/a", false),
            ("data/**/*", "data/a", false),
            ("**", "a", true),
            ("*/out/**", "x/out/y", true),
            ("*/out/**", "x", false),
        ];
        for (pattern, path, expected) in cases {
            let pattern_of = Pattern::new("/p".into(), pattern).unwrap();
            assert_eq!(pattern_of.covers(&Path::new("/p").join(path)), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn a_pattern_reaches_into_the_folders_of_its_files() {
        let cases = [
            ("a/b.yml", "a", true),
            ("a/b.yml", "", false),
            ("a/b.yml", "a/b.yml", false),
            ("*.yml", "", true),
            ("*.yml", "a", false),
            ("*/b.yml", "a", true),
            ("a/**", "a", true),
            ("a/**", "a/b", true),
            ("a/**", "", false),
            ("**", "", true),
            ("**", "a/b", true),
            ("**/*.py", "a/b", true),
            ("{a/b,c}/x", "a/b", true),
            ("{a/b,c/d}", "", false),
        ];
        for (pattern, folder, expected) in cases {
            let pattern_of = Pattern::new("/p".into(), pattern).unwrap();
            let whole = if folder.is_empty() { PathBuf::from("/p") } else { Path::new("/p").join(folder) };
            assert_eq!(pattern_of.reaches_into(&whole), expected, "{pattern} {folder}");
        }
        assert!(!Pattern::new("/p".into(), "**").unwrap().reaches_into(Path::new("/q")));
    }

    #[test]
    fn outside_of_its_base_a_pattern_says_nothing() {
        let pattern = Pattern::new("/p".into(), "**").unwrap();
        assert_eq!(pattern.standing(Path::new("/")), Nothing);
        assert_eq!(pattern.standing(Path::new("/pq")), Nothing);
        assert!(!pattern.covers(Path::new("/q")));
    }

    #[test]
    fn an_absolute_pattern_is_split_before_its_first_wildcard_or_its_file() {
        let cases = [
            ("/srv/data/**", "/srv/data", "**"),
            ("/srv/data/*.csv", "/srv/data", "*.csv"),
            ("/etc/hosts", "/etc", "hosts"),
            ("/srv/*/x", "/srv", "*/x"),
            ("/**", "/", "**"),
        ];
        for (text, folder, rest) in cases {
            assert_eq!(split_absolute(text), (PathBuf::from(folder), rest.to_owned()), "{text}");
        }
    }

    #[test]
    fn patterns_that_climb_or_are_no_globs_are_errors() {
        for text in ["../x", "a/../b", "/a", "", ".", "a[", "{a"] {
            assert!(Pattern::new("/p".into(), text).is_err(), "{text}");
        }
    }
}
