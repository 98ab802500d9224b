//! Searching designs: the cheapest that does what is asked, and the largest load that a design carries.
//!
//! Both judge as few candidates as they can, by an order that is assumed: what is worse in everything does no
//! better. Rules of [`cheapest`]: a design that meets leaves every dearer one out; one that does not (or of which
//! that cannot be shown) leaves out every one that has no more of anything. Along which paths more is no worse, the
//! caller says. The assumption is checked where the answer hangs on it: the neighbours right below the answer are
//! judged, whatever was inferred of them; and if no design meets, those right below the largest. One that meets
//! breaks the assumption: then nothing is inferred any more, and every cheaper design is judged.

use std::cmp::Ordering;

/// What is found of a candidate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Finding {
    /// It surely does what is asked.
    Met,
    /// It surely does not.
    Missed,
    /// Neither can be shown.
    Unsure,
}

impl Finding {
    /// `met`, `missed` or `can't tell`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Missed => "missed",
            Self::Unsure => "can't tell",
        }
    }
}

/// A design that might be the answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// What it costs, by which candidates are ordered.
    pub cost: f64,
    /// Its place along each path.
    pub place: Vec<usize>,
    /// Whether a forecast says that it carries the load: only the order of judging hangs on it.
    pub promising: bool,
    /// Whether it cannot do what is asked, whatever chance does.
    pub impossible: bool,
}

/// What came of a search for the cheapest.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cheapest {
    /// The answer.
    pub answer: Option<usize>,
    /// All that were judged, in the order of judging.
    pub judged: Vec<(usize, Finding)>,
    /// Those judged to check the assumption.
    pub checked: Vec<usize>,
    /// Candidates left out because they have no more of anything than one that does not meet.
    pub inferred: usize,
    /// Candidates left out because they are dearer than the answer.
    pub dearer: usize,
    /// Candidates left out because they are impossible.
    pub impossible: usize,
    /// Pairs (less, more) where the one with more is missed and the one with less is met.
    pub broken: Vec<(usize, usize)>,
    /// Whether the search was ended before it was done.
    pub stopped: bool,
}

/// Along each path: whether a higher place is no worse (`Some(true)`), no better (`Some(false)`), or neither.
pub type Order = [Option<bool>];

/// Whether `a` has no more of anything than `b`, and less of something.
fn below(order: &Order, a: &[usize], b: &[usize]) -> bool {
    let along =
        |(axis, (a, b)): (usize, (&usize, &usize))| match (a.cmp(b), order.get(axis).copied().flatten()) {
            (Ordering::Equal, _) => Some(false),
            (Ordering::Less, Some(true)) | (Ordering::Greater, Some(false)) => Some(true),
            _ => None,
        };
    let each: Option<Vec<bool>> = a.iter().zip(b).enumerate().map(along).collect();
    each.is_some_and(|each| each.contains(&true))
}

/// A search under way.
struct Search<'a> {
    candidates: &'a [Candidate],
    order: Vec<Option<bool>>,
    findings: Vec<Option<Finding>>,
    /// Left out by the assumption.
    inferred: Vec<bool>,
    found: Cheapest,
}

