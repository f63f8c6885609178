//! One test for each kind of label, against what Traefik's reference has in its file; then names, scales and faults.

use host_sdk::docker::inspect::Health;
use host_sdk::docker::pair;

use super::*;

fn offer() -> Offer {
    Offer { network: "reverse-proxy".into(), entry_points: vec!["web".into(), "websecure".into()], resolver: Some("letsencrypt".into()) }
}

fn neighbour(project: &str, service: &str, labels: &[(&str, &str)]) -> Neighbour {
    let enable = [("traefik.enable", "true")];
    Neighbour {
        name: format!("{project}-{service}-1"),
        project: project.into(),
        service: service.into(),
        ip_address: "172.18.0.2".into(),
        status: Status::Running,
        health: Health::None,
        ports: vec![9000, 8000],
        labels: enable.iter().chain(labels).map(|(name, value)| pair(*name, *value)).collect(),
    }
}

/// The file's part below `http` of one stack with these labels, without its first line.
fn file(labels: &[(&str, &str)]) -> String {
    let routes = routes(&[neighbour("shop", "web", labels)], &offer());
    assert_eq!(routes.warnings, Vec::<String>::new());
    routes.text.strip_prefix(HEAD).unwrap().to_owned()
}

const ROUTER: (&str, &str) = ("traefik.http.routers.web.rule", "Host(`a.example`)");

const SERVICE: &str =
    "  services:\n    web-shop:\n      loadBalancer:\n        servers:\n          -\n            url: \"http://shop-web-1:8000\"\n";

#[test]
fn routers() {
    let text = file(&[
        ("traefik.http.routers.web.rule", "Host(`a.example`) && PathPrefix(`/x`)"),
        ("traefik.http.routers.web.entrypoints", "web, websecure"),
        ("traefik.http.routers.web.priority", "42"),
    ]);
    let expected = "http:\n  routers:\n    web:\n      entryPoints:\n        - \"web\"\n        - \"websecure\"\n      priority: 42\n      \
                    rule: \"Host(`a.example`) && PathPrefix(`/x`)\"\n      service: \"web-shop\"\n";
    assert_eq!(text, format!("{expected}{SERVICE}"));
}

#[test]
fn certificates_and_domains() {
    let text = file(&[
        ROUTER,
        ("traefik.http.routers.web.tls", "true"),
        ("traefik.http.routers.web.tls.certresolver", "letsencrypt"),
        ("traefik.http.routers.web.tls.options", "strict@file"),
        ("traefik.http.routers.web.tls.domains[0].main", "example"),
        ("traefik.http.routers.web.tls.domains[0].sans", "a.example,b.example"),
    ]);
    let expected = "      tls:\n        certResolver: \"letsencrypt\"\n        domains:\n          -\n            main: \"example\"\n            sans:\n              \
                    - \"a.example\"\n              - \"b.example\"\n        options: \"strict@file\"\n";
    assert!(text.contains(expected), "{text}");
    let text = file(&[ROUTER, ("traefik.http.routers.web.tls", "true")]);
    assert!(text.contains("      tls: {}\n"), "{text}");
}

#[test]
fn services_and_their_servers() {
    let text = file(&[
        ROUTER,
        ("traefik.http.services.api.loadbalancer.server.port", "8443"),
        ("traefik.http.services.api.loadbalancer.server.scheme", "https"),
        ("traefik.http.services.api.loadbalancer.server.weight", "3"),
        ("traefik.http.services.api.loadbalancer.passhostheader", "false"),
        ("traefik.http.services.api.loadbalancer.sticky.cookie.name", "seat"),
        ("traefik.http.services.api.loadbalancer.sticky.cookie.secure", "true"),
        ("traefik.http.services.api.loadbalancer.healthcheck.path", "/up"),
        ("traefik.http.services.api.loadbalancer.healthcheck.interval", "10s"),
        ("traefik.http.services.api.loadbalancer.healthcheck.headers.X-Probe", "1"),
    ]);
    let expected = "  services:\n    api:\n      loadBalancer:\n        healthCheck:\n          headers:\n            X-Probe: \"1\"\n          \
                    interval: \"10s\"\n          path: \"/up\"\n        passHostHeader: false\n        sticky:\n          cookie:\n            \
                    name: \"seat\"\n            secure: true\n        servers:\n          -\n            url: \"https://shop-web-1:8443\"\n            weight: 3\n";
    assert!(text.ends_with(expected), "{text}");
    let text = file(&[ROUTER, ("traefik.http.services.out.loadbalancer.server.url", "http://192.0.2.1:81")]);
    assert!(text.contains("url: \"http://192.0.2.1:81\"") && text.contains("service: \"out\""), "{text}");
}

