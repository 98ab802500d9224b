//! A pooler as it runs: it accepts clients' connections, spends its own core time on each statement, and
//! passes it on over a connection that it lends.
//!
//! Transaction mode lends one for a statement, or for a transaction from its first statement to its end: the wait
//! for it is that of a pool at a call site, as everywhere. Session mode lends one for the life of a client's connection: who opens one when all are lent
//! waits here, and whoever closes theirs lets the first of them in. A client that leaves is seen at once, since
//! its socket closes; the server connection that worked for it closes with it (PgBouncer), while the database
//! goes on until it notices.
//! A pooler that holds statements asks a database that is away again and again, with one statement at a time;
//! what was under way when it went is lost, and everything after that waits.
//! Not modelled: `server_lifetime`, what `DISCARD ALL` costs, prepared
//! statements, a limit over the pools of all users.

use std::collections::VecDeque;

use super::spec::{PoolMode, PoolerBuild};
use crate::base::{SimDuration, SimTime};
use crate::engine::{
    CONNECTIONS_CLOSED, CallId, Context, Cores, Disturbance, Flags, Node, Observation, Outcome, Probe,
    Reason, Timer, Withdrawal,
};
use crate::queueing::{Discipline, WaitingLine};

/// The reserve may be opened for who waits; the lower half of the topic is the user.
const RESERVE: u32 = 1 << 16;
/// The database that is away is asked again.
const ASK: u32 = 2 << 16;
/// How often (a choice; nobody documents theirs).
const ASK_EVERY: SimDuration = SimDuration::from_millis(250);

/// Server connections that clients' connections pin, of one user.
#[derive(Debug)]
struct Sessions {
    pinned: u32,
    line: WaitingLine<CallId>,
}

#[derive(Debug)]
struct Instance {
    cores: Cores,
    /// By user.
    sessions: Vec<Sessions>,
    /// Statements that wait for the database to come back.
    held: VecDeque<CallId>,
    /// Since when it is known to be away.
    away: Option<SimTime>,
    /// The statement that asks whether it is back.
    asking: CallId,
}

/// A pooler as it runs.
#[derive(Debug)]
pub struct Pooler {
    build: PoolerBuild,
    instances: Vec<Instance>,
}

impl Pooler {
    /// A pooler that has lent nothing yet.
    #[must_use]
    pub fn new(build: PoolerBuild) -> Self {
        let spec = &build.spec;
        let sessions = || Sessions { pinned: 0, line: WaitingLine::new(Discipline::Fifo) };
        let instances = (0..spec.instances).map(|me| Instance {
            cores: Cores::new(build.cpu[usize::from(me)], u32::from(me), spec.cores, None),
            sessions: build.users.iter().map(|_| sessions()).collect(),
            held: VecDeque::new(),
            away: None,
            asking: CallId::NONE,
        });
        Self { instances: instances.collect(), build }
    }

    /// Which user a caller's number is.
    fn user_of(&self, caller: u16) -> usize {
        self.build.users.iter().position(|user| user.caller.0 == caller).unwrap_or(0)
    }

    fn is_session(&self) -> bool {
        self.build.spec.mode == PoolMode::Session
    }

