//! Why an image was not had from its registry, from the engine's words: what kind of failure it is, and what cures it;
//! pure. Engines pass the words of several libraries on, and their status says little: 500 is all of it.

use super::Registry;
use crate::capabilities::docker::client::Failure;

/// What a registry was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Shown {
    Login {
        file: String,
    },
    /// There is nothing for it in the file.
    Nothing {
        file: String,
    },
    /// host.toml says `credentials = false`, or no file is known.
    Off,
    /// A build names an image there that was not granted; the line that would grant it.
    NotGranted {
        image: String,
        cure: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    Certificate,
    PlainHttp,
    TooMany,
    Login,
    Denied,
    Missing,
    Unreachable,
}

/// A pull that failed, in words that say what is wrong and what to do.
pub(in super::super) fn explained(failure: Failure, image: &str, registry: &Registry, shown: &Shown) -> Failure {
    let Failure::Answered { status, message } = failure else { return failure };
    let Some(why) = why(status, &message) else { return Failure::Answered { status, message } };
    let (name, last) = (registry.name(), last_words(&message));
    let cure = cure(why, registry, shown);
    let text = match why {
        Why::Certificate => format!("the engine does not trust the certificate of the registry `{name}`: {last}"),
        Why::PlainHttp => format!("the registry `{name}` speaks plain HTTP, and the engine wants HTTPS of it"),
        Why::TooMany => format!("the registry `{name}` was asked too often: {last}"),
        Why::Login => match shown {
            Shown::Login { file } => format!("the registry `{name}` does not accept the login from {file}"),
            _ => format!("the registry `{name}` wants a login for `{image}`"),
        },
        Why::Denied => match shown {
            Shown::Login { file } => format!("`{image}` does not exist, or the login from {file} may not read it: {last}"),
            _ => format!("`{image}` does not exist, or may not be read without a login: {last}"),
        },
        Why::Missing => format!("the registry `{name}` has no `{image}`: {last}"),
        Why::Unreachable => format!("the engine cannot reach the registry `{name}`: {last}"),
    };
    let text = if cure.is_empty() { text } else { format!("{text}; hint: {cure}") };
    match why {
        Why::Certificate | Why::PlainHttp | Why::Login => Failure::Rejected(text),
        Why::Unreachable => Failure::Lost(text),
        Why::Denied | Why::Missing | Why::TooMany => Failure::Answered { status, message: text },
    }
}

/// An image of a build that was not had keeps the engine's words.
pub(in super::super) fn with_cure(failure: Failure, registry: &Registry, shown: &Shown) -> Failure {
    let Failure::Answered { status, message } = failure else { return failure };
    let cure = why(status, &message).map(|why| cure(why, registry, shown)).unwrap_or_default();
    let message = if cure.is_empty() { message } else { format!("{message}; hint: {cure}") };
    Failure::Answered { status, message }
}

/// The same of a step, which the words name: what it did not find may be a file that it copies.
pub(in super::super) fn of_step(failure: Failure, registry: &Registry, shown: &Shown) -> Failure {
    let is_of_image = ["unknown", "resolve source metadata", "pull access"].iter().any(|words| failure.says(words));
    match &failure {
        Failure::Answered { status, message } if why(*status, message) == Some(Why::Missing) && !is_of_image => failure,
        _ => with_cure(failure, registry, shown),
    }
}

/// None where the words are not known: then they are passed on.
fn why(status: u16, message: &str) -> Option<Why> {
    let message = message.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|words| message.contains(words));
    if says(&["server gave http response to https client"]) {
        Some(Why::PlainHttp)
    } else if says(&["x509:", "tls:", "certificate"]) {
        Some(Why::Certificate)
    } else if status == 429 || says(&["toomanyrequests", "too many requests", "rate limit"]) {
        Some(Why::TooMany)
    } else if says(&["no basic auth credentials", "unauthorized", "authentication required"]) || status == 401 {
        // Before what is denied: engines say both where a registry asks for a login.
        Some(Why::Login)
    } else if says(&["access denied", "access to the resource is denied", "403 forbidden", "insufficient_scope", "denied:"])
        || status == 403
    {
        Some(Why::Denied)
    } else if says(&["manifest unknown", "name unknown", "not found"]) {
        Some(Why::Missing)
    } else if says(&[
        "dial tcp",
        "no such host",
        "connection refused",
        "connection reset",
        "i/o timeout",
        "deadline exceeded",
        "eof",
        "request canceled",
    ]) {
        Some(Why::Unreachable)
    } else {
        None
    }
}

