//! Transactions of callers, and sagas: what a caller holds between one statement and the next.
//!
//! A transaction keeps one connection to each member of a database that it has asked, from its first statement
//! there until it ends. The database keeps its row locks (see its sessions); both know it by its number. It
//! ends with the answer to its commit; when its caller fails or leaves it is rolled back, of which the
//! database hears half a round trip later.
//!
//! Through a pooler the connection is one to the pooler, and a second one goes from there to each member: it is
//! lent with the first statement that needs it and given back when the transaction ends.
//!
//! A saga holds nothing. What it has written is marked until it ends, so that those who read it between its
//! steps are counted.

use rustc_hash::FxHashMap;

use super::call::{ANY_INSTANCE, CallId, Flags};
use super::context::{Context, Core};
use super::event::{Limit, Signal, Timer};
use super::outcome::{Outcome, Reason};
use super::plan::SiteId;
use super::pool::of_instance;
use super::probe::{Observation, Probe, Transacted};
use crate::base::{ComponentId, EntityId, SimDuration, SimTime};

/// The topic of the timer that tells a database that a transaction of this number is rolled back.
pub const ROLLBACK_TIMER: u32 = 0xFFFE_0000;

/// What a call site is to the transaction of its caller.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum InTransaction {
    /// Nothing.
    #[default]
    No,
    /// A statement of it.
    Statement,
    /// Its commit.
    Commit,
}

/// A connection that a transaction holds.
#[derive(Clone, Copy, Debug)]
struct Held {
    member: u16,
    /// The pool that it is of.
    pool: Option<usize>,
    asked: SimTime,
    /// The last statement on it; stale once that is answered.
    statement: CallId,
    /// Whether it never was one, or is one no more.
    broken: bool,
}

/// A transaction of a caller.
#[derive(Clone, Debug)]
struct Transaction {
    number: u32,
    database: ComponentId,
    /// Who is asked: the database, or a pooler before it.
    front: ComponentId,
    /// Attempts made, this one among them.
    attempt: u16,
    held: Vec<Held>,
    /// Connections from the pooler to the database.
    behind: Vec<Held>,
    /// The first member that it writes at.
    writer: Option<u16>,
    /// The way to the database.
    path: Option<u32>,
}

/// A saga of a caller: what it has written so far, and why it failed.
#[derive(Clone, Debug, Default)]
struct Saga {
    rows: Vec<(EntityId, u64)>,
    failure: Option<Outcome>,
}

/// Transactions and sagas that are open, by their callers.
#[derive(Clone, Debug, Default)]
pub(super) struct Transactions {
    open: FxHashMap<CallId, Transaction>,
    last: u32,
    sagas: FxHashMap<CallId, Saga>,
    /// Rows that a saga has written which has not ended, with the number of such writes.
    unfinished: FxHashMap<(EntityId, u64), u32>,
}

impl Transactions {
    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty() && self.sagas.is_empty()
    }
}

impl<P: Probe> Core<P> {
    /// What the site that a caller waits at is to the caller's transaction.
    fn role(&self, caller: CallId) -> InTransaction {
        self.plan.sites[self.calls[caller].site.0 as usize].in_transaction
    }

    /// Whether the attempt that a caller is about to make belongs to its transaction.
    pub(super) fn is_in_transaction(&self, caller: CallId) -> bool {
        self.role(caller) != InTransaction::No && self.transactions.open.contains_key(&caller)
    }

    /// Takes the connection that the caller's transaction has to the member, or one more; then launches.
    pub(super) fn connect_in_transaction(&mut self, caller: CallId) {
        let commits = self.role(caller) == InTransaction::Commit;
        if commits {
            let first = self.transactions.open.get(&caller).and_then(|t| {
                let first = t.held.first().map(|held| held.member);
                t.writer.or(first)
            });
            self.calls[caller].choice = first.unwrap_or(0);
        } else if !self.clusters.is_empty() {
            self.route(caller);
        }
        // A connection leads to one instance of a pooler: all statements go there.
        let open = self.transactions.open.get(&caller);
        if let Some(first) = open.filter(|t| t.front != t.database).and_then(|t| t.held.first()) {
            self.calls[caller].choice = first.member;
        }
        let call = &self.calls[caller];
        let site = &self.plan.sites[call.site.0 as usize];
        let member = if call.choice == ANY_INSTANCE { 0 } else { call.choice };
        let writes = site.writes;
        let path = site.path;
        self.calls[caller].choice = member;
        let Some(transaction) = self.transactions.open.get_mut(&caller) else { return };
        transaction.path = path;
        if writes && !commits && transaction.writer.is_none() {
            transaction.writer = Some(member);
        }
        if transaction.held.iter().any(|held| held.member == member && !held.broken) {
            return self.launch_held(caller, member, false);
        }
        let Some(index) = self.pool_of(caller) else {
            self.hold(caller, member, None, self.now());
            return self.launch_held(caller, member, true);
        };
        self.connect_pooled(caller, index);
    }

