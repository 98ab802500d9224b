//! `surgesim explain`: a code, a metric, a kind or block, a preset, or a whole scenario with everything
//! that holds in it.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::Path;

use super::args::Explain;
use super::{Exit, complain, load, print};
use crate::document::{Code, Diagnostics, Sources, did_you_mean};
use crate::metrics::{EXPLANATIONS, explanation};
use crate::scenario::presets::{PRESETS, Preset};
use crate::scenario::vocabulary::{Absent, Block, Takes, block, blocks};

pub(super) fn explain(arguments: &Explain) -> Exit {
    let what = arguments.what.as_str();
    let is_file = what == "-"
        || Path::new(what)
            .extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("yaml") || e.eq_ignore_ascii_case("yml"))
        || what.contains(['/', '\\']);
    match &arguments.at {
        Some(at) if is_file => return super::explain_moment::explain_moment(arguments, at),
        None if is_file => return scenario(arguments),
        Some(_) => {
            complain("`--at` is for a scenario file");
            return Exit::Usage;
        }
        None => {}
    }
    if let Some(code) = Code::parse(what) {
        return print(&format!(
            "{}: {}\n\n{}\n\n{}\n",
            code.text(),
            code.title(),
            code.explanation(),
            code.example()
        ));
    }
    if let Some(block) = block(what) {
        return print(&describe(block));
    }
    let product = what.split('@').next().unwrap_or(what);
    // A product may have presets for several blocks.
    let named: Vec<String> = PRESETS.iter().filter(|preset| preset.name == product).map(values).collect();
    if !named.is_empty() {
        return print(&named.join("\n"));
    }
    if let Some(found) = explanation(what) {
        return print(&format!(
            "{what}: {}\n  unit     {}\n  formula  {}\n  limits   {}\n",
            found.meaning, found.unit, found.formula, found.limits
        ));
    }
    let names: Vec<&str> = blocks()
        .map(|block| block.name)
        .chain(PRESETS.iter().map(|preset| preset.name))
        .chain(EXPLANATIONS.iter().map(|e| e.name))
        .collect();
    complain(&format!(
        "`{what}` is no file, code, kind, preset or metric: {}",
        did_you_mean(what, names.iter().copied())
    ));
    Exit::Usage
}

fn scenario(arguments: &Explain) -> Exit {
    match load::spelt_out(&arguments.what, &arguments.settings, arguments.variant.as_deref()) {
        Ok(text) => print(&text),
        Err(mistakes) => {
            let _ = io::stderr().write_all(mistakes.as_bytes());
            Exit::BadScenario
        }
    }
}

fn describe(block: &Block) -> String {
    let mut text = format!("{}: {}\n", block.name, block.about);
    for key in block.keys {
        let default = match key.default {
            Absent::Required => "required".to_owned(),
            Absent::Is(value) => format!("default {value}"),
            Absent::Unverified(value) => format!("default {value}, unverified"),
            Absent::Unset("-") => "one of these".to_owned(),
            Absent::Unset(meaning) => format!("if absent: {meaning}"),
        };
        let _ = write!(text, "\n  {}: {}\n      {}; {default}\n", key.name, form(&key.takes), key.about);
    }
    let presets: Vec<_> = PRESETS.iter().filter(|p| p.kind == block.name).map(|p| p.name).collect();
    if !presets.is_empty() {
        let _ = write!(text, "\npresets: {}\n", presets.join(", "));
    }
    text
}

/// What a key takes, in words.
fn form(takes: &Takes) -> String {
    match takes {
        Takes::Text => "text".to_owned(),
        Takes::Flag => "true or false".to_owned(),
        Takes::Count => "a count (250, 10k)".to_owned(),
        Takes::Number => "a number (0.5, 10k)".to_owned(),
        Takes::Cores => "cores (4, 500m)".to_owned(),
        Takes::Duration => "a duration (250ms, 1h 30m)".to_owned(),
        Takes::Rate => "a rate (100/s, 2k rps)".to_owned(),
        Takes::Share => "a share (85%)".to_owned(),
        Takes::Factor => "a multiple (20x)".to_owned(),
        Takes::Size => "a size (4KB, 2GiB)".to_owned(),
        Takes::Bandwidth => "a bandwidth (1Gbps, 40MB/s)".to_owned(),
        Takes::Price => "a price ($0.20/h, $0.09/GB)".to_owned(),
        Takes::Growth => "a growth (2%/day)".to_owned(),
        Takes::Times => "a time, drawn anew each time (8ms, ~8ms, exp(8ms))".to_owned(),
        Takes::Sizes => "a size, drawn anew each time (4KB, ~20KB)".to_owned(),
        Takes::Counts => "a count, drawn anew each time (geom(8))".to_owned(),
        Takes::Word(words) => words.join(" | "),
        Takes::Name(of) => format!("the name of a {of}"),
        Takes::Block(name) => format!("a mapping, see `surgesim explain {name}`"),
        Takes::List(inner) => format!("a list of: {}", form(inner)),
        Takes::Named(inner) => format!("by name: {}", form(inner)),
        Takes::Either(forms) => forms.iter().map(form).collect::<Vec<_>>().join(", or "),
        Takes::Component => {
            "a component, see `surgesim explain service`, `database`, `load_balancer`".to_owned()
        }
    }
}

fn values(preset: &Preset) -> String {
    let (mut sources, mut found) = (Sources::new(), Diagnostics::new());
    let Some(file) = preset.read(&mut sources, &mut found) else {
        return found.render(&sources, false);
    };
    let mut text = format!("{} (preset for `{}`): {}\n", file.product, preset.kind, file.about);
    for value in &file.values {
        let written = value.value.text().unwrap_or_default();
        let _ = write!(text, "\n  {}: {written}\n      {}: {}\n", value.key, value.evidence, value.source);
    }
    text
}
