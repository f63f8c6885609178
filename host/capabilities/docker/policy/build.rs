//! What a build needs to be granted, as far as its spec tells: where it reads, what its image is called, and what of the
//! machine its steps get. What its instructions begin with is looked at when they are read.

use std::collections::BTreeSet;

use crate::capabilities::docker::limits;
use crate::capabilities::docker::types::Pair;
use crate::capabilities::docker::wit::build::Spec;

use super::image::Reference;
use super::lack::Lack;
use super::{Invalid, Permit, labels, name};

/// The argument that keeps a project's cache mounts apart from all others.
pub const CACHE_NAMESPACE: &str = "BUILDKIT_CACHE_MOUNT_NS";
/// What BuildKit itself takes of one secret.
const SECRET_BYTES: usize = 500 << 10;

impl Permit {
    /// Folders whose contents may go into images.
    pub fn contexts(&self) -> &[String] {
        &self.grant.contexts
    }

    /// What a build lacks; an error for what cannot be meant.
    pub fn build(&self, spec: &Spec) -> Result<Vec<Lack>, Invalid> {
        name::check("service", &spec.service)?;
        labels::check(&spec.labels)?;
        sane(spec)?;
        let mut lacks = Vec::new();
        if self.grant.contexts.is_empty() {
            let context = if spec.context.is_empty() { "." } else { &spec.context };
            lacks.push(Lack::item("context", "contexts", context));
        }
        for tag in &spec.tags {
            let tag = Reference::new(tag)?;
            if tag.whole().contains('@') {
                return Err(format!("`{}` is no name for an image that is built", tag.whole()));
            }
            lacks.extend(self.tag(&tag));
        }
        for image in &spec.cache_from {
            lacks.extend(self.image("cache-from", &Reference::new(image)?));
        }
        if spec.network == "host" && !self.has_namespace("network") {
            lacks.push(Lack::namespace("network", "network"));
        }
        Ok(lacks)
    }

    /// What fetching from addresses lacks: the engine fetches, from where it runs.
    pub fn added(&self, addresses: &BTreeSet<String>) -> Vec<Lack> {
        addresses.iter().filter_map(|address| self.option("ADD", "add-url", address)).collect()
    }
}

fn unique(args: &[Pair]) -> Result<(), Invalid> {
    let mut names = BTreeSet::new();
    for Pair { name, .. } in args {
        if name.is_empty() || name.contains('=') {
            return Err(format!("`{}` is no name of an argument", name.escape_debug()));
        }
        if name == CACHE_NAMESPACE {
            return Err(format!("the argument `{CACHE_NAMESPACE}` is written by the host"));
        }
        // Of two values, readers take different ones.
        if !names.insert(name) {
            return Err(format!("the argument `{}` is given twice", name.escape_debug()));
        }
    }
    Ok(())
}

fn sane(spec: &Spec) -> Result<(), Invalid> {
    if !["", "default", "none", "host"].contains(&spec.network.as_str()) {
        return Err(format!("`{}` is no network of a build: `default`, `none` and `host` are", spec.network.escape_debug()));
    }
    if !spec.dockerfile.is_empty() && !spec.dockerfile_inline.is_empty() {
        return Err("instructions are in a file or inline, and not both".to_owned());
    }
    if spec.shm_size < 0 {
        return Err(format!("a `shm-size` of {} bytes", spec.shm_size));
    }
    let counted = [spec.args.len(), spec.tags.len(), spec.labels.len(), spec.cache_from.len(), spec.extra_hosts.len(), spec.ulimits.len()];
    let count = counted.iter().sum::<usize>() + spec.secrets.len();
    if count > limits::SPEC_ITEMS {
        return Err(format!("{count} arguments, labels, names...; at most {} are possible", limits::SPEC_ITEMS));
    }
    for secret in &spec.secrets {
        if secret.id.is_empty() || secret.content.len() > SECRET_BYTES {
            return Err(format!("the secret `{}` has {} bytes; at most {SECRET_BYTES} are possible", secret.id, secret.content.len()));
        }
    }
    unique(&spec.args)
}

#[cfg(test)]
pub(in crate::capabilities::docker) mod tests {
    use super::*;
    use crate::capabilities::docker::wit::build::Secret;
    use crate::grants::{DockerGrant, DockerPower};

    pub(in crate::capabilities::docker) fn spec() -> Spec {
        Spec {
            service: "web".to_owned(),
            context: "web".to_owned(),
            dockerfile: String::new(),
            dockerfile_inline: String::new(),
            args: Vec::new(),
            target: String::new(),
            tags: vec!["shop-web".to_owned()],
            labels: Vec::new(),
            cache_from: Vec::new(),
            network: String::new(),
            extra_hosts: Vec::new(),
            platform: String::new(),
            shm_size: 0,
            ulimits: Vec::new(),
            secrets: Vec::new(),
            no_cache: false,
            pull: false,
        }
    }

