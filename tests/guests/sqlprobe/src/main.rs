//! Imports every power of `host:sql`. What was not granted must be refused, and what was must work: each
//! test names one action.

mod actions;
mod admin;
mod leaks;
mod rows;
mod types;
mod words;

use std::time::Duration;

use host_sdk::sql::{Database, Options};
use host_sdk::{Host, Result, clap, duration};

#[derive(clap::Args)]
struct Args {
    /// The configured name
    #[arg(long, default_value = "default")]
    database: String,
    /// Bound for connecting
    #[arg(long, value_parser = duration::parse)]
    connect_timeout: Option<Duration>,
    /// Bound for each statement
    #[arg(long, value_parser = duration::parse)]
    statement_timeout: Option<Duration>,
    #[command(subcommand)]
    action: Action,
}

/// Parameters are `null`, numbers, or `TYPE:TEXT`, such as `uuid:...`; anything else is text.
#[derive(clap::Subcommand)]
enum Action {
    /// Run one query and print its rows, columns parted by tabs
    Query { sql: String, parameters: Vec<String> },
    /// Run one statement and print how many rows it changed
    Execute { sql: String, parameters: Vec<String> },
    /// Run one statement with RETURNING and print its rows
    Returning { sql: String, parameters: Vec<String> },
    /// Run a script and print how many statements and rows
    Script { script: String },
    /// Print engine, version and database
    Info,
    /// Run statements through `read` that nobody with a read grant may run
    Attempt { what: String },
    /// Execute inside a transaction, and commit it
    Commit { statements: Vec<String> },
    /// Execute inside a transaction, and drop it
    Abandon { statements: Vec<String> },
    /// Execute inside a read-only transaction
    InReadOnly { sql: String },
    /// Run a script inside a transaction, and commit it
    ScriptInTransaction { script: String },
    /// Execute inside a transaction, say so, and hang
    BeginThenHang { statements: Vec<String> },
    /// Take an advisory lock, say so, and keep it this long
    HoldLock {
        key: i64,
        #[arg(value_parser = duration::parse)]
        time: Option<Duration>,
    },
    /// Take an advisory lock if it is free, else name its holder and end with 6
    TryLock { key: i64 },
    /// Read this many rows of `bench_rows` and print their sums
    Rows { count: u64 },
    /// The same, by whole columns
    Columns { count: u64 },
    /// Print the rows of each batch of a query
    Batches { sql: String },
    /// Drop a query after its first row, and run another
    DropRows { sql: String },
    /// Begin a second query while the first is open
    TwoQueries { sql: String },
    /// Write and read a value of every type
    Types,
    /// Open connections, and close none
    LeakConnections,
    /// Begin queries on connections of their own, and finish none
    LeakRows,
    /// Send a statement of this many MiB
    HugeStatement { mebibytes: usize },
    /// What stands where the database is configured
    Summary,
    /// Put a database with one table in the configured one's place
    Swap {
        #[arg(long)]
        keep_as: Option<String>,
    },
    /// Stage a database, and drop it
    StageAndDrop,
    /// Databases that were kept
    Restorable,
    /// Put a kept one back
    Restore { kept: String, keep_as: String },
}

host_sdk::command!(sqlprobe);

fn sqlprobe(args: Args, _host: &Host) -> Result<()> {
    let name = args.database.as_str();
    let open = || {
        let options = Options { connect_timeout: args.connect_timeout, statement_timeout: args.statement_timeout };
        Database::open_with(name, options)
    };
    match args.action {
        Action::Query { sql, parameters } => actions::print(open()?.query(&sql, &words::values(&parameters)?)?),
        Action::Execute { sql, parameters } => actions::execute(&open()?, &sql, &words::values(&parameters)?),
        Action::Returning { sql, parameters } => actions::print(open()?.execute_returning(&sql, &words::values(&parameters)?)?),
        Action::Script { script } => actions::script(&open()?, &script),
        Action::Info => actions::info(&open()?),
        Action::Attempt { what } => actions::attempt(&open()?, &what),
        Action::Commit { statements } => actions::transaction(&open()?, &statements, true),
        Action::Abandon { statements } => actions::transaction(&open()?, &statements, false),
        Action::InReadOnly { sql } => actions::in_read_only(&open()?, &sql),
        Action::ScriptInTransaction { script } => actions::script_in_transaction(&open()?, &script),
        Action::BeginThenHang { statements } => leaks::begin_then_hang(&open()?, &statements),
        Action::HoldLock { key, time } => leaks::hold_lock(&open()?, key, time),
        Action::TryLock { key } => actions::try_lock(&open()?, key),
        Action::Rows { count } => rows::by_row(&open()?, count),
        Action::Columns { count } => rows::by_column(&open()?, count),
        Action::Batches { sql } => rows::batches(&open()?, &sql),
        Action::DropRows { sql } => rows::drop_after_the_first(&open()?, &sql),
        Action::TwoQueries { sql } => rows::two_at_once(&open()?, &sql),
        Action::Types => types::round_trip(&open()?),
        Action::LeakConnections => leaks::connections(open),
        Action::LeakRows => leaks::rows(open),
        Action::HugeStatement { mebibytes } => actions::huge_statement(&open()?, mebibytes),
        Action::Summary => admin::summary(name),
        Action::Swap { keep_as } => admin::swap(name, keep_as.as_deref()),
        Action::StageAndDrop => admin::stage_and_drop(name),
        Action::Restorable => admin::restorable(name),
        Action::Restore { kept, keep_as } => admin::restore(name, &kept, &keep_as),
    }
}
