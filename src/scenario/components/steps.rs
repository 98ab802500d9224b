//! The steps of an endpoint: one verb each, with its options.

use super::call_options::read_options;
use super::{Names, cache_steps, small, transactions};
use crate::base::{ComponentId, EntityId, OperationId};
use crate::components::service::spec::{Amount, Step, Test};
use crate::document::distribution_text::Of;
use crate::document::{Code, Diagnostics, Node, Value, quantity};
use crate::engine::RowChoice;
use crate::scenario::fields::{self, Fields, part, report, resolve, scalar, share, text};

/// Deepest nesting of steps.
const DEEPEST: u32 = 16;

/// A distribution, or `$name`: the replayed request's own value.
pub(super) fn amount(node: &Node, of: Of, names: &Names, found: &mut Diagnostics) -> Option<Amount> {
    let Some(name) = node.text().and_then(|text| text.strip_prefix('$')) else {
        return fields::amount(node, of, found).map(Amount::Drawn);
    };
    let known = names.columns.iter().map(|(column, _)| column.as_str());
    let at = resolve(node, name, known, Code::UnknownName, "replayed column", found)?;
    Some(Amount::Replayed { column: at as u16, mean: names.columns[at].1 })
}

pub(super) fn read(node: &Node, names: &Names, found: &mut Diagnostics, depth: u32) -> Vec<Step> {
    if depth > DEEPEST {
        found.add(Code::TooDeep, node.place, "steps are nested too deeply", "a behaviour needs a few levels");
        return Vec::new();
    }
    if !matches!(node.value, Value::List(_)) && !node.is_null() {
        found.add(Code::WrongShape, node.place, "steps are a list", "write `- cpu: ~8ms` lines");
    }
    let mut steps = Vec::new();
    for item in node.items() {
        if let Some((step, times)) = read_step(item, names, found, depth) {
            steps.extend(std::iter::repeat_n(step, times));
        }
    }
    steps
}

/// How often a query is repeated, one after the other, at most.
const MOST_TIMES: u64 = 1_000;

/// The verbs of steps.
const VERBS: [&str; 18] = [
    "cpu",
    "sleep",
    "io",
    "query",
    "call",
    "send",
    "parallel",
    "if",
    "lock",
    "transaction",
    "saga",
    "receive",
    "reply",
    "cached",
    "get",
    "put",
    "write",
    "invalidate",
];

/// Whether a step is one verb with its options.
fn is_one_step(item: &Node, found: &mut Diagnostics) -> bool {
    let verbs: Vec<_> = item.entries().iter().filter(|(key, _)| VERBS.contains(&key.name.as_str())).collect();
    match (&item.value, verbs.as_slice()) {
        (_, [_]) => true,
        (_, [_, second, ..]) => {
            let names: Vec<_> = verbs.iter().map(|(key, _)| format!("`{}`", key.name)).collect();
            found.add(
                Code::BadStep,
                second.0.place,
                format!("{} in one step", names.join(" and ")),
                "one step is one verb: begin each on a line of its own with `- `",
            );
            false
        }
        (Value::Map(written), []) => {
            let (place, word) =
                written.first().map_or((item.place, ""), |(key, _)| (key.place, key.name.as_str()));
            found.add(
                Code::BadStep,
                place,
                format!("`{word}` is no step"),
                crate::document::did_you_mean(word, VERBS),
            );
            false
        }
        _ => {
            found.add(
                Code::BadStep,
                item.place,
                format!("a step is a verb with its value, and {} stands here", item.what()),
                "write it like `- cpu: ~8ms` or `- query: db.feed(post)`",
            );
            false
        }
    }
}

/// The steps that run instead of passing an error on, and whether the answer is a degraded one then.
pub(super) fn read_on_error(
    step: &mut Fields<'_>,
    names: &Names,
    found: &mut Diagnostics,
    depth: u32,
) -> (Option<Vec<Step>>, bool) {
    if let (Some(_), Some(second)) = (step.get("on_error"), step.get("fallback")) {
        found.add(
            Code::Conflict,
            second.place,
            "`on_error` and `fallback` exclude each other",
            "keep `fallback` if the answer is then a degraded one",
        );
    }
    let caught = step.get("on_error").map(|n| (read(n, names, found, depth + 1), false));
    let fallback = step.get("fallback").map(|n| (read(n, names, found, depth + 1), true));
    match caught.or(fallback) {
        Some((steps, fallback)) => (Some(steps), fallback),
        None => (None, false),
    }
}

