//! One value set from outside: `--set PATH=VALUE`, and each value of a `--vary`.
//!
//! A path is dotted; a segment that holds a dot or a space is quoted; a list's item is named by its number, from 0.
//! Where the first segment is no block of a scenario, it is the name of a component, a client population or an
//! entity: `db.cpu` is `components.db.cpu`. What is set is merged as a variant's patch is.

use super::merge::{Design, patch};
use super::{vocabulary, yaml};
use crate::document::{Code, Diagnostics, Fault, Key, Node, Place, Sources, Value, did_you_mean};

/// The blocks whose entries have names of the user's own.
const NAMED: [(&str, &str); 3] = [("components", "component"), ("clients", "client"), ("data", "entity")];

/// The segments of a dotted path; one that holds a dot is quoted.
#[must_use]
pub fn segments(path: &str) -> Option<Vec<String>> {
    let (mut all, mut current, mut quoted) = (Vec::new(), String::new(), false);
    for c in path.chars() {
        match c {
            '"' => quoted = !quoted,
            '.' if !quoted => all.push(std::mem::take(&mut current)),
            other => current.push(other),
        }
    }
    all.push(current);
    (!quoted && all.iter().all(|s| !s.is_empty())).then_some(all)
}

/// Where the `=` is that ends the path: the first one outside of quotes.
#[must_use]
pub fn path_end(setting: &str) -> Option<usize> {
    let mut quoted = false;
    let found = setting.char_indices().find(|(_, c)| {
        quoted ^= *c == '"';
        *c == '=' && !quoted
    });
    found.map(|(at, _)| at)
}

/// The whole path of what may be a short one.
///
/// # Errors
/// If the first segment is the name of several things.
fn whole(tree: &Node, path: &[String]) -> Result<Vec<String>, Fault> {
    let first = path[0].as_str();
    let blocks = vocabulary::block("scenario").map_or(&[][..], |block| block.keys);
    if blocks.iter().any(|key| key.name == first) {
        return Ok(path.to_vec());
    }
    let holds = |(block, _): &&(&str, &str)| tree.get(block).is_some_and(|node| node.get(first).is_some());
    let found: Vec<&str> = NAMED.iter().filter(holds).map(|(block, _)| *block).collect();
    match found.as_slice() {
        [] => Ok(path.to_vec()),
        [block] => Ok(std::iter::once((*block).to_owned()).chain(path.iter().cloned()).collect()),
        [block, ..] => Err(Fault::new(
            Code::BadSet,
            format!("`{first}` is the name of several things: of {}", found.join(" and of ")),
            format!("write the whole path: `{block}.{first}`"),
        )),
    }
}

/// What a path leads to in a tree; a value that is not written there is `None`.
///
/// # Errors
/// If the path leads nowhere: it is empty, ambiguous, goes through a single value, or through a name that the
/// scenario does not have.
pub fn find<'a>(tree: &'a Node, path: &str) -> Result<Option<&'a Node>, Fault> {
    let form = || {
        let message = format!("`{path}` is no path");
        Fault::new(Code::BadSet, message, "write a dotted path such as `components.app.instances`")
    };
    let path = whole(tree, &segments(path).ok_or_else(form)?)?;
    let blocks = vocabulary::block("scenario").map_or(&[][..], |block| block.keys);
    let first = path[0].as_str();
    if !blocks.iter().any(|key| key.name == first) {
        let own = NAMED.iter().flat_map(|(block, _)| tree.get(block).map_or(&[][..], Node::entries));
        let names = own.map(|(key, _)| key.name.as_str()).chain(blocks.iter().map(|key| key.name));
        let message = format!("there is no block, component, client or entity `{first}`");
        return Err(Fault::new(Code::BadSet, message, did_you_mean(first, names)));
    }
    if path.len() == 1 || matches!(first, "variants" | "extends" | "sweep") {
        let message = format!("`{first}` is a whole block of the scenario");
        return Err(Fault::new(Code::BadSet, message, "name one value within it"));
    }
    if let (Some((block, what)), Some(name)) = (NAMED.iter().find(|(block, _)| *block == first), path.get(1))
    {
        let entries = tree.get(block).map_or(&[][..], Node::entries);
        if !entries.iter().any(|(key, _)| key.name == *name) {
            let names = entries.iter().map(|(key, _)| key.name.as_str());
            let message = format!("there is no {what} `{name}`");
            return Err(Fault::new(Code::BadSet, message, did_you_mean(name, names)));
        }
    }
    let mut here = tree;
    for name in &path {
        match below(here, name).map_err(|why| Fault::new(Code::BadSet, why, "name a key of a mapping"))? {
            Some(next) => here = next,
            None => return Ok(None),
        }
    }
    Ok(Some(here))
}

/// The node under a segment: an entry, or a list's item.
fn below<'a>(node: &'a Node, name: &str) -> Result<Option<&'a Node>, String> {
    match &node.value {
        Value::Map(_) | Value::Null => Ok(node.get(name)),
        Value::List(items) => {
            let at = name.parse::<usize>().ok().and_then(|at| items.get(at));
            at.map(Some).ok_or_else(|| {
                format!("a list with {} items has no `{name}`: its items are numbered from 0", items.len())
            })
        }
        _ => Err(format!("`{name}` would lie within {}, which is no mapping", node.what())),
    }
}

