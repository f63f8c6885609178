//! `connections list`.

use std::time::Duration;

use host_sdk::broadcast::{self, Layer, Listing};
use host_sdk::serde_json::{Value, json};
use host_sdk::{Ending, Error, Host, Result, flush, out};

use crate::arguments::List;
use crate::show;

/// Between two looks of `--watch`.
const WATCH: Duration = Duration::from_secs(2);

pub(crate) fn list(args: &List, host: &Host) -> Result<Ending> {
    let mut listing = broadcast::labels(&args.filters, args.exact)?;
    print(&listing, host)?;
    if !args.watch {
        return match listing.labels.is_empty() && !args.filters.is_empty() {
            true if host.wants_json() => Ok(Ending::NotMet),
            true => Err(nothing(&args.filters)?),
            false => Ok(Ending::Ok),
        };
    }
    loop {
        flush();
        std::thread::sleep(WATCH);
        // A server that restarts is no reason to stop watching it.
        let now = match broadcast::labels(&args.filters, args.exact) {
            Ok(now) => now,
            Err(error) if error.clone().into_failure().ending == Ending::Unreachable => {
                host_sdk::warning!("{error}");
                continue;
            }
            Err(error) => return Err(error),
        };
        if now != listing {
            if !host.wants_json() {
                out!("");
            }
            print(&now, host)?;
            listing = now;
        }
    }
}

fn print(listing: &Listing, host: &Host) -> Result<()> {
    if host.wants_json() {
        return host.json(&document(host, listing));
    }
    out!("{}", show::counts(&listing.labels).trim_end());
    Ok(())
}

fn document(host: &Host, listing: &Listing) -> Value {
    json!({ "command": host.name(), "action": "list", "layer": listing.layer.map(word), "labels": labels(listing) })
}

/// Each label with its counts, for `--json`.
pub(crate) fn labels(listing: &Listing) -> Vec<Value> {
    let label = |count: &broadcast::LabelCount| json!({ "label": count.label, "estimate": count.estimate, "counted": count.members, "alive": count.alive });
    listing.labels.iter().map(label).collect()
}

fn word(layer: Layer) -> &'static str {
    match layer {
        Layer::Core => "core",
        Layer::Pubsub => "pubsub",
    }
}

/// The error that nothing matches, with what there is.
pub(crate) fn nothing(filters: &[String]) -> Result<Error> {
    const SHOWN: usize = 5;
    let wanted = match filters {
        [] => "there is no label, and so no connection".to_owned(),
        [one] => format!("no label matches `{}`", show::label(one)),
        several => format!("no label matches one of {} filters", several.len()),
    };
    let error = Error::new(Ending::NotMet, wanted);
    if filters.is_empty() {
        return Ok(error);
    }
    let there = broadcast::labels(&[], false)?.labels;
    if there.is_empty() {
        return Ok(error.hint("there is no label at all: no worker of the application has registered a connection"));
    }
    let named: Vec<String> = there.iter().take(SHOWN).map(|count| format!("`{}`", show::label(&count.label))).collect();
    let more = if there.len() > SHOWN { format!(" and {} more", there.len() - SHOWN) } else { String::new() };
    Ok(error.hint(format!("there are {}{more}", named.join(", "))))
}
