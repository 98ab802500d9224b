//! Lowering of steps about copies of rows.
//!
//! `cached` becomes: the instance's own cache; where one fetches for all, joining; each further cache; the
//! fetching; then the caches are filled from the last one asked to the first. A hit in one fills those
//! before it.

use super::lower::Lowering;
use crate::base::EntityId;
use crate::base::random::Distribution;
use crate::components::service::ASK_AGAIN;
use crate::components::service::spec::{CacheStep, CallOptions, Coalesce, Layer, Message, Step, WritePolicy};
use crate::engine::{Condition, CopyOp, Demand, KeepMode, Op, Pc, Terms, Verb};

/// What a step says about every cache it names.
struct Asking<'a> {
    entity: EntityId,
    ttl: Option<Demand>,
    /// What becomes of an item near its end.
    terms: Terms,
    /// For how long it is remembered that there is no such row.
    negative_ttl: Option<Demand>,
    leases: bool,
    guarded: bool,
    strict: bool,
    options: &'a CallOptions,
}

impl<'a> Asking<'a> {
    /// Nothing is served beyond its time, and no lease is asked for.
    fn plain(entity: EntityId, ttl: Option<Demand>, strict: bool, options: &'a CallOptions) -> Self {
        let terms = Terms::default();
        Self { entity, ttl, terms, negative_ttl: None, leases: false, guarded: false, strict, options }
    }
}

/// A cache that was asked: where, whether over a call site, and whether it fetches by itself.
struct Asked {
    at: usize,
    remote: bool,
    fetches: bool,
}

/// How caches are told that copies are old.
struct Telling<'a> {
    guarded: bool,
    message: &'a Message,
    strict: bool,
    options: &'a CallOptions,
}

