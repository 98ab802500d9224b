//! Growing while requests go on: logical shards are copied to new shards, and then belong to them.
//!
//! Every shard that gives copies what it gives, one logical shard after the other, in pieces, at a rate that
//! it does not exceed and falls behind when its cores or disk are busy: each piece takes operations of the disk,
//! where that is limited, and core time, at both ends.
//! Writes meanwhile are copied afterwards (catch-up), again and again until what is left is less than a
//! second's worth; when all shards are that far, writes to what moves are held back for the cut-over, then
//! all of it changes hands at once (as Vitess's SwitchTraffic), and held writes go where their rows are.
//! A shard that dies stops copying until it is back.
//! Not modelled: a failed copy that starts again, building of indices, the space that the old copy takes.

use super::member::phase;
use super::spec::DatabaseBuild;
use super::state::Database;
use crate::base::random::{Key, StreamName};
use crate::base::{OperationId, SimDuration, SimTime};
use crate::engine::partitioner::Move;
use crate::engine::{CallId, Context, Observation, Probe, Request, Timer};

/// Timers from here on are those of growing.
const TOPICS: u32 = 1 << 24;
const BEGIN: u32 = TOPICS;
const CUT_OVER: u32 = TOPICS + 1;
const PIECE: u32 = TOPICS + 2;
/// Pieces a second that one shard copies, at most: larger rates have larger pieces.
const PIECES: f64 = 50.0;
const MEGABYTE: f64 = 1e6;
/// Bytes that one operation of the disk reads or writes in sequence: 256 KB, the most that Amazon EBS counts as one
/// (not verified).
const SEQUENTIAL: f64 = 262_144.0;
/// How long a shard that is down is left alone.
const PATIENCE: SimDuration = SimDuration::from_secs(1);

/// Whether a timer is one of growing.
pub(super) fn is_about(timer: Timer) -> bool {
    (BEGIN..=PIECE).contains(&timer.topic)
}

/// One shard that gives.
#[derive(Debug)]
struct Source {
    shard: u16,
    moves: Vec<Move>,
    /// Which of them is being copied.
    at: usize,
    /// Bytes of it that are left.
    left: f64,
    /// Bytes written since they were copied.
    changed: f64,
    /// Bytes of the piece in hand.
    piece: f64,
    began: SimTime,
    /// Whether the receiving end has it.
    received: bool,
    job: CallId,
    ready: bool,
}

/// A growth that is planned or under way.
#[derive(Debug)]
pub(super) struct Resharding {
    sources: Vec<Source>,
    /// By logical shard: whether it moves and has not yet.
    moving: Vec<bool>,
    blocked: bool,
    held: Vec<CallId>,
    pieces: u64,
}

impl Resharding {
    pub(super) fn new(build: &DatabaseBuild) -> Option<Box<Self>> {
        let grows = build.spec.shards.as_ref()?.grow.is_some();
        let idle =
            Self { sources: Vec::new(), moving: Vec::new(), blocked: false, held: Vec::new(), pieces: 0 };
        grows.then(|| Box::new(idle))
    }
}

impl Database {
    /// Schedules the growth.
    pub(super) fn plan_resharding<P: Probe>(&mut self, cx: &mut Context<'_, P>) {
        if let Some(grow) = self.build.spec.shards.as_ref().and_then(|shards| shards.grow.as_ref()) {
            cx.timer(SimTime::from_secs_f64(grow.at), Timer { topic: BEGIN, number: 0 });
        }
    }

    /// Whether writes to a logical shard are held back.
    pub(super) fn is_blocked(&self, logical: u32) -> bool {
        self.resharding.as_ref().is_some_and(|growth| growth.blocked && growth.moves(logical))
    }

    pub(super) fn hold_back(&mut self, id: CallId) {
        if let Some(growth) = &mut self.resharding {
            growth.held.push(id);
        }
    }

    /// A write changes what may have been copied already: it is copied once more.
    pub(super) fn note_change<P: Probe>(&mut self, logical: u32, id: CallId, cx: &mut Context<'_, P>) {
        let Some(growth) = self.resharding.as_mut().filter(|growth| growth.moves(logical)) else { return };
        let query = &self.build.queries[cx.call(id).operation.index()];
        let row = query.entity.map_or(0, |entity| cx.size_of(entity, cx.call(id).row, 0)) as f64;
        let bytes = query.wal.as_ref().map_or(row, |wal| cx.draw(wal, id));
        let from = cx.call(id).instance;
        let shard = self.layout.shard_of(from);
        if let Some(source) = growth.sources.iter_mut().find(|source| source.shard == shard) {
            source.changed += bytes;
        }
    }

