//! The JSON Schema takes what `check` takes, and refuses what an editor should underline.

use assert_cmd::Command;
use serde_json::{Map, Value, json};
use surgesim::document::{self, Diagnostics, Node, Sources, Style};
use surgesim::scenario::yaml;

fn schema() -> Value {
    let output =
        Command::cargo_bin("surgesim").unwrap().arg("schema").assert().code(0).get_output().stdout.clone();
    serde_json::from_slice(&output).unwrap()
}

/// A tree as an editor's YAML reader types it.
fn typed(node: &Node) -> Value {
    match &node.value {
        document::Value::Null => Value::Null,
        document::Value::Scalar { text, style: Style::Quoted } | document::Value::Column { text, .. } => {
            json!(text)
        }
        document::Value::Scalar { text, .. } => match text.as_str() {
            "true" => json!(true),
            "false" => json!(false),
            number => number
                .parse::<i64>()
                .map(|n| json!(n))
                .or_else(|_| number.parse::<f64>().map(|x| json!(x)))
                .unwrap_or_else(|_| json!(text)),
        },
        document::Value::List(items) => items.iter().map(typed).collect(),
        document::Value::Map(entries) => {
            entries.iter().map(|(key, node)| (key.name.clone(), typed(node))).collect::<Map<_, _>>().into()
        }
    }
}

fn read(text: &str) -> Value {
    let (mut sources, mut found) = (Sources::new(), Diagnostics::new());
    let source = sources.add("s.yaml", text);
    typed(&yaml::read(source, &sources, &mut found).unwrap())
}

/// The keywords that the schema may use, and what they mean (JSON Schema 2020-12, validation and core).
/// Where the value does not fit, the path of the first misfit.
fn misfit(root: &Value, schema: &Value, value: &Value, path: &str) -> Option<String> {
    let own = |wrong: bool| wrong.then(|| path.to_owned());
    // A wrong value says more than a key that is not known.
    let (known, rest): (Vec<_>, Vec<_>) =
        schema.as_object().unwrap().iter().partition(|(keyword, _)| *keyword != "additionalProperties");
    known.into_iter().chain(rest).find_map(|(keyword, rule)| match keyword.as_str() {
        "$schema" | "title" | "description" | "examples" | "$defs" => None,
        "$ref" => {
            let target = root.pointer(rule.as_str().unwrap().strip_prefix('#').unwrap());
            misfit(root, target.unwrap_or_else(|| panic!("{rule} leads nowhere")), value, path)
        }
        "type" => {
            let is = |name: &Value| match name.as_str().unwrap() {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "number" => value.is_number(),
                "integer" => value.is_i64(),
                "boolean" => value.is_boolean(),
                "null" => value.is_null(),
                other => panic!("there is no type {other}"),
            };
            own(!rule.as_array().map_or_else(|| is(rule), |names| names.iter().any(is)))
        }
        "enum" => own(!rule.as_array().unwrap().contains(value)),
        "pattern" => own(value.as_str().is_some_and(|text| !text.contains(rule.as_str().unwrap()))),
        "minimum" => own(value.as_f64().is_some_and(|x| x < rule.as_f64().unwrap())),
        "maximum" => own(value.as_f64().is_some_and(|x| x > rule.as_f64().unwrap())),
        "anyOf" => {
            let misfits: Vec<_> =
                rule.as_array().unwrap().iter().map(|form| misfit(root, form, value, path)).collect();
            // The misfit that lies deepest is the form that was meant.
            let meant = || misfits.iter().flatten().max_by_key(|path| path.len()).cloned();
            if misfits.iter().any(Option::is_none) { None } else { meant() }
        }
        "items" => value.as_array().and_then(|items| {
            items.iter().enumerate().find_map(|(i, item)| misfit(root, rule, item, &format!("{path}/{i}")))
        }),
        "properties" => value.as_object().and_then(|entries| {
            entries.iter().find_map(|(key, value)| {
                rule.get(key).and_then(|rule| misfit(root, rule, value, &format!("{path}/{key}")))
            })
        }),
        "additionalProperties" => value.as_object().and_then(|entries| {
            let known = |key: &String| schema.get("properties").is_some_and(|p| p.get(key).is_some());
            entries.iter().filter(|(key, _)| !known(key)).find_map(|(key, value)| {
                let path = format!("{path}/{key}");
                if rule == &json!(false) { Some(path) } else { misfit(root, rule, value, &path) }
            })
        }),
        other => panic!("the schema uses {other}"),
    })
}

fn yaml_files(folder: &str) -> Vec<String> {
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().display().to_string())
        .filter(|path| path.ends_with(".yaml"))
        .collect();
    files.sort();
    files
}

#[test]
fn every_shipped_scenario_fits() {
    let schema = schema();
    let mut files = yaml_files("scenarios");
    files.extend(["src/cli/starter.yaml".to_owned(), "tests/data/everything.yaml".to_owned()]);
    for file in files {
        let value = read(&std::fs::read_to_string(&file).unwrap());
        assert_eq!(misfit(&schema, &schema, &value, ""), None, "{file}");
    }
}

#[test]
fn what_an_editor_should_underline_does_not_fit() {
    let schema = schema();
    for (file, path) in [
        ("e0201-unknown-block", "/client"),
        ("e0201-unknown-key", "/components/app/wrokers"),
        ("e0201-unknown-rate", "/clients/buyers/rate/linear"),
        ("e0201-key-of-another-kind", "/components/db/workers"),
        ("e0203-mapping-for-value", "/run/duration"),
        ("e0204-unknown-discipline", "/components/app/discipline"),
        ("e0301-bare-number", "/clients/buyers/timeout"),
        ("e0405-unknown-kind", "/components/app/kind"),
        ("e0406-unknown-preset", "/components/db/preset"),
        ("e0509-no-verb", "/components/app/endpoints/GET /items/0/wait"),
        ("e0211-scenario-in-variant", "/variants/0/scenario"),
    ] {
        let text = std::fs::read_to_string(format!("scenarios/invalid/{file}.yaml")).unwrap();
        let misfit = misfit(&schema, &schema, &read(&text), "");
        assert!(misfit.as_ref().is_some_and(|at| at.starts_with(path)), "{file}: {misfit:?}");
    }
}

#[test]
fn every_key_has_a_description() {
    let schema = schema();
    for (name, block) in schema["$defs"].as_object().unwrap() {
        assert!(block["description"].is_string(), "{name}");
        for (key, property) in block["properties"].as_object().unwrap() {
            assert!(property["description"].as_str().is_some_and(|text| text.len() > 3), "{name}.{key}");
        }
    }
}
