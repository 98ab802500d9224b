//! The table against the reading.

use super::Takes::{Component, Either, List, Named};
use super::*;

fn refers(takes: &Takes) -> Vec<&'static str> {
    match takes {
        Takes::Block(name) => vec![name],
        List(inner) | Named(inner) => refers(inner),
        Either(forms) => forms.iter().flat_map(refers).collect(),
        Component => COMPONENT_BLOCKS.to_vec(),
        _ => Vec::new(),
    }
}

#[test]
fn every_block_is_reached_and_every_reference_leads_somewhere() {
    let mut reached = vec!["scenario"];
    for block in blocks() {
        let mut names: Vec<_> = block.keys.iter().map(|key| key.name).collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all, "{} has a key twice", block.name);
        for key in block.keys {
            assert!(!key.about.is_empty(), "{}.{}", block.name, key.name);
            reached.extend(refers(&key.takes));
        }
    }
    for name in &reached {
        // A variant is a scenario's patch, and has no table of its own.
        assert!(*name == "variant" || block(name).is_some(), "{name}");
    }
    for block in blocks() {
        assert!(reached.contains(&block.name), "{} is used nowhere", block.name);
    }
}

#[test]
fn the_table_and_the_reading_know_the_same_keys() {
    use crate::document::{Diagnostics, Sources};
    use crate::scenario::{Beside, Files, fields, merge, read_model};

    struct Counts;
    impl Files for Counts {
        fn read(&self, name: &str) -> Result<String, String> {
            Ok(match name {
                "counts.csv" => "at,n\n0,1\n",
                "requests.csv" => "at,endpoint,work\n0,GET /items/{id},10ms\n",
                _ => "0\n1\n",
            }
            .to_owned())
        }
    }
    let text = include_str!("../../../tests/data/everything.yaml").to_owned();
    let (mut sources, mut found) = (Sources::new(), Diagnostics::new());
    let designs = merge::load("everything", text, &Counts, &[], None, &mut sources, &mut found);
    fields::ASKED.with_borrow_mut(std::collections::BTreeMap::clear);
    let model = read_model("base", &designs[0].tree, &Beside::new(&Counts, &sources), &mut found);
    assert!(model.is_some(), "{}", found.render(&sources, false));
    let asked = fields::ASKED.with_borrow(Clone::clone);
    // Used up by merging, before anything is read.
    let merged = ["extends", "variants"];
    for block in blocks() {
        let read = asked.get(block.name).cloned().unwrap_or_default();
        for key in block.keys.iter().map(|key| key.name).filter(|key| !merged.contains(key)) {
            assert!(read.contains(key), "`{key}` of `{}` is in the table and is never read", block.name);
        }
    }
    for (name, keys) in &asked {
        let block = block(name).unwrap_or_else(|| panic!("there is no table of `{name}`"));
        for key in keys {
            let known = block.keys.iter().any(|entry| entry.name == *key);
            assert!(known, "`{key}` of `{name}` is read and is not in the table");
        }
    }
}
