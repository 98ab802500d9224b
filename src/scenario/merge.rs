//! Merging on the tree: files that `extends` names, variants, and `--set`; what is merged keeps the
//! place that wrote it.

use super::reading::Files;
use super::yaml;
use crate::document::{Code, Diagnostics, Key, Node, Sources, Value, did_you_mean};

/// One design: the scenario with a variant's patches.
#[derive(Clone, Debug)]
pub struct Design {
    /// `base`, or the variant's name.
    pub name: String,
    /// The whole, merged scenario.
    pub tree: Node,
}

/// Longest chain of `extends`.
const LONGEST: usize = 16;

/// Lays `over` on `base`: maps merge, lists and scalars replace, null deletes.
#[must_use]
pub fn patch(base: Node, over: &Node) -> Node {
    let (Value::Map(mut entries), Value::Map(patches)) = (base.value, &over.value) else {
        return over.clone();
    };
    for (key, value) in patches {
        let at = entries.iter().position(|(k, _)| k.name == key.name);
        match (at, value.is_null()) {
            (Some(at), true) => {
                entries.remove(at);
            }
            (Some(at), false) => entries[at].1 = patch(entries[at].1.clone(), value),
            (None, true) => {}
            (None, false) => entries.push((key.clone(), patch(empty_like(value), value))),
        }
    }
    Node { value: Value::Map(entries), place: base.place }
}

/// Something that a patch lands on unchanged, but without its nulls.
fn empty_like(node: &Node) -> Node {
    match node.value {
        Value::Map(_) => Node { value: Value::Map(Vec::new()), place: node.place },
        _ => node.clone(),
    }
}

fn without(mut node: Node, names: &[&str]) -> Node {
    if let Value::Map(entries) = &mut node.value {
        entries.retain(|(key, _)| !names.contains(&key.name.as_str()));
    }
    node
}

/// Reads a scenario and everything that it extends; its designs in order, with `settings` (`a.b=c`) on each.
/// `only` names one variant, or `base` for the file itself.
pub fn load(
    name: &str,
    text: String,
    files: &dyn Files,
    settings: &[String],
    only: Option<&str>,
    sources: &mut Sources,
    found: &mut Diagnostics,
) -> Vec<Design> {
    let Some(root) = whole_file(name, text, files, sources, found) else { return Vec::new() };
    let variants = root.get("variants").cloned();
    let base = Design { name: "base".to_owned(), tree: without(root, &["variants"]) };
    let mut designs = Vec::new();
    if let Some(list) = &variants {
        read_variants(list, &base, &mut designs, found);
    }
    match only {
        Some("base") => designs = vec![base],
        Some(wanted) => {
            if !designs.iter().any(|d| d.name == wanted) {
                let names = designs.iter().map(|d| d.name.as_str());
                found.add(
                    Code::UnknownVariant,
                    None,
                    format!("there is no variant `{wanted}`"),
                    did_you_mean(wanted, names),
                );
            }
            designs.retain(|d| d.name == wanted);
        }
        None if designs.is_empty() => designs.push(base),
        None => {}
    }
    for setting in settings {
        apply(setting, &mut designs, sources, found);
    }
    designs
}

fn whole_file(
    name: &str,
    text: String,
    files: &dyn Files,
    sources: &mut Sources,
    found: &mut Diagnostics,
) -> Option<Node> {
    let mut chain: Vec<(String, Node)> = Vec::new();
    let mut next = Some((name.to_owned(), text, None));
    while let Some((name, text, place)) = next.take() {
        if chain.iter().any(|(other, _)| *other == name) {
            found.add(
                Code::ExtendsCycle,
                place,
                format!("`{name}` extends itself, by way of others"),
                "remove one `extends`",
            );
            return None;
        }
        if chain.len() == LONGEST {
            found.add(
                Code::ExtendsCycle,
                place,
                "the chain of `extends` is too long",
                "join some of the files",
            );
            return None;
        }
        let source = sources.add(name.clone(), text);
        let node = yaml::read(source, sources, found)?;
        if let Some(parent) = node.get("extends").filter(|n| !n.is_null()) {
            let parent_name = parent.text().unwrap_or_default().to_owned();
            match read_beside(&parent_name, files) {
                Ok(text) => next = Some((parent_name, text, Some(parent.place))),
                Err((code, why)) => {
                    found.add(code, parent.place, why, "name a file beside or below this one");
                    return None;
                }
            }
        }
        chain.push((name, without(node, &["extends"])));
    }
    let (_, mut merged) = chain.pop()?;
    while let Some((_, over)) = chain.pop() {
        merged = patch(without(merged, &["variants"]), &over);
    }
    Some(merged)
}