    fn permit(fill: impl FnOnce(&mut DockerGrant)) -> Permit {
        let mut grant = DockerGrant {
            project: "shop".to_owned(),
            powers: [DockerPower::Build].into(),
            contexts: vec![".".to_owned()],
            ..DockerGrant::default()
        };
        fill(&mut grant);
        Permit::new("build", grant)
    }

    #[test]
    fn each_thing_is_allowed_when_granted_and_lacks_by_its_field_without() {
        let with = |fill: fn(&mut Spec)| {
            let mut spec = spec();
            fill(&mut spec);
            spec
        };
        type Case = (fn(&mut Spec), fn(&mut DockerGrant), &'static str);
        let cases: [Case; 4] = [
            (
                |spec| spec.tags = vec!["registry.example/web:1".to_owned()],
                |grant| grant.tags = vec!["registry.example/*".to_owned()],
                "tags",
            ),
            (|spec| spec.cache_from = vec!["python:3".to_owned()], |grant| grant.images = vec!["python:*".to_owned()], "cache-from"),
            (|spec| spec.network = "host".to_owned(), |grant| grant.host_namespaces = vec!["network".to_owned()], "network"),
            (|_| {}, |grant| grant.contexts = vec!["web".to_owned()], "context"),
        ];
        for (fill, grant, field) in cases {
            let spec = with(fill);
            assert_eq!(permit(grant).build(&spec), Ok(Vec::new()), "{field}");
            let without = permit(|grant| {
                if field == "context" {
                    grant.contexts.clear()
                }
            })
            .build(&spec)
            .unwrap();
            assert_eq!(without.iter().map(|lack| lack.field).collect::<Vec<_>>(), [field]);
        }
    }

    fn argument(name: &str) -> Pair {
        Pair { name: name.to_owned(), value: String::new() }
    }

    #[test]
    fn an_address_is_fetched_when_granted_and_not_without() {
        let addresses: BTreeSet<String> = ["https://example.org/x".to_owned()].into();
        let granted = permit(|grant| grant.security_options = vec!["add-url=https://example.org/x".to_owned()]);
        assert_eq!(granted.added(&addresses), []);
        let lines = permit(|_| {}).lines(&permit(|_| {}).added(&addresses));
        assert_eq!(lines, ["[commands.build]", "docker.security-options = [\"add-url=https://example.org/x\"]"]);
    }

    #[test]
    fn what_may_be_used_may_not_be_replaced() {
        let spec = Spec { tags: vec!["postgres:16".to_owned()], ..spec() };
        let lacks = permit(|grant| grant.images = vec!["postgres:16".to_owned()]).build(&spec).unwrap();
        assert_eq!(lacks, [Lack::item("tags", "tags", "postgres:16")]);
        // What may be built may be used.
        let permit = permit(|grant| grant.tags = vec!["postgres:16".to_owned()]);
        assert_eq!(permit.image("image", &Reference::new("postgres:16").unwrap()), None);
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let secret = |bytes: usize| Secret { id: "s".to_owned(), content: vec![0; bytes] };
        let refused: [fn(&mut Spec); 10] = [
            |spec| spec.service = "a/b".to_owned(),
            |spec| spec.tags = vec!["a b".to_owned()],
            |spec| spec.tags = vec!["shop-web@sha256:ab".to_owned()],
            |spec| spec.network = "container:x".to_owned(),
            |spec| spec.shm_size = -1,
            |spec| (spec.dockerfile, spec.dockerfile_inline) = ("a".to_owned(), "b".to_owned()),
            |spec| spec.args = vec![argument("a=b")],
            |spec| spec.args = vec![argument("BUILDKIT_SYNTAX"), argument("BUILDKIT_SYNTAX")],
            |spec| spec.args = vec![argument(CACHE_NAMESPACE)],
            |spec| {
                let name = labels::PROJECT.to_owned();
                spec.labels = vec![Pair { name, value: "other".to_owned() }];
            },
        ];
        for (number, fill) in refused.into_iter().enumerate() {
            let mut spec = spec();
            fill(&mut spec);
            assert!(permit(|_| {}).build(&spec).is_err(), "{number}");
        }
        assert!(permit(|_| {}).build(&Spec { secrets: vec![secret(SECRET_BYTES)], ..spec() }).is_ok());
        assert!(permit(|_| {}).build(&Spec { secrets: vec![secret(SECRET_BYTES + 1)], ..spec() }).is_err());
    }

    #[test]
    fn a_build_with_as_many_parts_as_may_be_is_taken_and_one_more_is_not() {
        let args = |count| (0..count).map(|number| argument(&format!("A{number}"))).collect();
        let build = |count| permit(|_| {}).build(&Spec { args: args(count), tags: Vec::new(), ..spec() });
        assert!(build(limits::SPEC_ITEMS).is_ok());
        assert!(build(limits::SPEC_ITEMS + 1).is_err_and(|text| text.contains("20001")));
    }
}
