//! Reads a command's manifest while the command is compiled: a mistake in `command.toml` is a compile error,
//! and `--help` needs no TOML at run time.

use std::collections::BTreeMap;
use std::path::Path;

use proc_macro::TokenStream;
use serde::Deserialize;

/// The keys of a manifest, as the host knows them. What an ask may hold is checked by the host alone.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Manifest {
    about: String,
    usage: Option<String>,
    effect: Option<Effect>,
    #[serde(default)]
    options: Vec<String>,
    #[serde(default)]
    examples: Vec<Example>,
    #[serde(default)]
    exit_codes: BTreeMap<String, String>,
    #[serde(default)]
    #[expect(dead_code, reason = "read so that it is a known key")]
    asks: Vec<toml::Table>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Effect {
    Read,
    Change,
    Destroy,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Example {
    run: String,
    about: String,
}

/// `manifest!("command.toml")`: the file, beside the calling crate's Cargo.toml, as a `Manifest` literal.
#[proc_macro]
pub fn manifest(input: TokenStream) -> TokenStream {
    let code = match read(&input.to_string()) {
        Ok(manifest) => literal(&manifest),
        Err(message) => format!("compile_error!({message:?})"),
    };
    code.parse().unwrap_or_default()
}

fn read(input: &str) -> Result<Manifest, String> {
    let name = input.trim().trim_matches('"');
    let folder = std::env::var("CARGO_MANIFEST_DIR").map_err(|_| "cargo did not say which crate this is".to_owned())?;
    let path = Path::new(&folder).join(name);
    let text = std::fs::read_to_string(&path).map_err(|error| format!("failed to read `{}`: {error}", path.display()))?;
    let manifest: Manifest = toml::from_str(&text).map_err(|error| format!("{name}: {error}"))?;
    if manifest.about.is_empty() || manifest.about.contains('\n') {
        return Err(format!("{name}: `about` is one line of text"));
    }
    if manifest.effect.is_none() {
        return Err(format!("{name}: `effect` is missing: the worst the command can do, `read`, `change` or `destroy`"));
    }
    if let Some(code) = manifest.exit_codes.keys().find(|code| code.parse::<u8>().is_err()) {
        return Err(format!("{name}: `{code}` is no exit code: they are numbers from 0 to 255"));
    }
    Ok(manifest)
}

fn literal(manifest: &Manifest) -> String {
    let effect = match manifest.effect {
        Some(Effect::Destroy) => "destroy",
        Some(Effect::Change) => "change",
        Some(Effect::Read) | None => "read",
    };
    let examples: String = manifest.examples.iter().map(|example| format!("({:?}, {:?}),", example.run, example.about)).collect();
    let codes: String = manifest.exit_codes.iter().map(|(code, about)| format!("({code}, {about:?}),")).collect();
    format!(
        "Manifest {{ about: {:?}, usage: {:?}, effect: {effect:?}, options: &{:?}, examples: &[{examples}], exit_codes: &[{codes}] }}",
        manifest.about, manifest.usage, manifest.options,
    )
}
