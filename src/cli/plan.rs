//! `surgesim plan`: the cheapest design that does what is asked, or the largest load that a design carries.
//!
//! Replications go where a decision is close: each design is looked at after 4, 6, 9, 14, ... of them, at a level
//! that is divided by the number of looks, and left as soon as it surely meets or surely misses.
//!
//! Each design that was decided on is a file, as a point of a sweep is: the same command finds it again and goes on
//! with the rest, whatever ended it.

mod candidates;

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use self::candidates::{COST_SECONDS, EQUAL_COST, dearer_upwards, places};
use super::args::{Plan, Running};
use super::format::{Report, ReportFiles, deliver};
use super::load::Design;
use super::points::{Flags, Space, settings};
use super::run::{plan_runs, terminal_style};
use super::simulate::{find_warm_ups, interruption, told};
use super::{Exit, complain};
use crate::document::{Code, Fault, Node, quantity};
use crate::engine::Stopped;
use crate::experiment::replicate;
use crate::experiment::results::Verdict;
use crate::experiment::search::{Candidate, Finding, cheapest, largest};
use crate::experiment::sequential::looks_from;
use crate::experiment::simulation;
use crate::metrics::{MetricReference, ReplicationRecord};
use crate::report::{
    Goal, PlanReport, PlannedDesign, TextStyle, folder_name, keep_judged, load_judged, plan_picture,
    point_key, point_path,
};
use crate::scenario::axis::in_one_unit;
use crate::verdict::{Clause, confidence_of_miss, expectation, objective_at};

/// Replications at the first look: t's tails make up for there being so few.
const FIRST_LOOK: u32 = 4;
/// Replications of a design at most, unless something else is asked for.
const USUAL_MOST: u32 = 50;
/// Why nothing can be planned, and the exit code.
struct Refusal(String, Exit);

/// What is planned, whichever way.
struct Task<'a> {
    space: Space,
    base: Design,
    running: &'a Running,
    looks: Vec<u32>,
    level: f64,
    stop: &'a AtomicBool,
    bar: indicatif::ProgressBar,
    folder: PathBuf,
    /// Designs that had been decided on before.
    found: AtomicUsize,
}

/// A design ready to run, and the key under which its finding is kept.
struct Keyed {
    design: Design,
    key: String,
}

/// What came of it.
struct Outcome {
    paths: Vec<String>,
    goal: Goal,
    designs: Vec<PlannedDesign>,
    notices: Vec<String>,
    stopped: bool,
}

pub(super) fn plan(arguments: &Plan) -> Exit {
    let stop = interruption();
    let run = || -> Result<(Task<'_>, Outcome), Refusal> {
        let task = Task::open(arguments, &stop)?;
        let outcome = match &arguments.max {
            Some(path) => task.largest_load(path, &arguments.within)?,
            None => task.cheapest_design(arguments)?,
        };
        Ok((task, outcome))
    };
    let Some(ran) = simulation::on_threads(arguments.running.threads.unwrap_or(0), run) else {
        return complain("the threads could not be started");
    };
    let (task, outcome) = match ran {
        Ok(both) => both,
        Err(Refusal(why, exit)) => {
            let _ = io::stderr().write_all(why.as_bytes());
            return if stop.load(Ordering::Relaxed) { Exit::Interrupted } else { exit };
        }
    };
    task.bar.finish_and_clear();
    let found = task.found.load(Ordering::Relaxed);
    if found > 0 {
        task.say(&format!("{found} of {} designs were there already", outcome.designs.len()));
    }
    let report = PlanReport {
        title: &task.base.model.scenario,
        design: &task.base.model.design,
        seed: task.base.model.run.seed,
        paths: &outcome.paths,
        goal: &outcome.goal,
        designs: &outcome.designs,
        objectives: !task.base.objectives.is_empty(),
        level: 0.95,
        most: task.looks.last().copied().unwrap_or(0),
        complete: !outcome.stopped,
        notices: &outcome.notices,
    };
    let exit = if report.fits() { Exit::Done } else { Exit::Missed };
    let files = ReportFiles {
        json: ("plan.json", report.json()),
        text: report.text(TextStyle::default()),
        markdown: report.markdown(),
        others: Vec::new(),
        pictures: plan_picture(&report).map(|svg| ("plan".to_owned(), svg)).into_iter().collect(),
    };
    let printed = Report {
        scenario: report.title,
        file: Some(arguments.file.as_str()).filter(|file| *file != "-"),
        strict: arguments.running.strict,
        text: &|| report.text(terminal_style()),
        json: &|| report.json(),
        markdown: &|| report.markdown(),
        checks: &|| report.checks(),
    };
    deliver(files.write(&task.folder), &task.folder, &arguments.running, &printed, &stop, exit)
}

