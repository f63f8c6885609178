//! From a browser's request to a connection: look whether it may, ask the application, answer what it said.
//!
//! Nothing is promised to the browser before the application accepted, so that its subprotocol, its cookies and
//! its refusals arrive unchanged. A refusal of our own is plain text with a status that says whose fault it is.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONNECTION, CONTENT_TYPE, HOST, ORIGIN, RETRY_AFTER};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::sync::OwnedSemaphorePermit;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::Gateway;
use super::headers::{self, About};
use super::metrics::Refused;
use super::origin;
use super::peer::{self, Peer};
use super::pipe::Pipe;
use super::stream::Stream;
use super::upstream::{self, Accepted, Refusal};
use crate::channels::label::can_be_registered;

/// How long the browser's connection may take to change hands; it already has its answer then.
const CHANGE_OVER: Duration = Duration::from_secs(10);
/// What a client that is refused for a while is told to wait, in seconds.
const LATER: &str = "5";

/// Whether a request wants a websocket; whether it may is another question.
pub(super) fn is_meant(parts: &HeaderMap) -> bool {
    parts.get("upgrade").is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Answers a request for a websocket. It gets a connection's place when there is one, until it ends.
pub(super) async fn open(gateway: Arc<Gateway>, peer: Peer, mut request: Request<hyper::body::Incoming>) -> Response<Body> {
    let on_upgrade = hyper::upgrade::on(&mut request);
    let (parts, _) = request.into_parts();
    let admitted = match admit(&gateway, peer, &parts) {
        Ok(admitted) => admitted,
        Err(no) => return refuse(&gateway, no),
    };
    let Ok(ours) = HeaderValue::from_str(&generate_key()) else { return refuse(&gateway, MALFORMED_KEY) };
    let settings = &gateway.settings;
    let about = About {
        peer: peer.address,
        trusted: peer::is_trusted(peer.address, &settings.trusted_proxies),
        tls: peer.tls,
        host: settings.upstream_host.as_ref(),
        label_header: &settings.label_header,
    };
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let asked = headers::request(&parts.headers, ours, &about);
    match gateway.upstream.open(path, &asked).await {
        Ok(accepted) => accept(gateway, &asked, accepted, admitted, on_upgrade),
        Err(refusal) => refused(&gateway, refusal),
    }
}

/// A client that may connect: its key and its place.
struct Admitted {
    key: HeaderValue,
    place: OwnedSemaphorePermit,
}

/// A refusal of our own.
struct No(Refused, StatusCode, &'static str);

const MALFORMED_KEY: No = No(Refused::Malformed, StatusCode::BAD_REQUEST, "`Sec-WebSocket-Key` is missing or malformed");

fn admit(gateway: &Gateway, peer: Peer, parts: &Parts) -> std::result::Result<Admitted, No> {
    let settings = &gateway.settings;
    if peer.admin {
        return Err(No(Refused::Malformed, StatusCode::NOT_FOUND, "websockets are not taken at this address"));
    }
    if gateway.is_draining() {
        return Err(No(Refused::Draining, StatusCode::SERVICE_UNAVAILABLE, "this gateway is about to end"));
    }
    if parts.method != Method::GET {
        return Err(No(Refused::Malformed, StatusCode::METHOD_NOT_ALLOWED, "a websocket begins with GET"));
    }
    let key = headers::check(&parts.headers).map_err(|why| No(Refused::Malformed, StatusCode::BAD_REQUEST, why))?;
    let origin = one(&parts.headers, &ORIGIN).map_err(|()| No(Refused::Malformed, StatusCode::BAD_REQUEST, "more than one `Origin`"))?;
    let host = match (one(&parts.headers, &HOST), forwarded_host(&parts.headers, peer.address, gateway)) {
        (Ok(_), Some(host)) => host,
        (Ok(Some(host)), None) => host,
        _ => return Err(No(Refused::Malformed, StatusCode::BAD_REQUEST, "one `Host` is needed")),
    };
    if !origin::admits(origin, host, &settings.origins, settings.origin_required) {
        return Err(No(Refused::Origin, StatusCode::FORBIDDEN, "pages of this origin may not connect here"));
    }
    let client = peer::client(peer.address, &parts.headers, &settings.trusted_proxies);
    if !gateway.rates.admits(client) {
        return Err(No(Refused::Rate, StatusCode::TOO_MANY_REQUESTS, "too many handshakes from this address"));
    }
    let place = Arc::clone(&gateway.places).try_acquire_owned();
    let place =
        place.map_err(|_| No(Refused::Full, StatusCode::SERVICE_UNAVAILABLE, "this gateway holds as many connections as it may"))?;
    Ok(Admitted { key, place })
}

/// At most one value of a header, as text.
fn one<'a>(headers: &'a HeaderMap, name: &axum::http::HeaderName) -> std::result::Result<Option<&'a str>, ()> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| ()),
        (Some(_), Some(_)) => Err(()),
    }
}

