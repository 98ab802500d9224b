//! Who gets the next request: the algorithms, over one load-balancer instance's own view.
//!
//! Load is the number of requests that this instance has sent and not seen answered, queued at the
//! backend or in service there alike: instances share nothing, as workers of nginx without a `zone`
//! and replicas of any proxy do not. A pick goes through four sieves and then the algorithm:
//!
//! 1. who is up; in a panic, everybody ([`Panic`]);
//! 2. the tier ([`TierPolicy`]), then the zone ([`ZonePolicy`]);
//! 3. who is below its limit and was not tried before ([`Choice::excluded`]);
//! 4. whom the client sticks to, if that one may be picked: also while it drains.
//!
//! Each algorithm states its rule for ties. With everybody up, no limits, tiers or zones the first
//! three cost nothing. Ejection and health checks are in [`super::health`]; they only set states here.

mod backend_set;
mod backends;
mod chance;
mod hashing;
mod least_loaded;
mod response_time;
mod rotation;
mod stick_table;
mod tiers;
mod utilisation;
mod zones;

use crate::base::random::Draws;
use crate::base::{SimDuration, SimTime};

use backend_set::BackendSet;
use backends::Backends;
pub use backends::{Member, SlowStart, State};
use chance::Sampling;
use hashing::{Maglev, Ring};
use least_loaded::LeastLoaded;
use response_time::ResponseTimes;
use rotation::{Rotation, Smooth};
pub use stick_table::StickTable;
use tiers::Tiers;
pub use tiers::{OVERPROVISIONING, TierPolicy};
use utilisation::Utilisation;
pub use zones::ZonePolicy;
use zones::Zones;

/// How a backend is picked.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Algorithm {
    /// In turn; smoothly weighted while somebody starts slowly.
    RoundRobin,
    /// In turn, in proportion to weights, spread evenly (nginx's smooth weighted round robin).
    WeightedRoundRobin,
    /// Uniformly at random.
    Random,
    /// At random, in proportion to weights.
    WeightedRandom,
    /// The least loaded, per weight.
    LeastConnections,
    /// The least loaded, per weight, of a few picked at random.
    PowerOfChoices {
        /// How many.
        choices: u8,
        /// Whether the same one may be picked twice (the literature's form; products do not).
        replacement: bool,
    },
    /// The quickest by its averaged response times, times its load.
    LeastTime {
        /// Of so many picked at random; none: of all.
        choices: Option<u8>,
        /// Whether the average jumps up to each peak.
        peak: bool,
        /// Time after which a sample counts 1/e.
        decay: SimDuration,
    },
    /// By the client's address ([`Choice::source`]) modulo the weights; nginx uses an IPv4 address
    /// without its last byte.
    IpHash,
    /// By a key modulo the weights.
    Hash,
    /// By a key on a ring.
    Ring {
        /// Points per backend of mean weight; ketama has 160.
        points: u32,
    },
    /// By a key in Maglev's table.
    Maglev {
        /// Slots; the next prime is taken. 65 537 is the paper's small size and Envoy's default.
        size: u32,
    },
    /// By a key on a ring, passing whoever has more than its share of the load.
    BoundedLoad {
        /// Points per backend of mean weight.
        points: u32,
        /// Largest load relative to the mean; HAProxy's `hash-balance-factor` 125 is 1.25.
        factor: f64,
    },
    /// In proportion to reported rate over reported utilisation.
    UtilisationWeighted,
}

impl Algorithm {
    /// The less loaded of two different ones picked at random.
    pub const POWER_OF_TWO_CHOICES: Self = Self::PowerOfChoices { choices: 2, replacement: false };
    /// Finagle's `p2cPeakEwma`.
    pub const PEAK_EWMA: Self =
        Self::LeastTime { choices: Some(2), peak: true, decay: SimDuration::from_secs(10) };
    /// The ring of ketama and of nginx's `hash ... consistent`.
    pub const KETAMA: Self = Self::Ring { points: 160 };
    /// Maglev with its usual table.
    pub const MAGLEV: Self = Self::Maglev { size: 65_537 };

