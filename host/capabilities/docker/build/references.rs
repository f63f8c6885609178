//! What instructions take from elsewhere, so that another project's image cannot be it; pure.
//!
//! `FROM`, `COPY --from` and `RUN --mount=from=` name images or stages; variables come from `ARG`s before the first
//! `FROM` and from the build's arguments. `# syntax=` names the image of a program that reads the rest, and could do
//! anything. `ADD` fetches addresses. What cannot be told for certain is an error that says where.

use std::collections::BTreeSet;

use super::super::limits;
use super::super::policy::image::Reference;
use super::lines::{self, Line};
use super::remote;
use super::variables::Variables;
use super::words::Instruction;

/// Seconds for newer BuildKits; what is no number they take for an image, or for something to be fetched.
const EPOCH: &str = "SOURCE_DATE_EPOCH";

/// Places of images that Podman knows beside registries.
const TRANSPORTS: [&str; 9] =
    ["containers-storage", "dir", "docker-archive", "docker-daemon", "oci", "oci-archive", "ostree", "sif", "tarball"];

/// What instructions refer to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct References {
    /// Images that a step begins with or copies from.
    pub(super) images: BTreeSet<String>,
    /// Those that a step begins with: what they put off to later builds is done.
    pub(super) bases: BTreeSet<Base>,
    /// Images of the instructions' own reader.
    pub(super) readers: BTreeSet<String>,
    /// What `ADD` fetches.
    pub(super) addresses: BTreeSet<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Base {
    pub(super) image: String,
    /// Without one it is the build's.
    pub(super) platform: Option<String>,
}

/// Who follows the instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading<'p> {
    /// It tells instructions the platforms of the engine and of the image.
    BuildKit {
        machine: &'p str,
        target: &'p str,
    },
    Classic,
    /// To it `Build` and `build` are two stages, and what a variable holds is never one.
    Podman,
}

/// Reads instructions. `arguments` are all that the builder is told.
pub(super) fn of(text: &str, arguments: &[(String, String)], reading: Reading<'_>) -> Result<References, String> {
    let mut readers: BTreeSet<String> = lines::readers(text).into_iter().collect();
    for (name, value) in arguments {
        match name.as_str() {
            "BUILDKIT_SYNTAX" => drop(readers.insert(value.trim().split(' ').next().unwrap_or_default().to_owned())),
            EPOCH if !is_number(value) => return Err(format!("the argument `{EPOCH}` is no number")),
            _ => {}
        }
    }
    let found = References { readers, ..References::default() };
    let platforms = match reading {
        Reading::BuildKit { machine, target } => Some((machine, target)),
        Reading::Classic | Reading::Podman => None,
    };
    let is_podman = reading == Reading::Podman;
    let mut reader = Reader { found, stages: Vec::new(), is_podman, variables: Variables::new(arguments, platforms) };
    for line in lines::instructions(text, platforms.is_some())? {
        reader.line(&line)?;
    }
    Ok(reader.found)
}

/// Reads what an image put off to builds that begin with it. It knows no stages: what it names is taken for images.
pub(super) fn of_trigger(text: &str) -> Result<References, String> {
    let found = of(text, &[], Reading::Classic)?;
    if found.bases.is_empty() && found.readers.is_empty() { Ok(found) } else { Err("it begins with an image".to_owned()) }
}

struct Reader {
    found: References,
    /// Names as they are written, empty without one.
    stages: Vec<String>,
    is_podman: bool,
    variables: Variables,
}

impl Reader {
    fn line(&mut self, line: &Line) -> Result<(), String> {
        let instruction = Instruction::new(line)?;
        match instruction.word.as_str() {
            "ARG" if self.stages.is_empty() => self.declare(&instruction)?,
            "FROM" => self.begin(&instruction)?,
            "COPY" => {
                for from in instruction.copied_from() {
                    match from.parse::<i32>() {
                        Ok(number) => self.number(&instruction, number)?,
                        Err(_) => self.take(&instruction, from)?,
                    }
                }
            }
            "RUN" => {
                for from in instruction.mounted_from()?.into_iter().filter(|from| from != "scratch") {
                    self.take(&instruction, &from)?;
                }
            }
            "ADD" => self.found.addresses.extend(remote::sources(&instruction)?),
            _ => {}
        }
        let counts = [self.stages.len(), self.found.images.len(), self.found.addresses.len()];
        match counts.iter().any(|count| *count > limits::BUILD_IMAGES) {
            true => Err(instruction.odd(&format!("more than {} stages, images or addresses", limits::BUILD_IMAGES))),
            false => Ok(()),
        }
    }

    fn declare(&mut self, arg: &Instruction) -> Result<(), String> {
        let pairs =
            pairs(&arg.rest).ok_or_else(|| arg.odd("write `ARG NAME=value`, without `\\` and `` ` ``; a comment is a line of its own"))?;
        self.variables.declare(&pairs).map_err(|what| arg.odd(&what))?;
        let is_epoch = pairs.iter().any(|(name, _)| name == EPOCH);
        let is_sure = || self.variables.expand(&format!("${EPOCH}")).is_ok_and(|value| is_number(&value));
        if is_epoch && !is_sure() { Err(arg.odd(&format!("`{EPOCH}` is no number"))) } else { Ok(()) }
    }