fn usage(why: &str) -> Refusal {
    Refusal(format!("error: {why}\n"), Exit::Usage)
}

impl<'a> Task<'a> {
    fn open(arguments: &'a Plan, stop: &'a AtomicBool) -> Result<Self, Refusal> {
        let wrong = |why: String| Refusal(why, Exit::BadScenario);
        let running = &arguments.running;
        let space = Space::open(&arguments.file, &running.settings, arguments.varying.variant.as_deref())
            .map_err(wrong)?;
        let mut base = [space.point("--vary", &[]).map_err(wrong)?.design];
        if !running.until.is_empty() {
            return Err(usage("`plan` decides by itself how often a design is run: leave `--until` out"));
        }
        plan_runs(&mut base, running.seed, running.replications, &[], None).map_err(|why| usage(&why))?;
        let [base] = base;
        if base.objectives.is_empty() && base.expectations.is_empty() {
            return Err(wrong(
                "error: the scenario asks for nothing, so every design fits: add `objectives: [p99 < 300ms]`\n".to_owned(),
            ));
        }
        let until = base.model.run.until.as_ref().map(|until| until.max);
        let most = running.max_replications.or(until).unwrap_or(USUAL_MOST).clamp(2, 10_000);
        let looks = match running.replications {
            Some(count) => vec![count.clamp(2, 10_000)],
            None => looks_from(FIRST_LOOK, most),
        };
        let level = 1.0 - 0.05 / looks.len() as f64;
        let bar = if running.quiet {
            indicatif::ProgressBar::hidden()
        } else {
            indicatif::ProgressBar::new_spinner().with_message("planning")
        };
        let named = || PathBuf::from("outputs").join(folder_name(&format!("plan-{}", base.model.scenario)));
        let folder = arguments.output.clone().unwrap_or_else(named);
        Ok(Self { space, base, running, looks, level, stop, bar, folder, found: AtomicUsize::new(0) })
    }

    /// A design with these values, ready to run.
    fn design(&self, flag: &str, settings: &[String]) -> Result<Keyed, Refusal> {
        let point = self.space.point(flag, settings).map_err(|why| Refusal(why, Exit::BadScenario))?;
        let mut designs = [point.design];
        plan_runs(&mut designs, self.running.seed, None, &[], None).map_err(|why| usage(&why))?;
        let [design] = designs;
        let how = format!("plan, seed {}, looks {:?}", design.model.run.seed, self.looks);
        Ok(Keyed { design, key: point_key(point.digest, &how) })
    }

    /// What a design is found to do: as it was found before, or by running it; `None` if interrupted.
    fn judge(&self, keyed: Keyed, values: &[String]) -> Result<Option<PlannedDesign>, Refusal> {
        let failed = |why: String| Refusal(format!("error: {why}\n"), Exit::Failed);
        let Keyed { design, key } = keyed;
        match load_judged(&self.folder, &key, values) {
            Ok(Some(kept)) => {
                self.found.fetch_add(1, Ordering::Relaxed);
                return Ok(Some(kept));
            }
            Ok(None) => {}
            Err(why) => {
                self.say(&format!("note: {} is run again: {why}", point_path(&self.folder, &key).display()))
            }
        }
        let Some(judged) = self.run(design, values.to_vec()) else { return Ok(None) };
        keep_judged(&self.folder, &key, self.base.model.run.seed, &judged).map_err(failed)?;
        // What its file says, so that a plan that is begun again tells the same to the byte.
        load_judged(&self.folder, &key, values).map_err(failed)
    }

    fn say(&self, text: &str) {
        if !self.running.quiet {
            self.bar.suspend(|| {
                let _ = writeln!(io::stderr(), "{text}");
            });
        }
    }

