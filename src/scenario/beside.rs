//! Files that a scenario names: traces, replays, observed values, keys.
//!
//! Rule: a name is relative to the folder of the file that holds it, and never leads out of the
//! folder of the scenario itself. What `file(...)` names is read before the typed reading begins, so
//! that a distribution can be read from its node alone.

use std::sync::Arc;

use super::reading::Files;
use crate::document::{Code, Diagnostics, Node, Place, Sources, Value};

/// Values of one file at most: half a gigabyte of them would not fit beside a simulation.
const MOST_CELLS: usize = 5_000_000;

/// The files beside the texts that name them.
#[derive(Clone, Copy)]
pub struct Beside<'a> {
    files: &'a dyn Files,
    sources: &'a Sources,
}

impl<'a> Beside<'a> {
    /// Files reached through `files`, named by the texts in `sources`.
    #[must_use]
    pub fn new(files: &'a dyn Files, sources: &'a Sources) -> Self {
        Self { files, sources }
    }

    /// Whether a preset wrote what stands there.
    pub(super) fn is_of_a_preset(&self, place: Place) -> bool {
        self.sources.get(place.source).is_some_and(|source| source.name.starts_with("preset "))
    }

    /// The folder of the text that wrote `node`, relative to the scenario's own.
    fn folder(&self, node: &Node) -> &str {
        if node.place.source.is_first() {
            return "";
        }
        let name = self.sources.get(node.place.source).map_or("", |source| source.name.as_str());
        if name.starts_with("--") {
            return "";
        }
        name.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// The text of the file that `node`, which says `name`, stands for.
    pub(super) fn read(&self, node: &Node, name: &str, found: &mut Diagnostics) -> Option<String> {
        match super::merge::read_from(self.folder(node), name, self.files) {
            Ok((_, text)) => Some(text),
            Err((code, why)) => {
                found.add(
                    code,
                    node.place,
                    why,
                    "names are relative to the folder of the file that holds them",
                );
                None
            }
        }
    }

    /// The tree with the cells of every `file(...)` attached to the node that names it.
    pub(super) fn attach(&self, mut node: Node, found: &mut Diagnostics) -> Node {
        match &mut node.value {
            Value::Scalar { text, .. } => {
                let name = text.trim().strip_prefix("file(").and_then(|rest| rest.strip_suffix(')'));
                if let Some(name) = name.map(|name| name.trim().to_owned())
                    && !name.is_empty()
                    && let Some(cells) = self.column(&node, &name, found)
                    && let Value::Scalar { text, .. } = node.value
                {
                    node.value = Value::Column { text, cells: Arc::new(cells) };
                }
            }
            Value::List(items) => {
                *items = std::mem::take(items).into_iter().map(|item| self.attach(item, found)).collect();
            }
            Value::Map(entries) => {
                let all = std::mem::take(entries).into_iter();
                *entries = all.map(|(key, value)| (key, self.attach(value, found))).collect();
            }
            Value::Null | Value::Column { .. } => {}
        }
        node
    }

    /// The first column of a CSV file; a first line that is no value is its header.
    pub(super) fn column(&self, node: &Node, name: &str, found: &mut Diagnostics) -> Option<Vec<String>> {
        let text = self.read(node, name, found)?;
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .comment(Some(b'#'))
            .trim(csv::Trim::All)
            .from_reader(text.as_bytes());
        let mut cells = Vec::new();
        for record in reader.records() {
            let cell = record.ok().and_then(|record| record.get(0).map(str::to_owned)).unwrap_or_default();
            if cells.len() == MOST_CELLS {
                found.add(
                    Code::TooLarge,
                    node.place,
                    format!("`{name}` has more than 5 M values"),
                    "thin it out",
                );
                return None;
            }
            cells.push(cell);
        }
        if cells.first().is_some_and(|cell| !cell.starts_with(|c: char| c.is_ascii_digit() || c == '.')) {
            cells.remove(0);
        }
        if cells.is_empty() {
            found.add(
                Code::UnreadableFile,
                node.place,
                format!("`{name}` holds no values"),
                "one value a line",
            );
            return None;
        }
        Some(cells)
    }
}
