//! The gateway's bounds: what is too much, too slow or not allowed.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use tokio_tungstenite::tungstenite::Message;

use crate::harness::{Application, Gateway, get, signal, until};

/// Memory of a process, in KiB.
fn memory(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn a_message_may_reach_its_bound_and_not_pass_it() {
    let application = Application::start();
    let gateway = Gateway::start(&application, "--no-redis --max-frame 100KiB --max-message 100KiB");
    let mut socket = gateway.connect("/echo");
    let message = Message::binary(vec![1; 100 << 10]);
    socket.send(message.clone());
    assert_eq!(socket.receive(), message);
    drop(socket.0.send(Message::binary(vec![1; (100 << 10) + 1])));
    assert_eq!(socket.closed().unwrap().0, 1009);
    until("the application was left", || application.closes().contains(&Some((1001, String::new()))));
    assert_eq!(gateway.metric(r#"host_gateway_violations_total{direction="to-application"}"#), 1);
}

#[test]
fn a_frame_of_100_megabytes_is_closed_with_1009_and_never_held() {
    let application = Application::start();
    let gateway = Gateway::start(&application, "--no-redis");
    let mut socket = gateway.connect("/echo");
    socket.echoes("x");
    let before = memory(gateway.id());
    let mut raw = socket.0.get_ref().try_clone().unwrap();
    raw.write_all(&[0x82, 0xff, 0, 0, 0, 0, 0x06, 0x40, 0, 0, 0, 0, 0, 0]).unwrap();
    let sender = std::thread::spawn(move || {
        let piece = vec![0; 1 << 20];
        (0..100).take_while(|_| raw.write_all(&piece).is_ok()).count()
    });
    assert_eq!(
        socket.receive(),
        Message::Close(Some(tokio_tungstenite::tungstenite::protocol::CloseFrame {
            code: 1009.into(),
            reason: "larger than this gateway passes on".into()
        }))
    );
    sender.join().unwrap();
    let after = memory(gateway.id());
    assert!(after < before + 8 * 1024, "{before} KiB became {after} KiB");
}

#[test]
fn a_large_message_passes_in_little_memory() {
    let application = Application::start();
    let gateway = Gateway::start(&application, "--no-redis --max-frame 64MiB");
    let mut socket = gateway.connect("/echo");
    socket.echoes("x");
    let before = memory(gateway.id());
    let message = Message::binary(vec![1; 40 << 20]);
    let mut writer = socket.0.get_ref().try_clone().unwrap();
    let mut frame = vec![0x82, 0xff, 0, 0, 0, 0, 0x02, 0x80, 0, 0, 0, 0, 0, 0];
    frame.extend(vec![1_u8; 40 << 20]);
    let sender = std::thread::spawn(move || writer.write_all(&frame).unwrap());
    assert_eq!(socket.receive(), message);
    sender.join().unwrap();
    let after = memory(gateway.id());
    assert!(after < before + 8 * 1024, "{before} KiB became {after} KiB");
}

#[test]
fn what_is_no_websocket_is_closed_with_1002() {
    let application = Application::start();
    let gateway = Gateway::start(&application, "--no-redis");
    for bytes in [&b"\x81\x05hello"[..], b"\x83\x80\0\0\0\0", b"\x80\x80\0\0\0\0", b"\x89\xfe\x00\x7e\0\0\0\0"] {
        let mut socket = gateway.connect("/echo");
        socket.0.get_mut().write_all(bytes).unwrap();
        assert_eq!(socket.closed().unwrap().0, 1002, "{bytes:?}");
    }
}

#[test]
fn a_client_that_never_reads_holds_up_the_application_and_is_let_go() {
    let application = Application::start();
    let gateway = Gateway::start(&application, "--no-redis --write-timeout 3s --ping-interval never");
    let before = memory(gateway.id());
    let _socket = gateway.connect("/flood");
    until("the application is held up", || {
        let flooded = application.flooded();
        std::thread::sleep(Duration::from_millis(300));
        flooded > 0 && application.flooded() == flooded
    });
    assert!(application.flooded() < 64 << 20, "{} bytes were taken for a client that reads none", application.flooded());
    assert!(memory(gateway.id()) < before + 8 * 1024);
    until("it is let go", || application.open() == 0);
    assert_eq!(gateway.metric(r#"host_gateway_cuts_total{reason="slow-client"}"#), 1);
}

#[test]
fn a_client_that_reads_slowly_gets_everything() {
    let application = Application::start();
    let gateway = Gateway::start(&application, "--no-redis --write-timeout 3s");
    let mut socket = gateway.connect("/flood");
    let (started, mut bytes) = (Instant::now(), 0);
    while started.elapsed() < Duration::from_secs(6) {
        bytes += socket.receive().len();
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(bytes > 1 << 20, "{bytes}");
}

#[test]
fn an_application_that_never_reads_holds_up_its_client_only() {
    let application = Application::start();
    let gateway = Gateway::start(&application, "--no-redis --write-timeout 3s");
    let mut other = gateway.connect("/echo");
    let socket = gateway.connect("/deaf");
    let mut raw = socket.0.get_ref().try_clone().unwrap();
    let sender = std::thread::spawn(move || {
        let mut frame = vec![0x82, 0xfe, 0xff, 0xff, 0, 0, 0, 0];
        frame.extend(vec![1_u8; 65_535]);
        (0..4096).take_while(|_| raw.write_all(&frame).is_ok()).count()
    });
    other.echoes("not held up");
    assert!(sender.join().unwrap() < 4096);
    other.echoes("still not");
    until("it is counted", || gateway.metric(r#"host_gateway_cuts_total{reason="slow-application"}"#) == 1);
}

#[test]
fn a_client_that_falls_silent_is_asked_and_let_go() {
    let application = Application::start();
    let gateway = Gateway::start(&application, "--no-redis --ping-interval 1s --ping-timeout 1s");
    let mut answers = gateway.connect("/echo");
    let _silent = gateway.connect("/echo");
    let reading = std::thread::spawn(move || {
        assert!(answers.stays_open(Duration::from_secs(5)));
        answers.echoes("its answers are not for the application");
    });
    until("the silent one is let go", || application.open() == 1);
    reading.join().unwrap();
    assert_eq!(gateway.metric(r#"host_gateway_cuts_total{reason="silent"}"#), 1);
}

#[test]
fn a_handshake_that_never_ends_is_cut() {
    let application = Application::start();
    let gateway = Gateway::start(&application, "--no-redis --handshake-timeout 1s");
    for start in [&b""[..], b"GET / HTTP/1.1\r\nHost: x\r\n"] {
        let mut stream = gateway.stream();
        let since = Instant::now();
        stream.write_all(start).unwrap();
        // A header a moment, for ever.
        let mut writer = stream.try_clone().unwrap();
        let trickle = !start.is_empty();
        std::thread::spawn(move || {
            while trickle && writer.write_all(b"X-More: 1\r\n").is_ok() {
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        drop(stream.read_to_end(&mut Vec::new()));
        assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
    }
    until("they are counted", || gateway.metric(r#"host_gateway_handshakes_refused_total{reason="slow"}"#) >= 2);
}

#[test]
fn headers_without_end_are_refused() {
    let application = Application::start();
    let gateway = Gateway::start(&application, "--no-redis");
    let many: Vec<(String, String)> = (0..200).map(|number| (format!("X-{number}"), "1".to_owned())).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(get(gateway.port, "/healthz", &many).0, 431);
    assert_eq!(get(gateway.port, "/healthz", &[("X-Long", &"x".repeat(100_000))]).0, 431);
}

#[test]
fn connections_may_reach_their_bound_and_not_pass_it() {
    let application = Application::start();
    let gateway = Gateway::start(&application, "--no-redis --max-connections 3");
    let mut sockets: Vec<_> = (0..3).map(|_| gateway.connect("/echo")).collect();
    let refused = gateway.try_connect("/echo", &[]).err();
    assert_eq!(refused, Some((503, "this gateway holds as many connections as it may\n".to_owned())));
    sockets.pop();
    until("a place is free again", || gateway.try_connect("/echo", &[]).is_ok());
}

#[test]
fn one_address_may_knock_so_often_and_no_more() {
    let application = Application::start();
    let gateway = Gateway::start(&application, "--no-redis --handshake-rate 5 --trusted-proxy 127.0.0.1");
    let knock = |address: &str| gateway.try_connect("/echo", &[("X-Forwarded-For", address)]);
    let sockets: Vec<_> = (0..10).map(|_| knock("192.0.2.1")).collect();
    assert!(sockets.iter().all(Result::is_ok));
    assert_eq!(knock("192.0.2.1").err(), Some((429, "too many handshakes from this address\n".to_owned())));
    assert!(knock("192.0.2.2").is_ok());
    std::thread::sleep(Duration::from_secs(1));
    assert!(knock("192.0.2.1").is_ok());
}

#[test]
fn pages_of_other_sites_may_not_connect_unless_they_are_named() {
    let application = Application::start();
    let gateway = Gateway::start(&application, "--no-redis --allow-origin https://*.example.com");
    let own = format!("http://127.0.0.1:{}", gateway.port);
    for (origin, expected) in [
        (own.as_str(), true),
        ("https://shop.example.com", true),
        ("https://example.com", false),
        ("http://shop.example.com", false),
        ("https://evil.test", false),
        ("null", false),
    ] {
        assert_eq!(gateway.try_connect("/echo", &[("Origin", origin)]).is_ok(), expected, "{origin}");
    }
    assert!(gateway.try_connect("/echo", &[]).is_ok());
    assert_eq!(gateway.metric(r#"host_gateway_handshakes_refused_total{reason="origin"}"#), 4);
    let strict = Gateway::start(&application, "--no-redis --require-origin");
    assert_eq!(strict.try_connect("/echo", &[]).unwrap_err().0, 403);
}

#[test]
fn certificates_are_read_from_files_and_again_when_they_change() {
    let application = Application::start();
    let folder = crate::harness::fresh_folder("certificates");
    let authority = crate::harness::authority();
    let (certificate, key) = (folder.join("site.pem"), folder.join("site.key"));
    let put = |from: &str, to: &std::path::Path| std::fs::copy(authority.join(from), to).unwrap();
    put("server.crt", &certificate);
    put("server.key", &key);
    let tls = format!("--no-redis --tls-cert {} --tls-key {}", certificate.display(), key.display());
    let gateway = Gateway::start(&application, &tls);
    let shown = || {
        let words = [
            "s_client",
            "-connect",
            &format!("127.0.0.1:{}", gateway.port),
            "-CAfile",
            &authority.join("ca.crt").display().to_string(),
            "-verify_return_error",
        ];
        let output = std::process::Command::new("openssl").args(words).stdin(std::process::Stdio::null()).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert!(shown().contains("Verify return code: 0 (ok)"), "{}", shown());
    // One gateway behind another: wss on both legs of the first.
    let outer = Gateway::to(
        &format!("wss://localhost:{}", gateway.port),
        &format!("--no-redis --upstream-ca {}", authority.join("ca.crt").display()),
    );
    let mut socket = outer.connect("/echo");
    socket.echoes("through TLS");
    let message = Message::binary(vec![3; 3 << 20]);
    socket.send(message.clone());
    assert_eq!(socket.receive(), message);
    // A broken file changes nothing, a new one is used.
    std::fs::write(&certificate, "rubbish").unwrap();
    signal("HUP", gateway.id());
    std::thread::sleep(Duration::from_millis(300));
    assert!(shown().contains("CN = localhost"), "{}", shown());
    put("ca.crt", &certificate);
    put("ca.key", &key);
    signal("HUP", gateway.id());
    until("the new certificate is used", || shown().contains("subject=CN = test authority"));
    socket.echoes("connections that stand are not touched");
    drop(socket);
    let distrusting = Gateway::to(&format!("wss://localhost:{}", gateway.port), "--no-redis");
    assert_eq!(distrusting.try_connect("/echo", &[]).unwrap_err().0, 502);
    signal("TERM", gateway.id());
    gateway.wait().ended(0).says("the certificate before it stays in use").says("the certificate was read again");
}

#[test]
fn a_client_that_never_reads_is_let_go_over_tls_too() {
    use rustls::pki_types::pem::PemObject;

    let application = Application::start();
    let authority = crate::harness::authority();
    let files = format!("--tls-cert {0}/server.crt --tls-key {0}/server.key", authority.display());
    let gateway = Gateway::start(&application, &format!("--no-redis --write-timeout 2s {files}"));
    let mut roots = rustls::RootCertStore::empty();
    roots.add(rustls::pki_types::CertificateDer::from_pem_file(authority.join("ca.crt")).unwrap()).unwrap();
    let config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let session = rustls::ClientConnection::new(std::sync::Arc::new(config), "localhost".try_into().unwrap()).unwrap();
    let stream = rustls::StreamOwned::new(session, gateway.stream());
    let (_socket, _) = tokio_tungstenite::tungstenite::client("ws://localhost/flood", stream).unwrap();
    until("the application floods", || application.flooded() > 0);
    until("it is let go", || application.open() == 0);
}

#[test]
fn an_idle_connection_costs_little_memory() {
    let application = Application::start();
    let gateway = Gateway::start(&application, "--no-redis --handshake-rate 0");
    let connect = |count: usize| (0..count).map(|_| gateway.connect("/echo")).collect::<Vec<_>>();
    let _warm = connect(200);
    let before = memory(gateway.id());
    let mut sockets = connect(1000);
    sockets.iter_mut().for_each(|socket| socket.echoes("one word, then silence"));
    let each = memory(gateway.id()).saturating_sub(before) / 1000;
    assert!(each <= 16, "{each} KiB");
}