    /// Whether configured weights count.
    fn weighs(self) -> bool {
        !matches!(self, Self::RoundRobin | Self::Random | Self::UtilisationWeighted)
    }
}

/// Which of several equally loaded backends is picked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ties {
    /// The one with the lowest index.
    First,
    /// One at random.
    Random,
    /// In turn.
    Rotate,
}

/// What happens when many backends are down.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub enum Panic {
    /// Only those that are up get requests; with none, there is nobody to pick (nginx, HAProxy).
    #[default]
    Never,
    /// With nobody up, everybody is tried (AWS: fail open).
    WhenNoneIsUp,
    /// With less than this share up, everybody is tried (Envoy: 50 %).
    Below(f64),
}

/// Everything that an instance's view is set up with.
#[derive(Clone, PartialEq, Debug)]
pub struct Settings {
    /// How a backend is picked.
    pub algorithm: Algorithm,
    /// Which of equals.
    pub ties: Ties,
    /// How old the loads are that it sees, at most: they are read at the multiples of this age.
    pub view_age: Option<SimDuration>,
    /// What happens when many are down.
    pub panic: Panic,
    /// How traffic moves to the next tier.
    pub tiers: TierPolicy,
    /// Which zone is preferred.
    pub zones: Option<ZonePolicy>,
    /// How whoever comes up starts.
    pub slow_start: Option<SlowStart>,
}

impl Settings {
    /// This algorithm and nothing else.
    #[must_use]
    pub const fn new(algorithm: Algorithm, ties: Ties) -> Self {
        Self {
            algorithm,
            ties,
            view_age: None,
            panic: Panic::Never,
            tiers: TierPolicy::Backup,
            zones: None,
            slow_start: None,
        }
    }
}

/// What a pick may depend on.
#[derive(Debug)]
pub struct Choice<'a> {
    /// When.
    pub now: SimTime,
    /// The hash of what [`Algorithm::Hash`] and its like go by: path, header, user.
    pub key: u64,
    /// The client's address, for [`Algorithm::IpHash`].
    pub source: u64,
    /// Whom the client sticks to.
    pub sticky: Option<usize>,
    /// Who was tried before and failed.
    pub excluded: &'a [usize],
    /// The stream of this pick.
    pub draws: &'a mut Draws,
}

impl<'a> Choice<'a> {
    /// A first attempt of somebody without a name.
    #[must_use]
    pub fn new(now: SimTime, draws: &'a mut Draws) -> Self {
        Self { now, key: 0, source: 0, sticky: None, excluded: &[], draws }
    }
}

/// The memory of each algorithm.
#[derive(Clone, Debug)]
enum Picker {
    Turns(Rotation, Smooth),
    Smooth(Smooth),
    Random,
    WeightedRandom,
    Least(LeastLoaded),
    Choices { choices: u8, replacement: bool },
    Time { choices: Option<u8>, times: ResponseTimes },
    Modulo { by_source: bool, turns: Rotation },
    Ring(Ring, Option<f64>),
    Maglev(Maglev),
    Utilisation(Utilisation),
}

impl Picker {
    fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::RoundRobin => Self::Turns(Rotation::default(), Smooth::default()),
            Algorithm::WeightedRoundRobin => Self::Smooth(Smooth::default()),
            Algorithm::Random => Self::Random,
            Algorithm::WeightedRandom => Self::WeightedRandom,
            Algorithm::LeastConnections => Self::Least(LeastLoaded::default()),
            Algorithm::PowerOfChoices { choices, replacement } => Self::Choices { choices, replacement },
            Algorithm::LeastTime { choices, peak, decay } => {
                Self::Time { choices, times: ResponseTimes::new(decay, peak) }
            }
            Algorithm::IpHash => Self::Modulo { by_source: true, turns: Rotation::default() },
            Algorithm::Hash => Self::Modulo { by_source: false, turns: Rotation::default() },
            Algorithm::Ring { points } => Self::Ring(Ring::new(points), None),
            Algorithm::BoundedLoad { points, factor } => Self::Ring(Ring::new(points), Some(factor)),
            Algorithm::Maglev { size } => Self::Maglev(Maglev::new(size)),
            Algorithm::UtilisationWeighted => Self::Utilisation(Utilisation::default()),
        }
    }
}

