//! Streams of both builders, as an engine sent them, shortened.

use bollard::moby::buildkit::v1::{VertexLog, VertexStatus};

use super::*;

/// Everything that is said, as `[id] text`, and the outcome; the bytes come in pieces of this size.
fn told(stream: &str, piece: usize) -> (Vec<String>, Result<String, String>) {
    let mut progress = Progress::default();
    let mut events = Vec::new();
    for piece in stream.as_bytes().chunks(piece) {
        events.extend(progress.read(piece).unwrap());
    }
    let (last, outcome) = progress.finish();
    events.extend(last);
    (words(events), outcome)
}

fn words(events: Vec<Event>) -> Vec<String> {
    events.into_iter().map(|event| format!("[{}] {}", event.id, event.text)).collect()
}

#[test]
fn the_classic_builder_is_told_step_by_step() {
    let stream = r#"{"stream":"Step 1/2 : FROM scratch"}
{"stream":"\n"}
{"stream":" ---\u003e \n"}
{"stream":"Step 2/2 : RUN make"}
{"stream":"one\ntw"}
{"stream":"o\nthree"}
{"status":"Downloading","progressDetail":{"current":5,"total":10},"id":"abc"}
{"aux":{"ID":"sha256:1234"}}
{"stream":"Successfully built 1234\n"}
"#;
    for piece in [1, 7, stream.len()] {
        let (said, outcome) = told(stream, piece);
        let expected = [
            "[1/2] FROM scratch",
            "[1/2]  --->",
            "[2/2] RUN make",
            "[2/2] one",
            "[2/2] two",
            "[abc] Downloading",
            "[2/2] threeSuccessfully built 1234",
        ];
        assert_eq!(said, expected, "{piece}");
        assert_eq!(outcome, Ok("sha256:1234".to_owned()));
    }
}

#[test]
fn a_failing_step_of_the_classic_builder_is_named_with_its_output_before() {
    let stream = r#"{"stream":"Step 2/3 : RUN false"}
{"stream":"no newline at the end"}
{"errorDetail":{"code":1,"message":"The command '/bin/sh -c false' returned a non-zero code: 1"},"error":"The command"}"#;
    let (said, outcome) = told(stream, 10);
    assert_eq!(said, ["[2/3] RUN false", "[2/3] no newline at the end"]);
    assert_eq!(outcome, Err("step 2/3 `RUN false` failed: The command '/bin/sh -c false' returned a non-zero code: 1".to_owned()));
    let (_, outcome) = told("{\"errorDetail\":{\"message\":\"no such target\"}}\n", 100);
    assert_eq!(outcome, Err("no such target".to_owned()));
}

#[test]
fn podmans_steps_are_told_like_dockers() {
    let stream = r#"{"stream":"STEP 1/2: FROM scratch\n"}
{"stream":"STEP 2/2: RUN make\n"}
{"stream":"out\n"}
{"errorDetail":{"message":"exit status 3"},"error":"exit status 3"}
"#;
    let (said, outcome) = told(stream, 9);
    assert_eq!(said, ["[1/2] FROM scratch", "[2/2] RUN make", "[2/2] out"]);
    assert_eq!(outcome, Err("step 2/2 `RUN make` failed: exit status 3".to_owned()));
}

#[test]
fn a_stream_without_an_image_is_no_success_and_nonsense_is_an_error() {
    assert_eq!(told("{\"stream\":\"x\\n\"}\n", 100).1, Err("the build ended without an image".to_owned()));
    assert!(Progress::default().read(b"<html>\n").is_err());
    assert!(told("{\"stream\":", 100).1.is_err());
    let mut progress = Progress::default();
    assert!(progress.read(&vec![b'x'; LINE_BOUND]).is_ok());
    assert!(progress.read(b"x").is_err());
}

fn vertex(name: &str, fill: impl FnOnce(&mut Vertex)) -> Vertex {
    let mut vertex = Vertex { digest: format!("digest of {name}"), name: name.to_owned(), ..Vertex::default() };
    fill(&mut vertex);
    vertex
}

/// Seconds since some moment, as BuildKit counts.
macro_rules! at {
    ($seconds:expr, $nanos:expr) => {{
        let mut time = Vertex::default().started.unwrap_or_default();
        (time.seconds, time.nanos) = ($seconds, $nanos);
        Some(time)
    }};
}

#[test]
fn buildkits_steps_are_told_with_what_they_print() {
    let mut progress = Progress::default();
    let mut events = Vec::new();
    let log =
        |name: &str, text: &str| VertexLog { vertex: format!("digest of {name}"), msg: text.as_bytes().to_vec(), ..VertexLog::default() };
    let status = VertexStatus {
        id: "extracting".to_owned(),
        vertex: "digest of [1/2] FROM x".to_owned(),
        current: 3,
        total: 9,
        ..Default::default()
    };
    progress.trace(
        StatusResponse {
            vertexes: vec![vertex("[1/2] FROM x", |vertex| vertex.started = at!(10, 500_000_000)), vertex("[2/2] RUN make", |_| {})],
            statuses: vec![status],
            ..StatusResponse::default()
        },
        &mut events,
    );
    progress.trace(
        StatusResponse {
            vertexes: vec![
                vertex("[1/2] FROM x", |vertex| (vertex.started, vertex.completed) = (at!(10, 500_000_000), at!(12, 0))),
                vertex("[2/2] RUN make", |vertex| vertex.started = at!(12, 0)),
                vertex("[cached] COPY", |vertex| (vertex.cached, vertex.completed) = (true, at!(12, 0))),
            ],
            logs: vec![log("[2/2] RUN make", "one\nhalf"), log("[2/2] RUN make", " done\nrest")],
            ..StatusResponse::default()
        },
        &mut events,
    );
    progress.trace(
        StatusResponse {
            vertexes: vec![
                vertex("[2/2] RUN make", |vertex| vertex.error = "exit code: 2".to_owned()),
                vertex("other", |vertex| vertex.error = "context canceled".to_owned()),
            ],
            ..StatusResponse::default()
        },
        &mut events,
    );
    progress.error = Some("failed to solve".to_owned());
    let said = words(events);
    let expected = [
        "[#1] [1/2] FROM x",
        "[#1] extracting",
        "[#1] done in 1.5 s",
        "[#2] [2/2] RUN make",
        "[#3] [cached] COPY",
        "[#3] cached",
        "[#2] one",
        "[#2] half done",
        "[#2] rest",
        "[#2] failed: exit code: 2",
        "[#4] failed: context canceled",
    ];
    assert_eq!(said, expected);
    assert_eq!(progress.finish().1, Err("step `[2/2] RUN make` failed: exit code: 2".to_owned()));
}
