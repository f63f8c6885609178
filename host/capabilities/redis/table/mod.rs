//! Every command that a pipeline may hold: the powers it needs, where its keys stand, what it can delete.
//! A command that is not here is refused, and so is any option that is not known: default deny.
//!
//! The rule for powers:
//!
//! - `read`: tells what is in a key. `write`: makes or changes what is in a key; putting something else in its place
//!   (`SET`, `RENAME` onto it, `SINTERSTORE` into it) is a change of that key. Commands that do both need both:
//!   `GETSET`, `SET ... GET`, `COPY`, every `...STORE`.
//! - `delete`: takes away a whole key or elements of one, and may tell what it took: `DEL`, `GETDEL`, `LPOP`, `HDEL`,
//!   `XTRIM`. So does a time to live that is over already. What is moved is deleted where it was and written where it
//!   comes: `RENAME`, `SMOVE`, `LMOVE`.
//! - A change that answers numbers about the key (`INCR`, `APPEND`, `SADD`) needs `write` alone, as in the interface
//!   `write`; `XADD` with a bound on its length as well.
//!
//! Left out on purpose: scripts and functions (they can touch any key), what blocks, subscriptions and transactions
//! (they change what the connection is), administration, commands over all keys (`KEYS`, `SCAN`, `FLUSHDB`,
//! `RANDOMKEY`) or other databases, and `RESTORE` and `MIGRATE` (raw values that a server trusts). Only commands
//! whose keys were compared with a real server's COMMAND GETKEYS are here (`redis/tests/commands.rs`).

mod rows;
mod special;

use crate::grants::RedisPower;

pub(super) use self::special::Extra;

/// A command and its arguments, the name first (`OBJECT ENCODING` takes two places).
pub(super) type Words<'w> = [&'w [u8]];

/// Where a command's keys stand among its words.
#[derive(Clone, Copy, Debug)]
enum Keys {
    /// From the first place to the last (-1 is the last word), each so many words after the one before.
    Range(usize, isize, usize),
    /// As many as the number at this place says, behind it.
    Counted(usize),
}

/// Reads a command's options, at this time in milliseconds.
type Special = fn(&Words<'_>, i64) -> Result<Extra, String>;

/// What a table row says.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) name: &'static str,
    powers: &'static [RedisPower],
    keys: &'static [Keys],
    /// What its options mean; an error refuses the command.
    special: Option<Special>,
    /// Whole keys that it deletes: those it names.
    deletes: Deletes,
    names_keys: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deletes {
    Nothing,
    /// The first key.
    One,
    All,
}

/// What one command needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Needs {
    pub(super) powers: Vec<RedisPower>,
    /// Places of its keys among the words.
    pub(super) keys: Vec<usize>,
    /// The place of the channel.
    pub(super) channel: Option<usize>,
    /// Whole keys that it may delete at most.
    pub(super) deletes: u64,
    /// Its reply is the number of keys that were deleted.
    pub(super) counts_deleted: bool,
    /// Its reply names keys.
    pub(super) names_keys: bool,
}

/// Why a command is not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// It is not offered, whatever is granted.
    NotOffered(String),
    Malformed(String),
}

/// What a command needs. `now` is the time in milliseconds, for times to live that are over already.
pub(super) fn needs(words: &Words<'_>, now: i64) -> Result<Needs, Refused> {
    let row = row(words)?;
    let malformed = |text: String| Refused::Malformed(format!("`{}`: {text}", row.name));
    let extra = match row.special {
        Some(special) => special(words, now).map_err(malformed)?,
        None => Extra::default(),
    };
    let mut keys = extra.keys;
    for part in row.keys {
        places(*part, words, &mut keys).map_err(malformed)?;
    }
    keys.sort_unstable();
    keys.dedup();
    let mut powers = row.powers.to_vec();
    powers.extend(extra.powers);
    let deletes = match row.deletes {
        _ if extra.deletes => 1,
        Deletes::Nothing => 0,
        Deletes::One => 1,
        Deletes::All => keys.len() as u64,
    };
    Ok(Needs {
        powers,
        keys,
        channel: (row.name == "PUBLISH").then_some(1),
        deletes,
        counts_deleted: row.deletes == Deletes::All,
        names_keys: row.names_keys,
    })
}

/// The names of all commands that are offered, for the test that compares them with a server's.
#[cfg(test)]
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    rows::ROWS.iter().map(|row| row.name)
}

