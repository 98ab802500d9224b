//! Every form of the grammar and every fault, on a model of clients, a service and a database.

use proptest::prelude::*;

use super::*;
use crate::base::{ComponentId, ResourceId, SimTime};
use crate::metrics::condition::{Comparison, Operator, Term};
use crate::metrics::{
    ClientInfo, ComponentInfo, Gauge, Metric, MetricValue, Requests, ResourceInfo, Role, Statistic,
};

const APP: ComponentId = ComponentId(0);
const DB: ComponentId = ComponentId(1);

fn catalog() -> Catalog {
    let component = |id, name: &str, kind, instances| ComponentInfo {
        id,
        name: name.to_owned(),
        kind,
        instances,
        layout: (kind == "database").then_some(crate::engine::Layout::SINGLE),
        cores: vec![2.0],
        operations: Vec::new(),
    };
    let roles = [
        (APP, Role::Cpu),
        (APP, Role::Workers),
        (APP, Role::Pool(DB)),
        (DB, Role::Cpu),
        (DB, Role::Connections),
        (ComponentId(2), Role::Cpu),
    ];
    let resource = |(id, (component, role))| ResourceInfo {
        id: ResourceId::at(id),
        component,
        instance: 0,
        role,
        servers: 4.0,
    };
    let operations = ["GET /v1/feed", "GET /v1/users/{id}", "GET /static/*", "GET /a, b", "GET /f(x):go"];
    Catalog {
        components: vec![
            component(APP, "app", "service", 1),
            component(DB, "db", "database", 1),
            component(ComponentId(2), "read-api", "service", 1),
        ],
        clients: vec![ClientInfo {
            id: ComponentId(3),
            name: "visitors".to_owned(),
            operations: operations.map(str::to_owned).to_vec(),
        }],
        resources: roles.into_iter().enumerate().map(resource).collect(),
        entities: vec!["user".to_owned()],
        bill: [APP, DB].map(|id| crate::metrics::BillItem::priced(id, 0.5)).to_vec(),
        spikes: Vec::new(),
        transactions: false,
        sells_units: false,
    }
}

fn read(text: &str) -> Condition {
    parse(text, &catalog()).unwrap_or_else(|error| panic!("`{text}`: {error}"))
}

fn terms(text: &str) -> (Term, Term) {
    match read(text) {
        Condition::Compare(_, a, b) => (a, b),
        other => panic!("`{text}` is {other:?}"),
    }
}

fn metric(text: &str) -> (Metric, Option<(SimTime, SimTime)>) {
    match terms(&format!("{text} >= 0")) {
        (Term::Metric(reference), _) => (reference.metric, reference.window),
        other => panic!("`{text}` is {other:?}"),
    }
}

fn minutes(from: f64, to: f64) -> (SimTime, SimTime) {
    (SimTime::from_secs_f64(from * 60.0), SimTime::from_secs_f64(to * 60.0))
}

#[test]
fn expressions_of_scenarios_parse() {
    for text in [
        "availability > 99.9% and db.cpu < 30%",
        "db.cpu > 98% and goodput < 0.4 * offered and errors.503 > 0",
        "time_to_recover > 2m",
        "time_to_recover == never",
        "db.cpu > 98%",
        "availability >= 99.5%",
        "p99(GET /v1/feed) < 800ms",
        "stale_reads(user) < 0.1%",
        "db.primary.cpu > 98% and availability < 95%",
        "p99 > 3 * p99(30m..45m)",
        "p99 > 1.05 * p99(20m..30m)",
        "db.cpu < 0.65 * db.cpu(20m..30m)",
        "skew(db.cpu) > 1.4",
        "errors.from.app < 2%",
        "time_to_recover in 25s..60s",
    ] {
        read(text);
    }
}

