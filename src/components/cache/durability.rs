//! What of a node's memory survives its end: snapshots, a log of writes, replicas.
//!
//! A snapshot (Redis' RDB) is what there was when it began; the process is forked for it, and while that
//! lasts nothing is served. A log that is forced to disk once a second loses what was written since the last
//! whole second, one that is forced before each answer loses nothing. A replica is as old as its lag; when its
//! master has been gone for the time of a failover it takes the master's place, with what it has, and
//! acknowledged writes that it has not are lost.
//!
//! How it is done: writes of the last second, or of the lag, can be undone from a log of what was there
//! before. Not modelled: the time that forcing the log takes (write it into `op_cost`), rewriting of the log,
//! elections that fail, partitions with two masters, the order of use (what comes back has no history), and
//! items that gave way within the time that is undone.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use super::entries::Value;
use super::freshness::Note;
use super::spec::{AppendOnly, Durability};
use super::state::{Cache, row_of};
use crate::base::{SimDuration, SimTime};
use crate::engine::{Context, Probe, Timer};

/// The timer of a failover; its number is the node.
const FAILOVER: u32 = 2;
/// The timer of snapshots; its number is the node.
const SNAPSHOT: u32 = 3;

/// Items as they were.
type Items = Vec<(u64, Value)>;

/// What of one node survives.
#[derive(Debug, Default)]
pub(super) struct Durable {
    /// How long writes can be undone; zero: they are not noted.
    horizon: SimDuration,
    /// What was there before each write, the latest last.
    before: VecDeque<(SimTime, u64, Option<Value>)>,
    snapshot: Items,
    /// What a restart brings back, and what a promoted replica has.
    saved: Option<(Items, Items)>,
    promoted: bool,
    promotions: u16,
    stalled_until: SimTime,
    loading_until: SimTime,
}

impl Durable {
    /// Whether writes are noted.
    pub(super) fn notes(&self) -> bool {
        !self.horizon.is_zero()
    }

    /// A key is being written, where this was before.
    pub(super) fn note(&mut self, now: SimTime, key: u64, before: Option<Value>) {
        if self.horizon.is_zero() {
            return;
        }
        while self.before.front().is_some_and(|(at, ..)| now.since(*at) > self.horizon) {
            self.before.pop_front();
        }
        self.before.push_back((now, key, before));
    }

    /// How long a command that begins now waits until the process serves again.
    pub(super) fn stall(&self, now: SimTime) -> SimDuration {
        if self.stalled_until > now { self.stalled_until.since(now) } else { SimDuration::ZERO }
    }

    /// Whether it still reads back what it had.
    pub(super) fn loads(&self, now: SimTime) -> bool {
        now < self.loading_until
    }

    /// Everything was taken out on purpose: of snapshots and log as well.
    pub(super) fn emptied(&mut self) {
        self.before.clear();
        self.snapshot.clear();
    }

    /// What was written after `cut`, with what was there before.
    fn since(&self, cut: SimTime) -> FxHashMap<u64, Option<Value>> {
        let late = self.before.iter().rev().take_while(|(at, ..)| *at > cut);
        late.map(|(_, key, before)| (*key, *before)).collect()
    }
}

/// A store's items with what was written late undone.
fn undone(items: impl Iterator<Item = (u64, Value)>, late: &FxHashMap<u64, Option<Value>>) -> Items {
    let mut all: Items = items.filter(|(key, _)| !late.contains_key(key)).collect();
    let mut older: Items = late.iter().filter_map(|(key, value)| Some((*key, (*value)?))).collect();
    older.sort_unstable_by_key(|(key, _)| *key);
    all.extend(older);
    all
}

impl Durability {
    /// The instant up to which writes are on disk.
    fn synced(&self, now: SimTime) -> SimTime {
        match self.append_only {
            AppendOnly::Always => now,
            _ => SimTime::from_nanos(now.as_nanos() / 1_000_000_000 * 1_000_000_000),
        }
    }
}

