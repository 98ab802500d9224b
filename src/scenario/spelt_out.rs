//! A design with everything that holds in it: what is written, what a preset says, and the defaults,
//! each with its source as a comment. The text is a scenario again, and the same one.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::merge::Design;
use super::presets::PRESETS;
use super::vocabulary::{Absent, Block, Takes, block, component_block};
use crate::document::{Diagnostics, Node, Place, Sources, Style, Value};

/// Columns before a comment.
const COMMENT_COLUMN: usize = 56;

/// The text of a design; `main` is the file whose own lines need no name.
#[must_use]
pub fn spell_out(design: &Design, main: &str, sources: &Sources) -> String {
    let mut writer = Writer { main, sources, evidence: BTreeMap::new(), text: String::new() };
    writer.read_evidence();
    writer.entries(&design.tree, block("scenario"), 0);
    writer.text
}

struct Writer<'a> {
    main: &'a str,
    sources: &'a Sources,
    /// Of a preset's values, by its source's name and where the value begins: evidence and source.
    evidence: BTreeMap<(String, usize), String>,
    text: String,
}

impl Writer<'_> {
    fn read_evidence(&mut self) {
        for preset in PRESETS {
            let (mut sources, mut found) = (Sources::new(), Diagnostics::new());
            let Some(file) = preset.read(&mut sources, &mut found) else { continue };
            for value in file.values {
                let name = format!("preset {}", file.product);
                let told = format!("{}: {}", value.evidence, value.source);
                self.evidence.insert((name, value.value.place.start), told);
            }
        }
    }

    /// Who wrote the value at a place.
    fn origin(&self, place: Place) -> String {
        let name = self.sources.get(place.source).map_or("?", |source| source.name.as_str());
        if let Some(told) = self.evidence.get(&(name.to_owned(), place.start)) {
            return format!("{name}, {told}");
        }
        match name {
            flag if flag.starts_with("--") => flag.to_owned(),
            main if main == self.main => format!("line {}", place.line),
            other => format!("{other}:{}", place.line),
        }
    }

    fn line(&mut self, depth: usize, text: &str, comment: &str) {
        let line = format!("{}{text}", "  ".repeat(depth));
        let _ = if comment.is_empty() {
            writeln!(self.text, "{line}")
        } else {
            // A comment is one line, whatever a name in it holds.
            let comment: String = comment.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            writeln!(self.text, "{line:<COMMENT_COLUMN$} # {comment}")
        };
    }

    fn entries(&mut self, node: &Node, block: Option<&'static Block>, depth: usize) {
        for (key, value) in node.entries() {
            let entry = block.and_then(|block| block.keys.iter().find(|entry| entry.name == key.name));
            self.entry(&quoted(&key.name, false), value, entry.map(|entry| entry.takes), depth);
        }
        // A step's other verbs and options are no defaults of it.
        let block = block.filter(|block| block.name != "step");
        let mut unset = Vec::new();
        for entry in block.map_or(&[][..], |block| block.keys) {
            if node.get(entry.name).is_some() {
                continue;
            }
            let line = |value: &str| format!("{}: {value}", quoted(entry.name, false));
            match entry.default {
                Absent::Is(value) => self.line(depth, &line(value), "default"),
                Absent::Unverified(value) => self.line(depth, &line(value), "default, unverified"),
                Absent::Unset(meaning) if meaning != "-" && !meaning.starts_with("see `") => {
                    unset.push(format!("{} ({meaning})", entry.name));
                }
                Absent::Required | Absent::Unset(_) => {}
            }
        }
        if !unset.is_empty() {
            self.line(depth, &format!("# not written: {}", unset.join(", ")), "");
        }
    }

    fn entry(&mut self, key: &str, value: &Node, takes: Option<Takes>, depth: usize) {
        let takes = takes.and_then(|takes| chosen(takes, value));
        match &value.value {
            Value::Null => self.line(depth, &format!("{key}: null"), &self.origin(value.place)),
            Value::Column { text, .. } => {
                self.line(depth, &format!("{key}: {}", quoted(text, false)), &self.origin(value.place));
            }
            Value::Scalar { text, style } => {
                let text = quoted(text, *style == Style::Quoted);
                self.line(depth, &format!("{key}: {text}"), &self.origin(value.place));
            }
            Value::List(items) if items.is_empty() => {
                self.line(depth, &format!("{key}: []"), &self.origin(value.place));
            }
            Value::Map(entries) if entries.is_empty() && below(takes, value).is_none() => {
                self.line(depth, &format!("{key}: {{}}"), &self.origin(value.place));
            }
            Value::List(items) => {
                self.line(depth, &format!("{key}:"), "");
                self.items(items, takes, depth + 1);
            }
            Value::Map(_) => {
                self.line(depth, &format!("{key}:"), "");
                self.map(value, takes, depth + 1);
            }
        }
    }

    fn map(&mut self, value: &Node, takes: Option<Takes>, depth: usize) {
        if let Some(Takes::Named(inner)) = takes {
            for (key, value) in value.entries() {
                self.entry(&quoted(&key.name, false), value, Some(*inner), depth);
            }
        } else {
            self.entries(value, below(takes, value), depth);
        }
    }

    /// Makes what was written from `start` on, one level deeper, an item of a list.
    fn dash(&mut self, start: usize, depth: usize) {
        let at = start + 2 * depth;
        if self.text.get(at..at + 2) == Some("  ") {
            self.text.replace_range(at..at + 2, "- ");
        }
    }

    fn items(&mut self, items: &[Node], takes: Option<Takes>, depth: usize) {
        let inner = match takes {
            Some(Takes::List(inner)) => Some(*inner),
            _ => None,
        };
        for item in items {
            let inner = inner.and_then(|takes| chosen(takes, item));
            match &item.value {
                Value::Null => self.line(depth, "- null", &self.origin(item.place)),
                Value::Column { text, .. } => {
                    self.line(depth, &format!("- {}", quoted(text, false)), &self.origin(item.place));
                }
                Value::Scalar { text, style } => {
                    let text = quoted(text, *style == Style::Quoted);
                    self.line(depth, &format!("- {text}"), &self.origin(item.place));
                }
                Value::List(below) if below.is_empty() => self.line(depth, "- []", ""),
                Value::Map(below) if below.is_empty() => self.line(depth, "- {}", ""),
                Value::List(below) => {
                    let start = self.text.len();
                    self.items(below, inner, depth + 1);
                    self.dash(start, depth);
                }
                Value::Map(_) => {
                    let start = self.text.len();
                    self.map(item, inner, depth + 1);
                    self.dash(start, depth);
                }
            }
        }
    }
}

