//! Merging on the tree: files that `extends` names, variants, and `--set`; what is merged keeps the
//! place that wrote it.

use std::collections::BTreeMap;

use super::reading::Files;
use super::{presets, setting, yaml};
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

/// Most variants of one scenario: each is a copy of the whole tree.
const MOST_VARIANTS: usize = 64;

/// Lays `over` on `base`: maps merge, lists and scalars replace, null deletes (RFC 7396, JSON merge patch).
#[must_use]
pub fn patch(base: Node, over: &Node) -> Node {
    let Value::Map(patches) = &over.value else { return over.clone() };
    let (entries, place) = match base.value {
        Value::Map(entries) => (entries, base.place),
        _ => (Vec::new(), over.place),
    };
    let index: BTreeMap<String, usize> =
        entries.iter().enumerate().map(|(at, (key, _))| (key.name.clone(), at)).collect();
    let mut merged: Vec<Option<(Key, Node)>> = entries.into_iter().map(Some).collect();
    for (key, value) in patches {
        let slot = index.get(&key.name).and_then(|at| merged.get_mut(*at));
        match (slot, value.is_null()) {
            (Some(slot), true) => *slot = None,
            (Some(slot), false) => *slot = slot.take().map(|(old, below)| (old, patch(below, value))),
            (None, true) => {}
            (None, false) => {
                let nothing = Node { value: Value::Null, place: value.place };
                merged.push(Some((key.clone(), patch(nothing, value))));
            }
        }
    }
    Node { value: Value::Map(merged.into_iter().flatten().collect()), place }
}

/// How many values a tree holds, counted as its reader does.
fn size(node: &Node) -> usize {
    let below = node.entries().iter().map(|(_, value)| 1 + size(value));
    1 + below.sum::<usize>() + node.items().iter().map(size).sum::<usize>()
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
    let mut designs = bare(name, text, files, only, sources, found);
    for setting in settings {
        setting::set_all("--set", setting, &mut designs, sources, found);
    }
    for design in &mut designs {
        presets::fill(&mut design.tree, sources, found);
    }
    designs
}

