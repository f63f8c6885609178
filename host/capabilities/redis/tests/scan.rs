//! Walks over keys: only what is granted, without the prefix, as the server's own patterns say.

use std::time::{Duration, Instant};

use crate::capabilities::redis::delete::Host as Delete;
use crate::capabilities::redis::glob::Glob;
use crate::capabilities::redis::read::HostScan as _;

use super::server::database;
use super::{ALL, Run, grant, packed, texts};

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_shows_granted_keys_that_match_and_no_others() {
    let database = database();
    let fill: Vec<String> =
        (0..500).map(|number| format!("MSET shop:cache:{number} x shop:session:{number} x blog:cache:{number} x")).collect();
    database.fill(&fill.iter().map(String::as_str).collect::<Vec<_>>());
    let mut run = Run::new(&database.url(), grant(ALL, &["shop:cache:*", "blog:cache:1*"]));
    let on = run.open().await;
    let all = run.keys(on, "*").await.unwrap();
    assert_eq!(all.len(), 500 + 111);
    assert!(all.iter().all(|key| key.starts_with("shop:cache:") || key.starts_with("blog:cache:1")));
    assert_eq!(run.keys(on, "*:4?9").await.unwrap().len(), 10);
    assert_eq!(run.keys(on, "shop:session:*").await.unwrap(), Vec::<String>::new());
    assert_eq!(run.keys(on, "blog:cache:[^1]*").await.unwrap(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_takes_the_hidden_prefix_off() {
    let database = database();
    database.fill(&["MSET shop:cache:1 x shop:other x cache:2 x"]);
    let mut hidden = grant(ALL, &["shop:cache:*"]);
    hidden.prefix = Some("shop:".to_owned());
    let mut run = Run::new(&database.url(), hidden);
    let on = run.open().await;
    assert_eq!(run.keys(on, "*").await.unwrap(), ["cache:1"]);
    assert_eq!(run.keys(on, "cache:*").await.unwrap(), ["cache:1"]);
    assert_eq!(run.keys(on, "shop:*").await.unwrap(), Vec::<String>::new());
    assert_eq!(Delete::unlink(&mut run.view(), on.borrow(), packed(&["cache:1"])).await.unwrap(), Ok(1));
    assert_eq!(database.keys(), "cache:2 shop:other");
}

#[tokio::test(flavor = "multi_thread")]
async fn patterns_mean_what_they_mean_to_the_server() {
    let database = database();
    let keys = [
        "a", "b", "ab", "abc", "a:b", "a*c", "a[c", "a]c", "a\\c", "a-c", "a^c", "*", "?", "[", "]", "\\", "^", "-", "aXc", "ABC", "aab",
        "]a",
    ];
    database.fill(&keys.map(|key| format!("SET {key} 1")).each_ref().map(String::as_str));
    for pattern in [
        "*", "**", "a*", "*c", "a*c", "a?c", "?", "??", "[ab]", "[^ab]", "a[a-z]c", "a[z-a]c", "a[^a-z]c", "a[\\]]c", "a[\\-]c", "a[]]c",
        "a[^]c", "[^]", "[]", "[", "[a", "a[", "a[^", "\\*", "\\", "a\\", "\\\\", "a\\*c", "[*]", "[?]", "a[-]c", "a[a-]c", "[]a", "a**b",
        "*a*b*", "a[b-", "[a-", "[\\", "a[X-X]c", "a[*-a]c",
    ] {
        let theirs = {
            let answer = database.ask(&format!("KEYS {pattern}"));
            let mut keys: Vec<String> = answer.split_whitespace().map(str::to_owned).collect();
            keys.sort();
            keys
        };
        let glob = Glob::new(pattern.as_bytes()).unwrap();
        let mut ours: Vec<String> = keys.iter().filter(|key| glob.matches(key.as_bytes())).map(|key| (*key).to_owned()).collect();
        ours.sort();
        assert_eq!(ours, theirs, "{pattern}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_patterns_hold_up_neither_the_server_nor_the_host() {
    let database = database();
    let keys: Vec<String> = (0..50).map(|number| format!("SET {}{number} 1", "a".repeat(2000))).collect();
    database.fill(&keys.iter().map(String::as_str).collect::<Vec<_>>());
    let mut run = Run::new(&database.url(), grant(ALL, &["*"]));
    let on = run.open().await;
    let started = Instant::now();
    assert_eq!(run.keys(on, &("a*".repeat(500) + "b")).await.unwrap(), Vec::<String>::new());
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_ends_once_and_may_be_dropped_before() {
    let database = database();
    let keys: Vec<String> = (0..300).map(|number| format!("SET k{number} 1")).collect();
    database.fill(&keys.iter().map(String::as_str).collect::<Vec<_>>());
    let mut run = Run::new(&database.url(), grant(ALL, &["*"]));
    let on = run.open().await;
    let scan = run.scan(on, "*", 10).await.unwrap();
    let first = run.next(&scan).await.unwrap().unwrap();
    assert!(!texts(&first).is_empty());
    run.view().drop(scan).await.unwrap();
    let scan = run.scan(on, "*", 1000).await.unwrap();
    while run.next(&scan).await.unwrap().is_some() {}
    assert_eq!(run.next(&scan).await.unwrap(), None);
}
