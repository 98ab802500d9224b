//! A cache study, told: a table of miss ratios, JSON with the exact counts, CSV, and the picture.

use std::fmt::Write as _;

use serde_json::json;

use super::chart::{Abscissa, Axis, Line, Panel, Picture, Role, Scale, Stroke, Unit, render_over};
use super::quantity::count;
use super::table::{Rows, clean};
use super::text::TextStyle;
use crate::base::Bytes;
use crate::components::cache::eviction::Policy;
use crate::experiment::cache_study::{self, Contestant, Outcome, Row};

/// Points of LRU's curve in the picture.
const CURVE_POINTS: u32 = 240;
/// What is worse than this beside LRU would flatten everything else.
const WORST: f64 = -0.3;

const LRU: Contestant = Contestant::Policy(Policy::Lru);

/// A study's outcome and what it was made from.
#[derive(Clone, Copy, Debug)]
pub struct CacheReport<'a> {
    /// The trace's file name, or the popularity.
    pub source: &'a str,
    /// The seed of what was drawn.
    pub seed: u64,
    /// Accesses in all.
    pub accesses: u64,
    /// Accesses that were not counted.
    pub warm_up: u64,
    /// What came out.
    pub outcome: &'a Outcome,
}

impl CacheReport<'_> {
    fn ratio(&self, misses: u64) -> f64 {
        misses as f64 / self.outcome.counted.max(1) as f64
    }

    fn unit(&self) -> &'static str {
        if self.outcome.unit == cache_study::Unit::Items { "items" } else { "bytes" }
    }

    fn size(&self, size: u64) -> String {
        if self.outcome.unit == cache_study::Unit::Items { count(size) } else { Bytes::new(size).to_string() }
    }

    /// The finding: the best policy at the middle size, beside LRU and the optimum.
    #[must_use]
    pub fn headline(&self) -> String {
        let at = self.outcome.sizes.len() / 2;
        let Some(size) = self.outcome.sizes.get(at) else { return "no sizes".to_owned() };
        let percent = |row: &Row| format!("{:.1} %", 100.0 * self.ratio(row.misses[at]));
        let row = |contestant| self.outcome.rows.iter().find(|row| row.contestant == contestant);
        let (lru, min) = (row(LRU), row(Contestant::Min));
        let online = self.outcome.rows.iter().filter(|row| row.contestant != Contestant::Min);
        let Some(best) = online.min_by_key(|row| row.misses[at]) else {
            let alone = min.map_or(String::new(), percent);
            return format!("At {} {}the optimum misses {alone}", self.size(*size), self.unit_word());
        };
        let mut text = format!(
            "At {} {}{} misses {}",
            self.size(*size),
            self.unit_word(),
            best.contestant.title(),
            percent(best)
        );
        if let Some(lru) = lru.filter(|lru| lru.contestant != best.contestant) {
            let _ = write!(text, ", LRU {}", percent(lru));
        }
        if let Some(min) = min {
            let _ = write!(text, ", the optimum {}", percent(min));
        }
        text
    }

    fn unit_word(&self) -> &'static str {
        if self.outcome.unit == cache_study::Unit::Items { "items " } else { "" }
    }

    fn origin(&self) -> String {
        let warm_up = match self.warm_up {
            0 => String::new(),
            n => format!(", the first {} not counted", count(n)),
        };
        let (accesses, keys) = (count(self.accesses), count(self.outcome.keys));
        format!("{}: {accesses} accesses to {keys} keys{warm_up}", clean(self.source))
    }

    /// For people: miss ratios by policy and size.
    #[must_use]
    pub fn text(&self, style: TextStyle) -> String {
        let sizes: Vec<String> = self.outcome.sizes.iter().map(|size| self.size(*size)).collect();
        let mut header = vec!["miss ratio at"];
        header.extend(sizes.iter().map(String::as_str));
        let mut rows = Rows::new(&header, 1, style.lines);
        for row in &self.outcome.rows {
            let mut cells = vec![row.contestant.title().to_owned()];
            cells.extend(row.misses.iter().map(|misses| format!("{:.2} %", 100.0 * self.ratio(*misses))));
            rows.push(&cells);
        }
        let enough = match (&self.outcome.lru, self.outcome.unit) {
            (Some(curve), _) => {
                let (least, enough) = (curve.misses(u64::MAX), curve.enough());
                format!(
                    "no cache misses less than {:.2} % (first touches); LRU does so from {} items on\n",
                    100.0 * self.ratio(least),
                    count(enough)
                )
            }
            (None, cache_study::Unit::Bytes { overhead, .. }) => {
                format!("each item is charged {overhead} B beside its value\n")
            }
            _ => String::new(),
        };
        format!("{}\n{}\n{}{enough}", self.origin(), self.headline(), rows.text())
    }

    /// One JSON object with the exact counts.
    #[must_use]
    pub fn json(&self) -> String {
        let outcome = self.outcome;
        let policies: Vec<_> = outcome
            .rows
            .iter()
            .map(|row| {
                let ratios: Vec<f64> = row.misses.iter().map(|misses| self.ratio(*misses)).collect();
                json!({
                    "policy": row.contestant.name(),
                    "misses": row.misses,
                    "miss_ratio": ratios,
                })
            })
            .collect();
        let curve: Vec<_> = self.curve().into_iter().map(|(size, misses)| json!([size, misses])).collect();
        let document = json!({
            "schema_version": 1,
            "source": self.source,
            "seed": self.seed,
            "accesses": self.accesses,
            "warm_up": self.warm_up,
            "counted": outcome.counted,
            "keys": outcome.keys,
            "first_touches": outcome.lru.as_ref().map(|curve| curve.misses(u64::MAX)),
            "unit": self.unit(),
            "sizes": outcome.sizes,
            "policies": policies,
            "lru_curve": curve,
        });
        format!("{document:#}\n")
    }

    /// `policy,size,misses,miss_ratio`, a line for each point.
    #[must_use]
    pub fn csv(&self) -> String {
        let mut text = format!("policy,size_{},misses,miss_ratio\n", self.unit());
        for row in &self.outcome.rows {
            for (size, misses) in self.outcome.sizes.iter().zip(&row.misses) {
                let _ = writeln!(text, "{},{size},{misses},{}", row.contestant.name(), self.ratio(*misses));
            }
        }
        text
    }

    /// LRU's misses at sizes that are even on a logarithmic scale, over the range of the study's sizes.
    fn curve(&self) -> Vec<(u64, u64)> {
        let sizes = &self.outcome.sizes;
        let (Some(curve), Some(least), Some(most)) =
            (&self.outcome.lru, sizes.iter().min(), sizes.iter().max())
        else {
            return Vec::new();
        };
        let (from, ratio) = ((*least).max(1) as f64, *most as f64 / (*least).max(1) as f64);
        let at = |i: u32| from * libm::pow(ratio, f64::from(i) / f64::from(CURVE_POINTS - 1));
        let mut points: Vec<u64> = (0..CURVE_POINTS).map(|i| libm::round(at(i)) as u64).collect();
        points.dedup();
        points.into_iter().map(|size| (size, curve.misses(size))).collect()
    }

    /// Miss ratios over sizes as SVG: LRU's curve in front, the optimum in grey; below, what each policy
    /// saves beside LRU.
    #[must_use]
    pub fn svg(&self) -> String {
        let percent = |(size, misses): (u64, u64)| (size as f64, self.ratio(misses));
        let line = |(i, row): (usize, &Row), points: Vec<(f64, f64)>| {
            let (role, stroke) = match row.contestant {
                Contestant::Policy(Policy::Lru) => (Role::Db, Stroke::Bold),
                Contestant::Min => (Role::Offered, Stroke::Dashed),
                Contestant::Policy(_) => (Role::Component(i.saturating_sub(1)), Stroke::Solid),
            };
            Line { label: row.contestant.title().to_owned(), role, stroke, points, spread: Vec::new() }
        };
        let rows = || self.outcome.rows.iter().enumerate();
        let ratios = rows().map(|(i, row)| {
            let own = self.outcome.sizes.iter().copied().zip(row.misses.iter().copied());
            let mut points = own.collect();
            if row.contestant == LRU && self.outcome.lru.is_some() {
                points = self.curve();
            }
            line((i, row), points.into_iter().map(percent).collect())
        });
        let mut panels = vec![Panel {
            title: "Miss ratio".to_owned(),
            note: format!("share of accesses, by cache size in {}", self.unit()),
            axis: Axis { scale: Scale::Linear, unit: Unit::Percent, top: None },
            lines: ratios.collect(),
            limits: Vec::new(),
        }];
        if let Some(lru) = self.lru_misses() {
            let others = rows().filter(|(_, row)| row.contestant != LRU);
            let saved = others.map(|(i, row)| {
                let points = self.outcome.sizes.iter().zip(lru.iter().zip(&row.misses));
                let saved = |lru: u64, own: u64| 1.0 - own as f64 / lru as f64;
                let points = points.map(|(size, (lru, own))| (*size as f64, saved(*lru, *own)));
                line((i, row), points.map(|(x, y)| (x, if y < WORST { f64::NAN } else { y })).collect())
            });
            panels.push(Panel {
                title: "Misses saved beside LRU".to_owned(),
                note: "share of LRU's misses; more than 30 % worse is not drawn".to_owned(),
                axis: Axis { scale: Scale::Linear, unit: Unit::Percent, top: None },
                lines: saved.collect(),
                limits: Vec::new(),
            });
        }
        let picture = Picture {
            headline: self.headline(),
            subtitle: self.origin(),
            footer: format!(
                "surgesim {}, seed {}: filled on demand, the first touch of a key counts as a miss",
                env!("CARGO_PKG_VERSION"),
                self.seed
            ),
            desc: format!("Miss ratios of eviction policies over the size of a cache, for {}", self.source),
            span: None,
            panels,
            bands: Vec::new(),
        };
        let words = format!("cache size in {}", self.unit());
        render_over(&picture, Abscissa::Size(&words))
    }

    /// LRU's misses at each of the study's sizes, if they are known.
    fn lru_misses(&self) -> Option<Vec<u64>> {
        if let Some(curve) = &self.outcome.lru {
            return Some(self.outcome.sizes.iter().map(|size| curve.misses(*size)).collect());
        }
        self.outcome.rows.iter().find(|row| row.contestant == LRU).map(|row| row.misses.clone())
    }
}
