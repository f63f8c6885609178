//! The budget `keys-deleted`: reached exactly, never exceeded, looked at before anything is sent.

use crate::capabilities::redis::delete::Host as Delete;
use crate::capabilities::redis::types::Error;

use super::server::database;
use super::{ALL, Conn, Run, bytes, grant, packed};

async fn unlink(run: &mut Run, on: Conn, keys: &[&str]) -> Result<u64, Error> {
    Delete::unlink(&mut run.view(), on.borrow(), packed(keys)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn exactly_the_budget_is_deleted_and_nothing_beyond() {
    let database = database();
    database.fill(&["MSET a 1 b 1 c 1 d 1 e 1"]);
    let mut run = Run::with_budget(&database.url(), grant(ALL, &["*"]), Some(3));
    let on = run.open().await;
    let Err(Error::LimitExceeded(text)) = unlink(&mut run, on, &["a", "b", "c", "d"]).await else { panic!("deleted") };
    assert!(text.contains("`keys-deleted`") && text.contains("3 are left"), "{text}");
    assert_eq!(database.keys(), "a b c d e");
    assert_eq!(unlink(&mut run, on, &["a", "b", "none"]).await, Ok(2));
    // What did not exist does not count, so that one is left.
    assert_eq!(Delete::take(&mut run.view(), on.borrow(), bytes("none")).await.unwrap(), Ok(None));
    assert_eq!(Delete::take(&mut run.view(), on.borrow(), bytes("c")).await.unwrap(), Ok(Some(bytes("1"))));
    assert!(matches!(Delete::take(&mut run.view(), on.borrow(), bytes("d")).await.unwrap(), Err(Error::LimitExceeded(_))));
    assert!(matches!(unlink(&mut run, on, &["d"]).await, Err(Error::LimitExceeded(_))));
    assert_eq!(database.keys(), "d e");
    assert_eq!(run.get(on, "d").await, Ok(Some("1".to_owned())));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipelines_deletions_count_as_well() {
    let database = database();
    database.fill(&["MSET a 1 b 1 c 1 d 1 e 1"]);
    let mut run = Run::with_budget(&database.url(), grant(ALL, &["*"]), Some(4));
    let on = run.open().await;
    for too_many in ["DEL a b c d e", "UNLINK a b c d e"] {
        assert!(matches!(run.pipeline(on, &[too_many]).await, Err(Error::LimitExceeded(_))), "{too_many}");
    }
    let spread = ["GETDEL a", "EXPIRE b 0", "RENAME c x", "SET d 1 PXAT 1", "DEL e"];
    assert!(matches!(run.pipeline(on, &spread).await, Err(Error::LimitExceeded(_))));
    assert_eq!(database.keys(), "a b c d e");
    assert!(run.pipeline(on, &spread[..4]).await.is_ok());
    assert_eq!(database.keys(), "e x");
    assert!(matches!(run.pipeline(on, &["DEL e"]).await, Err(Error::LimitExceeded(_))));
    assert!(run.pipeline(on, &["GET e"]).await.is_ok());
}
