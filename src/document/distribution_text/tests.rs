use super::*;
use proptest::prelude::*;

fn known(text: &str, of: Of) -> Distribution {
    distribution(text, of).unwrap_or_else(|fault| panic!("{text}: {fault:?}"))
}

fn time(text: &str) -> Distribution {
    known(text, Of::Time)
}

/// Code, help and marked bytes of a fault.
fn fault(text: &str, of: Of) -> (Code, String, String) {
    let fault = distribution(text, of).expect_err(text);
    assert!(!fault.message.is_empty() && !fault.help.is_empty(), "{fault:?}");
    let marked = fault.span.map_or(text, |(start, end)| &text[start..end]);
    (fault.code, fault.help, marked.to_owned())
}

fn jitter(base: Distribution, share: f64) -> Distribution {
    Distribution::Jittered { base: Box::new(base), share }
}

#[test]
fn short_forms() {
    assert_eq!(time("8ms"), Distribution::Constant(0.008));
    assert_eq!(time("1h 30m"), Distribution::Constant(5_400.0));
    assert_eq!(time("0"), Distribution::Constant(0.0));
    assert_eq!(time("~0s"), Distribution::Constant(0.0));
    assert_eq!(known("4KB", Of::Size), Distribution::Constant(4_000.0));
    assert_eq!(known("2.5", Of::Count), Distribution::Constant(2.5));
    assert_eq!(known("10k", Of::Count), Distribution::Constant(10_000.0));
    assert_eq!(time("~8ms"), Distribution::lognormal_mean_cv(0.008, 1.0));
    assert_eq!(time("~ 8ms"), time("~8ms"));
    assert!((time("~8ms").mean() - 0.008).abs() < 1e-12 && (time("~8ms").scv() - 1.0).abs() < 1e-9);
    assert_eq!(time("8ms..60ms"), Distribution::lognormal_median_p99(0.008, 0.06));
    assert_eq!(time("1.5ms .. 60ms"), Distribution::lognormal_median_p99(0.0015, 0.06));
    assert_eq!(known("1KB..1MB", Of::Size), Distribution::lognormal_median_p99(1e3, 1e6));
}

#[test]
fn calls() {
    assert_eq!(time("exp(8ms)"), Distribution::Exponential { mean: 0.008 });
    assert_eq!(time(" exp ( mean = 8ms ) "), time("exp(8ms)"));
    assert_eq!(time("erlang(4, 20ms)"), Distribution::Erlang { shape: 4, mean: 0.02 });
    assert_eq!(time("erlang(shape=4, mean=20ms)"), time("erlang(4, 20ms)"));
    assert_eq!(time("uniform(1ms, 3ms)"), Distribution::Uniform { low: 0.001, high: 0.003 });
    assert_eq!(time("normal(10ms, 2ms)"), Distribution::Normal { mean: 0.01, sd: 0.002 });
    assert_eq!(time("lognormal(mean=45s, cv=0.8)"), Distribution::lognormal_mean_cv(45.0, 0.8));
    assert_eq!(time("lognormal(p99=60ms, median=8ms)"), time("8ms..60ms"));
    assert_eq!(
        time("hyperexp(90%=5ms, 10%=80ms)"),
        Distribution::hyperexponential(&[(0.9, 0.005), (0.1, 0.08)])
    );
    assert_eq!(
        known("pareto(min=1KB, alpha=1.2, max=1GB)", Of::Size),
        Distribution::Pareto { min: 1e3, alpha: 1.2, max: 1e9 }
    );
    assert_eq!(
        known("pareto(1KB, 1.2)", Of::Size),
        Distribution::Pareto { min: 1e3, alpha: 1.2, max: f64::INFINITY }
    );
    assert_eq!(known("geom(8)", Of::Count), Distribution::Geometric { mean: 8.0 });
    assert_eq!(distribution_or_file("exp(8ms)", Of::Time), Ok(DistributionText::Known(time("exp(8ms)"))));
    assert_eq!(fault("file(a.csv)", Of::Time).0, Code::BadDistribution);
    assert_eq!(
        distribution_or_file("file(data/latencies (1).csv)", Of::Time),
        Ok(DistributionText::File("data/latencies (1).csv".into()))
    );
}