#[test]
fn names_with_arguments_windows_and_indices() {
    let p99 = |of: Requests| Metric::Latency(Statistic::Percentile(0.99), of);
    let feed = || Requests::Endpoint("GET /v1/feed".to_owned());
    assert_eq!(metric("p99(GET /v1/feed)"), (p99(feed()), None));
    assert_eq!(metric("p99(30m..45m)"), (p99(Requests::Good), Some(minutes(30.0, 45.0))));
    assert_eq!(metric("p99( GET /v1/feed , 0 .. 1h 30m )"), (p99(feed()), Some(minutes(0.0, 90.0))));
    assert_eq!(metric("p99(errors, 30s..1m)"), (p99(Requests::Errors), Some(minutes(0.5, 1.0))));
    for endpoint in ["GET /v1/users/{id}", "GET /static/*", "GET /a, b", "GET /f(x):go"] {
        let of = Requests::Endpoint(endpoint.to_owned());
        assert_eq!(metric(&format!("p99({endpoint})")), (p99(of.clone()), None));
        assert_eq!(metric(&format!("p99({endpoint}, 1m..2m)")), (p99(of), Some(minutes(1.0, 2.0))));
    }
    let Metric::Latency(Statistic::Percentile(share), _) = metric("p99.9(GET /v1/feed)").0 else {
        panic!("a latency was meant");
    };
    assert!((share - 0.999).abs() < 1e-12);
    assert_eq!(metric("app.pool(db).wait").0, Metric::Resources(Gauge::Wait(Statistic::Mean), vec![2]));
    let wait = Gauge::Wait(Statistic::Percentile(0.99));
    assert_eq!(
        metric("app[0].wait.p99(1m..2m)"),
        (Metric::Resources(wait, vec![1]), Some(minutes(1.0, 2.0)))
    );
    assert_eq!(metric("errors.503.rate").0, Metric::StatusRate(503));
    // A component's own hyphen is no minus, and another hyphen is one.
    assert_eq!(metric("read-api.cpu").0, Metric::Resources(Gauge::Utilisation, vec![5]));
    assert!(matches!(terms("p99-mean < 1s").0, Term::Arithmetic(Operator::Subtract, ..)));
}

#[test]
fn quantities_come_in_base_units() {
    for (text, expected) in [
        ("p99 < 300ms", 0.3),
        ("p99 < 2m", 120.0),
        ("p99 < 1h30m", 5400.0),
        ("p99 < 1h 30m", 5400.0),
        ("p99 < 0", 0.0),
        ("availability < 98%", 0.98),
        ("availability < 0.4", 0.4),
        ("app.offered_cpu < 1.5", 1.5),
        ("app.queue < 3", 3.0),
        ("goodput < 5/s", 5.0),
        ("goodput < 2k rps", 2000.0),
        ("goodput < 120/min", 2.0),
        ("attempts_per_request < 2x", 2.0),
        ("cost < $5/h", 5.0),
        ("cost < 5", 5.0),
        ("cost_per_million_good < $0.40", 0.4),
    ] {
        assert_eq!(terms(text).1, Term::Number(expected), "{text}");
    }
    assert!(matches!(terms("goodput * 4KB < 40MB/s").1, Term::Number(x) if x == 4e7));
    assert!(matches!(terms("1/mean > 5/s").0, Term::Arithmetic(Operator::Divide, ..)));
}

fn holds(text: &str, value: f64) -> bool {
    read(text).holds(&|_| MetricValue::Number(value))
}

#[test]
fn precedence_and_association() {
    assert!(holds("app.queue == 1 + 2 * 3", 7.0));
    assert!(holds("app.queue == (1 + 2) * 3", 9.0));
    assert!(holds("app.queue == 8 - 4 - 2", 2.0));
    assert!(holds("app.queue == 8 / 4 / 2", 1.0));
    assert!(holds("app.queue in 1 + 1..2 * 2", 4.0));
    let Condition::Or(any) = read("p99 < 1s or p50 < 1s and mean < 1s and max < 1s") else {
        panic!("`or` binds loosest");
    };
    assert!(
        matches!(&any[..], [Condition::Compare(Comparison::Less, ..), Condition::And(all)] if all.len() == 3)
    );
    let Condition::And(all) = read("((p99 < 1s or p50 < 1s)) and (mean + max) / 2 != 1s") else {
        panic!("parentheses bind tightest");
    };
    assert!(matches!(&all[..], [Condition::Or(_), Condition::Compare(Comparison::NotEqual, ..)]));
}

#[test]
fn a_rate_times_a_time_is_a_count_by_littles_law() {
    read("app.in_flight < 2 * goodput * mean");
    read("goodput / offered > 90%");
    read("p99 / p50 < 10");
}

