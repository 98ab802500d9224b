//! The steps `transaction` and `saga`.

use super::{Names, small, steps};
use crate::base::SimDuration;
use crate::components::service::spec::{CacheStep, CallOptions, SagaStep, Step, TransactionSpec};
use crate::document::{Code, Diagnostics, Node, Value, quantity};
use crate::scenario::fields::{Fields, report, text};

/// Attempts of a transaction at most.
const MOST_ATTEMPTS: u64 = 100;

/// Names of the databases that transactions under a node are with.
pub(super) fn databases(node: &Node, names: &mut Vec<String>) {
    if let Some(name) = node.get("transaction").and_then(|node| node.get("in")).and_then(Node::text) {
        names.push(name.to_owned());
    }
    match &node.value {
        Value::List(items) => items.iter().for_each(|item| databases(item, names)),
        _ => node.entries().iter().for_each(|(_, item)| databases(item, names)),
    }
}

/// `transaction: {in: db, attempts: 3, backoff: 10ms..1s, steps: [...]}`.
pub(super) fn read(node: &Node, names: &Names, found: &mut Diagnostics, depth: u32) -> Option<Step> {
    let mut fields = Fields::of(node, "`transaction`", found);
    let database = fields.need("in", found);
    let written = fields.need("steps", found);
    let attempts = small(&mut fields, "attempts", 1, MOST_ATTEMPTS, found).unwrap_or(1) as u16;
    let backoff = fields.get("backoff").and_then(|node| read_backoff(node, found)).unwrap_or_default();
    fields.finish(found);
    let steps = written.map(|node| steps::read(node, names, found, depth + 1)).unwrap_or_default();
    let node = database?;
    let name = text(node, found)?;
    let database = names.component(node, name, found)?;
    if !names.is_database(database) {
        found.add(
            Code::WrongKind,
            node.place,
            format!("`{name}` is no database"),
            "name the database whose statements are committed together; they may be sent through its pooler",
        );
        return None;
    }
    // Its statements all go through one pooler, or none does.
    let mut asked = Vec::new();
    steps.iter().for_each(|step| asks(step, &|target| names.leads_to(target, database), &mut asked));
    let front = asked.first().copied().unwrap_or(database);
    if let (Some(other), Some(written)) = (asked.iter().find(|other| **other != front), written) {
        found.add(
            Code::BadStep,
            written.place,
            format!(
                "one statement of the transaction asks `{}`, another `{}`",
                names.component_name(front),
                names.component_name(*other)
            ),
            "all statements of a transaction go over one connection: ask the same in all of them",
        );
    }
    if let Some(written) = written {
        let items = written.items();
        let wrong = steps.iter().enumerate().find_map(|(at, step)| Some((at, misplaced(step, front)?)));
        if let Some((at, (what, help))) = wrong {
            let place = items.get(at).map_or(written.place, |item| item.place);
            found.add(Code::BadStep, place, format!("{what} inside a transaction"), help);
        }
    }
    Some(Step::Transaction(TransactionSpec { database, front, attempts, backoff, steps }))
}

/// Whom steps ask for statements of a database.
fn asks(
    step: &Step,
    leads: &impl Fn(crate::base::ComponentId) -> bool,
    asked: &mut Vec<crate::base::ComponentId>,
) {
    let mut all = |steps: &[Step]| steps.iter().for_each(|step| asks(step, leads, asked));
    match step {
        Step::Call { target, on_error, .. } => {
            all(on_error.as_deref().unwrap_or_default());
            if leads(*target) {
                asked.push(*target);
            }
        }
        Step::Cache(step) => all(step.beyond()),
        Step::If { then, otherwise, .. } => {
            all(then);
            all(otherwise);
        }
        Step::Lock { steps, .. } => all(steps),
        _ => {}
    }
}

/// A step that means nothing within a transaction with a database: what it is, and what to write instead.
fn misplaced(step: &Step, database: crate::base::ComponentId) -> Option<(&'static str, &'static str)> {
    let any = |steps: &[Step]| steps.iter().find_map(|step| misplaced(step, database));
    match step {
        Step::Call { target, options, on_error, .. } => {
            let CallOptions { retry, hedge, .. } = options;
            if *target == database && (retry.is_some() || hedge.is_some()) {
                return Some((
                    "a statement is repeated or copied",
                    "an error ends the transaction: write `attempts: 3` beside its `steps` to begin it anew",
                ));
            }
            on_error.as_deref().and_then(any)
        }
        Step::Parallel { .. } => Some((
            "`parallel` stands",
            "one connection does one statement after the other: list them in order",
        )),
        Step::Transaction(_) => Some(("a transaction stands", "put both lists of steps into one")),
        Step::Saga(_) => Some(("a saga stands", "put the transactions into the saga's steps")),
        Step::Reply { .. } => Some(("`reply` stands", "reply behind it: the commit comes at its end")),
        Step::Cache(CacheStep::Cached { .. } | CacheStep::Write { .. }) => Some((
            "a read or write through caches stands",
            "ask the database itself (`query`), and `invalidate` behind the transaction",
        )),
        Step::Cache(step) => any(step.beyond()),
        Step::If { then, otherwise, .. } => any(then).or_else(|| any(otherwise)),
        Step::Lock { steps, .. } => any(steps),
        Step::Cpu(_) | Step::Sleep(_) | Step::Io(_) | Step::Receive { .. } => None,
    }
}

fn read_backoff(node: &Node, found: &mut Diagnostics) -> Option<(SimDuration, SimDuration)> {
    let written = text(node, found)?;
    let (first, most) = written.split_once("..").unwrap_or((written, written));
    let mut read = |t: &str| quantity::duration(t.trim()).map_err(|f| report(found, node, f)).ok();
    let (first, most) = (read(first)?, read(most)?);
    if first > most {
        found.add(
            Code::Contradiction,
            node.place,
            "the first pause is longer than the longest one",
            "write the shorter one first: `10ms..1s`",
        );
    }
    Some((first, most))
}

/// `saga: [{steps: [...], undo: [...]}, ...]`.
pub(super) fn read_saga(node: &Node, names: &Names, found: &mut Diagnostics, depth: u32) -> Option<Step> {
    let items = crate::scenario::fields::items(
        Some(node),
        "the steps of a saga",
        "- {steps: [...], undo: [...]}",
        found,
    );
    let read = items.iter().map(|item| {
        let mut fields = Fields::of(item, "a `saga`", found);
        let (done, undo) = (fields.need("steps", found), fields.get("undo"));
        fields.finish(found);
        let mut list =
            |node: Option<&Node>| node.map(|n| steps::read(n, names, found, depth + 1)).unwrap_or_default();
        SagaStep { steps: list(done), undo: list(undo) }
    });
    let read: Vec<SagaStep> = read.collect();
    (!read.is_empty()).then_some(Step::Saga(read))
}
