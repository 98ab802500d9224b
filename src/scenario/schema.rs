//! The language as a JSON Schema (draft 2020-12), for the completion of editors.
//!
//! It knows every key, word and form; what only a reading finds (names that refer to nothing, cycles,
//! units inside a text) is `check`'s. Nothing is required and null is allowed everywhere, since a
//! scenario may be a patch of another one, in which null deletes.

use serde_json::{Map, Value, json};

use super::presets::PRESETS;
use super::vocabulary::{Absent, Block, COMPONENT_BLOCKS, KeyEntry, Takes, block, blocks};

/// The schema of a scenario file.
#[must_use]
pub fn schema() -> Value {
    let mut definitions = Map::new();
    for block in blocks() {
        definitions.insert(block.name.to_owned(), object(block, block.keys.iter()));
    }
    if let Some(scenario) = block("scenario") {
        definitions.insert("variant".to_owned(), variant(scenario));
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "surgesim scenario",
        "description": "An API architecture, the traffic that it meets, and what is asked of it.",
        "$ref": "#/$defs/scenario",
        "$defs": definitions,
    })
}

fn object<'a>(block: &Block, keys: impl Iterator<Item = &'a KeyEntry>) -> Value {
    let properties: Map<String, Value> =
        keys.map(|key| (key.name.to_owned(), property(block.name, key))).collect();
    json!({
        "description": block.about,
        "type": ["object", "null"],
        "additionalProperties": false,
        "properties": properties,
    })
}

fn variant(scenario: &Block) -> Value {
    let own = scenario.keys.iter().filter(|key| !matches!(key.name, "scenario" | "extends" | "variants"));
    let mut object = object(scenario, own);
    object["description"] = json!("A design: a patch of the whole file.");
    object["properties"]["name"] =
        json!({"description": "its name, in tables and for --variant", "type": "string"});
    object["properties"]["extends"] = json!({
        "description": "the variant to build on, instead of the file itself (`base`)", "type": "string",
    });
    object
}

fn property(block: &str, key: &KeyEntry) -> Value {
    let mut schema = form(&key.takes);
    if key.name == "preset" {
        let names: Vec<_> = PRESETS.iter().filter(|p| p.block() == block).map(|p| p.name).collect();
        // A version may follow: postgres@17.
        schema = json!({"type": ["string", "null"], "anyOf": [{"enum": names}, {"pattern": "@"}, {"type": "null"}]});
    }
    let default = match key.default {
        Absent::Required => String::new(),
        Absent::Is(value) => format!(" Absent: {value}."),
        Absent::Unverified(value) => format!(" Absent: {value} (unverified)."),
        Absent::Unset("-") => String::new(),
        Absent::Unset(meaning) => format!(" If absent: {meaning}."),
    };
    let about = format!("{}.{default}", key.about);
    if let Value::Object(schema) = &mut schema {
        schema.insert("description".to_owned(), json!(about));
    }
    schema
}

/// A quantity is a text; only 0 may stand without its unit.
fn quantity(examples: &[&str]) -> Value {
    json!({"type": ["string", "number", "null"], "minimum": 0, "maximum": 0, "examples": examples})
}

fn form(takes: &Takes) -> Value {
    match takes {
        Takes::Text | Takes::Name(_) => json!({"type": ["string", "number", "boolean", "null"]}),
        Takes::Flag => json!({"type": ["boolean", "null"]}),
        Takes::Count => json!({"type": ["integer", "string", "null"], "minimum": 0, "examples": [5, "10k"]}),
        Takes::Number => json!({"type": ["number", "string", "null"], "minimum": 0, "examples": [1, "10k"]}),
        Takes::Cores => json!({"type": ["number", "string", "null"], "minimum": 0, "examples": [4, "500m"]}),
        Takes::Duration => quantity(&["250ms", "30s", "1h 30m"]),
        Takes::Rate => quantity(&["100/s", "2k rps", "90/min"]),
        Takes::Share => quantity(&["85%"]),
        Takes::Factor => quantity(&["20x"]),
        Takes::Size => quantity(&["4KB", "2GiB"]),
        Takes::Bandwidth => quantity(&["1Gbps", "40MB/s"]),
        Takes::Price => quantity(&["$0.20/h", "$0.40/1M", "$0.09/GB"]),
        Takes::Growth => quantity(&["2%/day"]),
        Takes::Times => quantity(&["8ms", "~8ms", "8ms..60ms", "exp(8ms)"]),
        Takes::Sizes => quantity(&["4KB", "~20KB"]),
        Takes::Counts => {
            json!({"type": ["integer", "string", "null"], "minimum": 0, "examples": ["geom(8)", 5]})
        }
        Takes::Word(words) => {
            let mut choices: Vec<Value> = words.iter().map(|word| json!(word)).collect();
            choices.push(Value::Null);
            json!({"enum": choices})
        }
        Takes::Block(name) => json!({"$ref": format!("#/$defs/{name}")}),
        Takes::List(inner) => json!({"type": ["array", "null"], "items": form(inner)}),
        Takes::Named(inner) => json!({"type": ["object", "null"], "additionalProperties": form(inner)}),
        Takes::Either(forms) => json!({"anyOf": forms.iter().map(form).collect::<Vec<_>>()}),
        Takes::Component => {
            let kinds: Vec<_> =
                COMPONENT_BLOCKS.iter().map(|kind| json!({"$ref": format!("#/$defs/{kind}")})).collect();
            json!({"anyOf": kinds})
        }
    }
}
