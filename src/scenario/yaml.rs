//! Reads YAML text into a tree that keeps the place of every key and value.
//!
//! A scenario may be somebody else's file, so what it can cost is bounded before anything is built:
//! bytes, nesting, and values with every alias counted as often as it is used (the "billion
//! laughs"). Numbers and dates get no type here. Tags are refused. `<<` copies entries as YAML 1.1
//! describes; the rest is YAML 1.2.2 (<https://yaml.org/spec/1.2.2/>). The rule that must hold:
//! whatever the bytes, reading ends with a tree, or with at least one finding, and never panics.

use std::collections::BTreeMap;

use granit_parser::{
    ErrorKind, Event, Options, Parser, ScalarStyle, ScanError, Span, StrInput, StructureStyle,
};

use crate::document::{Code, Diagnostic, Diagnostics, Key, Node, Place, SourceId, Sources, Style, Value};

/// The most bytes that one text may have.
pub const MAX_BYTES: usize = 1 << 20;
/// The deepest nesting of lists and mappings.
pub const MAX_DEPTH: usize = 64;
/// The most values in one text, aliases counted each time they are used.
pub const MAX_NODES: usize = 50_000;

/// The tree that a text writes.
///
/// `None` when there is no tree to go on with; a tree may come with findings as well, so that
/// later readings can look for more.
pub fn read(source: SourceId, sources: &Sources, found: &mut Diagnostics) -> Option<Node> {
    let text = sources.get(source).map_or("", |s| s.text.as_str());
    let node = read_part(source, text, 0, found)?;
    if node.is_null() {
        found.add(
            Code::EmptyDocument,
            sources.place(source, 0, 0),
            "there is nothing in this file",
            "`surgesim init` writes a starter",
        );
        return None;
    }
    Some(node)
}

/// Reads what follows the byte `from` of a text; nothing written there is a null.
pub(super) fn read_part(source: SourceId, text: &str, from: usize, found: &mut Diagnostics) -> Option<Node> {
    let part = text.get(from..)?;
    let index = Index::new(source, text);
    if part.len() > MAX_BYTES {
        found.add(
            Code::TooLarge,
            index.place(0, 0),
            format!("the text has {} bytes, the most is {MAX_BYTES}", part.len()),
            "keep traces and observed values in CSV files that the scenario names",
        );
        return None;
    }
    let mut options = Options::default();
    options.emit_unresolved_aliases = true;
    let mut reader = Reader {
        events: Parser::new_from_str_with_options(part, options),
        text,
        from,
        index,
        anchors: BTreeMap::new(),
        open: Vec::new(),
        nodes: 0,
        found,
    };
    reader.document().ok()
}

/// Reading cannot go on; the finding is already noted.
struct Stop;

/// A value that an alias can repeat, with what each use costs.
struct Anchored {
    node: Node,
    nodes: usize,
    height: usize,
}

struct Reader<'a> {
    events: Parser<'a, StrInput<'a>>,
    text: &'a str,
    from: usize,
    index: Index,
    anchors: BTreeMap<usize, Anchored>,
    /// Where each flow list or mapping around the current event begins.
    open: Vec<Place>,
    nodes: usize,
    found: &'a mut Diagnostics,
}

