//! From bytes to trees of nodes: anchors and aliases resolved, `<<` merged, duplicate keys refused.
//!
//! Bounded: [`MAX_BYTES`] of a file, [`MAX_NODES`] of a document with its aliases expanded, [`MAX_DEPTH`] of nesting.

use std::collections::HashMap;
use std::sync::Arc;

use granit_parser::{Event, Parser, ScalarStyle, Span, StrInput, Tag as YamlTag};
use indexmap::map::Entry as Slot;

use crate::error::{Error, Place};
use crate::node::{Entry, Map, Node, Tag, Value};
use crate::number;

/// The largest Compose files are some hundred kilobytes.
pub(crate) const MAX_BYTES: usize = 4 << 20;
/// As many as Compose visits.
pub(crate) const MAX_NODES: usize = 100_000;
/// Compose's own keys need ten.
pub(crate) const MAX_DEPTH: usize = 64;

/// All documents of a file.
pub(crate) fn parse(file: &Arc<str>, bytes: &[u8]) -> Result<Vec<Node>, Error> {
    let start = Place::new(file, 1, 1);
    if bytes.len() > MAX_BYTES {
        return Err(Error::new(format!("larger than {} MiB", MAX_BYTES >> 20)).at(&start));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = bytes.iter().take(error.valid_up_to()).filter(|byte| **byte == b'\n').count() + 1;
        Error::new("not UTF-8").at(&Place::new(file, line, 1))
    })?;
    let options = granit_parser::options! { emit_comments: false, block_nesting_limit: MAX_DEPTH * 2, flow_nesting_limit: MAX_DEPTH * 2 };
    let parser = Parser::new_from_str_with_options(text.trim_start_matches('\u{feff}'), options);
    Builder { parser, file: Arc::clone(file), anchors: HashMap::new(), left: MAX_NODES }.documents()
}

struct Builder<'a> {
    parser: Parser<'a, StrInput<'a>>,
    file: Arc<str>,
    anchors: HashMap<usize, Anchored>,
    /// How many more nodes this document may have.
    left: usize,
}

/// What an anchor stands for, of how many nodes that is, and how deep.
struct Anchored {
    node: Node,
    size: usize,
    height: usize,
}

fn height(node: &Node) -> usize {
    let children = match &node.value {
        Value::List(nodes) => nodes.iter().map(height).max(),
        Value::Map(map) => map.values().map(|entry| height(&entry.node)).max(),
        _ => None,
    };
    children.map_or(0, |below| below + 1)
}

impl<'a> Builder<'a> {
    fn documents(mut self) -> Result<Vec<Node>, Error> {
        let mut documents = Vec::new();
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(documents),
                Event::StreamStart | Event::DocumentEnd => {}
                Event::DocumentStart(..) => {
                    self.anchors.clear();
                    self.left = MAX_NODES;
                }
                event => documents.push(self.node(event, span, 0)?),
            }
        }
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), Error> {
        match self.parser.next_event() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => {
                let place = Place::new(&self.file, error.marker().line(), error.marker().col() + 1);
                Err(Error::new(error.info()).at(&place))
            }
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn place(&self, span: &Span) -> Place {
        let start = span.tag_start().unwrap_or(span.start);
        Place::new(&self.file, start.line(), start.col() + 1)
    }

    fn spend(&mut self, nodes: usize, place: &Place) -> Result<(), Error> {
        self.left = self.left.checked_sub(nodes).ok_or_else(|| {
            Error::new(format!("more than {MAX_NODES} nodes, aliases expanded"))
                .at(place)
                .hint("an alias of an alias of an alias grows fast: write less of them")
        })?;
        Ok(())
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, Error> {
        let place = self.place(&span);
        if depth > MAX_DEPTH {
            return Err(too_deep(&place));
        }
        let before = self.left;
        self.spend(1, &place)?;
        let (anchor, node) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain;
                let (tag, value) = scalar(&text, plain, tag.as_deref(), &place)?;
                (anchor, Node { place, tag, value })
            }
            Event::SequenceStart(_, anchor, tag) => {
                let tag = collection_tag(tag.as_deref(), "seq", &place)?;
                (anchor, Node { value: Value::List(self.list(depth)?), tag, place })
            }
            Event::MappingStart(_, anchor, tag) => {
                let tag = collection_tag(tag.as_deref(), "map", &place)?;
                (anchor, Node { value: Value::Map(self.mapping(depth)?), tag, place })
            }
            Event::Alias(anchor) => return self.alias(anchor, &place, depth),
            _ => return Err(Error::new("unexpected end of the document").at(&place)),
        };
        if anchor != 0 {
            self.anchors.insert(anchor, Anchored { height: height(&node), size: before - self.left, node: node.clone() });
        }
        Ok(node)
    }

    /// A copy, counted before it is made.
    fn alias(&mut self, anchor: usize, place: &Place, depth: usize) -> Result<Node, Error> {
        let inside = || Error::new("this alias is inside of what it stands for").at(place);
        let (size, height) = self.anchors.get(&anchor).map(|anchored| (anchored.size, anchored.height)).ok_or_else(inside)?;
        if depth + height > MAX_DEPTH {
            return Err(too_deep(place));
        }
        self.spend(size, place)?;
        self.anchors.get(&anchor).map(|anchored| anchored.node.clone()).ok_or_else(inside)
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Node>, Error> {
        let mut nodes = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(nodes),
                (event, span) => nodes.push(self.node(event, span, depth + 1)?),
            }
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Map, Error> {
        let mut map = Map::new();
        let mut merged: Option<Node> = None;
        loop {
            let (event, span) = self.next()?;
            let merges = match &event {
                Event::MappingEnd => break,
                Event::Scalar(text, ScalarStyle::Plain, ..) => text == "<<",
                _ => false,
            };
            let key_place = self.place(&span);
            let key = self.node(event, span, depth + 1)?;
            let (event, span) = self.next()?;
            let node = self.node(event, span, depth + 1)?;
            if merges {
                if merged.replace(node).is_some() {
                    return Err(Error::new("`<<` stands here twice")
                        .at(&key_place)
                        .hint("merge several with a list: `<<: [*first, *second]`"));
                }
                continue;
            }
            let name = match &key.value {
                Value::Text(text) | Value::Int(_, text) | Value::Float(_, text) => text.clone(),
                Value::Bool(value) => value.to_string(),
                Value::Null => "null".to_owned(),
                Value::List(_) | Value::Map(_) => {
                    return Err(Error::new(format!("a key must be a word, not {}", key.kind())).at(&key_place));
                }
            };
            match map.entry(name) {
                Slot::Occupied(slot) => {
                    return Err(Error::new(format!("the key `{}` stands here twice, first in line {}", slot.key(), slot.get().place.line))
                        .at(&key_place));
                }
                Slot::Vacant(slot) => slot.insert(Entry { place: key_place, node }),
            };
        }
        merge_keys(&mut map, merged)?;
        Ok(map)
    }
}

