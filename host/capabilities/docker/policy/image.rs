//! Image references: as people write them, as they are compared, and which of them are a project's own.

use crate::channels::fnmatch::Pattern;

use super::lack::Lack;
use super::{Invalid, Permit};

const LONGEST: usize = 512;
/// The registry of references that name none.
pub const HUB: &str = "docker.io";

/// A reference, whole: `postgres` is `docker.io/library/postgres:latest`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    written: String,
    /// With its registry.
    name: String,
    /// Without both it is `latest`.
    tag: Option<String>,
    digest: Option<String>,
}

impl Reference {
    pub fn new(written: &str) -> Result<Self, Invalid> {
        let usable = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | ':' | '@' | '+' | '[' | ']');
        let begins = written.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[');
        let walks = written.split('/').any(|part| matches!(part, "" | "." | ".."));
        if !begins || walks || written.len() > LONGEST || !written.chars().all(usable) {
            return Err(format!("`{}` is no reference of an image", written.escape_debug()));
        }
        let reference = split(written);
        let is_tag = |tag: &String| tag.len() <= 128 && tag.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        match &reference.tag {
            Some(tag) if !is_tag(tag) => Err(format!("`{written}` is no reference of an image: `{tag}` cannot be a tag")),
            _ => Ok(reference),
        }
    }

    /// `docker.io/library/postgres:16`
    pub fn whole(&self) -> String {
        match (&self.tag, &self.digest) {
            (tag, Some(digest)) => {
                let tag = tag.as_ref().map(|tag| format!(":{tag}")).unwrap_or_default();
                format!("{}{tag}@{digest}", self.name)
            }
            (Some(tag), None) => format!("{}:{tag}", self.name),
            (None, None) => format!("{}:latest", self.name),
        }
    }

    /// Whether both name the same image: where a digest is given, the tag says nothing.
    pub fn is_same(&self, other: &Self) -> bool {
        match (&self.digest, &other.digest) {
            (Some(one), Some(two)) => self.name == other.name && one == two,
            (None, None) => self.whole() == other.whole(),
            _ => false,
        }
    }

    /// For pulling: the name with its registry, and a tag or digest.
    pub fn parts(&self) -> (&str, &str) {
        let tag = self.digest.as_deref().or(self.tag.as_deref());
        (&self.name, tag.unwrap_or("latest"))
    }

    /// Who is asked for it: `docker.io`, `ghcr.io`, `localhost:5000`.
    pub fn registry(&self) -> &str {
        self.name.split_once('/').map_or(HUB, |(registry, _)| registry)
    }

    /// As people wrote it.
    pub fn written(&self) -> &str {
        &self.written
    }

    /// As it is sent. What looks like the beginning of an image's id is made a name, so that it names nothing else.
    pub fn for_engine(&self) -> String {
        let bare = self.tag.is_none() && self.digest.is_none();
        match bare && self.written.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            true => format!("{}:latest", self.written),
            false => self.written.clone(),
        }
    }

    /// Whether it has the name of an image that is built for `project`: `<project>-<service>` or `<project>_<service>`.
    pub fn is_named_for(&self, project: &str) -> bool {
        let local = self.name.strip_prefix("docker.io/library/").or_else(|| self.name.strip_prefix("localhost/"));
        let service = local.and_then(|name| name.strip_prefix(project)).and_then(|rest| rest.strip_prefix(['-', '_']));
        service.is_some_and(|service| !service.is_empty() && !service.contains('/')) && self.digest.is_none()
    }
}

/// A granted reference; `*` matches everything.
#[derive(Clone, Debug)]
pub struct ImagePattern {
    pattern: Pattern,
    /// `postgres:*` is every image of that name, also one that is named by its digest.
    any_of_name: Option<Pattern>,
}

impl ImagePattern {
    pub fn new(written: &str) -> Self {
        if written.trim_matches('*').is_empty() {
            return Self { pattern: Pattern::new("*"), any_of_name: None };
        }
        let reference = split(written);
        // A star at the end stands for the tag as well.
        let whole = if reference.tag.is_none() && reference.digest.is_none() && written.ends_with('*') {
            reference.name.clone()
        } else {
            reference.whole()
        };
        let any = reference.tag.as_deref() == Some("*") && reference.digest.is_none();
        Self { pattern: Pattern::new(&whole), any_of_name: any.then(|| Pattern::new(&reference.name)) }
    }

    pub fn covers(&self, reference: &Reference) -> bool {
        self.pattern.matches(&reference.whole()) || self.any_of_name.as_ref().is_some_and(|name| name.matches(&reference.name))
    }
}

impl Permit {
    /// Whether the operator named the image.
    pub fn has_image(&self, reference: &Reference) -> bool {
        self.images.iter().any(|pattern| pattern.covers(reference))
    }

    /// What an image lacks to be used; one that is named as the project's own, or may be built, lacks nothing.
    pub fn image(&self, field: &'static str, reference: &Reference) -> Option<Lack> {
        let allowed = self.has_image(reference) || self.may_be_built(reference);
        (!allowed).then(|| Lack::item(field, "images", &reference.written))
    }

    /// What a name lacks to be given to an image that is built: it would be another one's for everybody who uses it.
    pub fn tag(&self, reference: &Reference) -> Option<Lack> {
        (!self.may_be_built(reference)).then(|| Lack::item("tags", "tags", &reference.written))
    }