impl Search<'_> {
    fn best(&self) -> Option<usize> {
        let met = (0..self.candidates.len()).filter(|at| self.findings[*at] == Some(Finding::Met));
        met.min_by(|a, b| self.candidates[*a].cost.total_cmp(&self.candidates[*b].cost))
    }

    /// Candidates that may still be the answer, the cheapest first.
    fn open(&self) -> Vec<usize> {
        let limit = self.best().map_or(f64::INFINITY, |at| self.candidates[at].cost);
        let mut open: Vec<usize> = (0..self.candidates.len())
            .filter(|at| {
                self.findings[*at].is_none() && !self.inferred[*at] && !self.candidates[*at].impossible
            })
            .filter(|at| self.candidates[*at].cost < limit)
            .collect();
        open.sort_by(|a, b| self.candidates[*a].cost.total_cmp(&self.candidates[*b].cost));
        open
    }

    /// Judges one; false if that was interrupted.
    fn judge(&mut self, at: usize, judge: &mut dyn FnMut(usize) -> Option<Finding>) -> bool {
        let Some(finding) = judge(at) else {
            self.found.stopped = true;
            return false;
        };
        self.findings[at] = Some(finding);
        self.found.judged.push((at, finding));
        if finding != Finding::Met {
            for other in 0..self.candidates.len() {
                let place = &self.candidates[other].place;
                self.inferred[other] |= below(&self.order, place, &self.candidates[at].place);
            }
        }
        true
    }

    /// Pairs that contradict the assumption.
    fn contradictions(&self, order: &Order) -> Vec<(usize, usize)> {
        let mut all = Vec::new();
        for (less, a) in &self.found.judged {
            for (more, b) in &self.found.judged {
                let contradict = (*a, *b) == (Finding::Met, Finding::Missed);
                if contradict && below(order, &self.candidates[*less].place, &self.candidates[*more].place) {
                    all.push((*less, *more));
                }
            }
        }
        all
    }

    /// Those right below a candidate that have not been judged.
    fn neighbours(&self, at: usize) -> Vec<usize> {
        let place = &self.candidates[at].place;
        let right_below = |other: &Candidate| {
            let steps: usize = other.place.iter().zip(place).map(|(a, b)| a.abs_diff(*b)).sum();
            steps == 1 && below(&self.order, &other.place, place)
        };
        let unjudged = |other: &usize| self.findings[*other].is_none();
        (0..self.candidates.len())
            .filter(unjudged)
            .filter(|other| right_below(&self.candidates[*other]))
            .collect()
    }
}

/// Finds the cheapest candidate that meets; `judge` says what it finds of one, or `None` to end the search.
pub fn cheapest(
    candidates: &[Candidate],
    order: &Order,
    judge: &mut dyn FnMut(usize) -> Option<Finding>,
) -> Cheapest {
    let mut search = Search {
        candidates,
        order: order.to_vec(),
        findings: vec![None; candidates.len()],
        inferred: vec![false; candidates.len()],
        found: Cheapest::default(),
    };
    'search: loop {
        let open = search.open();
        if let Some(next) = pick(&search, &open) {
            if !search.judge(next, judge) {
                break;
            }
            continue;
        }
        // Nothing is open: what the answer hangs on is checked.
        let around = match search.best() {
            Some(best) => vec![best],
            None => {
                let highest = |at: &usize| {
                    search.findings[*at].is_some()
                        && !(0..candidates.len()).any(|o| {
                            search.findings[o].is_some()
                                && below(&search.order, &candidates[*at].place, &candidates[o].place)
                        })
                };
                (0..candidates.len()).filter(highest).collect()
            }
        };
        let checks: Vec<usize> = around.iter().flat_map(|at| search.neighbours(*at)).collect();
        if checks.is_empty() {
            break;
        }
        let mut broken = false;
        for at in checks {
            if search.findings[at].is_some() {
                continue;
            }
            search.found.checked.push(at);
            if !search.judge(at, judge) {
                break 'search;
            }
            broken |= search.findings[at] == Some(Finding::Met);
        }
        if broken {
            search.order.fill(None);
            search.inferred.fill(false);
        } else if search.best().is_none() {
            break;
        }
    }
    let best = search.best();
    let limit = best.map_or(f64::INFINITY, |at| candidates[at].cost);
    let mut found = std::mem::take(&mut search.found);
    search.found.judged.clone_from(&found.judged);
    found.broken = search.contradictions(order);
    found.answer = best;
    for (at, candidate) in candidates.iter().enumerate().filter(|(at, _)| search.findings[*at].is_none()) {
        if candidate.impossible {
            found.impossible += 1;
        } else if candidate.cost >= limit {
            found.dearer += 1;
        } else if search.inferred[at] {
            found.inferred += 1;
        }
    }
    found
}

/// Which open candidate is judged next: before anything is known the cheapest that looks able, then the middle one.
fn pick(search: &Search<'_>, open: &[usize]) -> Option<usize> {
    if search.found.judged.is_empty()
        && let Some(first) = open.iter().find(|at| search.candidates[**at].promising)
    {
        return Some(*first);
    }
    open.get(open.len() / 2).copied()
}

/// What came of a search for the largest load.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Largest {
    /// The largest load that is surely carried.
    pub carried: Option<f64>,
    /// The smallest load that surely is not.
    pub missed: Option<f64>,
    /// Loads that were judged, in order.
    pub judged: Vec<(f64, Finding)>,
    /// Whether the search was ended before it was done.
    pub stopped: bool,
}

/// How often a load is doubled or halved at most.
const DOUBLINGS: u32 = 20;

