use super::*;
use proptest::prelude::*;

fn nanos(text: &str) -> u64 {
    duration(text).unwrap_or_else(|fault| panic!("{text}: {fault:?}")).as_nanos()
}

/// Code, help and marked bytes of a fault.
fn fault<T: std::fmt::Debug>(read: impl Fn(&str) -> Result<T, Fault>, text: &str) -> (Code, String, String) {
    let fault = read(text).expect_err(text);
    assert!(!fault.message.is_empty() && !fault.message.contains('\n'));
    let marked = fault.span.map_or(text, |(start, end)| &text[start..end]);
    (fault.code, fault.help, marked.to_owned())
}

#[test]
fn durations() {
    for (text, expected) in [
        ("250ms", 250_000_000),
        ("10us", 10_000),
        ("10\u{b5}s", 10_000),
        ("3ns", 3),
        ("1h 30m", 5_400_000_000_000),
        ("14m58s", 898_000_000_000),
        ("1.5s", 1_500_000_000),
        (" 2 d ", 172_800_000_000_000),
        ("90min", 5_400_000_000_000),
        ("0", 0),
        ("0s", 0),
        ("0.4ns", 0),
        ("0.5ns", 1),
        ("1_000s", 1_000_000_000_000),
    ] {
        assert_eq!(nanos(text), expected, "{text}");
    }
}

#[test]
fn duration_faults() {
    let of = |text: &str| fault(duration, text);
    assert_eq!(of("30"), (Code::MissingUnit, "write `30s`".into(), "30".into()));
    assert_eq!(of("1h 30"), (Code::MissingUnit, "write `30s`".into(), "30".into()));
    assert_eq!(of("3 months"), (Code::UnknownUnit, NO_MONTHS.into(), "months".into()));
    assert_eq!(of("1y"), (Code::UnknownUnit, NO_MONTHS.into(), "y".into()));
    assert_eq!(of("2 weeks").1, "a week is `7d`");
    assert_eq!(of("30 sec").1, "seconds are written `s`");
    assert_eq!(of("5MS"), (Code::UnknownUnit, "did you mean `ms`?".into(), "MS".into()));
    assert_eq!(of("2GiB").0, Code::UnknownUnit);
    assert_eq!(of("5%").0, Code::UnknownUnit);
    assert_eq!(of("-5s"), (Code::OutOfRange, DURATION.forms.into(), "-5s".into()));
    assert_eq!(of("600000d").0, Code::OutOfRange);
    assert_eq!(of("99999999999999999999999999999999999999999d").0, Code::OutOfRange);
    assert_eq!(of("30m 1h"), (Code::BadQuantity, DURATION.forms.into(), "1h".into()));
    assert_eq!(of("1m 1min").0, Code::BadQuantity);
    for text in ["", "  ", "soon", ".5s", "1..2s", "1,5s", "5s!", "1h soon", "1__0s", "1_s"] {
        assert_eq!(of(text).0, Code::BadQuantity, "{text}");
    }
}

#[test]
fn rates() {
    let of = |text: &str| rate(text).map(Rate::as_per_second);
    for (text, expected) in [
        ("5/s", 5.0),
        ("90/min", 1.5),
        ("2k rps", 2_000.0),
        ("2krps", 2_000.0),
        ("1.2k/s", 1_200.0),
        ("36k / h", 10.0),
        ("8.64M/day", 100.0),
        ("0", 0.0),
    ] {
        assert_eq!(of(text), Ok(expected), "{text}");
    }
    assert_eq!(fault(rate, "5"), (Code::MissingUnit, "write `5/s`".into(), "5".into()));
    assert_eq!(fault(rate, "2k"), (Code::MissingUnit, "write `2k/s`".into(), "2k".into()));
    assert_eq!(fault(rate, "5 rsp"), (Code::UnknownUnit, "did you mean `rps`?".into(), "rsp".into()));
    assert!(fault(rate, "5/month").1.contains("vary in length"));
    assert_eq!(fault(rate, "-5/s").0, Code::OutOfRange);
    assert_eq!(fault(rate, "fast").0, Code::BadQuantity);
    assert_eq!(fault(rate, &format!("{}/s", "9".repeat(400))).0, Code::OutOfRange);
}

