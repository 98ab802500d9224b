//! A plan, told: the answer, what it rests on, every design that was run, what was left out and why.
//!
//! Rule: nothing here decides anything; findings are the search's.

mod json;
mod picture;
mod text;
mod words;

use super::check::{Check, State};
use super::quantity::{interval, value};
use crate::experiment::results::{Estimate, Judgement, VariantResults};
use crate::experiment::search::Finding;

pub use picture::plan_picture;

/// One design that was run.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedDesign {
    /// The values of the varied paths, or the load.
    pub values: Vec<String>,
    /// The load as a number, of a search for the largest.
    pub load: f64,
    /// What came out; its claims are judged at 95 %.
    pub results: VariantResults,
    /// What was found, at the level of the search.
    pub finding: Finding,
    /// Of the claims that are asked for: the one that decides, the first that is not met.
    pub deciding: usize,
    /// How sure the finding is, from 0 to 1, where that can be said: of a miss, that the deciding claim is missed; of
    /// a design that meets, that each claim is met.
    pub confidence: Option<f64>,
    /// Whether it was run to check what was assumed.
    pub checks: bool,
}

/// What was asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Goal {
    /// The cheapest design.
    Cheapest {
        /// The metric that is paid.
        cost: String,
        /// The answer, among the designs.
        answer: Option<usize>,
        /// Designs right below the answer, among the designs.
        neighbours: Vec<usize>,
        /// Paths along which more is assumed to be no worse.
        assumed: Vec<String>,
        /// Pairs of designs (less, more) that contradict that.
        broken: Vec<(usize, usize)>,
        /// Designs in all.
        possible: usize,
        /// Left out: no more of anything than one that does not meet; dearer than the answer; impossible.
        left_out: (usize, usize, usize),
    },
    /// The largest load.
    Largest {
        /// The largest that is carried, among the designs.
        carried: Option<usize>,
        /// The smallest that is surely not.
        missed: Option<usize>,
        /// How near to each other they were to come.
        tolerance: f64,
    },
}

/// All that a report of a plan is made from.
#[derive(Clone, Copy, Debug)]
pub struct PlanReport<'a> {
    /// The scenario's name.
    pub title: &'a str,
    /// The design's name: `base` or a variant's.
    pub design: &'a str,
    /// The seed of all designs.
    pub seed: u64,
    /// The varied paths, or that of the load.
    pub paths: &'a [String],
    /// What was asked, and the answer.
    pub goal: &'a Goal,
    /// What was run, in the order of running.
    pub designs: &'a [PlannedDesign],
    /// Whether objectives are asked for (or else expectations).
    pub objectives: bool,
    /// The confidence level of the search, over all of its looks at one design, and how many looks there are.
    pub level: f64,
    /// Replications of one design at most.
    pub most: u32,
    /// Whether it was done.
    pub complete: bool,
    /// What the reader must know.
    pub notices: &'a [String],
}

