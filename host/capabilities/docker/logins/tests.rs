//! Logins of files and helpers, without an engine.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

use super::*;

fn registry(reference: &str) -> Registry {
    Registry::of(&Reference::new(reference).unwrap())
}

fn login(username: &str, password: &str) -> Login {
    Login { username: username.to_owned(), password: password.to_owned(), ..Login::default() }
}

fn logins(folder: &Path, text: &str) -> Logins {
    let path = folder.join("config.json");
    fs::write(&path, text).unwrap();
    Logins::new(Some(LoginFile { path, shown: "`the file`".to_owned(), required: false }))
}

/// What it comes to; an error is its text.
async fn found(text: &str, reference: &str) -> Result<Option<Login>, String> {
    let folder = tempfile::tempdir().unwrap();
    let found = logins(folder.path(), text).at(&registry(reference)).await;
    found.map_err(|failure| match failure {
        Failure::Unusable(text) | Failure::Other(text) => text,
        other => panic!("{other:?}"),
    })
}

#[test]
fn registries_have_the_names_that_docker_gives_them() {
    for (reference, name, key) in [
        ("postgres:16", "docker.io", "https://index.docker.io/v1/"),
        ("docker.io/shop/web", "docker.io", "https://index.docker.io/v1/"),
        ("index.docker.io/shop/web", "docker.io", "https://index.docker.io/v1/"),
        ("ghcr.io/shop/web:1", "ghcr.io", "ghcr.io"),
        ("localhost:5000/web@sha256:ab", "localhost:5000", "localhost:5000"),
        ("localhost/web", "localhost", "localhost"),
        ("[::1]:5000/web", "[::1]:5000", "[::1]:5000"),
    ] {
        let registry = registry(reference);
        assert_eq!((registry.name(), registry.key()), (name, key), "{reference}");
    }
    assert!(registry("postgres").is_at("registry-1.docker.io") && !registry("postgres").is_at("ghcr.io"));
    assert!(registry("ghcr.io/a/b").is_at("ghcr.io") && !registry("ghcr.io/a/b").is_at("registry-1.docker.io"));
}

