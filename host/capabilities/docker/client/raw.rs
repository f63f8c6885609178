//! Requests that the crate beneath cannot make: connections that become a stream both ways, and long streamed bodies.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderMap, UPGRADE};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;

use super::{Engine, Failure};
use super::{failure, podman, wire};
use crate::capabilities::docker::limits;

/// Bytes of an error's text.
const ERROR_BOUND: usize = 64 << 10;

/// Bytes of one line of an answer that is many.
const LINE_BOUND: usize = 1 << 20;

/// A stream both ways: a program's input and output, or another protocol.
pub(crate) type Upgraded = TokioIo<hyper::upgrade::Upgraded>;

/// A body that somebody else writes, piece by piece; the channel's size bounds what waits.
pub(crate) struct Piped(pub(crate) mpsc::Receiver<io::Result<Bytes>>);

impl Body for Piped {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.0.poll_recv(context).map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}

impl Engine {
    /// Sends a request; an answer that is an error is one here too.
    pub(crate) async fn raw<B>(&self, request: Request<B>) -> Result<Response<Incoming>, Failure>
    where
        B: Body<Error: Into<Box<dyn std::error::Error + Send + Sync>>, Data: Send> + Send + 'static,
    {
        let response = self.wire()?.send(request).await.map_err(|error| wire::trouble(&error))?;
        let status = response.status();
        if status.is_success() || status == StatusCode::SWITCHING_PROTOCOLS || status == StatusCode::NOT_MODIFIED {
            return Ok(response);
        }
        let text = text_of(response.into_body()).await;
        let message = serde_json::from_str::<serde_json::Value>(&text).ok();
        let message = message.as_ref().and_then(|value| value.get("message")?.as_str()).unwrap_or(&text);
        Err(Failure::Answered { status: status.as_u16(), message: self.scrub(message.trim()) })
    }

    /// An answer about containers, read by us: Podman has states that the crate beneath takes for an error.
    pub(crate) async fn told<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        self.told_by(path).await.map(|(told, _)| told)
    }

    /// The same, and whether it was Podman who told it.
    pub(super) async fn told_by<T: DeserializeOwned>(&self, path: &str) -> Result<(T, bool), Failure> {
        let request = Request::builder().uri(path).body(String::new()).map_err(|_| unaskable())?;
        let answer = async {
            let response = self.raw(request).await?;
            let is_podman = podman::is_podman(response.headers());
            let mut json = json_of(&mut response.into_body(), limits::TOLD_BYTES).await.ok_or_else(unreadable)?;
            match &mut json {
                serde_json::Value::Array(list) => list.iter_mut().for_each(|item| podman::in_dockers_words(item.get_mut("State"))),
                one => podman::in_dockers_words(one.get_mut("State").and_then(|state| state.get_mut("Status"))),
            }
            Ok((serde_json::from_value(json).map_err(|_| unreadable())?, is_podman))
        };
        tokio::time::timeout(limits::ANSWER, answer).await.unwrap_or_else(|_| Err(failure::silent()))
    }

    /// Sends a request after which the connection is a stream of another kind.
    pub(crate) async fn upgrade(&self, path: &str, protocol: &str, headers: HeaderMap, json: Option<String>) -> Result<Upgraded, Failure> {
        let mut request = Request::builder().method(Method::POST).uri(path).header(CONNECTION, "Upgrade").header(UPGRADE, protocol);
        if json.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let mut request = request.body(json.unwrap_or_default()).map_err(|_| unaskable())?;
        request.headers_mut().extend(headers);
        let response = self.raw(request).await?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(Failure::Other("the Docker engine answered without handing over its stream".to_owned()));
        }
        let upgraded = hyper::upgrade::on(response).await.map_err(|error| wire::trouble(&error))?;
        Ok(TokioIo::new(upgraded))
    }
}

fn unreadable() -> Failure {
    Failure::Other("the Docker engine's answer cannot be read".to_owned())
}

/// The next piece of an answer's body; none at its end.
pub(crate) async fn next_piece(body: &mut Incoming) -> Option<Result<Bytes, Failure>> {
    loop {
        match poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await? {
            Ok(frame) => {
                if let Ok(data) = frame.into_data() {
                    return Some(Ok(data));
                }
            }
            Err(error) => return Some(Err(wire::trouble(&error).into())),
        }
    }
}

/// Each line of an answer, which is JSON, as it comes. An answer that breaks off is an error.
pub(crate) async fn each_line<T: DeserializeOwned>(
    body: &mut Incoming,
    mut take: impl FnMut(T) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut rest = Vec::new();
    let mut read =
        |line: &[u8]| if line.trim_ascii().is_empty() { Ok(()) } else { take(serde_json::from_slice(line).map_err(|_| unreadable())?) };
    while let Some(piece) = next_piece(body).await {
        rest.extend_from_slice(&piece?);
        let whole = rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let after = rest.split_off(whole);
        rest.split(|byte| *byte == b'\n').try_for_each(&mut read)?;
        rest = after;
        if rest.len() > LINE_BOUND {
            return Err(unreadable());
        }
    }
    read(&rest)
}

/// A short answer, whole; none where it is longer than that, breaks off, or is no JSON.
pub(crate) async fn json_of(body: &mut Incoming, bound: usize) -> Option<serde_json::Value> {
    let mut bytes = Vec::new();
    while let Some(piece) = next_piece(body).await {
        bytes.extend_from_slice(&piece.ok()?);
        if bytes.len() > bound {
            return None;
        }
    }
    serde_json::from_slice(&bytes).ok()
}

async fn text_of(mut body: Incoming) -> String {
    let mut bytes = Vec::new();
    while let Some(Ok(piece)) = next_piece(&mut body).await {
        bytes.extend_from_slice(&piece);
        if bytes.len() >= ERROR_BOUND {
            break;
        }
    }
    bytes.truncate(ERROR_BOUND);
    String::from_utf8_lossy(&bytes).into_owned()
}

pub(crate) fn unaskable() -> Failure {
    Failure::Other("that cannot be asked of the Docker engine".to_owned())
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    /// The body of a server's answer.
    async fn body_of(text: &str) -> Incoming {
        let (client, mut server) = tokio::io::duplex(64 << 10);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(client)).await.unwrap();
        tokio::spawn(connection);
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len());
        tokio::spawn(async move { server.write_all(answer.as_bytes()).await });
        sender.send_request(Request::new(String::new())).await.unwrap().into_body()
    }

    #[tokio::test]
    async fn an_answer_is_read_up_to_its_bound_and_not_beyond() {
        let text = format!("\"{}\"", "x".repeat(98));
        assert!(json_of(&mut body_of(&text).await, 100).await.is_some());
        assert!(json_of(&mut body_of(&text).await, 99).await.is_none());
    }
}
