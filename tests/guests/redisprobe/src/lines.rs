//! Bytes as words and words as bytes; answers and refusals as lines.

use host_sdk::redis::{Field, RedisError, Scored};
use host_sdk::{Ending, Error, Result, out};

/// `\xNN` is a byte, `\\` a backslash, anything else itself.
pub(crate) fn bytes(word: &str) -> Result<Vec<u8>> {
    let wrong = || Error::usage(format!("`{word}` holds a backslash that begins neither `\\xNN` nor `\\\\`"));
    let mut bytes = Vec::new();
    let mut rest = word.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first != b'\\' {
            bytes.push(first);
            continue;
        }
        let (byte, length) = match after {
            [b'\\', ..] => (b'\\', 1),
            [b'x', ..] => {
                let digits = after.get(1..3).and_then(|digits| std::str::from_utf8(digits).ok()).ok_or_else(wrong)?;
                (u8::from_str_radix(digits, 16).map_err(|_| wrong())?, 3)
            }
            _ => return Err(wrong()),
        };
        bytes.push(byte);
        rest = after.get(length..).unwrap_or_default();
    }
    Ok(bytes)
}

pub(crate) fn all(words: &[String]) -> Result<Vec<Vec<u8>>> {
    words.iter().map(|word| bytes(word)).collect()
}

/// `NAME=VALUE` words.
pub(crate) fn fields(words: &[String]) -> Result<Vec<Field>> {
    pairs(words)?.into_iter().map(|(name, value)| Ok(Field { name: bytes(name)?, value: bytes(value)? })).collect()
}

/// `MEMBER=SCORE` words.
pub(crate) fn scored(words: &[String]) -> Result<Vec<Scored>> {
    let score = |text: &str| text.parse().map_err(|_| Error::usage(format!("`{text}` is no score")));
    pairs(words)?.into_iter().map(|(member, text)| Ok(Scored { member: bytes(member)?, score: score(text)? })).collect()
}

pub(crate) fn pairs(words: &[String]) -> Result<Vec<(&str, &str)>> {
    words.iter().map(|word| word.split_once('=').ok_or_else(|| Error::usage(format!("`{word}` is no NAME=VALUE")))).collect()
}

/// Printable ASCII as it is, other text too, and every other byte as `\xNN`.
pub(crate) fn shown(bytes: &[u8]) -> String {
    let mut shown = String::new();
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' => shown.push_str("\\\\"),
                c if c.is_control() => c.to_string().bytes().for_each(|byte| shown.push_str(&format!("\\x{byte:02x}"))),
                c => shown.push(c),
            }
        }
        chunk.invalid().iter().for_each(|byte| shown.push_str(&format!("\\x{byte:02x}")));
    }
    shown
}

pub(crate) fn optional(bytes: Option<&[u8]>) -> String {
    bytes.map_or_else(|| "(nil)".to_owned(), shown)
}

pub(crate) fn print_all<B: AsRef<[u8]>>(values: impl IntoIterator<Item = B>) {
    values.into_iter().for_each(|value| out!("{}", shown(value.as_ref())));
}

pub(crate) fn print_scored(values: &[Scored]) {
    values.iter().for_each(|value| out!("{}\t{}", shown(&value.member), value.score));
}

pub(crate) fn print_fields(fields: &[Field]) {
    fields.iter().for_each(|field| out!("{}\t{}", shown(&field.name), shown(&field.value)));
}

/// Prints what `host:redis` refused with by its case; other errors end as in any command.
pub(crate) fn told(result: Result<()>) -> Result<u8> {
    let Err(error) = result else { return Ok(Ending::Ok.code()) };
    let Some(refusal) = error.redis() else { return Err(error) };
    let (case, text) = match refusal {
        RedisError::AccessDenied(text) => ("access-denied", text.clone()),
        RedisError::NoSuchRedis(text) => ("no-such-redis", text.clone()),
        RedisError::InvalidArgument(text) => ("invalid-argument", text.clone()),
        RedisError::ConnectionFailed(text) => ("connection-failed", text.clone()),
        RedisError::ConnectionRejected(error) => ("connection-rejected", format!("{} {}", error.code, error.message)),
        RedisError::CommandFailed(error) => ("command-failed", format!("{} {}", error.code, error.message)),
        RedisError::LimitExceeded(text) => ("limit-exceeded", text.clone()),
        RedisError::Timeout(text) => ("timeout", text.clone()),
        RedisError::Cancelled(text) => ("cancelled", text.clone()),
        RedisError::Other(text) => ("other", text.clone()),
    };
    out!("{case}: {text}");
    Ok(error.into_failure().ending.code())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_can_be_said_and_is_shown_as_it_was_said() {
        let word = r"a\x00\x1b\\é\xff";
        assert_eq!(bytes(word).unwrap(), b"a\0\x1b\\\xc3\xa9\xff");
        assert_eq!(shown(&bytes(word).unwrap()), word);
        for wrong in [r"\", r"\n", r"\x1", r"\xé"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }
}
