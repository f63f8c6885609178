//! What moves while a connection is open: a master behind sentinels, a slot of a cluster.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::capabilities::redis::pipeline::Reply;
use crate::capabilities::redis::types::Error;

use super::server::Server;
use super::{ALL, Run, grant};

fn free_port() -> u16 {
    // The ports of a cluster's bus lie 10,000 above.
    loop {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        if port < 55_000 {
            return port;
        }
    }
}

fn on_port(port: u16, lines: &str) -> Server {
    Server::start(&format!("port {port}\nbind 127.0.0.1\n{lines}"))
}

/// A sentinel as old as those that know no HELLO: it names the master that is written here.
fn sentinel(master: Arc<Mutex<u16>>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let mut words = Vec::new();
            let mut line = String::new();
            while stream.read_line(&mut line).is_ok_and(|read| read > 0) {
                words.push(std::mem::take(&mut line).trim_end().to_owned());
                let answer = match words.last().map(String::as_str) {
                    Some("main") => {
                        let port = master.lock().unwrap().to_string();
                        format!("*2\r\n$9\r\n127.0.0.1\r\n${}\r\n{port}\r\n", port.len())
                    }
                    Some("HELLO") => "-ERR unknown command `HELLO`\r\n".to_owned(),
                    Some("PING") => "+PONG\r\n".to_owned(),
                    Some("SETNAME") => "+OK\r\n".to_owned(),
                    _ => continue,
                };
                if stream.get_mut().write_all(answer.as_bytes()).is_err() {
                    break;
                }
            }
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_follows_its_master_after_a_failover() {
    let (one, two) = (free_port(), free_port());
    let (first, second) = (on_port(one, ""), on_port(two, ""));
    let master = Arc::new(Mutex::new(one));
    let url = format!("redis+sentinel://127.0.0.1:1,127.0.0.1:{}/main/1", sentinel(Arc::clone(&master)));
    let mut run = Run::new(&url, grant(ALL, &["*"]));
    let on = run.open().await;
    assert_eq!(run.pipeline(on, &["SET a 1"]).await, Ok(vec![Reply::Okay]));
    assert_eq!(first.ask_all(&["SELECT 1", "GET a"])[1], "1");
    // Demoted without a closed connection: it says READONLY once, and the sentinels are asked again.
    first.ask_all(&[&format!("REPLICAOF 127.0.0.1 {two}")]);
    *master.lock().unwrap() = two;
    let replies = run.pipeline(on, &["SET a 2"]).await.unwrap();
    assert!(matches!(&replies[0], Reply::Failed(error) if error.code == "READONLY"), "{replies:?}");
    assert_eq!(run.pipeline(on, &["SET a 2"]).await, Ok(vec![Reply::Okay]));
    assert_eq!(second.ask_all(&["SELECT 1", "GET a"])[1], "2");
    // Gone altogether: a sentinel that still names it does not help, and says so.
    second.kill();
    assert!(matches!(run.get(on, "a").await, Err(Error::ConnectionFailed(_))));
    first.ask_all(&["REPLICAOF NO ONE"]);
    *master.lock().unwrap() = one;
    assert!(run.get(on, "a").await.is_ok());
    // One that names a replica is not believed.
    first.ask_all(&["REPLICAOF 127.0.0.1 1"]);
    let refused = Run::new(&url, grant(ALL, &["*"])).try_open("default", super::DEFAULTS).await;
    assert!(matches!(refused, Err(Error::ConnectionFailed(text)) if text.contains("no master yet")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_follows_a_slot_to_another_node() {
    let (one, two) = (free_port(), free_port());
    let (first, second) = (on_port(one, "cluster-enabled yes"), on_port(two, "cluster-enabled yes"));
    first.ask_all(&["CLUSTER ADDSLOTSRANGE 0 16383", &format!("CLUSTER MEET 127.0.0.1 {two}")]);
    let end = Instant::now() + Duration::from_secs(10);
    while ![&first, &second].iter().all(|node| node.ask_all(&["CLUSTER INFO"])[0].contains("cluster_state:ok")) {
        assert!(Instant::now() < end, "no cluster");
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut run = Run::new(&format!("redis+cluster://127.0.0.1:{one}"), grant(ALL, &["*"]));
    let on = run.open().await;
    let increments = ["INCR foo", "INCR foo", "INCR bar", "INCR foo"];
    let counted = |numbers: [i64; 4]| Ok(numbers.map(Reply::Integer).to_vec());
    assert_eq!(run.pipeline(on, &increments).await, counted([1, 2, 1, 3]));
    // `foo` has the slot 12182.
    let (from, to) = (first.ask_all(&["CLUSTER MYID"]).remove(0), second.ask_all(&["CLUSTER MYID"]).remove(0));
    second.ask_all(&[&format!("CLUSTER SETSLOT 12182 IMPORTING {from}")]);
    first.ask_all(&[&format!("CLUSTER SETSLOT 12182 MIGRATING {to}")]);
    assert_eq!(run.get(on, "foo").await, Ok(Some("3".to_owned())));
    first.ask_all(&[&format!("MIGRATE 127.0.0.1 {two} foo 0 1000")]);
    // On its way: ASK. Each is done once.
    assert_eq!(run.pipeline(on, &increments).await, counted([4, 5, 2, 6]));
    for node in [&second, &first] {
        node.ask_all(&[&format!("CLUSTER SETSLOT 12182 NODE {to}")]);
    }
    // Arrived: MOVED, and the slots are learnt anew.
    assert_eq!(run.pipeline(on, &increments).await, counted([7, 8, 3, 9]));
    assert_eq!(run.keys(on, "*").await, Ok(vec!["bar".to_owned(), "foo".to_owned()]));
    second.kill();
    let gone = run.pipeline(on, &increments).await;
    assert!(matches!(&gone, Err(Error::ConnectionFailed(text)) if !text.contains("127.0.0.1")), "{gone:?}");
    assert!(run.pipeline(on, &["INCR bar"]).await.is_ok());
}
