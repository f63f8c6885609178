//! `host manifest`: reads a component's manifest, or embeds one into a component of any language.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;
use wasmparser::{BinaryReader, Parser, Payload};

use crate::component::kind::Kind;
use crate::component::limits;
use crate::grants::Manifest as Parsed;
use crate::grants::manifest::{MANIFEST_BYTES_BOUND, MANIFEST_SECTION};
use crate::outcome::{Ending, Failure, Result};
use crate::project::files;
use crate::terminal;

const EXAMPLES: &str = "\
Examples:
  host manifest show report.wasm                                       the manifest it carries
  host manifest embed report.wasm --manifest command.toml              put one in, or replace it
  host manifest embed app.wasm --manifest command.toml --out report.wasm";

const COMPONENT_HEADER: [u8; 8] = [0, b'a', b's', b'm', 0x0d, 0, 1, 0];
/// Id of a custom section in the binary format.
const CUSTOM: u8 = 0;

/// Read or embed a component's manifest
#[derive(Debug, Args)]
#[command(before_help = EXAMPLES)]
pub struct Manifest {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Put a manifest into a component, in place of the one it carries
    Embed {
        /// The component
        file: PathBuf,
        /// The manifest, TOML
        #[arg(long, value_name = "FILE")]
        manifest: PathBuf,
        /// Write here instead of replacing the component
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Print the manifest a component carries
    Show {
        /// The component
        file: PathBuf,
    },
}

pub fn run(verb: &Manifest, json: bool) -> Result<u8> {
    match &verb.action {
        Action::Embed { file, manifest, out } => embed(file, manifest, out.as_deref().unwrap_or(file), json),
        Action::Show { file } => show(file, json),
    }
}

fn embed(file: &Path, manifest: &Path, out: &Path, json: bool) -> Result<u8> {
    // One byte more than is allowed, so that the manifest itself says that it is too large.
    let text = read(manifest, u64::try_from(MANIFEST_BYTES_BOUND).unwrap_or(u64::MAX) + 1)?;
    let parsed = Parsed::parse(&text, &manifest.display().to_string())?;
    let component = read_component(file)?;
    let embedded = with_section(&component, &text).map_err(|error| damaged(file, &error))?;
    files::replace_bytes(out, &embedded)?;
    if json {
        terminal::json(&json!({"v": 1, "file": out.display().to_string(), "bytes": embedded.len(), "about": parsed.about}));
    } else {
        terminal::talk(&format!("`{}` now carries the manifest: {}", out.display(), parsed.about));
    }
    Ok(Ending::Ok.code())
}

fn show(file: &Path, json: bool) -> Result<u8> {
    let component = read_component(file)?;
    let Some(text) = section(&component).map_err(|error| damaged(file, &error))? else {
        return Err(Failure::failed(format!("`{}` carries no manifest", file.display()))
            .hint(format!("host manifest embed {} --manifest command.toml", file.display())));
    };
    let parsed = Parsed::parse(text, &format!("{}[{MANIFEST_SECTION}]", file.display()))?;
    let text = String::from_utf8_lossy(text);
    if json {
        let asks = parsed.asks_in_words();
        terminal::json(
            &json!({"v": 1, "about": parsed.about, "usage": parsed.usage, "effect": parsed.effect.word(), "asks": asks, "toml": text}),
        );
    } else {
        terminal::line(text.trim_end());
    }
    Ok(Ending::Ok.code())
}

/// The component with its manifest right behind the header, where it comes before any that compilers left
/// inside: the first one counts. Other manifests at the top level go.
fn with_section(component: &[u8], manifest: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut embedded = Vec::with_capacity(component.len() + manifest.len() + 64);
    embedded.extend(COMPONENT_HEADER);
    let mut payload = length(MANIFEST_SECTION.len())?;
    payload.extend(MANIFEST_SECTION.as_bytes());
    payload.extend(manifest);
    embedded.push(CUSTOM);
    embedded.extend(length(payload.len())?);
    embedded.extend(payload);
    let mut reader = BinaryReader::new(component.get(COMPONENT_HEADER.len()..).unwrap_or_default(), 0);
    while !reader.eof() {
        let id = reader.read_u8()?;
        let size = reader.read_var_u32()?;
        let content = reader.read_bytes(usize::try_from(size)?)?;
        if id == CUSTOM && BinaryReader::new(content, 0).read_string()? == MANIFEST_SECTION {
            continue;
        }
        embedded.push(id);
        embedded.extend(length(content.len())?);
        embedded.extend(content);
    }
    Ok(embedded)
}

/// The first manifest at any depth.
fn section(component: &[u8]) -> anyhow::Result<Option<&[u8]>> {
    for payload in Parser::new(0).parse_all(component) {
        if let Payload::CustomSection(section) = payload?
            && section.name() == MANIFEST_SECTION
        {
            return Ok(Some(section.data()));
        }
    }
    Ok(None)
}

/// LEB128, as the binary format writes lengths.
fn length(length: usize) -> anyhow::Result<Vec<u8>> {
    let mut rest = u32::try_from(length)?;
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(rest & 0x7f)?;
        rest >>= 7;
        if rest == 0 {
            bytes.push(low);
            return Ok(bytes);
        }
        bytes.push(low | 0x80);
    }
}

