//! `wait4db`: ready and migrated, whatever the server does meanwhile.

use std::net::TcpListener;
use std::thread::sleep;
use std::time::Duration;

use crate::harness::{Postgres, Shop};

fn shop(server: &Postgres) -> Shop {
    Shop::on(server.database()).command("wait4db").command("migrate")
}

#[test]
fn a_database_that_is_there_and_migrated_is_ready_after_the_stable_time() {
    for shop in Shop::on_both() {
        let shop = shop.command("wait4db");
        shop.sql_batch("CREATE TABLE here (id INTEGER)");
        shop.run("wait4db -t 5 -s 0").succeeds();
        let output = shop.run("wait4db -t 10 -s 1 -i 1").succeeds();
        assert!(output.took >= Duration::from_secs(1), "{output}");
    }
}

#[test]
fn pending_migrations_are_named_when_the_time_is_over() {
    for shop in Shop::on_both() {
        let shop = shop.command("wait4db").command("migrate").migration("1_users", "CREATE TABLE users (id INTEGER);");
        shop.sql_batch("CREATE TABLE here (id INTEGER)");
        let output = shop.run("wait4db -t 1 -s 0 -i 1").ends(3).says("1_users").says("hint: ");
        assert!(output.took < Duration::from_secs(4), "{output}");
        shop.migrate("").succeeds();
        shop.run("wait4db -t 5 -s 0").succeeds();
    }
}

#[test]
fn migrations_that_are_applied_meanwhile_end_the_wait() {
    let shop = Shop::on_postgres().command("wait4db").command("migrate").migration("1_users", "CREATE TABLE users (id INTEGER);");
    let waiting = shop.run("wait4db -t 20 -s 0 -i 1").start();
    sleep(Duration::from_millis(300));
    shop.migrate("").succeeds();
    waiting.wait().ended(0);
}

#[test]
fn a_server_that_starts_late_is_waited_for() {
    let mut server = Postgres::start();
    let shop = shop(&server);
    server.stop();
    let mut waiting = shop.run("wait4db -t 20 -s 0 -i 1").start();
    sleep(Duration::from_millis(700));
    assert!(waiting.is_running());
    server.restart();
    waiting.wait().ended(0);
}

#[test]
fn a_restart_in_the_stable_time_begins_it_anew() {
    let mut server = Postgres::start();
    let shop = shop(&server);
    let waiting = shop.run("wait4db -t 30 -s 3 -i 1").start();
    sleep(Duration::from_millis(1500));
    server.stop();
    sleep(Duration::from_millis(1200));
    server.restart();
    let output = waiting.wait().ended(0);
    assert!(output.took > Duration::from_millis(5500), "the stable time did not begin anew\n{output}");
}

#[test]
fn a_server_that_accepts_and_never_answers_does_not_hold_it_beyond_its_time() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let shop = Shop::on_sqlite().command("wait4db");
    let toml = shop.read("host.toml").replace("sqlite://var/app.db", &format!("postgres://app@127.0.0.1:{port}/app"));
    shop.write("host.toml", toml);
    let output = shop.run("wait4db -t 2 -s 0 -i 1").ends(124).says("hint: ");
    assert!(output.took < Duration::from_secs(5), "{output}");
    drop(listener);
}

#[test]
fn a_wrong_password_or_database_fails_at_once() {
    let server = Postgres::start();
    let database = server.database();
    database.sql("CREATE ROLE app LOGIN PASSWORD 'right'");
    server.authenticate("local all app scram-sha-256");
    for (url, code) in [(database.url_as("app:wrong"), "28P01"), (server.named("nowhere").url(), "3D000")] {
        let shop = Shop::on_sqlite().command("wait4db");
        shop.write("host.toml", shop.read("host.toml").replace("sqlite://var/app.db", &url));
        let output = shop.run("wait4db -t 30").ends(9).says(code).says("hint: ").lacks("wrong\"").lacks("app:wrong");
        assert!(output.took < Duration::from_secs(5), "{output}");
    }
}

#[test]
fn the_deadline_of_a_server_that_is_down_is_kept() {
    let mut server = Postgres::start();
    let shop = shop(&server);
    server.stop();
    let output = shop.run("wait4db -t 2 -s 0 -i 1").ends(124).says("hint: `host config sql.default.url` shows");
    assert!(output.took >= Duration::from_secs(2) && output.took < Duration::from_secs(5), "{output}");
}