    pub(super) fn reshard<P: Probe>(&mut self, timer: Timer, cx: &mut Context<'_, P>) {
        match timer.topic {
            BEGIN => self.begin_growth(cx),
            CUT_OVER => self.cut_over(cx),
            _ => self.begin_piece(timer.number as usize, cx),
        }
    }

    fn begin_growth<P: Probe>(&mut self, cx: &mut Context<'_, P>) {
        let Some(growth) = &mut self.resharding else { return };
        let Some(sharding) = cx.cluster().and_then(|cluster| cluster.sharding()) else { return };
        let all = sharding.partitioner.moves();
        let before = sharding.count;
        growth.moving = vec![false; sharding.partitioner.logical_shards() as usize];
        for step in all {
            growth.moving[step.logical as usize] = true;
            match growth.sources.iter_mut().find(|source| source.shard == step.from) {
                Some(source) => source.moves.push(step),
                None => growth.sources.push(Source {
                    shard: step.from,
                    moves: vec![step],
                    at: 0,
                    left: 0.0,
                    changed: 0.0,
                    piece: 0.0,
                    began: SimTime::ZERO,
                    received: false,
                    job: CallId::NONE,
                    ready: false,
                }),
            }
        }
        let sources = growth.sources.len();
        for shard in before..self.layout.shards {
            for member in self.layout.members_of(shard) {
                let resource = self.build.members[usize::from(member)].cpu;
                cx.observe(Observation::Capacity { resource, servers: self.build.spec.cores_of(member) });
            }
        }
        for source in 0..sources {
            let step = self.resharding.as_ref().map(|growth| growth.sources[source].moves[0]);
            let left = step.map_or(0.0, |step| self.bytes_of(step, cx));
            if let Some(growth) = &mut self.resharding {
                growth.sources[source].left = left;
            }
            self.begin_piece(source, cx);
        }
        if sources == 0 {
            self.cut_over(cx);
        }
    }

    /// What a logical shard weighs now.
    fn bytes_of<P: Probe>(&self, step: Move, cx: &mut Context<'_, P>) -> f64 {
        let stored = self.build.shards.as_ref().map_or(&[][..], |shards| &shards.stored[..]);
        let bytes: f64 = stored.iter().map(|(entity, size)| size * cx.rows_of(*entity) as f64).sum();
        let Some(by) = self.build.spec.shards.as_ref().map(|shards| shards.by) else { return 0.0 };
        let keys = cx.rows_of(by);
        let sharding = cx.cluster().and_then(|cluster| cluster.sharding());
        bytes * sharding.map_or(0.0, |sharding| sharding.partitioner.share_of(step.logical, keys))
    }

    fn begin_piece<P: Probe>(&mut self, source: usize, cx: &mut Context<'_, P>) {
        let Some(grow) = self.build.spec.shards.as_ref().and_then(|shards| shards.grow.as_ref()) else {
            return;
        };
        let Some(shard) = self.resharding.as_ref().map(|growth| growth.sources[source].shard) else { return };
        let member = self.primary_of(shard);
        let Some(growth) = &mut self.resharding else { return };
        let state = &mut growth.sources[source];
        let me = cx.me();
        if cx.life(me, member) > crate::engine::Life::Draining {
            return cx.timer(cx.now() + PATIENCE, Timer { topic: PIECE, number: source as u32 });
        }
        let most = grow.copy.map_or(MEGABYTE, |rate| (rate / PIECES).max(MEGABYTE));
        state.piece = state.left.min(most);
        state.began = cx.now();
        state.received = false;
        growth.pieces += 1;
        let luck = Key::root(0, growth.pieces).named(StreamName::new("copy")).with(u64::from(me.0));
        let job = cx.open_internal(Request::new(me, OperationId(0), luck, cx.now()));
        state.job = job;
        let call = cx.call_mut(job);
        (call.instance, call.pc) = (member, phase::COPY);
        self.work_on_piece(job, cx);
    }

    fn work_on_piece<P: Probe>(&mut self, job: CallId, cx: &mut Context<'_, P>) {
        let member = usize::from(cx.call(job).instance);
        let operations = (self.bytes_of_piece(job) / SEQUENTIAL).ceil() as u64;
        cx.call_mut(job).pc = phase::COPY;
        if !self.members[member].read_in_sequence(job, operations, cx) {
            self.compute_piece(job, cx);
        }
    }

    fn bytes_of_piece(&self, job: CallId) -> f64 {
        let growth = self.resharding.as_ref();
        let piece = growth.and_then(|growth| growth.sources.iter().find(|source| source.job == job));
        piece.map_or(0.0, |source| source.piece)
    }