/// One instance's view of the backends of one route.
#[derive(Clone, Debug)]
pub struct View {
    panic: Panic,
    ties: Ties,
    picker: Picker,
    backends: Backends,
    tiers: Tiers,
    zones: Option<Zones>,
    /// Those up, or everybody in a panic.
    serving: BackendSet,
    /// Whether all of them weigh the same.
    equal: bool,
    panicking: bool,
    scratch: BackendSet,
}

impl View {
    /// A view of backends with these weights, all up.
    #[must_use]
    pub fn new(algorithm: Algorithm, ties: Ties, weights: Vec<f64>) -> Self {
        let members = weights.into_iter().zip(0..).map(|(weight, name)| Member::new(weight, name)).collect();
        Self::with(Settings::new(algorithm, ties), members)
    }

    /// A view of these backends, all up and warm.
    #[must_use]
    pub fn with(settings: Settings, members: Vec<Member>) -> Self {
        let weighs = settings.algorithm.weighs();
        let mut view = Self {
            panic: settings.panic,
            ties: settings.ties,
            picker: Picker::new(settings.algorithm),
            backends: Backends::new(members, weighs, settings.slow_start, settings.view_age),
            tiers: Tiers::new(settings.tiers),
            zones: settings.zones.map(Zones::new),
            serving: BackendSet::default(),
            equal: true,
            panicking: false,
            scratch: BackendSet::default(),
        };
        view.members_changed();
        view
    }

    /// Picks a backend and counts the request as in flight there; `None` if nobody may be picked.
    #[inline]
    pub fn pick(&mut self, choice: &mut Choice<'_>) -> Option<usize> {
        let (weights, loads) = self.backends.advance(choice.now);
        if weights {
            self.weights_changed();
        }
        if loads && let Picker::Least(least) = &mut self.picker {
            least.rebuild(&self.backends, &self.serving);
        }
        let chosen = match choice.sticky.filter(|i| self.may_stick(*i, choice.excluded)) {
            Some(sticky) => sticky,
            None => self.sieve(choice)?,
        };
        let load = self.backends.in_flight(chosen);
        self.backends.take(chosen);
        self.load_moved(chosen, load, load + 1);
        Some(chosen)
    }

    /// Counts a request as in flight at `backend` without a pick: its connection goes there already.
    pub fn take(&mut self, backend: usize) {
        let load = self.backends.in_flight(backend);
        self.backends.take(backend);
        self.load_moved(backend, load, load + 1);
    }

    fn may_stick(&self, i: usize, excluded: &[usize]) -> bool {
        let state = self.backends.state(i);
        (matches!(state, State::Up | State::Draining) || self.serving.contains(i))
            && !self.backends.is_full(i)
            && !excluded.contains(&i)
    }

