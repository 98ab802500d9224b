//! Lowering of steps about copies of rows.
//!
//! `cached` becomes: the instance's own cache; where one fetches for all, joining; each further cache; the
//! fetching; then the caches are filled from the last one asked to the first. A hit in one fills those
//! before it.

use super::lower::Lowering;
use crate::base::random::Distribution;
use crate::base::{EntityId, SimDuration};
use crate::components::service::ASK_AGAIN;
use crate::components::service::spec::{CacheStep, CallOptions, Coalesce, Layer, Step, WritePolicy};
use crate::engine::{Demand, Op, Pc, Verb};

/// What `cached` says about every cache it names.
struct Terms<'a> {
    entity: EntityId,
    ttl: Option<Demand>,
    grace: SimDuration,
    leases: bool,
    strict: bool,
    options: &'a CallOptions,
}

impl<'a> Terms<'a> {
    /// Nothing is served beyond its time, and no lease is asked for.
    fn plain(entity: EntityId, ttl: Option<Demand>, strict: bool, options: &'a CallOptions) -> Self {
        Self { entity, ttl, grace: SimDuration::ZERO, leases: false, strict, options }
    }
}

/// A cache that was asked: where, and whether over a call site.
struct Asked {
    at: usize,
    remote: bool,
}

impl Lowering<'_, '_> {
    pub(super) fn cache_step(&mut self, step: &CacheStep) {
        self.sites.plan.versions_matter = true;
        match step {
            CacheStep::Cached { entity, layers, ttl, swr, coalesce, strict, options, miss } => {
                let ttl = ttl.as_ref().map(|ttl| self.ttl(ttl));
                let leases = *coalesce == Coalesce::Lease;
                let grace = SimDuration::from_secs_f64(*swr);
                let terms = Terms { entity: *entity, ttl, grace, leases, strict: *strict, options };
                self.cached(&terms, layers, *coalesce == Coalesce::Instance, miss);
            }
            CacheStep::Get { entity, from, strict, options, on_miss } => {
                let terms = Terms::plain(*entity, None, *strict, options);
                let asked = self.ask(&terms, *from);
                self.steps(on_miss);
                self.ops.push(Op::Answered { entity: *entity, asked: true });
                let jump = self.jump();
                self.hit(&asked, *entity);
                self.land_jump(jump);
            }
            CacheStep::Put { entity, to, ttl, strict, options } => {
                let ttl = ttl.as_ref().map(|ttl| self.ttl(ttl));
                let terms = Terms::plain(*entity, ttl, *strict, options);
                self.fill(&terms, *to);
            }
            CacheStep::Write { entity, layers, policy, ttl, strict, options, store } => {
                let ttl = ttl.as_ref().map(|ttl| self.ttl(ttl));
                if *policy == WritePolicy::Back {
                    self.write_back((*entity, ttl), layers, *strict, options, store);
                    return;
                }
                self.steps(store);
                let terms = Terms::plain(*entity, ttl, *strict, options);
                match policy {
                    WritePolicy::Aside => self.invalidate(*entity, layers, *strict, options),
                    WritePolicy::Through => layers.iter().for_each(|layer| self.fill(&terms, *layer)),
                    WritePolicy::Around | WritePolicy::Back => {}
                }
            }
            CacheStep::Invalidate { entity, layers, strict, options } => {
                self.invalidate(*entity, layers, *strict, options);
            }
        }
    }

    /// The first shared cache takes the write, and a call site of its own brings it to the store.
    fn write_back(
        &mut self,
        (entity, ttl): (EntityId, Option<Demand>),
        layers: &[Layer],
        strict: bool,
        options: &CallOptions,
        store: &[Step],
    ) {
        for layer in layers {
            match (layer, store.first()) {
                (Layer::Cache(cache), Some(Step::Call { target, operation, .. })) => {
                    self.sites.write_back(*cache, entity, (*target, *operation));
                    let kept = (ttl.clone(), SimDuration::ZERO);
                    self.tell(*layer, (Verb::PutBack, entity), kept, strict, options);
                }
                (Layer::Local, _) => {
                    if let Some(cache) = self.local(entity) {
                        self.ops.push(Op::Keep { cache, ttl: ttl.clone() });
                    }
                }
                _ => {}
            }
        }
    }

    fn invalidate(&mut self, entity: EntityId, layers: &[Layer], strict: bool, options: &CallOptions) {
        for layer in layers {
            match layer {
                Layer::Local => {
                    if let Some(cache) = self.local(entity) {
                        self.ops.push(Op::Forget { cache });
                    }
                }
                Layer::Cache(_) => {
                    self.tell(*layer, (Verb::Delete, entity), (None, SimDuration::ZERO), strict, options)
                }
            }
        }
    }

    fn ttl(&mut self, ttl: &Distribution) -> Demand {
        let key = self.purpose(7, "ttl");
        Demand::Drawn { distribution: ttl.clone(), key }
    }

    /// The place of the instance's own cache for an entity.
    fn local(&self, entity: EntityId) -> Option<u16> {
        self.local_caches.iter().position(|local| local.entity == entity).map(|at| at as u16)
    }