    /// The statement has had its core time: it goes on, unless its connection has none to the server yet.
    fn admit<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) {
        if !self.is_session() || !cx.call(id).flags.has(Flags::NEW_CONNECTION) {
            return self.ask_or_hold(id, cx);
        }
        let now = cx.now();
        let (me, user) = self.whose(id, cx);
        let pool = &self.build.spec.pool;
        let sessions = &mut self.instances[me].sessions[user];
        if sessions.pinned < pool.size {
            cx.call_mut(id).asked = now;
            return self.pin(id, cx);
        }
        sessions.line.push(id, 0);
        let call = cx.call_mut(id);
        call.asked = now;
        call.flags.set(Flags::IN_LINE);
        if let Some(wait) = &self.build.wait {
            let span = cx.draw_time(wait, id);
            cx.limit_wait(id, span);
        }
        if pool.reserve > 0 {
            let after = SimDuration::from_secs_f64(pool.reserve_after);
            cx.timer(now + after, Timer { topic: RESERVE | user as u32, number: me as u32 });
        }
        self.observe(me, user, cx);
    }

    fn whose<P: Probe>(&self, id: CallId, cx: &Context<'_, P>) -> (usize, usize) {
        let call = cx.call(id);
        (usize::from(call.instance), self.user_of(call.pc))
    }

    /// A client's connection gets a server connection of its own.
    fn pin<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) {
        let (me, user) = self.whose(id, cx);
        self.instances[me].sessions[user].pinned += 1;
        let (now, resource) = (cx.now(), self.build.users[user].pools[me]);
        let call = cx.call_mut(id);
        call.flags.set(Flags::WORKER);
        let wait = now.since(call.asked);
        cx.observe(Observation::Waited { resource, wait });
        self.observe(me, user, cx);
        self.ask_or_hold(id, cx);
    }

    fn observe<P: Probe>(&self, me: usize, user: usize, cx: &mut Context<'_, P>) {
        let sessions = &self.instances[me].sessions[user];
        let present = sessions.pinned + sessions.line.len() as u32;
        cx.observe(Observation::Level { resource: self.build.users[user].pools[me], present });
    }

    /// Lets the first of those who wait in, while there is room.
    fn serve_line<P: Probe>(&mut self, me: usize, user: usize, cx: &mut Context<'_, P>) {
        while self.instances[me].sessions[user].pinned < self.build.spec.pool.size {
            let Some(next) = self.instances[me].sessions[user].line.pop(|id| cx.is_in_line(*id)) else {
                return;
            };
            cx.call_mut(next).flags.take(Flags::IN_LINE);
            cx.forget_step(next);
            self.pin(next, cx);
        }
    }

    /// Whoever has waited long enough is let in beyond the pool's size.
    fn open_reserve<P: Probe>(&mut self, me: usize, user: usize, cx: &mut Context<'_, P>) {
        let (now, pool) = (cx.now(), &self.build.spec.pool);
        let after = SimDuration::from_secs_f64(pool.reserve_after);
        let most = pool.size.saturating_add(pool.reserve);
        let Some(instance) = self.instances.get_mut(me) else { return };
        let Some(sessions) = instance.sessions.get_mut(user).filter(|sessions| sessions.pinned < most) else {
            return;
        };
        let Some(next) = sessions.line.pop(|id| cx.is_in_line(*id)) else { return };
        if now.since(cx.call(next).asked) < after {
            return sessions.line.push_front(next, 0);
        }
        cx.call_mut(next).flags.take(Flags::IN_LINE);
        cx.forget_step(next);
        self.pin(next, cx);
    }

    /// Passes a statement on, or keeps it while the database is away.
    fn ask_or_hold<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) {
        let me = usize::from(cx.call(id).instance);
        if self.instances[me].away.is_some() {
            return self.hold(id, cx);
        }
        self.ask(id, cx);
    }

    fn ask<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) {
        let (me, user) = self.whose(id, cx);
        let pinned = self.instances[me].sessions[user].pinned;
        let now = cx.now();
        let call = cx.call_mut(id);
        call.worker_asked = now;
        call.needed = pinned.min(u32::from(u16::MAX)) as u16;
        cx.call_on(id, self.build.users[user].site);
    }

    /// A statement waits for the database to come back, if there is room.
    fn hold<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) {
        let me = usize::from(cx.call(id).instance);
        let most = self.build.spec.hold.map_or(0, |(most, _)| most);
        if self.instances[me].held.len() >= most as usize {
            let outcome = Outcome::error(503, cx.me(), Reason::Unreachable);
            return self.end(id, outcome, 0, cx);
        }
        self.instances[me].held.push_back(id);
    }

    /// Asks the database that is away with the oldest statement, and gives up those that have waited too long.
    fn ask_again<P: Probe>(&mut self, me: usize, cx: &mut Context<'_, P>) {
        let Some(instance) = self.instances.get_mut(me).filter(|instance| instance.away.is_some()) else {
            return;
        };
        let now = cx.now();
        let patience = self.build.spec.hold.map_or(0.0, |(_, span)| span);
        let patience = SimDuration::from_secs_f64(patience);
        let late: Vec<CallId> =
            instance.held.iter().copied().filter(|id| now.since(cx.call(*id).arrived) >= patience).collect();
        instance.held.retain(|id| !late.contains(id));
        let free = !cx.is_alive(instance.asking);
        let first = if free { instance.held.pop_front() } else { None };
        if let Some(first) = first {
            instance.asking = first;
        }
        for id in late {
            let outcome = Outcome::error(503, cx.me(), Reason::Unreachable);
            self.end(id, outcome, 0, cx);
        }
        match first {
            Some(first) => self.ask(first, cx),
            // Nobody is there to ask for: the next who comes finds out.
            None if free => self.back(me, cx),
            None => {}
        }
        if self.instances[me].away.is_some() {
            cx.timer(now + ASK_EVERY, Timer { topic: ASK, number: me as u32 });
        }
    }

    /// The database answers again: whatever waited goes on, through the pool.
    fn back<P: Probe>(&mut self, me: usize, cx: &mut Context<'_, P>) {
        let instance = &mut self.instances[me];
        instance.away = None;
        instance.asking = CallId::NONE;
        for id in std::mem::take(&mut instance.held) {
            self.ask(id, cx);
        }
    }

    /// Answers a statement. A connection without a server connection of its own closes with the answer.
    fn end<P: Probe>(&mut self, id: CallId, outcome: Outcome, bytes: u64, cx: &mut Context<'_, P>) {
        let call = cx.call_mut(id);
        if outcome.reason.ends_connection() {
            call.flags.set(Flags::LAST_ON_CONNECTION);
        }
        let pinned = call.flags.take(Flags::WORKER);
        let closes = call.flags.has(Flags::LAST_ON_CONNECTION);
        if self.is_session() && closes && call.flags.has(Flags::NEW_CONNECTION) && !pinned {
            // What follows is told of every connection that closes; this one had none.
            let (me, user) = self.whose(id, cx);
            self.instances[me].sessions[user].pinned += 1;
        }
        cx.reply(id, outcome, bytes);
    }

    /// Takes a statement out of whatever it waits for.
    fn withdraw<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) {
        let (me, user) = self.whose(id, cx);
        if cx.call_mut(id).flags.take(Flags::IN_LINE) {
            let sessions = &mut self.instances[me].sessions[user];
            sessions.line.renege(|id| cx.is_in_line(*id));
            self.observe(me, user, cx);
            let resource = self.build.users[user].pools[me];
            cx.observe(Observation::Refused { resource });
        } else if !self.instances[me].cores.cancel(id, cx) {
            self.instances[me].held.retain(|held| *held != id);
            cx.stop_waiting(id);
        }
        cx.forget_step(id);
    }
}