    fn may_be_built(&self, reference: &Reference) -> bool {
        reference.is_named_for(self.project()) || self.tags.iter().any(|pattern| pattern.covers(reference))
    }
}

fn split(written: &str) -> Reference {
    let (rest, digest) = match written.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest.to_owned())),
        None => (written, None),
    };
    let after_slash = rest.rfind('/').map_or(0, |place| place + 1);
    let colon = rest.get(after_slash..).and_then(|last| last.rfind(':')).map(|place| after_slash + place);
    let (path, tag) = match colon.and_then(|place| rest.split_at_checked(place)) {
        Some((path, tag)) => (path, Some(tag.trim_start_matches(':').to_owned())),
        None => (rest, None),
    };
    let name = match path.split_once('/') {
        Some(("index.docker.io", rest)) => with_hub(rest),
        Some((HUB, rest)) => with_hub(rest),
        Some((first, _)) if first.contains(['.', ':']) || first == "localhost" || first.chars().any(|c| c.is_ascii_uppercase()) => {
            path.to_owned()
        }
        _ => with_hub(path),
    };
    Reference { written: written.to_owned(), name, tag, digest }
}

fn with_hub(path: &str) -> String {
    if path.contains('/') { format!("{HUB}/{path}") } else { format!("{HUB}/library/{path}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grants::DockerGrant;

    #[test]
    fn references_are_made_whole() {
        let table = [
            ("postgres", "docker.io/library/postgres:latest"),
            ("postgres:16", "docker.io/library/postgres:16"),
            ("docker.io/postgres", "docker.io/library/postgres:latest"),
            ("index.docker.io/library/postgres:16", "docker.io/library/postgres:16"),
            ("grafana/grafana:11", "docker.io/grafana/grafana:11"),
            ("ghcr.io/shop/web", "ghcr.io/shop/web:latest"),
            ("localhost:5000/web:1", "localhost:5000/web:1"),
            ("localhost/web", "localhost/web:latest"),
            ("redis@sha256:ab", "docker.io/library/redis@sha256:ab"),
            ("redis:7@sha256:ab", "docker.io/library/redis:7@sha256:ab"),
        ];
        for (written, whole) in table {
            assert_eq!(Reference::new(written).unwrap().whole(), whole);
        }
        for written in ["", "-x", "a b", "a//b", "a/../b", "a?x=1", "a\n", "/a", "a/", "./a", &"a".repeat(513)] {
            assert!(Reference::new(written).is_err(), "{written}");
        }
    }

    #[test]
    fn images_are_granted_as_people_write_them() {
        let table: [(&str, &str, bool); 22] = [
            ("postgres:16", "postgres:16", true),
            ("postgres:16", "docker.io/library/postgres:16", true),
            ("docker.io/library/postgres:16", "postgres:16", true),
            ("postgres:16", "postgres:17", false),
            ("postgres:16", "postgres", false),
            ("postgres:16", "evil/postgres:16", false),
            ("postgres:16", "evil.example/library/postgres:16", false),
            ("postgres:16", "postgres:16@sha256:ab", false),
            ("postgres", "postgres:latest", true),
            ("postgres", "postgres:16", false),
            ("postgres:*", "postgres:16", true),
            ("postgres:*", "postgres@sha256:ab", true),
            ("postgres:*", "postgresql:16", false),
            ("postgres:16*", "postgres:16-alpine", true),
            ("ghcr.io/shop/*", "ghcr.io/shop/web:1", true),
            ("ghcr.io/shop/*", "ghcr.io/shop/web@sha256:ab", true),
            ("ghcr.io/shop/*", "ghcr.io/shopping/web:1", false),
            ("shop/*", "docker.io/shop/web", true),
            ("*", "anything.example/a/b:c", true),
            ("redis@sha256:ab", "redis@sha256:ab", true),
            ("redis@sha256:ab", "redis@sha256:ac", false),
            ("library/*", "evil.example/library/x", false),
        ];
        for (granted, image, allowed) in table {
            let covers = ImagePattern::new(granted).covers(&Reference::new(image).unwrap());
            assert_eq!(covers, allowed, "{granted} {image}");
        }
    }

    #[test]
    fn images_that_were_built_for_the_project_need_no_grant() {
        let permit = Permit::new("up", DockerGrant { project: "shop".to_owned(), ..DockerGrant::default() });
        for (image, own) in [
            ("shop-web", true),
            ("shop_web:latest", true),
            ("shop-web:1", true),
            ("localhost/shop-web", true),
            ("docker.io/library/shop-web", true),
            ("shop", false),
            ("shop-", false),
            ("shopping-web", false),
            ("evil/shop-web", false),
            ("ghcr.io/shop-web", false),
            ("shop-web@sha256:ab", false),
        ] {
            let reference = Reference::new(image).unwrap();
            assert_eq!(permit.image("image", &reference).is_none(), own, "{image}");
        }
    }

    #[test]
    fn what_looks_like_an_id_is_sent_as_a_name() {
        assert_eq!(Reference::new("cafe").unwrap().for_engine(), "cafe:latest");
        assert_eq!(Reference::new("cafe:1").unwrap().for_engine(), "cafe:1");
        assert_eq!(Reference::new("postgres").unwrap().for_engine(), "postgres");
    }
}