/// The text of a file that a scenario names, if it lies within the scenario's folder.
pub(super) fn read_beside(name: &str, files: &dyn Files) -> Result<String, (Code, String)> {
    let leaves = name.is_empty()
        || name.starts_with(['/', '\\'])
        || name.contains([':', '\0'])
        || name.split(['/', '\\']).any(|part| part == "..");
    if leaves {
        return Err((Code::PathLeavesFolder, format!("`{name}` leads out of the scenario's folder")));
    }
    files.read(name).map_err(|why| (Code::UnreadableFile, format!("`{name}` cannot be read: {why}")))
}

fn read_variants(list: &Node, base: &Design, designs: &mut Vec<Design>, found: &mut Diagnostics) {
    if !matches!(list.value, Value::List(_)) {
        found.add(Code::WrongShape, list.place, "variants are a list", "write `- name: fleet`");
    }
    let names: Vec<&str> = list.items().iter().filter_map(|v| v.get("name").and_then(Node::text)).collect();
    for variant in list.items() {
        let Some(name) = variant.get("name").and_then(Node::text).filter(|n| !n.is_empty()) else {
            found.add(Code::BadVariantName, variant.place, "a variant has no name", "add `name:`");
            continue;
        };
        if name == "base" || designs.iter().any(|d| d.name == name) {
            found.add(
                Code::BadVariantName,
                variant.place,
                format!("the name `{name}` is taken"),
                "choose another",
            );
            continue;
        }
        for (key, _) in variant.entries() {
            if matches!(key.name.as_str(), "scenario" | "variants") {
                found.add(
                    Code::BlockNotInVariant,
                    key.place,
                    format!("a variant may not hold `{}`", key.name),
                    "move it to the file itself",
                );
            }
        }
        let tree = match variant.get("extends").filter(|n| !n.is_null()) {
            None => &base.tree,
            Some(node) => {
                let parent = node.text().unwrap_or_default();
                match designs.iter().find(|d| d.name == parent) {
                    Some(design) => &design.tree,
                    None if names.contains(&parent) => {
                        found.add(
                            Code::ExtendsCycle,
                            node.place,
                            format!("`{parent}` does not come before `{name}`"),
                            "a variant extends an earlier one",
                        );
                        continue;
                    }
                    None => {
                        found.add(
                            Code::UnknownVariant,
                            node.place,
                            format!("there is no variant `{parent}`"),
                            did_you_mean(parent, names.iter().copied()),
                        );
                        continue;
                    }
                }
            }
        };
        let own = without(variant.clone(), &["name", "extends", "scenario", "variants"]);
        designs.push(Design { name: name.to_owned(), tree: patch(tree.clone(), &own) });
    }
}