    fn begin(&mut self, from: &Instruction) -> Result<(), String> {
        let (image, name) = match from.plain_words()?.as_slice() {
            [image] => (*image, ""),
            [image, word, name] if word.eq_ignore_ascii_case("as") && is_stage(name) => (*image, *name),
            _ => return Err(from.odd("write `FROM image`, or `FROM image AS name`")),
        };
        let expanded = self.variables.expand(image);
        let expanded = expanded.map_err(|why| from.odd(&format!("the image `{image}` cannot be told: {why}")))?;
        if expanded.is_empty() {
            return Err(from.odd(&format!("the image's name is empty: `{image}`")));
        }
        let may_be_stage = !(self.is_podman && image.contains('$'));
        if expanded != "scratch" && !(self.is_stage(from, &expanded, self.stages.len())? && may_be_stage) {
            let platform = self.platform(from)?;
            self.found.bases.insert(Base { image: expanded.clone(), platform });
            self.image(from, expanded)?;
        }
        self.stages.push(name.to_owned());
        Ok(())
    }

    fn platform(&self, from: &Instruction) -> Result<Option<String>, String> {
        let Some((_, written)) = from.flags.iter().find(|(name, _)| name == "platform") else { return Ok(None) };
        let platform = self.variables.platform(written);
        platform.map(Some).map_err(|why| from.odd(&format!("the platform `{written}` cannot be told: {why}")))
    }

    /// That of a stage; of a later one Podman ends its service.
    fn number(&self, instruction: &Instruction, number: i32) -> Result<(), String> {
        let earlier = self.stages.len().saturating_sub(1);
        // Which stages a later build has is not known.
        let is_late = instruction.is_late || self.stages.is_empty();
        match usize::try_from(number).is_ok_and(|number| number < earlier || is_late) {
            true => Ok(()),
            false => Err(instruction.odd(&format!("there is no earlier stage of the number {number}"))),
        }
    }

    /// A stage or an image. To the classic builder a stage's own name is an image's.
    fn take(&mut self, instruction: &Instruction, from: &str) -> Result<(), String> {
        if from.contains('$') {
            return Err(instruction.odd(&format!("Docker puts nothing for `{from}`; name a stage: `FROM {from} AS name`")));
        }
        if from.is_empty() || self.is_stage(instruction, from, self.stages.len().saturating_sub(1))? {
            return Ok(());
        }
        self.image(instruction, from.to_owned())
    }

    fn is_stage(&self, instruction: &Instruction, name: &str, before: usize) -> Result<bool, String> {
        let mut named = self.stages.iter().take(before).filter(|stage| stage.eq_ignore_ascii_case(name));
        match named.clone().find(|stage| *stage != name) {
            Some(stage) if self.is_podman => {
                Err(instruction.odd(&format!("`{name}` is an image to Podman; write `{stage}` for the stage")))
            }
            _ => Ok(named.next().is_some()),
        }
    }

    fn image(&mut self, instruction: &Instruction, image: String) -> Result<(), String> {
        let hint = match image.bytes().all(|letter| letter.is_ascii_hexdigit()) {
            true => format!("; write `{image}:latest` where it is a name"),
            false => String::new(),
        };
        if !hint.is_empty() || image.starts_with("sha256:") {
            return Err(instruction.odd(&format!("`{image}` could be an image's id, which may be of any project{hint}")));
        }
        if TRANSPORTS.iter().any(|transport| image.strip_prefix(transport).is_some_and(|rest| rest.starts_with(':'))) {
            return Err(instruction.odd(&format!("`{image}` is no image of a registry")));
        }
        Reference::new(&image).map_err(|what| instruction.odd(&what))?;
        self.found.images.insert(image);
        Ok(())
    }
}

/// One that is written in one way only, and not too great for any builder.
fn is_number(text: &str) -> bool {
    text.len() <= 18 && text.bytes().all(|letter| letter.is_ascii_digit()) && (text == "0" || !text.starts_with('0'))
}

fn is_stage(name: &str) -> bool {
    let is_plain = |letter: u8| letter.is_ascii_alphanumeric() || matches!(letter, b'-' | b'_' | b'.');
    name.starts_with(|letter: char| letter.is_ascii_alphabetic()) && name.bytes().all(is_plain)
}

/// `A B=1 C="2 3"`: names, and what stands behind `=`.
fn pairs(text: &str) -> Option<Vec<(String, Option<String>)>> {
    let (mut words, mut quote) = (vec![String::new()], None);
    for letter in text.chars() {
        match (letter, quote) {
            ('\\' | '`', _) => return None,
            (' ' | '\t', None) => words.push(String::new()),
            (letter, _) => {
                quote = match quote {
                    None if letter == '"' || letter == '\'' => Some(letter),
                    Some(open) if open == letter => None,
                    quote => quote,
                };
                words.last_mut()?.push(letter);
            }
        }
    }
    let pair = |word: String| {
        let (name, value) = word.split_once('=').map_or((word.as_str(), None), |(name, value)| (name, Some(value.to_owned())));
        let is_plain = name.bytes().all(|letter| letter.is_ascii_alphanumeric() || letter == b'_');
        (is_plain && !name.is_empty()).then(|| (name.to_owned(), value))
    };
    if quote.is_some() { None } else { words.into_iter().filter(|word| !word.is_empty()).map(pair).collect() }
}

#[cfg(test)]
#[path = "references_tests.rs"]
mod tests;