#[test]
fn a_mix_may_hold_any_form() {
    use Distribution::{Constant, Exponential, Mixture};
    assert_eq!(time("mix(95%=5ms, 5%=80ms)"), Mixture(vec![(0.95, Constant(0.005)), (0.05, Constant(0.08))]));
    assert_eq!(
        time("mix(95%=exp(5ms), 5%=~80ms)"),
        Mixture(vec![
            (0.95, Exponential { mean: 0.005 }),
            (0.05, Distribution::lognormal_mean_cv(0.08, 1.0))
        ])
    );
    assert_eq!(
        time("mix(50%=lognormal(mean=8ms, cv=2), 50%=mix(50%=1ms±10%, 50%=1ms..2ms))"),
        Mixture(vec![
            (0.5, Distribution::lognormal_mean_cv(0.008, 2.0)),
            (
                0.5,
                Mixture(vec![
                    (0.5, jitter(Constant(0.001), 0.1)),
                    (0.5, Distribution::lognormal_median_p99(0.001, 0.002))
                ])
            ),
        ])
    );
    time("mix(99.9%=5ms, 0.1%=80ms)");
    time("mix(33.3%=1ms, 33.3%=2ms, 33.4%=3ms)");
    time("mix(99.9999999%=1ms, 0.0000001%=2ms)");
}

#[test]
fn jitter_goes_with_any_form() {
    assert_eq!(time("60s\u{b1}10%"), jitter(Distribution::Constant(60.0), 0.1));
    assert_eq!(time("60s +- 10%"), time("60s\u{b1}10%"));
    assert_eq!(time("60s+/-10%"), time("60s\u{b1}10%"));
    for base in ["~8ms", "8ms..60ms", "erlang(4, 20ms)", "mix(95%=5ms, 5%=80ms)"] {
        assert_eq!(time(&format!("{base} \u{b1} 2.5%")), jitter(time(base), 0.025));
    }
    assert_eq!(fault("60s\u{b1}110%", Of::Time).0, Code::OutOfRange);
    assert_eq!(fault("60s\u{b1}10", Of::Time), (Code::MissingUnit, "write `10%`".into(), "10".into()));
    assert_eq!(fault("60s\u{b1}1%\u{b1}1%", Of::Time).0, Code::BadDistribution);
    assert_eq!(fault("file(a.csv)\u{b1}10%", Of::Time).0, Code::BadDistribution);
}

#[test]
fn faults_of_values_point_inside_the_text() {
    let of = |text: &str| fault(text, Of::Time);
    assert_eq!(of("8"), (Code::MissingUnit, "write `8s`".into(), "8".into()));
    assert_eq!(of("exp( 8 )"), (Code::MissingUnit, "write `8s`".into(), "8".into()));
    assert_eq!(of("~8mss"), (Code::UnknownUnit, "did you mean `ms`?".into(), "mss".into()));
    assert_eq!(of("mix(95%=exp(5ms), 5%=~80KB)").2, "KB");
    assert_eq!(of("mix(95=5ms, 5%=80ms)"), (Code::MissingUnit, "write `95%`".into(), "95".into()));
    assert_eq!(of("erlang(2, -5ms)"), (Code::OutOfRange, fault("-5ms", Of::Time).1, "-5ms".into()));
    assert_eq!(of("60\u{b5}s..8").2, "8");
    assert_eq!(fault("8ms", Of::Size).0, Code::UnknownUnit);
    assert_eq!(fault("exp(8ms)", Of::Count).0, Code::UnknownUnit);
    assert_eq!(of("").0, Code::BadQuantity);
}

#[test]
fn unknown_forms() {
    let of = |text: &str| fault(text, Of::Time);
    assert_eq!(
        of("erlnag(4, 2ms)"),
        (Code::BadDistribution, "did you mean `erlang`?".into(), "erlnag".into())
    );
    assert_eq!(of("gauss(8ms)").1, "did you mean `normal(10ms, 2ms)`?");
    assert_eq!(fault("gauss(8)", Of::Count).1, "did you mean `normal(10, 2)`?");
    assert_eq!(of("exponential").1, "did you mean `exp(8ms)`?");
    assert_eq!(of("exp").1, "write it like `exp(8ms)`");
    assert_eq!(of("(8ms)").0, Code::BadDistribution);
    assert_eq!(of("exp(8ms) s").0, Code::BadDistribution);
    assert_eq!(of("exp(8ms) exp(9ms)").0, Code::BadDistribution);
    assert_eq!(of("geom(8)").0, Code::BadDistribution);
    assert_eq!(of("mix(50%=file(a.csv), 50%=1ms)").2, "file(a.csv)");
    let deep = format!("{}1ms{}", "mix(100%=".repeat(20_000), ")".repeat(20_000));
    assert_eq!(of(&deep).0, Code::BadDistribution);
}

