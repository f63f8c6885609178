//! What instructions name, and what is refused because it cannot be told.

use super::*;

const MACHINE: Reading<'static> = Reading::BuildKit { machine: "linux/amd64", target: "linux/amd64" };

fn read(text: &str, arguments: &[(&str, &str)]) -> Result<References, String> {
    let arguments: Vec<_> = arguments.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    of(text, &arguments, MACHINE)
}

fn images(text: &str, arguments: &[(&str, &str)]) -> Result<Vec<String>, String> {
    read(text, arguments).map(|found| found.images.into_iter().collect())
}

type Case = (&'static str, &'static [(&'static str, &'static str)], &'static [&'static str]);

#[test]
fn images_are_found_wherever_instructions_name_them() {
    let cases: [Case; 29] = [
        ("FROM scratch\nCOPY . /", &[], &[]),
        ("from python:3.12-slim", &[], &["python:3.12-slim"]),
        ("FROM --platform=$BUILDPLATFORM node:20 AS build\nFROM build\nCOPY --from=build /x /y", &[], &["node:20"]),
        ("FROM x AS One\nFROM y\nCOPY --from=one . .\nCOPY --from=0 . .\nCOPY --chown=1 --from=z:1 . .", &[], &["x", "y", "z:1"]),
        ("FROM x\nRUN --mount=type=cache,target=/x --mount=type=bind,from=other/img,target=/y make", &[], &["other/img", "x"]),
        ("FROM x\nRUN --mount=type=bind,From=other,target=/x make", &[], &["other", "x"]),
        ("FROM x\nRUN --mount=type=cache,target=\"/x/.c\",sharing=locked make", &[], &["x"]),
        ("FROM x\nONBUILD COPY --from=late / /", &[], &["late", "x"]),
        ("FROM x\nONBUILD COPY --from=2 / /", &[], &["x"]),
        ("FROM x AS mine\nCOPY --from=mine / /", &[], &["mine", "x"]),
        ("ARG BASE=python:3\nFROM ${BASE}", &[], &["python:3"]),
        ("ARG BASE=python:3\nFROM $BASE-slim", &[("BASE", "other:1")], &["other:1-slim"]),
        ("ARG V\nFROM python:${V:-3.12}", &[], &["python:3.12"]),
        ("ARG V=\"3 \"\nARG W=x${V:+y}\nFROM q:${W}", &[], &["q:xy"]),
        ("ARG TARGETSTAGE=web\nARG DESCRIPTION=\u{e9}\nFROM x:${TARGETSTAGE}", &[], &["x:web"]),
        ("ARG B\nARG C\nARG A=${B:-${C:-deep}}\nFROM $A", &[], &["deep"]),
        ("ARG A='$B'x\nARG C=y\nFROM $C", &[], &["y"]),
        ("ARG A=x\nARG B=${A-z} C=${A?no}\nFROM $B:$C", &[], &["x:x"]),
        ("FROM \\\n  # a comment\n\n  long/name:1 \\\n AS x", &[], &["long/name:1"]),
        ("# escape=`\nFROM `\n  y", &[], &["y"]),
        ("FROM x\r\nRUN true \\\r\n && COPY --from=no\r\n", &[], &["x"]),
        ("FROM x\nRUN echo \\\\ y\nCOPY --from=seen / /", &[], &["seen", "x"]),
        ("FROM x\nRUN echo --from=no", &[], &["x"]),
        ("\u{feff}FROM x", &[], &["x"]),
        ("FROM x AS base-amd64\nFROM base-${TARGETARCH}${TARGETVARIANT}", &[], &["x"]),
        ("FROM $TARGETOS/$BUILDARCH", &[], &["linux/amd64"]),
        ("ARG TARGETARCH\nFROM x-$TARGETARCH", &[("TARGETARCH", "arm")], &["x-arm"]),
        ("FROM cafe:1\nCOPY --from=registry.example:5000/x@sha256:ab / /", &[], &["cafe:1", "registry.example:5000/x@sha256:ab"]),
        ("FROM x\n# it's \u{a0} a comment\n  # another\n", &[], &["x"]),
    ];
    for (text, arguments, expected) in cases {
        assert_eq!(images(text, arguments), Ok(expected.iter().map(|image| (*image).to_owned()).collect()), "{text:?}");
    }
}

