//! `lockedmigrate`: migrations under an advisory lock, beside the real django-kubernetes.

use std::time::Duration;

use crate::harness::{Django, Shop, fresh_folder, until};

const ITEMS: &str = "CREATE TABLE items (id INTEGER);\nINSERT INTO items VALUES (1);\n";
/// Advisory locks that are held in this database.
const HELD: &str = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
/// Sessions that wait for one in a blocking call.
const WAITING: &str = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

fn shop() -> Shop {
    Shop::on_postgres().command("lockedmigrate").migration("1_items", ITEMS)
}

#[test]
fn of_fifty_at_once_one_applies_and_none_fails() {
    let shop = shop().migration("2_more", "CREATE TABLE more (id INTEGER);");
    // The compiled form is stored first, so that fifty hosts do not compile it fifty times.
    shop.run("lockedmigrate --plan").succeeds();
    let runs: Vec<_> = (0..50).map(|_| shop.run("lockedmigrate --lock-timeout 50").start()).collect();
    let outputs: Vec<_> = runs.into_iter().map(|run| run.wait().ended(0)).collect();
    let applied = outputs.iter().filter(|output| output.stdout.contains("Applying shop.1_items... OK")).count();
    assert_eq!(applied, 1);
    assert_eq!(shop.sql("SELECT count(*) FROM items"), "1");
    assert_eq!(shop.applied(), "1 2");
    assert_eq!(shop.sql(HELD), "0");
}

#[test]
fn whoever_holds_the_lock_is_named_when_the_time_is_over() {
    let shop = shop();
    let _holder = shop.postgres().session("SELECT pg_advisory_lock(1000)");
    until("the lock is taken", || shop.sql(HELD) == "1");
    let output = shop.run("lockedmigrate -L 1000 --lock-timeout 1").ends(6).says("psql").says("`postgres`").says("hint: ");
    assert!(output.took > Duration::from_secs(1), "{output}");
    shop.run("lockedmigrate -L 1001 --lock-timeout 1").succeeds();
}

#[test]
fn the_real_lockedmigrate_waits_for_ours_with_the_same_id() {
    let shop = shop().migration("2_slow", "SELECT pg_advisory_xact_lock(9);");
    let django = Django::new(fresh_folder("django"), shop.postgres());
    let gate = shop.postgres().session("SELECT pg_advisory_lock(9)");
    until("the gate is closed", || shop.sql(HELD) == "1");
    let ours = shop.run("lockedmigrate -L 1000").start();
    until("ours waits at the gate with its lock", || shop.sql(WAITING) == "1");
    let mut theirs = django.command("lockedmigrate -L 1000 --noinput").spawn().unwrap();
    until("theirs waits for ours", || shop.sql(WAITING) == "2");
    drop(gate);
    ours.wait().ended(0);
    assert!(theirs.wait().unwrap().success());
    assert_eq!(shop.sql("SELECT count(*) > 0 FROM django_migrations"), "t");
}

#[test]
fn ours_waits_for_the_real_lockedmigrate_with_the_same_id() {
    let shop = shop();
    let django = Django::new(fresh_folder("django"), shop.postgres());
    // Their first statement under the lock creates a table that is locked here.
    django.manage("migrate contenttypes --noinput");
    let gate = shop.postgres().session("BEGIN; LOCK TABLE django_migrations IN ACCESS EXCLUSIVE MODE");
    until("their table is locked", || {
        shop.sql(
            "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted AND relation = 'django_migrations'::regclass",
        ) == "1"
    });
    let mut theirs = django.command("lockedmigrate -L 1000 --noinput").spawn().unwrap();
    until("theirs holds the lock", || shop.sql(HELD) == "1");
    shop.run("lockedmigrate -L 1000 --lock-timeout 1").ends(6);
    let mut ours = shop.run("lockedmigrate -L 1000").start();
    std::thread::sleep(Duration::from_millis(300));
    assert!(ours.is_running());
    drop(gate);
    assert!(theirs.wait().unwrap().success());
    ours.wait().ended(0).prints("Applying shop.1_items... OK");
}

#[test]
fn a_concurrent_index_is_built_while_others_wait_for_the_lock() {
    let shop = shop().migration("2_index", "-- no-transaction\nCREATE INDEX CONCURRENTLY items_id ON items (id);\n");
    shop.run("lockedmigrate --plan").succeeds();
    let runs: Vec<_> = (0..5).map(|_| shop.run("lockedmigrate -L 1000").start()).collect();
    for run in runs {
        run.wait().ended(0);
    }
    assert_eq!(shop.sql("SELECT indisvalid FROM pg_index WHERE indexrelid = 'items_id'::regclass"), "t");
}

#[test]
fn on_sqlite_the_lock_keeps_hosts_of_one_machine_apart() {
    let shop = Shop::on_sqlite().command("lockedmigrate").migration("1_items", ITEMS);
    shop.run("lockedmigrate --plan").succeeds();
    let runs: Vec<_> = (0..8).map(|_| shop.run("lockedmigrate").start()).collect();
    let outputs: Vec<_> = runs.into_iter().map(|run| run.wait().ended(0)).collect();
    assert_eq!(outputs.iter().filter(|output| output.stdout.contains("Applying shop.1_items... OK")).count(), 1);
    assert_eq!(shop.sql("SELECT count(*) FROM items"), "1");
}
