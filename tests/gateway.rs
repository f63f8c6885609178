//! `host gateway` as a proxy: what passes, what is said about clients, what is refused, how it ends.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::harness::{Application, Gateway, Project, get, signal, until};

#[test]
fn frames_of_all_kinds_pass_both_ways() {
    let application = Application::start();
    let gateway = Gateway::start(&application, "--no-redis");
    let mut socket = gateway.connect("/echo");
    socket.echoes("grüße");
    socket.echoes("");
    socket.send(Message::binary(vec![0, 255, 7]));
    assert_eq!(socket.receive(), Message::binary(vec![0, 255, 7]));
    for size in [125, 126, 65_535, 65_536, 5 << 20] {
        let message = Message::binary(vec![9; size]);
        socket.send(message.clone());
        assert_eq!(socket.receive(), message, "{size} bytes");
    }
    socket.send(Message::Ping("from here".into()));
    assert_eq!(socket.receive(), Message::Pong("from here".into()));
}

#[test]
fn a_message_in_pieces_passes_with_a_ping_between() {
    let application = Application::start();
    let gateway = Gateway::start(&application, "--no-redis");
    let mut socket = gateway.connect("/echo");
    socket.send(Message::Frame(Frame::message("one ", OpCode::Data(Data::Text), false)));
    socket.send(Message::Ping("between".into()));
    socket.send(Message::Frame(Frame::message("two", OpCode::Data(Data::Continue), true)));
    assert_eq!(socket.receive(), Message::Pong("between".into()));
    assert_eq!(socket.text(), "one two");
}

#[test]
fn pings_of_the_application_reach_the_client_and_its_answer_comes_back() {
    let application = Application::start();
    let gateway = Gateway::start(&application, "--no-redis");
    let mut socket = gateway.connect("/ping");
    assert_eq!(socket.receive(), Message::Ping("are you there".into()));
    assert_eq!(socket.text(), "pong are you there");
}

#[test]
fn closes_pass_with_code_and_reason_both_ways() {
    let application = Application::start();
    let gateway = Gateway::start(&application, "--no-redis");
    for code in [1000, 1001, 1011, 3000, 4999] {
        let mut socket = gateway.connect(&format!("/close?{code}"));
        assert_eq!(socket.closed(), Some((code, "as you wish".to_owned())));
    }
    until("the application saw five closes", || application.closes().len() == 5);
    let mut socket = gateway.connect("/echo");
    socket.echoes("x");
    socket.0.close(Some(CloseFrame { code: 4321.into(), reason: "enough".into() })).unwrap();
    assert_eq!(socket.closed(), Some((4321, "enough".to_owned())));
    until("the application saw the close", || application.closes().last() == Some(&Some((4321, "enough".to_owned()))));
}

#[test]
fn who_vanishes_is_noticed_on_the_other_side() {
    let application = Application::start();
    let gateway = Gateway::start(&application, "--no-redis");
    let mut socket = gateway.connect("/vanish");
    assert_eq!(socket.closed(), Some((1011, "the application went away".to_owned())));
    let socket = gateway.connect("/echo");
    until("the application has it", || application.open() == 1);
    drop(socket);
    until("the application lost it", || application.open() == 0);
    assert_eq!(application.closes().last(), Some(&None));
    assert_eq!(gateway.metric("host_gateway_application_losses_total"), 1);
}

