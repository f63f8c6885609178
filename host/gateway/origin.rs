//! Which pages may open a websocket here. Browsers send cookies along with any page's websocket and leave it to
//! the server to look at `Origin`.
//!
//! A page of the same host is allowed, and those that `--allow-origin` names. A client without an `Origin` is no
//! browser and is allowed, unless `--require-origin` says otherwise.

use url::Url;

/// One `--allow-origin`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Any,
    /// A sandboxed frame, a file, a redirect: pages whose origin is hidden.
    Null,
    Exact(Origin),
    /// Any subdomain of the host, not the host itself.
    Beneath(Origin),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Origin {
    scheme: String,
    host: String,
    port: u16,
}

impl Pattern {
    /// `https://app.example.com`, `https://*.example.com`, `null` or `*`. The error completes "must be ...".
    pub fn parse(text: &str) -> Result<Self, String> {
        let malformed = || format!("an origin such as `https://app.example.com`, `https://*.example.com`, `null` or `*`, not `{text}`");
        let kind = match text {
            "*" => Kind::Any,
            "null" => Kind::Null,
            _ => match text.split_once("://*.") {
                Some((scheme, host)) => Kind::Beneath(origin(&format!("{scheme}://{host}")).ok_or_else(malformed)?),
                None => Kind::Exact(origin(text).ok_or_else(malformed)?),
            },
        };
        Ok(Self { kind })
    }

    fn admits(&self, text: &str, page: Option<&Origin>) -> bool {
        match (&self.kind, page) {
            (Kind::Any, _) => true,
            (Kind::Null, _) => text == "null",
            (Kind::Exact(origin), Some(page)) => origin == page,
            (Kind::Beneath(origin), Some(page)) => {
                let below = page.host.strip_suffix(&origin.host).and_then(|rest| rest.strip_suffix('.'));
                below.is_some_and(|name| !name.is_empty()) && (&page.scheme, page.port) == (&origin.scheme, origin.port)
            }
            (Kind::Exact(_) | Kind::Beneath(_), None) => false,
        }
    }
}

/// Whether a page of `origin` may connect to us, who were called `host`.
pub(super) fn admits(origin_header: Option<&str>, host: &str, patterns: &[Pattern], required: bool) -> bool {
    let Some(text) = origin_header else { return !required };
    let page = origin(text);
    let same = page.as_ref().is_some_and(|page| same_host(page, host));
    same || patterns.iter().any(|pattern| pattern.admits(text, page.as_ref()))
}

/// TLS may end in front of us, so that the scheme says nothing; without a port `host` means that of the page's scheme.
fn same_host(page: &Origin, host: &str) -> bool {
    origin(&format!("{}://{host}", page.scheme)).is_some_and(|own| own.host == page.host && own.port == page.port)
}

/// None for what is no origin: a path, a user, an unknown scheme without a port.
fn origin(text: &str) -> Option<Origin> {
    let url = Url::parse(text).ok()?;
    let plain = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    let (host, port) = (url.host_str()?, url.port_or_known_default()?);
    (plain && !host.is_empty() && !host.contains('*')).then(|| Origin {
        scheme: url.scheme().to_owned(),
        host: host.to_ascii_lowercase(),
        port,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_the_same_host_and_those_named_may_connect_and_no_others() {
        let patterns: Vec<_> =
            ["https://app.example.com", "https://*.example.org", "http://localhost:3000"].map(|text| Pattern::parse(text).unwrap()).into();
        for (origin, host, expected) in [
            (None, "a.test", true),
            (Some("https://a.test"), "a.test", true),
            (Some("https://A.test"), "a.test:443", true),
            (Some("http://a.test:8080"), "a.test:8080", true),
            (Some("http://a.test:8080"), "a.test", false),
            (Some("https://a.test.evil"), "a.test", false),
            (Some("https://evil"), "a.test", false),
            (Some("null"), "a.test", false),
            (Some("null"), "null", false),
            (Some(""), "a.test", false),
            (Some("file://"), "", false),
            (Some("https://app.example.com"), "a.test", true),
            (Some("http://app.example.com"), "a.test", false),
            (Some("https://app.example.com:444"), "a.test", false),
            (Some("https://app.example.com.evil"), "a.test", false),
            (Some("https://x.example.org"), "a.test", true),
            (Some("https://x.y.example.org"), "a.test", true),
            (Some("https://example.org"), "a.test", false),
            (Some("https://evilexample.org"), "a.test", false),
            (Some("https://.example.org"), "a.test", false),
            (Some("https://user@x.example.org"), "a.test", false),
            (Some("http://localhost:3000"), "a.test", true),
            (Some("http://[::1]:80"), "[::1]", true),
        ] {
            assert_eq!(admits(origin, host, &patterns, false), expected, "{origin:?} at {host}");
        }
    }

    #[test]
    fn a_client_without_an_origin_is_refused_only_when_asked() {
        assert!(!admits(None, "a.test", &[Pattern::parse("*").unwrap()], true));
        assert!(admits(Some("null"), "a.test", &[Pattern::parse("null").unwrap()], true));
        assert!(admits(Some("https://evil"), "a.test", &[Pattern::parse("*").unwrap()], true));
    }

    #[test]
    fn what_is_no_origin_is_no_pattern() {
        for text in ["", "example.com", "https://", "https://x/path", "https://*", "https://*.", "ftp//x", "https://a b"] {
            assert!(Pattern::parse(text).is_err(), "{text:?}");
        }
    }
}