fn read_step(item: &Node, names: &Names, found: &mut Diagnostics, depth: u32) -> Option<(Step, usize)> {
    if !is_one_step(item, found) {
        return None;
    }
    let mut step = Fields::of(item, "a step", found);
    let on_error = |step: &mut Fields<'_>, found: &mut Diagnostics| read_on_error(step, names, found, depth);
    let mut times = 1;
    let read = if let Some(node) = step.get("cpu") {
        amount(node, Of::Time, names, found).map(Step::Cpu)
    } else if let Some(node) = step.get("sleep") {
        amount(node, Of::Time, names, found).map(Step::Sleep)
    } else if let Some(node) = step.get("io") {
        amount(node, Of::Time, names, found).map(Step::Io)
    } else if let Some(node) = step.get("query") {
        let target = read_query(node, names, found);
        times = small(&mut step, "times", 1, MOST_TIMES, found).unwrap_or(1) as usize;
        let (on_error, fallback) = on_error(&mut step, found);
        let options = read_options(&mut step, found);
        target.map(|(target, operation, row)| Step::Call {
            target,
            operation,
            row,
            size: None,
            options,
            on_error,
            fallback,
        })
    } else if let Some(node) = step.get("call") {
        let mut call = Fields::of(node, "a call", found);
        let to = call.need("to", found);
        let endpoint = call.get("endpoint");
        let size = call.get("size").and_then(|n| amount(n, Of::Size, names, found));
        let (on_error, fallback) = on_error(&mut call, found);
        let options = read_options(&mut call, found);
        call.finish(found);
        let target = to.and_then(|n| text(n, found).and_then(|name| names.receiver(n, name, found)));
        let operation = target.and_then(|target| {
            let operations = names.operations(target);
            match endpoint {
                Some(node) => {
                    let name = text(node, found)?;
                    let known = operations.iter().copied();
                    resolve(node, name, known, Code::UnknownEndpoint, "endpoint", found).map(OperationId::at)
                }
                None if operations.len() == 1 => Some(OperationId(0)),
                None => {
                    let example = operations.first().copied().unwrap_or("GET /");
                    found.add(
                        Code::MissingKey,
                        node.place,
                        format!("`endpoint` is missing: the target serves {}", operations.len()),
                        format!("add `endpoint: {example}`"),
                    );
                    None
                }
            }
        });
        target.zip(operation).map(|(target, operation)| Step::Call {
            target,
            operation,
            row: RowChoice::None,
            size,
            options,
            on_error,
            fallback,
        })
    } else if let Some(node) = step.get("parallel") {
        let mut parallel = Fields::of(node, "`parallel`", found);
        let branches: Vec<_> = parallel
            .need("steps", found)
            .map_or(&[][..], Node::items)
            .iter()
            .map(|branch| read(branch, names, found, depth + 1))
            .collect();
        let needed = match parallel.get("wait").and_then(Node::text) {
            None | Some("all") => branches.len() as u64,
            Some("any") => 1,
            Some(_) => small(&mut parallel, "wait", 1, branches.len().max(1) as u64, found).unwrap_or(1),
        };
        let (on_error, fallback) = on_error(&mut parallel, found);
        parallel.finish(found);
        Some(Step::Parallel { needed: needed as u16, branches, on_error, fallback })
    } else if let Some(node) = step.get("if") {
        let mut choice = Fields::of(node, "`if`", found);
        let chance = choice.read("p", share, found).map(Test::Chance);
        let load = choice.read("load", quantity::ratio, found).map(|load| Test::Load(load.get()));
        let header = choice.get("header").and_then(|n| text(n, found)).and_then(|h| h.split_once(':'));
        let customer = header.map(|(name, value)| Test::Customer {
            name: name.trim().to_owned(),
            value: value.trim().to_owned(),
        });
        let then = choice.get("then").map(|n| read(n, names, found, depth + 1)).unwrap_or_default();
        let otherwise = choice.get("else").map(|n| read(n, names, found, depth + 1)).unwrap_or_default();
        choice.finish(found);
        let mut tests = [chance, customer, load].into_iter().flatten();
        let test = tests.next();
        if tests.next().is_some() {
            found.add(
                Code::Conflict,
                node.place,
                "`if` has one condition: `p`, `header` or `load`",
                "put one `if` into the `then` of another",
            );
        }
        if test.is_none() {
            found.add(
                Code::NeedsOneOf,
                node.place,
                "`if` needs a condition",
                "write `p: 20%`, `header: \"x-beta: 1\"` or `load: 80%`",
            );
        }
        test.map(|test| Step::If { test, then, otherwise })
    } else if let Some(node) = step.get("lock") {
        let mut lock = Fields::of(node, "`lock`", found);
        let row = lock.need("row", found);
        let steps = lock.get("steps").map(|n| read(n, names, found, depth + 1)).unwrap_or_default();
        lock.finish(found);
        let entity = row.and_then(|n| text(n, found).and_then(|name| names.entity(n, name, found)));
        entity.map(|entity| Step::Lock { entity, steps })
    } else if let Some(node) = step.get("transaction") {
        transactions::read(node, names, found, depth)
    } else if let Some(node) = step.get("saga") {
        transactions::read_saga(node, names, found, depth)
    } else if let Some(node) = step.get("receive") {
        if node.text().is_some() {
            amount(node, Of::Size, names, found).map(|size| Step::Receive { size, uplink: None })
        } else {
            let mut receive = Fields::of(node, "`receive`", found);
            let size = receive.need("size", found).and_then(|n| amount(n, Of::Size, names, found));
            let uplink = receive.read("at", quantity::bandwidth, found).map(|b| b.as_bytes_per_second());
            receive.finish(found);
            size.map(|size| Step::Receive { size, uplink: uplink.filter(|u| *u > 0.0) })
        }
    } else if let Some(node) = step.get("send") {
        super::queue::read_send(node, names, found, depth)
    } else if let Some(node) = step.get("reply") {
        read_reply(node, names, found)
    } else {
        cache_steps::read(&mut step, names, found, depth).map(Step::Cache)
    };
    step.finish(found);
    read.map(|read| (read, times))
}

