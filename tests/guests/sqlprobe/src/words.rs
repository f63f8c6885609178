//! Parameters as words: `null`, `true`, `5`, `1.5`, `decimal:12.50`, `bytes:00ff`, `uuid:...`, `json:...`,
//! `date:2024-02-29`, `timestamp:...`, `inet::127.0.0.1` for a type without a case of its own.

use host_sdk::sql::{Cell, Date, FromCell, Timestamp, TypedText, Value};
use host_sdk::{Error, Result};

pub(crate) fn values(words: &[String]) -> Result<Vec<Value>> {
    words.iter().map(|word| value(word)).collect()
}

fn value(word: &str) -> Result<Value> {
    let wrong = || Error::usage(format!("`{word}` is no parameter"));
    if let Some((type_name, text)) = word.split_once("::") {
        return Ok(Value::Other(TypedText { type_name: type_name.to_owned(), text: text.to_owned() }));
    }
    Ok(match word.split_once(':') {
        Some(("text", text)) => Value::Text(text.to_owned()),
        Some(("decimal", digits)) => Value::Decimal(digits.to_owned()),
        Some(("uuid", text)) => Value::Uuid(text.to_owned()),
        Some(("json", text)) => Value::Json(text.to_owned()),
        Some(("bytes", hex)) => Value::Bytes(bytes(hex).ok_or_else(wrong)?),
        Some(("date", text)) => Value::Date(Date::from_cell(Cell::Text(text)).ok_or_else(wrong)?),
        Some(("timestamp", text)) => Value::Timestamp(Timestamp::from_cell(Cell::Text(text)).ok_or_else(wrong)?),
        _ => plain(word),
    })
}

fn plain(word: &str) -> Value {
    match word {
        "null" => Value::Null,
        "true" => Value::Boolean(true),
        "false" => Value::Boolean(false),
        _ => match (word.parse(), word.parse()) {
            (Ok(integer), _) => Value::Integer(integer),
            (Err(_), Ok(float)) => Value::Float(float),
            _ => Value::Text(word.to_owned()),
        },
    }
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok()).collect()
}
