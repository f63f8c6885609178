//! The smallest command: copy this folder to begin one of your own.

use host_sdk::serde_json::json;
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

fn hello(args: Args, host: &Host) -> Result<()> {
    let greeting = format!("hello, {}", args.name);
    if host.wants_json() {
        return host.json(&json!({ "greeting": greeting, "times": args.times }));
    }
    for _ in 0..args.times {
        out!("{greeting}");
    }
    Ok(())
}
