//! Writes that a cache has acknowledged before the store behind has them.
//!
//! Writes of one row that come before it is written back become one. A node that dies takes with it what it
//! has not sent; what is on its way arrives.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use super::state::{Cache, WRITE_BACK};
use crate::base::EntityId;
use crate::base::random::StreamName;
use crate::engine::{CallId, Context, Observation, Outcome, Probe, Request, Timer};

/// A row and its key in the cache.
type Row = (u64, EntityId, u64);

/// What one node has to write back.
#[derive(Debug, Default)]
pub(super) struct Dirty {
    /// In the order in which they became dirty.
    line: VecDeque<Row>,
    versions: FxHashMap<u64, u32>,
    /// Those on their way to the store.
    sent: FxHashMap<CallId, (Row, u32)>,
    /// Whether a timer is set.
    waits: bool,
    /// Rows sent so far: the luck of the next.
    count: u64,
}

impl Dirty {
    /// The version of a key that the store does not have.
    pub(super) fn version(&self, key: u64) -> Option<u32> {
        if self.versions.is_empty() { None } else { self.versions.get(&key).copied() }
    }

    fn note(&mut self, row: Row, version: u32) {
        if self.versions.insert(row.0, version).is_none() {
            self.line.push_back(row);
        }
    }
}

impl Cache {
    /// A node has acknowledged a version of a row.
    pub(super) fn note_dirty<P: Probe>(
        &mut self,
        node: usize,
        row: Row,
        version: u32,
        cx: &mut Context<'_, P>,
    ) {
        let plan = self.build.spec.write_back;
        let dirty = &mut self.members[node].dirty;
        dirty.note(row, version);
        if dirty.line.len() >= plan.batch {
            self.write_back_some(node, cx);
        } else if !dirty.waits {
            dirty.waits = true;
            let at = cx.now() + plan.flush;
            cx.timer(at, Timer { topic: WRITE_BACK, number: node as u32 });
        }
    }

    /// The time to write back has come.
    pub(super) fn write_back<P: Probe>(&mut self, node: usize, cx: &mut Context<'_, P>) {
        self.members[node].dirty.waits = false;
        if !cx.life(cx.me(), node as u16).works() {
            return;
        }
        self.write_back_some(node, cx);
        let dirty = &mut self.members[node].dirty;
        if !dirty.line.is_empty() && !dirty.waits {
            dirty.waits = true;
            let at = cx.now() + self.build.spec.write_back.flush;
            cx.timer(at, Timer { topic: WRITE_BACK, number: node as u32 });
        }
    }

    fn write_back_some<P: Probe>(&mut self, node: usize, cx: &mut Context<'_, P>) {
        let (now, me) = (cx.now(), cx.me());
        let luck = self.build.key.named(StreamName::new("write back")).with(node as u64);
        for _ in 0..self.build.spec.write_back.batch {
            let dirty = &mut self.members[node].dirty;
            let Some(row) = dirty.line.pop_front() else { return };
            let Some(version) = dirty.versions.remove(&row.0) else { continue };
            let Some(site) = cx.write_back(row.1) else { continue };
            dirty.count += 1;
            let mut request = Request::new(me, crate::base::OperationId(0), luck.with(dirty.count), now);
            request.rows.push((row.1, row.2));
            let root = cx.open_internal(request);
            cx.call_mut(root).instance = node as u16;
            cx.see(root, row.1, version);
            self.members[node].dirty.sent.insert(root, (row, version));
            cx.call_on(root, site);
        }
    }

    /// The store has answered; what failed is written back again, unless a newer write is waiting.
    pub(super) fn written_back<P: Probe>(&mut self, root: CallId, outcome: Outcome, cx: &mut Context<'_, P>) {
        let node = cx.call(root).instance as usize;
        let sent = self.members[node].dirty.sent.remove(&root);
        cx.close_internal(root);
        if let Some((row, version)) = sent.filter(|_| !outcome.is_ok()) {
            let version = self.members[node].dirty.version(row.0).unwrap_or(version);
            self.note_dirty(node, row, version, cx);
        }
    }

    /// What survived the end of a node is written back by whoever takes its place.
    pub(super) fn resume_writing_back<P: Probe>(&mut self, node: usize, cx: &mut Context<'_, P>) {
        let dirty = &mut self.members[node].dirty;
        if !dirty.line.is_empty() && !dirty.waits {
            dirty.waits = true;
            let at = cx.now() + self.build.spec.write_back.flush;
            cx.timer(at, Timer { topic: WRITE_BACK, number: node as u32 });
        }
    }

    /// A node has lost its memory.
    pub(super) fn lose_dirty<P: Probe>(&mut self, node: usize, cx: &mut Context<'_, P>) {
        self.lose_dirty_of(node, |_| true, cx);
    }

    /// A node has lost what it wrote last to some keys: with it all of their versions that the store does
    /// not have.
    pub(super) fn lose_dirty_of<P: Probe>(
        &mut self,
        node: usize,
        lost: impl Fn(u64) -> bool,
        cx: &mut Context<'_, P>,
    ) {
        let dirty = &mut self.members[node].dirty;
        let sent = std::mem::take(&mut dirty.sent);
        let (line, kept): (VecDeque<Row>, VecDeque<Row>) =
            std::mem::take(&mut dirty.line).into_iter().partition(|row| lost(row.0));
        dirty.line = kept;
        dirty.versions.retain(|key, _| !lost(*key));
        let mut under_way: Vec<(CallId, Row, u32)> =
            sent.into_iter().map(|(root, (row, version))| (root, row, version)).collect();
        under_way.sort_unstable_by_key(|(_, row, _)| row.0);
        for (root, row, version) in under_way {
            // The store is still going to have this one.
            cx.ledger().store(row.1, row.2, version);
            cx.stop_waiting(root);
            cx.close_internal(root);
        }
        let count: u32 = line.into_iter().map(|(_, entity, row)| cx.ledger().lose(entity, row)).sum();
        if count > 0 {
            cx.observe(Observation::LostWrites { count });
        }
    }
}