/// What to do; empty where nothing can be told.
fn cure(why: Why, registry: &Registry, shown: &Shown) -> String {
    let name = registry.name();
    match (why, shown) {
        (Why::Certificate, _) => {
            format!("the certificate of who signed it belongs into `/etc/docker/certs.d/{name}/ca.crt` where the engine runs")
        }
        (Why::PlainHttp, _) => format!("give it a certificate, or name `{name}` in `insecure-registries` of the engine's daemon.json"),
        (Why::Login, Shown::Login { .. }) => format!("`docker login {name}` replaces it"),
        (Why::Denied, Shown::Login { .. }) => "look at its name and tag, and at what that login may read".to_owned(),
        (Why::Login | Why::Denied | Why::TooMany, Shown::NotGranted { image, cure }) => {
            format!("it was asked without the operator's login, because `{image}` is not granted; {cure}")
        }
        (Why::Login | Why::Denied | Why::TooMany, Shown::Nothing { file }) => {
            format!("`docker login {name}` writes one to {file}, where none is for it")
        }
        (Why::Login | Why::Denied | Why::TooMany, Shown::Off) => {
            "none is used: `[docker]` in host.toml says `credentials = false`, or there is no home folder to look in".to_owned()
        }
        (Why::Missing, _) => "look at its name and tag".to_owned(),
        (Why::Unreachable, _) => format!("whether `{name}` is right, runs, and is reached from where the engine runs"),
        (Why::TooMany, Shown::Login { .. }) => String::new(),
    }
}

