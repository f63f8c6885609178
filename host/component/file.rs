//! Reads one `.wasm` file: what it is, its digest, its imports and its manifest. Nothing is compiled or run.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use wasmparser::{ComponentExternalKind, Parser, Payload};

use super::kind::Kind;
use super::limits;
use crate::grants::Powers;
use crate::grants::manifest::{MANIFEST_SECTION, Manifest};
use crate::outcome::{Failure, Result};

/// What a component must export to be a command.
const RUN_EXPORT: &str = "wasi:cli/run@0.2.";

/// A component as it lies in a file.
pub struct ComponentFile {
    pub path: PathBuf,
    pub bytes: Vec<u8>,
    /// Names of what it imports, at the top level: `host:sql/read@0.1.0`.
    pub imports: BTreeSet<String>,
    pub exports: BTreeSet<String>,
    /// None when the component carries none.
    pub manifest: Option<Manifest>,
}

impl ComponentFile {
    /// `sha256:` and 64 hexadecimal digits over the whole file.
    pub fn digest(&self) -> String {
        format!("sha256:{}", hex::encode(Sha256::digest(&self.bytes)))
    }

    /// Whether it can be run: it exports `wasi:cli/run` of WASI 0.2.
    pub fn is_command(&self) -> bool {
        self.exports.iter().any(|name| name.starts_with(RUN_EXPORT))
    }

    /// The powers whose interfaces it imports.
    pub fn powers(&self) -> Powers {
        Powers::of_imports(&self.imports)
    }
}

/// Reads and checks the file at `path`.
///
/// # Errors
///
/// The file cannot be read, is larger than [`limits::FILE_BYTES`], is no component, is damaged, or its
/// manifest is not valid. Each message names the file.
pub fn read(path: &Path) -> Result<ComponentFile> {
    let bytes = read_bounded(path)?;
    if let Some((wrong, cure)) = Kind::of(&bytes).complaint() {
        return Err(Failure::usage(format!("`{}` {wrong}", path.display())).hint(cure));
    }
    let outline = outline(&bytes).map_err(|error| {
        Failure::usage(format!("`{}` is damaged: {error:#}", path.display()))
            .hint("build or copy it again; `host inspect` shows what can be read")
    })?;
    let manifest = match outline.manifest {
        None => None,
        Some(text) => Some(Manifest::parse(text, &format!("{}[{MANIFEST_SECTION}]", path.display()))?),
    };
    let (imports, exports) = (outline.imports, outline.exports);
    Ok(ComponentFile { path: path.to_owned(), bytes, imports, exports, manifest })
}

fn read_bounded(path: &Path) -> Result<Vec<u8>> {
    let failed = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => Failure::usage(format!("there is no file `{}`", path.display())),
        _ => Failure::usage(format!("failed to read `{}`: {error}", path.display())),
    };
    let mut file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(Failure::usage(format!("`{}` is not a file", path.display())));
    }
    if metadata.len() > limits::FILE_BYTES {
        let (size, bound) = (metadata.len().div_ceil(1 << 20), limits::FILE_BYTES >> 20);
        return Err(Failure::usage(format!("`{}` has {size} MiB, more than the limit of {bound} MiB", path.display()))
            .hint("strip it of debug information, or split it"));
    }
    // One read of exactly what is there; a file that is written meanwhile fails here or as damaged.
    let mut bytes = vec![0; usize::try_from(metadata.len()).unwrap_or_default()];
    file.read_exact(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

struct Outline<'a> {
    imports: BTreeSet<String>,
    exports: BTreeSet<String>,
    manifest: Option<&'a [u8]>,
}

/// Walks the sections. Imports and exports count at the top level only; a manifest may sit in a nested
/// module, where compilers put `link_section` statics.
fn outline(bytes: &[u8]) -> anyhow::Result<Outline<'_>> {
    let mut outline = Outline { imports: BTreeSet::new(), exports: BTreeSet::new(), manifest: None };
    let mut parents: Vec<Parser> = Vec::new();
    let mut parser = Parser::new(0);
    let mut rest = bytes;
    loop {
        let (consumed, payload) = match parser.parse(rest, true)? {
            wasmparser::Chunk::Parsed { consumed, payload } => (consumed, payload),
            wasmparser::Chunk::NeedMoreData(_) => anyhow::bail!("unexpected end of the file"),
        };
        rest = rest.get(consumed..).unwrap_or_default();
        match payload {
            Payload::ModuleSection { parser: inner, .. } | Payload::ComponentSection { parser: inner, .. } => {
                parents.push(std::mem::replace(&mut parser, inner));
            }
            Payload::CodeSectionStart { size, .. } => {
                parser.skip_section();
                rest = rest.get(usize::try_from(size)?..).ok_or_else(|| anyhow::anyhow!("unexpected end of the file"))?;
            }
            Payload::ComponentImportSection(section) if parents.is_empty() => {
                for import in section {
                    outline.imports.insert(import?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if parents.is_empty() => {
                for export in section {
                    let export = export?;
                    if export.kind == ComponentExternalKind::Instance {
                        outline.exports.insert(export.name.name.to_owned());
                    }
                }
            }
            Payload::CustomSection(section) if section.name() == MANIFEST_SECTION && outline.manifest.is_none() => {
                outline.manifest = Some(section.data());
            }
            Payload::End(_) => match parents.pop() {
                Some(parent) => parser = parent,
                None => return Ok(outline),
            },
            _ => {}
        }
    }
}
