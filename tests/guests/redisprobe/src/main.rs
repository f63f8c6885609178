//! Imports every power of `host:redis`. What was not granted must be refused, and what was must work: each action is
//! one function, named `interface.function`.
//!
//! Arguments may hold any byte as `\xNN`, and answers are printed the same way: text as it is, nil as `(nil)`, lists one a
//! line, pairs parted by a tab. A refusal is printed as `access-denied: text`, and ends with the exit code of its case.

mod deletes;
mod leaks;
mod lines;
mod pipelines;
mod reads;
mod writes;

use std::time::Duration;

use host_sdk::redis::{Connection, Options};
use host_sdk::{Host, Result, clap, duration, out};

#[derive(clap::Args)]
struct Args {
    /// The configured name
    #[arg(long, default_value = "default")]
    redis: String,
    /// Bound for connecting
    #[arg(long, value_parser = duration::parse)]
    connect_timeout: Option<Duration>,
    /// Bound for each answer
    #[arg(long, value_parser = duration::parse)]
    response_timeout: Option<Duration>,
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Open a connection, and print version and database
    #[command(name = "open")]
    Open,
    /// Open, close, and read a key
    #[command(name = "closed")]
    Closed,
    /// Publish a message and print how many received it
    #[command(name = "publish", visible_alias = "publish.publish", allow_hyphen_values = true)]
    Publish { channel: String, message: String },
    /// Run commands, each one argument that is split at spaces, and print their replies
    #[command(name = "pipeline", visible_alias = "pipeline.run")]
    Pipeline {
        commands: Vec<String>,
        /// Send them all this many times
        #[arg(long, default_value_t = 1, hide = true)]
        times: usize,
    },
    /// Send one SET of this many MiB through a pipeline
    #[command(name = "huge")]
    Huge { key: String, mebibytes: usize },
    /// Open connections, and close none
    #[command(name = "leak-connections")]
    LeakConnections,
    /// Begin scans, and finish none
    #[command(name = "leak-scans")]
    LeakScans,
    #[command(flatten)]
    Read(reads::Read),
    #[command(flatten)]
    Write(writes::Write),
    #[command(flatten)]
    Delete(deletes::Delete),
}

host_sdk::command!(redisprobe);

fn redisprobe(args: Args, _host: &Host) -> Result<u8> {
    let name = args.redis.as_str();
    let options = Options { connect_timeout: args.connect_timeout, response_timeout: args.response_timeout };
    let open = || Connection::open_with(name, options);
    lines::told(match args.action {
        Action::Open => open().map(|redis| out!("{} {}", redis.server_version(), redis.database())),
        Action::Closed => open().and_then(|redis| {
            redis.close();
            redis.get("any").map(drop)
        }),
        Action::Publish { channel, message } => {
            open().and_then(|redis| redis.publish(lines::bytes(&channel)?, lines::bytes(&message)?)).map(|receivers| out!("{receivers}"))
        }
        Action::Pipeline { commands, times } => open().and_then(|redis| pipelines::run(&redis, &commands, times)),
        Action::Huge { key, mebibytes } => open().and_then(|redis| pipelines::huge(&redis, &key, mebibytes)),
        Action::LeakConnections => leaks::connections(open),
        Action::LeakScans => open().and_then(|redis| leaks::scans(&redis)),
        Action::Read(read) => open().and_then(|redis| reads::run(&redis, read)),
        Action::Write(write) => open().and_then(|redis| writes::run(&redis, write)),
        Action::Delete(delete) => open().and_then(|redis| deletes::run(&redis, delete)),
    })
}