/// Finds the largest load that meets, to a ratio of `1 + tolerance`, assuming that more load is no better. Begins at
/// `start` and stays within `range`; `whole` for counts.
pub fn largest(
    start: f64,
    range: (f64, f64),
    whole: bool,
    tolerance: f64,
    judge: &mut dyn FnMut(f64) -> Option<Finding>,
) -> Largest {
    let mut found = Largest::default();
    // As many digits as the tolerance can tell apart.
    let digits = if tolerance < 0.005 { 6 } else { 3 };
    let tidy = |x: f64| {
        let x = if whole { libm::round(x) } else { format!("{x:.digits$e}").parse().unwrap_or(x) };
        x.clamp(range.0, range.1)
    };
    // The smallest load that is not known to be carried.
    let mut open: Option<f64> = None;
    let mut at = tidy(start);
    for _ in 0..DOUBLINGS {
        let Some(finding) = found.judge(at, judge) else { return found };
        let next = if finding == Finding::Met {
            if open.is_some() || at >= range.1 {
                break;
            }
            tidy(at * 2.0)
        } else {
            open = Some(at);
            if found.carried.is_some() || at <= range.0 {
                break;
            }
            tidy(at / 2.0)
        };
        if next == at || next <= 0.0 {
            break;
        }
        at = next;
    }
    let near = |a: f64, b: f64| b <= a * (1.0 + tolerance) || (whole && b - a <= 1.0);
    let middle = |a: f64, b: f64| tidy(if whole { f64::midpoint(a, b).floor() } else { (a * b).sqrt() });
    while let (Some(low), Some(high)) = (found.carried, open) {
        let between = middle(low, high);
        if near(low, high) || between <= low || between >= high {
            break;
        }
        match found.judge(between, judge) {
            None => return found,
            Some(Finding::Met) => {}
            Some(_) => open = Some(between),
        }
    }
    // Where nothing could be told, how far that reaches.
    while let (Some(low), Some(high)) = (open, found.missed) {
        let between = middle(low, high);
        if near(low, high) || between <= low || between >= high {
            break;
        }
        match found.judge(between, judge) {
            None => return found,
            Some(Finding::Missed) => {}
            Some(_) => open = Some(between),
        }
    }
    found
}