#[test]
fn texts_within_instructions_are_no_instructions() {
    let cases: [Case; 9] = [
        ("FROM x\nCOPY <<EOF /x\nFROM hidden\nEOF\nCOPY --from=seen / /", &[], &["seen", "x"]),
        ("FROM x\nRUN <<-'END'\n\tfrom x import y\n\tEND", &[], &["x"]),
        ("FROM x\nRUN cat <<ONE 3<<\"TWO\" > /y\nTWO\nONE\nCOPY --from=no / /\nTWO", &[], &["x"]),
        ("FROM x\nRUN cat > ${HOME}/y <<EOF && \\\n  echo \"done\"\nFROM no\nEOF", &[], &["x"]),
        ("FROM x\nONBUILD RUN <<EOF\nFROM no\nEOF", &[], &["x"]),
        ("FROM x\nRUN cat <<< word && echo $((1<<2)) \"<<no\"\nCOPY --from=seen / /", &[], &["seen", "x"]),
        ("FROM x\nRUN if [ -e y ]; then cat <<EOF ; fi\nFROM no\nEOF", &[], &["x"]),
        ("FROM x\nENV A=<<EOF\nCOPY --from=seen / /", &[], &["seen", "x"]),
        ("FROM x\nRUN <<EOF\na \\\n b\nEOF\nCOPY --from=seen / /", &[], &["seen", "x"]),
    ];
    for (text, arguments, expected) in cases {
        assert_eq!(images(text, arguments), Ok(expected.iter().map(|image| (*image).to_owned()).collect()), "{text:?}");
    }
    for begin in [
        "RUN <<'E\\'\ntrue\nE\\",
        "RUN << EOF\nEOF",
        "RUN x<< <<EOF\nEOF",
        "RUN <<EOF",
        "RUN echo it's <<EOF\nEOF",
        "RUN echo ${x#y} <<EOF\nEOF",
        "RUN echo \\\" <<EOF\nEOF",
        "RUN [] <<EOF\nEOF",
        "RUN --mount=type=cache,target=/x [] <<EOF\nEOF",
        "RUN <<CMD\nCMD",
        "RUN <<\"A B\"\nA B",
        "RUN $x<<EOF\nEOF",
        "RUN <<EOF\nCOPY x \\\nEOF",
        "RUN <<EOF\nCOPY x \\\n# comment\nEOF",
        "RUN <<EOF\nRUN <<OTHER\nEOF",
    ] {
        let found = images(&format!("FROM x\n{begin}\n"), &[]);
        assert!(found.as_ref().is_err_and(|text| text.starts_with("line 2 of the Dockerfile: ")), "{begin:?}: {found:?}");
    }
}

