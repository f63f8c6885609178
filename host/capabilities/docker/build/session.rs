//! What BuildKit may ask back while it builds: secrets, and logins of registries. It speaks gRPC over HTTP/2 on a connection that we opened, with
//! the roles turned round: the engine asks and we answer.
//!
//! Exactly three calls are answered, so their few bytes are read and written here. Absent on purpose: files (the context
//! is sent as tar), SSH agents, and tokens of registries (the engine gets them itself, with the login).

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::{Request, Response};
use hyper_util::rt::TokioExecutor;

use super::super::client::{Engine, Failure};
use super::super::logins::{Login, Registry};
use super::logins;

const HEALTH: &str = "/grpc.health.v1.Health/Check";
const GET_SECRET: &str = "/moby.buildkit.secrets.v1.Secrets/GetSecret";
const LOGIN: &str = "/moby.filesync.v1.Auth/Credentials";
/// Bytes of a question: an id.
const QUESTION_BOUND: usize = 64 << 10;

/// gRPC's codes.
const OK: &str = "0";
const INVALID: &str = "3";
const NOT_FOUND: &str = "5";
const UNIMPLEMENTED: &str = "12";

/// A file that a step may see while it runs, and that no layer keeps.
pub(super) struct Secret {
    pub(super) id: String,
    pub(super) content: Bytes,
}

/// All that may be told.
pub(super) struct Told {
    pub(super) secrets: Vec<Secret>,
    pub(super) logins: Vec<(Registry, Login)>,
}

/// Opens the connection; the future answers what the engine asks, until it is dropped or the engine is done.
pub(super) async fn open(engine: &Engine, id: &str, told: Told) -> Result<impl Future<Output = ()> + use<>, Failure> {
    let mut headers = HeaderMap::new();
    let name = |name: &'static str| HeaderName::from_static(name);
    headers.insert(name("x-docker-expose-session-uuid"), HeaderValue::from_str(id).map_err(|_| super::super::client::raw::unaskable())?);
    for method in [HEALTH, GET_SECRET, LOGIN] {
        headers.append(name("x-docker-expose-session-grpc-method"), HeaderValue::from_static(method));
    }
    let stream = engine.upgrade("/session", "h2c", headers, None).await?;
    let told = Arc::new(told);
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let told = Arc::clone(&told);
        async move { Ok::<_, Infallible>(answer(request, &told).await) }
    });
    let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new()).serve_connection(stream.into_inner(), service);
    Ok(async move {
        // The end of the build is the end of the connection, in whatever way.
        let _ = connection.await;
    })
}

async fn answer(request: Request<Incoming>, told: &Told) -> Response<Reply> {
    let (parts, body) = request.into_parts();
    let Some(question) = message(body).await else { return reply(INVALID, None) };
    match parts.uri.path() {
        // `SERVING`
        HEALTH => reply(OK, Some(vec![0x08, 1])),
        GET_SECRET => match text_field(&question, 1).and_then(|id| told.secrets.iter().find(|secret| secret.id == id)) {
            Some(secret) => reply(OK, Some(bytes_field(1, &secret.content))),
            None => reply(NOT_FOUND, None),
        },
        LOGIN => reply(OK, Some(login(text_field(&question, 1).and_then(|host| logins::at_host(&told.logins, &host))))),
        _ => reply(UNIMPLEMENTED, None),
    }
}

/// An empty one asks as a stranger.
fn login(pair: Option<(&str, &str)>) -> Vec<u8> {
    let (name, secret) = pair.unwrap_or_default();
    [(1, name), (2, secret)]
        .into_iter()
        .filter(|(_, text)| !text.is_empty())
        .flat_map(|(number, text)| bytes_field(number, text.as_bytes()))
        .collect()
}

/// The one message of a question.
async fn message(mut body: Incoming) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        if let Ok(data) = frame.ok()?.into_data() {
            bytes.extend_from_slice(&data);
        }
        if bytes.len() > QUESTION_BOUND {
            return None;
        }
    }
    let (head, message) = bytes.split_first_chunk::<5>()?;
    let [compressed, length @ ..] = head;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    (*compressed == 0 && length == message.len()).then(|| message.to_vec())
}

/// A text of a protobuf message, by its number.
fn text_field(message: &[u8], number: u64) -> Option<String> {
    let mut rest = message;
    while !rest.is_empty() {
        let key = varint(&mut rest)?;
        match key & 7 {
            0 => drop(varint(&mut rest)?),
            2 => {
                let length = usize::try_from(varint(&mut rest)?).ok()?;
                let (content, after) = rest.split_at_checked(length)?;
                if key >> 3 == number {
                    return String::from_utf8(content.to_vec()).ok();
                }
                rest = after;
            }
            _ => return None,
        }
    }
    // What is left out is the empty text.
    Some(String::new())
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn bytes_field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut message = vec![number << 3 | 2];
    let mut length = content.len();
    while length >= 0x80 {
        message.push(u8::try_from(length & 0x7f).unwrap_or(0) | 0x80);
        length >>= 7;
    }
    message.push(u8::try_from(length).unwrap_or(0));
    message.extend_from_slice(content);
    message
}

/// A message, if there is one, and gRPC's code behind it.
struct Reply {
    data: Option<Bytes>,
    code: Option<&'static str>,
}

fn reply(code: &'static str, message: Option<Vec<u8>>) -> Response<Reply> {
    let framed = message.map(|message| {
        let mut bytes = vec![0];
        bytes.extend(u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend(message);
        Bytes::from(bytes)
    });
    let mut response = Response::new(Reply { data: framed, code: Some(code) });
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(data) = self.data.take() {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        Poll::Ready(self.code.take().map(|code| {
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", HeaderValue::from_static(code));
            Ok(Frame::trailers(trailers))
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_and_written() {
        for length in [0, 1, 127, 128, 300, 70_000] {
            let content = "x".repeat(length);
            assert_eq!(text_field(&bytes_field(1, content.as_bytes()), 1), Some(content));
        }
        let two = [bytes_field(2, b"annotation"), vec![0x18, 0x96, 0x01], bytes_field(1, b"token")].concat();
        assert_eq!(text_field(&two, 1), Some("token".to_owned()));
        assert_eq!(text_field(&[], 1), Some(String::new()));
        for broken in [&[0x0a][..], &[0x0a, 5, b'x'], &[0x0d, 1], &[0xff; 12]] {
            assert_eq!(text_field(broken, 1), None, "{broken:?}");
        }
    }
}
