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