#[test]
fn middlewares() {
    let labels = [
        ROUTER,
        ("traefik.http.routers.web.middlewares", "safe@docker,chained"),
        ("traefik.http.middlewares.safe.headers.stsseconds", "31536000"),
        ("traefik.http.middlewares.safe.headers.stsincludesubdomains", "true"),
        ("traefik.http.middlewares.safe.headers.customrequestheaders.X-Script-Name", "/x"),
        ("traefik.http.middlewares.auth.basicauth.users", "ada:$apr1$x$y,bob:$2y$05$z"),
        ("traefik.http.middlewares.https.redirectscheme.scheme", "https"),
        ("traefik.http.middlewares.https.redirectscheme.permanent", "true"),
        ("traefik.http.middlewares.strip.stripprefix.prefixes", "/api,/v1"),
        ("traefik.http.middlewares.only.ipallowlist.sourcerange", "10.0.0.0/8"),
        ("traefik.http.middlewares.slow.ratelimit.average", "5"),
        ("traefik.http.middlewares.slow.ratelimit.period", "1m"),
        ("traefik.http.middlewares.gz.compress", "true"),
        ("traefik.http.middlewares.re.redirectregex.regex", "^http://(.*)$"),
        ("traefik.http.middlewares.re.redirectregex.replacement", "https://${1}"),
        ("traefik.http.middlewares.chained.chain.middlewares", "gz,strip"),
        ("traefik.http.middlewares.sorry.errors.service", "web-shop"),
        ("traefik.http.middlewares.sorry.errors.status", "500-599"),
    ];
    let text = file(&labels);
    for expected in [
        "      middlewares:\n        - \"safe\"\n        - \"chained\"\n",
        "    safe:\n      headers:\n        customRequestHeaders:\n          X-Script-Name: \"/x\"\n        stsIncludeSubdomains: true\n        stsSeconds: 31536000\n",
        "    auth:\n      basicAuth:\n        users:\n          - \"ada:$apr1$x$y\"\n          - \"bob:$2y$05$z\"\n",
        "    https:\n      redirectScheme:\n        permanent: true\n        scheme: \"https\"\n",
        "    strip:\n      stripPrefix:\n        prefixes:\n          - \"/api\"\n          - \"/v1\"\n",
        "    only:\n      ipAllowList:\n        sourceRange:\n          - \"10.0.0.0/8\"\n",
        "    slow:\n      rateLimit:\n        average: 5\n        period: \"1m\"\n",
        "    gz:\n      compress: {}\n",
        "    re:\n      redirectRegex:\n        regex: \"^http://(.*)$\"\n        replacement: \"https://${1}\"\n",
        "    chained:\n      chain:\n        middlewares:\n          - \"gz\"\n          - \"strip\"\n",
        "    sorry:\n      errors:\n        service: \"web-shop\"\n        status:\n          - \"500-599\"\n",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
}

#[test]
fn tcp() {
    let labels = [
        ("traefik.tcp.routers.db.rule", "HostSNI(`db.example`)"),
        ("traefik.tcp.routers.db.entrypoints", "websecure"),
        ("traefik.tcp.routers.db.tls.passthrough", "true"),
        ("traefik.tcp.services.db.loadbalancer.server.port", "5432"),
        ("traefik.tcp.middlewares.few.inflightconn.amount", "10"),
    ];
    let expected = "tcp:\n  routers:\n    db:\n      entryPoints:\n        - \"websecure\"\n      rule: \"HostSNI(`db.example`)\"\n      tls:\n        \
                    passthrough: true\n      service: \"db\"\n  services:\n    db:\n      loadBalancer:\n        servers:\n          -\n            \
                    address: \"shop-web-1:5432\"\n  middlewares:\n    few:\n      inFlightConn:\n        amount: 10\n";
    assert_eq!(file(&labels), expected);
}

#[test]
fn what_labels_leave_out_is_as_the_docker_provider_has_it() {
    let text = file(&[]);
    assert!(
        text.starts_with("http:\n  routers:\n    web-shop:\n      rule: \"Host(`web-shop`)\"\n      service: \"web-shop\"\n"),
        "{text}"
    );
}

#[test]
fn containers_of_one_service_share_it() {
    let labels = [ROUTER, ("traefik.http.services.web.loadbalancer.server.port", "80")];
    let mut second = neighbour("shop", "web", &labels);
    second.name = "shop-web-2".into();
    let routes = routes(&[second, neighbour("shop", "web", &labels)], &offer());
    let servers =
        "servers:\n          -\n            url: \"http://shop-web-1:80\"\n          -\n            url: \"http://shop-web-2:80\"\n";
    assert!(routes.text.contains(servers) && routes.routers.len() == 1 && routes.warnings.is_empty(), "{routes:?}");
}

#[test]
fn copies_of_a_stack_do_not_answer_for_one_another() {
    let labels = |host: &'static str| {
        [
            ("traefik.http.routers.web.rule", host),
            ("traefik.http.routers.web.middlewares", "gz,auth"),
            ("traefik.http.middlewares.gz.compress", "true"),
            ("traefik.http.services.web.loadbalancer.server.port", "80"),
        ]
    };
    let auth = neighbour("tools", "auth", &[("traefik.http.middlewares.auth.forwardauth.address", "http://auth")]);
    let stacks = [neighbour("pr-1", "web", &labels("Host(`1.a`)")), neighbour("pr-2", "web", &labels("Host(`2.a`)")), auth];
    let routes = routes(&stacks, &offer());
    for project in ["pr-1", "pr-2"] {
        let number = project.trim_start_matches("pr-");
        let router = format!(
            "    web-{project}:\n      middlewares:\n        - \"gz-{project}\"\n        - \"auth\"\n      rule: \"Host(`{number}.a`)\"\n      service: \"web-{project}\"\n"
        );
        let service = format!(
            "    web-{project}:\n      loadBalancer:\n        servers:\n          -\n            url: \"http://{project}-web-1:80\"\n"
        );
        assert!(routes.text.contains(&router) && routes.text.contains(&service), "{}", routes.text);
    }
    assert_eq!(routes.warnings, Vec::<String>::new());
}

