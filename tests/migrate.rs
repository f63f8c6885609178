//! `migrate` and `showmigrations` on SQLite and PostgreSQL, beside the real sqlx-cli.

use crate::harness::{Postgres, Shop, shared_postgres, signal, until};

const USERS: &str = "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL);\n";
const POSTS: &str = "CREATE TABLE posts (id INTEGER PRIMARY KEY, title TEXT);\nINSERT INTO posts (id, title) VALUES (1, 'first');\n";
/// Key of the lock at which a migration waits for the test.
const GATE: i64 = 77_001;

fn commands(shop: Shop) -> Shop {
    shop.command("migrate").command("showmigrations")
}

/// Users and posts on each engine.
fn two_migrations() -> [Shop; 2] {
    Shop::on_both().map(|shop| commands(shop).migration("0001_users", USERS).migration("0002_posts", POSTS))
}

#[test]
fn pending_migrations_are_applied_in_order_and_only_once() {
    for shop in two_migrations() {
        shop.migrate("").succeeds().prints("Applying shop.0001_users... OK").prints("Applying shop.0002_posts... OK");
        assert_eq!(shop.sql("SELECT title FROM posts"), "first");
        assert_eq!(shop.applied(), "1 2");
        shop.migrate("").succeeds().prints("No migrations to apply.");
        assert_eq!(shop.sql("SELECT count(*) FROM posts"), "1");
    }
}

#[test]
fn a_plan_says_what_would_be_done_and_changes_nothing() {
    for shop in two_migrations() {
        shop.migrate("--plan").succeeds().prints("shop.0001_users").prints("shop.0002_posts");
        shop.run("showmigrations").succeeds().prints("shop\n [ ] 0001_users\n [ ] 0002_posts\n");
        shop.migrate("").succeeds();
        shop.run("showmigrations").succeeds().prints("shop\n [X] 0001_users\n [X] 0002_posts\n");
        shop.run("showmigrations --plan").succeeds().prints("[X]  shop.0001_users\n");
    }
}

#[test]
fn a_check_ends_with_3_until_everything_is_applied() {
    for shop in two_migrations() {
        shop.migrate("--check").ends(3);
        shop.migrate("").succeeds();
        shop.migrate("--check").succeeds();
    }
}

#[test]
fn sqlx_agrees_with_what_migrate_did() {
    for shop in two_migrations() {
        shop.migrate("").succeeds();
        let info = shop.sqlx("info");
        assert!(info.contains("1/installed users") && info.contains("2/installed posts"), "{info}");
        assert!(!shop.sqlx("run").contains("Applied"));
    }
}

#[test]
fn migrate_agrees_with_what_sqlx_did() {
    for shop in two_migrations() {
        shop.sqlx("run");
        shop.run("showmigrations").succeeds().prints(" [X] 0001_users\n [X] 0002_posts\n");
        shop.migrate("").succeeds().prints("No migrations to apply.");
        shop.write("migrations/0003_more.sql", "CREATE TABLE more (id INTEGER);");
        shop.migrate("").succeeds().prints("Applying shop.0003_more... OK").lacks("0001_users...");
        assert!(shop.sqlx("info").contains("3/installed more"));
    }
}

#[test]
fn down_migrations_undo_what_is_beyond_the_target() {
    for shop in Shop::on_both() {
        let shop = commands(shop)
            .migration("0001_a.up", "CREATE TABLE a (id INTEGER);")
            .migration("0001_a.down", "DROP TABLE a;")
            .migration("0002_b.up", "CREATE TABLE b (id INTEGER);")
            .migration("0002_b.down", "DROP TABLE b;");
        shop.migrate("").succeeds();
        shop.migrate("shop 0001").succeeds().prints("0002_b");
        assert_eq!(shop.applied(), "1");
        assert!(shop.sqlx("info").contains("2/pending b"));
        shop.migrate("shop zero").succeeds();
        assert_eq!(shop.applied(), "");
        shop.migrate("").succeeds();
        assert_eq!(shop.applied(), "1 2");
        shop.sqlx("revert");
        shop.run("showmigrations").succeeds().prints(" [X] 0001_a\n [ ] 0002_b\n");
    }
}

