//! The points of a space of designs: one scenario with values set along paths. What `sweep` and `plan` vary.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::load::{self, Design, Folder};
use crate::base::Digest;
use crate::document::{Code, Diagnostic, Diagnostics, Fault, Node, Sources, Value};
use crate::experiment::design_space::{grid, latin_hypercube};
use crate::scenario::axis::Axis;
use crate::scenario::sweep::{MOST_POINTS, SweepSpec, USUAL_POINTS};
use crate::scenario::{Beside, Files, merge, presets, setting};

/// A scenario that values are set in.
pub(super) struct Space {
    base: merge::Design,
    sources: Sources,
    folder: Folder,
}

/// One point, read.
pub(super) struct Point {
    pub(super) design: Design,
    /// Of the whole scenario and of every file that it names.
    pub(super) digest: Digest,
}

/// What is varied, and how the points are chosen: flags, or else the scenario's block.
pub(super) struct Variation {
    pub(super) axes: Vec<Axis>,
    pub(super) points: Vec<Vec<String>>,
    pub(super) sample: Option<u64>,
    pub(super) seed: u64,
}

/// What the flags say about it.
pub(super) struct Flags<'a> {
    pub(super) vary: &'a [String],
    pub(super) sample: Option<u64>,
    pub(super) sample_seed: Option<u64>,
    pub(super) max_points: Option<u64>,
}

/// Files that remember what was read.
struct Recorded<'a> {
    inside: &'a Folder,
    read: Mutex<BTreeMap<String, Digest>>,
}

impl Files for Recorded<'_> {
    fn read(&self, name: &str) -> Result<String, String> {
        let text = self.inside.read(name)?;
        let digest = Digest::of(text.as_bytes());
        self.read.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), digest);
        Ok(text)
    }

    fn leads_out(&self, name: &str) -> bool {
        self.inside.leads_out(name)
    }
}

impl Space {
    /// Opens a scenario's file; without `variant` it is the file itself.
    pub(super) fn open(file: &str, settings: &[String], variant: Option<&str>) -> Result<Self, String> {
        let (text, folder) = load::opened(file)?;
        let (mut sources, mut found) = (Sources::new(), Diagnostics::new());
        let only = Some(variant.unwrap_or("base"));
        let mut designs = merge::bare(file, text, &folder, only, &mut sources, &mut found);
        for written in settings {
            setting::set_all("--set", written, &mut designs, &mut sources, &mut found);
        }
        match designs.into_iter().next() {
            Some(base) if !found.has_errors() => Ok(Self { base, sources, folder }),
            _ => Err(found.render(&sources, false)),
        }
    }

    /// The scenario with these values (`path=value`) set, in order.
    pub(super) fn point(&self, flag: &str, settings: &[String]) -> Result<Point, String> {
        let (mut sources, mut found) = (self.sources.clone(), Diagnostics::new());
        let mut designs = vec![self.base.clone()];
        for written in settings {
            setting::set_all(flag, written, &mut designs, &mut sources, &mut found);
        }
        let Some(mut tree) = designs.pop() else { return Err(String::new()) };
        presets::fill(&mut tree.tree, &mut sources, &mut found);
        let files = Recorded { inside: &self.folder, read: Mutex::default() };
        let design = if found.has_errors() {
            None
        } else {
            load::design(&tree, &Beside::new(&files, &sources), &mut found)
        };
        match design {
            Some(design) if !found.has_errors() => {
                let mut digest = Digest::default();
                feed(&mut digest, &tree.tree, true);
                let read = files.read.into_inner().unwrap_or_else(PoisonError::into_inner);
                for (name, own) in read {
                    digest.feed_text(&name);
                    digest.feed_text(&own.text());
                }
                Ok(Point { design, digest })
            }
            _ => Err(found.render(&sources, false)),
        }
    }

    /// A mistake of a flag, with its place.
    pub(super) fn flaw(flag: &str, written: &str, fault: Fault) -> String {
        let (mut sources, mut found) = (Sources::new(), Diagnostics::new());
        let source = sources.add(format!("{flag} {written}"), written);
        let place = sources.place(source, 0, written.len());
        found.push(Diagnostic::new(fault.code, place, fault.message).help(fault.help));
        found.render(&sources, false)
    }