impl<'a> Reader<'a> {
    fn document(&mut self) -> Result<Node, Stop> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::DocumentStart(..) if root.is_some() => {
                    let place = self.place(span);
                    self.found.add(
                        Code::SeveralDocuments,
                        place,
                        "a second document begins here",
                        "designs to compare are `variants:`; other scenarios are other files",
                    );
                    return Err(Stop);
                }
                Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
                Event::StreamEnd => {
                    let place = self.place(span);
                    return Ok(root.unwrap_or(Node { value: Value::Null, place }));
                }
                event => root = Some(self.node(event, span, 1)?.node),
            }
        }
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), Stop> {
        match self.events.next() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => Err(self.refuse(&error)),
            None => {
                self.found.add(Code::YamlSyntax, None, "the text ends too early", "");
                Err(Stop)
            }
        }
    }

    /// The value that an event begins; `depth` counts the collections around it, itself included.
    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Anchored, Stop> {
        let place = self.place(span);
        self.refuse_tag(&event, span);
        let anchor = event.anchor_id().unwrap_or(0);
        self.count(1, place)?;
        let read = match event {
            Event::Scalar(text, style, ..) => {
                Anchored { node: scalar(text.into_owned(), style, self.trim(place)), nodes: 1, height: 0 }
            }
            Event::SequenceStart(style, ..) => self.list(style, place, depth)?,
            Event::MappingStart(style, ..) => self.map(style, place, depth)?,
            Event::Alias(id) => return self.alias(id, place, depth),
            Event::UnresolvedAlias(name) => {
                self.bad_alias(place, format!("nothing is marked `&{name}` before this"));
                Anchored { node: Node { value: Value::Null, place }, nodes: 1, height: 0 }
            }
            _ => {
                self.found.add(Code::YamlSyntax, place, "a value is missing here", "");
                return Err(Stop);
            }
        };
        if anchor != 0 {
            let copy = Anchored { node: read.node.clone(), nodes: read.nodes, height: read.height };
            self.anchors.insert(anchor, copy);
        }
        Ok(read)
    }

    fn alias(&mut self, id: usize, place: Place, depth: usize) -> Result<Anchored, Stop> {
        let Some(Anchored { nodes, height, .. }) = self.anchors.get(&id) else {
            self.bad_alias(place, "the alias stands inside the value that it repeats".to_owned());
            return Ok(Anchored { node: Node { value: Value::Null, place }, nodes: 1, height: 0 });
        };
        let (nodes, height) = (*nodes, *height);
        if height > 0 {
            self.enter(place, depth + height - 1)?;
        }
        self.count(nodes, place)?;
        let node = self.anchors.get(&id).map_or(Node { value: Value::Null, place }, |a| a.node.clone());
        Ok(Anchored { node, nodes, height })
    }

    fn list(&mut self, style: StructureStyle, start: Place, depth: usize) -> Result<Anchored, Stop> {
        self.enter(start, depth)?;
        if style == StructureStyle::Flow {
            self.open.push(start);
        }
        let (mut items, mut nodes, mut height, mut end) = (Vec::new(), 1, 0, start.end);
        loop {
            let (event, span) = self.next()?;
            if event == Event::SequenceEnd {
                break self.close(style, span, &mut end);
            }
            let written = self.place(span).end;
            let item = self.node(event, span, depth + 1)?;
            end = end.max(if item.node.place.start >= start.start { item.node.place.end } else { written });
            nodes += item.nodes;
            height = height.max(item.height);
            items.push(item.node);
        }
        let node = Node { value: Value::List(items), place: Place { end, ..start } };
        Ok(Anchored { node, nodes, height: height + 1 })
    }

    fn map(&mut self, style: StructureStyle, start: Place, depth: usize) -> Result<Anchored, Stop> {
        self.enter(start, depth)?;
        if style == StructureStyle::Flow {
            self.open.push(start);
        }
        let (mut entries, mut nodes, mut height, mut end) = (Vec::new(), 1, 0, start.end);
        let mut places: BTreeMap<String, Place> = BTreeMap::new();
        let mut merge = None;
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                break self.close(style, span, &mut end);
            }
            let key_place = self.place(span);
            let (key, merges) = self.key(event, span, depth)?;
            let (event, span) = self.next()?;
            let written = self.place(span).end;
            let value = self.node(event, span, depth + 1)?;
            let own = value.node.place.start >= key_place.start;
            end = end.max(key_place.end).max(if own { value.node.place.end } else { written });
            nodes += 1 + value.nodes;
            height = height.max(value.height);
            let Some(key) = key else { continue };
            if let Some(first) = places.get(&key.name) {
                self.found.push(
                    Diagnostic::new(
                        Code::DuplicateKey,
                        key.place,
                        format!("`{}` is written twice in this mapping", key.name),
                    )
                    .label(*first, "first here")
                    .help("put both into one entry, or delete one"),
                );
                continue;
            }
            places.insert(key.name.clone(), key.place);
            if merges {
                merge = Some((entries.len(), value.node));
            } else {
                entries.push((key, value.node));
            }
        }
        if let Some((at, from)) = merge {
            let merged = self.merged(from, &mut places);
            entries.splice(at..at, merged);
        }
        let node = Node { value: Value::Map(entries), place: Place { end, ..start } };
        Ok(Anchored { node, nodes, height: height + 1 })
    }

    /// The key that an event is, and whether it is a merge key; `None` for one that is no name.
    fn key(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<(Option<Key>, bool), Stop> {
        let place = self.place(span);
        let merges = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, ..) if text.as_ref() == "<<");
        let node = self.node(event, span, depth + 1)?.node;
        match node.value {
            Value::Scalar { text, .. } if !text.is_empty() => {
                let place = self.trim(place);
                Ok((Some(Key { name: text, place }), merges))
            }
            other => {
                let what = Node { value: other, place }.what();
                let what = if what == "a single value" { "an empty text" } else { what };
                self.found.add(
                    Code::BadKey,
                    place,
                    format!("the key of this entry is {what}"),
                    "a key is a name; quote one that begins with `[` or `{`",
                );
                Ok((None, false))
            }
        }
    }

    /// The entries that a merge key copies: those that the mapping does not write itself.
    fn merged(&mut self, from: Node, places: &mut BTreeMap<String, Place>) -> Vec<(Key, Node)> {
        let maps = match from.value {
            Value::List(items) => items,
            value => vec![Node { value, place: from.place }],
        };
        let mut merged = Vec::new();
        for Node { value, place } in maps {
            let Value::Map(entries) = value else {
                self.bad_alias(place, "`<<` copies the entries of a mapping, and this is none".to_owned());
                continue;
            };
            for (key, node) in entries {
                if !places.contains_key(&key.name) {
                    places.insert(key.name.clone(), key.place);
                    merged.push((key, node));
                }
            }
        }
        merged
    }

    fn enter(&mut self, place: Place, depth: usize) -> Result<(), Stop> {
        if depth <= MAX_DEPTH {
            return Ok(());
        }
        self.found.add(
            Code::TooDeep,
            place,
            format!("lists and mappings may be nested {MAX_DEPTH} deep"),
            "is a bracket or brace missing its end?",
        );
        Err(Stop)
    }

    fn close(&mut self, style: StructureStyle, span: Span, end: &mut usize) {
        if style == StructureStyle::Flow {
            self.open.pop();
            *end = (*end).max(self.place(span).end);
        }
    }

    fn count(&mut self, more: usize, place: Place) -> Result<(), Stop> {
        self.nodes += more;
        if self.nodes <= MAX_NODES {
            return Ok(());
        }
        self.found.add(
            Code::TooLarge,
            place,
            format!("the text has more than {MAX_NODES} values, aliases counted each time they are used"),
            "keep traces and observed values in CSV files that the scenario names",
        );
        Err(Stop)
    }

    fn bad_alias(&mut self, place: Place, message: String) {
        self.found.add(
            Code::BadAlias,
            place,
            message,
            "mark a value with `&name`, and repeat it further down with `*name`",
        );
    }

    fn refuse_tag(&mut self, event: &Event<'a>, span: Span) {
        if event.tag().is_none() {
            return;
        }
        let place = self.place(span.tag_span().unwrap_or(span));
        self.found.add(
            Code::BadAlias,
            place,
            "tags have no meaning here",
            "leave the tag out; put the value in quotes if it must stay text",
        );
    }

    fn place(&self, span: Span) -> Place {
        let range = span.byte_range().unwrap_or(0..0);
        self.index.place_in(self.text, self.from + range.start, self.from + range.end)
    }

    /// The place without the white space that a plain or block scalar's span may end with.
    fn trim(&self, place: Place) -> Place {
        let written = self.text.get(place.start..place.end).unwrap_or("");
        Place { end: place.start + written.trim_end().len(), ..place }
    }

    /// `kind:service` is one word to YAML, which stumbles only over the line after it.
    fn missing_space(&self, kind: &ErrorKind, at: usize) -> Option<Diagnostic> {
        use ErrorKind as K;
        let stumbled = matches!(
            kind,
            K::MappingValueNotAllowed
                | K::InvalidColonPlacement
                | K::SimpleKeyExpected
                | K::InvalidSimpleKey
                | K::ExpectedBlockMappingKey
        );
        if !stumbled || !self.open.is_empty() {
            return None;
        }
        let line_start = self.text.get(..at)?.rfind('\n')?;
        let before = self.text.get(..line_start)?.trim_end();
        let start = before.rfind('\n').map_or(0, |i| i + 1);
        let line = before.get(start..)?;
        let (key, value) = line.split_once(':')?;
        let word = key.trim_start_matches(['-', ' ']);
        let plain = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
        if word.is_empty() || !plain(word) || value.is_empty() || !plain(value) {
            return None;
        }
        let colon = start + key.len();
        let place = self.index.place_in(self.text, colon, colon + 1);
        Some(
            Diagnostic::new(Code::YamlSyntax, place, "a space is missing after this colon")
                .help(format!("write `{word}: {value}`")),
        )
    }

    /// Turns the parser's error into a finding that says what to do.
    fn refuse(&mut self, error: &ScanError) -> Stop {
        let mut at = self.from + error.marker().byte_offset().unwrap_or(0);
        // The parser notices some tabs only after them; the finding points at the tab itself.
        if is_tab(error.kind()) && self.text.get(..at).is_some_and(|before| before.ends_with('\t')) {
            at -= 1;
        }
        if let Some(finding) = self.missing_space(error.kind(), at) {
            self.found.push(finding);
            return Stop;
        }
        let next = self.text.get(at..).and_then(|rest| rest.chars().next());
        let place = self.index.place_in(self.text, at, at + next.map_or(0, char::len_utf8));
        let (code, message, help) = explain(error.kind(), next, !self.open.is_empty());
        let mut finding = Diagnostic::new(code, place, message).help(help);
        if let (true, Some(open)) = (code != Code::TooDeep, self.open.last()) {
            finding = finding.label(*open, "inside what is opened here");
        }
        self.found.push(finding);
        Stop
    }
}

