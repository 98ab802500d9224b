//! The tree that a scenario's text becomes, before anything in it has a type.
//!
//! Numbers and quantities stay text: what `10` means depends on the key it stands under, and the
//! typed reading knows that key.

use super::place::Place;

/// A value and the place that wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// What is written.
    pub value: Value,
    /// Where.
    pub place: Place,
}

/// What is written at a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Nothing, `null` or `~`.
    Null,
    /// A single value, still as text.
    Scalar {
        /// The text without quotes and escapes.
        text: String,
        /// Whether it was quoted.
        style: Style,
    },
    /// `file(...)`, with the first column of what it names.
    Column {
        /// The text that names the file.
        text: String,
        /// The values, still as text.
        cells: std::sync::Arc<Vec<String>>,
    },
    /// A list.
    List(Vec<Node>),
    /// A mapping in the order of writing; the reader has refused duplicate keys.
    Map(Vec<(Key, Node)>),
}

/// How a scalar was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Without quotes: `true` and `null` have their meaning.
    Plain,
    /// In quotes or as a block: always text.
    Quoted,
}

/// A mapping's key and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The key.
    pub name: String,
    /// Where it is written.
    pub place: Place,
}

impl Node {
    /// A plain scalar.
    #[must_use]
    pub fn scalar(text: impl Into<String>, place: Place) -> Self {
        Self { value: Value::Scalar { text: text.into(), style: Style::Plain }, place }
    }

    /// The text of a scalar.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } | Value::Column { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Whether nothing is written here.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.value == Value::Null
    }

    /// The value under a key of a mapping.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Node> {
        self.entries().iter().find(|(key, _)| key.name == name).map(|(_, node)| node)
    }

    /// A mapping's entries; none for anything else.
    #[must_use]
    pub fn entries(&self) -> &[(Key, Node)] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// A list's items; none for anything else.
    #[must_use]
    pub fn items(&self) -> &[Node] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// What the node is, for messages.
    #[must_use]
    pub fn what(&self) -> &'static str {
        match &self.value {
            Value::Null => "nothing",
            Value::Scalar { .. } | Value::Column { .. } => "a single value",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }

    /// The place of the bytes `start..end` of a scalar's text, so that a caret can point inside it.
    ///
    /// Where escapes or line folding make text and source differ, it is the whole scalar.
    #[must_use]
    pub fn place_within(&self, start: usize, end: usize) -> Place {
        let Value::Scalar { text, style } = &self.value else { return self.place };
        let quote = usize::from(*style == Style::Quoted);
        let (Some(before), Some(inner)) = (text.get(..start), text.get(start..end)) else {
            return self.place;
        };
        if self.place.end - self.place.start != text.len() + 2 * quote || text.contains('\n') {
            return self.place;
        }
        let begin = self.place.start + quote + before.len();
        Place {
            start: begin,
            end: begin + inner.len(),
            column: self.place.column + (quote + before.chars().count()) as u32,
            ..self.place
        }
    }
}
