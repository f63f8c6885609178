//! Power `read`.

use host_sdk::redis::{Connection, TimeToLive};
use host_sdk::{Result, clap, out};

use crate::lines::{all, bytes, optional, print_all, print_fields, print_scored, shown};

#[derive(clap::Subcommand)]
pub(crate) enum Read {
    #[command(name = "read.get")]
    Get { key: String },
    #[command(name = "read.get-many")]
    GetMany { keys: Vec<String> },
    #[command(name = "read.get-range", allow_negative_numbers = true)]
    GetRange { key: String, start: i64, end: i64 },
    #[command(name = "read.exists")]
    Exists { keys: Vec<String> },
    #[command(name = "read.kind")]
    Kind { key: String },
    #[command(name = "read.ttl")]
    Ttl { key: String },
    #[command(name = "read.memory-usage")]
    MemoryUsage { keys: Vec<String> },
    #[command(name = "read.length")]
    Length { key: String },
    #[command(name = "read.hash-get")]
    HashGet { key: String, name: String },
    #[command(name = "read.hash-get-all")]
    HashGetAll { key: String },
    #[command(name = "read.set-members")]
    SetMembers { key: String },
    #[command(name = "read.set-contains")]
    SetContains { key: String, member: String },
    #[command(name = "read.sorted-range", allow_negative_numbers = true)]
    SortedRange { key: String, start: i64, end: i64 },
    #[command(name = "read.sorted-range-by-score", allow_hyphen_values = true)]
    SortedRangeByScore {
        key: String,
        min: f64,
        max: f64,
        #[arg(default_value_t = 0)]
        limit: u32,
    },
    #[command(name = "read.sorted-score")]
    SortedScore { key: String, member: String },
    #[command(name = "read.list-range", allow_negative_numbers = true)]
    ListRange { key: String, start: i64, end: i64 },
    #[command(name = "read.stream-range", allow_hyphen_values = true)]
    StreamRange { key: String, start: String, end: String, count: u32 },
    #[command(name = "read.database-size")]
    DatabaseSize,
    /// The granted patterns, then whether nothing of the database is left out
    #[command(name = "read.granted-scope")]
    GrantedScope,
    /// The keys of a walk, one a line
    #[command(name = "scan", visible_alias = "read.scan")]
    Scan {
        pattern: String,
        /// Keys the server looks at for each answer
        #[arg(default_value_t = 0)]
        batch: u32,
    },
    /// How many keys and batches a walk had
    #[command(name = "scan-count")]
    ScanCount {
        pattern: String,
        #[arg(default_value_t = 0)]
        batch: u32,
    },
}

pub(crate) fn run(redis: &Connection, read: Read) -> Result<()> {
    match read {
        Read::Get { key } => out!("{}", optional(redis.get(bytes(&key)?)?.as_deref())),
        Read::GetMany { keys } => {
            redis.get_many(&all(&keys)?)?.iter().for_each(|value| out!("{}", optional(value.as_deref())));
        }
        Read::GetRange { key, start, end } => out!("{}", shown(&redis.get_range(bytes(&key)?, start, end)?)),
        Read::Exists { keys } => out!("{}", redis.exists(&all(&keys)?)?),
        Read::Kind { key } => out!("{}", redis.kind(bytes(&key)?)?),
        Read::Ttl { key } => match redis.ttl(bytes(&key)?)? {
            TimeToLive::Missing => out!("missing"),
            TimeToLive::Forever => out!("forever"),
            TimeToLive::Milliseconds(left) => out!("{left}"),
        },
        Read::MemoryUsage { keys } => {
            redis.memory_usage(&all(&keys)?.into_iter().collect())?.iter().for_each(|size| out!("{size}"));
        }
        Read::Length { key } => out!("{}", redis.length(bytes(&key)?)?),
        Read::HashGet { key, name } => out!("{}", optional(redis.hash_get(bytes(&key)?, bytes(&name)?)?.as_deref())),
        Read::HashGetAll { key } => print_fields(&redis.hash_get_all(bytes(&key)?)?),
        Read::SetMembers { key } => print_all(redis.set_members(bytes(&key)?)?),
        Read::SetContains { key, member } => out!("{}", redis.set_contains(bytes(&key)?, bytes(&member)?)?),
        Read::SortedRange { key, start, end } => print_scored(&redis.sorted_range(bytes(&key)?, start, end)?),
        Read::SortedRangeByScore { key, min, max, limit } => {
            print_scored(&redis.sorted_range_by_score(bytes(&key)?, min, max, limit)?);
        }
        Read::SortedScore { key, member } => match redis.sorted_score(bytes(&key)?, bytes(&member)?)? {
            Some(score) => out!("{score}"),
            None => out!("(nil)"),
        },
        Read::ListRange { key, start, end } => print_all(redis.list_range(bytes(&key)?, start, end)?),
        Read::StreamRange { key, start, end, count } => {
            for entry in redis.stream_range(bytes(&key)?, &start, &end, count)? {
                out!("{}", entry.id);
                print_fields(&entry.fields);
            }
        }
        Read::DatabaseSize => out!("{}", redis.database_size()?),
        Read::GrantedScope => {
            let scope = redis.granted_scope()?;
            print_all(&scope.patterns);
            out!("whole-database {}", scope.whole_database);
        }
        Read::Scan { pattern, batch } => {
            let mut scan = redis.scan(bytes(&pattern)?, batch)?;
            while let Some(keys) = scan.next_batch()? {
                print_all(keys.iter());
            }
        }
        Read::ScanCount { pattern, batch } => {
            let (mut count, mut batches) = (0, 0);
            let mut scan = redis.scan(bytes(&pattern)?, batch)?;
            while let Some(keys) = scan.next_batch()? {
                count += keys.len();
                batches += 1;
            }
            out!("{count} keys in {batches} batches");
        }
    }
    Ok(())
}