fn read_component(path: &Path) -> Result<Vec<u8>> {
    let bytes = read(path, limits::FILE_BYTES)?;
    match Kind::of(&bytes).complaint() {
        None => Ok(bytes),
        Some((wrong, cure)) => Err(Failure::usage(format!("`{}` {wrong}", path.display())).hint(cure)),
    }
}

fn read(path: &Path, bound: u64) -> Result<Vec<u8>> {
    files::read_bounded(path, bound)?.ok_or_else(|| Failure::usage(format!("there is no file `{}`", path.display())))
}

fn damaged(path: &Path, error: &anyhow::Error) -> Failure {
    Failure::usage(format!("`{}` is damaged: {error:#}", path.display())).hint("build or copy it again")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODULE_HEADER: [u8; 8] = [0, b'a', b's', b'm', 1, 0, 0, 0];

    /// An empty component with custom sections at the top level, and one inside a core module.
    fn component(top: &[(&str, &[u8])], nested: Option<&[u8]>) -> Vec<u8> {
        let custom = |name: &str, data: &[u8]| {
            let payload: Vec<u8> = length(name.len()).unwrap().into_iter().chain(name.bytes()).chain(data.iter().copied()).collect();
            std::iter::once(CUSTOM).chain(length(payload.len()).unwrap()).chain(payload).collect::<Vec<u8>>()
        };
        let mut bytes = COMPONENT_HEADER.to_vec();
        if let Some(data) = nested {
            let module: Vec<u8> = MODULE_HEADER.into_iter().chain(custom(MANIFEST_SECTION, data)).collect();
            bytes.push(1);
            bytes.extend(length(module.len()).unwrap());
            bytes.extend(module);
        }
        for (name, data) in top {
            bytes.extend(custom(name, data));
        }
        bytes
    }

    #[test]
    fn an_embedded_manifest_wins_over_one_that_a_compiler_left_inside() {
        let before = component(&[("producers", b"x")], Some(b"nested"));
        assert_eq!(section(&before).unwrap(), Some(&b"nested"[..]));
        let after = with_section(&before, b"new").unwrap();
        assert_eq!(section(&after).unwrap(), Some(&b"new"[..]));
        assert!(wasmparser::validate(&after).is_ok());
    }

    #[test]
    fn embedding_again_replaces_and_leaves_other_sections() {
        let first = with_section(&component(&[("producers", b"x")], None), b"one").unwrap();
        let second = with_section(&first, b"two").unwrap();
        assert_eq!(second, with_section(&component(&[("producers", b"x")], None), b"two").unwrap());
        assert_eq!(with_section(&second, b"two").unwrap(), second);
        assert!(second.windows(9).any(|window| window == b"producers"));
    }

    #[test]
    fn a_component_that_breaks_off_is_refused() {
        let mut bytes = component(&[("producers", &[7; 300])], None);
        bytes.truncate(bytes.len() - 1);
        assert!(with_section(&bytes, b"x").is_err());
        assert!(section(&bytes).is_err());
        assert!(section(&COMPONENT_HEADER).unwrap().is_none());
    }

    #[test]
    fn lengths_are_leb128() {
        for (value, bytes) in [(0, &[0][..]), (127, &[127]), (128, &[0x80, 1]), (65_536, &[0x80, 0x80, 4])] {
            assert_eq!(length(value).unwrap(), bytes);
        }
    }

    #[test]
    fn only_components_are_accepted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.wasm");
        std::fs::write(&path, MODULE_HEADER).unwrap();
        let failure = read_component(&path).unwrap_err();
        assert!(failure.message.contains("core WebAssembly module") && failure.hints[0].contains("wasm32-wasip2"), "{failure:?}");
        std::fs::write(&path, "text").unwrap();
        assert!(read_component(&path).is_err());
        assert!(read_component(&folder.path().join("none.wasm")).unwrap_err().message.starts_with("there is no file"));
    }
}
