//! What counts as a migration file, and what is found before anything is applied.

use std::fs;
use std::path::PathBuf;

use super::{App, Kind, LoadError, load, parse_name, script};

struct Folder(PathBuf);

impl Folder {
    fn with(test: &str, files: &[(&str, &[u8])]) -> Self {
        let path = std::env::temp_dir().join(format!("migrations-{}-{test}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        for (file, text) in files {
            let file = path.join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        Self(path)
    }

    fn load(&self) -> Result<Vec<App>, LoadError> {
        load(self.0.to_str().unwrap(), "shop")
    }

    fn problems(&self) -> String {
        match self.load() {
            Err(LoadError::Problems(problems)) => problems.join("\n"),
            other => panic!("{other:?}"),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn names(app: &App) -> Vec<&str> {
    app.migrations.iter().map(|migration| migration.name.as_str()).collect()
}

#[test]
fn file_names_are_read_as_sqlx_reads_them() {
    let parsed = parse_name("0003_add_a_column.up.sql").unwrap().unwrap();
    assert_eq!(
        (parsed.version, parsed.kind, parsed.name.as_str(), parsed.description.as_str()),
        (3, Kind::Up, "0003_add_a_column", "add a column")
    );
    assert_eq!(parse_name("20240101120000_x.sql").unwrap().unwrap().version, 20_240_101_120_000);
    assert_eq!(parse_name("1_a.sql.sql").unwrap().unwrap().description, "a");
    for ignored in ["0001-initial.sql", "README.md", "0001_initial.SQL", "schema.sql", "0001_notes.txt"] {
        assert!(parse_name(ignored).is_none(), "{ignored}");
    }
    assert!(parse_name("first_table.sql").unwrap().is_err());
    assert!(parse_name("99999999999999999999_x.sql").unwrap().is_err());
}

#[test]
fn files_are_sorted_by_number_and_downs_join_their_ups() {
    let folder =
        Folder::with("sorted", &[("10_c.sql", b""), ("9_b.up.sql", b"u"), ("9_b.down.sql", b"d"), ("1_a.sql", b""), ("notes.txt", b"")]);
    let apps = folder.load().unwrap();
    assert_eq!(names(&apps[0]), ["1_a", "9_b", "10_c"]);
    assert_eq!(apps[0].migrations[1].down.as_ref().unwrap().text, "d");
}

#[test]
fn folders_are_apps_with_tables_of_their_own() {
    let folder = Folder::with(
        "apps",
        &[("1_a.sql", b""), ("Billing/1_b.sql", b""), ("audit/schema.sql", b"x"), (".git/1_x.sql", b""), ("old notes/x.txt", b"")],
    );
    let apps = folder.load().unwrap();
    let tables: Vec<_> = apps.iter().map(|app| (app.label.as_str(), app.table.as_str())).collect();
    assert_eq!(tables, [("shop", "_sqlx_migrations"), ("Billing", "_sqlx_migrations_billing"), ("audit", "_sqlx_migrations_audit")]);
    assert!(apps[2].migrations.is_empty() && apps[2].schema.is_some());
}

#[test]
fn every_problem_of_a_folder_is_reported_at_once_with_its_file() {
    let folder = Folder::with(
        "problems",
        &[
            ("1_a.sql", b""),
            ("01_b.sql", b""),
            ("2_x.down.sql", b""),
            ("3_bad.sql", b"ok\n\xff\n"),
            ("nope_x.sql", b""),
            ("my app/1_x.sql", b""),
        ],
    );
    let problems = folder.problems();
    for part in [
        "version 1 is there 2 times",
        "01_b.sql`",
        "2_x.down.sql` undoes version 2",
        "3_bad.sql` is not UTF-8 text: line 2, byte 3",
        "`nope_x.sql` does not begin",
        "my app`",
    ] {
        assert!(problems.contains(part), "{part}\n{problems}");
    }
}

#[test]
fn a_simple_file_beside_an_up_file_of_the_same_version_is_a_duplicate() {
    let folder = Folder::with("mixed", &[("1_a.sql", b""), ("1_a.up.sql", b""), ("1_a.down.sql", b"")]);
    assert!(folder.problems().contains("version 1 is there 2 times"));
}

#[test]
fn two_folders_that_differ_only_in_case_are_refused() {
    let folder = Folder::with("case", &[("Shop/1_a.sql", b"")]);
    assert!(folder.problems().contains("are both called `shop`"));
}

#[test]
fn a_missing_folder_is_an_error_of_its_own_and_an_empty_one_is_none() {
    assert!(matches!(load("/nonexistent/migrations", "shop"), Err(LoadError::NoFolder(_))));
    assert!(Folder::with("empty", &[]).load().unwrap()[0].migrations.is_empty());
}

#[test]
fn no_transaction_counts_only_as_the_very_first_text() {
    assert!(script("a".to_owned(), b"-- no-transaction\nSELECT 1".to_vec()).unwrap().no_transaction);
    assert!(!script("a".to_owned(), b"\n-- no-transaction".to_vec()).unwrap().no_transaction);
    assert!(!script("a".to_owned(), "\u{feff}-- no-transaction".as_bytes().to_vec()).unwrap().no_transaction);
}