impl Largest {
    fn judge(&mut self, at: f64, judge: &mut dyn FnMut(f64) -> Option<Finding>) -> Option<Finding> {
        let Some(finding) = judge(at) else {
            self.stopped = true;
            return None;
        };
        self.judged.push((at, finding));
        match finding {
            Finding::Met => self.carried = Some(self.carried.map_or(at, |most| most.max(at))),
            Finding::Missed => self.missed = Some(self.missed.map_or(at, |least| least.min(at))),
            Finding::Unsure => {}
        }
        Some(finding)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A grid of `wide` by `tall` with these prices a step.
    fn grid(wide: usize, tall: usize, prices: (f64, f64)) -> Vec<Candidate> {
        let all = (0..wide).flat_map(|x| (0..tall).map(move |y| (x, y)));
        all.map(|(x, y)| Candidate {
            cost: prices.0 * (x + 1) as f64 + prices.1 * (y + 1) as f64,
            place: vec![x, y],
            promising: x + y > 6,
            impossible: false,
        })
        .collect()
    }

    const UP: [Option<bool>; 2] = [Some(true), Some(true)];

    #[test]
    fn the_cheapest_is_found_with_few_judged() {
        let candidates = grid(10, 10, (1.0, 1.7));
        let meets = |at: usize| candidates[at].place[0] >= 5 && candidates[at].place[1] >= 3;
        let mut count = 0;
        let found = cheapest(&candidates, &UP, &mut |at| {
            count += 1;
            Some(if meets(at) { Finding::Met } else { Finding::Missed })
        });
        let brute = (0..100)
            .filter(|at| meets(*at))
            .min_by(|a, b| candidates[*a].cost.total_cmp(&candidates[*b].cost));
        assert_eq!(found.answer, brute);
        assert!(count < 30 && found.judged.len() == count, "{count} of 100");
        // Both neighbours below the answer have been judged.
        for place in [vec![4, 3], vec![5, 2]] {
            assert!(
                found.judged.iter().any(|(at, f)| candidates[*at].place == place && *f == Finding::Missed),
                "{place:?}"
            );
        }
        assert_eq!(found.judged.len() + found.inferred + found.dearer, 100);
        assert!(found.broken.is_empty() && !found.stopped);
    }

    #[test]
    fn an_assumption_that_breaks_is_given_up() {
        // More of the second thing is worse from its fourth place on.
        let candidates = grid(6, 6, (1.0, 0.1));
        let meets = |at: usize| candidates[at].place[0] >= 2 && candidates[at].place[1] == 3;
        let found = cheapest(&candidates, &UP, &mut |at| {
            Some(if meets(at) { Finding::Met } else { Finding::Missed })
        });
        if let Some(answer) = found.answer {
            assert_eq!(candidates[answer].place, [2, 3]);
        }
        // Without any shortcut it is found for certain.
        let all = cheapest(&candidates, &[None, None], &mut |at| {
            Some(if meets(at) { Finding::Met } else { Finding::Missed })
        });
        assert_eq!(all.answer.map(|at| candidates[at].place.clone()), Some(vec![2, 3]));
    }

    #[test]
    fn what_right_below_the_largest_meets_breaks_the_assumption() {
        // Place 3 misses by a whim, 2 meets, 4 and more meet.
        let candidates: Vec<Candidate> = (0..6)
            .map(|x| Candidate { cost: x as f64 + 1.0, place: vec![x], promising: x == 3, impossible: false })
            .collect();
        let meets = |at: usize| at == 2 || at >= 4;
        let found = cheapest(&candidates, &[Some(true)], &mut |at| {
            Some(if meets(at) { Finding::Met } else { Finding::Missed })
        });
        // 3 is judged missed, so 2 is inferred to be; 4 is the answer, and what is right below it is known. That 2
        // would do is not seen: only a neighbour of the answer could have told.
        assert_eq!(found.answer, Some(4));
        let none = cheapest(&candidates, &[Some(true)], &mut |at| {
            Some(if at == 4 { Finding::Met } else { Finding::Missed })
        });
        assert_eq!(none.answer, Some(4));
        assert_eq!(none.broken, [(4, 5)]);
    }

    #[test]
    fn nothing_fits_and_what_is_impossible_is_not_judged() {
        let mut candidates = grid(4, 4, (1.0, 1.0));
        candidates.iter_mut().filter(|c| c.place[0] == 0).for_each(|c| c.impossible = true);
        let found = cheapest(&candidates, &UP, &mut |_| Some(Finding::Missed));
        assert_eq!(found.answer, None);
        assert!(found.judged.len() < 8, "{found:?}");
        assert!(
            found.impossible >= 3
                && found.judged.iter().filter(|(at, _)| candidates[*at].impossible).count() <= 1
        );
        let ended = cheapest(&candidates, &UP, &mut |_| None);
        assert!(ended.stopped && ended.answer.is_none());
        assert_eq!(cheapest(&[], &[], &mut |_| None).answer, None);
    }

    #[test]
    fn the_largest_load_is_found_to_the_tolerance() {
        let at = |limit: f64, unsure: f64| {
            move |x: f64| {
                Some(if x <= limit {
                    Finding::Met
                } else if x <= unsure {
                    Finding::Unsure
                } else {
                    Finding::Missed
                })
            }
        };
        for start in [1.0, 80.0, 5000.0] {
            let found = largest(start, (0.0, 1e9), false, 0.01, &mut at(87.3, 87.3));
            let (carried, missed) = (found.carried.unwrap(), found.missed.unwrap());
            assert!(carried <= 87.3 && carried > 86.3 && missed > 87.3 && missed < 88.3, "{found:?}");
        }
        let found = largest(10.0, (0.0, 1e9), false, 0.01, &mut at(50.0, 60.0));
        assert!(
            found.carried.unwrap() <= 50.0 && found.missed.unwrap() > 60.0 && found.missed.unwrap() < 61.0
        );
        let whole = largest(3.0, (1.0, 1e9), true, 0.01, &mut at(17.0, 17.0));
        assert_eq!((whole.carried, whole.missed), (Some(17.0), Some(18.0)));
        let all = largest(3.0, (1.0, 40.0), false, 0.01, &mut |_| Some(Finding::Met));
        assert_eq!((all.carried, all.missed), (Some(40.0), None));
        let none = largest(3.0, (1.0, 40.0), false, 0.01, &mut |_| Some(Finding::Missed));
        assert_eq!((none.carried, none.missed), (None, Some(1.0)));
    }
}
