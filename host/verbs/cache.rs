//! `host cache`: how much the store of compiled components holds, and pruning it.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use clap::{Args, Subcommand};
use serde_json::json;

use crate::cli::Common;
use crate::component::store::Store;
use crate::outcome::{Ending, Failure, Result};
use crate::terminal;

const EXAMPLES: &str = "\
Examples:
  host cache                    where it is and how much it holds
  host cache prune              remove what was not used for 30 days
  host cache prune --all        remove everything; the next run compiles again";

const DAY: u64 = 86_400;

/// Show or prune the store of compiled components
#[derive(Debug, Args)]
#[command(before_help = EXAMPLES)]
pub struct Cache {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Folder, entries and bytes (the default)
    Size,
    /// Remove compiled forms that were not used lately
    Prune {
        /// Keep what was used within this many days
        #[arg(long, value_name = "DAYS", default_value_t = 30)]
        days: u64,
        /// Remove everything
        #[arg(long, conflicts_with = "days")]
        all: bool,
    },
}

/// The cache folder: `HOST_CACHE_DIR`, else `host` in the user's cache folder; none without a home.
pub fn folder() -> Option<PathBuf> {
    use etcetera::BaseStrategy;
    if let Some(folder) = std::env::var_os("HOST_CACHE_DIR").filter(|folder| !folder.is_empty()) {
        return Some(PathBuf::from(folder));
    }
    etcetera::choose_base_strategy().ok().map(|folders| folders.cache_dir().join("host"))
}

pub fn run(verb: &Cache, common: &Common) -> Result<u8> {
    let folder = folder().ok_or_else(|| Failure::failed("there is no cache folder: HOME is not set").hint("set HOST_CACHE_DIR"))?;
    let store = Store::open(&folder)?;
    match verb.action {
        None | Some(Action::Size) => size(&store, common.json),
        Some(Action::Prune { days, all }) => prune(&store, days, all, common.json),
    }
}

fn size(store: &Store, json: bool) -> Result<u8> {
    let entries = store.entries()?;
    let bytes: u64 = entries.iter().map(|entry| entry.bytes).sum();
    let compiled = entries.iter().filter(|entry| entry.name.ends_with(".cwasm")).count();
    let folder = store.folder().display().to_string();
    if json {
        terminal::json(&json!({"v": 1, "folder": folder, "components": compiled, "bytes": bytes}));
    } else {
        terminal::line(&format!("{folder}: {compiled} compiled components, {:.1} MiB", mebibytes(bytes)));
    }
    Ok(Ending::Ok.code())
}

fn prune(store: &Store, days: u64, all: bool, json: bool) -> Result<u8> {
    let now = SystemTime::now();
    let before = if all {
        now + Duration::from_secs(DAY)
    } else {
        now.checked_sub(Duration::from_secs(days.saturating_mul(DAY))).unwrap_or(SystemTime::UNIX_EPOCH)
    };
    let (files, bytes) = store.prune(before)?;
    if json {
        terminal::json(&json!({"v": 1, "removed_files": files, "removed_bytes": bytes}));
    } else {
        terminal::line(&format!("removed {files} files, {:.1} MiB", mebibytes(bytes)));
    }
    Ok(Ending::Ok.code())
}

#[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
