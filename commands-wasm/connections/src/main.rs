//! `connections`: which labels have how many websocket connections, and telling these to close or to reload.

mod arguments;
mod list;
mod pace;
mod send;
mod show;

use host_sdk::broadcast::BroadcastError;
use host_sdk::{Ending, Host, Result};

use self::arguments::{Action, Args};
use self::send::Act;

host_sdk::command!(connections);

fn connections(args: Args, host: &Host) -> Result<Ending> {
    match args.action {
        Action::List(list) => list::list(&list, host),
        Action::Drop(send) => send::send(Act::Drop, &send, host),
        Action::ForceReload(send) => send::send(Act::Reload, &send, host),
    }
}

/// Whether the run was ended from outside: by a signal, or because its time is over.
fn is_the_runs_end(error: &BroadcastError) -> bool {
    matches!(error, BroadcastError::Cancelled(_) | BroadcastError::Timeout(_))
}
