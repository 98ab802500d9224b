//! What a node does that nobody asked for: checkpoints, vacuum, compaction. Each is a stream of operations on
//! the node's own disk, with core time where that is said, in competition with its statements.
//!
//! A checkpoint writes every page that was changed since the one before, spread over a part of the time until
//! the next (PostgreSQL's `checkpoint_completion_target`); the first change of a page after it began writes the
//! whole page to the log (`full_page_writes`). A vacuum of an entity begins, at a look every `every`, once its
//! dead rows exceed `threshold` and `scale` of its rows, and goes through the pages that hold them at `speed`.
//! Compaction begins when a buffer of new bytes is full, rewrites each byte `amplification` times, and stops all
//! writes while more than `stall` is owed.
//! Only where statements write: replaying a log makes no pages dirty here. Not modelled: bloat, restart points of
//! replicas, recovery after a crash, backups.

use std::collections::VecDeque;

use rustc_hash::{FxHashMap, FxHashSet};

use super::buffer_pool::PAGE;
use super::member::{Member, phase, query};
use super::spec::DatabaseBuild;
use super::state::{Database, topic};
use crate::base::random::Key;
use crate::base::{EntityId, SimDuration, SimTime};
use crate::engine::{CallId, Context, Flags, Probe, Timer};

/// Operations of one stream that are at the disk, or in line for it, at once (a choice: a device's queue).
const MOST_OUT: u32 = 256;
/// Pages whose changes are told apart; a further one counts as changed before (bounds memory).
const MOST_DIRTY: usize = 1_000_000;
/// Bytes of one operation of a compaction, which reads and writes in order: 256 KiB.
const CHUNK: f64 = 262_144.0;

/// The kinds of work, as numbers of their streams.
const CHECKPOINT: usize = 0;
const VACUUM: usize = 1;
const COMPACTION: usize = 2;
/// Timers beyond those of streams.
const NEXT_CHECKPOINT: u32 = 3;
const NEXT_LOOK: u32 = 4;

/// Operations to be done, one every `gap`.
#[derive(Clone, Debug)]
struct Stream {
    left: u64,
    gap: SimDuration,
    next: SimTime,
    out: u32,
    armed: bool,
}

/// What a member does on its own.
#[derive(Debug)]
pub(super) struct Background {
    streams: [Stream; 3],
    /// Jobs that do nothing at the moment.
    idle: Vec<CallId>,
    /// Pages changed since the last checkpoint began.
    dirty: FxHashSet<(EntityId, u64)>,
    /// Dead rows by entity.
    dead: FxHashMap<EntityId, u64>,
    /// Entities that a vacuum goes through now.
    vacuumed: VecDeque<(EntityId, u64)>,
    /// New bytes that no compaction has begun with, and bytes that are owed.
    buffered: f64,
    owed: f64,
    /// Writes that wait until less is owed.
    pub(super) stalled: VecDeque<CallId>,
    /// Operations so far: each has a luck of its own.
    operations: u64,
}

impl Background {
    /// None where nothing of that is done.
    pub(super) fn new(build: &DatabaseBuild) -> Option<Box<Self>> {
        build.spec.background.as_ref()?;
        let stream = || Stream { left: 0, gap: SimDuration::ZERO, next: SimTime::ZERO, out: 0, armed: false };
        Some(Box::new(Self {
            streams: [stream(), stream(), stream()],
            idle: Vec::new(),
            dirty: FxHashSet::default(),
            dead: FxHashMap::default(),
            vacuumed: VecDeque::new(),
            buffered: 0.0,
            owed: 0.0,
            stalled: VecDeque::new(),
            operations: 0,
        }))
    }

    /// More work of a kind, so many operations at one every `gap`.
    fn begin(&mut self, kind: usize, operations: u64, gap: SimDuration, now: SimTime) {
        let stream = &mut self.streams[kind];
        if stream.left == 0 && stream.out == 0 {
            stream.next = now;
        }
        stream.left += operations;
        stream.gap = gap;
    }

    /// Everything under way is lost with the member.
    fn forget(&mut self) {
        for stream in &mut self.streams {
            (stream.left, stream.out) = (0, 0);
        }
        self.dirty.clear();
        self.vacuumed.clear();
        self.stalled.clear();
    }
}

