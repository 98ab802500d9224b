//! How a design got over its last surge or fault: when load was back to normal, when good answers were, and
//! what lay between.
//!
//! Rules. Normal load is the mean rate at which requests were sent in the minute before the first trouble.
//! Load is back at the first bucket after the last trouble's end from which, over 10 s, at most 1.1 times
//! that is sent; after a fault, or after a step down of a stepped rate, at once. Good answers are back when
//! `time_to_recover` says so. A design that stays down under normal load until the run ends, or for more than
//! 30 s (that metric's window) while its callers repeat what fails, is held down by what its own state keeps
//! alive: it is metastable (Bronson et al., "Metastable failures in distributed systems", HotOS 2021). One that
//! comes back later without that had a backlog to drain.

use super::quantity::{duration, quantity};
use crate::experiment::results::{MetricValue, Trouble, Unit, VariantResults};

/// Minutes before the first trouble that say what load is normal, in seconds.
const BEFORE: f64 = 60.0;
/// The time over which load must be normal, in seconds.
const SUSTAINED: f64 = 10.0;
/// How much above the normal load is normal.
const NEAR: f64 = 1.1;
/// A delay from which the state, not the load, is to blame, in seconds.
const HELD: f64 = 30.0;
/// Repeated attempts for each request from which they are said to hold a design down.
const FEEDBACK: f64 = 0.05;

/// When something was back to normal.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Back {
    /// At this time, in seconds.
    At(f64),
    /// Not within the run.
    Never,
}

/// The time after the last trouble.
#[derive(Clone, PartialEq, Debug)]
pub struct Dynamics {
    /// The trouble.
    pub trouble: Trouble,
    /// When load was back to normal.
    pub load: Back,
    /// When good answers were.
    pub goodput: Back,
    /// Attempts after the first, for each request, from when load was back until good answers were.
    pub repeats: Option<f64>,
    /// Whether the design stayed down under normal load.
    pub metastable: bool,
}

/// What became of a design after its last trouble that ended; `None` without one.
#[must_use]
pub fn dynamics(variant: &VariantResults) -> Option<Dynamics> {
    let ended = variant.troubles.iter().filter(|trouble| trouble.to < variant.duration);
    let trouble = *ended.max_by(|a, b| a.to.total_cmp(&b.to))?;
    let load = load_back(variant, trouble)?;
    let goodput = match variant.metric("time_to_recover")?.value {
        MetricValue::Number(after) => Back::At(trouble.to + after),
        MetricValue::Never => Back::Never,
        MetricValue::Absent => return None,
    };
    let repeats = match (load, goodput) {
        (Back::At(from), Back::At(to)) if to > from => repeats(variant, from, to),
        (Back::At(from), Back::Never) => repeats(variant, from, variant.duration),
        _ => None,
    };
    let fed = repeats.is_some_and(|repeats| repeats > FEEDBACK);
    let metastable = match (load, goodput) {
        (Back::At(load), Back::At(goodput)) => goodput - load > HELD && fed,
        // Of less than that it cannot be told whether it stays down.
        (Back::At(load), Back::Never) => variant.duration - load > HELD,
        (Back::Never, _) => false,
    };
    Some(Dynamics { trouble, load, goodput, repeats, metastable })
}

impl Dynamics {
    /// The finding in words.
    #[must_use]
    pub fn sentence(&self) -> String {
        let word = self.trouble.word;
        let mut text = match (self.load, self.goodput) {
            (Back::Never, Back::Never) => {
                return format!(
                    "neither load nor goodput was back to normal after the {word} within the run"
                );
            }
            (Back::Never, Back::At(at)) => {
                return format!(
                    "goodput was back to normal at {}, under more than normal load until the end of the run",
                    duration(at)
                );
            }
            (Back::At(load), Back::At(goodput)) if goodput - load <= 1.0 => {
                return format!("load was back to normal at {}, and goodput by then", duration(load));
            }
            (Back::At(load), Back::At(goodput)) => format!(
                "load was back to normal at {}, goodput was not for another {}",
                duration(load),
                duration(goodput - load)
            ),
            (Back::At(load), Back::Never) => {
                format!("load was back to normal at {}, goodput never was within the run", duration(load))
            }
        };
        if self.metastable {
            text += ": a metastable failure, which outlives what set it off";
            if let Some(repeats) = self.repeats.filter(|repeats| *repeats > FEEDBACK) {
                text += &format!(
                    "; meanwhile repeated attempts added {} to the load",
                    quantity(repeats, Unit::Share)
                );
            }
        } else if let (Back::At(load), Back::At(goodput)) = (self.load, self.goodput)
            && goodput - load > HELD
        {
            text += ": what had piled up had to drain first";
        }
        text
    }
}

