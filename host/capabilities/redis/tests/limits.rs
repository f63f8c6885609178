//! Every bound at it and past it.

use crate::capabilities::redis::limits::{ANSWER_BYTES, COMMANDS, CONNECTIONS, KEY_BYTES, PATTERN_BYTES, SCAN_BATCH, SCANS, WORDS};
use crate::capabilities::redis::read::{Host as Read, HostScan};
use crate::capabilities::redis::types::{Error, HostConnection as _, Keys};
use crate::capabilities::redis::write::{Condition, Host as Write};

use super::server::database;
use super::{ALL, DEFAULTS, Run, bytes, grant};

fn is_too_much<T>(result: &Result<T, Error>) -> bool {
    matches!(result, Err(Error::LimitExceeded(_)))
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_connections_and_walks_as_the_bound_are_open_at_once() {
    let database = database();
    let mut run = Run::new(&database.url(), grant(ALL, &["*"]));
    let mut open = Vec::new();
    for _ in 0..CONNECTIONS {
        open.push(run.open().await);
    }
    assert!(is_too_much(&run.try_open("default", DEFAULTS).await));
    run.view().close(open[0].borrow()).await.unwrap();
    assert!(run.try_open("default", DEFAULTS).await.is_ok());
    let on = open[1];
    let mut scans = Vec::new();
    for _ in 0..SCANS {
        scans.push(run.scan(on, "*", 0).await.unwrap());
    }
    assert!(is_too_much(&run.scan(on, "*", 0).await));
    HostScan::drop(&mut run.view(), scans.remove(0)).await.unwrap();
    assert!(run.scan(on, "*", 0).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_patterns_and_batches_are_bounded() {
    let database = database();
    let mut run = Run::new(&database.url(), grant(ALL, &["*"]));
    let on = run.open().await;
    assert_eq!(run.get(on, &"k".repeat(KEY_BYTES)).await, Ok(None));
    assert!(is_too_much(&run.get(on, &"k".repeat(KEY_BYTES + 1)).await));
    let long = format!("GET {}", "k".repeat(KEY_BYTES + 1));
    assert!(is_too_much(&run.pipeline(on, &[&long]).await));
    assert!(run.keys(on, &"k".repeat(PATTERN_BYTES)).await.is_ok());
    assert!(matches!(run.keys(on, &"k".repeat(PATTERN_BYTES + 1)).await, Err(Error::InvalidArgument(_))));
    assert!(run.scan(on, "*", SCAN_BATCH).await.is_ok());
    assert!(is_too_much(&run.scan(on, "*", SCAN_BATCH + 1).await));
    let ends = |count: usize| Keys { bytes: vec![b'k'; count], ends: (1..=count as u32).collect() };
    assert!(Read::memory_usage(&mut run.view(), on.borrow(), ends(1000)).await.unwrap().is_ok());
    assert!(is_too_much(&Read::memory_usage(&mut run.view(), on.borrow(), ends(WORDS + 1)).await.unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn pipelines_are_bounded_in_commands_and_words() {
    let database = database();
    let mut run = Run::new(&database.url(), grant(ALL, &["*"]));
    let on = run.open().await;
    assert_eq!(run.pipeline(on, &vec!["PING"; COMMANDS]).await.map(|replies| replies.len()), Ok(COMMANDS));
    assert!(is_too_much(&run.pipeline(on, &vec!["PING"; COMMANDS + 1]).await));
    let words = format!("DEL{}", " k".repeat(WORDS));
    assert!(is_too_much(&run.pipeline(on, &[&words]).await));
    assert!(run.pipeline(on, &[&words[..words.len() - 2]]).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_too_large_is_refused_and_the_next_call_works() {
    let database = database();
    let mut run = Run::new(&database.url(), grant(ALL, &["*"]));
    let on = run.open().await;
    // What a value costs beyond its bytes.
    let fits = ANSWER_BYTES - 32;
    let set = async |run: &mut Run, size: usize| {
        let value = vec![b'v'; size];
        Write::set(&mut run.view(), on.borrow(), bytes("big"), value, 0, Condition::Always).await.unwrap()
    };
    assert_eq!(set(&mut run, fits).await, Ok(true));
    assert_eq!(run.get(on, "big").await.map(|value| value.map(|value| value.len())), Ok(Some(fits)));
    assert_eq!(set(&mut run, fits + 1).await, Ok(true));
    assert!(is_too_much(&run.get(on, "big").await));
    assert!(is_too_much(&run.pipeline(on, &["GET big", "GET big"]).await));
    assert_eq!(Read::length(&mut run.view(), on.borrow(), bytes("big")).await.unwrap(), Ok(fits as u64 + 1));
    database.ask("FLUSHDB");
}