impl Member {
    /// A write is about to commit: bytes that it adds to the log.
    pub(super) fn changed<P: Probe>(
        &mut self,
        id: CallId,
        build: &DatabaseBuild,
        cx: &mut Context<'_, P>,
    ) -> f64 {
        let (Some(own), Some(spec)) = (&mut self.background, &build.spec.background) else { return 0.0 };
        let query = query(build, id, cx);
        let Some(entity) = query.entity else { return 0.0 };
        let row = cx.call(id).row;
        let bytes = query.kept.and_then(|kept| build.kept.get(kept)).map_or(PAGE, |kept| kept.bytes);
        let mut more = 0.0;
        if let Some(checkpoint) = &spec.checkpoint {
            let page = (row as f64 * bytes / PAGE) as u64;
            if own.dirty.len() < MOST_DIRTY && own.dirty.insert((entity, page)) && checkpoint.full_pages {
                more += PAGE;
            }
        }
        if spec.vacuum.is_some() && !cx.is_inserted(entity, row) {
            *own.dead.entry(entity).or_insert(0) += 1;
        }
        let mut full = false;
        if let Some(compaction) = &spec.compaction {
            own.buffered += query.wal.as_ref().map_or(bytes, |wal| cx.draw(wal, id));
            full = own.buffered >= compaction.buffer;
            if full {
                own.owed += std::mem::take(&mut own.buffered) * compaction.amplification;
                let operations = (own.owed / CHUNK).ceil() as u64;
                let more = operations.saturating_sub(own.streams[COMPACTION].left);
                own.begin(COMPACTION, more, SimDuration::from_secs_f64(CHUNK / compaction.speed), cx.now());
            }
        }
        if full {
            self.pump_background(COMPACTION, cx);
        }
        more
    }

    /// Whether a write has to wait for compaction; if so it goes on later.
    pub(super) fn stalls(&mut self, id: CallId, build: &DatabaseBuild) -> bool {
        let (Some(own), Some(spec)) = (&mut self.background, &build.spec.background) else { return false };
        let stalls = spec.compaction.as_ref().is_some_and(|compaction| own.owed > compaction.stall);
        if stalls {
            own.stalled.push_back(id);
        }
        stalls
    }

    /// Begins operations of a stream as they are due.
    fn pump_background<P: Probe>(&mut self, kind: usize, cx: &mut Context<'_, P>) {
        let now = cx.now();
        loop {
            let Some(own) = &mut self.background else { return };
            let stream = &mut own.streams[kind];
            if stream.left == 0 || stream.out >= MOST_OUT {
                return;
            }
            if stream.next > now {
                if !stream.armed {
                    stream.armed = true;
                    let topic = topic::BACKGROUND | u32::from(self.number);
                    cx.timer(stream.next, Timer { topic, number: kind as u32 });
                }
                return;
            }
            stream.next += stream.gap;
            stream.left -= 1;
            stream.out += 1;
            own.operations += 1;
            let luck = Key::root(0, own.operations).with(u64::from(self.number));
            let job = own.idle.pop().unwrap_or_else(|| cx.open_job(self.number));
            let call = cx.call_mut(job);
            (call.pc, call.needed, call.luck) = (phase::BACKGROUND, kind as u16, luck);
            self.operate(job, cx);
        }
    }

    /// One operation of the disk.
    fn operate<P: Probe>(&mut self, job: CallId, cx: &mut Context<'_, P>) {
        let span = self.operation_of_disk();
        let now = cx.now();
        if let Some(disk) = self.disk_mut() {
            disk.demanded(span, cx);
            let call = cx.call_mut(job);
            call.flags.set(Flags::DISK);
            (call.demand, call.pool_asked) = (span, now);
            if disk.seize(job, 0, cx) != crate::engine::Seized::Granted {
                return;
            }
        }
        cx.serve(job, span);
    }

    /// A job has had its disk operation, or its core time: true if it is done.
    pub(super) fn background_on<P: Probe>(
        &mut self,
        job: CallId,
        build: &DatabaseBuild,
        cx: &mut Context<'_, P>,
    ) -> bool {
        let kind = usize::from(cx.call(job).needed);
        if cx.call(job).pc == phase::BACKGROUND {
            cx.call_mut(job).pc = phase::BACKGROUND + 1;
            let cpu = build.background_cpu[kind].as_ref().map_or(0.0, |cpu| cx.draw(cpu, job));
            let span = SimDuration::from_secs_f64(if kind == COMPACTION { cpu * CHUNK / 1e6 } else { cpu });
            if !span.is_zero() {
                self.cores.work(job, span, cx);
                return false;
            }
        }
        let Some(own) = &mut self.background else { return true };
        own.idle.push(job);
        own.streams[kind].out = own.streams[kind].out.saturating_sub(1);
        if kind == COMPACTION {
            own.owed = (own.owed - CHUNK).max(0.0);
        }
        self.pump_background(kind, cx);
        true
    }
}