#[test]
fn what_comes_right_behind_a_handshake_is_not_lost() {
    let application = Application::start();
    let gateway = Gateway::start(&application, "--no-redis");
    assert_eq!(gateway.connect("/greet").text(), "hello");
    let mut stream = gateway.stream();
    let mut bytes = b"GET /echo HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".to_vec();
    bytes.extend_from_slice(b"\x82\x83\0\0\0\0abc");
    stream.write_all(&bytes).unwrap();
    let mut answer = Vec::new();
    let mut piece = [0; 1024];
    while !answer.ends_with(b"\x82\x03abc") {
        let read = stream.read(&mut piece).unwrap();
        assert!(read > 0, "{}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&piece[..read]);
    }
    assert!(String::from_utf8_lossy(&answer).contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
}

#[test]
fn the_application_gets_path_headers_and_what_is_true_about_the_client() {
    let application = Application::start();
    let gateway = Gateway::to(&format!("ws://127.0.0.1:{}/base/", application.port), "--no-redis");
    let mut socket = gateway.connect("/echo?x=1&y=%20");
    socket.echoes("the base is before the path");
    let gateway = Gateway::start(&application, "--no-redis");
    let headers = [
        ("Cookie", "session=1"),
        ("Authorization", "Bearer x"),
        ("X-Forwarded-For", "6.6.6.6"),
        ("X-Host-Label", "forged.label"),
        ("X-Own", "ä"),
    ];
    let told = gateway.try_connect("/headers?a=b", &headers).unwrap().text();
    let own = format!("127.0.0.1:{}", gateway.port);
    for line in [
        "/headers?a=b",
        "cookie: session=1",
        "authorization: Bearer x",
        "x-forwarded-for: 127.0.0.1",
        "x-forwarded-proto: http",
        "x-own: ä",
    ] {
        assert!(told.lines().any(|have| have == line), "{line} is missing in\n{told}");
    }
    assert!(told.contains(&format!("host: {own}\n")) && told.contains(&format!("x-forwarded-host: {own}\n")), "{told}");
    assert!(!told.contains("6.6.6.6") && !told.contains("forged"), "{told}");
}

#[test]
fn a_trusted_proxy_is_believed() {
    let application = Application::start();
    let gateway = Gateway::start(&application, "--no-redis --trusted-proxy 127.0.0.0/8 --upstream-host internal.test");
    let headers = [
        ("X-Forwarded-For", "192.0.2.7"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", "shop.test"),
        ("Origin", "https://shop.test"),
    ];
    let told = gateway.try_connect("/headers", &headers).unwrap().text();
    for line in [
        "x-forwarded-for: 192.0.2.7",
        "x-forwarded-for: 127.0.0.1",
        "x-forwarded-proto: https",
        "x-forwarded-host: shop.test",
        "host: internal.test",
    ] {
        assert!(told.lines().any(|have| have == line), "{line} is missing in\n{told}");
    }
}

#[test]
fn subprotocols_and_cookies_are_the_applications() {
    let application = Application::start();
    let gateway = Gateway::start(&application, "--no-redis");
    let (_, response) = gateway.handshake("/protocol?two", &[("Sec-WebSocket-Protocol", "one, two")]).unwrap();
    assert_eq!(response.headers()["sec-websocket-protocol"], "two");
    let (_, response) = gateway.handshake("/cookie?a=1", &[]).unwrap();
    assert_eq!(response.headers()["set-cookie"], "a=1");
}

#[test]
fn a_refusal_of_the_application_arrives_as_it_is() {
    let application = Application::start();
    let gateway = Gateway::start(&application, "--no-redis");
    assert_eq!(gateway.try_connect("/refuse", &[]).err(), Some((403, "not today".to_owned())));
    assert_eq!(gateway.metric(r#"host_gateway_handshakes_refused_total{reason="upstream"}"#), 1);
}

#[test]
fn an_application_that_is_not_there_is_502_and_one_that_is_slow_504() {
    let application = Application::start();
    let gateway = Gateway::start(&application, "--no-redis --upstream-timeout 300ms");
    assert_eq!(gateway.try_connect("/slow", &[]).err(), Some((504, "the application does not answer\n".to_owned())));
    let nowhere = Gateway::to("ws://127.0.0.1:1", "--no-redis");
    assert_eq!(nowhere.try_connect("/", &[]).err(), Some((502, "the application cannot be reached\n".to_owned())));
    // Redis speaks no HTTP.
    let redis = crate::harness::shared_redis();
    let wrong = Gateway::to(&format!("ws://127.0.0.1:{}", redis.port()), "--no-redis");
    assert_eq!(wrong.try_connect("/", &[]).unwrap_err().0, 502);
}

#[test]
fn labels_come_from_the_flag_the_environment_and_the_application() {
    let application = Application::start();
    let gateway = Gateway::start(&application, "--no-redis --label 411b261.production");
    let _default = gateway.connect("/echo");
    let _other = gateway.connect("/label?other.place");
    let _hostile = gateway.connect("/label?a:b*c");
    let (_, text) = gateway.get("/_host/connections.json");
    let body: serde_json::Value = serde_json::from_str(text.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    assert_eq!(
        body["labels"].to_string(),
        r#"[{"label":"411b261.production","here":2,"everywhere":null},{"label":"other.place","here":1,"everywhere":null}]"#
    );
    assert_eq!(gateway.metric(r#"host_gateway_connections{label="411b261.production"}"#), 2);
    let from_environment = Gateway::launch("ws://127.0.0.1:1", "--no-redis", |run| {
        run.env("VENUELESS_COMMIT_SHA", "c0ffee").env("EVENTYAY_VIDEO_ENVIRONMENT", "test")
    });
    until("the gateway is ready", || std::net::TcpStream::connect(("127.0.0.1", from_environment.port)).is_ok());
    signal("TERM", from_environment.id());
    from_environment.wait().ended(0).says("as `c0ffee.test`");
}

#[test]
fn pages_are_for_this_machine_only_unless_there_is_an_admin_door() {
    let application = Application::start();
    let gateway = Gateway::start(&application, "--no-redis");
    let status = |path: &str, headers: &[(&str, &str)]| get(gateway.port, path, headers).0;
    for path in ["/healthz", "/_host/client.js", "/_host/", "/_host/page.js", "/_host/page.css", "/_host/connections.json", "/metrics"] {
        let (status, text) = gateway.get(path);
        assert_eq!(status, 200, "{path}");
        assert!(text.to_lowercase().contains("content-security-policy: default-src 'none'"), "{path}: {text}");
    }
    for path in ["/_host/", "/metrics", "/_host/connections.json"] {
        assert_eq!(status(path, &[("Host", "evil.test")]), 404, "a rebound name");
        assert_eq!(status(path, &[("X-Forwarded-For", "192.0.2.1")]), 404, "a proxy on this machine");
    }
    assert_eq!(status("/", &[]), 426);
    let port = crate::harness::free_port();
    let gateway = Gateway::start(&application, &format!("--no-redis --admin-listen 127.0.0.1:{port}"));
    assert_eq!((gateway.get("/metrics").0, gateway.get("/_host/").0, gateway.get("/_host/client.js").0), (404, 404, 200));
    assert_eq!(
        (get(port, "/metrics", &[]).0, get(port, "/_host/", &[]).0, get(port, "/_host/", &[("Host", "evil.test")]).0),
        (200, 200, 404)
    );
}

#[test]
fn a_gateway_that_is_told_to_end_drains_and_says_so() {
    let application = Application::start();
    let mut gateway = Gateway::start(&application, "--no-redis --drain 2s");
    let mut sockets: Vec<_> = (0..20).map(|_| gateway.connect("/echo")).collect();
    assert_eq!(gateway.get("/healthz").0, 200);
    let started = Instant::now();
    signal("TERM", gateway.id());
    until("it says that it drains", || gateway.get("/healthz").0 == 503);
    assert!(gateway.get("/healthz").1.ends_with("draining\n"));
    assert_eq!(gateway.try_connect("/echo", &[]).unwrap_err().0, 503);
    let mut ends = Vec::new();
    let threads: Vec<_> = sockets.drain(..).map(|mut socket| std::thread::spawn(move || (socket.closed(), Instant::now()))).collect();
    for thread in threads {
        let (close, at) = thread.join().unwrap();
        assert_eq!(close, Some((1012, "this gateway is about to end".to_owned())));
        ends.push(at.duration_since(started));
    }
    ends.sort_unstable();
    assert!(ends[0] < Duration::from_secs(1) && ends[19] > Duration::from_millis(1500), "{ends:?}");
    assert!(gateway.is_running() || started.elapsed() > Duration::from_secs(1));
    gateway.wait().ended(0).says("draining: 20 connections");
    until("the application saw all leave", || application.closes().iter().flatten().filter(|(code, _)| *code == 1001).count() == 20);
}

#[test]
fn a_second_signal_ends_at_once_with_its_code() {
    let application = Application::start();
    for (name, code) in [("INT", 130), ("TERM", 143)] {
        let gateway = Gateway::start(&application, "--no-redis --drain 60s");
        let _sockets: Vec<_> = (0..3).map(|_| gateway.connect("/echo")).collect();
        signal("TERM", gateway.id());
        until("it drains", || gateway.get("/healthz").0 == 503);
        signal(name, gateway.id());
        gateway.wait().ended(code).says("ended at once");
    }
}

#[test]
fn mistakes_are_named() {
    let project = Project::bare();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    for (words, code, message) in [
        (format!("gateway --upstream ws://x --listen 127.0.0.1:{port}"), 1, format!("failed to listen on `127.0.0.1:{port}`")),
        ("gateway --upstream localhost:8000".to_owned(), 2, "is no address of a websocket application".to_owned()),
        ("gateway --upstream ws://x --label a/b".to_owned(), 2, "`a/b` from --label is no label".to_owned()),
        ("gateway --upstream ws://x --close-code 1006".to_owned(), 2, "`1006` is no close code".to_owned()),
        ("gateway --upstream ws://x --redis none".to_owned(), 2, "there is no `[redis.none]`".to_owned()),
        ("gateway --upstream ws://x --redis http://x".to_owned(), 2, "an address of Redis cannot be used".to_owned()),
        ("gateway --upstream ws://x --redis redis+cluster://h:1".to_owned(), 2, "a Redis cluster cannot hold".to_owned()),
        ("gateway --upstream ws://x --prefix p".to_owned(), 2, "`--prefix` and `--mode` need a Redis".to_owned()),
        ("gateway --upstream ws://x --allow-origin example.com".to_owned(), 2, "`--allow-origin` must be an origin".to_owned()),
        ("gateway --upstream ws://x --trusted-proxy x".to_owned(), 2, "`--trusted-proxy` must be an address".to_owned()),
        (
            "gateway --upstream ws://x --tls-cert none.pem --tls-key none.key".to_owned(),
            2,
            "failed to read certificates from `none.pem`".to_owned(),
        ),
    ] {
        project.host(&words).ends(code).says(&message);
    }
    project.host(&format!("gateway --upstream ws://x --json --listen 127.0.0.1:{port}")).ends(1).prints("\"ending\":\"failed\"");
}

#[test]
fn log_lines_are_json_when_asked() {
    let gateway = Gateway::to("ws://127.0.0.1:1", "--no-redis --json --label a.b");
    signal("INT", gateway.id());
    let output = gateway.wait().ended(0);
    for line in output.stdout.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["v"], 1);
    }
    assert!(output.stdout.contains("without Redis") && output.stderr.is_empty(), "{output}");
}