#[test]
fn a_migration_without_its_way_back_is_not_undone() {
    for shop in two_migrations() {
        shop.migrate("").succeeds();
        shop.migrate("shop zero").ends(1).says("cannot be undone").says("nothing was changed");
        assert_eq!(shop.applied(), "1 2");
    }
}

#[test]
fn an_edited_migration_stops_everything_before_anything_is_applied() {
    for shop in two_migrations() {
        shop.migrate("").succeeds();
        shop.write("migrations/0001_users.sql", format!("{USERS}-- changed\n"));
        shop.write("migrations/0003_more.sql", "CREATE TABLE more (id INTEGER);");
        shop.migrate("").ends(1).says("`shop.0001_users` is edited").says("hint: ");
        assert_eq!(shop.applied(), "1 2");
        shop.run("showmigrations").succeeds().prints("edited");
    }
}

#[test]
fn changed_line_endings_are_told_apart_and_repaired_alone() {
    for shop in two_migrations() {
        shop.migrate("").succeeds();
        let kept = shop.sql("SELECT checksum FROM _sqlx_migrations WHERE version = 1");
        shop.write("migrations/0002_posts.sql", POSTS.replace('\n', "\r\n"));
        shop.run("showmigrations").succeeds().prints("line-endings");
        shop.migrate("--repair").succeeds();
        assert!(shop.sqlx("info").contains("2/installed posts"));
        assert!(!shop.sqlx("info").contains("different"), "{}", shop.sqlx("info"));
        assert_eq!(shop.sql("SELECT checksum FROM _sqlx_migrations WHERE version = 1"), kept);

        shop.write("migrations/0002_posts.sql", format!("{POSTS}-- changed\n"));
        let before = shop.sql("SELECT checksum FROM _sqlx_migrations WHERE version = 2");
        assert_ne!(shop.migrate("--repair").start().wait().code, Some(0));
        assert_eq!(shop.sql("SELECT checksum FROM _sqlx_migrations WHERE version = 2"), before, "an edit is no line ending");
    }
}

#[test]
fn missing_out_of_order_and_duplicate_versions_are_found_before_anything_is_applied() {
    for shop in two_migrations() {
        shop.migrate("").succeeds();
        shop.write("migrations/0004_last.sql", "CREATE TABLE last (id INTEGER);");
        std::fs::remove_file(shop.path("migrations/0002_posts.sql")).unwrap();
        shop.migrate("").ends(1).says("0002_posts` is missing");
        shop.run("showmigrations").succeeds().prints("missing");
        shop.write("migrations/0002_posts.sql", POSTS);
        shop.migrate("").succeeds();

        shop.write("migrations/0003_late.sql", "CREATE TABLE late (id INTEGER);");
        shop.migrate("").ends(1).says("`shop.0003_late` is out of order");
        assert_eq!(shop.applied(), "1 2 4");

        shop.write("migrations/0004_again.sql", "CREATE TABLE again (id INTEGER);");
        shop.migrate("").ends(1).says("0004_again.sql").says("0004_last.sql");
        assert_eq!(shop.applied(), "1 2 4");
    }
}

#[test]
fn a_failure_names_file_line_and_code_and_leaves_nothing_of_the_migration() {
    for shop in two_migrations() {
        shop.write("migrations/0003_bad.sql", "CREATE TABLE good (id INTEGER);\n\nINSERT INTO nowhere VALUES (1);\n");
        shop.write("migrations/0004_after.sql", "CREATE TABLE after (id INTEGER);");
        let code = if shop.is_postgres() { "42P01" } else { "1" };
        let output = shop.migrate("").ends(1);
        let output = output.says("migrations/0003_bad.sql").says("nowhere").says(code).says("rolled back").says("hint: ");
        assert!(output.stderr.contains(":3") || output.stderr.contains("line 3"), "the line is not named\n{output}");
        assert_eq!(shop.applied(), "1 2");
        let good = if shop.is_postgres() {
            "SELECT to_regclass('good') IS NULL"
        } else {
            "SELECT count(*) = 0 FROM sqlite_master WHERE name = 'good'"
        };
        assert!(["t", "1"].contains(&shop.sql(good).as_str()), "a part of the failed migration is still there");
        shop.write("migrations/0003_bad.sql", "CREATE TABLE good (id INTEGER);\n");
        shop.migrate("").succeeds();
        assert_eq!(shop.applied(), "1 2 3 4");
    }
}

