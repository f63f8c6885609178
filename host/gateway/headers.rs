//! What of a handshake is passed on, and what is said about the client. Pure.

use std::net::IpAddr;

use axum::http::header::{
    CONNECTION, CONTENT_LENGTH, HOST, ORIGIN, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue};

/// Headers between two neighbours that mean nothing beyond them (RFC 9110).
const HOP_BY_HOP: [HeaderName; 5] = [CONNECTION, UPGRADE, TE, TRAILER, TRANSFER_ENCODING];
const HOP_BY_HOP_NAMES: [&str; 4] = ["keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization"];
const FORWARDED: [&str; 6] = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port", "x-real-ip", "forwarded"];

/// What is said about the client.
pub(super) struct About<'a> {
    pub(super) peer: IpAddr,
    /// What a trusted proxy said before us stays.
    pub(super) trusted: bool,
    pub(super) tls: bool,
    /// `Host` towards the application; without it, the one the client used.
    pub(super) host: Option<&'a HeaderValue>,
    /// The header that names a label: only an application or a trusted proxy may set it.
    pub(super) label_header: &'a HeaderName,
}

/// Whether this is a websocket handshake, and if it is none although it looks like one, why.
pub(super) fn check(headers: &HeaderMap) -> Result<HeaderValue, &'static str> {
    let says = |name: &HeaderName, word: &str| headers.get_all(name).iter().any(|value| holds_word(value, word));
    if !says(&UPGRADE, "websocket") || !says(&CONNECTION, "upgrade") {
        return Err("this address takes websockets only");
    }
    if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        return Err("only version 13 of websocket is spoken here");
    }
    let key = headers.get(SEC_WEBSOCKET_KEY).filter(|key| key.len() == 24);
    key.cloned().ok_or("`Sec-WebSocket-Key` is missing or malformed")
}

/// The headers of the request to the application. `key` is a fresh one: ours is another connection.
pub(super) fn request(from: &HeaderMap, key: HeaderValue, about: &About<'_>) -> HeaderMap {
    let mut headers = passed_on(from);
    for name in [SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, CONTENT_LENGTH] {
        headers.remove(name);
    }
    if !about.trusted {
        FORWARDED.iter().for_each(|name| drop(headers.remove(*name)));
        headers.remove(about.label_header);
    }
    if let Ok(address) = HeaderValue::from_str(&about.peer.to_canonical().to_string()) {
        headers.append("x-forwarded-for", address);
    }
    let proto = HeaderValue::from_static(if about.tls { "https" } else { "http" });
    headers.entry("x-forwarded-proto").or_insert(proto);
    if let Some(host) = from.get(HOST) {
        headers.entry("x-forwarded-host").or_insert_with(|| host.clone());
    }
    if let Some(host) = about.host {
        headers.insert(HOST, host.clone());
    }
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    headers.insert(SEC_WEBSOCKET_KEY, key);
    headers
}

/// The headers of the answer to the client, when the application said yes.
pub(super) fn accepted(from: &HeaderMap, accept: HeaderValue, label_header: &HeaderName) -> HeaderMap {
    let mut headers = passed_on(from);
    headers.remove(CONTENT_LENGTH);
    headers.remove(label_header);
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    headers
}

/// The headers of the answer, when the application said no. Its body may have been cut, so that lengths are ours.
pub(super) fn refused(from: &HeaderMap, label_header: &HeaderName) -> HeaderMap {
    let mut headers = passed_on(from);
    for name in [CONTENT_LENGTH, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_PROTOCOL] {
        headers.remove(name);
    }
    headers.remove(label_header);
    headers
}

/// All headers but those between neighbours, also the ones that `Connection` names.
fn passed_on(from: &HeaderMap) -> HeaderMap {
    let mut headers = from.clone();
    let named: Vec<HeaderName> = from
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.iter().filter(|name| !is_needed(name)).chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
    HOP_BY_HOP_NAMES.iter().for_each(|name| drop(headers.remove(*name)));
    headers
}

/// What a client must not take away by naming it in `Connection`: others rely on it.
fn is_needed(name: &HeaderName) -> bool {
    [HOST, ORIGIN, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_EXTENSIONS].contains(name) || FORWARDED.contains(&name.as_str())
}