/// A scalar as it is meant: `null`, `~` and nothing are a null unless quoted (YAML core schema).
fn scalar(text: String, style: ScalarStyle, place: Place) -> Node {
    let plain = style == ScalarStyle::Plain;
    if plain && matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL") {
        return Node { value: Value::Null, place };
    }
    let style = if plain { Style::Plain } else { Style::Quoted };
    Node { value: Value::Scalar { text, style }, place }
}

/// Whether the parser blames a tab.
fn is_tab(kind: &ErrorKind) -> bool {
    use ErrorKind as K;
    matches!(
        kind,
        K::TabNotAllowed
            | K::TabInBlockIndentation
            | K::TabInIndentation
            | K::TabAtBlockScalarStart
            | K::TabInPlainScalar
    )
}

/// What an error of the parser is called here, and what to do about it.
fn explain(kind: &ErrorKind, next: Option<char>, in_brackets: bool) -> (Code, String, &'static str) {
    use ErrorKind as K;
    let opener = matches!(next, Some('{' | '['));
    let (code, message, help) = match kind {
        K::RecursionLimitExceeded => {
            (Code::TooDeep, "the nesting is too deep", "is a bracket or brace missing its end?")
        }
        K::ExpectedFlowMappingSeparator | K::ExpectedFlowSequenceSeparator if opener => (
            Code::CutByYaml,
            "inside `{ }` and `[ ]` a value ends at a bracket",
            "put the whole value in quotes: `\"GET /v1/users/{id}\"`",
        ),
        kind if is_tab(kind) || next == Some('\t') => {
            (Code::YamlSyntax, "a tab stands where YAML allows spaces only", "replace the tab by spaces")
        }
        K::UnclosedQuotedScalar => {
            (Code::YamlSyntax, "a quote is never closed", "close the text with the quote that begins it")
        }
        K::UnexpectedEofFlowSequence
        | K::UnexpectedEofFlowMapping
        | K::UnexpectedEofImplicitFlowMapping
        | K::UnclosedFlowCollection { .. } => {
            (Code::YamlSyntax, "a bracket or brace is never closed", "add the missing `]` or `}`")
        }
        K::MismatchedFlowCollectionEnd { open, close } => {
            let message = format!("what `{open}` opens is closed by `{close}`");
            return (
                Code::YamlSyntax,
                message,
                "close `[` with `]` and `{` with `}`, in the order of opening",
            );
        }
        K::MisplacedFlowCollectionEnd => (
            Code::YamlSyntax,
            "this bracket closes nothing that is open",
            "close `[` with `]` and `{` with `}`, in the order of opening",
        ),
        K::ExpectedFlowMappingSeparator | K::ExpectedFlowSequenceSeparator => (
            Code::YamlSyntax,
            "a comma or a closing bracket is missing before this",
            "separate entries by commas, and close what is open",
        ),
        K::MappingValueNotAllowed | K::InvalidColonPlacement if in_brackets => (
            Code::YamlSyntax,
            "an entry begins where none can stand",
            "close the bracket or brace before it, or quote a value that contains `: `",
        ),
        K::MappingValueNotAllowed | K::InvalidColonPlacement => (
            Code::YamlSyntax,
            "a second `: ` begins a mapping where none can stand",
            "put a value that contains `: ` in quotes, or begin a new line",
        ),
        K::SimpleKeyExpected | K::InvalidSimpleKey => (
            Code::YamlSyntax,
            "a key with its colon is missing here",
            "write `key: value`, with a space after the colon, aligned with the entries above",
        ),
        K::ExpectedBlockMappingKey
        | K::ExpectedBlockSequenceEntry
        | K::BlockSequenceEntryNotAllowed
        | K::InvalidIndentation
        | K::InvalidFlowScalarIndent
        | K::InvalidQuotedScalarIndent
        | K::InvalidBlockScalarIndent
        | K::MappingKeyNotAllowed => (
            Code::YamlSyntax,
            "the line is not indented like its neighbours",
            "align the entries of a list or mapping, with spaces",
        ),
        K::UnexpectedCharacter { .. } | K::PlainScalarStartsWithDashFlowIndicator => {
            (Code::YamlSyntax, "a value cannot begin with this character", "put the value in quotes")
        }
        other => {
            return (Code::YamlSyntax, other.to_string(), "put values with special characters in quotes");
        }
    };
    (code, message.to_owned(), help)
}