#[test]
fn shares_multiples_and_growth() {
    for (text, expected) in
        [("85%", 0.85), ("0.1 %", 0.001), ("130%", 1.3), ("0", 0.0), ("1", 1.0), ("1.0", 1.0)]
    {
        assert_eq!(ratio(text), Ok(Ratio::new(expected)), "{text}");
    }
    assert_eq!(fault(ratio, "0.85"), (Code::MissingUnit, "write `85%`".into(), "0.85".into()));
    assert_eq!(fault(ratio, "85"), (Code::MissingUnit, "write `85%`".into(), "85".into()));
    assert_eq!(fault(ratio, "85ms").0, Code::UnknownUnit);
    assert_eq!(fault(ratio, "-1%").0, Code::OutOfRange);
    assert_eq!(fault(ratio, "most").0, Code::BadQuantity);
    assert_eq!(factor("1.5x"), Ok(Factor::new(1.5)));
    assert_eq!(fault(factor, "2"), (Code::MissingUnit, "write `2x`".into(), "2".into()));
    assert_eq!(fault(factor, "2%").0, Code::UnknownUnit);
    assert_eq!(growth("2%/day"), Ok(Growth::per_day(0.02)));
    assert_eq!(growth("2 % / d"), Ok(Growth::per_day(0.02)));
    assert_eq!(fault(growth, "2%"), (Code::MissingUnit, "write `2%/day`".into(), "2%".into()));
    assert_eq!(fault(growth, "2%/month").0, Code::UnknownUnit);
}

#[test]
fn sizes_and_bandwidths() {
    for (text, expected) in [
        ("4KB", 4_000),
        ("4kB", 4_000),
        ("2GiB", 2 << 30),
        ("1.5 MB", 1_500_000),
        ("0.5KiB", 512),
        ("7B", 7),
        ("0", 0),
    ] {
        assert_eq!(bytes(text), Ok(Bytes::new(expected)), "{text}");
    }
    assert_eq!(fault(bytes, "512").1, "write `512B`, `512KB` or `512MiB`");
    assert_eq!(fault(bytes, "4kb"), (Code::UnknownUnit, "did you mean `KB`?".into(), "kb".into()));
    assert_eq!(fault(bytes, "2s").0, Code::UnknownUnit);
    assert_eq!(fault(bytes, "0.1KiB"), (Code::BadQuantity, "the nearest is `102`".into(), "0.1KiB".into()));
    assert_eq!(fault(bytes, "20000PiB").0, Code::OutOfRange);
    assert_eq!(fault(bytes, "-1B").0, Code::OutOfRange);
    let of = |text: &str| bandwidth(text).map(Bandwidth::as_bytes_per_second);
    for (text, expected) in [
        ("1Gbps", 125e6),
        ("40MB/s", 40e6),
        ("1KiB/s", 1_024.0),
        ("8 Mbit/s", 1e6),
        ("8kbps", 1e3),
        ("0", 0.0),
    ] {
        assert_eq!(of(text), Ok(expected), "{text}");
    }
    assert_eq!(fault(bandwidth, "10").1, "write `10Mbps` or `10MB/s`");
    assert_eq!(fault(bandwidth, "10gbps").1, "did you mean `Gbps`?");
    assert_eq!(fault(bandwidth, "10MB").0, Code::UnknownUnit);
}

#[test]
fn counts_numbers_and_cores() {
    for (text, expected) in [
        ("250", 250),
        ("10k", 10_000),
        ("1.5M", 1_500_000),
        ("1_000", 1_000),
        ("2 G", 2_000_000_000),
        ("2.0", 2),
    ] {
        assert_eq!(count(text), Ok(expected), "{text}");
    }
    assert_eq!(fault(count, "1.5"), (Code::BadQuantity, "the nearest is `2`".into(), "1.5".into()));
    assert_eq!(fault(count, "1.0005k").0, Code::BadQuantity);
    assert_eq!(fault(count, "10s").0, Code::UnknownUnit);
    assert_eq!(fault(count, "-3").0, Code::OutOfRange);
    assert_eq!(fault(count, "99999999999G").0, Code::OutOfRange);
    assert_eq!(fault(count, "1,000").0, Code::BadQuantity);
    assert_eq!(number("0.99"), Ok(0.99));
    assert_eq!(number("10k"), Ok(10_000.0));
    assert_eq!(fault(number, "1e6").0, Code::UnknownUnit);
    assert_eq!(fault(number, "x").0, Code::BadQuantity);
    for (text, expected) in [("4", 4.0), ("0.5", 0.5), ("500m", 0.5), ("2 cores", 2.0)] {
        assert_eq!(cores(text), Ok(Cores::new(expected)), "{text}");
    }
    assert_eq!(fault(cores, "4GB").0, Code::UnknownUnit);
    assert_eq!(fault(cores, "-1").0, Code::OutOfRange);
}