impl Database {
    /// The first checkpoint and the first look of each member.
    pub(super) fn start_background<P: Probe>(&mut self, cx: &mut Context<'_, P>) {
        let Some(spec) = &self.build.spec.background else { return };
        for member in 0..self.members.len() as u32 {
            let topic = topic::BACKGROUND | member;
            let now = cx.now();
            if let Some(checkpoint) = &spec.checkpoint {
                let at = now + SimDuration::from_secs_f64(checkpoint.every);
                cx.timer(at, Timer { topic, number: NEXT_CHECKPOINT });
            }
            if let Some(vacuum) = &spec.vacuum {
                let at = now + SimDuration::from_secs_f64(vacuum.every);
                cx.timer(at, Timer { topic, number: NEXT_LOOK });
            }
        }
    }

    /// A timer of a member's own work.
    pub(super) fn background<P: Probe>(&mut self, member: u16, number: u32, cx: &mut Context<'_, P>) {
        let now = cx.now();
        let state = &mut self.members[usize::from(member)];
        let Some(own) = &mut state.background else { return };
        let kind = number as usize;
        if let Some(stream) = own.streams.get_mut(kind) {
            stream.armed = false;
            return state.pump_background(kind, cx);
        }
        let Some(spec) = &self.build.spec.background else { return };
        let again = Timer { topic: topic::BACKGROUND | u32::from(member), number };
        match (number, &spec.checkpoint, &spec.vacuum) {
            (NEXT_CHECKPOINT, Some(checkpoint), _) => {
                let pages = own.dirty.len() as u64;
                own.dirty.clear();
                let gap = checkpoint.every * checkpoint.target / pages.max(1) as f64;
                own.begin(CHECKPOINT, pages, SimDuration::from_secs_f64(gap), now);
                state.pump_background(CHECKPOINT, cx);
                cx.timer(now + SimDuration::from_secs_f64(checkpoint.every), again);
            }
            (NEXT_LOOK, _, Some(vacuum)) => {
                let mut due: Vec<(EntityId, u64)> =
                    own.dead.iter().map(|(entity, dead)| (*entity, *dead)).collect();
                due.retain(|(entity, dead)| {
                    *dead as f64 > vacuum.threshold as f64 + vacuum.scale * cx.rows_of(*entity) as f64
                });
                due.sort_unstable();
                for (entity, dead) in due {
                    own.dead.remove(&entity);
                    let bytes = self.build.kept.iter().find(|kept| kept.rows == entity);
                    let bytes = bytes.map_or(PAGE, |kept| kept.bytes);
                    let all = (cx.rows_of(entity) as f64 * bytes / PAGE).ceil() as u64;
                    let pages = dead.min(all).max(1);
                    own.begin(VACUUM, pages, SimDuration::from_secs_f64(1.0 / vacuum.speed), now);
                    own.vacuumed.push_back((entity, pages));
                }
                state.pump_background(VACUUM, cx);
                cx.timer(now + SimDuration::from_secs_f64(vacuum.every), again);
            }
            _ => {}
        }
    }

    /// A job of a member's own has had what it waited for.
    pub(super) fn background_on<P: Probe>(&mut self, job: CallId, cx: &mut Context<'_, P>) {
        let member = cx.call(job).instance;
        let kind = usize::from(cx.call(job).needed);
        let state = &mut self.members[usize::from(member)];
        if !state.background_on(job, &self.build, cx) {
            return;
        }
        let Some(own) = &mut state.background else { return };
        match kind {
            VACUUM => {
                let Some((entity, left)) = own.vacuumed.front_mut() else { return };
                let entity = *entity;
                *left = left.saturating_sub(1);
                if *left == 0 {
                    own.vacuumed.pop_front();
                    self.cleaned(member, entity, cx);
                }
            }
            COMPACTION => {
                let stall = self.build.spec.background.as_ref().and_then(|spec| spec.compaction.as_ref());
                if own.owed <= stall.map_or(f64::INFINITY, |compaction| compaction.stall) {
                    let ready = std::mem::take(&mut own.stalled);
                    self.begins.extend(ready.into_iter().filter(|id| cx.is_alive(*id)));
                }
            }
            _ => {}
        }
    }

    /// A job that is being lost with its member, if it is one.
    pub(super) fn forget_background<P: Probe>(&mut self, job: CallId, cx: &mut Context<'_, P>) -> bool {
        let call = cx.call(job);
        if !matches!(call.pc, phase::BACKGROUND..=phase::BACKGROUND_CPU) {
            return false;
        }
        let member = usize::from(call.instance);
        self.members[member].withdraw_job(job, cx);
        if let Some(own) = &mut self.members[member].background
            && !own.idle.contains(&job)
        {
            own.idle.push(job);
        }
        true
    }

    /// A member has lost what it did on its own.
    pub(super) fn crash_background(&mut self, member: u16) {
        if let Some(own) = &mut self.members[usize::from(member)].background {
            own.forget();
        }
    }
}