/// The segments of a dotted path; one that holds a dot is quoted.
fn segments(path: &str) -> Option<Vec<String>> {
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

fn apply(setting: &str, designs: &mut [Design], sources: &mut Sources, found: &mut Diagnostics) {
    let source = sources.add(format!("--set {setting}"), setting);
    let whole = sources.place(source, 0, setting.len());
    // The `=` that ends the path is the first one outside of quotes.
    let mut quoted = false;
    let at = setting.char_indices().find(|(_, c)| {
        quoted ^= *c == '"';
        *c == '=' && !quoted
    });
    let Some((path, at)) = at.and_then(|(at, _)| segments(&setting[..at]).map(|path| (path, at))) else {
        found.add(Code::BadSet, whole, "this is no `path=value`", "write `--set components.app.instances=6`");
        return;
    };
    let value_source = sources.add(format!("--set {setting}"), &setting[at + 1..]);
    // Nothing deletes, which a whole file may not be.
    let mut node = if matches!(setting[at + 1..].trim(), "null" | "~") {
        Node { value: Value::Null, place: whole }
    } else {
        let Some(node) = yaml::read(value_source, sources, found) else { return };
        node
    };
    for name in path.iter().rev() {
        let key = Key { name: name.clone(), place: whole };
        node = Node { place: whole, value: Value::Map(vec![(key, node)]) };
    }
    for design in designs {
        let mut here = &design.tree;
        for name in &path[..path.len() - 1] {
            match here.get(name) {
                Some(next) if !matches!(next.value, Value::Map(_) | Value::Null) => {
                    found.add(
                        Code::BadSet,
                        whole,
                        format!("`{name}` is {}, not a mapping", next.what()),
                        "set a key of a mapping",
                    );
                    return;
                }
                Some(next) => here = next,
                None => break,
            }
        }
        design.tree = patch(design.tree.clone(), &node);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Folder(Vec<(&'static str, &'static str)>);
    impl Files for Folder {
        fn read(&self, name: &str) -> Result<String, String> {
            self.0
                .iter()
                .find(|(n, _)| *n == name)
                .map(|(_, t)| (*t).to_owned())
                .ok_or_else(|| "no such file".into())
        }
    }

    fn designs(text: &str, settings: &[&str]) -> (Vec<Design>, Vec<&'static str>) {
        let files = Folder(vec![
            ("base.yaml", "scenario: b\na: {x: 1, y: 2}\nexpect: [1]\n"),
            ("loop.yaml", "extends: loop.yaml"),
        ]);
        let (mut sources, mut found) = (Sources::new(), Diagnostics::new());
        let settings: Vec<String> = settings.iter().map(|s| (*s).to_owned()).collect();
        let designs = load("s.yaml", text.to_owned(), &files, &settings, None, &mut sources, &mut found);
        (designs, found.sorted().iter().map(|d| d.code.text()).collect())
    }

    #[test]
    fn maps_merge_null_deletes_and_variants_build_on_each_other() {
        let (all, errors) = designs(
            "extends: base.yaml\na: {y: 3}\nexpect: null\nvariants:\n  - {name: v, a: {x: null, z: 5}}\n  - {name: w, extends: v, a: {y: 7}}\n",
            &["a.\"q.r\"=8"],
        );
        assert!(errors.is_empty(), "{errors:?}");
        let value = |d: &Design, k: &str| {
            d.tree.get("a").and_then(|a| a.get(k)).and_then(|n| n.text().map(str::to_owned))
        };
        assert_eq!(all.len(), 2);
        assert_eq!(
            (value(&all[0], "x"), value(&all[0], "y"), value(&all[1], "y")),
            (None, Some("3".into()), Some("7".into()))
        );
        assert_eq!((value(&all[1], "z"), value(&all[1], "q.r")), (Some("5".into()), Some("8".into())));
        assert!(all[0].tree.get("expect").is_none());
    }

    #[test]
    fn mistakes_of_merging_have_codes() {
        for (text, settings, code) in [
            ("extends: ../x.yaml\n", &[][..], "E0208"),
            ("extends: none.yaml\n", &[], "E0206"),
            ("extends: loop.yaml\n", &[], "E0207"),
            ("a: 1\nvariants: [{name: v, extends: w}]\n", &[], "E0209"),
            ("a: 1\nvariants: [{a: 2}]\n", &[], "E0210"),
            ("a: 1\nvariants: [{name: v, scenario: x}]\n", &[], "E0211"),
            ("a: 1\n", &["b"], "E0212"),
            ("a: 1\n", &["a.b=2"], "E0212"),
        ] {
            assert_eq!(designs(text, settings).1, [code], "{text} {settings:?}");
        }
    }
}