#[test]
fn what_cannot_be_told_is_refused_with_its_line() {
    for (number, text) in [
        (1, "FOO bar"),
        (1, "{\"syntax\":\"evil/frontend\"}"),
        (1, "// syntax=evil/frontend\nFROM x"),
        (2, "ARG X=1\nFROM ${X%1}"),
        (1, "FROM ${X"),
        (1, "FROM y$"),
        (1, "FROM $X"),
        (2, "ARG X\nFROM $X"),
        (2, "ARG X\nFROM ${X-y}"),
        (3, "ARG X=y\nARG X\nFROM $X"),
        (2, "ARG X=y Z=$X\nFROM $Z"),
        (2, "ARG TARGETARCH\nFROM x-$TARGETARCH"),
        (1, "ARG X=y\\z"),
        (1, "ARG X=y # comment"),
        (1, "ARG --x Y=1"),
        (2, "ARG X=\"y\"z\nFROM $X"),
        (1, "ARG SOURCE_DATE_EPOCH=https://example.org/x"),
        (1, "FROM ${TARGETSTAGE:+theirs-}web"),
        (2, "ARG TARGETSTAGE\nFROM ${TARGETSTAGE:+theirs-}web"),
        (2, "ARG BUILDKIT_CACHE_MOUNT_NS\nFROM ${BUILDKIT_CACHE_MOUNT_NS:+theirs-}web"),
        (2, "ARG http_proxy\nFROM ${http_proxy:+theirs-}web"),
        (3, "ARG 1theirs=st\nFROM x AS st-web\nFROM $1theirs-web"),
        (3, "ARG X=\u{feff}\nFROM x AS safe-theirs-web\nFROM ${X:+safe-}theirs-web"),
        (2, "ARG X='\u{feff}'\nFROM ${X:+safe-}theirs-web"),
        (1, "ARG X\u{e9}=y\nFROM $X\u{e9}"),
        (1, "FROM \u{feff}theirs-web"),
        (1, "FROM their\\s-web"),
        (1, "FROM 'theirs-web'"),
        (1, "FROM x AS y z"),
        (1, "FROM x A\u{17f} y"),
        (1, "FROM x AS 0"),
        (1, "FROM"),
        (1, "FROM 033"),
        (1, "FROM cafe"),
        (1, "FROM sha256:033"),
        (1, "FROM x//y"),
        (2, "FROM x\nCOPY --fr\\om=theirs-web / /"),
        (2, "FROM x\nCOPY --from=their\\s-web / /"),
        (2, "FROM x\nCOPY --from=99999999999999999999 / /"),
        (2, "FROM x\nCOPY --from=0 / /"),
        (3, "FROM x\nFROM y\nCOPY --from=-1 / /"),
        (1, "ARG SOURCE_DATE_EPOCH=007"),
        (2, "ARG BUILDPLATFORM\nFROM --platform=${BUILDPLATFORM:-linux/arm64} x"),
        (2, "FROM x\nCOPY --from=$X / /"),
        (2, "FROM x\nCOPY --new=theirs-web / /"),
        (2, "FROM x\nCOPY -- --from=theirs-web / /"),
        (2, "FROM x\nADD --from=x / /"),
        (2, "FROM x\nRUN --mount=type=bind,from=scratch,from=theirs-web true"),
        (2, "FROM x\nRUN --mount=type=bind,from=scratch,FROM=theirs-web true"),
        (2, "FROM x\nRUN --mount=from=0 true"),
        (2, "FROM x\nRUN --mount='\"from=theirs-web\"' true"),
        (2, "FROM x\nRUN --mount=\"from=theirs-web true"),
        (2, "FROM x\nRUN --mount=new=theirs-web true"),
        (2, "FROM x\nRUN echo \\\\\nCOPY --from=theirs-web / /"),
        (2, "FROM x\nRUN a \\\n b \\\\ \nCOPY --from=theirs-web / /"),
        (1, "FROM dir:/etc"),
        (1, "FROM containers-storage:theirs-web"),
        (2, "FROM x\nRUN echo \\\u{a0}\nCOPY --from=theirs-web / /"),
        (2, "FROM x\nRUN echo \\\u{b}\nCOPY --from=theirs-web / /"),
        (2, "FROM x\nRUN echo \\\r\r\nCOPY --from=theirs-web / /"),
        (2, "FROM x\n\u{a0}# comment"),
        (2, "FROM x\nONBUILD FROM y"),
        (2, "FROM x\nONBUILD --x COPY --from=y / /"),
        (2, "FROM x\nONBU\u{130}LD COPY --from=y / /"),
        (2, "# check=skip=all\n# escape=`\nFROM x"),
        (1, "# escape=x\nFROM x"),
        (1, "#\u{a0}escape=`\nFROM x"),
    ] {
        let found = read(text, &[]);
        assert!(found.as_ref().is_err_and(|text| text.starts_with(&format!("line {number} of the"))), "{text:?}: {found:?}");
    }
    assert!(read("FROM x-$TARGETARCH", &[("TARGETARCH", "theirs")]).is_err_and(|text| text.contains("`ARG`")));
    assert!(read("ARG X\nFROM ${X:+safe-}web", &[("X", "\u{feff}")]).is_err_and(|text| text.contains("ASCII")));
    assert!(read("FROM x", &[("SOURCE_DATE_EPOCH", "context://x")]).is_err_and(|text| text.contains("no number")));
    assert!(read("ARG SOURCE_DATE_EPOCH\nARG Y=1\nFROM x:$Y", &[("SOURCE_DATE_EPOCH", "0")]).is_ok());
    assert!(images("ARG X\nFROM $X", &[]).is_err_and(|text| text.contains("the image's name is empty")));
    assert!(images("FROM x-$TARGETARCH", &[]).is_ok());
    assert!(of("FROM x-$TARGETARCH", &[], Reading::Classic).is_err());
    for last in ["FROM theirs-web", "COPY --from=theirs-web / /", "RUN --mount=type=bind,from=theirs-web true"] {
        let text = |last: &str| of(&format!("FROM x AS Theirs-web\nFROM y\n{last}"), &[], Reading::Podman);
        assert!(text(last).is_err_and(|text| text.contains("write `Theirs-web`")), "{last}");
        assert_eq!(text(&last.replace("theirs", "Theirs")).unwrap().images.len(), 2, "{last}");
    }
    assert!(of("FROM x\nRUN <<EOF\nEOF", &[], Reading::Classic).is_err_and(|text| text.contains("need BuildKit")));
    assert!(
        of("FROM $BUILDARCH:$TARGETARCH", &[], Reading::BuildKit { machine: "linux/amd64", target: "linux/arm64" })
            .is_ok_and(|found| found.images.contains("amd64:arm64"))
    );
    assert!(of("FROM x-$TARGETARCH", &[], Reading::BuildKit { machine: "linux/amd64", target: "linux/x86_64" }).is_err());
}

