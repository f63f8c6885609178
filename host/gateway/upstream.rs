//! The way to the application: one connection of its own for each client, opened before the client is answered.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::header::{CONTENT_LENGTH, SEC_WEBSOCKET_ACCEPT, TRANSFER_ENCODING, UPGRADE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::handshake::client::Response;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::handshake::machine::TryParse;
use url::Url;

use super::limits;
use super::stream::Stream;
use crate::outcome::{Failure, Result};

/// How long the body of a refusal is waited for; its status is known by then.
const REFUSAL_WAIT: Duration = Duration::from_secs(1);

/// `--upstream`.
pub(super) struct Upstream {
    host: String,
    port: u16,
    /// Before every path, without a slash at its end.
    base: String,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    /// Both connecting and the answer.
    patience: Duration,
    /// For messages.
    pub(super) address: String,
}

/// A connection that the application accepted.
pub(super) struct Accepted {
    pub(super) stream: Stream,
    pub(super) headers: HeaderMap,
    /// Frames that came right behind the answer.
    pub(super) early: Vec<u8>,
}

#[derive(Debug)]
pub(super) enum Refusal {
    /// Nothing listens there, or not what should.
    Unreachable(String),
    /// It took longer than `--upstream-timeout`.
    Slow,
    /// The application's own no.
    Answer { status: StatusCode, headers: Box<HeaderMap>, body: Bytes },
}

impl Upstream {
    pub(super) fn new(text: &str, tls: impl FnOnce() -> Result<Arc<rustls::ClientConfig>>, patience: Duration) -> Result<Self> {
        let malformed = || {
            Failure::usage(format!("`{text}` is no address of a websocket application"))
                .hint("--upstream ws://127.0.0.1:8000 or wss://app.internal/base")
        };
        let url = Url::parse(text).map_err(|_| malformed())?;
        let secure = match url.scheme() {
            "ws" | "http" => false,
            "wss" | "https" => true,
            _ => return Err(malformed()),
        };
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else { return Err(malformed()) };
        if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
            return Err(malformed());
        }
        let host = host.trim_matches(['[', ']']).to_owned();
        let tls = if secure {
            let name = ServerName::try_from(host.clone()).map_err(|_| malformed())?;
            Some((TlsConnector::from(tls()?), name))
        } else {
            None
        };
        let base = url.path().trim_end_matches('/').to_owned();
        Ok(Self { address: format!("{}:{port}", url.host_str().unwrap_or_default()), host, port, base, tls, patience })
    }

    /// Asks for a websocket at `path` (with its query). `headers` hold a fresh key.
    pub(super) async fn open(&self, path: &str, headers: &HeaderMap) -> std::result::Result<Accepted, Refusal> {
        // On the heap: a connection that stands must not keep the room that its handshake needed.
        let opening = Box::pin(self.handshake(path, headers));
        tokio::time::timeout(self.patience, opening).await.unwrap_or(Err(Refusal::Slow))
    }

    async fn handshake(&self, path: &str, headers: &HeaderMap) -> std::result::Result<Accepted, Refusal> {
        let mut stream = self.connect().await?;
        stream.write_all(&self.request(path, headers)).await.map_err(unreachable)?;
        stream.flush().await.map_err(unreachable)?;
        let mut read = Vec::with_capacity(1024);
        let (length, answer) = loop {
            if stream.read_buf(&mut read).await.map_err(unreachable)? == 0 {
                return Err(Refusal::Unreachable("it closed the connection instead of answering".to_owned()));
            }
            match Response::try_parse(&read) {
                Ok(Some(answer)) => break answer,
                Ok(None) if read.len() < limits::HEADER_BYTES => {}
                Ok(None) => return Err(Refusal::Unreachable("the headers of its answer do not end".to_owned())),
                Err(error) => return Err(Refusal::Unreachable(format!("its answer is no HTTP: {error}"))),
            }
        };
        let early = read.split_off(length);
        let (parts, _) = answer.into_parts();
        if parts.status != StatusCode::SWITCHING_PROTOCOLS {
            let body = refusal_body(&mut stream, &parts.headers, early).await;
            return Err(Refusal::Answer { status: parts.status, headers: Box::new(parts.headers), body });
        }
        verify(headers, &parts.headers)?;
        Ok(Accepted { stream, headers: parts.headers, early })
    }

    async fn connect(&self) -> std::result::Result<Stream, Refusal> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(unreachable)?;
        // Frames are small and wait for nobody.
        let _ = stream.set_nodelay(true);
        match &self.tls {
            None => Ok(Stream::Plain(stream)),
            Some((connector, name)) => {
                let stream = connector.connect(name.clone(), stream).await.map_err(unreachable)?;
                Ok(Stream::Connected(Box::new(stream)))
            }
        }
    }

    fn request(&self, path: &str, headers: &HeaderMap) -> Vec<u8> {
        let mut bytes = format!("GET {}{path} HTTP/1.1\r\n", self.base).into_bytes();
        for (name, value) in headers {
            for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
                bytes.extend_from_slice(part);
            }
        }
        bytes.extend_from_slice(b"\r\n");
        bytes
    }

    /// `Host` of our own, for applications that must not see the client's.
    pub(super) fn host_header(&self) -> Option<HeaderValue> {
        HeaderValue::from_str(&self.address).ok()
    }
}