/// Lines and columns at regular steps through a text, so that a place costs the same everywhere,
/// also in a text of one long line.
struct Index {
    source: SourceId,
    steps: Vec<(u32, u32)>,
}

impl Index {
    const STEP: usize = 32;

    fn new(source: SourceId, text: &str) -> Self {
        let mut at = (1, 1);
        let mut steps = Vec::with_capacity(text.len() / Self::STEP + 1);
        for chunk in text.as_bytes().chunks(Self::STEP) {
            steps.push(at);
            at = advance(at, chunk);
        }
        steps.push(at);
        Self { source, steps }
    }

    fn place(&self, start: usize, end: usize) -> Place {
        Place { source: self.source, start, end, line: 1, column: 1 }
    }

    fn place_in(&self, text: &str, start: usize, end: usize) -> Place {
        let start = start.min(text.len());
        let step = start / Self::STEP;
        let from = self.steps.get(step).copied().unwrap_or((1, 1));
        let (line, column) = advance(from, &text.as_bytes()[step * Self::STEP..start]);
        Place { source: self.source, start, end: end.clamp(start, text.len()), line, column }
    }
}

/// The line and column after some bytes; columns count characters.
fn advance(from: (u32, u32), bytes: &[u8]) -> (u32, u32) {
    bytes.iter().fold(from, |(line, column), byte| match byte {
        b'\n' => (line + 1, 1),
        0x80..=0xBF => (line, column),
        _ => (line, column + 1),
    })
}

#[cfg(test)]
#[path = "yaml_tests.rs"]
mod tests;