impl Cache {
    /// Sets the timers of snapshots, and begins to note writes where some may be lost.
    pub(super) fn start_snapshots<P: Probe>(&mut self, cx: &mut Context<'_, P>) {
        let plan = self.build.spec.durability;
        let log = if plan.append_only == AppendOnly::EverySecond {
            SimDuration::from_secs(1)
        } else {
            SimDuration::ZERO
        };
        let lag = if plan.replicas > 0 { plan.lag } else { SimDuration::ZERO };
        for (node, member) in self.members.iter_mut().enumerate() {
            member.durable.horizon = log.max(lag);
            if let Some(every) = plan.snapshot {
                cx.timer(SimTime::ZERO + every, Timer { topic: SNAPSHOT, number: node as u32 });
            }
        }
    }

    /// A timer of snapshots or of failovers.
    pub(super) fn durability<P: Probe>(&mut self, timer: Timer, cx: &mut Context<'_, P>) {
        let (plan, now, me) = (self.build.spec.durability, cx.now(), cx.me());
        let node = timer.number as u16;
        let lives = cx.life(me, node).works();
        let Some(member) = self.members.get_mut(node as usize) else { return };
        if timer.topic == FAILOVER {
            // Who is back by itself needs no successor.
            if !lives && member.durable.saved.is_some() {
                member.durable.promoted = true;
                member.durable.promotions += 1;
                cx.promote(node);
            }
            return;
        }
        let Some(every) = plan.snapshot else { return };
        if lives {
            member.durable.snapshot = member.store.iter().collect();
            member.durable.stalled_until = now + plan.fork;
        }
        cx.timer(now + every, timer);
    }

    /// A node is lost: what will be there again is set aside. Keys whose last write survives.
    pub(super) fn save<P: Probe>(&mut self, node: usize, cx: &mut Context<'_, P>) -> bool {
        let (plan, now) = (self.build.spec.durability, cx.now());
        let durable = &self.members[node].durable;
        let replicated = plan.replicas > durable.promotions;
        if !plan.is_on() || plan.snapshot.is_none() && plan.append_only == AppendOnly::Off && !replicated {
            return false;
        }
        let store = &self.members[node].store;
        let logged = plan.append_only != AppendOnly::Off;
        let restarted = if logged {
            undone(store.iter(), &durable.since(plan.synced(now)))
        } else {
            durable.snapshot.clone()
        };
        let cut = SimTime::from_nanos(now.as_nanos().saturating_sub(plan.lag.as_nanos()));
        let late = durable.since(if replicated { cut } else { plan.synced(now) });
        let promoted = if replicated { undone(store.iter(), &late) } else { Items::new() };
        let survives = replicated || logged;
        if survives {
            self.lose_dirty_of(node, |key| late.contains_key(&key), cx);
        }
        let durable = &mut self.members[node].durable;
        durable.saved = Some((restarted, promoted));
        durable.before.clear();
        if replicated {
            cx.timer(now + plan.failover, Timer { topic: FAILOVER, number: node as u32 });
        }
        survives
    }

    /// A node is there again: what survived is read back.
    pub(super) fn bring_back<P: Probe>(&mut self, node: usize, cx: &mut Context<'_, P>) {
        let (plan, now) = (self.build.spec.durability, cx.now());
        let durable = &mut self.members[node].durable;
        let promoted = std::mem::take(&mut durable.promoted);
        let Some((restarted, replica)) = durable.saved.take() else { return };
        let mut bytes = 0;
        for (key, value) in if promoted { replica } else { restarted } {
            if now >= value.expiry {
                continue;
            }
            let (entity, row) = row_of(key);
            let size = cx.size_of(entity, row, Note::of(value.version).version);
            bytes += size;
            self.keep(node, key, (size, value), cx);
        }
        let durable = &mut self.members[node].durable;
        durable.before.clear();
        if let Some(load) = plan.load.filter(|_| !promoted) {
            durable.loading_until = now + SimDuration::from_secs_f64(bytes as f64 / load);
        }
        self.resume_writing_back(node, cx);
    }
}
