//! Commands whose options decide about keys and powers. Each is read word by word as the server reads it;
//! a word that it does not know here refuses the command.

use crate::grants::RedisPower::{self, Delete, Read, Write};

use super::Words;

/// What a command's options add to its row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Extra {
    pub(super) powers: Vec<RedisPower>,
    pub(super) keys: Vec<usize>,
    /// It deletes its key.
    pub(super) deletes: bool,
}

impl Extra {
    fn power(&mut self, power: RedisPower) {
        if !self.powers.contains(&power) {
            self.powers.push(power);
        }
    }

    fn delete(&mut self) {
        self.power(Delete);
        self.deletes = true;
    }

    /// A key that the result is stored in.
    fn store(&mut self, place: usize) {
        self.power(Write);
        self.keys.push(place);
    }
}

/// Words read one after the other, by their places.
struct Options<'o, 'w> {
    words: &'o Words<'w>,
    next: usize,
}

impl<'w> Options<'_, 'w> {
    /// The next option in upper case.
    fn option(&mut self) -> Option<String> {
        let word = self.words.get(self.next)?;
        self.next += 1;
        Some(String::from_utf8_lossy(word).to_ascii_uppercase())
    }

    /// What belongs to the option before it: its place and itself.
    fn value(&mut self) -> Result<(usize, &'w [u8]), String> {
        let place = self.next;
        let word = self.words.get(place).ok_or("an option lacks its value")?;
        self.next += 1;
        Ok((place, word))
    }

    fn number(&mut self) -> Result<i64, String> {
        number(self.value()?.1).ok_or_else(|| "a number is not written as one".to_owned())
    }

    fn is_at_end(&self) -> bool {
        self.next >= self.words.len()
    }
}

fn options<'o, 'w>(words: &'o Words<'w>, next: usize) -> Options<'o, 'w> {
    Options { words, next }
}

fn unknown(option: &str) -> String {
    format!("the option `{}` is not offered", option.chars().take(40).collect::<String>().escape_debug())
}