    /// Runs a design until its finding is sure, or as often as is allowed; `None` if interrupted.
    fn run(&self, design: Design, values: Vec<String>) -> Option<PlannedDesign> {
        let mut designs = [design];
        let _ = find_warm_ups(&mut designs, self.stop);
        let [design] = &designs;
        let windows = design.windows();
        let (mut records, mut calls) = (Vec::new(), Vec::new());
        let mut seen = (Finding::Unsure, 0, None);
        for look in &self.looks {
            let range = records.len() as u32..*look;
            let more =
                simulation::run_range(&design.model, &design.catalog, &windows, self.stop, range, |_| {
                    self.bar.tick();
                });
            if !more.complete {
                return None;
            }
            let spent = more.finished.iter().any(|r| r.stopped != Stopped::Done);
            for replication in more.finished {
                records.push(replication.record);
                calls.push(replication.calls);
            }
            seen = self.finding(design, &records);
            if spent {
                // What was cut short shows nothing.
                seen.0 = Finding::Unsure;
            }
            if spent || seen.0 != Finding::Unsure {
                break;
            }
        }
        let mut results = told(design, &records, &calls);
        results.series = crate::experiment::results::Series::default();
        let (finding, deciding, confidence) = seen;
        Some(PlannedDesign { values, load: 0.0, results, finding, deciding, confidence, checks: false })
    }

    /// What the replications so far show: the finding, the claim that decides, and how sure it is.
    fn finding(&self, design: &Design, records: &[ReplicationRecord]) -> (Finding, usize, Option<f64>) {
        let by_interval = !design.objectives.is_empty();
        let claims: &[Clause] = if by_interval { &design.objectives } else { &design.expectations };
        let verdicts: Vec<Verdict> = claims
            .iter()
            .map(|clause| {
                let judgement = if by_interval {
                    objective_at(clause, &design.catalog, records, self.level)
                } else {
                    expectation(clause, &design.catalog, records)
                };
                judgement.verdict
            })
            .collect();
        let sure = |at: usize| {
            let clause = claims.get(at).filter(|_| by_interval)?;
            confidence_of_miss(clause, &design.catalog, records)
        };
        if let Some(at) = verdicts.iter().position(|verdict| *verdict == Verdict::Missed) {
            return (Finding::Missed, at, sure(at));
        }
        if let Some(at) = verdicts.iter().position(|verdict| *verdict == Verdict::Inconclusive) {
            return (Finding::Unsure, at, None);
        }
        let each: Option<Vec<f64>> = (0..claims.len()).map(|at| sure(at).map(|miss| 1.0 - miss)).collect();
        (Finding::Met, 0, each.and_then(|each| each.into_iter().reduce(f64::min)))
    }