    /// A connection of a pool is the caller's: it goes to its transaction.
    pub(super) fn launch_in_transaction(
        &mut self,
        caller: CallId,
        index: usize,
        asked: SimTime,
        fresh: bool,
    ) {
        let member = self.calls[caller].choice;
        self.hold(caller, member, Some(index), asked);
        self.launch_held(caller, member, fresh);
    }

    /// The caller whose transaction a pooler's statement belongs to, if it is one of a transaction.
    pub(super) fn session_behind(&self, relay: CallId) -> Option<CallId> {
        let call = &self.calls[relay];
        let front = |owner: &CallId| self.transactions.open.get(owner).map(|t| t.front);
        let ours = call.flags.has(Flags::IN_TRANSACTION) && front(&call.parent) == Some(call.component);
        ours.then_some(call.parent)
    }

    /// Takes the connection from the pooler to a member that the owner's transaction has, or one more of the pooler's
    /// pool; then launches.
    pub(super) fn connect_behind(&mut self, relay: CallId, owner: CallId) {
        let commits = self.role(owner) == InTransaction::Commit;
        if commits {
            let first = self.transactions.open.get(&owner).and_then(|t| {
                let first = t.behind.first().map(|held| held.member);
                t.writer.or(first)
            });
            self.calls[relay].choice = first.unwrap_or(0);
        } else if !self.clusters.is_empty() {
            self.route(relay);
        }
        let call = &self.calls[relay];
        let operation = call.operation;
        let member = if call.choice == ANY_INSTANCE { 0 } else { call.choice };
        self.calls[relay].choice = member;
        let Some(transaction) = self.transactions.open.get_mut(&owner) else { return };
        let database = transaction.database;
        let writes = self.clusters.iter().any(|cluster| cluster.writes(database, operation));
        if writes && !commits && transaction.writer.is_none() {
            transaction.writer = Some(member);
        }
        if transaction.behind.iter().any(|held| held.member == member && !held.broken) {
            return self.launch_behind(relay, owner, member, false);
        }
        match self.pool_of(relay) {
            Some(index) => self.connect_pooled(relay, index),
            None => self.launch(relay, true),
        }
    }

    /// A connection of the pooler's pool goes to the owner's transaction.
    pub(super) fn keep_behind(
        &mut self,
        relay: CallId,
        owner: CallId,
        (index, asked): (usize, SimTime),
        fresh: bool,
    ) {
        let member = self.calls[relay].choice;
        if let Some(transaction) = self.transactions.open.get_mut(&owner) {
            let held = Held { member, pool: Some(index), asked, statement: CallId::NONE, broken: false };
            let broken = |other: &Held| other.member == member;
            for old in transaction.behind.extract_if(.., |other| broken(other)).collect::<Vec<_>>() {
                if let Some(index) = old.pool {
                    self.give_back(index, true, old.asked);
                }
            }
            if let Some(transaction) = self.transactions.open.get_mut(&owner) {
                transaction.behind.push(held);
            }
        }
        self.launch_behind(relay, owner, member, fresh);
    }

    /// Sends the pooler's attempt over the server connection of the owner's transaction.
    fn launch_behind(&mut self, relay: CallId, owner: CallId, member: u16, fresh: bool) {
        self.launch_over(relay, owner, member, fresh, |transaction| &mut transaction.behind);
    }

    fn hold(&mut self, caller: CallId, member: u16, pool: Option<usize>, asked: SimTime) {
        if let Some(transaction) = self.transactions.open.get_mut(&caller) {
            transaction.held.retain(|held| held.member != member);
            transaction.held.push(Held { member, pool, asked, statement: CallId::NONE, broken: false });
        }
    }

    /// Sends the attempt over a connection that the transaction holds.
    fn launch_held(&mut self, caller: CallId, member: u16, fresh: bool) {
        self.launch_over(caller, caller, member, fresh, |transaction| &mut transaction.held);
    }

