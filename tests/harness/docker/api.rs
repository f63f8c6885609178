//! The engine's API for asserting: one request on a connection of its own.

use std::io::{Error, Read, Result, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use serde_json::{Value, json};

use super::Docker;

/// What the engine answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// `null` when there is none; a string when it is no JSON.
    pub(crate) body: Value,
}

impl Docker {
    /// Asks without a body; fails on an error.
    #[track_caller]
    pub(crate) fn api(&self, method: &str, path: &str) -> Value {
        let answer = self.answer(method, path, None);
        assert!(answer.status < 400, "{method} {path}: {answer:?}");
        answer.body
    }

    /// Asks; errors are answers too.
    #[track_caller]
    pub(crate) fn answer(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        ask(&self.socket(), method, path, body).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// A container, by name or id, as `inspect` tells it.
    #[track_caller]
    pub(crate) fn inspect(&self, container: &str) -> Value {
        self.api("GET", &format!("/containers/{container}/json"))
    }

    /// An image, by name or id.
    #[track_caller]
    pub(crate) fn inspect_image(&self, image: &str) -> Value {
        self.api("GET", &format!("/images/{image}/json"))
    }
}

/// The query that keeps what has a label.
pub(super) fn labelled(label: &str) -> String {
    let filters = json!({ "label": [label] }).to_string();
    format!("filters={}", url::form_urlencoded::byte_serialize(filters.as_bytes()).collect::<String>())
}

/// HTTP 1.0, so that an answer ends with its connection.
pub(super) fn ask(socket: &Path, method: &str, path: &str, body: Option<&Value>) -> Result<Answer> {
    let body = body.map(Value::to_string).unwrap_or_default();
    let head =
        format!("{method} {path} HTTP/1.0\r\nHost: docker\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
    let mut stream = UnixStream::connect(socket)?;
    stream.write_all(format!("{head}{body}").as_bytes())?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").ok_or_else(|| Error::other("no answer"))?;
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).ok_or_else(|| Error::other(head.to_owned()))?;
    let body = match body {
        "" => Value::Null,
        _ => serde_json::from_str(body).unwrap_or_else(|_| body.into()),
    };
    Ok(Answer { status, body })
}
