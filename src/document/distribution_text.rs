//! Distributions as the scenario language writes them: `8ms`, `~8ms`, `8ms..60ms`, `exp(8ms)`, ...

use super::amount::Fault;
use super::code::Code;
use super::quantity;
use crate::base::random::Distribution;

/// What is distributed, which says the unit of the values.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Of {
    /// Times, in seconds.
    Time,
    /// Sizes, in bytes.
    Size,
    /// Plain counts.
    Count,
}

const FORMS: &str = "write `8ms`, `~8ms` (lognormal, CV 1), `8ms..60ms` (median..p99), exp, erlang, uniform, normal, \
                     lognormal, hyperexp, pareto, mix or geom";

/// Deepest nesting of `mix(...)` in itself.
const DEEPEST: u32 = 8;

fn fault(code: Code, message: impl Into<String>, help: impl Into<String>) -> Fault {
    Fault { code, message: message.into(), help: help.into(), span: None }
}

fn value(text: &str, of: Of) -> Result<f64, Fault> {
    match of {
        Of::Time => quantity::duration(text).map(|d| d.as_secs_f64()),
        Of::Size => quantity::bytes(text).map(|b| b.get() as f64),
        Of::Count => quantity::number(text),
    }
}

/// Reads a distribution.
///
/// # Errors
/// What is wrong with the text, with its code and a line of help.
pub fn distribution(text: &str, of: Of) -> Result<Distribution, Fault> {
    read(text.trim(), of, 0)
}

fn read(text: &str, of: Of, depth: u32) -> Result<Distribution, Fault> {
    if depth > DEEPEST {
        return Err(fault(Code::BadDistribution, "the distribution is nested too deeply", FORMS));
    }
    if text.matches('(').count() != text.matches(')').count() {
        return Err(fault(
            Code::CutByYaml,
            format!("`{text}` looks cut off"),
            "inside { } or [ ] YAML cuts at commas and braces: put the value in quotes",
        ));
    }
    if let Some((base, share)) = text.rsplit_once('±') {
        let share = quantity::ratio(share.trim())?.get();
        if share > 1.0 {
            return Err(fault(Code::OutOfRange, "a jitter is at most ±100%", "write `60s±10%`"));
        }
        return Ok(Distribution::Jittered { base: Box::new(read(base.trim(), of, depth + 1)?), share });
    }
    if let Some(mean) = text.strip_prefix('~') {
        let mean = value(mean.trim(), of)?;
        return if mean == 0.0 { Ok(Distribution::Constant(0.0)) } else { Ok(Distribution::lognormal_mean_cv(mean, 1.0)) };
    }
    if let Some((name, rest)) = text.split_once('(')
        && let Some(arguments) = rest.strip_suffix(')')
    {
        return call(name.trim(), arguments, of, depth);
    }
    if let Some((median, p99)) = text.split_once("..") {
        let (median, p99) = (value(median.trim(), of)?, value(p99.trim(), of)?);
        if median <= 0.0 || p99 < median {
            return Err(fault(
                Code::BadParameter,
                format!("`{text}` is no range from a median to a p99"),
                "write the median first, above zero, and a p99 that is not smaller",
            ));
        }
        return Ok(Distribution::lognormal_median_p99(median, p99));
    }
    value(text, of).map(Distribution::Constant).map_err(|f| {
        if text.starts_with(|c: char| c.is_ascii_alphabetic()) {
            fault(Code::BadDistribution, format!("`{text}` is no distribution"), FORMS)
        } else {
            f
        }
    })
}

