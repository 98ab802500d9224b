//! Typed reading of one mapping: every key asked for is known, every other key is a mistake.

use super::vocabulary;
use crate::base::random::Distribution;
use crate::document::distribution_text::{Of, distribution};
use crate::document::{Code, Diagnostic, Diagnostics, Fault, Key, Node, Value, did_you_mean, quantity};

/// A mapping that is being read.
pub(super) struct Fields<'a> {
    node: &'a Node,
    known: Vec<&'static str>,
    /// Its block in the vocabulary.
    block: String,
}

#[cfg(test)]
thread_local! {
    /// Which keys were asked for, by block: what the table of keys is compared with.
    pub(super) static ASKED: std::cell::RefCell<
        std::collections::BTreeMap<String, std::collections::BTreeSet<&'static str>>,
    > = const { std::cell::RefCell::new(std::collections::BTreeMap::new()) };
}

pub(super) fn report(found: &mut Diagnostics, node: &Node, fault: Fault) {
    let place = fault.span.map_or(node.place, |(start, end)| node.place_within(start, end));
    found.push(Diagnostic::new(fault.code, place, fault.message).help(fault.help));
}

impl<'a> Fields<'a> {
    /// Starts reading; anything but a mapping is a mistake and reads as empty.
    pub(super) fn of(node: &'a Node, what: &str, found: &mut Diagnostics) -> Self {
        if !matches!(node.value, Value::Map(_)) {
            found.add(
                Code::WrongShape,
                node.place,
                format!("{what} is a mapping, but {} stands here", node.what()),
                "write `key: value` entries",
            );
        }
        let block = match (what, vocabulary::component_block(node)) {
            ("a component", Some(block)) => block.to_owned(),
            _ => what.trim_start_matches("an ").trim_start_matches("a ").replace('`', "").replace(' ', "_"),
        };
        Self { node, known: Vec::new(), block }
    }

    /// The value under `key`, unless nothing is written there.
    pub(super) fn get(&mut self, key: &'static str) -> Option<&'a Node> {
        self.known.push(key);
        self.node.get(key).filter(|node| !node.is_null())
    }

    /// The value under `key`, whose absence is a mistake.
    pub(super) fn need(&mut self, key: &'static str, found: &mut Diagnostics) -> Option<&'a Node> {
        let node = self.get(key);
        // What is no mapping at all has been reported.
        if node.is_none() && matches!(self.node.value, Value::Map(_)) {
            found.add(
                Code::MissingKey,
                self.node.place,
                format!("`{key}` is missing"),
                format!("add `{key}:`"),
            );
        }
        node
    }

    /// Where the mapping stands.
    pub(super) fn place(&self) -> crate::document::Place {
        self.node.place
    }

    /// A quantity read by `parse`.
    pub(super) fn read<T>(
        &mut self,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, Fault>,
        found: &mut Diagnostics,
    ) -> Option<T> {
        self.get(key).and_then(|node| scalar(node, parse, found))
    }

    /// A distribution.
    pub(super) fn amount(
        &mut self,
        key: &'static str,
        of: Of,
        found: &mut Diagnostics,
    ) -> Option<Distribution> {
        self.get(key).and_then(|node| amount(node, of, found))
    }

    /// One of a closed list of words.
    pub(super) fn choice<T: Copy>(
        &mut self,
        key: &'static str,
        choices: &[(&str, T)],
        found: &mut Diagnostics,
    ) -> Option<T> {
        let node = self.get(key)?;
        let word = text(node, found)?;
        let chosen = choices.iter().find(|(name, _)| *name == word).map(|(_, value)| *value);
        if chosen.is_none() {
            let names = choices.iter().map(|(name, _)| *name);
            found.add(
                Code::UnknownChoice,
                node.place,
                format!("`{key}` cannot be `{word}`"),
                did_you_mean(word, names),
            );
        }
        chosen
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, key: &'static str, found: &mut Diagnostics) -> Option<bool> {
        self.choice(key, &[("true", true), ("false", false)], found)
    }

    /// Ends reading: keys that nobody asked for are mistakes.
    pub(super) fn finish(self, found: &mut Diagnostics) {
        #[cfg(test)]
        ASKED.with_borrow_mut(|asked| asked.entry(self.block.clone()).or_default().extend(&self.known));
        let depth = |text: &str| text.matches('(').count().cmp(&text.matches(')').count());
        let cut =
            self.node.entries().iter().any(|(_, node)| node.text().is_some_and(|text| depth(text).is_gt()));
        for (key, _) in self.node.entries() {
            // The rest of a call that YAML cut at its comma; the call itself is reported.
            if cut && depth(&key.name).is_lt() {
                continue;
            }
            if !self.known.contains(&key.name.as_str()) {
                let help = self.help_for(&key.name);
                found.add(Code::UnknownKey, key.place, format!("unknown key `{}`", key.name), help);
            }
        }
    }
}

impl Fields<'_> {
    /// The nearest key of this block, or the kind of component that has such a key.
    fn help_for(&self, key: &str) -> String {
        let table = vocabulary::block(&self.block).map_or(&[][..], |block| block.keys);
        let names: Vec<&str> = table.iter().map(|entry| entry.name).collect();
        let names = if names.is_empty() { self.known.clone() } else { names };
        let near = did_you_mean(key, names.iter().copied());
        let is_component = vocabulary::COMPONENT_BLOCKS.contains(&self.block.as_str());
        let has = |kind: &&&str| {
            vocabulary::block(kind).is_some_and(|block| block.keys.iter().any(|entry| entry.name == key))
        };
        match vocabulary::COMPONENT_BLOCKS.iter().find(has) {
            Some(kind) if is_component && !near.starts_with("did you mean") => {
                format!(
                    "`{key}` is a key of a {kind}; a {} has {}",
                    self.block,
                    near.trim_start_matches("possible: ")
                )
            }
            _ => near,
        }
    }
}

/// The entries of a mapping by name; anything else is a mistake and reads as empty.
pub(super) fn entries<'a>(node: Option<&'a Node>, what: &str, found: &mut Diagnostics) -> &'a [(Key, Node)] {
    let Some(node) = node else { return &[] };
    if !matches!(node.value, Value::Map(_) | Value::Null) {
        found.add(
            Code::WrongShape,
            node.place,
            format!("{what} is a mapping by name, but {} stands here", node.what()),
            "write `name: ...` entries",
        );
    }
    node.entries()
}

