//! A real browser at the gateway: the client script reconnects and reloads, the page shows connections live.

use std::io::{Read, Write};
use std::net::TcpListener;

use host::channels::keys;
use host::channels::message::{self, Kind};

use crate::harness::{Application, Browser, Gateway, Redis, free_port, until};

/// A page of the application: it counts its own loads and shows what it hears.
const PAGE: &str = r#"<!doctype html><title>shop</title>
<p id="loads"></p><p id="opened">0</p><p id="ended"></p><p id="heard"></p>
<script src="http://GATEWAY/_host/client.js"></script>
<script>
sessionStorage.loads = Number(sessionStorage.loads || 0) + 1;
loads.textContent = sessionStorage.loads;
const link = hostConnect("ws://GATEWAY/echo", {
  open: ws => { opened.textContent = Number(opened.textContent) + 1; ws.send("hello"); },
  close: event => { ended.textContent += event.code + " " + event.reason + ";"; },
  message: event => { heard.textContent = event.data; },
});
</script>"#;

/// A web server with one page.
fn site(page: String) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.read(&mut [0; 4096]);
            let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", page.len());
            drop(stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(page.as_bytes())));
        }
    });
    port
}

#[test]
fn a_page_reconnects_after_a_drop_and_reloads_when_told_and_the_gateways_page_shows_it_live() {
    let (redis, application) = (Redis::start(), Application::start());
    let port = free_port();
    let page = site(PAGE.replace("GATEWAY", &format!("127.0.0.1:{port}")));
    let options = format!(
        "--listen 127.0.0.1:{port} --redis {} --label 411b261.production --mode core --allow-origin http://127.0.0.1:{page}",
        redis.url()
    );
    let gateway = Gateway::start(&application, &options);
    let send = |kind| {
        let member = redis.ask(&["ZRANGE", "asgi:group:version.411b261.production", "0", "-1"]);
        let queue = keys::core_queue("asgi", keys::queue_of(&member));
        let bytes = message::core(kind, rand::random(), &[&member]);
        redis.client().ask_bytes(&[b"ZADD", queue.as_bytes(), b"1", &bytes]).unwrap();
    };
    let registered = || until("the page is registered", || redis.ask(&["ZCARD", "asgi:group:version.411b261.production"]) == "1");
    let browser = Browser::start();
    let shop = browser.window();
    browser.goto(&format!("http://127.0.0.1:{page}/"));
    browser.shows("heard", "hello");
    browser.shows("loads", "1");
    registered();
    send(Kind::Drop);
    browser.shows("ended", "1012 please reconnect;");
    browser.shows("opened", "2");
    registered();
    send(Kind::Reload);
    browser.shows("loads", "2");
    browser.shows("heard", "hello");

    browser.switch(&browser.new_tab());
    browser.goto(&format!("http://127.0.0.1:{}/_host/", gateway.port));
    browser.shows("state", "1 connections here, 1 gateway, Redis: up");
    browser.shows("labels", "411b261.production\t1\t1");
    let more: Vec<_> = (0..4).map(|_| gateway.connect("/echo")).collect();
    browser.shows("labels", "411b261.production\t5\t5");
    drop(more);
    browser.shows("labels", "411b261.production\t1\t1");
    redis.ask(&["HSET", "connections", "<img src=x onerror=document.title='hacked'>", "3"]);
    browser.shows("labels", "<img src=x onerror=document.title='hacked'>\t0\t3");
    assert_eq!(browser.run("return document.title"), "host gateway");

    // A gateway that goes away and comes back finds its page again.
    browser.switch(&shop);
    drop(gateway);
    browser.shows("ended", "1006");
    let again = Gateway::start(&application, &options);
    browser.shows("opened", "2");
    assert_eq!(again.metric("host_gateway_connections_opened_total"), 1);
}
