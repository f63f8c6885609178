//! The doors: listeners, and what happens between `accept` and a request.
//!
//! Everything before a websocket stands is bounded: how many handshakes at once, their headers, their time. Two
//! deadlines hold, one for the headers and one for all of it, so that no trickle of bytes keeps a place.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use super::metrics::Refused;
use super::peer::Peer;
use super::stream::Stream;
use super::{Gateway, handshake, limits};
use crate::outcome::{Failure, Result};

/// Connections that the kernel keeps for us.
const BACKLOG: u32 = 4_096;
/// Rest after `accept` failed: when descriptors are used up, trying again at once would only burn.
const REST: Duration = Duration::from_millis(50);
/// What sending an answer may take beyond the time of handshakes.
const ANSWER: Duration = Duration::from_secs(10);

/// One address that is listened on.
pub(super) struct Door {
    pub(super) listener: TcpListener,
    pub(super) address: SocketAddr,
    pub(super) admin: bool,
    pub(super) tls: Option<TlsAcceptor>,
}

/// Opens a door; `host:port` may name several addresses, of which the first that works is taken.
pub(super) async fn bind(text: &str, reuse: bool) -> Result<(TcpListener, SocketAddr)> {
    let malformed = |error: &dyn std::fmt::Display| {
        Failure::usage(format!("`{text}` is no address to listen on: {error}")).hint("--listen 127.0.0.1:8080, --listen [::]:443")
    };
    let addresses: Vec<SocketAddr> = tokio::net::lookup_host(text).await.map_err(|error| malformed(&error))?.collect();
    let mut last = None;
    for address in addresses {
        match open(address, reuse) {
            Ok(listener) => {
                let address = listener.local_addr().unwrap_or(address);
                return Ok((listener, address));
            }
            Err(error) => last = Some((address, error)),
        }
    }
    let Some((address, error)) = last else { return Err(malformed(&"it has no address")) };
    let failure = Failure::failed(format!("failed to listen on `{address}`: {error}"));
    Err(match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            failure.hint(format!("another program listens there (`ss -ltnp sport = :{}` names it)", address.port()))
        }
        std::io::ErrorKind::PermissionDenied => failure.hint("ports below 1024 belong to root: take a higher one"),
        _ => failure,
    })
}

fn open(address: SocketAddr, reuse: bool) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A gateway that is started again must not wait for connections of its predecessor to be forgotten.
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(reuse)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Accepts until the gateway closes this door.
pub(super) async fn run(gateway: Arc<Gateway>, door: Door, router: Router) {
    loop {
        let accepted = tokio::select! {
            accepted = door.listener.accept() => accepted,
            () = gateway.closed(door.admin) => return,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                gateway.log.detail(&format!("failed to accept: {error}"));
                tokio::time::sleep(REST).await;
                continue;
            }
        };
        let Ok(turn) = Arc::clone(&gateway.handshakes).try_acquire_owned() else {
            gateway.metrics.refused(Refused::Busy);
            continue;
        };
        let peer = Peer { address: address.ip().to_canonical(), tls: door.tls.is_some(), admin: door.admin };
        let (gateway, router, tls) = (Arc::clone(&gateway), router.clone(), door.tls.clone());
        tokio::spawn(async move {
            let patience = gateway.settings.handshake + gateway.settings.upstream_patience + ANSWER;
            let serving = serve(Arc::clone(&gateway), stream, peer, tls, router);
            if tokio::time::timeout(patience, serving).await.is_err() {
                gateway.metrics.refused(Refused::Slow);
            }
            drop(turn);
        });
    }
}

async fn serve(gateway: Arc<Gateway>, stream: TcpStream, peer: Peer, tls: Option<TlsAcceptor>, router: Router) {
    // Frames are small and wait for nobody.
    let _ = stream.set_nodelay(true);
    let stream = match tls {
        None => Stream::Plain(stream),
        Some(acceptor) => match tokio::time::timeout(gateway.settings.handshake, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => Stream::Accepted(Box::new(stream)),
            Ok(Err(_)) => return gateway.metrics.refused(Refused::Tls),
            Err(_) => return gateway.metrics.refused(Refused::Slow),
        },
    };
    let service = service_fn(|request: Request<hyper::body::Incoming>| {
        let (gateway, router) = (Arc::clone(&gateway), router.clone());
        async move {
            if handshake::is_meant(request.headers()) {
                return Ok(handshake::open(gateway, peer, request).await);
            }
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(peer);
            router.oneshot(request).await
        }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(gateway.settings.handshake)
        .max_headers(limits::HEADERS)
        .max_buf_size(limits::HEADER_BYTES)
        .half_close(false)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
    if served.is_err_and(|error| error.is_timeout()) {
        gateway.metrics.refused(Refused::Slow);
    }
}
