//! Power `delete`.

use host_sdk::redis::Connection;
use host_sdk::{Result, clap, out};

use crate::lines::{all, bytes, optional, print_all};
use crate::writes::end;

#[derive(clap::Subcommand)]
pub(crate) enum Delete {
    #[command(name = "delete.unlink")]
    Unlink { keys: Vec<String> },
    /// Unlink `PREFIX0` to `PREFIX{COUNT-1}` in one call
    #[command(name = "delete.unlink-numbered")]
    UnlinkNumbered { prefix: String, count: u32 },
    #[command(name = "delete.take")]
    Take { key: String },
    #[command(name = "delete.hash-remove")]
    HashRemove { key: String, names: Vec<String> },
    #[command(name = "delete.set-remove")]
    SetRemove { key: String, members: Vec<String> },
    #[command(name = "delete.sorted-remove")]
    SortedRemove { key: String, members: Vec<String> },
    #[command(name = "delete.sorted-remove-by-score", allow_hyphen_values = true)]
    SortedRemoveByScore { key: String, min: f64, max: f64 },
    /// `front` or `back`, and how many
    #[command(name = "delete.list-pop")]
    ListPop { key: String, at: String, count: u32 },
    #[command(name = "delete.stream-remove")]
    StreamRemove { key: String, ids: Vec<String> },
}

pub(crate) fn run(redis: &Connection, delete: Delete) -> Result<()> {
    match delete {
        Delete::Unlink { keys } => out!("{}", redis.unlink(&all(&keys)?.into_iter().collect())?),
        Delete::UnlinkNumbered { prefix, count } => {
            out!("{}", redis.unlink(&(0..count).map(|number| format!("{prefix}{number}")).collect())?);
        }
        Delete::Take { key } => out!("{}", optional(redis.take(bytes(&key)?)?.as_deref())),
        Delete::HashRemove { key, names } => out!("{}", redis.hash_remove(bytes(&key)?, &all(&names)?)?),
        Delete::SetRemove { key, members } => out!("{}", redis.set_remove(bytes(&key)?, &all(&members)?)?),
        Delete::SortedRemove { key, members } => out!("{}", redis.sorted_remove(bytes(&key)?, &all(&members)?)?),
        Delete::SortedRemoveByScore { key, min, max } => out!("{}", redis.sorted_remove_by_score(bytes(&key)?, min, max)?),
        Delete::ListPop { key, at, count } => print_all(redis.list_pop(bytes(&key)?, end(&at)?, count)?),
        Delete::StreamRemove { key, ids } => out!("{}", redis.stream_remove(bytes(&key)?, &ids)?),
    }
    Ok(())
}
