//! `init_db`: a new, migrated database in place of the old one.

use host_sdk::{Host, Result, clap};
use migrations::commands::{self, Init};
use migrations::init::Wish;

#[derive(clap::Args)]
struct Args {
    /// The database's own name, instead of typing it
    #[arg(long, value_name = "NAME")]
    confirm_name: Option<String>,
    /// Delete the old database instead of keeping it under another name
    #[arg(long, conflicts_with = "restore")]
    drop: bool,
    /// End the connections of others
    #[arg(long)]
    disconnect: bool,
    /// Put a kept database back
    #[arg(long, value_name = "NAME")]
    restore: Option<String>,
    /// List the kept databases
    #[arg(long, conflicts_with_all = ["restore", "drop", "disconnect", "confirm_name"])]
    list: bool,
    /// Database by its name in host.toml
    #[arg(long, value_name = "NAME", default_value = "default")]
    database: String,
}

host_sdk::command!(init_db);

fn init_db(args: Args, host: &Host) -> Result<()> {
    let wish = Wish { confirmed: args.confirm_name, drop_old: args.drop, disconnect: args.disconnect };
    let what = match (args.list, args.restore) {
        (true, _) => Init::List,
        (false, Some(kept)) => Init::Restore(kept),
        (false, None) => Init::Recreate,
    };
    commands::init(&what, &wish, &args.database, host)
}