/// The items of a list; anything else is a mistake and reads as empty.
pub(super) fn items<'a>(
    node: Option<&'a Node>,
    what: &str,
    example: &str,
    found: &mut Diagnostics,
) -> &'a [Node] {
    let Some(node) = node else { return &[] };
    if !matches!(node.value, Value::List(_) | Value::Null) {
        found.add(
            Code::WrongShape,
            node.place,
            format!("{what} are a list, but {} stands here", node.what()),
            format!("write `{example}`"),
        );
    }
    node.items()
}

/// A share of a whole, or a probability: at most 100 %.
pub(super) fn share(text: &str) -> Result<f64, Fault> {
    let share = crate::document::quantity::ratio(text)?.get();
    if share > 1.0 {
        return Err(Fault {
            code: Code::OutOfRange,
            message: format!("`{}` is more than the whole", text.trim()),
            help: "write a share between 0 % and 100 %".to_owned(),
            span: None,
        });
    }
    Ok(share)
}

/// A part of a single value, as a value of its own that findings can point at.
pub(super) fn part(node: &Node, inner: &str) -> Node {
    let start = node.text().and_then(|text| text.find(inner)).unwrap_or(0);
    Node { value: Value::Null, place: node.place_within(start, start + inner.len()) }
}

/// The text of a single value; a list or mapping is a mistake.
pub(super) fn text<'a>(node: &'a Node, found: &mut Diagnostics) -> Option<&'a str> {
    if node.text().is_none() {
        found.add(
            Code::WrongShape,
            node.place,
            format!("a single value is meant, but {} stands here", node.what()),
            "write one value; quote it if it holds a comma, a brace or a colon",
        );
    }
    node.text()
}

/// A single value read by `parse`.
pub(super) fn scalar<T>(
    node: &Node,
    parse: impl Fn(&str) -> Result<T, Fault>,
    found: &mut Diagnostics,
) -> Option<T> {
    let written = text(node, found)?;
    parse(written).map_err(|fault| report(found, node, fault)).ok()
}

/// A distribution, or the observed values of `file(...)`.
pub(super) fn amount(node: &Node, of: Of, found: &mut Diagnostics) -> Option<Distribution> {
    let Value::Column { cells, .. } = &node.value else {
        // A file that could not be read has been reported.
        let file = node.text().and_then(|t| t.trim().strip_prefix("file(")?.strip_suffix(')'));
        if file.is_some_and(|name| !name.trim().is_empty()) {
            return None;
        }
        return scalar(node, |text| distribution(text, of), found);
    };
    let mut values = Vec::with_capacity(cells.len());
    for (at, cell) in cells.iter().enumerate() {
        let Some(value) = observed(cell, of) else {
            found.add(
                Code::BadQuantity,
                node.place,
                format!("value {} of the file, `{cell}`, is none of these", at + 1),
                "write plain numbers (seconds, bytes) or values with their unit, one a line",
            );
            return None;
        };
        values.push(value);
    }
    Some(Distribution::Empirical(values))
}

/// A recorded value: a plain number of seconds or bytes, or one with its unit.
pub(super) fn observed(cell: &str, of: Of) -> Option<f64> {
    let plain = cell.parse::<f64>().ok();
    let value = plain.or_else(|| match of {
        Of::Time => quantity::duration(cell).ok().map(crate::base::SimDuration::as_secs_f64),
        Of::Size => quantity::bytes(cell).ok().map(|bytes| bytes.get() as f64),
        Of::Count => quantity::number(cell).ok(),
    });
    value.filter(|v| v.is_finite() && *v >= 0.0)
}

/// Finds `name` among `names`, or reports it with the closest one.
pub(super) fn resolve<'a>(
    node: &Node,
    name: &str,
    names: impl Iterator<Item = &'a str> + Clone,
    code: Code,
    what: &str,
    found: &mut Diagnostics,
) -> Option<usize> {
    let at = names.clone().position(|other| other == name);
    if at.is_none() {
        found.add(code, node.place, format!("there is no {what} `{name}`"), did_you_mean(name, names));
    }
    at
}