impl Node for Pooler {
    fn on_call<P: Probe>(&mut self, call: CallId, cx: &mut Context<'_, P>) {
        let caller = cx.caller(call).map_or(self.build.users[0].caller, |caller| caller);
        cx.call_mut(call).pc = caller.0;
        let site = self.build.users[self.user_of(caller.0)].site;
        cx.call_mut(call).site = site;
        if !cx.accept_connection(call) {
            let outcome = Outcome::error(503, cx.me(), Reason::TooManyConnections);
            return cx.reply(call, outcome, 0);
        }
        let cost = self.build.cost.as_ref().map_or(SimDuration::ZERO, |cost| cx.draw_time(cost, call));
        if cost.is_zero() {
            return self.admit(call, cx);
        }
        let me = usize::from(cx.call(call).instance);
        self.instances[me].cores.work(call, cost, cx);
    }

    fn on_wake<P: Probe>(&mut self, station: u32, epoch: u32, cx: &mut Context<'_, P>) {
        while let Some(call) = self.instances[station as usize].cores.finished(epoch, cx) {
            self.admit(call, cx);
        }
    }

    fn on_limit<P: Probe>(&mut self, call: CallId, cx: &mut Context<'_, P>) {
        self.withdraw(call, cx);
        let outcome = Outcome::error(503, cx.me(), Reason::NoServerConnection);
        self.end(call, outcome, 0, cx);
    }