/// The text, the bytes marked as wrong, the message and the help.
const FAULTS: [(&str, &str, &str, &str); 59] = [
    ("   ", "   ", "the expression is empty", "write a condition, such as `p99 < 300ms`"),
    ("p99", "p99", "`p99` is a time, not a condition", "compare it with something, such as `p99 < 300ms`"),
    (
        "p99 + mean",
        "p99 + mean",
        "`p99 + mean` is a time, not a condition",
        "compare it with something, such as `p99 < 300ms`",
    ),
    (
        "db.cpu and p99 < 1s",
        "db.cpu",
        "`db.cpu` is a share, not a condition",
        "compare it with something, such as `p99 < 300ms`",
    ),
    (
        "(p99 < 1s) < 2s",
        "(p99 < 1s)",
        "`(p99 < 1s)` is a condition, not a value",
        "only metrics, quantities and arithmetic on them can be compared or computed with",
    ),
    (
        "(p99 < 1s) + 1 < 2s",
        "(p99 < 1s)",
        "`(p99 < 1s)` is a condition, not a value",
        "only metrics, quantities and arithmetic on them can be compared or computed with",
    ),
    (
        "p99 <",
        "",
        "the expression ends where a value is needed",
        "write a metric or a quantity, such as `p99` or `300ms`",
    ),
    (
        "p99 < and",
        "and",
        "`and` stands where a value is needed",
        "write a metric or a quantity, such as `p99` or `300ms`",
    ),
    (
        "and",
        "and",
        "`and` stands where a value is needed",
        "write a metric or a quantity, such as `p99` or `300ms`",
    ),
    ("p99 < 1s,", ",", "`,` is not expected here", "join conditions with `and` or `or`"),
    ("p99 < 1s)", ")", "`)` is not expected here", "no parenthesis is open here"),
    ("(p99 < 1s", "(", "this parenthesis is not closed", "write `)` where it ends"),
    (
        "(p99 < 1s db.cpu",
        "db.cpu",
        "`db.cpu` is not expected here",
        "write a comparison, `and`, `or` or arithmetic between two values",
    ),
    (
        "p99 < 1s p50",
        "p50",
        "`p50` is not expected here",
        "write a comparison, `and`, `or` or arithmetic between two values",
    ),
    (
        "p99 .. 3s",
        "..",
        "`..` is not expected here",
        "a range stands behind `in`, such as `outage in 25s..60s`",
    ),
    (
        "1s < p99 < 2s",
        "<",
        "comparisons do not chain",
        "write `x in a..b`, or two comparisons with `and` between them",
    ),
    ("p99 in 1s", "1s", "`in` needs a range", "write both ends, such as `outage in 25s..60s`"),
    ("p99 in 2s..1s", "2s..1s", "nothing is in this range", "write the smaller end first"),
    (
        "p99 < -5ms",
        "-",
        "there are no negative quantities",
        "move it to the other side, such as `p99 < mean + 5ms`",
    ),
    ("p99 < 5 / 0", "0", "nothing can be divided by 0", "divide by a metric or by another number"),
    ("p99 = 1s", "=", "`=` is not a sign here", "write `==`"),
    ("p99 < 1s && p50 < 1s", "&&", "`&&` is not a sign here", "write `and`"),
    ("p99 ≤ 1s", "≤", "`≤` is not a sign here", "write `<=`"),
    (
        "p99 < 1s ; x",
        ";",
        "`;` has no meaning here",
        "an expression has metrics, quantities, comparisons, `and`, `or` and arithmetic",
    ),
    (
        "p99 < 1s €€",
        "€",
        "`€` has no meaning here",
        "an expression has metrics, quantities, comparisons, `and`, `or` and arithmetic",
    ),
    ("app[0 < 1", "[0 < 1", "this bracket is not closed", "write `app[0]`"),
    ("app[x].cpu < 1", "[x]", "an index is a whole number", "write `app[0]` for the first"),
    (
        "p99[3] < 1s",
        "p99[3]",
        "`p99` has no members to count",
        "an index stands behind a component, a shard or a replica, such as `app[0].cpu`",
    ),
    (
        "p99(GET /v1/feed < 1s",
        "(GET /v1/feed < 1s",
        "this parenthesis is not closed",
        "write what it is of, such as `p99(GET /v1/feed)`",
    ),
    (
        "p99() < 1s",
        "()",
        "these parentheses are empty",
        "write an endpoint or a window in them, such as `p99(GET /v1/feed)`, or leave them out",
    ),
    (
        "p99(45m..30m) < 1s",
        "45m..30m",
        "this window ends before it begins",
        "write the earlier time first, such as `30m..45m`",
    ),
    (
        "p99(1m..2q) < 1s",
        "q",
        "`q` is not a unit of a duration",
        "possible: `ns`, `us`, `ms`, `s`, `m`, `h`, `d`",
    ),
    (
        "p99(1m..2m).foo(1m..2m) < 1s",
        "foo(1m..2m)",
        "a metric has one window",
        "write one, behind the last word",
    ),
    (
        "app.cpu(db) < 1",
        "cpu(db)",
        "`cpu` takes no argument",
        "only a window may stand in its parentheses, such as `db.cpu(30m..45m)`",
    ),
    ("db. < 1", ".", "a name ends with a dot", "write what of it is meant, such as `db.cpu`"),
    ("p99 < 300", "300", "`300` needs a unit, for `p99` is a time", "write `300s` or `300ms`"),
    ("goodput > 100", "100", "`100` needs a unit, for `goodput` is a rate", "write `100/s`"),
    (
        "cost > 5ms",
        "cost > 5ms",
        "`cost` is a price per hour, and `5ms` is a time",
        "write a price per hour on both sides, such as `$5/h`",
    ),
    (
        "db.cpu < 300ms",
        "db.cpu < 300ms",
        "`db.cpu` is a share, and `300ms` is a time",
        "write a share on both sides, such as `98%` or `0.98`",
    ),
    (
        "p99 < 98%",
        "p99 < 98%",
        "`p99` is a time, and `98%` is a share",
        "write a time on both sides, such as `300ms`",
    ),
    (
        "300ms > db.cpu",
        "300ms > db.cpu",
        "`300ms` is a time, and `db.cpu` is a share",
        "write a share on both sides, such as `98%` or `0.98`",
    ),
    (
        "p99 < db.cpu",
        "p99 < db.cpu",
        "`p99` is a time, and `db.cpu` is a share",
        "write a time on both sides, such as `300ms`",
    ),
    (
        "app.queue < 50%",
        "app.queue < 50%",
        "`app.queue` is a count, and `50%` is a share",
        "write a count on both sides, such as `20`",
    ),
    (
        "app.queue < 5/s",
        "app.queue < 5/s",
        "`app.queue` is a count, and `5/s` is a rate",
        "write a count on both sides, such as `20`",
    ),
    ("availability > 99.9", "99.9", "`availability` is a share and never exceeds 1", "write `99.9%`"),
    (
        "p99 * p50 < 1s",
        "p99 * p50 < 1s",
        "`p99 * p50` is a product of units that no metric has, and `1s` is a time",
        "let the units cancel out, as in `goodput * mean`",
    ),
    (
        "goodput * 4KB < 4KB",
        "goodput * 4KB < 4KB",
        "`goodput * 4KB` is a bandwidth, and `4KB` is a size",
        "write a bandwidth on both sides, such as `40MB/s`",
    ),
    (
        "cost < $5",
        "cost < $5",
        "`cost` is a price per hour, and `$5` is an amount of money",
        "write a price per hour on both sides, such as `$5/h`",
    ),
    (
        "p99 + db.cpu < 1s",
        "p99 + db.cpu",
        "`p99` is a time, and `db.cpu` is a share",
        "write a time on both sides, such as `300ms`",
    ),
    (
        "p99 in 1s..50%",
        "p99 in 1s..50%",
        "`p99` is a time, and `50%` is a share",
        "write a time on both sides, such as `300ms`",
    ),
    (
        "db.cpu == never",
        "db.cpu == never",
        "`db.cpu` is a share, and `never` is a time",
        "write a share on both sides, such as `98%` or `0.98`",
    ),
    ("p99 < 1.5.2", "1.5.2", "`1.5.2` is not a number", "write it like `3`, `0.5` or `10k`"),
    ("p99 < 1e3", "e", "`e` is not a unit of a duration", "possible: `ns`, `us`, `ms`, `s`, `m`, `h`, `d`"),
    (
        "cost < 5MB",
        "cost < 5MB",
        "`cost` is a price per hour, and `5MB` is a size",
        "write a price per hour on both sides, such as `$5/h`",
    ),
    (
        "cost < $5/q",
        "/q",
        "`/q` is not a unit of a price",
        "write it like `$0.20/h`, `$0.40/1M` or `$0.09/GB`",
    ),
    (
        "p99 < 30m5h",
        "5h",
        "the parts of a duration go from large to small, each unit once",
        "write it like `250ms`, `10us`, `1h 30m` or `14m58s`",
    ),
    (
        "p99 < 5bananas",
        "bananas",
        "`bananas` is not a unit of a duration",
        "possible: `ns`, `us`, `ms`, `s`, `m`, `h`, `d`",
    ),
    (
        "p99 * mean < 3",
        "3",
        "`3` needs a unit, for `p99 * mean` is a product of units that no metric has",
        "let the units cancel out, as in `goodput * mean`",
    ),
    ("app[0.cpu] < 1", "[0.cpu]", "an index is a whole number", "write `app[0]` for the first"),
];