/// A whole number exactly as servers take them: no sign but a minus, no leading zeros.
pub(super) fn number(word: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(word).ok()?;
    let number: i64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

/// The milliseconds at which a key given this time goes.
fn deadline(option: &str, time: i64, now: i64) -> i64 {
    match option {
        "EX" => time.saturating_mul(1000).saturating_add(now),
        "PX" => time.saturating_add(now),
        "EXAT" => time.saturating_mul(1000),
        _ => time,
    }
}

/// `SET key value [NX | XX] [GET] [EX s | PX ms | EXAT s | PXAT ms | KEEPTTL]`
pub(super) fn set(words: &Words<'_>, now: i64) -> Result<Extra, String> {
    let mut extra = Extra::default();
    let mut options = options(words, 3);
    while let Some(option) = options.option() {
        match option.as_str() {
            "NX" | "XX" | "KEEPTTL" => {}
            "GET" => extra.power(Read),
            "EX" | "PX" | "EXAT" | "PXAT" => {
                if deadline(&option, options.number()?, now) <= now {
                    extra.delete();
                }
            }
            _ => return Err(unknown(&option)),
        }
    }
    Ok(extra)
}

/// `GETEX key [EX s | PX ms | EXAT s | PXAT ms | PERSIST]`
pub(super) fn getex(words: &Words<'_>, now: i64) -> Result<Extra, String> {
    let mut extra = Extra::default();
    let mut options = options(words, 2);
    while let Some(option) = options.option() {
        extra.power(Write);
        match option.as_str() {
            "PERSIST" => {}
            "EX" | "PX" | "EXAT" | "PXAT" => {
                if deadline(&option, options.number()?, now) <= now {
                    extra.delete();
                }
            }
            _ => return Err(unknown(&option)),
        }
    }
    Ok(extra)
}

pub(super) fn expire(words: &Words<'_>, now: i64) -> Result<Extra, String> {
    ends(words, now, "EX")
}

pub(super) fn pexpire(words: &Words<'_>, now: i64) -> Result<Extra, String> {
    ends(words, now, "PX")
}

pub(super) fn expireat(words: &Words<'_>, now: i64) -> Result<Extra, String> {
    ends(words, now, "EXAT")
}

pub(super) fn pexpireat(words: &Words<'_>, now: i64) -> Result<Extra, String> {
    ends(words, now, "PXAT")
}

/// `EXPIRE key seconds [NX | XX | GT | LT]` and its kin.
fn ends(words: &Words<'_>, now: i64, unit: &str) -> Result<Extra, String> {
    let mut extra = Extra::default();
    let mut options = options(words, 2);
    if deadline(unit, options.number()?, now) <= now {
        extra.delete();
    }
    while let Some(option) = options.option() {
        if !matches!(option.as_str(), "NX" | "XX" | "GT" | "LT") {
            return Err(unknown(&option));
        }
    }
    Ok(extra)
}

/// `COPY source destination [DB n] [REPLACE]`: not into another database.
pub(super) fn copy(words: &Words<'_>, _: i64) -> Result<Extra, String> {
    let mut options = options(words, 3);
    while let Some(option) = options.option() {
        if option != "REPLACE" {
            return Err(unknown(&option));
        }
    }
    Ok(Extra::default())
}

/// `SORT key [BY pattern] [LIMIT offset count] [GET pattern ...] [ASC | DESC] [ALPHA] [STORE destination]`.
/// Patterns of BY and GET name other keys; those that name none are taken.
pub(super) fn sort(words: &Words<'_>, _: i64) -> Result<Extra, String> {
    let mut extra = Extra::default();
    let mut options = options(words, 2);
    while let Some(option) = options.option() {
        match option.as_str() {
            "ASC" | "DESC" | "ALPHA" => {}
            "LIMIT" => {
                options.number()?;
                options.number()?;
            }
            "BY" if options.value()?.1 == b"nosort" => {}
            "GET" if options.value()?.1 == b"#" => {}
            "BY" | "GET" => return Err(format!("`{option}` reaches keys that are not named; only `BY nosort` and `GET #` are offered")),
            "STORE" => extra.store(options.value()?.0),
            _ => return Err(unknown(&option)),
        }
    }
    Ok(extra)
}

/// `GEORADIUS key longitude latitude radius unit [options] [STORE key | STOREDIST key]`
pub(super) fn georadius(words: &Words<'_>, _: i64) -> Result<Extra, String> {
    radius(words, 6)
}

/// `GEORADIUSBYMEMBER key member radius unit [options] [STORE key | STOREDIST key]`
pub(super) fn georadius_by_member(words: &Words<'_>, _: i64) -> Result<Extra, String> {
    radius(words, 5)
}

fn radius(words: &Words<'_>, first: usize) -> Result<Extra, String> {
    let mut extra = Extra::default();
    let mut options = options(words, first);
    while let Some(option) = options.option() {
        match option.as_str() {
            "WITHCOORD" | "WITHDIST" | "WITHHASH" | "ASC" | "DESC" | "ANY" => {}
            "COUNT" => {
                options.number()?;
            }
            "STORE" | "STOREDIST" => extra.store(options.value()?.0),
            _ => return Err(unknown(&option)),
        }
    }
    Ok(extra)
}

/// `XREAD [COUNT n] STREAMS key ... id ...`: never BLOCK.
pub(super) fn xread(words: &Words<'_>, _: i64) -> Result<Extra, String> {
    streams(words, 1, false)
}

/// `XREADGROUP GROUP group consumer [COUNT n] [NOACK] STREAMS key ... id ...`: never BLOCK.
pub(super) fn xreadgroup(words: &Words<'_>, _: i64) -> Result<Extra, String> {
    match words.get(1) {
        Some(word) if word.eq_ignore_ascii_case(b"GROUP") => streams(words, 4, true),
        _ => Err("it begins with `GROUP`".to_owned()),
    }
}

fn streams(words: &Words<'_>, first: usize, group: bool) -> Result<Extra, String> {
    let mut options = options(words, first);
    while let Some(option) = options.option() {
        match option.as_str() {
            "COUNT" => {
                options.number()?;
            }
            "NOACK" if group => {}
            "BLOCK" => return Err("`BLOCK` is not offered: a command that waits would hold the whole run".to_owned()),
            "STREAMS" => {
                let rest = words.len() - options.next;
                if options.is_at_end() || rest % 2 == 1 {
                    return Err("as many ids as keys must follow `STREAMS`".to_owned());
                }
                let keys = (options.next..options.next + rest / 2).collect();
                return Ok(Extra { keys, ..Extra::default() });
            }
            _ => return Err(unknown(&option)),
        }
    }
    Err("`STREAMS` is missing".to_owned())
}
