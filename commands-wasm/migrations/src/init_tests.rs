//! `init_db` is never half done, and never done without the name.

use super::{Client, Server, Summary, Wish, kept_name, recreate, restore};
use crate::failure::Code;
use crate::files::App;
use crate::ledger::{Error, Ledger, Result};
use crate::memory::Memory;
use crate::report::Report;
use crate::state::tests::{app, migration};
use crate::talk::tests::Heard;

#[derive(Default)]
struct Fake {
    summary: Summary,
    staged: Memory,
    kept: Vec<String>,
    swap_fails: bool,
    happened: Vec<String>,
}

impl Server for Fake {
    fn summary(&mut self) -> Result<Summary> {
        Ok(self.summary.clone())
    }
    fn stage(&mut self) -> Result<&mut dyn Ledger> {
        self.happened.push("stage".to_owned());
        Ok(&mut self.staged)
    }
    fn swap(&mut self, keep_as: Option<&str>, disconnect: bool) -> Result<()> {
        if self.swap_fails {
            return Err(Error::Other("in use".to_owned()));
        }
        self.happened.push(format!("swap {} {disconnect}", keep_as.map_or("drop", |_| "keep")));
        Ok(())
    }
    fn discard(&mut self) {
        self.happened.push("discard".to_owned());
    }
    fn restorable(&mut self) -> Result<Vec<String>> {
        Ok(self.kept.clone())
    }
    fn restore(&mut self, kept: &str, _keep_as: &str, _disconnect: bool) -> Result<()> {
        self.happened.push(format!("restore {kept}"));
        Ok(())
    }
}

fn shop() -> Fake {
    Fake { summary: Summary { exists: true, database: "shop".to_owned(), bytes: 1, tables: 3, clients: vec![] }, ..Fake::default() }
}

fn named(name: &str) -> Wish {
    Wish { confirmed: Some(name.to_owned()), ..Wish::default() }
}

fn ran(wish: &Wish, text: &str, server: &mut Fake, heard: &mut Heard) -> crate::failure::Result<super::Done> {
    let apps: Vec<App> = vec![app("shop", vec![migration(1, text)])];
    recreate(wish, apps, server, heard, &mut Report::default())
}

#[test]
fn the_new_database_is_migrated_before_it_takes_the_place_and_the_way_back_is_printed() {
    let (mut server, mut heard) = (shop(), Heard::default());
    let done = ran(&named("shop"), "a", &mut server, &mut heard).unwrap();
    assert_eq!(server.happened, ["stage", "swap keep false"]);
    assert_eq!(server.staged.done(), ["a"]);
    assert!(heard.out.contains(&format!("host run init_db --restore {}", done.kept_as.unwrap())));
    assert!(heard.err.contains("database `shop`: 0.0 KiB, 3 tables, 0 open connections"), "{}", heard.err);
}

#[test]
fn without_the_name_or_with_another_one_nothing_happens() {
    for (wish, typed) in [(Wish::default(), None), (Wish::default(), Some("shopp")), (named("other"), None)] {
        let (mut server, mut heard) = (shop(), Heard { typed: typed.map(str::to_owned), answer: true, ..Heard::default() });
        assert_eq!(ran(&wish, "a", &mut server, &mut heard).unwrap_err().code, Code::Unconfirmed);
        assert!(server.happened.is_empty());
    }
    let (mut server, mut heard) = (shop(), Heard { typed: Some("shop".to_owned()), ..Heard::default() });
    ran(&Wish::default(), "a", &mut server, &mut heard).unwrap();
}

#[test]
fn a_migration_that_fails_leaves_the_old_database_as_it_was() {
    let (mut server, mut heard) = (shop(), Heard::default());
    let failure = ran(&named("shop"), "FAIL", &mut server, &mut heard).unwrap_err();
    assert_eq!(server.happened, ["stage", "discard"]);
    assert!(failure.message.ends_with("the new database was deleted; `shop` is as it was before"), "{failure}");
    server = Fake { swap_fails: true, ..shop() };
    assert!(ran(&named("shop"), "a", &mut server, &mut heard).is_err());
    assert_eq!(server.happened, ["stage", "discard"]);
}

#[test]
fn open_connections_are_listed_and_refused_until_they_may_be_ended() {
    let (mut server, mut heard) = (shop(), Heard::default());
    server.summary.clients = vec![Client { process: 7, user: "app".to_owned(), application: "web".to_owned(), state: "idle".to_owned() }];
    assert_eq!(ran(&named("shop"), "a", &mut server, &mut heard).unwrap_err().code, Code::Unconfirmed);
    assert!(heard.err.contains("process 7, user `app`, application `web`, idle"));
    assert!(server.happened.is_empty());
    ran(&Wish { disconnect: true, ..named("shop") }, "a", &mut server, &mut heard).unwrap();
    assert_eq!(server.happened, ["stage", "swap keep true"]);
}

#[test]
fn deleting_the_old_one_is_said_in_capitals_and_leaves_no_way_back() {
    let (mut server, mut heard) = (shop(), Heard::default());
    let done = ran(&Wish { drop_old: true, ..named("shop") }, "a", &mut server, &mut heard).unwrap();
    assert_eq!((server.happened.last().map(String::as_str), done.kept_as), (Some("swap drop false"), None));
    assert!(heard.err.contains("DELETED"));
}

#[test]
fn a_database_that_does_not_exist_is_made_without_a_question() {
    let (mut server, mut heard) = (shop(), Heard::default());
    server.summary.exists = false;
    assert_eq!(ran(&Wish::default(), "a", &mut server, &mut heard).unwrap().kept_as, None);
}

#[test]
fn only_what_was_kept_can_be_restored() {
    let (mut server, mut heard) = (Fake { kept: vec!["shop_before_x".to_owned()], ..shop() }, Heard::default());
    assert_eq!(restore("postgres", &named("shop"), &mut server, &mut heard).unwrap_err().code, Code::Usage);
    restore("shop_before_x", &named("shop"), &mut server, &mut heard).unwrap();
    assert_eq!(server.happened, ["restore shop_before_x"]);
}

#[test]
fn a_kept_name_begins_with_the_whole_name_of_the_database() {
    let first = kept_name("app.db", &[]);
    assert!(first.starts_with("app.db_before_2"));
    let several: Vec<String> = ["", "_2"].iter().map(|suffix| format!("{first}{suffix}")).collect();
    let third = kept_name("app.db", &several);
    assert!(third.ends_with("_3") || third > first, "{third}");
}
