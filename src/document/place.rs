//! Places in the texts that a scenario is made of.
//!
//! A scenario comes from several texts: its file, the files it extends, presets, and flags such as
//! `--set a.b=c`. Every value remembers which of them wrote it, so that a mistake found after
//! merging still points at the line, or the flag, to change.

/// One of the texts in [`Sources`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SourceId(u32);

impl SourceId {
    /// Whether this is the first text: the file that the user named.
    #[must_use]
    pub const fn is_first(self) -> bool {
        self.0 == 0
    }
}

/// A stretch of one text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Place {
    /// The text.
    pub source: SourceId,
    /// Offset of the first byte.
    pub start: usize,
    /// Offset just past the last byte.
    pub end: usize,
    /// Line of the first byte, from 1.
    pub line: u32,
    /// Column of the first byte in characters, from 1.
    pub column: u32,
}

/// One text and what the user knows it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// A file's name as the user wrote it, or what stands for a flag or a preset.
    pub name: String,
    /// The whole text.
    pub text: String,
}

/// All texts of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    texts: Vec<Source>,
}

impl Sources {
    /// No texts yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in a text under the name that messages show.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> SourceId {
        self.texts.push(Source { name: name.into(), text: text.into() });
        SourceId((self.texts.len() - 1) as u32)
    }

    /// The text behind an id; `None` for an id of other `Sources`.
    #[must_use]
    pub fn get(&self, id: SourceId) -> Option<&Source> {
        self.texts.get(id.0 as usize)
    }

    /// The place of the bytes `start..end` of a text, moved onto character boundaries within it.
    #[must_use]
    pub fn place(&self, source: SourceId, start: usize, end: usize) -> Place {
        let text = self.get(source).map_or("", |s| s.text.as_str());
        let start = floor_boundary(text, start);
        let end = floor_boundary(text, end).max(start);
        let before = &text[..start];
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        Place {
            source,
            start,
            end,
            line: before.bytes().filter(|b| *b == b'\n').count() as u32 + 1,
            column: before[line_start..].chars().count() as u32 + 1,
        }
    }

    /// The bytes of a place, empty where it lies outside its text.
    #[must_use]
    pub fn slice(&self, place: Place) -> &str {
        self.get(place.source).and_then(|s| s.text.get(place.start..place.end)).unwrap_or("")
    }
}

/// The nearest character boundary at or before `at`.
pub(super) fn floor_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let mut sources = Sources::new();
        let id = sources.add("a.yaml", "x: 1\ny: \"5m±10%\" z\n");
        let at = sources.get(id).map_or(0, |s| s.text.find('z').unwrap_or(0));
        let place = sources.place(id, at, at + 1);
        assert_eq!((place.line, place.column), (2, 13));
        assert_eq!(sources.slice(place), "z");
    }

    #[test]
    fn offsets_outside_the_text_are_pulled_in() {
        let mut sources = Sources::new();
        let id = sources.add("a.yaml", "±");
        assert_eq!(sources.place(id, 1, 99), Place { source: id, start: 0, end: 2, line: 1, column: 1 });
    }
}