#[test]
fn what_a_variable_holds_is_no_stage_to_podman() {
    let text = "ARG A=theirs-web\nFROM x AS theirs-web\nFROM $A\n";
    let images = |reading| of(text, &[], reading).unwrap().images.into_iter().collect::<Vec<_>>();
    assert_eq!((images(Reading::Podman), images(Reading::Classic)), (vec!["theirs-web".to_owned(), "x".to_owned()], vec!["x".to_owned()]));
}

#[test]
fn platforms_of_bases_are_told() {
    let found = read("FROM --platform=$BUILDPLATFORM x\nFROM --platform=linux/arm64 y\nFROM z", &[]).unwrap();
    let platforms = found.bases.into_iter().map(|base| (base.image, base.platform.unwrap_or_default())).collect::<Vec<_>>();
    let expected = [("x", "linux/amd64"), ("y", "linux/arm64"), ("z", "")];
    assert_eq!(platforms, expected.map(|(image, platform)| (image.to_owned(), platform.to_owned())));
    for platform in ["$BUILDPLATFORM", "${BUILDPLATFORM}"] {
        let found = read(&format!("ARG BUILDPLATFORM\nFROM --platform={platform} x"), &[]).unwrap();
        assert_eq!(found.bases.first().unwrap().platform.as_deref(), Some("linux/amd64"));
    }
    assert!(read("FROM --platform=$X y", &[]).is_err_and(|text| text.contains("platform")));
}

#[test]
fn directives_are_read_as_docker_reads_them() {
    assert_eq!(images("# escape=`\nFROM x\nRUN echo \\\nCOPY --from=seen / /", &[]).unwrap(), ["seen", "x"]);
    assert_eq!(images("# comment\n# escape=`\nFROM x\nRUN echo `\nCOPY --from=seen / /", &[]).unwrap(), ["seen", "x"]);
    assert_eq!(images("# syntax=\n# escape=`\nFROM x\nRUN echo `\nCOPY --from=seen / /", &[]).unwrap(), ["seen", "x"]);
    assert_eq!(images("#!/x\n# escape=`\nFROM x\nRUN echo `\nCOPY --from=seen / /", &[]).unwrap(), ["seen", "x"]);
    assert!(images("# escape=`\n# escape=`\nFROM x", &[]).is_err());
}

#[test]
fn the_reader_of_instructions_is_found() {
    let readers = |text, arguments| Vec::from_iter(read(text, arguments).unwrap().readers);
    assert_eq!(readers("# Syntax = docker/dockerfile:1 x\nFROM x", &[]), ["docker/dockerfile:1"]);
    assert_eq!(readers("#!/bin/x\n# syntax=y\n# escape=`\n# syntax=z\nFROM x", &[]), ["y", "z"]);
    assert_eq!(readers("FROM x\n# syntax=evil", &[]), [""; 0]);
    assert_eq!(readers("FROM x", &[("BUILDKIT_SYNTAX", " evil/reader x")]), ["evil/reader"]);
}

