//! Pictures that the tests draw.

use super::super::*;
use crate::base::random::{Key, StreamName};

/// A spike from 40 to 800 requests/s on a database that serves 300, in one-second windows.
pub(super) fn spike(seconds: usize) -> Picture {
    let mut draws = Key::root(7, 0).named(StreamName::new("picture")).draws();
    let mut noise = |size: f64| (draws.unit() + draws.unit() + draws.unit() - 1.5) * size;
    let names =
        ["offered", "good", "errors", "p50", "p99", "p999", "db", "api", "lb", "queue", "flight", "pool"];
    let mut series: Vec<Vec<(f64, f64)>> = vec![Vec::new(); names.len()];
    let mut backlog = 0.0_f64;
    let start = seconds as f64 * 0.25;
    for second in 0..seconds {
        let t = second as f64;
        let since = t - start;
        let rate = match since {
            s if s < 0.0 => 40.0,
            s if s < 20.0 => 40.0 + 38.0 * s,
            s if s < 300.0 => 800.0,
            s => 40.0 + 760.0 * libm::exp2(-(s - 300.0) / 120.0),
        };
        let offered = (rate + noise(rate.sqrt() * 2.0)).max(0.0);
        let served = (offered + backlog).min(300.0 + noise(12.0)).max(0.0);
        let errors = (offered + backlog - served - 380.0).max(0.0);
        backlog = (offered + backlog - served - errors).max(0.0);
        let wait = backlog / 300.0 * 5.0;
        let busy = (served / 300.0).min(1.0);
        let values = [
            offered,
            served,
            errors,
            0.012 + wait + noise(0.002).abs(),
            0.045 + wait * 1.35 + noise(0.02).abs(),
            0.110 + wait * 1.55 + noise(0.08).abs(),
            busy,
            (busy * 0.43 + noise(0.02)).clamp(0.0, 1.0),
            (offered / 4000.0).min(1.0),
            backlog,
            backlog + served * 0.05,
            (served * 0.05 + backlog * 0.1).min(50.0),
        ];
        for (points, value) in series.iter_mut().zip(values) {
            points.push((t, value));
        }
    }
    let mut line = |i: usize, label: &str, role, stroke| Line {
        label: label.to_owned(),
        role,
        stroke,
        points: std::mem::take(&mut series[i]),
        spread: Vec::new(),
    };
    let offered = line(0, "offered", Role::Offered, Stroke::Solid);
    let mut p99 = line(4, "p99", Role::P99, Stroke::Solid);
    p99.spread = p99.points.iter().map(|p| (p.0, p.1 * 0.8, p.1 * 1.3)).collect();
    Picture {
        headline:
            "503 rate 41.8 % (95 % CI 41.2 to 42.4) while the launch spike lasts; the database's CPU is \
                   the bottleneck"
                .to_owned(),
        subtitle: "single-server · 5 replications, seed 42 · line: median, band: 10 to 90 % of replications"
            .to_owned(),
        footer: "Latency counts from the intended start and includes failed requests that were answered."
            .to_owned(),
        desc: String::new(),
        span: Some((0.0, seconds as f64)),
        bands: vec![Band { from: start, to: start + 420.0, label: "launch spike".to_owned() }],
        panels: vec![
            panel(
                "Traffic by outcome",
                "requests/s, 1 s windows",
                Axis::default(),
                vec![
                    line(1, "succeeded", Role::Good, Stroke::Area),
                    line(2, "503", Role::Error, Stroke::Area),
                    offered,
                ],
            ),
            Panel {
                limits: vec![Limit { value: 0.5, label: "objective: p99 below 500 ms".to_owned() }],
                ..panel(
                    "Latency",
                    "by end of request, log scale, 1 s windows",
                    Axis { scale: Scale::Log, unit: Unit::Duration, top: None },
                    vec![
                        line(5, "p99.9", Role::P999, Stroke::Solid),
                        p99,
                        line(3, "p50", Role::P50, Stroke::Solid),
                    ],
                )
            },
            panel(
                "CPU",
                "share of all cores",
                Axis { scale: Scale::Linear, unit: Unit::Percent, top: Some(1.0) },
                vec![
                    line(8, "edge", Role::Component(0), Stroke::Solid),
                    line(7, "checkout-api", Role::Component(1), Stroke::Solid),
                    line(6, "orders-db", Role::Db, Stroke::Bold),
                ],
            ),
            Panel {
                limits: vec![Limit { value: 50.0, label: "pool size".to_owned() }],
                ..panel(
                    "Queues and in-flight",
                    "requests at the end of each window",
                    Axis::default(),
                    vec![
                        line(10, "in flight", Role::InFlight, Stroke::Solid),
                        line(9, "checkout-api: backlog", Role::Queue, Stroke::Solid),
                        line(11, "orders-db: connections", Role::Component(2), Stroke::Dashed),
                    ],
                )
            },
        ],
    }
}

pub(super) fn panel(title: &str, note: &str, axis: Axis, lines: Vec<Line>) -> Panel {
    Panel { title: title.to_owned(), note: note.to_owned(), axis, lines, limits: Vec::new() }
}

pub(super) fn one(axis: Axis, points: Vec<(f64, f64)>) -> Picture {
    let line = Line { label: "only".to_owned(), points, ..Line::default() };
    Picture { panels: vec![panel("One", "", axis, vec![line])], ..Picture::default() }
}

pub(super) fn topology() -> Topology {
    let node = |id: &str, label: &str, detail: &str, kind| Node {
        id: id.to_owned(),
        label: label.to_owned(),
        detail: detail.to_owned(),
        kind,
    };
    let edge = |from: &str, to: &str, label: &str| Edge {
        from: from.to_owned(),
        to: to.to_owned(),
        label: label.to_owned(),
    };
    Topology {
        title: "single-server".to_owned(),
        subtitle: "7 components, 3 endpoints".to_owned(),
        nodes: vec![
            node("shoppers", "shoppers", "open, 40 requests/s", NodeKind::Client),
            node("edge", "edge", "round robin", NodeKind::LoadBalancer),
            node("api", "checkout-api", "3 × 4 cores, 64 workers", NodeKind::Service),
            node("auth", "auth", "2 × 2 cores", NodeKind::Service),
            node("cache", "session-cache", "4 GiB, LRU", NodeKind::Cache),
            node("jobs", "mail-queue", "", NodeKind::Queue),
            node("db", "orders-db", "16 cores, 200 connections", NodeKind::Database),
        ],
        edges: vec![
            edge("shoppers", "edge", ""),
            edge("edge", "api", "POST /checkout"),
            edge("api", "auth", "verify"),
            edge("auth", "cache", "get"),
            edge("api", "db", "insert order"),
            edge("api", "jobs", "publish"),
            edge("auth", "db", "select user"),
            edge("jobs", "api", "callback"),
            edge("api", "api", "retry"),
            edge("api", "nowhere", "dropped"),
        ],
    }
}