impl Lowering<'_, '_> {
    pub(super) fn cache_step(&mut self, step: &CacheStep) {
        self.sites.plan.versions_matter = true;
        match step {
            CacheStep::Cached { entity, layers, keeping, coalesce, strict, options, miss, .. } => {
                let asking = Asking {
                    entity: *entity,
                    ttl: keeping.ttl.as_ref().map(|ttl| self.ttl(ttl)),
                    terms: keeping.terms,
                    negative_ttl: keeping.negative_ttl.as_ref().map(|ttl| self.span(ttl, "negative ttl")),
                    leases: *coalesce == Coalesce::Lease,
                    guarded: keeping.guarded,
                    // Without a way to fetch it here, an error of the cache is one.
                    strict: *strict || miss.is_none(),
                    options,
                };
                let error_ttl = keeping.error_ttl.as_ref().map(|ttl| self.span(ttl, "error ttl"));
                let joins = *coalesce == Coalesce::Instance;
                self.cached(&asking, layers, joins, miss.as_deref().unwrap_or_default(), error_ttl);
            }
            CacheStep::Get { entity, from, strict, options, on_miss } => {
                let asking = Asking::plain(*entity, None, *strict, options);
                let asked = self.ask(&asking, *from);
                self.ops.push(Op::Decided { entity: *entity, asked: true });
                self.steps(on_miss);
                let jump = self.jump();
                self.hit(&asked, *entity);
                let end = self.jump();
                if asked.fetches {
                    self.fetched(&asked, *entity);
                }
                self.land_jump(end);
                self.land_jump(jump);
            }
            CacheStep::Put { entity, to, ttl, guarded, strict, options } => {
                let ttl = ttl.as_ref().map(|ttl| self.ttl(ttl));
                let asking = Asking { guarded: *guarded, ..Asking::plain(*entity, ttl, *strict, options) };
                self.fill(&asking, *to);
            }
            CacheStep::Write { entity, layers, policy, ttl, guarded, message, strict, options, store } => {
                let ttl = ttl.as_ref().map(|ttl| self.ttl(ttl));
                if *policy == WritePolicy::Back {
                    self.write_back((*entity, ttl), layers, *strict, options, store);
                    return;
                }
                self.steps(store);
                let asking = Asking { guarded: *guarded, ..Asking::plain(*entity, ttl, *strict, options) };
                match policy {
                    WritePolicy::Aside => {
                        let telling = Telling { guarded: *guarded, message, strict: *strict, options };
                        self.invalidate(*entity, layers, &telling);
                    }
                    WritePolicy::Through => layers.iter().for_each(|layer| self.fill(&asking, *layer)),
                    WritePolicy::Around | WritePolicy::Back => {}
                }
            }
            CacheStep::Invalidate { entity, layers, guarded, message, strict, options } => {
                let telling = Telling { guarded: *guarded, message, strict: *strict, options };
                self.invalidate(*entity, layers, &telling);
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
                    let kept = (ttl.clone(), Terms::default());
                    self.tell(*layer, (Verb::PutBack, entity), kept, strict, options);
                }
                (Layer::Local, _) => {
                    if let Some(cache) = self.local(entity) {
                        let (terms, mode) = (Terms::default(), KeepMode::Always);
                        self.ops.push(Op::Keep { cache, ttl: ttl.clone(), terms, mode });
                    }
                }
                _ => {}
            }
        }
    }

    /// Tells caches that copies are old: now, or by messages that nobody waits for.
    fn invalidate(&mut self, entity: EntityId, layers: &[Layer], telling: &Telling<'_>) {
        let Message { delay, lost, again_after } = telling.message;
        if delay.is_none() && *lost == 0.0 {
            self.take_out(entity, layers, telling);
        } else {
            self.background(|this| {
                let chance = Condition::Chance { p: 1.0 - lost, key: this.purpose(9, "invalidation lost") };
                let unless = this.ops.len();
                this.ops.push(Op::Unless { condition: chance, otherwise: 0 });
                if let Some(delay) = delay {
                    let delay = this.span(delay, "invalidation delay");
                    this.ops.push(Op::Sleep(delay));
                }
                this.take_out(entity, layers, telling);
                let end = this.here();
                if let Op::Unless { otherwise, .. } = &mut this.ops[unless] {
                    *otherwise = end;
                }
            });
        }
        if let Some(again_after) = again_after {
            self.background(|this| {
                let pause = this.span(again_after, "second invalidation");
                this.ops.push(Op::Sleep(pause));
                this.take_out(entity, layers, telling);
            });
        }
    }

    fn take_out(&mut self, entity: EntityId, layers: &[Layer], telling: &Telling<'_>) {
        for layer in layers {
            match layer {
                Layer::Local => {
                    if let Some(cache) = self.local(entity) {
                        self.ops.push(Op::Forget { cache, retire: telling.guarded });
                    }
                }
                Layer::Cache(_) => {
                    let verb = if telling.guarded { Verb::Retire } else { Verb::Delete };
                    let kept = (None, Terms::default());
                    self.tell(*layer, (verb, entity), kept, telling.strict, telling.options);
                }
            }
        }
    }

    /// Steps that nobody waits for; they hold no worker.
    fn background(&mut self, steps: impl FnOnce(&mut Self)) {
        let at = self.ops.len();
        self.ops.push(Op::Copy(CopyOp::Background { start: 0 }));
        let over = self.jump();
        let start = self.here();
        let held = std::mem::replace(&mut self.holds_worker, false);
        let catching = self.catching.take();
        steps(self);
        self.ops.push(Op::EndBranch);
        (self.holds_worker, self.catching) = (held, catching);
        self.ops[at] = Op::Copy(CopyOp::Background { start });
        self.land_jump(over);
    }

    fn ttl(&mut self, ttl: &Distribution) -> Demand {
        let key = self.purpose(7, "ttl");
        Demand::Drawn { distribution: ttl.clone(), key }
    }

    /// A time that is drawn for what it is called; it does not move the purposes of other draws.
    fn span(&mut self, span: &Distribution, name: &'static str) -> Demand {
        let key = self.purpose(8, name);
        Demand::Drawn { distribution: span.clone(), key }
    }

    /// The place of the instance's own cache for an entity.
    fn local(&self, entity: EntityId) -> Option<u16> {
        self.local_caches.iter().position(|local| local.entity == entity).map(|at| at as u16)
    }

    fn cached(
        &mut self,
        asking: &Asking<'_>,
        layers: &[Layer],
        joins: bool,
        miss: &[Step],
        error_ttl: Option<Demand>,
    ) {
        let entity = asking.entity;
        let first_remote = layers.iter().take_while(|layer| **layer == Layer::Local).count();
        let mut asked: Vec<Asked> = Vec::new();
        let mut joined = None;
        for (at, layer) in layers.iter().enumerate() {
            if at == first_remote && joins {
                joined = Some(self.join(entity));
            }
            asked.push(self.ask(asking, *layer));
        }
        if joins && joined.is_none() {
            joined = Some(self.join(entity));
        }
        let outer = self.catching.take();
        let handles = !asking.terms.on_error.is_zero() || error_ttl.is_some();
        self.catching = handles.then(Vec::new);
        self.ops.push(Op::Decided { entity, asked: true });
        self.fetching(asking, miss);
        let inner = std::mem::replace(&mut self.catching, outer);
        let (fills, absent) = self.fill_all(asking, layers);
        let landing = self.here();
        if joins {
            self.ops.push(Op::Land);
        }
        let over = self.jump();
        let mut ends = Vec::new();
        for (at, asked) in asked.iter().enumerate() {
            self.hit(asked, entity);
            self.fill_from(at, entity, &fills, &absent);
            if asked.fetches {
                self.fetched(asked, entity);
                self.fill_from(at, entity, &fills, &absent);
            }
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
        if asking.terms.refreshes() {
            self.refresh(asking, layers, &asked, miss);
        }
        if let Some(failing) = inner {
            self.failure(asking, layers, &failing, landing, error_ttl);
        }
        ends.push(over);
        for end in ends {
            self.land_jump(end);
        }
    }

    /// The fetching of a miss, with its time taken where readers refresh early by lot.
    fn fetching(&mut self, asking: &Asking<'_>, miss: &[Step]) {
        let measures = asking.terms.beta > 0.0;
        if measures {
            self.ops.push(Op::Copy(CopyOp::Begin));
        }
        self.steps(miss);
        if measures {
            self.ops.push(Op::Copy(CopyOp::Measure));
        }
    }

    /// Fills the caches from the last to the first: where each is filled already, of a row that is there and of
    /// one that is not. The last place is where nothing is filled yet.
    fn fill_all(&mut self, asking: &Asking<'_>, layers: &[Layer]) -> (Vec<Pc>, Vec<Pc>) {
        let entity = asking.entity;
        let lacks = self.sites.plan.entities.get(entity.index()).is_some_and(|plan| plan.absent > 0.0);
        let check = self.ops.len();
        if lacks {
            self.ops.push(Op::Copy(CopyOp::IfAbsent { entity, then: 0 }));
        }
        let mut fills: Vec<Pc> = vec![0; layers.len()];
        for (at, layer) in layers.iter().enumerate().rev() {
            self.fill(asking, *layer);
            fills[at] = self.here();
        }
        if !lacks {
            return (fills, Vec::new());
        }
        let over = self.jump();
        let then = self.here();
        self.ops[check] = Op::Copy(CopyOp::IfAbsent { entity, then });
        let mut absent: Vec<Pc> = vec![0; layers.len()];
        for (at, layer) in layers.iter().enumerate().rev() {
            if let Some(ttl) = &asking.negative_ttl {
                let negative =
                    Asking { ttl: Some(ttl.clone()), negative_ttl: None, terms: Terms::default(), ..*asking };
                self.fill(&negative, *layer);
            } else if asking.leases {
                // Nothing is kept, so the lease is given back.
                let kept = (None, Terms::default());
                self.tell(*layer, (Verb::Delete, entity), kept, asking.strict, asking.options);
            }
            absent[at] = self.here();
        }
        self.land_jump(over);
        (fills, absent)
    }

    /// A hit of one cache fills those before it.
    fn fill_from(&mut self, at: usize, entity: EntityId, fills: &[Pc], absent: &[Pc]) {
        if let Some(then) = absent.get(at) {
            self.ops.push(Op::Copy(CopyOp::IfAbsent { entity, then: *then }));
        }
        self.ops.push(Op::Jump(fills[at]));
    }

    /// Fetching has failed: an old value is good enough, or the error is remembered.
    fn failure(
        &mut self,
        asking: &Asking<'_>,
        layers: &[Layer],
        failing: &[usize],
        landing: Pc,
        error_ttl: Option<Demand>,
    ) {
        let start = self.here();
        for at in failing {
            match &mut self.ops[*at] {
                Op::Call { caught, .. } | Op::Fork { caught, .. } | Op::Copy(CopyOp::Failed { caught }) => {
                    *caught = Some(start)
                }
                _ => {}
            }
        }
        if self.gives_back() {
            self.ops.push(Op::Seize);
        }
        if self.locks == 0 {
            self.ops.push(Op::Unlock(asking.entity));
        }
        if !asking.terms.on_error.is_zero() {
            let at = self.ops.len();
            self.ops.push(Op::Copy(CopyOp::FallBack { entity: asking.entity, otherwise: 0 }));
            self.ops.push(Op::Degrade);
            self.ops.push(Op::Jump(landing));
            let otherwise = self.here();
            self.ops[at] = Op::Copy(CopyOp::FallBack { entity: asking.entity, otherwise });
        }
        self.ops.push(Op::Copy(CopyOp::Fail { entity: asking.entity }));
        if let Some(ttl) = error_ttl {
            for layer in layers.iter().rev() {
                match layer {
                    Layer::Local => {
                        if let Some(cache) = self.local(asking.entity) {
                            let (terms, mode) = (Terms::default(), KeepMode::Error);
                            self.ops.push(Op::Keep { cache, ttl: Some(ttl.clone()), terms, mode });
                        }
                    }
                    Layer::Cache(_) => {
                        let kept = (Some(ttl.clone()), Terms::default());
                        self.tell(*layer, (Verb::PutError, asking.entity), kept, false, asking.options);
                    }
                }
            }
        }
        let at = self.ops.len();
        self.ops.push(Op::Copy(CopyOp::Failed { caught: None }));
        self.may_fail(at, None);
    }

    /// Fetching in the background, of what is served past its time or near it: it holds no worker.
    fn refresh(&mut self, asking: &Asking<'_>, layers: &[Layer], asked: &[Asked], miss: &[Step]) {
        let start = self.here();
        for asked in asked {
            if let Op::Ask { refresh, .. } | Op::Look { refresh, .. } = &mut self.ops[asked.at] {
                *refresh = start;
            }
        }
        let held = std::mem::replace(&mut self.holds_worker, false);
        let catching = self.catching.take();
        self.fetching(asking, miss);
        self.fill_all(asking, layers);
        self.ops.push(Op::EndBranch);
        (self.holds_worker, self.catching) = (held, catching);
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
    fn ask(&mut self, asking: &Asking<'_>, layer: Layer) -> Asked {
        let Layer::Cache(cache) = layer else {
            let at = self.ops.len();
            let cache = self.local(asking.entity).unwrap_or(u16::MAX);
            self.ops.push(Op::Look { cache, hit: 0, terms: asking.terms, refresh: 0 });
            return Asked { at, remote: false, fetches: false };
        };
        let fetches = self.sites.reads_through(cache, asking.entity);
        let verb = if asking.leases && !fetches { Verb::GetOrLease } else { Verb::Get };
        let from = (self.component, self.endpoint);
        let site = self.sites.cache(from, cache, (verb, asking.entity), (None, asking.terms), asking.options);
        let at = self.waiting(Op::Ask { site, hit: 0, held: 0, refresh: 0, strict: asking.strict });
        if verb == Verb::GetOrLease {
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
        Asked { at, remote: true, fetches }
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
        self.ops.push(Op::Decided { entity, asked: false });
    }

    /// Where the answer of a cache that has fetched by itself goes on: the store was asked.
    fn fetched(&mut self, asked: &Asked, entity: EntityId) {
        let here = self.here();
        if let Op::Ask { held, .. } = &mut self.ops[asked.at] {
            *held = here;
        }
        if self.gives_back() {
            self.ops.push(Op::Seize);
        }
        self.ops.push(Op::Decided { entity, asked: true });
    }

    /// Keeps what was fetched in one cache.
    fn fill(&mut self, asking: &Asking<'_>, layer: Layer) {
        if layer == Layer::Local {
            if let Some(cache) = self.local(asking.entity) {
                let mode = if asking.guarded { KeepMode::Newer } else { KeepMode::Always };
                self.ops.push(Op::Keep { cache, ttl: asking.ttl.clone(), terms: asking.terms, mode });
            }
            return;
        }
        let verb = match (asking.leases, asking.guarded) {
            (true, _) => Verb::PutLeased,
            (false, true) => Verb::PutNewer,
            (false, false) => Verb::Put,
        };
        let kept = (asking.ttl.clone(), asking.terms);
        self.tell(layer, (verb, asking.entity), kept, asking.strict, asking.options);
    }

    /// A command to a cache whose error is nothing, unless it is `strict`.
    fn tell(
        &mut self,
        layer: Layer,
        what: (Verb, EntityId),
        kept: (Option<Demand>, Terms),
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