    fn on_reply<P: Probe>(&mut self, call: CallId, outcome: Outcome, cx: &mut Context<'_, P>) {
        let record = cx.call(call);
        let (me, bytes, sent, now) =
            (usize::from(record.instance), record.bytes, record.worker_asked, cx.now());
        let holds = self.build.spec.hold.is_some();
        let instance = &mut self.instances[me];
        let asked = instance.asking == call;
        if asked {
            instance.asking = CallId::NONE;
        }
        if holds && outcome.reason == Reason::Unreachable {
            match instance.away {
                Some(_) if asked => return instance.held.push_front(call),
                Some(since) if sent > since => return self.hold(call, cx),
                Some(_) => {}
                None => {
                    instance.away = Some(now);
                    cx.timer(now + ASK_EVERY, Timer { topic: ASK, number: me as u32 });
                }
            }
        } else if asked {
            self.back(me, cx);
        }
        let outcome = if outcome.reason == Reason::PoolTimeout && outcome.origin == cx.me() {
            Outcome::error(503, cx.me(), Reason::NoServerConnection)
        } else {
            outcome
        };
        self.end(call, outcome, bytes, cx);
    }

    fn on_cancel<P: Probe>(&mut self, call: CallId, how: Withdrawal, cx: &mut Context<'_, P>) {
        // A statement that is to be cancelled at the database is cancelled there.
        if how == Withdrawal::Work && cx.is_alive(cx.call(call).child) {
            return cx.pass_cancellation_on(call, how);
        }
        self.withdraw(call, cx);
        let outcome = match how {
            // Its client still has the connection, which closes, as after a wait that was too long.
            Withdrawal::Expired => Outcome::error(504, cx.me(), Reason::NoServerConnection),
            Withdrawal::Lines | Withdrawal::Work => Outcome::error(499, cx.me(), Reason::Cancelled),
        };
        self.end(call, outcome, 0, cx);
    }

    fn on_timer<P: Probe>(&mut self, timer: Timer, cx: &mut Context<'_, P>) {
        let word = (timer.topic & 0xFFFF) as u16;
        match timer.topic & !0xFFFF {
            CONNECTIONS_CLOSED => {
                let (me, user) = ((timer.number >> 16) as usize, self.user_of(word));
                let count = timer.number & 0xFFFF;
                let Some(instance) = self.instances.get_mut(me) else { return };
                let sessions = &mut instance.sessions[user];
                sessions.pinned = sessions.pinned.saturating_sub(count);
                self.observe(me, user, cx);
                self.serve_line(me, user, cx);
            }
            RESERVE => self.open_reserve(timer.number as usize, usize::from(word), cx),
            _ => self.ask_again(timer.number as usize, cx),
        }
    }

    fn on_disturbance<P: Probe>(&mut self, instance: u16, what: Disturbance, cx: &mut Context<'_, P>) {
        match what {
            Disturbance::Speed(speed) => self.instances[usize::from(instance)].cores.set_speed(speed, cx),
            Disturbance::Lost => {
                for call in cx.calls_at(instance) {
                    self.withdraw(call, cx);
                    cx.lose(call);
                }
                let me = usize::from(instance);
                self.instances[me].away = None;
                self.instances[me].asking = CallId::NONE;
                for user in 0..self.build.users.len() {
                    self.instances[me].sessions[user].pinned = 0;
                    self.observe(me, user, cx);
                }
            }
            _ => {}
        }
    }
}
