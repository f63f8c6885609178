//! An engine that is not there, goes away, or says nothing.

use std::time::Instant;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_is_not_there_is_said_so_without_its_address() {
    let engine = engine::shared();
    let mut run = Run::of(&engine, grant("nowhere"), "unix:///nowhere/secret.sock");
    for answer in [run.containers().await.map(drop), run.create(run.spec("web")).await.map(drop)] {
        let Err(Error::ConnectionFailed(text)) = answer else { panic!("{answer:?}") };
        assert!(!text.contains("secret") && !text.contains("nowhere"), "{text}");
    }
    let mut run = Run::of(&engine, grant("nowhere"), "carrier-pigeon");
    assert!(matches!(run.containers().await, Err(Error::NotConfigured(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_hangs_is_noticed_and_one_that_ends_too() {
    let engine = Arc::new(Engine::start());
    let mut run = Run::with(&engine, |_| {});
    run.create(run.spec("web")).await.unwrap();
    let name = run.name("web");
    run.start(&name).await.unwrap();
    engine.signal("STOP");
    let began = Instant::now();
    let answer = run.containers().await;
    assert!(matches!(answer, Err(Error::ConnectionFailed(_))), "{answer:?}");
    // What has no bound of its own is noticed by asking in between.
    let begun = start_stop::Host::stop(&mut run.view(), name.clone(), Some(600)).await;
    let stopped = run.done(begun).await;
    assert!(matches!(stopped, Err(Error::ConnectionFailed(_))), "{stopped:?}");
    assert!(began.elapsed() < Duration::from_secs(40), "{:?}", began.elapsed());
    engine.signal("CONT");
    let begun = inspect::Host::watch(&mut run.view(), name, inspect::Until::Exited).await;
    engine.signal("KILL");
    let watched = run.done(begun).await;
    assert!(matches!(watched, Ok(_) | Err(Error::ConnectionFailed(_))), "{watched:?}");
}