    /// What a path leads to.
    pub(super) fn find(&self, path: &str) -> Result<Option<&Node>, Fault> {
        setting::find(&self.base.tree, path)
    }

    /// Whether a component or a client has any of these keys, however deep.
    pub(super) fn holds_any(&self, keys: &[&str]) -> bool {
        fn holds(node: &Node, keys: &[&str]) -> bool {
            let own = node
                .entries()
                .iter()
                .any(|(key, value)| keys.contains(&key.name.as_str()) || holds(value, keys));
            own || node.items().iter().any(|item| holds(item, keys))
        }
        ["components", "clients"]
            .iter()
            .any(|block| self.base.tree.get(block).is_some_and(|node| holds(node, keys)))
    }

    /// What is varied.
    pub(super) fn variation(
        &self,
        flags: &Flags<'_>,
        block: Option<&SweepSpec>,
    ) -> Result<Variation, String> {
        let mut axes: Vec<Axis> = Vec::new();
        for written in flags.vary {
            let read = Axis::parse(written).and_then(|axis| self.find(&axis.path).map(|_| axis));
            let axis = read.map_err(|fault| Self::flaw("--vary", written, fault))?;
            if axes.iter().any(|other| other.path == axis.path) {
                let message = format!("`{}` is varied twice", axis.path);
                let fault = Fault::new(Code::BadSet, message, "write all of its values in one place");
                return Err(Self::flaw("--vary", written, fault));
            }
            axes.push(axis);
        }
        if axes.is_empty() {
            axes = block
                .map_or_else(Vec::new, |block| block.axes.iter().map(|(axis, _)| axis.clone()).collect());
        }
        if axes.is_empty() {
            return Err(
                "error: nothing is varied: write `--vary components.app.instances=2..16:2`, or a `sweep:` \
                        block in the scenario\n"
                    .to_owned(),
            );
        }
        let sample = flags.sample.or(block.and_then(|block| block.sample).filter(|_| flags.vary.is_empty()));
        let seed = flags.sample_seed.or(block.map(|block| block.seed)).unwrap_or(1);
        let most = flags.max_points.or(block.map(|block| block.max_points)).unwrap_or(USUAL_POINTS);
        let most = most.min(MOST_POINTS);
        let points = match sample {
            Some(count) if !(1..=most).contains(&count) => {
                return Err(format!(
                    "error: a sample has between 1 and {most} points, and this one {count}\n"
                ));
            }
            Some(count) => latin_hypercube(&axes, count as usize, seed),
            None => grid(&axes, most).map_err(|fault| {
                let written = flags.vary.join(" ");
                if written.is_empty() {
                    format!("error: {}: {}\n", fault.message, fault.help)
                } else {
                    Self::flaw("--vary", &written, fault)
                }
            })?,
        };
        Ok(Variation { axes, points, sample, seed })
    }
}

/// `path=value` of each axis.
pub(super) fn settings(axes: &[Axis], values: &[String]) -> Vec<String> {
    axes.iter().zip(values).map(|(axis, value)| format!("{}={value}", axis.path)).collect()
}

/// Takes in a tree by what it says, wherever that is written; what is varied is no part of a scenario.
fn feed(digest: &mut Digest, node: &Node, root: bool) {
    match &node.value {
        Value::Null => digest.feed(b"n"),
        Value::Scalar { text, style } => {
            digest.feed(if *style == crate::document::Style::Quoted { b"q" } else { b"s" });
            digest.feed_text(text);
        }
        Value::Column { text, .. } => {
            digest.feed(b"c");
            digest.feed_text(text);
        }
        Value::List(items) => {
            digest.feed(b"l");
            digest.feed(&(items.len() as u64).to_le_bytes());
            items.iter().for_each(|item| feed(digest, item, false));
        }
        Value::Map(entries) => {
            let kept = || entries.iter().filter(|(key, _)| !(root && key.name == "sweep"));
            digest.feed(b"m");
            digest.feed(&(kept().count() as u64).to_le_bytes());
            for (key, value) in kept() {
                digest.feed_text(&key.name);
                feed(digest, value, false);
            }
        }
    }
}