    fn cheapest_design(&self, arguments: &Plan) -> Result<Outcome, Refusal> {
        let varying = &arguments.varying;
        let flags = Flags {
            vary: &varying.vary,
            sample: varying.sample,
            sample_seed: varying.sample_seed,
            max_points: varying.max_points,
        };
        let variation = self
            .space
            .variation(&flags, self.base.model.sweep.as_ref())
            .map_err(|why| Refusal(why, Exit::Usage))?;
        if let Err(unknown) = MetricReference::parse(&arguments.cost, &self.base.catalog) {
            let fault = Fault::new(Code::UnknownMetric, unknown.message, "name what is paid, such as `cost`");
            return Err(Refusal(Space::flaw("--cost", &arguments.cost, fault), Exit::Usage));
        }
        let (axes, points) = (&variation.axes, &variation.points);
        let places = places(points);
        let priced = |at: u32| Some(self.price(&settings(axes, &points[at as usize]), &arguments.cost));
        let count = u32::try_from(points.len()).unwrap_or(u32::MAX);
        self.bar.set_message("pricing the designs");
        let priced = replicate(count, self.stop, priced);
        if !priced.complete {
            return Err(Refusal(String::new(), Exit::Interrupted));
        }
        let mut candidates = Vec::new();
        let mut wrong: Vec<String> = Vec::new();
        for (found, place) in priced.finished.into_iter().zip(places) {
            match found {
                Ok((cost, promising, impossible)) => {
                    candidates.push(Candidate { cost, place, promising, impossible })
                }
                Err(Refusal(why, Exit::BadScenario)) => {
                    for part in why.split_inclusive("\n\n") {
                        if wrong.len() < 20 && !wrong.iter().any(|other| other.trim() == part.trim()) {
                            wrong.push(part.to_owned());
                        }
                    }
                }
                Err(refusal) => return Err(refusal),
            }
        }
        if !wrong.is_empty() {
            return Err(Refusal(wrong.concat(), Exit::BadScenario));
        }
        let order: Vec<Option<bool>> = if arguments.exhaustive || variation.sample.is_some() {
            vec![None; axes.len()]
        } else {
            (0..axes.len()).map(|axis| dearer_upwards(&candidates, axis)).collect()
        };
        let mut designs: Vec<PlannedDesign> = Vec::new();
        let mut at_candidate: Vec<usize> = Vec::new();
        let mut refusal = None;
        let found = cheapest(&candidates, &order, &mut |at| {
            self.bar.set_message(settings(axes, &points[at]).join(", "));
            match self.design("--vary", &settings(axes, &points[at])) {
                Ok(keyed) => {
                    let judged = self.judge(keyed, &points[at]).unwrap_or_else(|why| {
                        refusal = Some(why);
                        None
                    })?;
                    let finding = judged.finding;
                    designs.push(judged);
                    at_candidate.push(at);
                    Some(finding)
                }
                Err(why) => {
                    refusal = Some(why);
                    None
                }
            }
        });
        if let Some(refusal) = refusal {
            return Err(refusal);
        }
        for at in &found.checked {
            if let Some(own) = at_candidate.iter().position(|other| other == at) {
                designs[own].checks = true;
            }
        }
        let own = |candidate: usize| at_candidate.iter().position(|at| *at == candidate);
        let measured = |at: usize| designs[at].results.metric(&arguments.cost).and_then(|e| e.value.number());
        // Of those that meet, the cheapest over the whole run; the order was that of its first seconds.
        let answer = (0..designs.len()).filter(|at| designs[*at].finding == Finding::Met).min_by(|a, b| {
            measured(*a).unwrap_or(f64::INFINITY).total_cmp(&measured(*b).unwrap_or(f64::INFINITY))
        });
        let mut notices = Vec::new();
        let cost_of = |at: Option<usize>| at.and_then(measured);
        if let (Some(least), Some(first)) = (cost_of(answer), cost_of(found.answer.and_then(own)))
            && least < first * (1.0 - EQUAL_COST)
        {
            notices.push(format!(
                "designs were ordered by their cost over the first {COST_SECONDS} s, and over the whole run another one is the cheapest: a design that was left out as dearer might be cheaper too; vary fewer values, or add `--exhaustive`"
            ));
        }
        let neighbours: Vec<usize> = answer.map_or_else(Vec::new, |answer| {
            let place = &candidates[at_candidate[answer]].place;
            let beside = |at: &usize| {
                let other = &candidates[at_candidate[*at]];
                let steps: usize = other.place.iter().zip(place).map(|(a, b)| a.abs_diff(*b)).sum();
                steps == 1 && other.cost < candidates[at_candidate[answer]].cost
            };
            (0..designs.len()).filter(beside).collect()
        });
        let goal = Goal::Cheapest {
            cost: arguments.cost.clone(),
            answer,
            neighbours,
            assumed: axes
                .iter()
                .zip(&order)
                .filter(|(_, up)| up.is_some())
                .map(|(axis, _)| axis.path.clone())
                .collect(),
            broken: found.broken.iter().filter_map(|(less, more)| Some((own(*less)?, own(*more)?))).collect(),
            possible: points.len(),
            left_out: (found.inferred, found.dearer, found.impossible),
        };
        notices.extend(self.warnings(&designs));
        let paths = axes.iter().map(|axis| axis.path.clone()).collect();
        Ok(Outcome { paths, goal, designs, notices, stopped: found.stopped })
    }