    /// Sends an attempt of `caller` over a connection to `member` that the transaction of `owner` has among these.
    fn launch_over(
        &mut self,
        caller: CallId,
        owner: CallId,
        member: u16,
        fresh: bool,
        connections: fn(&mut Transaction) -> &mut Vec<Held>,
    ) {
        // As over a pooled connection: it is there, and stays.
        self.calls[caller].flags.set(Flags::POOLED);
        self.launch(caller, fresh);
        self.calls[caller].flags.take(Flags::POOLED);
        let child = self.calls[caller].child;
        let Some(transaction) = self.transactions.open.get_mut(&owner) else { return };
        if let Some(held) = connections(transaction).iter_mut().find(|held| held.member == member) {
            held.statement = child;
        }
        if let Some(call) = self.calls.get_mut(child) {
            call.flags.set(Flags::IN_TRANSACTION);
            call.site = SiteId(transaction.number);
        }
    }

    /// A statement of a caller's transaction was answered: whether its connection is still one.
    pub(super) fn statement_answered(&mut self, caller: CallId, statement: CallId, outcome: Outcome) {
        if !matches!(outcome.reason, Reason::TooManyConnections | Reason::Unreachable) {
            return;
        }
        if let Some(transaction) = self.transactions.open.get_mut(&caller) {
            if let Some(held) = transaction.held.iter_mut().find(|held| held.statement == statement) {
                held.broken = true;
            }
            return;
        }
        // A pooler hears it of the connection that it has lent.
        let Some(owner) = self.calls.get(caller).map(|relay| relay.parent) else { return };
        let Some(transaction) = self.transactions.open.get_mut(&owner) else { return };
        if let Some(held) = transaction.behind.iter_mut().find(|held| held.statement == statement) {
            held.broken = true;
        }
    }

    /// Gives back whatever a transaction holds.
    fn release_held(&mut self, caller: CallId) {
        let Some(transaction) = self.transactions.open.get_mut(&caller) else { return };
        let front = transaction.front;
        let behind = std::mem::take(&mut transaction.behind);
        let of = self.calls.get(caller).map_or(0, |call| call.component.0);
        for held in std::mem::take(&mut transaction.held) {
            // A statement that was given up keeps its connection until it is answered, and closes it then.
            let left = self.calls.get(held.statement).is_some_and(|call| call.parent == CallId::NONE);
            match held.pool {
                Some(index) => self.give_back(index, held.broken || left, held.asked),
                None if held.broken || left => {}
                None => self.close_connection_to(front, held.member, of),
            }
        }
        for held in behind {
            // A statement that is still at work there has lost whoever asked for it.
            let busy = self.calls.get_mut(held.statement).filter(|call| !call.flags.has(Flags::ANSWERED));
            let left = busy.is_some();
            if let Some(call) = busy {
                call.flags.set(Flags::LAST_ON_CONNECTION);
            }
            if let Some(index) = held.pool {
                self.give_back(index, held.broken || left, held.asked);
            }
        }
    }

    fn close_connection_to(&mut self, component: ComponentId, member: u16, caller: u16) {
        let Some(connections) = of_instance(&mut self.connections[component.index()], member) else { return };
        connections.open = connections.open.saturating_sub(1);
        let (resource, present, told) =
            (connections.limit.resource, connections.open, connections.limit.told);
        self.observe(Observation::Level { resource, present });
        if told {
            self.tell_closed(component, member, caller, 1);
        }
    }

    /// Ends a caller's transaction without a commit; attempts made.
    fn roll_back(&mut self, caller: CallId) -> u16 {
        let Some(transaction) = self.transactions.open.get(&caller) else { return 0 };
        let (number, database, attempt) = (transaction.number, transaction.database, transaction.attempt);
        let begun = !transaction.held.is_empty();
        if begun {
            let member = transaction.held.first().map_or(0, |held| held.member);
            let way = transaction.path.and_then(|path| self.plan.paths.get(path as usize));
            let luck = |call: &super::call::Call| (call.instance, call.luck.with(u64::from(number)));
            let (instance, luck) = self.calls.get(caller).map(luck).unwrap_or_default();
            let span = way.map_or(SimDuration::ZERO, |path| path.propagation(instance, member, luck));
            let timer = Timer { topic: ROLLBACK_TIMER, number };
            self.send(self.now() + span, database, Signal::Timer(timer));
        }
        self.release_held(caller);
        attempt
    }

    /// The caller ends: so does its transaction, without a commit, and its saga, half done.
    pub(super) fn abandon_transaction(&mut self, caller: CallId) {
        if self.transactions.open.contains_key(&caller) {
            self.roll_back(caller);
            self.transactions.open.remove(&caller);
        }
        self.end_saga(caller);
    }