#[test]
fn parameters_that_do_not_fit() {
    for text in [
        "exp()",
        "exp(1ms, 2ms)",
        "exp(1ms,)",
        "exp(mean=1ms, mean=2ms)",
        "erlang(4)",
        "erlang(mean=2ms, 4)",
        "uniform(3ms, 1ms)",
        "lognormal(8ms, 1)",
        "lognormal(mean=8ms)",
        "lognormal(mean=8ms, p99=60ms)",
        "lognormal(mean=0s, cv=1)",
        "lognormal(median=60ms, p99=8ms)",
        "60ms..8ms",
        "0s..8ms",
        "exp(0s)",
        "pareto(min=1ms)",
        "pareto(min=0s, alpha=1)",
        "pareto(min=1s, alpha=1, max=1s)",
        "hyperexp(90%=5ms)",
        "hyperexp()",
        "mix(95%=5ms, 10%=80ms)",
        "mix(99.99999%=5ms)",
        "mix(5ms, 80ms)",
        "file()",
    ] {
        assert_eq!(fault(text, Of::Time).0, Code::BadParameter, "{text}");
    }
    for text in [
        "erlang(0, 2ms)",
        "erlang(1001, 2ms)",
        "lognormal(mean=8ms, cv=1001)",
        "pareto(1ms, 0)",
        "pareto(1ms, 11)",
    ] {
        assert_eq!(fault(text, Of::Time).0, Code::OutOfRange, "{text}");
    }
    assert_eq!(fault("geom(0.5)", Of::Count).0, Code::OutOfRange);
    assert_eq!(fault("erlang(1.5, 2ms)", Of::Time).0, Code::BadQuantity);
    assert_eq!(
        fault("pareto(min=1ms, alhpa=2)", Of::Time),
        (Code::BadParameter, "did you mean `alpha`?".into(), "alhpa".into())
    );
    let sum = distribution("mix(95%=5ms, 10%=80ms)", Of::Time).map_err(|fault| fault.message);
    assert_eq!(sum, Err("the shares sum to 105 %".into()));
}

#[test]
fn a_value_that_yaml_cut_is_shown_in_quotes() {
    for text in ["erlang(4", "20ms)", "mix(95%=exp(5ms)", "5%=80ms)", "lognormal(mean=45s"] {
        let (code, help, _) = fault(text, Of::Time);
        assert_eq!(code, Code::CutByYaml, "{text}");
        assert!(help.contains("quotes") && help.contains(text), "{help}");
    }
}

#[test]
fn ranges_of_a_backoff() {
    let ms = SimDuration::from_millis;
    assert_eq!(range("50ms..2s"), Ok((ms(50), ms(2_000))));
    assert_eq!(range("1.5s .. 2s"), Ok((ms(1_500), ms(2_000))));
    assert_eq!(range("50ms"), Ok((ms(50), ms(50))));
    assert_eq!(range("0..2s"), Ok((ms(0), ms(2_000))));
    let fault = range("2s..50ms").expect_err("falls");
    assert_eq!((fault.code, fault.help.as_str()), (Code::BadParameter, "write `50ms..2s`"));
    let fault = range("50ms..2").expect_err("no unit");
    assert_eq!((fault.code, fault.span), (Code::MissingUnit, Some((6, 7))));
    assert_eq!(range("50ms..").map_err(|fault| fault.code), Err(Code::BadQuantity));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn no_text_is_too_odd(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "mix", "exp", "erlang", "pareto", "lognormal", "geom", "file", "uniform", "(", ")", ",", "=", "%", "50%",
                "100%", "1ms", "2s", "4KB", "..", "~", "\u{b1}", "+-", "10%", " ", "min", "mean", "cv", "8", ".", "\u{b5}s",
            ]),
            0..12,
        ),
        of in prop::sample::select(vec![Of::Time, Of::Size, Of::Count]),
    ) {
        let text = words.concat();
        for fault in [distribution(&text, of).err(), range(&text).err()].into_iter().flatten() {
            if let Some((start, end)) = fault.span {
                prop_assert!(text.get(start..end).is_some(), "{:?} {} {}", text, start, end);
            }
        }
    }

    #[test]
    fn what_reads_has_a_mean(a in 1_u64..1_000_000_000_000, b in 1_u64..1_000_000_000_000, n in 1_u32..=990) {
        let (low, high) = (SimDuration::from_nanos(a.min(b)), SimDuration::from_nanos(a.max(b) + 1));
        for text in [
            format!("~{low}"),
            format!("{low}..{high}"),
            format!("erlang({n}, {low})"),
            format!("uniform({low}, {high})\u{b1}7%"),
            format!("normal({low}, {high})"),
            format!("pareto({low}, {}, {high})", f64::from(n) / 100.0 + 0.1),
            format!("mix(40%={low}, 60%=exp({high}))"),
        ] {
            let read = distribution(&text, Of::Time);
            let Ok(read) = read else { panic!("{text}: {read:?}") };
            prop_assert!(!read.mean().is_nan() && read.mean() >= 0.0, "{} {:?}", text, read);
        }
    }
}
