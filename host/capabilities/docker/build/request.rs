//! A build's parameters, as the engine's `POST /build` takes them; pure.

use serde_json::{Map, Value, json};
use url::form_urlencoded::Serializer;

use super::super::policy::build::CACHE_NAMESPACE;
use super::super::types::Pair;
use super::super::wit::build::Spec;

/// Which of the engine's builders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Builder {
    Classic,
    BuildKit,
}

/// What the host says of a build.
pub(super) struct Own<'a> {
    pub(super) project: &'a str,
    /// The Dockerfile's path in the context.
    pub(super) dockerfile: &'a str,
    /// All of the image's, the host's own among them.
    pub(super) labels: &'a [Pair],
    /// Names the build and its session.
    pub(super) id: &'a str,
}

/// The path and the query.
pub(super) fn path(spec: &Spec, builder: Builder, own: &Own<'_>) -> String {
    let Own { project, dockerfile, labels, id } = *own;
    let mut query = Serializer::new(String::new());
    let version = match builder {
        Builder::Classic => "1",
        Builder::BuildKit => "2",
    };
    // Steps of the classic builder run in containers, which are removed also when one fails.
    query.append_pair("version", version).append_pair("dockerfile", dockerfile).append_pair("rm", "1").append_pair("forcerm", "1");
    if builder == Builder::BuildKit {
        query.append_pair("session", id).append_pair("buildid", id);
    }
    for tag in &spec.tags {
        query.append_pair("t", tag);
    }
    for host in &spec.extra_hosts {
        query.append_pair("extrahosts", &host_and_address(host));
    }
    let texts = [("target", &spec.target), ("networkmode", &spec.network), ("platform", &spec.platform)];
    for (name, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
        query.append_pair(name, text);
    }
    // What is to be pulled is here already, and looked at.
    if spec.no_cache {
        query.append_pair("nocache", "1");
    }
    if spec.shm_size > 0 {
        query.append_pair("shmsize", &spec.shm_size.to_string());
    }
    let args = arguments(spec, builder, project);
    let ulimits = spec.ulimits.iter().map(|limit| json!({ "Name": limit.name, "Soft": limit.soft, "Hard": limit.hard }));
    let lists = [
        ("buildargs", object(&args), args.is_empty()),
        ("labels", object(labels), labels.is_empty()),
        ("cachefrom", json!(spec.cache_from), spec.cache_from.is_empty()),
        ("ulimits", ulimits.collect(), spec.ulimits.is_empty()),
    ];
    for (name, value, _) in lists.into_iter().filter(|(_, _, empty)| !empty) {
        query.append_pair(name, &value.to_string());
    }
    format!("/build?{}", query.finish())
}

/// All that the builder is told: those of the spec, and what keeps the projects' caches apart.
pub(super) fn arguments(spec: &Spec, builder: Builder, project: &str) -> Vec<Pair> {
    let own = (builder == Builder::BuildKit).then(|| Pair { name: CACHE_NAMESPACE.to_owned(), value: project.to_owned() });
    spec.args.iter().cloned().chain(own).collect()
}

fn object(pairs: &[Pair]) -> Value {
    pairs.iter().map(|pair| (pair.name.clone(), Value::from(pair.value.clone()))).collect::<Map<_, _>>().into()
}

/// Compose files have `name=address` and `name:address`; the engine knows the second.
fn host_and_address(host: &str) -> String {
    match host.split_once('=') {
        Some((name, address)) if !name.contains(':') => format!("{name}:{address}"),
        _ => host.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capabilities::docker::policy::build::tests as plain;

    fn own<'a>(dockerfile: &'a str, labels: &'a [Pair], id: &'a str) -> Own<'a> {
        Own { project: "shop", dockerfile, labels, id }
    }

    fn spec() -> Spec {
        Spec { context: ".".to_owned(), tags: vec!["shop-web".to_owned(), "shop-web:1 2".to_owned()], ..plain::spec() }
    }

    #[test]
    fn what_is_not_given_is_left_to_the_engine() {
        let expected = "/build?version=1&dockerfile=Dockerfile&rm=1&forcerm=1&t=shop-web&t=shop-web%3A1+2";
        assert_eq!(path(&spec(), Builder::Classic, &own("Dockerfile", &[], "x")), expected);
    }

    #[test]
    fn all_that_is_given_is_asked_for() {
        let pair = |name: &str, value: &str| Pair { name: name.to_owned(), value: value.to_owned() };
        let spec = Spec {
            args: vec![pair("A", "1&2")],
            target: "prod".to_owned(),
            cache_from: vec!["shop-web:old".to_owned()],
            network: "none".to_owned(),
            extra_hosts: vec!["db=10.0.0.1".to_owned(), "six:fe80::1".to_owned(), "seven=fe80::1".to_owned()],
            platform: "linux/arm64".to_owned(),
            shm_size: 1024,
            ulimits: vec![super::super::super::types::Limit { name: "nofile".to_owned(), soft: 1, hard: 2 }],
            no_cache: true,
            pull: true,
            ..spec()
        };
        let path = path(&spec, Builder::BuildKit, &own("d/x", &[pair("l", "v")], "id"));
        let pairs: Vec<(String, String)> = url::form_urlencoded::parse(path.split_once('?').unwrap().1.as_bytes()).into_owned().collect();
        for (name, value) in [
            ("version", "2"),
            ("session", "id"),
            ("buildid", "id"),
            ("dockerfile", "d/x"),
            ("extrahosts", "db:10.0.0.1"),
            ("extrahosts", "six:fe80::1"),
            ("extrahosts", "seven:fe80::1"),
            ("target", "prod"),
            ("networkmode", "none"),
            ("platform", "linux/arm64"),
            ("nocache", "1"),
            ("shmsize", "1024"),
            ("buildargs", "{\"A\":\"1&2\",\"BUILDKIT_CACHE_MOUNT_NS\":\"shop\"}"),
            ("labels", "{\"l\":\"v\"}"),
            ("cachefrom", "[\"shop-web:old\"]"),
            ("ulimits", "[{\"Name\":\"nofile\",\"Soft\":1,\"Hard\":2}]"),
        ] {
            assert!(pairs.contains(&(name.to_owned(), value.to_owned())), "{name}={value} is not in {path}");
        }
    }
}
