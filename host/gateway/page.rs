//! What the gateway answers itself, to requests that are no websockets.
//!
//! For everybody: `/healthz` and `/_host/client.js`. For this machine only, or at `--admin-listen`: `/metrics`,
//! and `/_host/` with the connections by label. To others those do not exist. Pages take nothing from outside
//! and no inline code, and what a label holds is shown as text.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::http::header::{CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, UPGRADE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Json, Router, middleware};
use serde_json::{Value, json};

use super::Gateway;
use super::peer::{self, Peer};

const CLIENT: &str = include_str!("assets/client.js");
const PAGE: &str = include_str!("assets/page.html");
const STYLE: &str = include_str!("assets/page.css");
const SCRIPT: &str = include_str!("assets/page.js");

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
/// A page that was not asked about for so many ticks is closed.
const WATCHED: u32 = 30;

/// What Redis says about all gateways, kept for the page.
#[derive(Default)]
pub(super) struct Everywhere {
    estimates: Mutex<BTreeMap<String, i64>>,
    asked: AtomicU32,
}

impl Everywhere {
    pub(super) fn set(&self, estimates: BTreeMap<String, i64>) {
        *self.estimates.lock().unwrap_or_else(PoisonError::into_inner) = estimates;
    }

    /// Whether somebody looks at the page just now.
    pub(super) fn is_watched(&self, now: u32) -> bool {
        let asked = self.asked.load(Ordering::Relaxed);
        asked != 0 && now.saturating_sub(asked) < WATCHED
    }
}

pub(super) fn router(gateway: &Arc<Gateway>) -> Router {
    let admin = Router::new()
        .route("/metrics", get(metrics))
        .route("/_host", get(|| async { Redirect::permanent("/_host/") }))
        .route("/_host/", get(|| async { text("text/html; charset=utf-8", PAGE) }))
        .route("/_host/page.css", get(|| async { text("text/css; charset=utf-8", STYLE) }))
        .route("/_host/page.js", get(|| async { text(JAVASCRIPT, SCRIPT) }))
        .route("/_host/connections.json", get(connections))
        .route_layer(from_fn_with_state(Arc::clone(gateway), admin_only));
    Router::new()
        .route("/healthz", get(health))
        .route("/_host/client.js", get(|| async { text(JAVASCRIPT, CLIENT) }))
        .merge(admin)
        .fallback(neither)
        .layer(middleware::map_response(harden))
        .with_state(Arc::clone(gateway))
}

/// An admin door is for whoever reaches it; a page of another site reaches a door on loopback by a name that was
/// made to point there. Without an admin door the public ones serve this machine.
async fn admin_only(State(gateway): State<Arc<Gateway>>, Extension(peer): Extension<Peer>, request: Request, next: Next) -> Response {
    let allowed = if gateway.has_admin_door {
        peer.admin && (!peer.address.is_loopback() || peer::names_an_address(request.headers()))
    } else {
        peer::is_local(peer.address, request.headers())
    };
    if allowed { next.run(request).await } else { neither(request).await }
}

async fn neither(request: Request) -> Response {
    if request.uri().path().starts_with("/_host") || request.uri().path() == "/metrics" {
        return (StatusCode::NOT_FOUND, "there is nothing here\n").into_response();
    }
    let upgrade = [(UPGRADE, HeaderValue::from_static("websocket"))];
    (StatusCode::UPGRADE_REQUIRED, upgrade, "this address takes websockets only\n").into_response()
}

async fn health(State(gateway): State<Arc<Gateway>>) -> Response {
    if gateway.is_draining() {
        return (StatusCode::SERVICE_UNAVAILABLE, "draining\n").into_response();
    }
    // Redis may come back, and clients are served without it: no reason to be taken out of service.
    let redis = gateway.redis_word();
    (StatusCode::OK, format!("ok\nredis: {redis}\n")).into_response()
}

async fn metrics(State(gateway): State<Arc<Gateway>>) -> Response {
    let text = gateway.metrics.text(&gateway.registry.labels());
    ([(CONTENT_TYPE, HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8"))], text).into_response()
}

async fn connections(State(gateway): State<Arc<Gateway>>) -> Json<Value> {
    gateway.everywhere.asked.store(gateway.clock.now(), Ordering::Relaxed);
    let here = gateway.registry.labels();
    let estimates = gateway.everywhere.estimates.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Json(json!({
        "v": 1,
        "connections": here.values().sum::<u64>(),
        "labels": table(&here, &estimates),
        "gateways": gateway.metrics.live_gateways().max(1),
        "redis": gateway.redis_word(),
        "draining": gateway.is_draining(),
    }))
}

/// Labels known here or in Redis, sorted.
fn table(here: &BTreeMap<Arc<str>, u64>, everywhere: &BTreeMap<String, i64>) -> Vec<Value> {
    let mut rows: BTreeMap<&str, (u64, Option<i64>)> = here.iter().map(|(label, count)| (&**label, (*count, None))).collect();
    for (label, count) in everywhere {
        rows.entry(label).or_default().1 = Some(*count);
    }
    rows.iter().map(|(label, (here, everywhere))| json!({"label": label, "here": here, "everywhere": everywhere})).collect()
}

fn text(kind: &'static str, body: &'static str) -> Response {
    ([(CONTENT_TYPE, HeaderValue::from_static(kind))], Body::from(body)).into_response()
}

/// Every answer says that it is nothing but what it says it is.
async fn harden(mut response: Response) -> Response {
    let headers: &mut HeaderMap = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
    headers.insert(HeaderName::from_static("referrer-policy"), HeaderValue::from_static("no-referrer"));
    // One request a connection: pages are few, and a place is not kept for the next.
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_script_is_at_most_a_kilobyte() {
        assert!(CLIENT.len() <= 1024, "{} bytes", CLIENT.len());
    }

    #[test]
    fn the_page_takes_nothing_from_outside_and_holds_no_code() {
        for asset in [PAGE, STYLE, SCRIPT, CLIENT] {
            assert!(!asset.contains("://") && !asset.contains("innerHTML"), "{asset}");
        }
        assert!(!PAGE.contains("<style") && !PAGE.contains("onclick") && PAGE.matches("<script").count() == 1);
    }

    #[test]
    fn labels_of_both_sides_are_shown_once() {
        let here = BTreeMap::from([(Arc::from("a"), 2), (Arc::from("b"), 1)]);
        let rows = table(&here, &BTreeMap::from([("b".to_owned(), 5), ("c".to_owned(), 7)]));
        let expected = json!([
            {"label": "a", "here": 2, "everywhere": null},
            {"label": "b", "here": 1, "everywhere": 5},
            {"label": "c", "here": 0, "everywhere": 7},
        ]);
        assert_eq!(Value::from(rows), expected);
    }
}