/// The form that a value is written in, of those that its key takes.
fn chosen(takes: Takes, value: &Node) -> Option<Takes> {
    let Takes::Either(forms) = takes else { return Some(takes) };
    forms.iter().copied().find(|form| match (form, &value.value) {
        (Takes::Block(_) | Takes::Named(_) | Takes::Component, Value::Map(_))
        | (Takes::List(_), Value::List(_)) => true,
        (Takes::Block(_) | Takes::Named(_) | Takes::Component | Takes::List(_), _) => false,
        (_, Value::Scalar { .. } | Value::Column { .. }) => true,
        _ => false,
    })
}

/// The block whose keys and defaults hold in a mapping.
fn below(takes: Option<Takes>, value: &Node) -> Option<&'static Block> {
    match takes? {
        Takes::Block(name) => block(name),
        Takes::Component => block(component_block(value)?),
        _ => None,
    }
}

/// A text as YAML reads it back: in quotes where it would become something else.
fn quoted(text: &str, always: bool) -> String {
    let plain = text.chars().all(|c| c.is_alphanumeric() || " _-./$%~±=<>+@^(){}*,".contains(c))
        && text.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '$' | '.' | '/' | '_'))
        && !text.ends_with(' ')
        || (text.len() > 1 && text.starts_with('~') && text[1..].chars().all(char::is_alphanumeric));
    let null = text.eq_ignore_ascii_case("null");
    if plain && !always && !null {
        return text.to_owned();
    }
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::super::model::ComponentSpec;
    use super::super::{Beside, Files, merge, read_model};
    use super::*;

    struct Nothing;
    impl Files for Nothing {
        fn read(&self, name: &str) -> Result<String, String> {
            Ok(match name {
                "counts.csv" => "at,n\n0,1\n",
                "requests.csv" => "at,endpoint,work\n0,GET /items/{id},10ms\n",
                _ => "0\n1\n",
            }
            .to_owned())
        }
    }

    fn design(name: &str, text: &str) -> (Design, Sources) {
        let (mut sources, mut found) = (Sources::new(), Diagnostics::new());
        let all = merge::load(name, text.to_owned(), &Nothing, &[], Some("base"), &mut sources, &mut found);
        assert!(found.is_empty(), "{}\n{text}", found.render(&sources, false));
        (all.into_iter().next().expect("a design"), sources)
    }

    /// A model without the places, in which two spellings differ.
    fn shown(name: &str, design: &Design, sources: &Sources) -> String {
        let mut found = Diagnostics::new();
        let model = read_model("base", &design.tree, &Beside::new(&Nothing, sources), &mut found);
        let mut model = model.unwrap_or_else(|| panic!("{name}: {}", found.render(sources, false)));
        let place = sources.place(design.tree.place.source, 0, 0);
        for component in &mut model.components {
            component.place = place;
            if let ComponentSpec::Service(service) = &mut component.spec {
                for endpoint in &mut service.endpoints {
                    endpoint.place = place;
                }
            }
            if let ComponentSpec::Cdn(cdn) = &mut component.spec {
                cdn.rules.iter_mut().for_each(|rule| rule.place = place);
            }
        }
        model.clients.iter_mut().for_each(|client| client.place = place);
        // What a preset wrote is the scenario's own once it is spelt out.
        let prices = &mut model.prices;
        let lists = prices.components.iter_mut().chain(&mut prices.kinds).map(|(_, list)| list);
        for (_, tariff) in lists.chain([&mut prices.traffic]).flatten() {
            tariff.unverified = false;
        }
        for claim in model.objectives.iter_mut().chain(&mut model.expectations) {
            claim.place = place;
        }
        for (.., written) in model.run.until.iter_mut().flat_map(|until| &mut until.metrics) {
            *written = None;
        }
        if let Some(sweep) = &mut model.sweep {
            sweep.axes.iter_mut().for_each(|(_, written)| *written = None);
            sweep.metrics.iter_mut().for_each(|(_, written)| *written = None);
        }
        format!("{model:?}")
    }

    #[test]
    fn what_is_spelt_out_is_the_same_scenario() {
        for (name, text) in [
            ("starter", include_str!("../cli/starter.yaml")),
            ("single-server", include_str!("../../scenarios/single-server.yaml")),
            ("everything", include_str!("../../tests/data/everything.yaml")),
        ] {
            let (first, sources) = design(name, text);
            let spelt = spell_out(&first, name, &sources);
            let (again, sources_again) = design("again", &spelt);
            let (before, after) = (shown(name, &first, &sources), shown(&spelt, &again, &sources_again));
            assert!(before == after, "{name}: {before}\n{after}\n{spelt}");
        }
    }

    #[test]
    fn every_value_says_where_it_comes_from() {
        let (design, sources) = design("starter", include_str!("../cli/starter.yaml"));
        let spelt = spell_out(&design, "starter", &sources);
        for part in [
            "max_connections: 100",
            "# preset postgres@17, verified: PGCONF",
            "# preset postgres@17, unverified: ",
            "discipline: fifo",
            "# default",
            "# line 6",
        ] {
            assert!(spelt.contains(part), "{part} is missing in\n{spelt}");
        }
    }
}
