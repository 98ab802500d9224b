//! A database whose rows are divided among shards, as its callers see it; and calls from one shard to another.

use super::call::{CallId, Flags};
use super::conditions::Life;
use super::context::Context;
use super::outcome::{Outcome, Reason};
use super::partitioner::Partitioner;
use super::plan::Popularity;
use super::probe::Probe;
use crate::base::random::Zipf;
use crate::base::{EntityId, OperationId};

/// Which shards a statement is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ShardRoute {
    /// The one that has the request's row of the sharding entity.
    Key,
    /// Every one, since each has a part of the answer: whoever is next in turn asks the others.
    All,
    /// Any one: it is about no row.
    Any,
}

/// Where rows lie.
#[derive(Clone, Debug, PartialEq)]
pub struct Sharding {
    /// The entity whose key places rows.
    pub by: EntityId,
    /// By operation.
    pub routes: Vec<ShardRoute>,
    /// By operation: the entity whose key places it, where that is another one than `by`.
    pub keys: Vec<EntityId>,
    /// From key to shard.
    pub partitioner: Partitioner,
    /// Shards that there are now.
    pub count: u16,
    /// Nodes that have each row.
    pub copies: u16,
    turn: u16,
}

impl Sharding {
    /// So many shards at first.
    #[must_use]
    pub fn new(by: EntityId, routes: Vec<ShardRoute>, partitioner: Partitioner, count: u16) -> Self {
        Self {
            by,
            keys: vec![by; routes.len()],
            routes,
            partitioner,
            count: count.max(1),
            copies: 1,
            turn: 0,
        }
    }

    /// How an operation finds its shard.
    #[must_use]
    pub fn route(&self, operation: OperationId) -> ShardRoute {
        self.routes.get(operation.index()).copied().unwrap_or(ShardRoute::Any)
    }

    /// The entity whose row an operation must know.
    #[must_use]
    pub fn key(&self, operation: OperationId) -> Option<EntityId> {
        let own = self.keys.get(operation.index()).copied().unwrap_or(self.by);
        (self.route(operation) == ShardRoute::Key).then_some(own)
    }

    /// The nodes that have a row: the key's own first, then the next ones of the ring; equally many of each
    /// zone, where `zones` tells several apart.
    #[must_use]
    pub fn copies(&self, key: u64, zones: &[u16]) -> Vec<u16> {
        let all = self.partitioner.owners_from(self.partitioner.logical_of(key));
        let kinds = zones.iter().map(|zone| usize::from(*zone) + 1).max().unwrap_or(1);
        let most = usize::from(self.copies).div_ceil(kinds);
        let mut taken = vec![0; kinds];
        let mut copies = Vec::with_capacity(usize::from(self.copies));
        for node in all {
            let zone = zones.get(usize::from(node)).map_or(0, |zone| usize::from(*zone));
            if taken[zone] < most && copies.len() < usize::from(self.copies) {
                taken[zone] += 1;
                copies.push(node);
            }
        }
        copies
    }

    /// The shard to ask.
    pub fn shard(&mut self, operation: OperationId, key: u64) -> u16 {
        if self.route(operation) == ShardRoute::Key {
            return self.partitioner.shard_of(key);
        }
        self.turn = (self.turn + 1) % self.count;
        self.turn
    }
}

impl<P: Probe> Context<'_, P> {
    /// A call of this component passes work on to another of its instances: the branch begins there with
    /// `salt` in its luck (0: the same luck), over a connection of its own. An error if that instance cannot
    /// be reached or has no connection left; the branch is closed then.
    ///
    /// # Errors
    /// Why there is no branch.
    pub fn branch_to(&mut self, parent: CallId, instance: u16, salt: u64) -> Result<CallId, Outcome> {
        let me = self.me;
        let here = self.call(parent).instance;
        let seen = self.call(parent).seen;
        if instance != here && self.life(me, instance) > Life::Draining {
            return Err(Outcome::error(503, me, Reason::Unreachable));
        }
        let branch = self.branch(parent, 0);
        let call = self.call_mut(branch);
        call.instance = instance;
        call.seen = seen;
        if salt > 0 {
            call.luck = call.luck.with(salt);
        }
        if instance != here {
            call.flags.set(Flags::NEW_CONNECTION);
            if !self.accept_connection(branch) {
                self.end_branch(branch);
                return Err(Outcome::error(503, me, Reason::TooManyConnections));
            }
            self.call_mut(branch).flags.set(Flags::LAST_ON_CONNECTION);
        }
        Ok(branch)
    }

    /// Rows of an entity now.
    #[must_use]
    pub fn rows_of(&self, entity: EntityId) -> u64 {
        let elapsed = self.now().as_secs_f64();
        let own = self.core.plan.entities.get(entity.index()).map_or(0, |plan| plan.rows_at(elapsed));
        own + self.core.inserted.get(entity.index()).copied().unwrap_or(0)
    }

    /// Whether a row was not there at the start.
    #[must_use]
    pub fn is_inserted(&self, entity: EntityId, row: u64) -> bool {
        self.core.plan.entities.get(entity.index()).is_none_or(|plan| row >= plan.rows)
    }

    /// The rank of a row by popularity now, 1 the hottest; 1 for all where rows are alike or recorded.
    #[must_use]
    pub fn rank_of(&self, entity: EntityId, row: u64) -> u64 {
        let Some(plan) = self.core.plan.entities.get(entity.index()) else { return 1 };
        let elapsed = self.now().as_secs_f64();
        match &plan.popularity {
            Popularity::Zipf { scatter: Some(scatter), .. } => {
                let rows = plan.rows.max(1);
                let cooled = (plan.drift * elapsed) as u64 % rows;
                (scatter.invert(row) + cooled) % rows + 1
            }
            Popularity::Zipf { scatter: None, .. } => self.rows_of(entity).saturating_sub(row).max(1),
            Popularity::Uniform | Popularity::Trace(_) => 1,
        }
    }

    /// How popular rows of an entity are, and whether popular rows lie next to each other; no law: all alike.
    #[must_use]
    pub fn popularity_of(&self, entity: EntityId) -> (Option<Zipf>, bool) {
        match self.core.plan.entities.get(entity.index()).map(|plan| &plan.popularity) {
            Some(Popularity::Zipf { zipf, scatter }) => (Some(zipf.clone()), scatter.is_none()),
            _ => (None, false),
        }
    }

    /// Ends such a branch: its parent, and whether that still waits for it.
    pub fn end_branch_at(&mut self, branch: CallId) -> (CallId, bool) {
        if self.call(branch).flags.has(Flags::LAST_ON_CONNECTION) {
            self.core.close_connection(branch);
        }
        self.end_branch(branch)
    }
}
