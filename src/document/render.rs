//! How findings look: on a terminal with the source line and a caret, and as JSON.

use super::code::Severity;
use super::diagnostic::{Diagnostic, Diagnostics};
use super::place::{Place, Source, Sources};
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use serde_json::{Value, json};

/// The most findings that are printed; the rest are counted.
pub(super) const MOST_SHOWN: usize = 100;

/// The most bytes of one source line that are shown around a place.
const LINE_SHOWN: usize = 2_000;

impl Diagnostics {
    /// The findings as text, sorted by place, each with its source line, a caret and a line of help.
    #[must_use]
    pub fn render(&self, sources: &Sources, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let sorted = self.sorted();
        let mut text = String::new();
        for diagnostic in sorted.iter().take(MOST_SHOWN) {
            text.push_str(&render_one(diagnostic, sources, &renderer));
            text.push_str("\n\n");
        }
        if sorted.len() > MOST_SHOWN {
            text.push_str(&format!("... and {} more\n\n", sorted.len() - MOST_SHOWN));
        }
        text
    }

    /// The findings as a JSON array: code, severity, message, help, file, line, column, labels.
    #[must_use]
    pub fn to_json(&self, sources: &Sources) -> Value {
        self.sorted().iter().map(|diagnostic| diagnostic_json(diagnostic, sources)).collect()
    }
}

fn render_one(diagnostic: &Diagnostic, sources: &Sources, renderer: &Renderer) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = level.primary_title(diagnostic.message.as_str()).id(diagnostic.code.text());
    let mut snippets = Vec::new();
    let places = diagnostic.place.iter().map(|place| (*place, "", AnnotationKind::Primary)).chain(
        diagnostic.labels.iter().map(|(place, text)| (*place, text.as_str(), AnnotationKind::Context)),
    );
    for (place, text, kind) in places {
        let Some(source) = sources.get(place.source) else { continue };
        let (line, offset) = shown_line(source, place);
        let span = (place.start - offset)..(place.end.min(offset + line.len()).max(place.start) - offset);
        let label = (!text.is_empty()).then(|| text.to_owned());
        snippets.push(
            Snippet::source(line)
                .line_start(place.line as usize)
                .path(source.name.as_str())
                .annotation(kind.span(span).label(label)),
        );
    }
    let help = (!diagnostic.help.is_empty()).then(|| Level::HELP.message(diagnostic.help.as_str()));
    if snippets.is_empty() && help.is_none() {
        return renderer.render(&[annotate_snippets::Group::with_title(group)]);
    }
    let report = match (snippets.is_empty(), help) {
        (false, Some(help)) => group.elements(snippets).element(help),
        (false, None) => group.elements(snippets),
        (true, help) => {
            group = group.id(diagnostic.code.text());
            group.elements(help)
        }
    };
    renderer.render(&[report])
}

/// The line of a place, or the stretch of a very long one around it, and where that begins.
fn shown_line(source: &Source, place: Place) -> (&str, usize) {
    use super::place::floor_boundary;
    let text = source.text.as_str();
    let start = floor_boundary(text, place.start);
    let line_start = text[..start].rfind('\n').map_or(0, |i| i + 1);
    let line_end = text[start..].find('\n').map_or(text.len(), |i| start + i);
    if line_end - line_start <= LINE_SHOWN {
        return (&text[line_start..line_end], line_start);
    }
    let from = floor_boundary(text, start.saturating_sub(60).max(line_start));
    let to = floor_boundary(text, (start + 100).min(line_end)).max(start);
    (&text[from..to], from)
}

fn diagnostic_json(diagnostic: &Diagnostic, sources: &Sources) -> Value {
    let at = |place: Place| {
        json!({
            "file": sources.get(place.source).map(|s| s.name.as_str()),
            "line": place.line,
            "column": place.column,
        })
    };
    let mut object = json!({
        "code": diagnostic.code.text(),
        "severity": match diagnostic.severity { Severity::Error => "error", Severity::Warning => "warning" },
        "message": diagnostic.message,
        "help": diagnostic.help,
    });
    if let Some(place) = diagnostic.place
        && let (Value::Object(object), Value::Object(place)) = (&mut object, at(place))
    {
        object.extend(place);
    }
    if !diagnostic.labels.is_empty() {
        object["labels"] = diagnostic
            .labels
            .iter()
            .map(|(place, text)| {
                let mut label = at(*place);
                label["text"] = json!(text);
                label
            })
            .collect();
    }
    object
}

#[cfg(test)]
mod tests {
    use super::super::code::Code;
    use super::*;

    #[test]
    fn a_finding_shows_code_place_line_caret_and_help() {
        let mut sources = Sources::new();
        let id = sources.add("app.yaml", "run:\n  timeout: 30\n  seed: 1\n");
        let mut found = Diagnostics::new();
        found.push(
            Diagnostic::new(Code::MissingUnit, sources.place(id, 16, 18), "a duration needs a unit")
                .label(sources.place(id, 21, 25), "beside this")
                .help("write `30s`"),
        );
        assert_eq!(
            found.render(&sources, false),
            "\
error[E0301]: a duration needs a unit
 --> app.yaml:2:12
  |
2 |   timeout: 30
  |            ^^
  |
 ::: app.yaml:3:3
  |
3 |   seed: 1
  |   ---- beside this
  |
  = help: write `30s`

"
        );
        assert_eq!(
            found.to_json(&sources),
            json!([{
                "code": "E0301", "severity": "error", "message": "a duration needs a unit", "help": "write `30s`",
                "file": "app.yaml", "line": 2, "column": 12,
                "labels": [{"file": "app.yaml", "line": 3, "column": 3, "text": "beside this"}],
            }])
        );
    }

    #[test]
    fn a_finding_without_a_place_is_still_told() {
        let mut found = Diagnostics::new();
        found.add(Code::NothingToRun, None, "no clients", "add one under `clients:`");
        let text = found.render(&Sources::new(), false);
        assert!(text.starts_with("error[E0504]: no clients\n"), "{text}");
        assert!(text.contains("help: add one under `clients:`"), "{text}");
    }

    #[test]
    fn only_the_first_hundred_are_printed() {
        let mut sources = Sources::new();
        let id = sources.add("a", "x".repeat(5_000));
        let mut found = Diagnostics::new();
        for at in 0..150 {
            found.add(Code::UnknownKey, sources.place(id, at * 30, at * 30 + 1), "unknown", "");
        }
        let text = found.render(&sources, false);
        assert_eq!(text.matches("error[E0201]").count(), MOST_SHOWN);
        assert!(text.ends_with("... and 50 more\n\n"), "{text}");
    }
}
