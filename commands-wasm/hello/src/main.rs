//! The smallest command: copy this folder to begin one of your own.

use host_sdk::{Host, Result, clap, out};

#[derive(clap::Args)]
struct Args {
    /// Who is greeted
    #[arg(default_value = "world")]
    name: String,
    /// How often
    #[arg(long, value_name = "N", default_value_t = 1)]
    times: u32,
}

host_sdk::command!(hello);

fn hello(args: Args, _host: &Host) -> Result<()> {
    for _ in 0..args.times {
        out!("hello, {}", args.name);
    }
    Ok(())
}