    fn largest_load(&self, written: &str, within: &str) -> Result<Outcome, Refusal> {
        let tolerance = quantity::ratio(within)
            .map(crate::base::Ratio::get)
            .ok()
            .filter(|share| (1e-6..1.0).contains(share))
            .ok_or_else(|| usage(&format!("`--within {within}` is no share: write `2%`")))?;
        let flaw = |fault: Fault| Refusal(Space::flaw("--max", written, fault), Exit::Usage);
        let wanted = "name one rate, count or share that is written in the scenario, such as `clients.visitors.rate`, or \
                      give its ends: `clients.visitors.rate=10/s..500/s`";
        let (path, ends) = match crate::scenario::setting::path_end(written) {
            Some(at) => {
                let (low, high) = written[at + 1..]
                    .split_once("..")
                    .ok_or_else(|| flaw(Fault::new(Code::BadSet, "a range has two ends", wanted)))?;
                (written[..at].trim(), Some((low.trim(), high.trim())))
            }
            None => (written.trim(), None),
        };
        let node = self.space.find(path).map_err(flaw)?;
        let text = match (ends, node.and_then(Node::text)) {
            (Some((low, _)), _) => low.to_owned(),
            (None, Some(text)) => text.to_owned(),
            (None, None) => {
                let what = node.map_or("nothing", Node::what);
                return Err(flaw(Fault::new(
                    Code::BadSet,
                    format!("`{path}` is {what}, and no single number"),
                    wanted,
                )));
            }
        };
        let texts: Vec<&str> = std::iter::once(text.as_str()).chain(ends.map(|(_, high)| high)).collect();
        let read = in_one_unit(&texts).filter(|(numbers, _)| numbers.iter().all(|x| *x > 0.0));
        let Some((numbers, (before, after))) = read else {
            return Err(flaw(Fault::new(
                Code::BadQuantity,
                format!("`{text}` is no number above zero"),
                wanted,
            )));
        };
        let (start, range) = match numbers.get(1) {
            Some(high) if *high >= numbers[0] => ((numbers[0] * high).sqrt(), (numbers[0], *high)),
            Some(_) => {
                return Err(flaw(Fault::new(
                    Code::OutOfRange,
                    "the range goes down",
                    "write the smaller end first",
                )));
            }
            None => (numbers[0], (0.0, f64::INFINITY)),
        };
        let whole = after.is_empty() && numbers.iter().all(|x| x.fract() == 0.0);
        let range = if whole { (range.0.max(1.0), range.1) } else { range };
        let mut designs: Vec<PlannedDesign> = Vec::new();
        let mut refusal = None;
        let found = largest(start, range, whole, tolerance, &mut |x| {
            let value = format!("{before}{x}{after}");
            self.bar.set_message(format!("{path}={value}"));
            match self.design("--max", &[format!("{path}={value}")]) {
                Ok(keyed) => {
                    let mut judged = self.judge(keyed, &[value]).unwrap_or_else(|why| {
                        refusal = Some(why);
                        None
                    })?;
                    judged.load = x;
                    let finding = judged.finding;
                    designs.push(judged);
                    Some(finding)
                }
                Err(why) => {
                    refusal = Some(why);
                    None
                }
            }
        });
        if let Some(refusal) = refusal {
            return Err(refusal);
        }
        let own = |load: Option<f64>| designs.iter().position(|design| Some(design.load) == load);
        let goal = Goal::Largest { carried: own(found.carried), missed: own(found.missed), tolerance };
        let notices = self.warnings(&designs);
        Ok(Outcome { paths: vec![path.to_owned()], goal, designs, notices, stopped: found.stopped })
    }

    /// What the reader must know of these figures.
    fn warnings(&self, designs: &[PlannedDesign]) -> Vec<String> {
        let mut all = Vec::new();
        if self.base.objectives.is_empty() {
            all.push("there are no objectives, so the expectations are asked for: each must hold in every replication".to_owned());
        } else if !self.base.expectations.is_empty() {
            all.push("the objectives are asked for; the expectations (`expect:`) are not".to_owned());
        }
        let kinds = |notice: &str| notice.split('(').next().unwrap_or_default().to_owned();
        let mut seen: Vec<String> = Vec::new();
        for notice in designs.iter().flat_map(|design| &design.results.notices) {
            if seen.len() < 6 && !seen.iter().any(|other| kinds(other) == kinds(notice)) {
                seen.push(notice.clone());
            }
        }
        all.extend(seen);
        all
    }
}