/// Lays `value` under a path; maps on the way are made as needed, and null deletes.
fn put(node: Node, path: &[String], value: &Node, place: Place) -> Result<Node, String> {
    let Some((name, rest)) = path.split_first() else { return Ok(patch(node, value)) };
    below(&node, name)?;
    let merged = match node.value {
        Value::List(mut items) => {
            if let Some(item) = name.parse::<usize>().ok().and_then(|at| items.get_mut(at)) {
                *item = put(item.clone(), rest, value, place)?;
            }
            Value::List(items)
        }
        Value::Map(mut entries) => {
            let at = entries.iter().position(|(key, _)| key.name == *name);
            match at.and_then(|at| entries.get_mut(at)) {
                Some(_) if rest.is_empty() && value.is_null() => {
                    entries.retain(|(key, _)| key.name != *name);
                }
                Some((_, old)) => *old = put(old.clone(), rest, value, place)?,
                None if value.is_null() => {}
                None => {
                    let nothing = Node { value: Value::Null, place };
                    entries.push((Key { name: name.clone(), place }, put(nothing, rest, value, place)?));
                }
            }
            Value::Map(entries)
        }
        _ => return put(Node { value: Value::Map(Vec::new()), place }, path, value, place),
    };
    Ok(Node { value: merged, place: node.place })
}

/// Applies `PATH=VALUE`, which `flag` says, to all designs.
pub fn set_all(
    flag: &str,
    setting: &str,
    designs: &mut [Design],
    sources: &mut Sources,
    found: &mut Diagnostics,
) {
    let source = sources.add(format!("{flag} {setting}"), setting);
    let all = sources.place(source, 0, setting.len());
    let read = path_end(setting).and_then(|at| segments(&setting[..at]).map(|path| (path, at)));
    let Some((path, at)) = read else {
        let help = format!("write `{flag} components.app.instances=6`");
        found.add(Code::BadSet, all, "this is no `path=value`", help);
        return;
    };
    if path.len() > yaml::MAX_DEPTH || matches!(path[0].as_str(), "variants" | "extends") {
        let message =
            "`variants` and `extends` are used up before flags apply, and a path has at most 64 segments";
        found.add(Code::BadSet, all, message, "set the value itself; choose a variant with `--variant`");
        return;
    }
    let Some(value) = yaml::read_part(source, setting, at + 1, found) else { return };
    if value.is_null() && sources.slice(value.place).is_empty() {
        let help = "write `null` to delete what is there";
        found.add(Code::BadSet, all, "there is no value after the `=`", help);
        return;
    }
    for design in designs {
        let laid = whole(&design.tree, &path).and_then(|path| {
            put(design.tree.clone(), &path, &value, all)
                .map_err(|why| Fault::new(Code::BadSet, why, "set a key of a mapping"))
        });
        match laid {
            Ok(tree) => design.tree = tree,
            Err(fault) => {
                found.add(fault.code, all, fault.message, fault.help);
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn design(text: &str) -> (Design, Sources) {
        let (mut sources, mut found) = (Sources::new(), Diagnostics::new());
        let source = sources.add("s.yaml", text);
        let tree = yaml::read(source, &sources, &mut found).expect("a tree");
        (Design { name: "base".to_owned(), tree }, sources)
    }

    const SCENARIO: &str = "components: {app: {cpu: 4, steps: [{cpu: 1}, {cpu: 2}]}, both: {}}\n\
                            clients: {people: {rate: 5/s, mix: {GET /a.js: 1}}, both: {}}\n";

    fn set(setting: &str) -> Result<Node, String> {
        let (design, mut sources) = design(SCENARIO);
        let (mut designs, mut found) = (vec![design], Diagnostics::new());
        set_all("--vary", setting, &mut designs, &mut sources, &mut found);
        if found.has_errors() { Err(found.render(&sources, false)) } else { Ok(designs.remove(0).tree) }
    }

    #[test]
    fn short_paths_and_items_of_lists_lead_to_the_same_places() {
        for (setting, path) in [
            ("app.cpu=8", "components.app.cpu"),
            ("components.app.cpu=8", "app.cpu"),
            ("app.steps.1.cpu=8", "components.app.steps.1.cpu"),
            ("people.mix.\"GET /a.js\"=8", "clients.people.mix.\"GET /a.js\""),
            ("app.memory=8", "app.memory"),
        ] {
            let tree = set(setting).unwrap_or_else(|why| panic!("{why}"));
            assert_eq!(find(&tree, path).expect(path).and_then(Node::text), Some("8"), "{setting}");
        }
        assert_eq!(find(&set("app.cpu=null").expect("set"), "app.cpu"), Ok(None));
    }

    #[test]
    fn what_leads_nowhere_is_told() {
        for (setting, part) in [
            ("both.cpu=1", "`components.both`"),
            ("app.steps.7.cpu=1", "numbered from 0"),
            ("app.cpu.limit=1", "no mapping"),
        ] {
            let why = set(setting).expect_err(setting);
            assert!(why.contains(part) && why.contains("E0212") && why.contains("--vary"), "{why}");
        }
        let tree = design(SCENARIO).0.tree;
        for (path, part) in [
            ("ap.cpu", "`app`"),
            ("components.ap.cpu", "`app`"),
            ("components", "within"),
            ("a..b", "dotted"),
            ("", "dotted"),
            ("app.cpu.x", "mapping"),
        ] {
            let fault = find(&tree, path).expect_err(path);
            assert!(fault.help.contains(part), "{path}: {fault:?}");
        }
    }
}
