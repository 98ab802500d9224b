//! Tables of the terminal report: numbers to the right, lines of letters to the left.
//!
//! Borders are plain ASCII unless the report goes to a terminal. What comes from a file or a scenario is
//! stripped of control characters, for a name must not be able to drive the reader's terminal.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

/// A table under construction; its first `left` columns are words, the others numbers.
pub(super) struct Rows {
    table: Table,
    left: usize,
}

impl Rows {
    /// With a header; `lines` for borders that need more than ASCII.
    pub(super) fn new(header: &[&str], left: usize, lines: bool) -> Self {
        let mut table = Table::new();
        table.load_style(if lines { presets::UTF8_FULL_CONDENSED } else { presets::ASCII_FULL_CONDENSED });
        table.set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(header.iter().map(|cell| clean(cell)).collect::<Vec<String>>());
        Self { table, left }
    }

    /// One more row.
    pub(super) fn push(&mut self, cells: &[String]) {
        self.table.add_row(cells.iter().map(|cell| clean(cell)).collect::<Vec<String>>());
    }

    /// Whether there is any row below the header.
    pub(super) fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// The table, each line ended.
    pub(super) fn text(mut self) -> String {
        let left = self.left;
        for (i, column) in self.table.column_iter_mut().enumerate() {
            column.set_cell_alignment(if i < left { CellAlignment::Left } else { CellAlignment::Right });
        }
        let mut text = self.table.trim_fmt();
        text.push('\n');
        text
    }
}

/// `text` with every control character, and those that turn the direction of writing, as `?`.
pub(super) fn clean(text: &str) -> String {
    let steers =
        |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().map(|c| if c.is_control() || steers(c) { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::{Rows, clean};

    #[test]
    fn numbers_stand_to_the_right_in_plain_borders() {
        let mut rows = Rows::new(&["who", "requests"], 1, false);
        rows.push(&["app".to_owned(), "7".to_owned()]);
        rows.push(&["db".to_owned(), "1,000".to_owned()]);
        let text = rows.text();
        assert!(text.is_ascii());
        assert!(text.contains("| app |        7 |\n"), "{text}");
        assert!(text.contains("| db  |    1,000 |\n"), "{text}");
        assert!(!Rows::new(&["a"], 1, true).text().is_ascii());
    }

    #[test]
    fn names_cannot_drive_the_terminal() {
        assert_eq!(clean("a\u{1b}[2Jb\nc\u{202e}d"), "a?[2Jb?c?d");
    }
}
