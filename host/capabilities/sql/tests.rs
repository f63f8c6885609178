//! Tests of the capability against real databases.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::watch;

use crate::gate::journal::Journal;
use crate::gate::{Budgets, Gate, Leave};
use crate::grants::SqlPower;

use super::client::Target;

pub(super) fn gate() -> Gate {
    let (sender, leave) = watch::channel(Leave::Granted);
    // The runner keeps its end for as long as the process lives.
    std::mem::forget(sender);
    Gate::new("test".to_owned(), Budgets::default(), Journal::nowhere(), leave, false)
}

pub(super) fn target(powers: &[SqlPower]) -> Target {
    Target {
        command: "test".to_owned(),
        name: "default".to_owned(),
        url: String::new(),
        powers: powers.iter().copied().collect::<BTreeSet<_>>(),
        root: PathBuf::new(),
        locks: PathBuf::new(),
        gate: gate(),
        connect_timeout: Duration::from_secs(5),
        staged: None,
    }
}