    /// The core time of a piece at one end.
    fn compute_piece<P: Probe>(&mut self, job: CallId, cx: &mut Context<'_, P>) {
        let bytes = self.bytes_of_piece(job);
        cx.call_mut(job).pc = phase::COPY_CPU;
        let each = self.build.shards.as_ref().and_then(|shards| shards.copy_cpu.as_ref());
        let cpu = each.map_or(0.0, |each| cx.draw(each, job) * bytes / MEGABYTE);
        let member = usize::from(cx.call(job).instance);
        let span = SimDuration::from_secs_f64(cpu);
        if span.is_zero() {
            cx.serve(job, SimDuration::ZERO);
        } else {
            self.members[member].cores.work(job, span, cx);
        }
    }

    /// A piece has been read, or written at the other end, or the disk has done its part of that.
    pub(super) fn copy_on<P: Probe>(&mut self, job: CallId, cx: &mut Context<'_, P>) {
        if cx.call(job).pc == phase::COPY {
            return self.compute_piece(job, cx);
        }
        let Some(growth) = &mut self.resharding else { return };
        let Some(source) = growth.sources.iter().position(|source| source.job == job) else { return };
        let state = &mut growth.sources[source];
        if !state.received {
            state.received = true;
            let to = state.moves.get(state.at.min(state.moves.len() - 1)).map_or(0, |step| step.to);
            cx.call_mut(job).instance = self.primary_of(to);
            return self.work_on_piece(job, cx);
        }
        cx.close_internal(job);
        state.job = CallId::NONE;
        state.left -= state.piece;
        self.piece_done(source, cx);
    }

    fn piece_done<P: Probe>(&mut self, source: usize, cx: &mut Context<'_, P>) {
        let Some(grow) = self.build.spec.shards.as_ref().and_then(|shards| shards.grow.clone()) else {
            return;
        };
        let Some(growth) = &mut self.resharding else { return };
        let state = &mut growth.sources[source];
        let (began, piece) = (state.began, state.piece);
        if state.left <= 0.0 {
            state.at += 1;
            if let Some(step) = state.moves.get(state.at).copied() {
                let left = self.bytes_of(step, cx);
                if let Some(growth) = &mut self.resharding {
                    growth.sources[source].left = left;
                }
            } else {
                // All has been copied: what was written meanwhile follows.
                let little = grow.copy.unwrap_or(MEGABYTE);
                state.left = std::mem::take(&mut state.changed);
                if state.left < little {
                    state.ready = true;
                    if growth.sources.iter().all(|source| source.ready) {
                        growth.blocked = true;
                        let at = cx.now() + SimDuration::from_secs_f64(grow.cutover_block);
                        cx.timer(at, Timer { topic: CUT_OVER, number: 0 });
                    }
                    return;
                }
            }
        }
        let pace = grow.copy.map_or(SimDuration::ZERO, |rate| SimDuration::from_secs_f64(piece / rate));
        let next = (began + pace).max(cx.now());
        cx.timer(next, Timer { topic: PIECE, number: source as u32 });
    }

    fn cut_over<P: Probe>(&mut self, cx: &mut Context<'_, P>) {
        let Some(growth) = &mut self.resharding else { return };
        let moves: Vec<Move> = growth.sources.iter().flat_map(|source| source.moves.clone()).collect();
        growth.moving.iter_mut().for_each(|moves| *moves = false);
        growth.blocked = false;
        let held = std::mem::take(&mut growth.held);
        let count = self.layout.shards;
        if let Some(sharding) = cx.cluster().and_then(|cluster| cluster.sharding()) {
            moves.iter().for_each(|step| sharding.partitioner.place(step.logical, step.to));
            sharding.count = count;
        }
        self.let_in(held, cx);
    }

    /// A call that is being lost with its member is a piece of what is copied: it is copied again later.
    pub(super) fn forget_copy<P: Probe>(&mut self, job: CallId, cx: &mut Context<'_, P>) -> bool {
        if !matches!(cx.call(job).pc, phase::COPY | phase::COPY_CPU) {
            if let Some(growth) = &mut self.resharding {
                growth.held.retain(|held| *held != job);
            }
            return false;
        }
        let member = usize::from(cx.call(job).instance);
        self.members[member].withdraw_job(job, cx);
        cx.close_internal(job);
        if let Some(growth) = &mut self.resharding
            && let Some(source) = growth.sources.iter().position(|source| source.job == job)
        {
            growth.sources[source].job = CallId::NONE;
            cx.timer(cx.now() + PATIENCE, Timer { topic: PIECE, number: source as u32 });
        }
        true
    }
}

impl Resharding {
    fn moves(&self, logical: u32) -> bool {
        self.moving.get(logical as usize).copied().unwrap_or(false)
    }
}