/// What the client called us, as a trusted proxy tells it.
fn forwarded_host<'a>(headers: &'a HeaderMap, peer: IpAddr, gateway: &Gateway) -> Option<&'a str> {
    let trusted = peer::is_trusted(peer, &gateway.settings.trusted_proxies);
    headers.get("x-forwarded-host").filter(|_| trusted).and_then(|host| host.to_str().ok())
}

fn accept(gateway: Arc<Gateway>, asked: &HeaderMap, accepted: Accepted, admitted: Admitted, on_upgrade: OnUpgrade) -> Response<Body> {
    let Accepted { stream, headers: answered, early } = accepted;
    let Ok(accept) = HeaderValue::from_str(&derive_accept_key(admitted.key.as_bytes())) else { return refuse(&gateway, MALFORMED_KEY) };
    let settings = &gateway.settings;
    // Of the request's headers only a trusted proxy's label came this far.
    let named = upstream::label(&answered, &settings.label_header).or_else(|| upstream::label(asked, &settings.label_header));
    let label = match named {
        Some(label) if can_be_registered(&label) => label,
        Some(label) => {
            gateway.log.detail(&format!("`{}` from `{}` is no label", label.escape_debug(), settings.label_header));
            settings.label.clone()
        }
        None => settings.label.clone(),
    };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    *response.headers_mut() = headers::accepted(&answered, accept, &settings.label_header);
    let ready = Ready { upstream: stream, early, label, _place: admitted.place };
    tokio::spawn(async move {
        // The room that changing hands takes is given back before the connection begins.
        let Some((client, client_early)) = Box::pin(change_over(on_upgrade)).await else { return };
        ready.run(gateway, client, client_early);
    });
    response
}

/// All that waits for the browser's side.
struct Ready {
    upstream: Stream,
    early: Vec<u8>,
    label: String,
    _place: OwnedSemaphorePermit,
}

impl Ready {
    fn run(self, gateway: Arc<Gateway>, client: Stream, client_early: Vec<u8>) {
        let Self { upstream, early, label, _place } = self;
        let membership = gateway.registry.join(&label, &gateway.settings.label, gateway.clock.now());
        gateway.metrics.opened();
        let pipe = Pipe::new(gateway, membership, client, upstream, [client_early, early], _place);
        tokio::spawn(pipe);
    }
}

/// The browser's stream, once its answer is written, with what it sent behind its request.
async fn change_over(on_upgrade: OnUpgrade) -> Option<(Stream, Vec<u8>)> {
    let upgraded: Upgraded = tokio::time::timeout(CHANGE_OVER, on_upgrade).await.ok()?.ok()?;
    let parts = upgraded.downcast::<TokioIo<Stream>>().ok()?;
    Some((parts.io.into_inner(), parts.read_buf.to_vec()))
}

/// The application's no, or that there is none.
fn refused(gateway: &Gateway, refusal: Refusal) -> Response<Body> {
    match refusal {
        Refusal::Slow => refuse(gateway, No(Refused::UpstreamSlow, StatusCode::GATEWAY_TIMEOUT, "the application does not answer")),
        Refusal::Unreachable(why) => {
            gateway.log.detail(&format!("`{}` cannot be used: {why}", gateway.upstream.address));
            refuse(gateway, No(Refused::Unreachable, StatusCode::BAD_GATEWAY, "the application cannot be reached"))
        }
        Refusal::Answer { status, headers: answered, body } => {
            gateway.metrics.refused(Refused::Upstream);
            let mut response = Response::new(Body::from(body));
            *response.status_mut() = status;
            *response.headers_mut() = headers::refused(&answered, &gateway.settings.label_header);
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            response
        }
    }
}

fn refuse(gateway: &Gateway, No(why, status, text): No) -> Response<Body> {
    gateway.metrics.refused(why);
    let mut response = Response::new(Body::from(format!("{text}\n")));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
        headers.insert(RETRY_AFTER, HeaderValue::from_static(LATER));
    }
    response
}