/// The designs as the files write them, before flags and presets.
pub fn bare(
    name: &str,
    text: String,
    files: &dyn Files,
    only: Option<&str>,
    sources: &mut Sources,
    found: &mut Diagnostics,
) -> Vec<Design> {
    let Some(root) = whole_file(name, text, files, sources, found) else { return Vec::new() };
    let variants = root.get("variants").cloned();
    let base = Design { name: "base".to_owned(), tree: without(root, &["variants"]) };
    let mut designs = variants.as_ref().map_or_else(Vec::new, |list| read_variants(list, &base, found));
    match only {
        Some("base") => designs = vec![base],
        Some(wanted) => {
            let list = variants.as_ref().map_or(&[][..], Node::items);
            let names = list.iter().filter_map(|v| v.get("name").and_then(Node::text)).chain(["base"]);
            if !names.clone().any(|name| name == wanted) {
                let help = did_you_mean(wanted, names);
                found.add(Code::UnknownVariant, None, format!("there is no variant `{wanted}`"), help);
            }
            designs.retain(|d| d.name == wanted);
        }
        None if designs.is_empty() => designs.push(base),
        None => {}
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
    // The first file's own folder is the root of all paths, so there it goes by its last name.
    let first = name.rsplit_once(['/', '\\']).map_or(name, |(_, last)| last).to_owned();
    let mut next = Some((name.to_owned(), text, None));
    while let Some((name, text, place)) = next.take() {
        if place.is_some() && (name == first || chain.iter().skip(1).any(|(other, _)| *other == name)) {
            let way = if chain.last().is_some_and(|(last, _)| *last == name || chain.len() == 1) {
                "directly"
            } else {
                "by way of others"
            };
            found.add(
                Code::ExtendsCycle,
                place,
                format!("`{name}` extends itself, {way}"),
                "remove one `extends`",
            );
            return None;
        }
        if chain.len() == LONGEST {
            found.add(
                Code::TooLarge,
                place,
                format!("more than {LONGEST} files extend each other"),
                "join some of the files",
            );
            return None;
        }
        let source = sources.add(name.clone(), text);
        let node = yaml::read(source, sources, found)?;
        if let Some(parent) = node.get("extends").filter(|n| !n.is_null()) {
            let Some(written) = parent.text() else {
                let message = format!("`extends` names one file, and this is {}", parent.what());
                found.add(Code::WrongShape, parent.place, message, "write `extends: base.yaml`");
                return None;
            };
            // The first file's own folder is the root of all paths, so its name counts for nothing.
            let folder =
                if chain.is_empty() { "" } else { name.rsplit_once('/').map_or("", |(folder, _)| folder) };
            match read_from(folder, written, files) {
                Ok((path, text)) => next = Some((path, text, Some(parent.place))),
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
        let values = size(&merged);
        if values > yaml::MAX_NODES {
            let message = format!("merged with what it extends, the scenario has {values} values");
            found.add(Code::TooLarge, over.place, message, "keep traces and observed values in CSV files");
            return None;
        }
    }
    Some(merged)
}

/// The path, from the scenario's folder, and the text of a file that one in `folder` names.
pub(super) fn read_from(
    folder: &str,
    name: &str,
    files: &dyn Files,
) -> Result<(String, String), (Code, String)> {
    stays_inside(name)?;
    let parts = folder.split('/').chain(name.split(['/', '\\'])).filter(|part| !matches!(*part, "" | "."));
    let path = parts.collect::<Vec<_>>().join("/");
    let text = read_beside(&path, files)?;
    Ok((path, text))
}

/// The text of a file that a scenario names, if it lies within the scenario's folder.
fn read_beside(name: &str, files: &dyn Files) -> Result<String, (Code, String)> {
    stays_inside(name)?;
    if files.leads_out(name) {
        let message = format!("`{name}` is a link that leads out of the scenario's folder");
        return Err((Code::PathLeavesFolder, message));
    }
    files.read(name).map_err(|why| (Code::UnreadableFile, format!("`{name}` cannot be read: {why}")))
}

fn stays_inside(name: &str) -> Result<(), (Code, String)> {
    let leaves = name.is_empty()
        || name.starts_with(['/', '\\'])
        || name.contains([':', '\0'])
        || name.split(['/', '\\']).any(|part| part == "..");
    if leaves {
        return Err((Code::PathLeavesFolder, format!("`{name}` leads out of the scenario's folder")));
    }
    Ok(())
}

/// What a variant is laid on.
#[derive(Clone, Copy)]
enum Parent {
    Base,
    Variant(usize),
    /// A name that is none; already reported.
    Unknown,
}

fn read_variants(list: &Node, base: &Design, found: &mut Diagnostics) -> Vec<Design> {
    if !matches!(list.value, Value::List(_)) {
        found.add(Code::WrongShape, list.place, "variants are a list", "write `- name: fleet`");
    }
    if list.items().len() > MOST_VARIANTS {
        let message = format!("there are {} variants, the most is {MOST_VARIANTS}", list.items().len());
        found.add(Code::TooLarge, list.place, message, "sweep a value with `--vary` instead");
        return Vec::new();
    }
    let variants = named(list, found);
    let parents: Vec<Parent> =
        variants.iter().map(|(_, variant)| parent(variant, &variants, found)).collect();
    let mut trees: Vec<Option<Node>> = vec![None; variants.len()];
    // A variant may extend one that is written after it, so rounds go on while they build something.
    let mut built = true;
    while built {
        built = false;
        for (at, (_, variant)) in variants.iter().enumerate().filter(|(at, _)| parents[*at].is_known()) {
            let below = match parents[at] {
                Parent::Variant(parent) => trees[parent].as_ref(),
                _ => Some(&base.tree),
            };
            if let (None, Some(below)) = (&trees[at], below) {
                let own = without((*variant).clone(), &["name", "extends", "scenario", "variants"]);
                trees[at] = Some(patch(below.clone(), &own));
                built = true;
            }
        }
    }
    for (at, (name, variant)) in variants.iter().enumerate() {
        if extends_itself(at, &parents) {
            let place = variant.get("extends").map(|node| node.place);
            let direct = matches!(parents[at], Parent::Variant(parent) if parent == at);
            let way = if direct { "directly" } else { "by way of others" };
            let message = format!("`{name}` extends itself, {way}");
            found.add(Code::ExtendsCycle, place, message, "let one of them extend `base`");
        }
    }
    let built = variants.iter().zip(trees);
    built.filter_map(|((name, _), tree)| Some(Design { name: (*name).to_owned(), tree: tree? })).collect()
}

impl Parent {
    fn is_known(self) -> bool {
        !matches!(self, Self::Unknown)
    }
}

/// The variants that have a name of their own.
fn named<'a>(list: &'a Node, found: &mut Diagnostics) -> Vec<(&'a str, &'a Node)> {
    let mut variants: Vec<(&str, &Node)> = Vec::new();
    for variant in list.items() {
        let name = variant.get("name");
        let Some(text) = name.and_then(Node::text).filter(|n| !n.is_empty()) else {
            found.add(Code::BadVariantName, variant.place, "a variant has no name", "add `name:`");
            continue;
        };
        if text == "base" || variants.iter().any(|(other, _)| *other == text) {
            let place = name.map_or(variant.place, |n| n.place);
            found.add(Code::BadVariantName, place, format!("the name `{text}` is taken"), "choose another");
            continue;
        }
        for (key, _) in variant.entries() {
            if matches!(key.name.as_str(), "scenario" | "variants") {
                let message = format!("a variant may not hold `{}`", key.name);
                found.add(Code::BlockNotInVariant, key.place, message, "move it to the file itself");
            }
        }
        variants.push((text, variant));
    }
    variants
}

fn parent(variant: &Node, variants: &[(&str, &Node)], found: &mut Diagnostics) -> Parent {
    let Some(node) = variant.get("extends").filter(|n| !n.is_null()) else { return Parent::Base };
    let wanted = node.text().unwrap_or_default();
    if wanted == "base" {
        return Parent::Base;
    }
    if let Some(at) = variants.iter().position(|(name, _)| *name == wanted) {
        return Parent::Variant(at);
    }
    let names = variants.iter().map(|(name, _)| *name).chain(["base"]);
    found.add(
        Code::UnknownVariant,
        node.place,
        format!("there is no variant `{wanted}`"),
        did_you_mean(wanted, names),
    );
    Parent::Unknown
}

fn extends_itself(start: usize, parents: &[Parent]) -> bool {
    let mut at = start;
    for _ in 0..parents.len() {
        match parents[at] {
            Parent::Variant(parent) if parent == start => return true,
            Parent::Variant(parent) => at = parent,
            _ => return false,
        }
    }
    false
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

    #[test]
    fn null_deletes_by_flag_but_an_empty_value_is_refused() {
        let (all, errors) = designs("a: {x: 1, y: 2}\nb: 3\n", &["a.x=null", "b=~"]);
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(all[0].tree.entries().len(), 1);
        assert_eq!(all[0].tree.get("a").map(|a| a.entries().len()), Some(1));
        let deep = format!("{}=1", vec!["a"; 50_000].join("."));
        for setting in
            ["a=", "a=# 5", "=5", "a..b=5", "\"a=5", "variants.0.name=x", "extends=x.yaml", deep.as_str()]
        {
            assert_eq!(designs("a: 1\n", &[setting]).1, ["E0212"], "{}", &setting[..setting.len().min(20)]);
        }
    }

    #[test]
    fn a_flag_is_a_place() {
        let (mut sources, mut found) = (Sources::new(), Diagnostics::new());
        let settings = ["m.\"GET /a.js\"={ramp: [0m 1k rps, 5m 2k rps]}".to_owned()];
        let all =
            load("s.yaml", "m: {x: 1}\n".into(), &Folder(vec![]), &settings, None, &mut sources, &mut found);
        let ramp =
            all[0].tree.get("m").and_then(|m| m.get("GET /a.js")).and_then(|n| n.get("ramp")).expect("set");
        let place = ramp.items()[1].place;
        assert_eq!(sources.slice(place), "5m 2k rps");
        assert_eq!(sources.get(place.source).map(|s| s.name.clone()), Some(format!("--set {}", settings[0])));
    }

    #[test]
    fn files_are_found_from_the_folder_of_the_file_that_names_them() {
        let files = Folder(vec![
            ("sub/mid.yaml", "extends: deep/last.yaml\nb: 2\n"),
            ("sub/deep/last.yaml", "a: 1\nb: 1\nvariants: [{name: old}]\n"),
            ("sub/up.yaml", "extends: ../s.yaml\n"),
            ("sub/self.yaml", "extends: ./self.yaml\n"),
            ("gone.yaml", "c: [1]\n"),
        ]);
        let read = |text: &str| {
            let (mut sources, mut found) = (Sources::new(), Diagnostics::new());
            let all = load("in/s.yaml", text.to_owned(), &files, &[], None, &mut sources, &mut found);
            let place = all.first().and_then(|d| d.tree.get("a")).and_then(|n| sources.get(n.place.source));
            let names = all.iter().map(|d| d.name.clone()).collect::<Vec<_>>();
            let codes = found.sorted().iter().map(|d| d.code.text()).collect::<Vec<_>>();
            (names, place.map(|s| s.name.clone()), codes)
        };
        let (names, place, codes) = read("extends: ./sub/mid.yaml\nc: 3\n");
        assert!(codes.is_empty(), "{codes:?}");
        assert_eq!((names, place), (vec!["base".to_owned()], Some("sub/deep/last.yaml".to_owned())));
        assert_eq!(read("extends: sub/up.yaml\n").2, ["E0208"]);
        assert_eq!(read("extends: sub/self.yaml\n").2, ["E0207"]);
        assert_eq!(read("extends: [gone.yaml]\n").2, ["E0203"]);
        for outside in ["/etc/passwd", "C:/x.yaml", "a/../../x", "https://x.org/a.yaml", "..\\x", "''"] {
            assert_eq!(read(&format!("extends: {outside}\n")).2, ["E0208"], "{outside}");
        }
    }

    #[test]
    fn variants_may_stand_in_any_order_and_circles_are_refused() {
        let (all, errors) = designs(
            "a: 1\nvariants:\n  - {name: w, extends: v, c: 3}\n  - {name: v, extends: base, b: 2}\n",
            &[],
        );
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(
            all.iter().map(|d| d.name.as_str()).collect::<Vec<_>>(),
            ["w", "v"],
            "in the order of writing"
        );
        assert_eq!(all[0].tree.get("b").and_then(Node::text), Some("2"));
        for key in ["name", "extends", "variants"] {
            assert!(all.iter().all(|d| d.tree.get(key).is_none()), "{key}");
        }
        let circle =
            "a: 1\nvariants: [{name: x, extends: y}, {name: y, extends: x}, {name: z, extends: x}]\n";
        assert_eq!(designs(circle, &[]).1, ["E0207", "E0207"], "`z` only stands on the circle");
        assert_eq!(designs("a: 1\nvariants: [{name: x, extends: x}]\n", &[]).1, ["E0207"]);
        for names in ["{name: base}", "{name: v}, {name: v}", "x"] {
            assert_eq!(designs(&format!("variants: [{names}]\n"), &[]).1, ["E0210"], "{names}");
        }
        let many: Vec<String> = (0..=MOST_VARIANTS).map(|i| format!("{{name: v{i}}}")).collect();
        assert_eq!(designs(&format!("variants: [{}]\n", many.join(", ")), &[]).1, ["E0103"]);
    }

    #[test]
    fn one_variant_can_be_chosen() {
        let text = "a: 1\nvariants: [{name: fleet, a: 2}, {name: cached, a: 3}]\n";
        let choose = |only: &str| {
            let (mut sources, mut found) = (Sources::new(), Diagnostics::new());
            let files = Folder(vec![]);
            let all = load("s.yaml", text.to_owned(), &files, &[], Some(only), &mut sources, &mut found);
            let values: Vec<_> =
                all.iter().filter_map(|d| d.tree.get("a").and_then(Node::text)).map(str::to_owned).collect();
            (values, found.sorted().first().map(|d| (d.code.text(), d.help.clone())))
        };
        assert_eq!(choose("cached"), (vec!["3".to_owned()], None));
        assert_eq!(choose("base"), (vec!["1".to_owned()], None));
        assert_eq!(choose("flet"), (vec![], Some(("E0209", "did you mean `fleet`?".to_owned()))));
    }

    #[test]
    fn a_patch_leaves_no_null_behind() {
        let (all, errors) =
            designs("a: 1\nvariants: [{name: v, a: {x: null, y: 2}, b: {c: {d: null}}}]\n", &[]);
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(all[0].tree.get("a").map(|a| a.entries().len()), Some(1));
        assert_eq!(all[0].tree.get("b").and_then(|b| b.get("c")).map(|c| c.entries().len()), Some(0));
    }

    #[test]
    fn designs_of_an_extended_file_build_on_each_other() {
        let base = "\
scenario: one-server
run: {duration: 40m, seed: 7}
clients: {visitors: {mix: {GET /v1/feed: 60, POST /v1/posts: 12}, to: app}}
components:
  app: {kind: service, pools: {db: {size: 40, wait: 3s}}, endpoints: {GET /v1/feed: [cpu: ~8ms, reply: ~20KB]}}
expect: [{during: end, that: time_to_recover > 2m}]
";
        let text = "\
scenario: fleet
extends: one-server.yaml
clients: {visitors: {mix: {GET /static/app.js: 40}}}
expect: null
variants:
  - name: fleet
    clients: {visitors: {to: lb}}
    components: {lb: {kind: load_balancer, to: app}, app: {instances: 6, pools: {db: {size: 15}}}}
    faults: [{at: 14m, kill: \"app[0]\"}]
  - name: cached
    extends: fleet
    components: {app: {endpoints: {GET /v1/feed: [cpu: ~8ms]}}}
    faults: null
";
        let (mut sources, mut found) = (Sources::new(), Diagnostics::new());
        let files = Folder(vec![("one-server.yaml", base)]);
        let settings = ["clients.visitors.mix.\"GET /static/app.js\"=80".to_owned()];
        let all = load("fleet.yaml", text.to_owned(), &files, &settings, None, &mut sources, &mut found);
        assert!(found.is_empty(), "{found:?}");
        let at = |design: &Design, path: &[&str]| {
            path.iter().try_fold(design.tree.clone(), |node, name| node.get(name).cloned())
        };
        let text_at =
            |design: &Design, path: &[&str]| at(design, path).and_then(|n| n.text().map(str::to_owned));
        let source_at = |design: &Design, path: &[&str]| {
            at(design, path).and_then(|n| sources.get(n.place.source).map(|s| s.name.clone()))
        };
        let (fleet, cached) = (&all[0], &all[1]);
        for design in [fleet, cached] {
            assert_eq!(text_at(design, &["scenario"]).as_deref(), Some("fleet"));
            assert_eq!(text_at(design, &["clients", "visitors", "to"]).as_deref(), Some("lb"));
            assert_eq!(text_at(design, &["components", "app", "pools", "db", "size"]).as_deref(), Some("15"));
            assert_eq!(text_at(design, &["components", "app", "pools", "db", "wait"]).as_deref(), Some("3s"));
            let mix = at(design, &["clients", "visitors", "mix"]);
            assert_eq!(mix.map(|m| m.entries().len()), Some(3));
            assert!(at(design, &["expect"]).is_none());
            assert_eq!(source_at(design, &["run", "seed"]).as_deref(), Some("one-server.yaml"));
            assert_eq!(source_at(design, &["components", "app", "instances"]).as_deref(), Some("fleet.yaml"));
            let flag = source_at(design, &["clients", "visitors", "mix", "GET /static/app.js"]);
            assert!(flag.is_some_and(|name| name.starts_with("--set ")));
        }
        let steps = |design: &Design| {
            at(design, &["components", "app", "endpoints", "GET /v1/feed"]).map(|steps| steps.items().len())
        };
        assert_eq!((steps(fleet), steps(cached)), (Some(2), Some(1)));
        assert!(at(fleet, &["faults"]).is_some() && at(cached, &["faults"]).is_none());
    }
}