fn load_back(variant: &VariantResults, trouble: Trouble) -> Option<Back> {
    // Faults leave the load as it is, and a step down is the return to normal itself.
    if trouble.word == "fault" || trouble.from == trouble.to {
        return Some(Back::At(trouble.to));
    }
    let series = &variant.series;
    let offered = &series.column("offered")?.median;
    let first = variant.troubles.iter().map(|trouble| trouble.from).fold(f64::INFINITY, f64::min);
    let before = (first - BEFORE).max(variant.warmup.min(first - series.bucket));
    let normal = mean(offered, &series.t, before, first)?;
    let width = ((SUSTAINED / series.bucket).ceil() as usize).max(1);
    let start = series.t.iter().position(|t| *t >= trouble.to)?;
    let calm = |window: &[Option<f64>]| {
        window.iter().map(|x| x.unwrap_or(0.0)).sum::<f64>() <= NEAR * normal * window.len() as f64
    };
    let back = offered[start..].windows(width).position(calm);
    Some(back.map_or(Back::Never, |after| Back::At(series.t[start + after])))
}

fn repeats(variant: &VariantResults, from: f64, to: f64) -> Option<f64> {
    let series = &variant.series;
    let of = |name: &str| mean(&series.column(name)?.median, &series.t, from, to);
    let (repeated, offered) = (of("reattempts")?, of("offered")?);
    (offered > 0.0).then(|| repeated / offered)
}

/// The mean of a column over the buckets that begin in `[from, to)`.
fn mean(column: &[Option<f64>], t: &[f64], from: f64, to: f64) -> Option<f64> {
    let inside = t.iter().zip(column).filter(|(t, _)| (from..to).contains(*t));
    let values: Vec<f64> = inside.map(|(_, x)| x.unwrap_or(0.0)).collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::results::{Estimate, Series, SeriesColumn};

    fn column(name: &str, value: impl Fn(usize) -> f64) -> SeriesColumn {
        let median: Vec<_> = (0..600).map(|t| Some(value(t))).collect();
        let (low, high) = (median.clone(), median.clone());
        SeriesColumn { name: name.to_owned(), unit: Unit::PerSecond, median, low, high }
    }

    /// 100 requests a second; 500 from 100 s to 200 s, falling to 100 at 260 s.
    fn surge(recovered: MetricValue) -> VariantResults {
        let offered = |t: usize| match t {
            100..200 => 500.0,
            200..260 => 100.0 + 400.0 * (260 - t) as f64 / 60.0,
            _ => 100.0,
        };
        let time = Estimate {
            value: recovered,
            unit: Unit::Seconds,
            low: None,
            high: None,
            pooled: None,
            pseudo: Vec::new(),
            each: vec![recovered],
        };
        VariantResults {
            duration: 600.0,
            metrics: vec![("time_to_recover".to_owned(), time)],
            troubles: vec![Trouble { from: 100.0, to: 200.0, word: "spike" }],
            series: Series {
                bucket: 1.0,
                t: (0..600).map(f64::from).collect(),
                columns: vec![column("offered", offered), column("reattempts", |_| 50.0)],
            },
            ..VariantResults::default()
        }
    }

    #[test]
    fn what_outlives_the_load_is_metastable() {
        // The ten seconds from 255 s on have 110 a second on average.
        let slow = dynamics(&surge(MetricValue::Number(153.0))).unwrap();
        assert_eq!((slow.load, slow.goodput), (Back::At(255.0), Back::At(353.0)));
        assert!(slow.metastable);
        assert_eq!(
            slow.sentence(),
            "load was back to normal at 4m 15s, goodput was not for another 98.0 s: a metastable failure, which \
             outlives what set it off; meanwhile repeated attempts added 49.5 % to the load"
        );
        let mut patient = surge(MetricValue::Number(153.0));
        patient.series.columns[1] = column("reattempts", |_| 0.0);
        let patient = dynamics(&patient).unwrap();
        assert!(!patient.metastable && patient.sentence().ends_with("what had piled up had to drain first"));
        let never = dynamics(&surge(MetricValue::Never)).unwrap();
        assert!(never.metastable && never.sentence().contains("goodput never was within the run"));
    }

    #[test]
    fn what_recovers_with_the_load_is_not() {
        let quick = dynamics(&surge(MetricValue::Number(55.0))).unwrap();
        assert!(!quick.metastable);
        assert_eq!(quick.sentence(), "load was back to normal at 4m 15s, and goodput by then");
        let early = dynamics(&surge(MetricValue::Number(0.0))).unwrap();
        assert!(!early.metastable, "it never suffered");
        let mut lasting = surge(MetricValue::Never);
        lasting.series.columns[0] = column("offered", |t| if t < 100 { 100.0 } else { 500.0 });
        let lasting = dynamics(&lasting).unwrap();
        assert!(!lasting.metastable && lasting.sentence().starts_with("neither load nor goodput"));
    }

    #[test]
    fn after_a_fault_the_load_is_normal_at_once() {
        let mut fault = surge(MetricValue::Number(40.0));
        fault.troubles[0].word = "fault";
        let found = dynamics(&fault).unwrap();
        assert_eq!((found.load, found.metastable), (Back::At(200.0), true));
        fault.troubles.clear();
        assert_eq!(dynamics(&fault), None);
    }
}