#[test]
fn prices() {
    let of = |amount, per| Ok(Price { amount: Money::new(amount), per });
    assert_eq!(price("$0.20/h"), of(0.2, PriceUnit::Hour));
    assert_eq!(price("$0.40/1M"), of(0.4, PriceUnit::Count(1_000_000)));
    assert_eq!(price(" $0.40 / M"), of(0.4, PriceUnit::Count(1_000_000)));
    assert_eq!(price("$0.09/GB"), of(0.09, PriceUnit::Bytes(Bytes::new(1_000_000_000))));
    assert_eq!(price("$5/10GiB"), of(5.0, PriceUnit::Bytes(Bytes::new(10 << 30))));
    assert_eq!(fault(price, "0.20").0, Code::MissingUnit);
    assert_eq!(fault(price, "0.20/h").1, "prices are in dollars: write `$0.20/h`");
    assert_eq!(fault(price, "$0.20").1, "write for how much: `$0.20/h`, `$0.20/1M` or `$0.20/GB`");
    assert_eq!(fault(price, " $70/month").2, "/month");
    assert!(fault(price, "$70/month").1.contains("per hour"));
    assert_eq!(fault(price, "$1/0").0, Code::OutOfRange);
    assert_eq!(fault(price, "$1/").0, Code::UnknownUnit);
    assert_eq!(fault(price, "$-1/h").0, Code::OutOfRange);
    assert_eq!(fault(price, "-$1/h").0, Code::OutOfRange);
    assert_eq!(fault(price, "cheap").0, Code::BadQuantity);
}

/// Floats of every magnitude that is not negative.
fn float() -> impl Strategy<Value = f64> {
    prop_oneof![
        (0_u64..f64::MAX.to_bits()).prop_map(f64::from_bits),
        0.0..1e7,
        (0_u32..100_000).prop_map(f64::from)
    ]
}

/// Whole numbers, many of them round.
fn integer() -> impl Strategy<Value = u64> {
    prop_oneof![
        any::<u64>(),
        (0_u64..5_000, 0_u32..15).prop_map(|(n, power)| n * 10_u64.pow(power)),
        0_u64..100_000
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn what_is_printed_reads_back(value in float(), whole in integer(), per in 1_u64..1_000_000_000_000) {
        prop_assert_eq!(duration(&SimDuration::from_nanos(whole).to_string()), Ok(SimDuration::from_nanos(whole)));
        prop_assert_eq!(bytes(&Bytes::new(whole).to_string()), Ok(Bytes::new(whole)));
        prop_assert_eq!(count(&whole.to_string()), Ok(whole));
        prop_assert_eq!(rate(&Rate::per_second(value).to_string()), Ok(Rate::per_second(value)));
        prop_assert_eq!(ratio(&Ratio::new(value).to_string()), Ok(Ratio::new(value)));
        prop_assert_eq!(factor(&Factor::new(value).to_string()), Ok(Factor::new(value)));
        prop_assert_eq!(growth(&Growth::per_day(value).to_string()), Ok(Growth::per_day(value)));
        let bandwidth_value = Bandwidth::bytes_per_second(value);
        prop_assert_eq!(bandwidth(&bandwidth_value.to_string()), Ok(bandwidth_value));
        prop_assert_eq!(cores(&Cores::new(value).to_string()), Ok(Cores::new(value)));
        for unit in [PriceUnit::Hour, PriceUnit::Count(per), PriceUnit::Bytes(Bytes::new(per))] {
            let written = Price { amount: Money::new(value), per: unit };
            prop_assert_eq!(price(&written.to_string()), Ok(written));
        }
    }

    #[test]
    fn no_text_is_too_odd(text in "[-~0-9a-zA-Z ._,%/$\u{b1}\u{b5}]{0,12}|\\PC{0,8}") {
        let faults = [
            duration(&text).err(), rate(&text).err(), ratio(&text).err(), factor(&text).err(), growth(&text).err(),
            bytes(&text).err(), bandwidth(&text).err(), count(&text).err(), number(&text).err(), cores(&text).err(),
            price(&text).err(),
        ];
        for (start, end) in faults.into_iter().flatten().filter_map(|fault| fault.span) {
            prop_assert!(text.get(start..end).is_some(), "{:?} {} {}", text, start, end);
        }
    }
}

#[test]
fn weights_are_numbers_or_shares() {
    assert_eq!(weight("60"), Ok(60.0));
    assert_eq!(weight("2.5%"), Ok(0.025));
    assert!(weight("60 rps").is_err());
}