#[test]
fn faked_migrations_are_recorded_and_not_run() {
    for shop in two_migrations() {
        shop.migrate("--fake").succeeds().prints("FAKED");
        assert_eq!(shop.applied(), "1 2");
        shop.run("showmigrations --json").succeeds().prints("\"faked\"");
        assert!(shop.sqlx("info").contains("2/installed posts"));
    }
}

#[test]
fn an_initial_migration_is_faked_only_where_its_tables_exist() {
    for shop in two_migrations() {
        shop.sql_batch("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL)");
        shop.migrate("--fake-initial").succeeds().prints("shop.0001_users... FAKED").prints("shop.0002_posts... OK");
        assert_eq!(shop.applied(), "1 2");
        assert_eq!(shop.sql("SELECT title FROM posts"), "first");
    }
}

#[test]
fn a_folder_is_an_app_with_a_table_of_its_own() {
    for shop in two_migrations() {
        shop.write("migrations/blog/1_start.sql", "CREATE TABLE entries (id INTEGER);");
        shop.migrate("blog").succeeds().prints("Applying blog.1_start... OK").lacks("shop.0001");
        assert_eq!(shop.sql("SELECT count(*) FROM _sqlx_migrations_blog"), "1");
        shop.migrate("").succeeds().prints("Applying shop.0002_posts... OK");
        shop.run("showmigrations blog").succeeds().prints_only("blog\n [X] 1_start\n");
        shop.run("showmigrations blgo").ends(2).says("`blgo`").says("did you mean `blog`?");
    }
}

#[test]
fn rows_without_a_file_are_forgotten_only_when_asked() {
    for shop in two_migrations() {
        shop.migrate("").succeeds();
        std::fs::remove_file(shop.path("migrations/0002_posts.sql")).unwrap();
        shop.migrate("shop --prune --yes").succeeds();
        assert_eq!(shop.applied(), "1");
    }
}

#[test]
fn every_form_is_one_json_document_when_asked() {
    for shop in two_migrations() {
        for words in ["migrate --plan --json", "migrate --json", "migrate --json", "showmigrations --json", "showmigrations --plan --json"]
        {
            shop.run(words).succeeds().json();
            shop.host(&format!("--json run {words}")).succeeds().json();
        }
        shop.write("migrations/0003_bad.sql", "SELEC 1;");
        let failed = shop.migrate("--json").ends(1);
        assert!(failed.json().to_string().contains("0003_bad"), "{failed}");
    }
}

#[test]
fn a_concurrent_index_is_built_by_a_migration_outside_of_a_transaction() {
    let shop = commands(Shop::on_postgres())
        .migration("1_users", USERS)
        .migration("2_index", "-- no-transaction\nCREATE INDEX CONCURRENTLY users_name ON users (name);\n");
    shop.migrate("").succeeds();
    assert_eq!(shop.sql("SELECT indisvalid FROM pg_index WHERE indexrelid = 'users_name'::regclass"), "t");
    assert!(shop.sqlx("info").contains("2/installed index"));
}