fn read_reply(node: &Node, names: &Names, found: &mut Diagnostics) -> Option<Step> {
    let status = |n: &Node, found: &mut Diagnostics| {
        let status = scalar(n, quantity::count, found)?;
        if !(100..=599).contains(&status) {
            found.add(Code::OutOfRange, n.place, "a status is between 100 and 599", "write `reply: 200`");
        }
        Some(status as u16)
    };
    if let Some(written) = node.text() {
        return if written.bytes().all(|b| b.is_ascii_digit()) {
            status(node, found).map(|status| Step::Reply { status, size: None, retry_after: 0 })
        } else {
            amount(node, Of::Size, names, found).map(|size| Step::Reply {
                status: 200,
                size: Some(size),
                retry_after: 0,
            })
        };
    }
    let mut reply = Fields::of(node, "`reply`", found);
    let status = reply.get("status").map_or(Some(200), |n| status(n, found));
    let size = reply.get("size").and_then(|n| amount(n, Of::Size, names, found));
    let after = reply.read("retry_after", quantity::duration, found).unwrap_or_default();
    reply.finish(found);
    let retry_after = u32::try_from(after.as_nanos().div_ceil(1_000_000)).unwrap_or(u32::MAX);
    status.map(|status| Step::Reply { status, size, retry_after })
}

/// `db.feed(post)`: a query of a database about a row.
pub(super) fn read_query(
    node: &Node,
    names: &Names,
    found: &mut Diagnostics,
) -> Option<(ComponentId, OperationId, RowChoice)> {
    let written = text(node, found)?;
    let (path, argument) = match written.split_once('(') {
        Some((path, rest)) => (path, rest.strip_suffix(')')),
        None => (written, Some("")),
    };
    let (Some((component, query)), Some(argument)) = (path.trim().rsplit_once('.'), argument) else {
        report(
            found,
            node,
            crate::document::Fault {
                code: if argument.is_none() { Code::CutByYaml } else { Code::BadStep },
                message: format!("`{written}` names no query"),
                help: "write `query: db.feed(post)`".to_owned(),
                span: None,
            },
        );
        return None;
    };
    let id = names.component(&part(node, component), component, found)?;
    let (_, kind, queries) = &names.components[id.index()];
    if kind != "database" && kind != "pooler" {
        found.add(
            Code::WrongKind,
            node.place,
            format!("`{component}` is no database"),
            format!("a request to it is `call: {{to: {component}, endpoint: ...}}`"),
        );
        return None;
    }
    let known = queries.iter().map(String::as_str);
    let operation =
        resolve(&part(node, query), query, known, Code::UnknownQuery, "query", found).map(OperationId::at)?;
    let row = match argument.trim() {
        "" => RowChoice::None,
        // The entity that is inserted is the one that the query writes; it is known once all is read.
        "new" => RowChoice::New(EntityId(u16::MAX)),
        name => {
            let open = written.find('(').unwrap_or(0);
            let start = open + written[open..].find(name).unwrap_or(0);
            let at = Node { value: Value::Null, place: node.place_within(start, start + name.len()) };
            RowChoice::Own(names.entity(&at, name, found)?)
        }
    };
    Some((id, operation, row))
}