fn holds_word(value: &HeaderValue, word: &str) -> bool {
    value.to_str().is_ok_and(|value| value.split(',').any(|part| part.trim().eq_ignore_ascii_case(word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    const BROWSER: [(&str, &str); 9] = [
        ("host", "a.test"),
        ("connection", "keep-alive, Upgrade, X-Secret"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-protocol", "chat, superchat"),
        ("cookie", "a=b"),
        ("x-secret", "1"),
        ("x-forwarded-for", "6.6.6.6"),
    ];

    fn ask(trusted: bool, host: Option<&HeaderValue>) -> HeaderMap {
        let label_header = HeaderName::from_static("x-host-label");
        let mut from = headers(&BROWSER);
        from.insert(&label_header, "forged.label".parse().unwrap());
        let about = About { peer: "::ffff:192.0.2.1".parse().unwrap(), trusted, tls: true, host, label_header: &label_header };
        request(&from, HeaderValue::from_static("fresh"), &about)
    }

    #[test]
    fn a_handshake_is_told_from_an_ordinary_request() {
        assert_eq!(check(&headers(&BROWSER)), Ok(HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ==")));
        for missing in ["connection", "upgrade", "sec-websocket-version", "sec-websocket-key"] {
            let mut lacking = headers(&BROWSER);
            lacking.remove(missing);
            assert!(check(&lacking).is_err(), "{missing}");
        }
        let mut old = headers(&BROWSER);
        old.insert("sec-websocket-version", "8".parse().unwrap());
        assert_eq!(check(&old), Err("only version 13 of websocket is spoken here"));
    }

    #[test]
    fn what_the_application_needs_is_passed_on_and_what_is_between_neighbours_is_not() {
        let asked = ask(false, None);
        let one = |name: &str| asked.get(name).and_then(|value| value.to_str().ok());
        assert_eq!((one("cookie"), one("sec-websocket-protocol"), one("host")), (Some("a=b"), Some("chat, superchat"), Some("a.test")));
        assert_eq!((one("connection"), one("sec-websocket-key"), one("x-secret")), (Some("Upgrade"), Some("fresh"), None));
        assert_eq!((one("x-forwarded-proto"), one("x-forwarded-host")), (Some("https"), Some("a.test")));
    }

    #[test]
    fn what_strangers_say_about_themselves_is_not_passed_on() {
        let stranger = ask(false, None);
        assert_eq!(stranger.get_all("x-forwarded-for").iter().collect::<Vec<_>>(), ["192.0.2.1"]);
        assert!(!stranger.contains_key("x-host-label"));
        let proxy = ask(true, None);
        assert_eq!(proxy.get_all("x-forwarded-for").iter().collect::<Vec<_>>(), ["6.6.6.6", "192.0.2.1"]);
        assert!(proxy.contains_key("x-host-label"));
    }

    #[test]
    fn the_host_can_be_another() {
        let other = HeaderValue::from_static("internal:8000");
        let asked = ask(false, Some(&other));
        assert_eq!((asked.get("host"), asked.get("x-forwarded-host").unwrap().to_str().unwrap()), (Some(&other), "a.test"));
    }

    #[test]
    fn an_answer_keeps_cookies_and_subprotocol_and_loses_the_label() {
        let label_header = HeaderName::from_static("x-host-label");
        let from = headers(&[
            ("upgrade", "WebSocket"),
            ("sec-websocket-accept", "theirs"),
            ("sec-websocket-protocol", "chat"),
            ("set-cookie", "a=1"),
            ("set-cookie", "b=2"),
            ("x-host-label", "c.d"),
            ("content-length", "9"),
        ]);
        let yes = accepted(&from, HeaderValue::from_static("ours"), &label_header);
        assert_eq!((yes.get_all("set-cookie").iter().count(), yes.get("sec-websocket-accept").unwrap().to_str().unwrap()), (2, "ours"));
        assert!(yes.contains_key("sec-websocket-protocol") && !yes.contains_key("x-host-label") && !yes.contains_key("content-length"));
        let no = refused(&from, &label_header);
        assert!(no.contains_key("set-cookie") && !no.contains_key("sec-websocket-protocol") && !no.contains_key("content-length"));
    }
}
