//! Keys of what is varied.

use super::Absent::{Is, Required, Unset};
use super::Block;
use super::Takes::{Count, List, Text};
use super::shared::key;

pub(super) const BLOCKS: &[Block] = &[Block {
    name: "sweep",
    about: "What `surgesim sweep` and `surgesim plan` vary; flags take its place.",
    keys: &[
        key(
            "vary",
            List(&Text),
            Required,
            "paths with their values, as `--vary` takes them: components.app.instances=2..16:2, db.cpu=2,4,8, visitors.rate=10/s..1k/s log 7",
        ),
        key(
            "sample",
            Count,
            Unset("every combination"),
            "so many points of a Latin hypercube, spread evenly along each path",
        ),
        key("seed", Count, Is("1"), "of the hypercube; all points are run from the scenario's own seed"),
        key(
            "metrics",
            List(&Text),
            Unset("p99, availability, goodput and cost"),
            "what tables and pictures show; the files hold every metric",
        ),
        key("max_points", Count, Is("1000"), "more points than that are refused; 10 000 is the most"),
    ],
}];