#[tokio::test]
async fn a_login_is_found_in_every_form_that_docker_writes() {
    let auth = STANDARD.encode("me:pass:word");
    for (text, reference, expected) in [
        (format!(r#"{{"auths":{{"r:5000":{{"auth":"{auth}"}}}}}}"#), "r:5000/web", Some(login("me", "pass:word"))),
        (r#"{"auths":{"r:5000":{"username":"me","password":"word"}}}"#.to_owned(), "r:5000/web", Some(login("me", "word"))),
        (format!(r#"{{"auths":{{"https://r.io/v1/":{{"auth":"{auth}"}}}}}}"#), "r.io/web", Some(login("me", "pass:word"))),
        (format!(r#"{{"auths":{{"https://index.docker.io/v1/":{{"auth":"{auth}"}}}}}}"#), "web", Some(login("me", "pass:word"))),
        (format!(r#"{{"auths":{{"r.io":{{"auth":"{auth}"}}}}}}"#), "other.io/web", None),
        (format!(r#"{{"auths":{{"r.io":{{"auth":"{auth}"}}}}}}"#), "web", None),
        (
            r#"{"auths":{"r.io":{"identitytoken":"t"}}}"#.to_owned(),
            "r.io/web",
            Some(Login { identity_token: "t".to_owned(), ..Login::default() }),
        ),
        (
            r#"{"auths":{"r.io":{"registrytoken":"t"}}}"#.to_owned(),
            "r.io/web",
            Some(Login { registry_token: "t".to_owned(), ..Login::default() }),
        ),
        (r#"{"auths":{"r.io":{}},"psFormat":"x","HttpHeaders":{"a":"b"}}"#.to_owned(), "r.io/web", None),
        (r#"{"auths":null}"#.to_owned(), "r.io/web", None),
        (String::new(), "r.io/web", None),
    ] {
        assert!(found(&text, reference).await == Ok(expected), "{text}");
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_understood_is_named_with_the_place_and_without_its_content() {
    for (text, expected) in [
        ("{\n \"auths\": {\n \"r.io\": \"geheim\"", "`the file` cannot be understood: line 3, column "),
        ("{\"auths\": {\"r.io\": \"geheim\"}}", "a value is not of the kind that docker writes"),
        ("geheim", "it is no JSON"),
        ("{\"auths\": {\"r.io\": {\"auth\": \"geheim\"}}}", "`auth` of `r.io` is not NAME:PASSWORD in base64"),
        ("{\"auths\": {\"r.io\": {\"auth\": \"Z2VoZWlt\"}}}", "`auth` of `r.io` is not NAME:PASSWORD in base64"),
    ] {
        let Err(error) = found(text, "other.io/web").await else { panic!("{text} is understood") };
        assert!(error.contains(expected) && error.contains("; hint: ") && !error.contains("geheim"), "{error}");
    }
    let Err(error) = found(&format!("{{\"a\":\"{}\"}}", "x".repeat(1 << 20)), "r.io/web").await else { panic!("it is read") };
    assert!(error.contains("has more than 1048576 bytes"), "{error}");
}

#[tokio::test]
async fn a_file_that_is_not_there_is_an_error_only_where_it_was_named() {
    let at = |required| {
        let folder = tempfile::tempdir().unwrap();
        Logins::new(Some(LoginFile { path: folder.path().join("none"), shown: "`x`".to_owned(), required }))
    };
    assert!(at(false).at(&registry("r.io/web")).await == Ok(None));
    assert!(matches!(at(true).at(&registry("r.io/web")).await, Err(Failure::Unusable(text)) if text.contains("`x` cannot be opened")));
    assert!(Logins::new(None).at(&registry("r.io/web")).await == Ok(None));
}

#[tokio::test]
async fn a_helper_must_have_the_name_of_one() {
    for name in ["../evil", "a b", "-x", "a;b", "", "$(x)", &"a".repeat(65)] {
        let text = serde_json::json!({ "credHelpers": { "r.io": name } }).to_string();
        match found(&text, "r.io/web").await {
            Ok(found) => assert!(name.is_empty() && found.is_none(), "{name}"),
            Err(error) => assert!(error.contains("which is no name of one"), "{error}"),
        }
    }
    let error = found(r#"{"credsStore":"not-installed-anywhere"}"#, "r.io/web").await.err().unwrap();
    assert!(error.contains("`docker-credential-not-installed-anywhere` for `r.io`, which is not in PATH"), "{error}");
    // Another registry's helper is not asked.
    assert!(found(r#"{"credHelpers":{"r.io":"not-installed-anywhere"}}"#, "other.io/web").await == Ok(None));
}

/// A helper of these lines.
fn script(folder: &Path, lines: &str) -> PathBuf {
    let path = folder.join("docker-credential-test");
    // Written by another process: a file that this one has open, or a child of another test, cannot be run.
    let write = ["-c", "printf '#!/bin/sh\\n%s\\n' \"$1\" > \"$2\" && chmod +x \"$2\"", "sh", lines];
    assert!(std::process::Command::new("sh").args(write).arg(&path).status().unwrap().success());
    path
}

async fn answered(lines: &str) -> Result<Option<Login>, String> {
    let folder = tempfile::tempdir().unwrap();
    let time = std::time::Duration::from_millis(800);
    let answer = helper::run(script(folder.path(), lines), "r.io", time).await;
    answer.map_err(|how| how.to_string())
}

#[tokio::test]
async fn a_helper_is_asked_for_one_registry_and_answers_a_login_a_token_or_nothing() {
    let login_of =
        |name: &str| format!(r#"read -r server; echo "{{\"ServerURL\":\"$server\",\"Username\":\"{name}\",\"Secret\":\"$1 $server\"}}""#);
    assert!(answered(&login_of("me")).await == Ok(Some(login("me", "get r.io"))));
    let token = Login { identity_token: "get r.io".to_owned(), ..Login::default() };
    assert!(answered(&login_of("<token>")).await == Ok(Some(token)));
    assert!(answered("echo 'credentials not found in native keychain'; exit 1").await == Ok(None));
}

#[tokio::test]
async fn what_a_helper_says_is_bounded_in_time_and_size_and_never_repeated() {
    for (lines, expected) in [
        ("echo geheim; exit 3", "failed (exit status: 3)"),
        ("echo geheim", "answered what is no login"),
        ("echo '{\"Username\":\"geheim\"}'", "answered what is no login"),
        ("while :; do echo geheim; done", "answered more than 65536 bytes"),
        ("exec sleep 60", "did not answer within"),
        // Its output is closed, and it goes on.
        ("exec >&-; exec sleep 60", "did not answer within"),
    ] {
        let began = std::time::Instant::now();
        let Err(error) = answered(lines).await else { panic!("{lines} is a login") };
        assert!(error.contains(expected) && !error.contains("geheim"), "{lines}: {error}");
        assert!(began.elapsed() < std::time::Duration::from_secs(10), "{lines}");
    }
}

#[tokio::test]
async fn the_engine_is_told_as_docker_tells_it_and_no_text_repeats_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    // `>>>???` is what base64's two alphabets write differently.
    let logins = logins(folder.path(), r#"{"auths":{"r.io":{"username":"me","password":">>>???word"}}}"#);
    let registry = registry("r.io/web");
    let found = logins.at(&registry).await.unwrap().unwrap();
    let header = found.header(&registry);
    let json: Value = serde_json::from_slice(&URL_SAFE.decode(&header).unwrap()).unwrap();
    assert_eq!(json, serde_json::json!({ "username": "me", "password": ">>>???word", "serveraddress": "r.io" }));
    let config = URL_SAFE.decode(header_of_build(&[(registry, found.clone())])).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&config).unwrap()["r.io"], json);
    assert_eq!(found.pair(), Some(("me", ">>>???word")));
    assert_eq!(logins.conceal("bad password >>>???word given".to_owned()), "bad password *** given");
}