/// What is behind the last colon: the cause, without the addresses on the way to it.
fn last_words(message: &str) -> &str {
    message.rsplit(": ").next().unwrap_or(message).trim()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capabilities::docker::policy::image::Reference;

    /// What dockerd 20.10 and 28.5, with and without containerd's image store, answered to pulls that went wrong.
    const SAID: [(u16, &str, Why); 19] = [
        (500, "Head \"http://127.0.0.1:5002/v2/team/base/manifests/1\": no basic auth credentials", Why::Login),
        (500, "unauthorized: authentication required", Why::Login),
        (401, "unauthorized: authentication required", Why::Login),
        (500, "Head \"http://127.0.0.1:5101/v2/a/b/manifests/1\": unauthorized: incorrect username or password", Why::Login),
        (
            500,
            "failed to resolve reference \"r/team/base:1\": pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials",
            Why::Login,
        ),
        (
            500,
            "unknown: failed to resolve reference \"r/team/base:1\": unexpected status from HEAD request to http://r/v2/team/base/manifests/1: 401 Unauthorized",
            Why::Login,
        ),
        (
            404,
            "pull access denied for r/a/b, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
            Why::Denied,
        ),
        (
            0,
            "failed to solve with frontend dockerfile.v0: failed to create LLB definition: pulling from host r failed with status code [manifests 1]: 403 Forbidden",
            Why::Denied,
        ),
        (404, "manifest for r/team/base:9 not found: manifest unknown: manifest unknown", Why::Missing),
        (404, "failed to resolve reference \"r/team/none:9\": r/team/none:9: not found", Why::Missing),
        (500, "Get \"http://127.0.0.1:5999/v2/\": dial tcp 127.0.0.1:5999: connect: connection refused", Why::Unreachable),
        (
            500,
            "Get \"https://r/v2/\": dial tcp: lookup r on 10.255.255.53:53: dial udp 10.255.255.53:53: connect: network is unreachable",
            Why::Unreachable,
        ),
        (500, "Get \"https://r/v2/\": dial tcp: lookup r: no such host", Why::Unreachable),
        (
            500,
            "Get \"https://r/v2/\": net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)",
            Why::Unreachable,
        ),
        (0, "unexpected EOF", Why::Unreachable),
        (500, "Get \"https://10.9.0.1:5105/v2/\": x509: certificate signed by unknown authority", Why::Certificate),
        (
            500,
            "Get \"https://10.9.0.1:5105/v2/\": tls: failed to verify certificate: x509: certificate signed by unknown authority",
            Why::Certificate,
        ),
        (500, "Get \"https://10.9.0.1:5104/v2/\": http: server gave HTTP response to HTTPS client", Why::PlainHttp),
        (429, "toomanyrequests: You have reached your pull rate limit.", Why::TooMany),
    ];

    #[test]
    fn what_engines_say_is_understood() {
        for (status, message, expected) in SAID {
            assert_eq!(why(status, message), Some(expected), "{message}");
        }
        for message in [
            "received unexpected HTTP status: 500 Internal Server Error",
            "no matching manifest for linux/arm64/v8 in the manifest list entries",
            "no space left on device",
        ] {
            assert_eq!(why(500, message), None, "{message}");
        }
    }

    fn told(status: u16, message: &str, shown: &Shown) -> Failure {
        let reference = Reference::new("ghcr.io/shop/web:1").unwrap();
        let said = Failure::Answered { status, message: message.to_owned() };
        explained(said, "ghcr.io/shop/web:1", &Registry::of(&reference), shown)
    }

    #[test]
    fn a_failure_names_the_registry_and_what_to_do_and_no_address() {
        let nothing = Shown::Nothing { file: "`~/.docker/config.json`".to_owned() };
        let login = Shown::Login { file: "`~/.docker/config.json`".to_owned() };
        let refused = "Head \"https://10.1.2.3/v2/x\": no basic auth credentials";
        assert_eq!(
            told(500, refused, &nothing),
            Failure::Rejected(
                "the registry `ghcr.io` wants a login for `ghcr.io/shop/web:1`; hint: `docker login ghcr.io` writes one to \
                 `~/.docker/config.json`, where none is for it"
                    .to_owned()
            )
        );
        assert_eq!(
            told(401, "unauthorized: authentication required", &login),
            Failure::Rejected(
                "the registry `ghcr.io` does not accept the login from `~/.docker/config.json`; hint: `docker login ghcr.io` replaces it"
                    .to_owned()
            )
        );
        let lost = told(500, "Get \"https://ghcr.io/v2/\": dial tcp 10.1.2.3:443: connect: connection refused", &login);
        assert!(
            matches!(&lost, Failure::Lost(text) if text.starts_with("the engine cannot reach the registry `ghcr.io`: connection refused; hint: ") && !text.contains("10.1.2.3")),
            "{lost:?}"
        );
        let missing = told(404, "manifest for x not found: manifest unknown: manifest unknown", &login);
        assert!(
            matches!(&missing, Failure::Answered { status: 404, message } if message.contains("has no `ghcr.io/shop/web:1`")),
            "{missing:?}"
        );
        assert_eq!(
            told(500, "no space left on device", &login),
            Failure::Answered { status: 500, message: "no space left on device".to_owned() }
        );
        assert_eq!(explained(Failure::Lost("gone".to_owned()), "x", &Registry("r".to_owned()), &login), Failure::Lost("gone".to_owned()));
    }

    #[test]
    fn a_build_keeps_the_words_that_name_the_step() {
        let said = |message: &str| Failure::Answered { status: 0, message: message.to_owned() };
        let shown = Shown::NotGranted { image: "r/team/other".to_owned(), cure: "to allow it, add this".to_owned() };
        let Failure::Answered { message, .. } =
            of_step(said("step 1/2 `FROM r/x` failed: no basic auth credentials"), &Registry("r".to_owned()), &shown)
        else {
            panic!("another kind")
        };
        assert_eq!(
            message,
            "step 1/2 `FROM r/x` failed: no basic auth credentials; hint: it was asked without the operator's login, because \
             `r/team/other` is not granted; to allow it, add this"
        );
        for other in ["exit code: 3", "step 2/2 `COPY nothere /` failed: \"/nothere\": not found"] {
            assert_eq!(of_step(said(other), &Registry("r".to_owned()), &shown), said(other));
        }
        let missing = "r/x:1: failed to resolve source metadata for r/x:1: not found";
        assert!(
            matches!(of_step(said(missing), &Registry("r".to_owned()), &shown), Failure::Answered { message, .. } if message.contains("tag"))
        );
    }
}