    fn end_saga(&mut self, caller: CallId) -> Option<Outcome> {
        let saga = self.transactions.sagas.remove(&caller)?;
        for row in saga.rows {
            if let Some(count) = self.transactions.unfinished.get_mut(&row) {
                *count -= 1;
                if *count == 0 {
                    self.transactions.unfinished.remove(&row);
                }
            }
        }
        saga.failure
    }

    /// Waits for a connection of a pool.
    pub(super) fn wait_for_pool(&mut self, caller: CallId, index: usize) {
        let now = self.now();
        let call = &mut self.calls[caller];
        let token = call.wait_token;
        let pool = &mut self.pools[index];
        let resource = pool.resource;
        pool.line.push(caller, 0);
        call.asked = now;
        call.flags.set(Flags::IN_POOL_LINE);
        let present = pool.present();
        let me = call.component;
        let (luck, request) = (call.luck, call.request);
        self.observe(Observation::Level { resource, present });
        if let Some(wait) = &self.plan.pools[index].wait {
            let span = SimDuration::from_secs_f64(self.draw(wait, luck, request));
            self.send(now + span, me, Signal::TimedOut { call: caller, token, limit: Limit::PoolWait });
        }
        if let Some((_, after)) = self.plan.pools[index].reserve {
            self.send(now + after, me, Signal::TimedOut { call: caller, token, limit: Limit::Reserve });
        }
    }
}

impl<P: Probe> Context<'_, P> {
    /// Begins a transaction of a call with a database, or the next attempt of it; `front` is whom it asks.
    pub fn begin_transaction(&mut self, id: CallId, database: ComponentId, front: ComponentId) {
        let transactions = &mut self.core.transactions;
        transactions.last = transactions.last.wrapping_add(1);
        let number = transactions.last;
        let fresh = Transaction {
            number,
            database,
            front,
            attempt: 0,
            held: Vec::new(),
            behind: Vec::new(),
            writer: None,
            path: None,
        };
        let transaction = transactions.open.entry(id).or_insert(fresh);
        (transaction.number, transaction.writer) = (number, None);
        transaction.attempt += 1;
    }

    /// Whether a call's transaction has asked its database for anything.
    #[must_use]
    pub fn has_statements(&self, id: CallId) -> bool {
        self.core.transactions.open.get(&id).is_some_and(|transaction| !transaction.held.is_empty())
    }

    /// A call's transaction is committed.
    pub fn end_transaction(&mut self, id: CallId) {
        self.core.release_held(id);
        self.core.transactions.open.remove(&id);
    }

    /// A call's transaction has failed: it is rolled back; the attempts that were made.
    pub fn roll_back(&mut self, id: CallId) -> u16 {
        self.core.roll_back(id)
    }

    /// It is not tried again.
    pub fn forget_transaction(&mut self, id: CallId) {
        self.core.transactions.open.remove(&id);
    }

    /// A saga of a call begins.
    pub fn begin_saga(&mut self, id: CallId) {
        self.core.transactions.sagas.insert(id, Saga::default());
    }

    /// A step of a call's saga has failed, which is what the call ends with once it is compensated.
    pub fn fail_saga(&mut self, id: CallId, outcome: Outcome) {
        if let Some(saga) = self.core.transactions.sagas.get_mut(&id) {
            saga.failure = Some(outcome);
        }
    }

    /// A call's saga is over; why it failed, if it did.
    pub fn end_saga(&mut self, id: CallId) -> Option<Outcome> {
        self.core.end_saga(id)
    }

    /// A write is committed: if it is a step of its caller's saga, the row is marked until that ends.
    pub fn mark_saga(&mut self, id: CallId, entity: EntityId, row: u64) {
        let parent = self.core.calls[id].parent;
        if let Some(saga) = self.core.transactions.sagas.get_mut(&parent) {
            saga.rows.push((entity, row));
            *self.core.transactions.unfinished.entry((entity, row)).or_insert(0) += 1;
        }
    }

    /// Whether any saga is under way.
    #[must_use]
    pub fn has_sagas(&self) -> bool {
        !self.core.transactions.sagas.is_empty()
    }

    /// A row is read: if some other's saga has written it and has not ended, that is counted.
    pub fn look_for_saga(&mut self, id: CallId, entity: EntityId, row: u64) {
        let Some(writes) = self.core.transactions.unfinished.get(&(entity, row)) else { return };
        let parent = self.core.calls[id].parent;
        let own = self.core.transactions.sagas.get(&parent);
        let own = own.map_or(0, |saga| saga.rows.iter().filter(|of| **of == (entity, row)).count());
        if *writes as usize > own {
            self.observe(Observation::Transaction { what: Transacted::SeenHalfDone });
        }
    }
}
