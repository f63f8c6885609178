//! Targets as Django reads them, steps in both directions, and what forbids them.

use super::{Direction, Judged, Permits, Selection, Target, plan, refuse, select};
use crate::failure::Code;
use crate::files::{App, Migration};
use crate::state::tests::{app, migration, row};
use crate::state::{Row, judge};

fn shop(versions: &[i64]) -> App {
    app("shop", versions.iter().map(|version| migration(*version, "up")).collect())
}

fn judged(files: &[i64], applied: &[i64]) -> Judged {
    judged_with(shop(files), applied.iter().map(|version| row(&migration(*version, "up"))).collect())
}

fn judged_with(app: App, rows: Vec<Row>) -> Judged {
    let state = judge(&app, Some(&rows));
    Judged { app, state }
}

fn steps(judged: &Judged, target: Target, permits: Permits) -> Vec<(i64, Direction)> {
    let selection = Selection { apps: vec![0], target };
    let steps = plan(std::slice::from_ref(judged), &selection, permits);
    steps.iter().map(|step| (judged.state.entries[step.entry].version, step.direction)).collect()
}

fn refusal(judged: &Judged, target: Target, permits: Permits) -> Option<String> {
    let selection = Selection { apps: vec![0], target };
    let steps = plan(std::slice::from_ref(judged), &selection, permits);
    refuse(std::slice::from_ref(judged), &selection, &steps, permits).err().map(|failure| failure.message)
}

const NOTHING: Permits = Permits { fake: false, retry: false, out_of_order: false, missing: false };
use Direction::{Backwards, Forwards};

#[test]
fn targets_are_names_numbers_beginnings_and_zero() {
    let (shop, other) = (shop(&[1, 2, 10]), app("other", vec![]));
    let both = [&shop, &other];
    for (word, target) in [
        ("0002_m2", Target::To(2)),
        ("2", Target::To(2)),
        ("0002", Target::To(2)),
        ("0010_", Target::To(10)),
        ("zero", Target::Zero),
        ("1", Target::To(1)),
    ] {
        assert_eq!(select(&both, Some("shop"), Some(word)).unwrap(), Selection { apps: vec![0], target }, "{word}");
    }
    assert_eq!(select(&both, None, None).unwrap(), Selection { apps: vec![0, 1], target: Target::Latest });
    assert_eq!(select(&both, Some("other"), None).unwrap().apps, [1]);
}

#[test]
fn a_lone_target_works_with_one_app_only() {
    let (shop, other) = (shop(&[1, 2]), app("other", vec![]));
    assert_eq!(select(&[&shop], Some("0002"), None).unwrap().target, Target::To(2));
    assert_eq!(select(&[&shop, &other], Some("0002"), None).unwrap_err().code, Code::Usage);
}

#[test]
fn unknown_and_ambiguous_names_are_usage_errors_with_candidates() {
    let shop = shop(&[1, 2]);
    let ambiguous = select(&[&shop], Some("shop"), Some("000")).unwrap_err();
    assert_eq!(ambiguous.code, Code::Usage);
    assert!(ambiguous.message.contains("`0001_m1`, `0002_m2`"), "{ambiguous}");
    assert_eq!(select(&[&shop], Some("billing"), None).unwrap_err().hints, ["the apps are `shop`"]);
    assert_eq!(select(&[&shop], Some("shpo"), None).unwrap_err().hints, ["did you mean `shop`?"]);
    assert_eq!(select(&[&shop], Some("shop"), Some("0002_m3")).unwrap_err().hints, ["did you mean `0002_m2`?"]);
}

#[test]
fn forwards_takes_what_is_pending_up_to_the_target() {
    let judged = judged(&[1, 2, 3], &[1]);
    assert_eq!(steps(&judged, Target::Latest, NOTHING), [(2, Forwards), (3, Forwards)]);
    assert_eq!(steps(&judged, Target::To(2), NOTHING), [(2, Forwards)]);
}

#[test]
fn backwards_undoes_what_is_above_the_target_last_first() {
    let judged = judged(&[1, 2, 3], &[1, 2, 3]);
    assert_eq!(steps(&judged, Target::To(1), NOTHING), [(3, Backwards), (2, Backwards)]);
    assert_eq!(steps(&judged, Target::Zero, NOTHING), [(3, Backwards), (2, Backwards), (1, Backwards)]);
    assert_eq!(steps(&judged, Target::To(3), NOTHING), []);
}

#[test]
fn out_of_order_is_refused_until_it_is_allowed() {
    let judged = judged(&[1, 2, 3], &[1, 3]);
    assert!(refusal(&judged, Target::Latest, NOTHING).unwrap().contains("`shop.0002_m2` is out of order"));
    assert_eq!(refusal(&judged, Target::Latest, Permits { out_of_order: true, ..NOTHING }), None);
}

#[test]
fn a_missing_file_forbids_new_migrations_but_not_a_database_that_is_ahead() {
    let ahead = judged(&[1, 2], &[1, 2, 3]);
    assert_eq!(refusal(&ahead, Target::Latest, NOTHING), None);
    let diverged = judged(&[1, 2, 4], &[1, 2, 3]);
    assert!(refusal(&diverged, Target::Latest, NOTHING).unwrap().contains("`shop.0003_m3` is missing"));
    assert_eq!(refusal(&diverged, Target::Latest, Permits { missing: true, ..NOTHING }), None);
}

#[test]
fn an_edited_file_stops_even_when_nothing_is_pending_but_may_be_undone() {
    let mut rows = vec![row(&migration(1, "up")), row(&migration(2, "before"))];
    let edited = judged_with(shop(&[1, 2]), rows.clone());
    assert!(refusal(&edited, Target::Latest, NOTHING).unwrap().contains("`shop.0002_m2` is edited"));
    assert_eq!(refusal(&edited, Target::To(1), NOTHING), None);
    rows[1] = row(&migration(2, "up\r\n"));
    let mut files = shop(&[1]);
    files.migrations.push(migration(2, "up\n"));
    assert_eq!(refusal(&judged_with(files, rows), Target::Latest, NOTHING), None, "line endings only warn");
}

#[test]
fn an_unfinished_migration_stops_everything_but_retry_and_fake() {
    let mut rows = vec![row(&migration(1, "up")), row(&migration(2, "up"))];
    rows[1].success = false;
    let unfinished = judged_with(shop(&[1, 2, 3]), rows);
    assert!(refusal(&unfinished, Target::Latest, NOTHING).unwrap().contains("unfinished"));
    let retry = Permits { retry: true, ..NOTHING };
    assert_eq!(refusal(&unfinished, Target::Latest, retry), None);
    assert_eq!(steps(&unfinished, Target::Latest, retry), [(2, Forwards), (3, Forwards)]);
    let fake = Permits { fake: true, ..NOTHING };
    assert_eq!(steps(&unfinished, Target::To(2), fake), [(2, Forwards)]);
    assert_eq!(steps(&unfinished, Target::To(1), fake), [(2, Backwards)]);
}

#[test]
fn what_has_no_down_file_is_named_before_anything_is_undone() {
    let mut files: Vec<Migration> = [1, 2].iter().map(|version| migration(*version, "up")).collect();
    files[0].down = None;
    let rows = files.iter().map(row).collect();
    let judged = judged_with(app("shop", files), rows);
    assert!(refusal(&judged, Target::Zero, NOTHING).unwrap().contains("`shop.0001_m1` cannot be undone"));
    assert_eq!(refusal(&judged, Target::To(1), NOTHING), None);
    assert_eq!(refusal(&judged, Target::Zero, Permits { fake: true, ..NOTHING }), None);
}
