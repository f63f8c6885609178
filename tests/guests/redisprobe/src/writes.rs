//! Power `write`.

use std::time::Duration;

use host_sdk::redis::{Condition, Connection, End};
use host_sdk::{Error, Result, clap, out};

use crate::lines::{all, bytes, fields, pairs, scored};

#[derive(clap::Subcommand)]
pub(crate) enum Write {
    #[command(name = "write.set", allow_hyphen_values = true)]
    Set {
        key: String,
        value: String,
        /// 0 means no expiry
        #[arg(default_value_t = 0)]
        ttl_ms: u64,
        /// `always`, `if-absent`, `if-present`
        #[arg(default_value = "always")]
        condition: String,
    },
    /// KEY=VALUE words
    #[command(name = "write.set-many")]
    SetMany { pairs: Vec<String> },
    #[command(name = "write.increment", allow_negative_numbers = true)]
    Increment { key: String, by: i64 },
    #[command(name = "write.append")]
    Append { key: String, value: String },
    #[command(name = "write.expire")]
    Expire { key: String, ttl_ms: u64 },
    #[command(name = "write.persist")]
    Persist { key: String },
    /// NAME=VALUE words
    #[command(name = "write.hash-set")]
    HashSet { key: String, fields: Vec<String> },
    #[command(name = "write.hash-increment", allow_negative_numbers = true)]
    HashIncrement { key: String, name: String, by: i64 },
    #[command(name = "write.set-add")]
    SetAdd { key: String, members: Vec<String> },
    /// MEMBER=SCORE words
    #[command(name = "write.sorted-add")]
    SortedAdd { key: String, members: Vec<String> },
    /// `front` or `back`, then values
    #[command(name = "write.list-push")]
    ListPush { key: String, at: String, values: Vec<String> },
    /// How many entries to keep (0: all), then NAME=VALUE words
    #[command(name = "write.stream-add")]
    StreamAdd { key: String, keep: u64, fields: Vec<String> },
}

pub(crate) fn run(redis: &Connection, write: Write) -> Result<()> {
    match write {
        Write::Set { key, value, ttl_ms, condition } => {
            let life = (ttl_ms > 0).then(|| Duration::from_millis(ttl_ms));
            out!("{}", redis.set_if(bytes(&key)?, bytes(&value)?, life, self::condition(&condition)?)?);
        }
        Write::SetMany { pairs: words } => {
            let pairs: Result<Vec<_>> = pairs(&words)?.into_iter().map(|(key, value)| Ok((bytes(key)?, bytes(value)?))).collect();
            redis.set_many(&pairs?)?;
            out!("ok");
        }
        Write::Increment { key, by } => out!("{}", redis.increment(bytes(&key)?, by)?),
        Write::Append { key, value } => out!("{}", redis.append(bytes(&key)?, bytes(&value)?)?),
        Write::Expire { key, ttl_ms } => out!("{}", redis.expire(bytes(&key)?, Duration::from_millis(ttl_ms))?),
        Write::Persist { key } => out!("{}", redis.persist(bytes(&key)?)?),
        Write::HashSet { key, fields: words } => out!("{}", redis.hash_set(bytes(&key)?, &fields(&words)?)?),
        Write::HashIncrement { key, name, by } => out!("{}", redis.hash_increment(bytes(&key)?, bytes(&name)?, by)?),
        Write::SetAdd { key, members } => out!("{}", redis.set_add(bytes(&key)?, &all(&members)?)?),
        Write::SortedAdd { key, members } => out!("{}", redis.sorted_add(bytes(&key)?, &scored(&members)?)?),
        Write::ListPush { key, at, values } => out!("{}", redis.list_push(bytes(&key)?, &all(&values)?, end(&at)?)?),
        Write::StreamAdd { key, keep, fields: words } => out!("{}", redis.stream_add(bytes(&key)?, &fields(&words)?, keep)?),
    }
    Ok(())
}

fn condition(word: &str) -> Result<Condition> {
    match word {
        "always" => Ok(Condition::Always),
        "if-absent" => Ok(Condition::IfAbsent),
        "if-present" => Ok(Condition::IfPresent),
        _ => Err(Error::usage(format!("`{word}` is none of always, if-absent, if-present"))),
    }
}

pub(crate) fn end(word: &str) -> Result<End> {
    match word {
        "front" => Ok(End::Front),
        "back" => Ok(End::Back),
        _ => Err(Error::usage(format!("`{word}` is neither front nor back"))),
    }
}