#[test]
fn every_fault_says_where_what_and_what_instead() {
    for (text, marked, message, help) in FAULTS {
        let error = parse(text, &catalog()).expect_err(text);
        assert_eq!((&*error.message, &*error.help), (message, help), "{text}");
        assert_eq!(&text[error.span.0..error.span.1], marked, "{text}");
        assert_ne!(error.code, Code::UnknownMetric, "{text}");
    }
}

#[test]
fn unknown_metrics_are_told_apart() {
    for (text, marked, message, help) in [
        ("p99 < 1s and db.cpy < 1", "db.cpy", "`db` has no metric `cpy`", "did you mean `db.cpu`?"),
        (
            "hit_ratio(post) > 0.8",
            "hit_ratio(post)",
            "`hit_ratio` is supplied by a cache, and this scenario has none",
            "write a metric that this scenario has, such as `p99`, `availability` or `errors.503`",
        ),
    ] {
        let error = parse(text, &catalog()).expect_err(text);
        assert_eq!((&*error.message, &*error.help), (message, help), "{text}");
        assert_eq!(&text[error.span.0..error.span.1], marked);
        assert_eq!(error.code, Code::UnknownMetric);
        assert_eq!(Fault::from(error).code, Code::UnknownMetric);
    }
}

#[test]
fn nesting_and_length_are_bounded() {
    let nested = |n: usize| format!("{}p99{} < 1s", "(".repeat(n), ")".repeat(n));
    read(&nested(MAX_DEPTH));
    let error = parse(&nested(MAX_DEPTH + 1), &catalog()).expect_err("too deep");
    assert_eq!(error.message, "parentheses nest at most 64 deep");
    assert_eq!(error.span, (MAX_DEPTH, MAX_DEPTH + 1));
    assert!(parse(&"(".repeat(1_000_000), &catalog()).is_err());
    let long = |n: usize| format!("app.queue < 1{}", " + 1".repeat(n));
    read(&long(MAX_OPERATORS - 1));
    let error = parse(&long(1_000_000), &catalog()).expect_err("too long");
    assert_eq!(error.message, "an expression has at most 256 operators");
    assert_eq!(error.help, "write several conditions instead");
}

fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[ -~]{0,6}",
        ".{0,4}",
        prop::sample::select(vec![
            "p99",
            "p99.9",
            "db.cpu",
            "app[0]",
            "app.pool(db).wait",
            "(",
            ")",
            "[",
            "..",
            ".",
            " in ",
            " and ",
            " or ",
            "<",
            "==",
            "*",
            "/",
            "300ms",
            "98%",
            "5/s",
            "$3",
            "never",
            "GET /v1/feed",
            ", 1m..2m",
            "€",
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn no_text_panics_and_spans_lie_on_characters(text in pieces()) {
        if let Err(error) = parse(&text, &catalog()) {
            prop_assert!(text.get(error.span.0..error.span.1).is_some(), "{:?}", error);
            prop_assert!(!error.message.is_empty() && !error.help.is_empty());
        }
    }
}