impl PlanReport<'_> {
    /// The claims that are asked for, as one design meets them.
    fn claims<'a>(&self, design: &'a PlannedDesign) -> &'a [Judgement] {
        if self.objectives { &design.results.objectives } else { &design.results.expectations }
    }

    fn deciding<'a>(&self, design: &'a PlannedDesign) -> Option<&'a Judgement> {
        self.claims(design).get(design.deciding)
    }

    fn label(&self, design: &PlannedDesign) -> String {
        let parts = self.paths.iter().zip(&design.values).map(|(path, value)| format!("{path}={value}"));
        parts.collect::<Vec<_>>().join(", ")
    }

    /// What a design costs, if that is asked.
    fn cost<'a>(&self, design: &'a PlannedDesign) -> Option<&'a Estimate> {
        let Goal::Cheapest { cost, .. } = self.goal else { return None };
        design.results.metric(cost)
    }

    /// `p99 < 800ms: 612 ms (590 to 640)`.
    fn claim(judgement: &Judgement) -> String {
        let found = &judgement.value;
        let ends = interval(found).map_or_else(String::new, |ends| format!(" ({ends})"));
        format!("{}: {}{ends}", super::check::written(judgement), value(found.value, found.unit))
    }

    /// `misses p99 < 800ms: 902 ms (850 to 950), with 99.7 % confidence`.
    fn finding(&self, design: &PlannedDesign) -> String {
        let claim = self.deciding(design).map_or_else(String::new, Self::claim);
        let sure = match (design.confidence, self.objectives) {
            (Some(share), true) => format!(", with {} confidence", confidence(share)),
            _ => String::new(),
        };
        match design.finding {
            Finding::Met => {
                let all: Vec<String> = self.claims(design).iter().map(Self::claim).collect();
                format!("meets {}{sure}", all.join("; "))
            }
            Finding::Missed => {
                let held = self.deciding(design).map_or((0, 0), |judgement| {
                    (judgement.held.iter().filter(|held| !**held).count(), judgement.held.len())
                });
                let each = if self.objectives {
                    String::new()
                } else {
                    format!(", in {} of {} replications", held.0, held.1)
                };
                format!("misses {claim}{sure}{each}")
            }
            Finding::Unsure => {
                format!("can't be told within {} replications: {claim}", design.results.replications)
            }
        }
    }

    /// `p99 612 ms [590, 640]` of each claim; of expectations how often they hold.
    fn found(&self, design: &PlannedDesign) -> String {
        if !self.objectives {
            return format!("each expectation holds in all {} replications", design.results.replications);
        }
        let one = |judgement: &Judgement| {
            let window =
                judgement.during.as_ref().map_or_else(String::new, |window| format!(" during {window}"));
            format!("{}{window} {}", words::subject(&judgement.text), bracketed(&judgement.value))
        };
        self.claims(design).iter().map(one).collect::<Vec<_>>().join("; ")
    }

    /// `; 5 instances miss with 99.7 % confidence`, of a design beside the answer.
    fn beside(&self, other: &PlannedDesign, answer: &PlannedDesign) -> String {
        let (who, several) = match self.goal {
            Goal::Cheapest { .. } => words::instead(self.paths, &other.values, &answer.values),
            Goal::Largest { .. } => (other.values.concat(), false),
        };
        let verb = match (other.finding, several) {
            (Finding::Missed, true) => "miss",
            (Finding::Missed, false) => "misses",
            (Finding::Met, true) => "meet too",
            (Finding::Met, false) => "meets too",
            (Finding::Unsure, _) => "can't be told",
        };
        let sure = match (other.finding, other.confidence, self.objectives) {
            (Finding::Unsure, ..) | (_, None, _) | (.., false) => String::new(),
            (_, Some(share), true) => format!(" with {} confidence", confidence(share)),
        };
        format!("; {who} {verb}{sure}")
    }

    /// The answer in a sentence: `app x6, cache 2 GB, db 8 cores: $1.94/h; p99 612 ms [590, 640]; 5 instances miss
    /// with 99.7 % confidence`.
    #[must_use]
    pub fn answer(&self) -> String {
        let wanting = if self.complete { "" } else { "unfinished: " };
        match self.goal {
            Goal::Cheapest { answer, neighbours, .. } => match answer.map(|at| &self.designs[at]) {
                Some(design) => {
                    let cost =
                        self.cost(design).map_or_else(String::new, |cost| format!(": {}", bracketed(cost)));
                    let beside: String =
                        neighbours.iter().map(|at| self.beside(&self.designs[*at], design)).collect();
                    let label = words::design(self.paths, &design.values);
                    format!("{wanting}{label}{cost}; {}{beside}", self.found(design))
                }
                None if !self.complete => "unfinished: no design that meets has been found so far".to_owned(),
                None => "no design fits: none of those varied surely meets what is asked".to_owned(),
            },
            Goal::Largest { carried, missed, .. } => {
                let missed = missed.map(|at| &self.designs[at]);
                match carried.map(|at| &self.designs[at]) {
                    Some(design) => {
                        let label = words::design(self.paths, &design.values);
                        let then = missed.map_or_else(String::new, |other| self.beside(other, design));
                        format!("{wanting}carries {label}; {}{then}", self.found(design))
                    }
                    None => {
                        let then = missed.map_or_else(String::new, |other| {
                            format!("; at {} it {}", other.values.concat(), self.finding(other))
                        });
                        format!(
                            "{wanting}no load fits: not even the smallest that was tried surely meets what is asked{then}"
                        )
                    }
                }
            }
        }
    }

    /// What the answer rests on, in sentences.
    #[must_use]
    pub fn evidence(&self) -> Vec<String> {
        let mut all = Vec::new();
        let replications: u32 = self.designs.iter().map(|design| design.results.replications).sum();
        if let Some(design) = self.chosen().map(|at| &self.designs[at]) {
            all.push(format!("the answer, {}, {}", self.label(design), self.finding(design)));
        }
        match self.goal {
            Goal::Cheapest { answer, neighbours, assumed, broken, possible, left_out, .. } => {
                for design in neighbours.iter().map(|at| &self.designs[*at]) {
                    let cost = self
                        .cost(design)
                        .map_or_else(String::new, |cost| format!(" ({})", value(cost.value, cost.unit)));
                    all.push(format!(
                        "right below it, {}{cost} {}",
                        self.label(design),
                        self.finding(design)
                    ));
                }
                let unsure = self
                    .designs
                    .iter()
                    .enumerate()
                    .filter(|(at, design)| design.finding == Finding::Unsure && !neighbours.contains(at));
                for (_, design) in unsure.take(5) {
                    all.push(format!("{} {}", self.label(design), self.finding(design)));
                }
                let (inferred, dearer, impossible) = *left_out;
                all.push(format!(
                    "of {possible} designs {} were run, {replications} replications in all; {dearer} were left out as \
                     dearer than the answer, {inferred} because they have no more of anything than one that does not \
                     meet, {impossible} because the forecast says that they cannot",
                    self.designs.len()
                ));
                if assumed.is_empty() {
                    all.push("nothing was assumed: every cheaper design was run".to_owned());
                } else {
                    let checked = self.designs.iter().filter(|design| design.checks).count();
                    let held = if broken.is_empty() {
                        "no pair of designs that were run contradicts that"
                    } else {
                        "that does NOT hold"
                    };
                    all.push(format!(
                        "assumed: along {}, where more costs more, more is no worse; {held}{}",
                        assumed.join(", "),
                        match (checked, answer) {
                            (0, _) => String::new(),
                            (n, Some(_)) => format!(" ({n} run only to check the neighbours of the answer)"),
                            (n, None) => format!(" ({n} run only to check those below the largest)"),
                        }
                    ));
                }
                for (less, more) in broken.iter().take(5) {
                    all.push(format!(
                        "{} meets and {} misses, so every cheaper design was run",
                        self.label(&self.designs[*less]),
                        self.label(&self.designs[*more])
                    ));
                }
            }
            Goal::Largest { carried, missed, tolerance } => {
                all.push(format!(
                    "{} loads were run, {replications} replications in all, until two lay within {:.1} %; assumed: more \
                     load is no better",
                    self.designs.len(),
                    100.0 * tolerance
                ));
                let found =
                    |finding| self.designs.iter().filter(move |d| d.finding == finding).map(|d| d.load);
                let (least, most) = (
                    found(Finding::Missed).fold(f64::INFINITY, f64::min),
                    found(Finding::Met).fold(f64::NEG_INFINITY, f64::max),
                );
                if most > least {
                    all.push(
                        "that does NOT hold: a load that is missed lies below one that is met".to_owned(),
                    );
                }
                let unsure: Vec<f64> = found(Finding::Unsure).collect();
                if let (Some(low), Some(high)) =
                    (unsure.iter().copied().reduce(f64::min), unsure.iter().copied().reduce(f64::max))
                {
                    let written = |load: f64| {
                        let own = self.designs.iter().find(|design| design.load == load);
                        own.map_or_else(String::new, |design| design.values.concat())
                    };
                    all.push(format!(
                        "from {} to {} it can't be told within {} replications",
                        written(low),
                        written(high),
                        self.most
                    ));
                }
                if carried.is_some() && missed.is_none() {
                    all.push("no load that was tried is surely missed: the limit lies higher, or needs more replications".to_owned());
                }
            }
        }
        all.push(format!(
            "a design is decided on at {:.0} % confidence over all looks at it, after {} replications at most; the \
             intervals shown are at 95 %",
            100.0 * self.level,
            self.most
        ));
        all
    }

    /// Whether there is an answer.
    #[must_use]
    pub fn fits(&self) -> bool {
        match self.goal {
            Goal::Cheapest { answer, .. } => answer.is_some(),
            Goal::Largest { carried, .. } => carried.is_some(),
        }
    }

    /// Whether there is an answer, as a check.
    #[must_use]
    pub fn checks(&self) -> Vec<Check> {
        let name = match self.goal {
            Goal::Cheapest { .. } => "a design meets what is asked",
            Goal::Largest { .. } => "a load is carried",
        };
        let state = match (self.fits(), self.complete) {
            (true, true) => State::Passed,
            (false, true) => State::Failed,
            (_, false) => State::Undecided,
        };
        vec![Check {
            written_at: None,
            group: self.title.to_owned(),
            name: name.to_owned(),
            state,
            message: std::iter::once(self.answer()).chain(self.evidence()).collect::<Vec<_>>().join(". "),
        }]
    }

    /// The designs as a report lists them: by cost or by load.
    fn listed(&self) -> Vec<usize> {
        let key = |at: &usize| match self.goal {
            Goal::Cheapest { .. } => {
                self.cost(&self.designs[*at]).and_then(|e| e.value.number()).unwrap_or(f64::INFINITY)
            }
            Goal::Largest { .. } => self.designs[*at].load,
        };
        let mut order: Vec<usize> = (0..self.designs.len()).collect();
        order.sort_by(|a, b| key(a).total_cmp(&key(b)));
        order
    }

    /// Which design is the answer.
    fn chosen(&self) -> Option<usize> {
        match self.goal {
            Goal::Cheapest { answer, .. } => *answer,
            Goal::Largest { carried, .. } => *carried,
        }
    }
}

/// A value with its interval, where that is wider than nothing: `612 ms [590, 640]`.
fn bracketed(estimate: &Estimate) -> String {
    let shown = value(estimate.value, estimate.unit);
    match interval(estimate) {
        Some(ends) if ends.split_once(" to ").is_some_and(|(low, high)| low != high) => {
            format!("{shown} [{}]", ends.replace(" to ", ", "))
        }
        _ => shown,
    }
}

/// A confidence, never written as certainty.
fn confidence(share: f64) -> String {
    if share > 0.9995 { "more than 99.9 %".to_owned() } else { format!("{:.1} %", 100.0 * share) }
}