#[test]
fn a_contradiction_inside_of_a_stack_is_left_out() {
    let one = neighbour("shop", "a", &[("traefik.http.routers.web.rule", "Host(`a`)")]);
    let other = neighbour("shop", "b", &[("traefik.http.routers.web.rule", "Host(`b`)")]);
    let routes = routes(&[one, other], &offer());
    assert!(routes.routers.is_empty() && !routes.text.contains("rule:"), "{}", routes.text);
    assert_eq!(routes.warnings, ["shop: router `web` is defined twice and differently: it is left out"]);
}

#[test]
fn only_what_is_enabled_and_runs_is_routed() {
    let mut stopped = neighbour("shop", "stopped", &[ROUTER]);
    stopped.status = Status::Exited;
    let mut silent = neighbour("shop", "silent", &[ROUTER]);
    silent.labels.remove(0);
    let mut off = neighbour("shop", "off", &[ROUTER]);
    off.labels[0].value = "false".into();
    let mut database = neighbour("shop", "db", &[]);
    database.labels.clear();
    let stacks = [stopped, silent, off, database];
    let routes = routes(&stacks, &offer());
    assert_eq!(routes.text, format!("{HEAD}{{}}\n"));
    let warnings = [
        "shop-silent-1: it has routes, and no label `traefik.enable=true`: it is left out",
        "shop-stopped-1: it is not running, and left out",
    ];
    assert_eq!(routes.warnings, warnings);
    assert_eq!(routed_projects(&stacks), Vec::<String>::new());
    assert_eq!(routed_projects(&[neighbour("b", "x", &[]), neighbour("a", "x", &[])]), ["a", "b"]);
}

#[test]
fn what_would_not_work_is_said() {
    let mut bare = neighbour("shop", "bare", &[]);
    bare.ports.clear();
    let web = neighbour(
        "shop",
        "web",
        &[
            ROUTER,
            ("traefik.http.routers.web.entrypoints", "https"),
            ("traefik.http.routers.web.tls.certresolver", "myresolver"),
            ("traefik.http.routers.web.middlewares", "mine@file,nobodys,api@internal"),
            ("traefik.http.middlewares.x.plugin.y.z", "1"),
            ("traefik.docker.network", "shop_default"),
        ],
    );
    let routes = routes(&[bare, web], &offer());
    let expected = [
        "shop-bare-1: it exposes no port, and no label `...loadbalancer.server.port` names one: service `bare-shop` is left out",
        "shop-web-1: `traefik.docker.network` is `shop_default`; it is reached over `reverse-proxy`",
        "shop-web-1: `traefik.http.middlewares.x.plugin.y.z` is not supported: middleware `x` is left out",
        "shop: router `web` uses the middleware `nobodys`, which no label defines",
        "shop: router `web` listens at `https`; the proxy has web, websecure",
        "shop: router `web` wants certificates of `myresolver`; the proxy has `letsencrypt`",
    ];
    assert_eq!(routes.warnings, expected);
    assert!(routes.text.contains("        - \"mine\"\n        - \"nobodys\"\n        - \"api@internal\"\n"), "{}", routes.text);
}

#[test]
fn no_stack_writes_another_key_or_a_template() {
    let text = file(&[("traefik.http.routers.web.rule", "Host(`a`)\"\n      service: evil {{ env \"SECRET\" }}")]);
    assert!(!text.contains("{{") && !text.contains("\n      service: evil"), "{text}");
}