fn too_deep(place: &Place) -> Error {
    Error::new(format!("nested deeper than {MAX_DEPTH} levels")).at(place)
}

/// Adds what `<<` names: keys written out win, then earlier maps over later ones.
fn merge_keys(map: &mut Map, merged: Option<Node>) -> Result<(), Error> {
    let Some(node) = merged else { return Ok(()) };
    let sources = match node.value {
        Value::List(nodes) => nodes,
        _ => vec![node],
    };
    for source in sources {
        let Value::Map(entries) = source.value else {
            return Err(Error::new(format!("`<<` merges a map or a list of maps, not {}", source.kind())).at(&source.place));
        };
        for (key, entry) in entries {
            map.entry(key).or_insert(entry);
        }
    }
    Ok(())
}

fn scalar(text: &str, plain: bool, tag: Option<&YamlTag>, place: &Place) -> Result<(Tag, Value), Error> {
    let resolved = || if plain { number::resolve(text) } else { Value::Text(text.to_owned()) };
    let Some(tag) = tag else { return Ok((Tag::None, resolved())) };
    let value = match (tag.core_suffix(), compose_tag(tag)) {
        (Some("str"), _) => Value::Text(text.to_owned()),
        (Some(_), _) => number::resolve(text),
        (None, Some(tag)) => return Ok((tag, resolved())),
        // `!` alone: a string. `!!merge`: what some programs write before `<<`.
        (None, None) if tag.suffix().is_empty() || (tag.suffix() == "merge" && text == "<<") => Value::Text(text.to_owned()),
        (None, None) => return Err(unknown_tag(tag, place)),
    };
    Ok((Tag::None, value))
}

fn collection_tag(tag: Option<&YamlTag>, kind: &str, place: &Place) -> Result<Tag, Error> {
    match tag {
        None => Ok(Tag::None),
        Some(tag) if tag.is_yaml_core_schema_tag(kind) || tag.suffix().is_empty() => Ok(Tag::None),
        Some(tag) => compose_tag(tag).ok_or_else(|| unknown_tag(tag, place)),
    }
}

fn compose_tag(tag: &YamlTag) -> Option<Tag> {
    match tag.parts() {
        ("!", "reset") => Some(Tag::Reset),
        ("!", "override") => Some(Tag::Override),
        _ => None,
    }
}

fn unknown_tag(tag: &YamlTag, place: &Place) -> Error {
    Error::new(format!("the tag `{}` is not one of Compose's", tag.original())).at(place).hint("Compose knows `!reset` and `!override`")
}