    fn cached(&mut self, terms: &Terms<'_>, layers: &[Layer], joins: bool, miss: &[Step]) {
        let first_remote = layers.iter().take_while(|layer| **layer == Layer::Local).count();
        let mut asked: Vec<Asked> = Vec::new();
        let mut joined = None;
        for (at, layer) in layers.iter().enumerate() {
            if at == first_remote && joins {
                joined = Some(self.join(terms.entity));
            }
            asked.push(self.ask(terms, *layer));
        }
        if joins && joined.is_none() {
            joined = Some(self.join(terms.entity));
        }
        self.steps(miss);
        self.ops.push(Op::Answered { entity: terms.entity, asked: true });
        // Where the caches before the one that was hit are filled; the last is where nothing is.
        let mut fills: Vec<Pc> = vec![0; layers.len()];
        for (at, layer) in layers.iter().enumerate().rev() {
            self.fill(terms, *layer);
            fills[at] = self.here();
        }
        if joins {
            self.ops.push(Op::Land);
        }
        let over = self.jump();
        let mut ends = Vec::new();
        for (at, asked) in asked.iter().enumerate() {
            self.hit(asked, terms.entity);
            // A hit in the first cache fills none; one in the next begins behind its own filling.
            self.ops.push(Op::Jump(fills[at]));
        }
        if let Some(joined) = joined {
            let done = self.here();
            if let Op::Join { done: to, .. } = &mut self.ops[joined] {
                *to = done;
            }
            if self.gives_back() {
                self.ops.push(Op::Seize);
            }
            ends.push(self.jump());
        }
        if !terms.grace.is_zero() {
            self.refresh(terms, layers, &asked, miss);
        }
        ends.push(over);
        for end in ends {
            self.land_jump(end);
        }
    }

    /// Fetching in the background, of what is served past its time: it holds no worker.
    fn refresh(&mut self, terms: &Terms<'_>, layers: &[Layer], asked: &[Asked], miss: &[Step]) {
        let start = self.here();
        for asked in asked {
            if let Op::Ask { refresh, .. } = &mut self.ops[asked.at] {
                *refresh = start;
            }
        }
        let held = std::mem::replace(&mut self.holds_worker, false);
        self.steps(miss);
        layers.iter().rev().for_each(|layer| self.fill(terms, *layer));
        self.ops.push(Op::EndBranch);
        self.holds_worker = held;
    }

    fn join(&mut self, entity: EntityId) -> usize {
        if self.gives_back() {
            self.ops.push(Op::Release);
        }
        let at = self.ops.len();
        self.ops.push(Op::Join { entity, done: 0 });
        if self.gives_back() {
            self.ops.push(Op::Seize);
        }
        at
    }

    /// Asks one cache; what it does not have goes on behind.
    fn ask(&mut self, terms: &Terms<'_>, layer: Layer) -> Asked {
        let Layer::Cache(cache) = layer else {
            let at = self.ops.len();
            let cache = self.local(terms.entity).unwrap_or(u16::MAX);
            self.ops.push(Op::Look { cache, hit: 0 });
            return Asked { at, remote: false };
        };
        let verb = if terms.leases { Verb::GetOrLease } else { Verb::Get };
        let from = (self.component, self.endpoint);
        let site = self.sites.cache(from, cache, (verb, terms.entity), (None, terms.grace), terms.options);
        let at = self.waiting(Op::Ask { site, hit: 0, held: 0, refresh: 0, strict: terms.strict });
        if terms.leases {
            // Somebody else fetches it: ask again in a while.
            let jump = self.jump();
            let held = self.here();
            let pause = Distribution::Constant(ASK_AGAIN.as_secs_f64());
            self.ops.push(Op::Sleep(Demand::Drawn { distribution: pause, key: self.key }));
            self.ops.push(Op::Jump(at.min(usize::from(Pc::MAX)) as Pc));
            self.land_jump(jump);
            if let Op::Ask { held: to, .. } = &mut self.ops[at] {
                *to = held;
            }
        }
        Asked { at, remote: true }
    }

    /// Where a hit of a cache goes on.
    fn hit(&mut self, asked: &Asked, entity: EntityId) {
        let here = self.here();
        if let Op::Ask { hit, .. } | Op::Look { hit, .. } = &mut self.ops[asked.at] {
            *hit = here;
        }
        if asked.remote && self.gives_back() {
            self.ops.push(Op::Seize);
        }
        self.ops.push(Op::Answered { entity, asked: false });
    }

    /// Keeps what was fetched in one cache.
    fn fill(&mut self, terms: &Terms<'_>, layer: Layer) {
        if layer == Layer::Local {
            if let Some(cache) = self.local(terms.entity) {
                self.ops.push(Op::Keep { cache, ttl: terms.ttl.clone() });
            }
            return;
        }
        let verb = if terms.leases { Verb::PutLeased } else { Verb::Put };
        let kept = (terms.ttl.clone(), terms.grace);
        self.tell(layer, (verb, terms.entity), kept, terms.strict, terms.options);
    }

    /// A command to a cache whose error is nothing, unless it is `strict`.
    fn tell(
        &mut self,
        layer: Layer,
        what: (Verb, EntityId),
        kept: (Option<Demand>, SimDuration),
        strict: bool,
        options: &CallOptions,
    ) {
        let Layer::Cache(cache) = layer else { return };
        let site = self.sites.cache((self.component, self.endpoint), cache, what, kept, options);
        let at = self.waiting(Op::Call { site, caught: None });
        let next = (at + 1).min(usize::from(Pc::MAX)) as Pc;
        if let Op::Call { caught, .. } = &mut self.ops[at]
            && !strict
        {
            *caught = Some(next);
        }
    }

    /// A jump whose target follows.
    fn jump(&mut self) -> usize {
        self.ops.push(Op::Jump(0));
        self.ops.len() - 1
    }

    fn land_jump(&mut self, jump: usize) {
        let here = self.here();
        self.ops[jump] = Op::Jump(here);
    }
}
