//! `init_db`: recreates the configured database, never half.

use crate::harness::{Shop, Terminal, until};

fn shops() -> [Shop; 2] {
    Shop::on_both().map(prepared)
}

/// One migration applied, and a row that the migration does not make.
fn prepared(shop: Shop) -> Shop {
    let shop = shop.command("init_db").command("migrate").migration("1_users", "CREATE TABLE users (id INTEGER);");
    shop.migrate("").succeeds();
    shop.sql_batch("INSERT INTO users VALUES (1)");
    shop
}

/// The name to type.
fn name(shop: &Shop) -> String {
    if shop.is_postgres() { shop.postgres().name().to_owned() } else { "app.db".to_owned() }
}

fn users(shop: &Shop) -> String {
    shop.sql("SELECT count(*) FROM users")
}

#[test]
fn without_the_name_nothing_happens() {
    for shop in shops() {
        shop.run("init_db").ends(5).says("--confirm-name");
        shop.run("init_db --yes").ends(5);
        shop.run("init_db --confirm-name other").ends(5);
        assert_eq!(users(&shop), "1");
    }
}

#[test]
fn the_old_database_is_kept_and_the_new_one_is_migrated() {
    for shop in shops() {
        let output = shop.run(&format!("init_db --confirm-name {}", name(&shop))).succeeds();
        assert_eq!(users(&shop), "0", "{output}");
        assert_eq!(shop.applied(), "1");
        let told = format!("{}{}", output.stdout, output.stderr);
        assert!(told.contains("restore"), "no way back is shown\n{output}");
    }
}

#[test]
fn dropping_deletes_it_for_good() {
    let shop = prepared(Shop::on_postgres());
    shop.run(&format!("init_db --drop --confirm-name {}", name(&shop))).succeeds();
    assert_eq!(users(&shop), "0");
    let kept = format!("SELECT count(*) FROM pg_database WHERE datname LIKE '{}%'", name(&shop));
    assert_eq!(shop.sql(&kept), "1");
}

#[test]
fn a_migration_that_fails_leaves_the_old_database_in_place() {
    for shop in shops() {
        shop.write("migrations/2_bad.sql", "SELEC 1;");
        shop.run(&format!("init_db --confirm-name {}", name(&shop))).ends(1).says("2_bad.sql");
        assert_eq!(users(&shop), "1");
        if shop.is_postgres() {
            let left = format!("SELECT count(*) FROM pg_database WHERE datname LIKE '{}%'", name(&shop));
            assert_eq!(shop.sql(&left), "1", "a half-made database is left");
        }
    }
}

#[test]
fn open_connections_are_shown_and_stop_it() {
    let shop = prepared(Shop::on_postgres());
    let open = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%pg_sleep(61)%' AND pid <> pg_backend_pid()";
    let _session = shop.postgres().session("SELECT pg_sleep(61)");
    until("somebody is connected", || shop.sql(open) == "1");
    let output = shop.run(&format!("init_db --confirm-name {}", name(&shop))).start().wait();
    assert_ne!(output.code, Some(0), "{output}");
    assert!(format!("{}{}", output.stdout, output.stderr).contains("psql"), "{output}");
    assert_eq!(users(&shop), "1");
}

#[test]
fn on_a_terminal_the_name_must_be_typed() {
    let shop = prepared(Shop::on_postgres());
    for (typed, code, left) in [("something", 5, "1"), (name(&shop).as_str(), 0, "0")] {
        let mut terminal = Terminal::start(&shop.run("init_db"));
        terminal.sees(&name(&shop)).sees("ype").types(typed);
        terminal.ends(code);
        assert_eq!(users(&shop), left);
    }
}

#[test]
fn without_the_power_it_is_denied_before_it_starts() {
    let shop = prepared(Shop::on_sqlite());
    shop.write("host.toml", shop.read("host.toml").replace(", \"admin\"]", "]"));
    shop.run("init_db --confirm-name app.db").ends(4).says("admin");
    assert_eq!(users(&shop), "1");
}
