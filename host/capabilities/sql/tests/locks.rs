//! Advisory locks and whole databases, on both engines.

use std::path::Path;

use super::*;
use crate::capabilities::sql::admin::{Host as AdminHost, HostStagedDatabase};
use crate::capabilities::sql::host::{AdvisoryLock, StagedDatabase};
use crate::capabilities::sql::lock::HostAdvisoryLock;

impl Run {
    async fn lock(&mut self, on: Conn, key: i64) -> Answer<Option<Resource<AdvisoryLock>>> {
        self.view().try_acquire(on.borrow(), key).await.unwrap()
    }

    async fn stage(&mut self) -> Answer<Resource<StagedDatabase>> {
        HostStagedDatabase::create(&mut self.view(), "default".to_owned()).await.unwrap()
    }

    async fn connect(&mut self, staged: &Resource<StagedDatabase>) -> Conn {
        Conn(self.view().connect(Resource::new_borrow(staged.rep())).await.unwrap().unwrap().rep())
    }
}

/// Two runs on the same database: what one holds the other does not get, and learns who has it.
async fn exclude_each_other(mut one: Run, mut two: Run) {
    let (first, second) = (one.open().await, two.open().await);
    for key in [42, -1, i64::MIN] {
        assert_eq!(two.view().holder(second.borrow(), key).await.unwrap(), Ok(None));
        let lock = one.lock(first, key).await.unwrap().expect("the lock is free");
        assert!(two.lock(second, key).await.unwrap().is_none());
        let holder = two.view().holder(second.borrow(), key).await.unwrap().unwrap().expect("somebody holds it");
        assert!(holder.process > 0 && holder.application.contains("host test"), "{holder:?}");
        assert_eq!(one.view().release(Resource::new_borrow(lock.rep())).await.unwrap(), Ok(true));
        assert_eq!(one.view().release(Resource::new_borrow(lock.rep())).await.unwrap(), Ok(false));
        let lock = two.lock(second, key).await.unwrap().expect("the lock is free again");
        HostAdvisoryLock::drop(&mut two.view(), lock).await.unwrap();
        assert!(one.lock(first, key).await.unwrap().is_some());
        // Held until the connection closes.
    }
    one.ctx.shutdown().await;
    assert!(two.lock(second, 42).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_locks_exclude_each_other() {
    let server = Server::shared();
    let url = server.database();
    let powers = &[SqlPower::Lock];
    exclude_each_other(Run::new(&url, Path::new("/"), powers), Run::new(&url, Path::new("/"), powers)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_locks_exclude_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let powers = &[SqlPower::Lock, SqlPower::Write];
    let url = "sqlite://app.db";
    exclude_each_other(Run::new(url, folder.path(), powers), Run::new(url, folder.path(), powers)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn locks_and_admin_are_denied_without_their_grants() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = Run::new("sqlite://app.db", folder.path(), &[SqlPower::Read, SqlPower::Write]);
    let on = run.open().await;
    assert!(matches!(run.lock(on, 1).await, Err(Error::AccessDenied(_))));
    assert!(matches!(run.view().holder(on.borrow(), 1).await.unwrap(), Err(Error::AccessDenied(_))));
    assert!(matches!(run.view().summary("default".to_owned()).await.unwrap(), Err(Error::AccessDenied(_))));
    assert!(matches!(run.view().restorable("default".to_owned()).await.unwrap(), Err(Error::AccessDenied(_))));
    assert!(matches!(
        run.view().restore("default".to_owned(), "a".to_owned(), "b".to_owned(), true).await.unwrap(),
        Err(Error::AccessDenied(_))
    ));
    assert!(matches!(run.stage().await, Err(Error::AccessDenied(_))));
    assert!(matches!(run.view().summary("nope".to_owned()).await.unwrap(), Err(Error::NoSuchDatabase(_))));
    assert!(run.told.lock().unwrap().is_empty());
}

/// Stage, fill, swap, restore; whatever the engine.
async fn replace_and_restore(mut run: Run) {
    let on = run.open().await;
    run.script(on, "CREATE TABLE old (a int); INSERT INTO old VALUES (1)").await.unwrap();
    let before = run.view().summary("default".to_owned()).await.unwrap().unwrap();
    assert!(before.exists && before.tables == 1 && before.bytes > 0, "{before:?}");
    assert_eq!(run.told.lock().unwrap().len(), 1);
    run.view().close(on.borrow()).await.unwrap();

    let staged = run.stage().await.unwrap();
    let on = run.connect(&staged).await;
    run.script(on, "CREATE TABLE new (a int)").await.unwrap();
    run.view().close(on.borrow()).await.unwrap();
    let keep_as = format!("{}_before_1", before.database);
    HostStagedDatabase::swap(&mut run.view(), staged, Some(keep_as.clone()), false).await.unwrap().unwrap();
    let on = run.open().await;
    assert!(run.query(on, "SELECT * FROM new").await.is_ok());
    assert!(run.query(on, "SELECT * FROM old").await.is_err());
    run.view().close(on.borrow()).await.unwrap();

    assert_eq!(run.view().restorable("default".to_owned()).await.unwrap(), Ok(vec![keep_as.clone()]));
    for wrong in ["postgres", "template1", &before.database] {
        assert!(run.view().restore("default".to_owned(), wrong.to_owned(), keep_as.clone(), true).await.unwrap().is_err(), "{wrong}");
    }
    run.view().restore("default".to_owned(), keep_as, format!("{}_before_2", before.database), true).await.unwrap().unwrap();
    let on = run.open().await;
    assert_eq!(run.value(on, "SELECT a FROM old").await, Value::Integer(1));
    run.view().close(on.borrow()).await.unwrap();

    // Deleted when it is dropped, and a swap without a name to keep deletes the old one.
    let staged = run.stage().await.unwrap();
    HostStagedDatabase::drop(&mut run.view(), staged).await.unwrap();
    let staged = run.stage().await.unwrap();
    HostStagedDatabase::swap(&mut run.view(), staged, None, true).await.unwrap().unwrap();
    assert_eq!(run.view().restorable("default".to_owned()).await.unwrap().unwrap().len(), 1);
    assert_eq!(run.view().summary("default".to_owned()).await.unwrap().unwrap().tables, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_database_is_replaced_and_restored() {
    let server = Server::shared();
    let url = server.database();
    let name = url.split(['/', '?']).nth(3).unwrap().to_owned();
    replace_and_restore(Run::new(&url, Path::new("/"), ALL)).await;
    assert_eq!(server.sql("postgres", &format!("SELECT count(*) FROM pg_database WHERE datname LIKE '{name}_staged%'")), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sqlite_database_is_replaced_and_restored() {
    let folder = tempfile::tempdir().unwrap();
    replace_and_restore(Run::new("sqlite://app.db", folder.path(), ALL)).await;
    let files: Vec<String> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(files.iter().all(|file| !file.contains("staged")), "{files:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn open_clients_hold_a_swap_up_unless_they_are_disconnected() {
    let server = Server::shared();
    let url = server.database();
    let (mut run, mut other) = (Run::new(&url, Path::new("/"), ALL), Run::new(&url, Path::new("/"), ALL));
    let client = other.open().await;
    let staged = run.stage().await.unwrap();
    let refused = HostStagedDatabase::swap(&mut run.view(), staged, None, false).await.unwrap();
    assert!(matches!(&refused, Err(Error::QueryFailed(error)) if error.code == "55006"), "{refused:?}");
    assert_eq!(other.value(client, "SELECT 1").await, Value::Integer(1));
    let staged = run.stage().await.unwrap();
    HostStagedDatabase::swap(&mut run.view(), staged, None, true).await.unwrap().unwrap();
    assert!(other.query(client, "SELECT 1").await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn leftovers_of_a_killed_run_are_deleted_by_the_next_stage_and_others_are_not() {
    let server = Server::shared();
    let url = server.database();
    let name = url.split(['/', '?']).nth(3).unwrap().to_owned();
    server.sql("postgres", &format!("CREATE DATABASE {name}_staged_0123456789ab"));
    server.sql("postgres", &format!("CREATE DATABASE {name}_staged_by_somebody"));
    let mut run = Run::new(&url, Path::new("/"), ALL);
    let mut second = Run::new(&url, Path::new("/"), ALL);
    let staged = run.stage().await.unwrap();
    let other = second.stage().await.unwrap();
    let count = format!("SELECT count(*) FROM pg_database WHERE datname LIKE '{name}_staged_%'");
    assert_eq!(server.sql("postgres", &count), "3");
    HostStagedDatabase::drop(&mut run.view(), staged).await.unwrap();
    HostStagedDatabase::drop(&mut second.view(), other).await.unwrap();
    assert_eq!(server.sql("postgres", &count), "1");
}
