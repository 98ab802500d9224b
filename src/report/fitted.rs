//! A fitted workload: as a scenario, and told to people.

use std::fmt::Write as _;

use super::quantity::{self, count};
use super::table::clean;
use crate::experiment::fit::{EndpointFit, EntityFit, Fitted, Popularity, Rate, ServiceTime};
use crate::experiment::results::Unit;

/// Where a comment begins at the earliest.
const COLUMN: usize = 58;

/// A text as YAML reads it back, whatever is in it: JSON's form is YAML's double-quoted one.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Four significant digits, without zeros at the end.
fn digits(x: f64) -> String {
    if x <= 0.0 || !x.is_finite() {
        return "0".to_owned();
    }
    let decimals = (3 - libm::floor(libm::log10(x)) as i32).clamp(0, 9) as usize;
    let text = format!("{x:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

fn seconds(x: f64) -> String {
    quantity::quantity(x, Unit::Seconds)
}

fn percent(x: f64) -> String {
    quantity::quantity(x, Unit::Share)
}

/// How well a distribution fits, in a few words.
fn verdict(time: &ServiceTime) -> String {
    let Some(goodness) = &time.goodness else {
        return match time.measured {
            n if n < 30 => format!("only {n} times: their mean"),
            _ => "all alike".to_owned(),
        };
    };
    // The farther percentile where only that one is off.
    let off = |(_, measured, fitted): &&(f64, f64, f64)| (fitted / measured - 1.0).abs();
    let tails = goodness.percentiles.iter().filter(|(share, ..)| *share >= 0.99);
    let worst = tails.clone().max_by(|a, b| off(a).total_cmp(&off(b)));
    let shown = if goodness.is_poor() { worst } else { tails.clone().next() };
    let tail = shown.map_or_else(String::new, |(share, measured, fitted)| {
        let name = digits(share * 100.0);
        format!(": p{name} measured {}, fitted {}", seconds(*measured), seconds(*fitted))
    });
    let word = if goodness.is_poor() { "fits poorly" } else { "fits" };
    format!("{word}{tail}; distance {}", percent(goodness.distance))
}

/// What the log says of an entity, in a line.
fn entity(entity: &EntityFit) -> String {
    match entity.popularity {
        Popularity::Zipf { ranks, .. } => {
            format!(
                "{} different in {} requests; from the {ranks} most popular",
                count(entity.different as u64),
                count(entity.seen)
            )
        }
        Popularity::Uniform => format!(
            "{} different in {} requests, all alike",
            count(entity.different as u64),
            count(entity.seen)
        ),
        Popularity::Unknown => format!(
            "{} different in {} requests: too few are seen often enough to tell how popular they are",
            count(entity.different as u64),
            count(entity.seen)
        ),
    }
}

fn commented(out: &mut String, line: &str, comment: &str) {
    let _ = writeln!(out, "{line:<COLUMN$} # {}", clean(comment));
}

fn rate(fitted: &Fitted, out: &mut String) {
    match &fitted.arrivals.rate {
        Rate::Constant(rate) => {
            let _ = writeln!(out, "    rate: {}/s", digits(*rate));
        }
        Rate::Steps(points) => {
            out.push_str("    rate:\n      steps:\n");
            for (at, rate) in points {
                let _ = writeln!(out, "        - {}s {}/s", digits_of_time(*at), digits(*rate));
            }
        }
    }
}

/// Seconds to the tenth: a step's begin.
fn digits_of_time(at: f64) -> String {
    let text = format!("{at:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

fn endpoint(endpoint: &EndpointFit, out: &mut String) {
    let _ = writeln!(out, "      {}:", quoted(&endpoint.name));
    match &endpoint.time {
        Some(time) => {
            commented(out, &format!("        - sleep: {}", quoted(&time.family.to_string())), &verdict(time))
        }
        None => commented(out, "        - sleep: 0s", "the log does not say how long it takes"),
    }
    if let Some((mean, cv)) = endpoint.size {
        let mean = format!("{}B", libm::round(mean).max(1.0));
        let size =
            if cv < 0.001 { mean } else { format!("lognormal(mean={mean}, cv={})", digits(cv.min(50.0))) };
        let _ = writeln!(out, "        - reply: {}", quoted(&size));
    }
}

/// The scenario; `log` is the name of the file.
#[must_use]
pub fn fitted_scenario(fitted: &Fitted, log: &str) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "# Fitted by `surgesim fit` from {} ({}): {} requests in {}.",
        clean(log),
        fitted.form.name(),
        count(fitted.requests),
        quantity::duration(fitted.arrivals.seconds)
    );
    out.push_str(
        "# Times are as they were measured, waiting included, at the load of the log: `server` is a delay that does\n\
         # not slow down under more. Put what takes the time in its place (cpu, query, call) to ask what if.\n",
    );
    if fitted.failed > 0 {
        let share = fitted.failed as f64 / fitted.requests as f64;
        let _ = writeln!(
            out,
            "# {} of the requests failed (500 and above); their times are left out.",
            percent(share)
        );
    }
    let duration = libm::ceil(fitted.arrivals.seconds).max(1.0);
    let _ = write!(
        out,
        "scenario: fitted\nabout: {}\nrun: {{duration: {duration}s}}\n\nclients:\n  visitors:\n",
        quoted(&format!("The workload of {}.", clean(log)))
    );
    rate(fitted, &mut out);
    out.push_str("    mix:\n");
    for endpoint in &fitted.endpoints {
        let mut line = format!("      {}: {}", quoted(&endpoint.name), endpoint.requests);
        if endpoint.of > 1 {
            line = format!("{line:<COLUMN$} # {} endpoints that are rare", endpoint.of);
        }
        let _ = writeln!(out, "{line}");
    }
    out.push_str("    to: server\n\n");
    if !fitted.entities.is_empty() {
        out.push_str("data:\n");
        for found in &fitted.entities {
            let keys = match found.popularity {
                Popularity::Zipf { exponent, rows, .. } => {
                    format!("{{rows: {}, zipf: {}}}", rows.max(1.0) as u64, digits(exponent))
                }
                _ => format!("{{rows: {}}}", found.different.max(1.0) as u64),
            };
            commented(&mut out, &format!("  {}: {keys}", found.name), &entity(found));
        }
        out.push('\n');
    }
    out.push_str("components:\n  server:\n    kind: service\n    workers: none\n    endpoints:\n");
    for found in &fitted.endpoints {
        endpoint(found, &mut out);
    }
    out
}

/// The same for people, with what cannot be written into a scenario.
#[must_use]
pub fn fitted_summary(fitted: &Fitted) -> String {
    let mut out = String::new();
    let arrivals = &fitted.arrivals;
    let _ = writeln!(
        out,
        "{}: {} requests in {}, {}/s on average",
        fitted.form.name(),
        count(fitted.requests),
        quantity::duration(arrivals.seconds),
        digits(fitted.requests as f64 / arrivals.seconds)
    );
    let how = match &arrivals.rate {
        Rate::Constant(_) => "steady".to_owned(),
        Rate::Steps(points) => format!("not steady: {} steps", points.len()),
    };
    let _ = match arrivals.dispersion {
        Some(x) if x > 1.5 => writeln!(
            out,
            "rate: {how}; within a step it comes in bursts: counts of a second vary {} times as much as Poisson's, \
             which `arrivals: poisson` does not do",
            digits(x)
        ),
        Some(x) => {
            writeln!(out, "rate: {how}; counts of a second vary {} times as much as Poisson's", digits(x))
        }
        None => writeln!(out, "rate: {how}"),
    };
    if fitted.skipped > 0 {
        let _ = writeln!(out, "passed over: {} spans that are no server's", count(fitted.skipped));
    }
    if fitted.broken.count > 0 {
        let _ = writeln!(out, "could not be read: {} lines", count(fitted.broken.count));
        for (line, why) in &fitted.broken.first {
            let _ = writeln!(out, "  line {line}: {}", clean(why));
        }
        let more = fitted.broken.count - fitted.broken.first.len() as u64;
        if more > 0 {
            let _ = writeln!(out, "  and {} more", count(more));
        }
    }
    for endpoint in &fitted.endpoints {
        let share = endpoint.requests as f64 / fitted.requests as f64;
        let _ = writeln!(out, "{}: {}", clean(&endpoint.name), percent(share));
        let Some(time) = &endpoint.time else {
            out.push_str("  the log does not say how long it takes\n");
            continue;
        };
        let _ = writeln!(out, "  {} {}: {}", time.family.name(), time.family, verdict(time));
        for (share, measured, fitted) in time.goodness.iter().flat_map(|goodness| &goodness.percentiles) {
            let name = format!("p{}", digits(share * 100.0));
            let _ = writeln!(
                out,
                "    {name:<6} measured {:>9}, fitted {:>9}",
                seconds(*measured),
                seconds(*fitted)
            );
        }
        if let Some((family, more)) = &time.runner_up {
            let _ = writeln!(out, "    next: {} {family}, AIC larger by {}", family.name(), digits(*more));
        }
    }
    for found in &fitted.entities {
        let law = match found.popularity {
            Popularity::Zipf { exponent, rows, .. } => {
                format!("zipf {}, about {} rows; ", digits(exponent), count(rows as u64))
            }
            _ => String::new(),
        };
        let _ = writeln!(out, "keys of {}: {law}{}", found.name, entity(found));
    }
    out
}