fn row(words: &Words<'_>) -> Result<&'static Row, Refused> {
    let upper = |word: Option<&&[u8]>| String::from_utf8_lossy(word.copied().unwrap_or_default()).to_ascii_uppercase();
    let name = upper(words.first());
    let found = match rows::CONTAINERS.contains(&name.as_str()) {
        true => rows::find(&format!("{name} {}", upper(words.get(1)))),
        false => rows::find(&name),
    };
    found.ok_or_else(|| {
        let reason = rows::reason(&name);
        let name: String = name.chars().take(40).collect();
        Refused::NotOffered(format!("command `{}` is not offered: {reason}", name.escape_debug()))
    })
}

fn places(part: Keys, words: &Words<'_>, keys: &mut Vec<usize>) -> Result<(), String> {
    match part {
        Keys::Range(first, last, step) => {
            let last = match usize::try_from(last) {
                Ok(last) => last,
                Err(_) => words.len().saturating_sub(last.unsigned_abs()),
            };
            if last >= words.len() || last < first {
                return Err("it lacks arguments".to_owned());
            }
            keys.extend((first..=last).step_by(step.max(1)));
        }
        Keys::Counted(at) => {
            let count = words.get(at).and_then(|word| special::number(word)).and_then(|count| usize::try_from(count).ok());
            let count = count.filter(|count| *count > 0).ok_or("the number of keys is no number above 0")?;
            if count > words.len().saturating_sub(at + 1) {
                return Err("it names fewer keys than it says".to_owned());
            }
            keys.extend(at + 1..=at + count);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use RedisPower::{Delete, Publish, Read, Write};

    const NOW: i64 = 1_700_000_000_000;

    fn ask(line: &str) -> Result<Needs, Refused> {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        needs(&words, NOW)
    }

    #[test]
    fn commands_need_the_powers_of_their_options() {
        let table: [(&str, &[RedisPower], u64); 37] = [
            ("get k", &[Read], 0),
            ("SET k v", &[Write], 0),
            ("SET k v EX 10 NX", &[Write], 0),
            ("SET k v KEEPTTL GET", &[Write, Read], 0),
            ("SET k v PXAT 1699999999999", &[Write, Delete], 1),
            ("SET k v PXAT 1700000000001", &[Write], 0),
            ("SET k v EXAT 1", &[Write, Delete], 1),
            ("GETSET k v", &[Read, Write], 0),
            ("GETEX k", &[Read], 0),
            ("GETEX k PERSIST", &[Read, Write], 0),
            ("GETEX k EX 10", &[Read, Write], 0),
            ("GETEX k EXAT 10", &[Read, Write, Delete], 1),
            ("GETDEL k", &[Delete], 1),
            ("EXPIRE k 10", &[Write], 0),
            ("EXPIRE k 10 NX", &[Write], 0),
            ("EXPIRE k 0", &[Write, Delete], 1),
            ("EXPIRE k -5", &[Write, Delete], 1),
            ("PEXPIRE k 0", &[Write, Delete], 1),
            ("EXPIREAT k 1699999999", &[Write, Delete], 1),
            ("EXPIREAT k 1800000000", &[Write], 0),
            ("PEXPIREAT k 1699999999999", &[Write, Delete], 1),
            ("DEL a b c", &[Delete], 3),
            ("UNLINK a", &[Delete], 1),
            ("RENAME a b", &[Delete, Write], 1),
            ("COPY a b", &[Read, Write], 0),
            ("COPY a b REPLACE", &[Read, Write], 0),
            ("LMOVE a b LEFT RIGHT", &[Delete, Write], 0),
            ("SINTERSTORE a b c", &[Read, Write], 0),
            ("SORT a", &[Read], 0),
            ("SORT a BY nosort GET # STORE b", &[Read, Write], 0),
            ("GEORADIUS a 1 2 3 km STORE b", &[Read, Write], 0),
            ("GEORADIUS a 1 2 3 km COUNT 3 ANY", &[Read], 0),
            ("XREADGROUP GROUP g c STREAMS s >", &[Read, Write], 0),
            ("XTRIM s MAXLEN 0", &[Delete], 0),
            ("LPOP l", &[Delete], 0),
            ("PUBLISH c m", &[Publish], 0),
            ("PING", &[], 0),
        ];
        for (line, powers, deletes) in table {
            let needs = ask(line).unwrap_or_else(|error| panic!("{line}: {error:?}"));
            assert_eq!((needs.powers.as_slice(), needs.deletes), (powers, deletes), "{line}");
        }
    }

    #[test]
    fn keys_are_found_wherever_they_stand() {
        let table: [(&str, &[usize]); 17] = [
            ("MGET a b c", &[1, 2, 3]),
            ("MSET a 1 b 2", &[1, 3]),
            ("BITOP AND d a b", &[2, 3, 4]),
            ("ZUNIONSTORE d 2 a b WEIGHTS 1 2", &[1, 3, 4]),
            ("ZUNION 2 a b WITHSCORES", &[2, 3]),
            ("SINTERCARD 1 a LIMIT 3", &[2]),
            ("LMPOP 2 a b LEFT", &[2, 3]),
            ("XREAD COUNT 2 STREAMS a b 0 0", &[4, 5]),
            ("XREADGROUP GROUP STREAMS c NOACK STREAMS a >", &[6]),
            ("SORT a LIMIT 0 STORE b", &[1]),
            ("SORT a STORE b STORE c", &[1, 3, 5]),
            ("GEORADIUS a 1 2 3 km STOREDIST b STORE c", &[1, 7, 9]),
            ("GEORADIUSBYMEMBER a m 3 km STORE b", &[1, 6]),
            ("OBJECT ENCODING a", &[2]),
            ("xinfo stream a", &[2]),
            ("MEMORY USAGE a SAMPLES 5", &[2]),
            ("LCS a b LEN", &[1, 2]),
        ];
        for (line, keys) in table {
            match ask(line) {
                Ok(needs) => assert_eq!(needs.keys, keys, "{line}"),
                // The words after LIMIT are numbers, so that the server would not take this either.
                Err(error) => assert!(line.contains("LIMIT 0 STORE"), "{line}: {error:?}"),
            }
        }
    }

    #[test]
    fn what_could_reach_beyond_its_keys_is_not_offered() {
        for line in [
            "EVAL x 0",
            "EVALSHA x 0",
            "EVAL_RO x 0",
            "FCALL f 0",
            "FCALL_RO f 0",
            "SCRIPT LOAD x",
            "FUNCTION LOAD x",
            "BLPOP a 0",
            "BRPOP a 0",
            "BLMOVE a b LEFT LEFT 0",
            "BLMPOP 0 1 a LEFT",
            "BZPOPMIN a 0",
            "BZMPOP 0 1 a MIN",
            "WAIT 1 0",
            "SUBSCRIBE c",
            "PSUBSCRIBE *",
            "SSUBSCRIBE c",
            "MONITOR",
            "MULTI",
            "EXEC",
            "WATCH a",
            "DISCARD",
            "SELECT 1",
            "SWAPDB 0 1",
            "MOVE a 1",
            "FLUSHALL",
            "FLUSHDB",
            "KEYS *",
            "SCAN 0",
            "RANDOMKEY",
            "CONFIG GET *",
            "CLIENT LIST",
            "ACL LIST",
            "DEBUG SLEEP 1",
            "SHUTDOWN",
            "SAVE",
            "BGSAVE",
            "BGREWRITEAOF",
            "REPLICAOF a 1",
            "SLAVEOF a 1",
            "SYNC",
            "PSYNC a 1",
            "CLUSTER SLOTS",
            "MODULE LIST",
            "MIGRATE h 1 a 0 1",
            "RESTORE a 0 x",
            "DUMP a",
            "AUTH x",
            "HELLO 3",
            "RESET",
            "QUIT",
            "LATENCY RESET",
            "SLOWLOG GET",
            "COMMAND",
            "INFO",
            "ROLE",
            "FAILOVER",
            "READONLY",
            "ASKING",
            "SPUBLISH c m",
            "PUBSUB CHANNELS",
            "OBJECT HELP",
            "OBJECT FREQ2 a",
            "MEMORY PURGE",
            "XGROUP HELP",
            "NOSUCH a",
            "",
            "GET\r\nFLUSHALL",
            "LOLWUT",
            "PFDEBUG GETREG a",
            "PFSELFTEST",
            "SUBSTR",
            "JSON.GET a",
        ] {
            assert!(matches!(ask(line), Err(Refused::NotOffered(_)) | Err(Refused::Malformed(_))), "{line}: {:?}", ask(line));
            assert!(line == "SUBSTR" || matches!(ask(line), Err(Refused::NotOffered(_))), "{line}: {:?}", ask(line));
        }
    }

    #[test]
    fn options_that_block_or_reach_elsewhere_are_refused_and_so_are_unknown_ones() {
        for line in [
            "XREAD BLOCK 0 STREAMS a 0",
            "XREADGROUP GROUP g c BLOCK 0 STREAMS a >",
            "COPY a b DB 1",
            "SORT a BY w_*",
            "SORT a GET secret:*",
            "SORT a GET # GET x",
            "SORT_RO a GET *",
            "SORT a BY",
            "SORT a FUTURE x",
            "SET k v FUTURE",
            "SET k v EX",
            "SET k v EXAT soon",
            "EXPIRE k ten",
            "EXPIRE k +0",
            "EXPIRE k 00",
            "EXPIRE k 1 FUTURE",
            "GETEX k FUTURE",
            "ZUNION two a b",
            "ZUNION 3 a b",
            "ZUNION 0 a",
            "ZUNION -1 a",
            "ZUNION 01 a",
            "LMPOP 2 a",
            "XREAD STREAMS a b 0",
            "XREAD STREAMS",
            "XREAD COUNT 1",
            "GEORADIUS a 1 2 3 km STORE",
            "GEORADIUS a 1 2 3 km X",
            "MGET",
            "GET",
            "RENAME a",
            "ZUNIONSTORE a 1",
        ] {
            assert!(matches!(ask(line), Err(Refused::Malformed(_))), "{line}: {:?}", ask(line));
        }
    }

    #[test]
    fn every_row_stands_in_order_and_once() {
        let names: Vec<&str> = names().collect();
        assert!(names.is_sorted_by(|one, next| one < next), "not sorted");
        assert!(names.len() > 150, "{}", names.len());
    }

    #[test]
    fn a_refusal_shows_a_hostile_name_cut_and_escaped() {
        let name = format!("\x1b[31m{}", "x".repeat(1000));
        let Err(Refused::NotOffered(text)) = needs(&[name.as_bytes()], NOW) else { panic!("offered") };
        assert!(text.len() < 200 && !text.contains('\x1b'), "{text:?}");
    }
}