/// Arguments split at the commas outside of parentheses.
fn split(arguments: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (at, c) in arguments.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(arguments[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(arguments[start..].trim());
    parts
}

fn call(name: &str, arguments: &str, of: Of, depth: u32) -> Result<Distribution, Fault> {
    let parts = split(arguments);
    let bad = |form: &str| fault(Code::BadParameter, format!("the arguments of `{name}` do not fit"), format!("write `{form}`"));
    let named = |key: &str| {
        parts.iter().find_map(|p| p.split_once('=').filter(|(k, _)| k.trim() == key).map(|(_, v)| v.trim()))
    };
    let positive = |v: f64, form: &str| if v > 0.0 { Ok(v) } else { Err(bad(form)) };
    match (name, parts.as_slice()) {
        ("exp", [mean]) => Ok(Distribution::Exponential { mean: positive(value(mean, of)?, "exp(8ms)")? }),
        ("erlang", [shape, mean]) => {
            let shape = quantity::count(shape)?;
            if !(1..=1000).contains(&shape) {
                return Err(bad("erlang(4, 20ms)"));
            }
            Ok(Distribution::Erlang { shape: shape as u32, mean: value(mean, of)? })
        }
        ("uniform", [low, high]) => {
            let (low, high) = (value(low, of)?, value(high, of)?);
            if high < low { Err(bad("uniform(1ms, 3ms)")) } else { Ok(Distribution::Uniform { low, high }) }
        }
        ("normal", [mean, sd]) => Ok(Distribution::Normal { mean: value(mean, of)?, sd: value(sd, of)? }),
        ("lognormal", _) => {
            if let (Some(mean), Some(cv)) = (named("mean"), named("cv")) {
                let mean = positive(value(mean, of)?, "lognormal(mean=45s, cv=0.8)")?;
                return Ok(Distribution::lognormal_mean_cv(mean, quantity::number(cv)?));
            }
            match (named("median"), named("p99")) {
                (Some(median), Some(p99)) => read(&format!("{median}..{p99}"), of, depth + 1),
                _ => Err(bad("lognormal(mean=45s, cv=0.8)")),
            }
        }
        ("pareto", _) => {
            let form = "pareto(min=1KB, alpha=1.2, max=1GB)";
            let (Some(min), Some(alpha)) = (named("min"), named("alpha")) else { return Err(bad(form)) };
            let min = positive(value(min, of)?, form)?;
            let alpha = positive(quantity::number(alpha)?, form)?;
            let max = named("max").map_or(Ok(f64::INFINITY), |m| value(m, of))?;
            if max <= min { Err(bad(form)) } else { Ok(Distribution::Pareto { min, alpha, max }) }
        }
        ("geom", [mean]) => {
            let mean = quantity::number(mean)?;
            if mean < 1.0 { Err(bad("geom(8)")) } else { Ok(Distribution::Geometric { mean }) }
        }
        ("mix" | "hyperexp", _) => {
            let mut phases = Vec::new();
            for part in &parts {
                let Some((share, inner)) = part.split_once('=') else { return Err(bad("mix(95%=5ms, 5%=80ms)")) };
                let inner = read(inner.trim(), of, depth + 1)?;
                let inner = match inner {
                    Distribution::Constant(mean) if name == "hyperexp" => Distribution::Exponential { mean },
                    other => other,
                };
                phases.push((quantity::ratio(share.trim())?.get(), inner));
            }
            let sum: f64 = phases.iter().map(|(share, _)| share).sum();
            if (sum - 1.0).abs() > 1e-9 {
                return Err(fault(
                    Code::BadParameter,
                    format!("the shares of `{name}` sum to {:.4} %", sum * 100.0),
                    "let them sum to 100 %",
                ));
            }
            Ok(Distribution::Mixture(phases))
        }
        ("exp", _) => Err(bad("exp(8ms)")),
        ("erlang", _) => Err(bad("erlang(4, 20ms)")),
        ("uniform", _) => Err(bad("uniform(1ms, 3ms)")),
        ("normal", _) => Err(bad("normal(10ms, 2ms)")),
        ("geom", _) => Err(bad("geom(8)")),
        _ => Err(fault(Code::BadDistribution, format!("there is no distribution `{name}`"), FORMS)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_has_its_mean() {
        for (text, mean) in [
            ("8ms", 0.008),
            ("~8ms", 0.008),
            ("exp(8ms)", 0.008),
            ("erlang(4, 20ms)", 0.02),
            ("uniform(1ms, 3ms)", 0.002),
            ("lognormal(mean=45s, cv=0.8)", 45.0),
            ("hyperexp(90%=5ms, 10%=80ms)", 0.0125),
            ("mix(95%=5ms, 5%=exp(80ms))", 0.00875),
            ("60s±10%", 60.0),
            ("0", 0.0),
        ] {
            let mean_read = distribution(text, Of::Time).map(|d| d.mean());
            assert!(matches!(mean_read, Ok(m) if (m - mean).abs() < 1e-9), "{text}: {mean_read:?}");
        }
        assert_eq!(distribution("geom(8)", Of::Count).map(|d| d.mean()), Ok(8.0));
        assert_eq!(distribution("20KB", Of::Size), Ok(Distribution::Constant(20_000.0)));
    }

    #[test]
    fn mistakes_have_codes() {
        for (text, code) in [
            ("8", Code::MissingUnit),
            ("gauss(8ms)", Code::BadDistribution),
            ("erlang(4", Code::CutByYaml),
            ("mix(95%=5ms, 10%=80ms)", Code::BadParameter),
            ("60ms..8ms", Code::BadParameter),
            ("exp(0s)", Code::BadParameter),
            ("soon", Code::BadDistribution),
        ] {
            assert_eq!(distribution(text, Of::Time).map_err(|f| f.code), Err(code), "{text}");
        }
    }
}