    fn sieve(&mut self, choice: &mut Choice<'_>) -> Option<usize> {
        let limited = self.backends.any_full() || !choice.excluded.is_empty();
        if !limited && self.zones.is_none() && !self.tiers.matter() {
            let Self { picker, backends, serving, ties, equal, .. } = self;
            return Self::choose(picker, backends, serving, true, *ties, *equal, choice);
        }
        let Self { picker, backends, serving, ties, equal, tiers, zones, scratch, .. } = self;
        let mut sieved = |tier: &BackendSet, choice: &mut Choice<'_>| {
            scratch.copy_from(tier);
            if limited {
                scratch.retain(|i| !backends.is_full(i) && !choice.excluded.contains(&i));
            }
            if let Some(zones) = zones {
                zones.narrow(scratch, backends, choice.draws);
            }
            Self::choose(picker, backends, scratch, false, *ties, *equal, choice)
        };
        if !tiers.matter() {
            return sieved(serving, choice);
        }
        let mut order = tiers.order(choice.draws);
        order.find_map(|tier| sieved(tier, choice))
    }

    /// The algorithm itself; `all` says that the candidates are all who serve.
    fn choose(
        picker: &mut Picker,
        backends: &Backends,
        candidates: &BackendSet,
        all: bool,
        ties: Ties,
        equal: bool,
        choice: &mut Choice<'_>,
    ) -> Option<usize> {
        if candidates.is_empty() {
            return None;
        }
        let now = choice.now;
        let draws = &mut *choice.draws;
        match picker {
            Picker::Turns(turns, _) if equal => turns.pick(candidates),
            Picker::Turns(_, smooth) | Picker::Smooth(smooth) => smooth.pick(candidates, backends),
            Picker::Random if equal => Some(chance::uniform(candidates, draws)),
            Picker::Random | Picker::WeightedRandom => {
                Some(chance::weighted(candidates, |i| backends.weight(i), draws))
            }
            Picker::Least(least) if equal => least.pick(candidates, all, ties, draws),
            Picker::Least(least) => least.pick_weighted(candidates, backends, ties, draws),
            Picker::Choices { choices, replacement } => {
                let sampling = Sampling { choices: *choices, replacement: *replacement, ties, equal };
                let score = |i| least_loaded::per_weight(backends, i);
                Some(chance::best_of(sampling, candidates, backends, draws, score))
            }
            Picker::Time { choices, times } => {
                let score = |i| times.score(i, backends.load(i), backends.weight(i), now);
                match choices {
                    Some(choices) => {
                        let sampling = Sampling { choices: *choices, replacement: false, ties, equal };
                        Some(chance::best_of(sampling, candidates, backends, draws, score))
                    }
                    None => candidates.iter().min_by(|a, b| score(*a).total_cmp(&score(*b))),
                }
            }
            Picker::Modulo { by_source, turns } => {
                let key = if *by_source { choice.source } else { choice.key };
                hashing::modulo(key, candidates, backends).or_else(|| turns.pick(candidates))
            }
            Picker::Ring(ring, None) => ring.pick(choice.key, candidates),
            Picker::Ring(ring, Some(factor)) => ring.pick_bounded(choice.key, *factor, candidates, backends),
            Picker::Maglev(maglev) => maglev.pick(choice.key, candidates).or_else(|| candidates.next_from(0)),
            Picker::Utilisation(utilisation) => utilisation.pick(candidates, now),
        }
    }

    /// A request sent to `backend` has been answered or given up.
    #[inline]
    pub fn release(&mut self, backend: usize) {
        let load = self.backends.in_flight(backend);
        if load > 0 {
            self.backends.give_back(backend);
            self.load_moved(backend, load, load - 1);
        }
    }

    /// A request sent to `backend` was answered after `took`; goes with [`Self::release`].
    pub fn answered(&mut self, backend: usize, took: SimDuration, now: SimTime) {
        if let Picker::Time { times, .. } = &mut self.picker {
            times.answered(backend, took, now);
        }
    }

    /// `backend` says that it serves `rate` requests per second at a utilisation of 0..=1.
    pub fn reported(&mut self, backend: usize, rate: f64, utilisation: f64, now: SimTime) {
        if let Picker::Utilisation(known) = &mut self.picker {
            known.reported(backend, rate, utilisation, now);
        }
    }

    /// A request to `backend` failed in the sense of nginx's `max_fails`: turns by weight reach it less often.
    pub fn penalise(&mut self, backend: usize, max_fails: u32) {
        if let Picker::Smooth(smooth) = &mut self.picker
            && backend < self.backends.len()
        {
            smooth.penalise(backend, self.backends.weight(backend), max_fails);
        }
    }

    /// Changes the state of `backend`. Cost: one step per backend; a ring or a Maglev table is only
    /// built anew when backends are added or removed (a ring) or with each change (Maglev).
    pub fn set_state(&mut self, backend: usize, state: State, now: SimTime) {
        let before = self.backends.state(backend);
        if self.backends.set_state(backend, state, now) {
            if state == State::Removed || before == State::Removed {
                self.members_changed();
            } else {
                self.states_changed();
            }
        }
    }

    /// Adds a backend that comes up now; its index, which may be that of a removed one.
    pub fn add(&mut self, member: Member, now: SimTime) -> usize {
        let i = self.backends.add(member);
        self.backends.set_state(i, State::Up, now);
        self.members_changed();
        match &mut self.picker {
            Picker::Time { times, .. } => times.forget(i),
            Picker::Utilisation(known) => known.forget(i),
            _ => {}
        }
        i
    }

    /// Gives `backend` another weight.
    pub fn reweigh(&mut self, backend: usize, weight: f64) {
        self.backends.reweigh(backend, weight);
        self.members_changed();
    }

    /// The state of `backend`; of one that never was, [`State::Removed`].
    #[must_use]
    pub fn state(&self, backend: usize) -> State {
        self.backends.state(backend)
    }

    /// Requests that this instance has in flight at `backend`.
    #[must_use]
    pub fn in_flight(&self, backend: usize) -> u32 {
        self.backends.in_flight(backend)
    }

    /// Backends, removed ones among them: indices are below this.
    #[must_use]
    pub fn len(&self) -> usize {
        self.backends.len()
    }

    /// Whether there never was a backend.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.backends.len() == 0
    }

    /// How many are up.
    #[must_use]
    pub fn up(&self) -> usize {
        self.backends.up.len()
    }

    /// Whether requests go to anybody at all.
    #[must_use]
    pub fn serves(&self) -> bool {
        self.serving.iter().next().is_some()
    }

    /// Whether somebody who serves is below its limit.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.serving.iter().any(|i| !self.backends.is_full(i))
    }

    /// Whether so many are down that everybody is tried.
    #[must_use]
    pub fn is_panicking(&self) -> bool {
        self.panicking
    }

    #[inline]
    fn load_moved(&mut self, backend: usize, from: u32, to: u32) {
        if let Picker::Least(least) = &mut self.picker
            && self.backends.is_current()
        {
            least.moved(backend, from, to);
        }
    }

    fn members_changed(&mut self) {
        let n = self.backends.len();
        match &mut self.picker {
            Picker::Turns(_, smooth) | Picker::Smooth(smooth) => smooth.resize(n),
            Picker::Time { times, .. } => times.resize(n),
            Picker::Utilisation(known) => known.resize(n),
            Picker::Ring(ring, _) => {
                let present = (0..n).filter(|i| self.backends.state(*i) != State::Removed).collect();
                ring.rebuild(&self.backends, &present);
            }
            _ => {}
        }
        self.states_changed();
    }

    fn states_changed(&mut self) {
        let present: BackendSet =
            (0..self.backends.len()).filter(|i| self.backends.state(*i) != State::Removed).collect();
        let up = self.backends.up.len();
        self.panicking = up < present.len()
            && match self.panic {
                Panic::Never => false,
                Panic::WhenNoneIsUp => up == 0,
                Panic::Below(share) => (up as f64) < share * present.len() as f64,
            };
        self.serving = if self.panicking { present } else { self.backends.up.clone() };
        self.tiers.rebuild(&self.backends, &self.serving);
        if let Some(zones) = &mut self.zones {
            zones.rebuild(&self.backends, &self.serving);
        }
        match &mut self.picker {
            Picker::Least(least) => least.rebuild(&self.backends, &self.serving),
            Picker::Maglev(maglev) => maglev.rebuild(&self.backends, &self.serving),
            _ => {}
        }
        self.weights_changed();
    }

    fn weights_changed(&mut self) {
        let mut weights = self.serving.iter().map(|i| self.backends.weight(i));
        let first = weights.next();
        self.equal = weights.all(|weight| Some(weight) == first);
    }
}

#[cfg(test)]
mod tests;
