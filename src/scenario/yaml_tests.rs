use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> (Option<Node>, Sources, Diagnostics) {
    let mut sources = Sources::new();
    let id = sources.add("a.yaml", text);
    let mut found = Diagnostics::new();
    let node = read(id, &sources, &mut found);
    (node, sources, found)
}

fn codes(text: &str) -> Vec<Code> {
    parse(text).2.sorted().iter().map(|d| d.code).collect()
}

/// The first finding's code, line, column, message and help.
fn finding(text: &str) -> (Code, u32, u32, String, String) {
    let (_, _, found) = parse(text);
    let first = found.sorted()[0].clone();
    let (line, column) = first.place.map_or((0, 0), |p| (p.line, p.column));
    (first.code, line, column, first.message, first.help)
}

fn walk<'a>(node: &'a Node, see: &mut impl FnMut(Place, Option<&'a str>)) {
    see(node.place, node.text());
    node.items().iter().for_each(|item| walk(item, see));
    for (key, value) in node.entries() {
        see(key.place, Some(&key.name));
        walk(value, see);
    }
}

const SAMPLE: &str = "\
# a scenario with ± in a comment
scenario: sample
run: {duration: 40m, seed: \"7\"}   # flow
clients:
  visitors:
    mix:
      GET /v1/users/{id}: 25
    arrivals: 60s±10%
steps:
  - cpu: ~8ms
  - reply: [a, 'b']
none:
last: null
";

#[test]
fn every_key_and_value_knows_its_place() {
    let (node, sources, found) = parse(SAMPLE);
    assert!(found.is_empty(), "{found:?}");
    let node = node.unwrap();
    let mut seen = 0;
    walk(&node, &mut |place, text| {
        if let Some(text) = text {
            assert_eq!(sources.slice(place).trim_matches(['"', '\'']), text);
            seen += 1;
        }
        assert_eq!(place, sources.place(place.source, place.start, place.end));
    });
    assert_eq!(seen, 22);
    let run = node.get("run").unwrap();
    assert_eq!(sources.slice(run.place), "{duration: 40m, seed: \"7\"}");
    assert_eq!(run.get("seed").unwrap().value, Value::Scalar { text: "7".to_owned(), style: Style::Quoted });
    let steps = node.get("steps").unwrap();
    assert_eq!(sources.slice(steps.place), "- cpu: ~8ms\n  - reply: [a, 'b']");
    assert!(node.get("none").unwrap().is_null() && node.get("last").unwrap().is_null());
    assert_eq!(node.get("steps").unwrap().items()[0].get("cpu").unwrap().text(), Some("~8ms"));
}

#[test]
fn windows_line_ends_and_byte_order_marks_keep_places() {
    let (node, sources, found) = parse("\u{feff}a: 1\r\nb:\r\n  c: x\r\n");
    assert!(found.is_empty(), "{found:?}");
    let node = node.unwrap();
    assert_eq!(sources.slice(node.get("a").unwrap().place), "1");
    let c = node.get("b").unwrap().get("c").unwrap().place;
    assert_eq!((sources.slice(c), c.line, c.column), ("x", 3, 6));
}

#[test]
fn what_is_not_yaml_is_explained_where_it_stands() {
    let mut wrong = Vec::new();
    for (text, line, column, message, help) in [
        (
            "run:\n\tseed: 1\n",
            2,
            1,
            "a tab stands where YAML allows spaces only",
            "replace the tab by spaces",
        ),
        ("a: 1\nb: x: y\n", 2, 5, "a second `: ` begins", "quotes"),
        ("a: \"never\n", 1, 4, "a quote is never closed", "close"),
        ("a: [1, 2\nb: 3\n", 2, 2, "an entry begins where none can stand", "close the bracket"),
        ("a: @x\n", 1, 4, "cannot begin with this character", "quotes"),
        ("a: {b: 1]\n", 1, 4, "what `{` opens is closed by `]`", "order of opening"),
        ("a: 1]\n]\n", 2, 1, "closes nothing that is open", "close"),
        ("a: [1, 2\n", 1, 4, "never closed", "missing"),
        ("a:\n  b: 1\n c: 2\n", 3, 2, "not indented like", "align"),
        ("a: 1\nnonsense\n", 2, 1, "a key with its colon", "key: value"),
    ] {
        let (code, at, col, said, advice) = finding(text);
        let fits = said.contains(message) && advice.contains(help);
        if (code, at, col, fits) != (Code::YamlSyntax, line, column, true) {
            wrong.push(format!("{text:?} {at}:{col} {said}: {advice}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_is_not_closed_is_pointed_at() {
    let (_, sources, found) = parse("run: {a: 1}\na: [1, 2\nb: 3\n");
    let label = found.sorted()[0].labels[0].0;
    assert_eq!((sources.slice(label), label.line, label.column), ("[", 2, 4));
}

#[test]
fn a_path_that_yaml_cuts_has_its_own_code() {
    let (code, line, column, _, help) = finding("call: {endpoint: GET /v1/users/{id}}\n");
    assert_eq!((code, line), (Code::CutByYaml, 1));
    assert_eq!(column, 32);
    assert!(help.contains("quotes"));
}

#[test]
fn duplicate_keys_point_at_the_first() {
    let (node, sources, found) = parse("run:\n  seed: 1\n  seed: 2\nx: 1\nx: 2\n");
    assert_eq!(found.sorted().len(), 2, "reading goes on after the first");
    let finding = found.sorted()[0];
    assert_eq!((finding.code, finding.place.unwrap().line), (Code::DuplicateKey, 3));
    assert_eq!((finding.labels[0].0.line, sources.slice(finding.labels[0].0)), (2, "seed"));
    assert_eq!(node.unwrap().get("x").unwrap().text(), Some("1"));
}

#[test]
fn documents_are_exactly_one() {
    assert_eq!(codes("a: 1\n---\nb: 2\n"), [Code::SeveralDocuments]);
    assert_eq!(finding("a: 1\n---\nb: 2\n").1, 2);
    assert_eq!(codes("---\na: 1\n...\n"), []);
    for empty in ["", "# nothing\n", "\n\n", "---\n", "~"] {
        assert_eq!(codes(empty), [Code::EmptyDocument], "{empty:?}");
    }
}

#[test]
fn keys_are_names() {
    assert_eq!(codes("? [a, b]\n: 1\nc: 2\n"), [Code::BadKey]);
    assert_eq!(codes(": 1\n"), [Code::BadKey]);
    assert_eq!(codes("\"\": 1\n"), [Code::BadKey]);
    assert_eq!(codes("{{a: 1}: 2}"), [Code::BadKey]);
    assert_eq!(codes("5: x\ntrue: y\n"), []);
}

#[test]
fn merge_keys_copy_what_is_not_written() {
    let text = "\
base: &base {cpu: 4, workers: 10}
more: &more {workers: 20, backlog: 7}
one:
  kind: service
  <<: *base
  cpu: 8
two: {<<: [*base, *more]}
same: *base
";
    let (node, sources, found) = parse(text);
    assert!(found.is_empty(), "{found:?}");
    let node = node.unwrap();
    let flat = |name: &str| -> Vec<(String, String)> {
        let entries = node.get(name).unwrap().entries();
        entries.iter().map(|(k, v)| (k.name.clone(), v.text().unwrap().to_owned())).collect()
    };
    let pairs = |p: &[(&str, &str)]| -> Vec<(String, String)> {
        p.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    };
    assert_eq!(flat("one"), pairs(&[("kind", "service"), ("workers", "10"), ("cpu", "8")]));
    assert_eq!(flat("two"), pairs(&[("cpu", "4"), ("workers", "10"), ("backlog", "7")]));
    assert_eq!(flat("same"), flat("base"));
    assert_eq!(node.get("one").unwrap().get("workers").unwrap().place.line, 1);
    let two = node.get("two").unwrap().place;
    assert_eq!(sources.slice(two), "{<<: [*base, *more]}");
}

#[test]
fn aliases_and_tags_that_cannot_be_used() {
    for text in
        ["a: *b\n", "a: &x [1, *x]\n", "<<: 5\n", "<<: [{a: 1}, 2]\n", "a: !custom 5\n", "a: !!str 5\n"]
    {
        assert_eq!(codes(text), [Code::BadAlias], "{text:?}");
    }
    assert!(finding("a: *b\n").3.contains("&b"));
}

#[test]
fn sizes_are_bounded() {
    let laughs = (1..12).fold("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned(), |text, i| {
        let uses = vec![format!("*a{}", i - 1); 10].join(", ");
        format!("{text}a{i}: &a{i} [{uses}]\n")
    });
    assert_eq!(codes(&laughs), [Code::TooLarge]);
    assert_eq!(codes(&"#".repeat(MAX_BYTES + 1)), [Code::TooLarge]);
    assert_eq!(codes(&"- x\n".repeat(MAX_NODES - 1)), []);
    assert_eq!(codes(&"- x\n".repeat(MAX_NODES)), [Code::TooLarge]);
    let nested = |n: usize| format!("{}1{}", "[".repeat(n), "]".repeat(n));
    assert_eq!(codes(&nested(MAX_DEPTH)), []);
    assert_eq!(codes(&nested(MAX_DEPTH + 1)), [Code::TooDeep]);
    assert_eq!(codes(&"[".repeat(100_000)), [Code::TooDeep]);
    let by_alias = |n: usize| format!("a: &a {}\nb: {{c: *a}}\n", nested(n));
    assert_eq!(codes(&by_alias(MAX_DEPTH - 2)), []);
    assert_eq!(codes(&by_alias(MAX_DEPTH - 1)), [Code::TooDeep]);
}

#[test]
fn one_long_line_is_read_in_reasonable_time() {
    let text = format!("[{}]", "±abc, ".repeat(MAX_NODES - 1));
    let (node, sources, found) = parse(&text);
    assert!(found.is_empty(), "{found:?}");
    let last = node.unwrap().items()[MAX_NODES - 2].place;
    assert_eq!(sources.slice(last), "±abc");
    assert_eq!(last, sources.place(last.source, last.start, last.end));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_ends_in_a_tree_or_a_finding(
        text in "([a-c±\u{feff}\u{85}]|[\\[\\]{},:?&*!|>'\"%@`#~<-]|: |- |<<: |&a |\\*a|\n {0,4}|\t|\r|---\n|\\.\\.\\.\n|null|\\\\|\u{0}){0,40}"
    ) {
        let (node, sources, found) = parse(&text);
        prop_assert!(node.is_some() || found.has_errors());
        for finding in found.sorted() {
            prop_assert!(finding.place.is_none_or(|p| p.end <= text.len() && text.get(p.start..p.end).is_some()));
        }
        if let Some(node) = node {
            let mut whole = true;
            walk(&node, &mut |p, _| whole &= p == sources.place(p.source, p.start, p.end));
            prop_assert!(whole);
        }
    }
}