#[test]
fn an_application_that_migrates_itself_is_waited_for_and_named() {
    let shop = commands(Shop::on_postgres()).migration("1_users", USERS);
    let key = 0x3d32_ad9e * i64::from(crc32(shop.postgres().name().as_bytes()));
    let holder = shop.postgres().session(&format!("SELECT pg_advisory_lock({key})"));
    until("the lock is taken", || shop.sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted") != "0");
    shop.migrate("--lock-timeout 1").ends(6).says("psql").says("hint: ");
    assert_eq!(shop.sql("SELECT to_regclass('users') IS NULL"), "t");
    let waiting = shop.migrate("--lock-timeout 30").start();
    drop(holder);
    waiting.wait().ended(0);
}

#[test]
fn a_host_killed_at_any_moment_leaves_whole_migrations_that_the_next_one_continues() {
    let slow = |engine: &str, number: u32| match engine {
        "postgres" => format!("CREATE TABLE t{number} (n INTEGER);\nSELECT pg_sleep(0.02);\nINSERT INTO t{number} VALUES ({number});\n"),
        _ => format!(
            "CREATE TABLE t{number} (n INTEGER);\nINSERT INTO t{number} WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 60000) SELECT n FROM c;\nDELETE FROM t{number} WHERE n > 1;\n"
        ),
    };
    let mut seen = std::collections::BTreeSet::new();
    for step in 0..10_u64 {
        for shop in Shop::on_both() {
            let engine = if shop.is_postgres() { "postgres" } else { "sqlite" };
            let shop = (1..=5).fold(shop.command("migrate"), |shop, number| shop.migration(&format!("{number}_t"), &slow(engine, number)));
            let mut killed = shop.migrate("").start();
            std::thread::sleep(std::time::Duration::from_millis(10 + step * 18));
            killed.kill();
            let output = killed.wait();
            let interrupted = output.signal == Some(9);
            let before = if interrupted { output.stdout.matches("OK").count() } else { 5 };
            seen.insert((engine, before));
            shop.migrate("").succeeds();
            assert_eq!(shop.applied(), "1 2 3 4 5", "{engine}, killed after {before}");
            for number in 1..=5 {
                assert_eq!(shop.sql(&format!("SELECT count(*) FROM t{number}")), "1", "{engine}, t{number}, killed after {before}");
            }
            assert!(!shop.sqlx("info").contains("pending"));
        }
    }
    assert!(seen.len() >= 4, "the moments were too much alike: {seen:?}");
}

#[test]
fn a_killed_migration_outside_of_a_transaction_is_called_unfinished_and_can_be_retried() {
    let script = format!(
        "-- no-transaction\nCREATE TABLE IF NOT EXISTS half (id INTEGER);\nSELECT pg_advisory_lock({GATE});\nSELECT pg_advisory_unlock({GATE});\n"
    );
    let shop = commands(Shop::on_postgres()).migration("1_half", &script);
    let gate = shop.postgres().session(&format!("SELECT pg_advisory_lock({GATE})"));
    until("the gate is closed", || shop.sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted") != "0");
    let mut run = shop.migrate("").start();
    until("it waits at the gate", || shop.sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted") == "1");
    run.kill();
    run.wait();
    drop(gate);
    shop.run("showmigrations").succeeds().prints("unfinished");
    shop.migrate("").ends(1).says("`shop.1_half` is unfinished").says("--retry");
    shop.migrate("shop --retry").succeeds();
    assert_eq!(shop.applied(), "1");
}

#[test]
fn a_server_killed_in_the_middle_of_a_migration_rolls_it_back() {
    let mut server = Postgres::start();
    let script = format!("CREATE TABLE half (id INTEGER);\nSELECT pg_advisory_xact_lock({GATE});\n");
    let shop = commands(Shop::on(server.database())).migration("1_users", USERS).migration("2_half", &script);
    let gate = shop.postgres().session(&format!("SELECT pg_advisory_lock({GATE})"));
    until("the gate is closed", || shop.sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted") != "0");
    let run = shop.migrate("").start();
    until("it waits at the gate", || shop.sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted") == "1");
    server.kill();
    run.wait().ended(9).says("`shop.2_half` failed").says("hint: ");
    drop(gate);
    shop.migrate("").ends(9);
    server.restart();
    shop.migrate("").succeeds().prints("Applying shop.2_half... OK").lacks("1_users...");
    assert_eq!(shop.applied(), "1 2");
}

#[test]
fn signals_end_a_migration_with_their_code_and_roll_it_back() {
    for (name, code) in [("INT", 130), ("TERM", 143)] {
        let script = "CREATE TABLE half (id INTEGER);\nSELECT pg_sleep(60);\n";
        let shop = commands(Shop::on(shared_postgres().database())).migration("1_half", script);
        let run = shop.migrate("").start();
        until("it sleeps", || {
            shop.sql("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()") == "1"
        });
        signal(name, run.id());
        run.wait().ended(code).says("rolled back");
        let busy = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
        until("its session is gone", || shop.sql(busy) == "0");
        assert_eq!(shop.sql("SELECT to_regclass('half') IS NULL"), "t");
    }
}

/// CRC-32 as sqlx computes its lock's key from.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 })
    })
}