#[test]
fn addresses_that_are_added_are_found_and_what_could_become_one_is_refused() {
    let addresses = |text: &str| read(&format!("FROM x\n{text}"), &[]).map(|found| Vec::from_iter(found.addresses));
    for (text, expected) in [
        ("ADD a b/$X ./$Y /$Z . <<EOF /to/\nEOF", &[][..]),
        ("ADD http://127.0.0.1:8088/x /x", &["http://127.0.0.1:8088/x"]),
        ("ADD a https://example.org/${V}.tgz /x", &["https://example.org/${V}.tgz"]),
        ("ADD --keep-git-dir=true git@example.org:x/y.git /x", &["git@example.org:x/y.git"]),
        ("ONBUILD ADD git://example.org/x /x", &["git://example.org/x"]),
        ("ADD [\"https://example.org/a b\", \"/x\"]", &["https://example.org/a b"]),
        ("ADD github.com/x/y /x", &["github.com/x/y"]),
        ("COPY http://x/y /x", &[]),
    ] {
        assert_eq!(addresses(text).unwrap(), expected, "{text}");
    }
    for text in [
        "ADD $X /x",
        "ADD https://$X/y /x",
        "ADD https://y$X /x",
        "ADD https://y@z/$X /x",
        "ADD ht\\tp://y/x /x",
        "ADD \"http://y/x\" /x",
        "ADD x-$Y /x",
        "ADD [\"x\", /x",
        "ADD [\"$X\", \"/x\"]",
    ] {
        assert!(addresses(text).is_err_and(|what| what.starts_with("line 2 ")), "{text}");
    }
}

#[test]
fn what_an_image_puts_off_is_read_and_cannot_begin_with_another() {
    assert_eq!(Vec::from_iter(of_trigger("COPY --from=theirs-web / /").unwrap().images), ["theirs-web"]);
    assert_eq!(Vec::from_iter(of_trigger("ADD http://x/y /").unwrap().addresses), ["http://x/y"]);
    assert!(of_trigger("RUN npm install").is_ok());
    assert!(of_trigger("FROM x").is_err() && of_trigger("COPY --fr\\om=x / /").is_err());
}

#[test]
fn values_grow_to_their_bounds_and_not_past_them() {
    let (bytes, depth) = (limits::BUILD_VALUE_BYTES, limits::BUILD_VALUE_DEPTH);
    let refused = |text: &str, word: &str| images(text, &[]).is_err_and(|what| what.contains(word));
    let long = |count: usize| format!("ARG A={}\nFROM x:${{A:+y}}", "x".repeat(count));
    assert!(images(&long(bytes), &[]).is_ok() && refused(&long(bytes + 1), "4096 bytes"));
    let nested = |count: usize| format!("ARG A\nFROM {}x{}", "${A:-".repeat(count), "}".repeat(count));
    assert!(images(&nested(depth), &[]).is_ok() && refused(&nested(depth + 1), "16 deep"));
    assert!(refused(&nested(50_000), "16 deep"));
    assert!(refused(&format!("ARG A=x\nFROM {}", "$A".repeat(200_000)), "4096 bytes"));
    let doubled: String = (1..40).map(|at| format!("ARG A{at}=$A{}$A{}\n", at - 1, at - 1)).collect();
    assert!(refused(&format!("ARG A0={}\n{doubled}FROM $A39", "x".repeat(1024)), "4096 bytes"));
    let many = |count: usize| (0..count).map(|at| format!("ARG V{at}\n")).collect::<String>() + "FROM x";
    let all = |count: usize| of(&many(count), &[], Reading::Classic);
    assert!(all(limits::BUILD_VARIABLES).is_ok() && all(limits::BUILD_VARIABLES + 1).is_err_and(|what| what.contains("1000 variables")));
    let from = |count: usize| (0..count).map(|at| format!("FROM x:{at}\n")).collect::<String>();
    assert!(images(&from(limits::BUILD_IMAGES), &[]).is_ok() && refused(&from(limits::BUILD_IMAGES + 1), "200 stages"));
    let given = |count: usize| images("ARG A\nFROM x:${A:+y}", &[("A", &"x".repeat(count))]);
    assert!(given(bytes).is_ok() && given(bytes + 1).is_err());
}