fn unreachable(error: std::io::Error) -> Refusal {
    Refusal::Unreachable(error.to_string())
}

/// A proxy that answers 101 to everything, or from its cache, is no application.
fn verify(asked: &HeaderMap, answered: &HeaderMap) -> std::result::Result<(), Refusal> {
    let expected = asked.get("sec-websocket-key").map(|key| derive_accept_key(key.as_bytes()));
    let accepted = answered.get(SEC_WEBSOCKET_ACCEPT).and_then(|value| value.to_str().ok());
    let upgrades = answered.get(UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"));
    if upgrades && accepted.is_some() && expected.as_deref() == accepted {
        return Ok(());
    }
    Err(Refusal::Unreachable("it does not speak websocket".to_owned()))
}

/// As much as comes in time and fits. A chunked one is left out: nobody reads the pieces here.
async fn refusal_body(stream: &mut Stream, headers: &HeaderMap, early: Vec<u8>) -> Bytes {
    if headers.contains_key(TRANSFER_ENCODING) {
        return Bytes::new();
    }
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let wanted = length.unwrap_or(usize::MAX).min(limits::REFUSAL_BYTES);
    let mut body = early;
    let read = async { while body.len() < wanted && stream.read_buf(&mut body).await.is_ok_and(|read| read > 0) {} };
    let _ = tokio::time::timeout(REFUSAL_WAIT, read).await;
    body.truncate(wanted);
    Bytes::from(body)
}

/// The label that the application names for this connection.
pub(super) fn label(headers: &HeaderMap, header: &HeaderName) -> Option<String> {
    headers.get(header).and_then(|value| value.to_str().ok()).map(|value| value.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upstream(text: &str) -> Result<Upstream> {
        Upstream::new(text, || Err(Failure::failed("no tls")), Duration::from_secs(1))
    }

    #[test]
    fn a_path_is_put_behind_the_base() {
        for (address, expected) in [
            ("ws://a.test", "GET /ws?x=1 HTTP/1.1\r\n\r\n"),
            ("ws://a.test:81/", "GET /ws?x=1 HTTP/1.1\r\n\r\n"),
            ("ws://[::1]:81/base/", "GET /base/ws?x=1 HTTP/1.1\r\n\r\n"),
        ] {
            assert_eq!(upstream(address).unwrap().request("/ws?x=1", &HeaderMap::new()), expected.as_bytes());
        }
        assert_eq!(upstream("ws://[::1]:81").unwrap().address, "[::1]:81");
    }

    #[test]
    fn what_is_no_application_is_a_usage_error() {
        for text in ["", "127.0.0.1:8000", "ftp://x", "ws://", "ws://u:p@x", "ws://x?y", "tcp://x:1"] {
            assert!(upstream(text).is_err_and(|failure| failure.ending == crate::outcome::Ending::Usage), "{text:?}");
        }
    }

    #[test]
    fn an_answer_must_prove_that_the_question_was_understood() {
        let mut asked = HeaderMap::new();
        asked.insert("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==".parse().unwrap());
        let mut answered = HeaderMap::new();
        answered.insert("upgrade", "WebSocket".parse().unwrap());
        assert!(verify(&asked, &answered).is_err());
        answered.insert("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".parse().unwrap());
        assert!(verify(&asked, &answered).is_ok());
        answered.insert("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOO=".parse().unwrap());
        assert!(verify(&asked, &answered).is_err());
    }
}
