//! Caches that fetch by themselves what they do not have (read-through): whoever asks waits for the cache, and
//! who asks for what is being fetched already waits along. A fetch goes on when its callers have left.

use rustc_hash::FxHashMap;

use super::entries::Value;
use super::freshness::Note;
use super::state::{Cache, FETCHED, key_of};
use crate::base::random::StreamName;
use crate::base::{EntityId, SimTime};
use crate::engine::{CallId, Context, Found, Observation, Outcome, Probe, Reason, Request, SiteId, Written};

/// What one node fetches.
#[derive(Debug, Default)]
pub(super) struct Fetches {
    /// By row: who waits, with the latest version when it began to.
    waiting: FxHashMap<u64, Vec<(CallId, u32)>>,
    /// By its root call: the row.
    under_way: FxHashMap<CallId, (EntityId, u64)>,
    /// Fetches so far: the luck of the next.
    count: u64,
}

impl Cache {
    /// Fetches a row for a call, or lets it wait for whoever does.
    pub(super) fn fetch<P: Probe>(
        &mut self,
        id: CallId,
        site: SiteId,
        (entity, row): (EntityId, u64),
        cx: &mut Context<'_, P>,
    ) {
        let node = cx.call(id).instance;
        let latest = cx.ledger().latest(entity, row);
        let member = &mut self.members[node as usize];
        let waiting = member.fetches.waiting.entry(key_of(entity, row)).or_default();
        waiting.push((id, latest));
        let found = if waiting.len() == 1 { Found::Miss } else { Found::Joined };
        cx.observe(Observation::Looked { store: member.observed, entity: Some(entity), found });
        if found == Found::Joined {
            return;
        }
        let fetches = &mut member.fetches;
        fetches.count += 1;
        let luck = self.build.key.named(StreamName::new("fetch")).with(u64::from(node)).with(fetches.count);
        let mut request = Request::new(cx.me(), crate::base::OperationId(0), luck, cx.now());
        request.rows.push((entity, row));
        let root = cx.open_internal(request);
        cx.call_mut(root).instance = node;
        self.members[node as usize].fetches.under_way.insert(root, (entity, row));
        cx.call_on(root, site);
    }

    /// The store has answered a fetch: whether it was one.
    pub(super) fn fetched<P: Probe>(
        &mut self,
        root: CallId,
        outcome: Outcome,
        cx: &mut Context<'_, P>,
    ) -> bool {
        let (node, seen) = (cx.call(root).instance as usize, cx.call(root).seen);
        let Some((entity, row)) = self.members[node].fetches.under_way.remove(&root) else { return false };
        let key = key_of(entity, row);
        let version = if seen.entity == entity { seen.version } else { cx.ledger().latest(entity, row) };
        let bytes = cx.size_of(entity, row, version);
        if outcome.is_ok() {
            let ttl = match self.build.negative_ttl.as_ref() {
                negative if cx.is_absent(entity, row, version) => {
                    negative.map(|ttl| Some(cx.draw_time(ttl, root)))
                }
                _ => Some(self.build.ttl.as_ref().map(|ttl| cx.draw_time(ttl, root))),
            };
            if let Some(ttl) = ttl {
                let now = cx.now();
                let expiry = ttl.map_or(SimTime::MAX, |ttl| now + ttl);
                let value = Value { version: Note::row(version).packed(), expiry };
                self.keep(node, key, (bytes, value), cx);
                cx.wrote(entity, Written::Cache);
            }
        }
        cx.close_internal(root);
        let waiting = self.members[node].fetches.waiting.remove(&key).unwrap_or_default();
        let me = cx.me();
        for (waiter, latest) in waiting {
            if !cx.is_alive(waiter) {
                continue;
            }
            if outcome.is_ok() {
                cx.see(waiter, entity, version);
                // It is old if it was so already when the call began to wait.
                let now = cx.ledger().latest(entity, row);
                let read = if version < latest { version } else { now };
                cx.read_version(waiter, (entity, row), read);
                cx.reply(waiter, Outcome::ok(FETCHED, me), bytes);
            } else {
                let reason =
                    if outcome.reason == Reason::Done { Reason::Unreachable } else { outcome.reason };
                let status = if outcome.status < 500 { 504 } else { outcome.status };
                cx.reply(waiter, Outcome::error(status, outcome.origin, reason), 0);
            }
        }
        true
    }

    /// A node is lost, and with it who waits there and what it fetches.
    pub(super) fn drop_fetches<P: Probe>(&mut self, node: usize, cx: &mut Context<'_, P>) {
        let fetches = &mut self.members[node].fetches;
        fetches.waiting.clear();
        let mut roots: Vec<(CallId, (EntityId, u64))> = fetches.under_way.drain().collect();
        roots.sort_unstable_by_key(|(_, row)| *row);
        for (root, _) in roots {
            cx.stop_waiting(root);
            cx.close_internal(root);
        }
    }
}
