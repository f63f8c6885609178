//! Imports `host:sql/read` and no other power: what a read grant cannot do is tried through it.

use host_sdk::sql::{Database, Value};
use host_sdk::{Host, Result, clap, out};

#[derive(clap::Args)]
struct Args {
    /// The configured name
    #[arg(long, default_value = "default")]
    database: String,
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Run one query and print its rows, columns parted by tabs
    Query { sql: String, parameters: Vec<String> },
}

host_sdk::command!(sqlreader);

fn sqlreader(args: Args, _host: &Host) -> Result<()> {
    let Action::Query { sql, parameters } = args.action;
    let parameters: Vec<Value> = parameters.into_iter().map(|word| word.parse().map_or(Value::Text(word), Value::Integer)).collect();
    let database = Database::open(&args.database)?;
    for row in database.query(&sql, &parameters)? {
        let row = row?;
        let cells: Vec<String> = row.cells().map(|cell| cell.to_string()).collect();
        out!("{}", cells.join("\t"));
    }
    Ok(())
}
