//! Keys of zones, regions and links.

use super::Absent::{Is, Unset};
use super::Takes::{Bandwidth, Either, List, Name, Named, Share, Text, Times, Word};
use super::shared::key;
use super::{Block, Takes};

pub(super) const BLOCKS: &[Block] = &[
    Block {
        name: "network",
        about: "Zones and regions, round-trip times between them, links, loss, handshakes.",
        keys: &[
            key(
                "regions",
                Named(&Either(&[List(&Text), Text])),
                Unset("one"),
                "regions with their zones: {us-east: [a, b]}",
            ),
            key(
                "zones",
                Either(&[List(&Text), Named(&Text)]),
                Unset("one"),
                "zones, or zones by region: {a: us-east}",
            ),
            key(
                "rtt",
                Either(&[Times, Named(&Either(&[Times, Named(&Times)]))]),
                Unset("0.25 ms within a zone, 1 ms between zones"),
                "round-trip times: one, `same_zone`, `cross_zone`, or between two places",
            ),
            key("last_mile", Times, Unset("none"), "round-trip time between clients and the first router"),
            key("loss", Share, Is("0%"), "probability that a message loses a segment, which is sent again"),
            key(
                "handshake",
                Word(&["none", "tcp", "tls", "tls1.3", "tls1.2"]),
                Is("tcp"),
                "round trips that set a connection up",
            ),
            key("links", Named(&Takes::Block("link")), Unset("none"), "what is particular between two ends"),
        ],
    },
    Block {
        name: "link",
        about: "What is particular between two ends of the network.",
        keys: &[
            key("from", Name("component or client"), Unset("any"), "who calls"),
            key("to", Name("component"), Unset("any"), "who is called"),
            key("latency", Times, Unset("the network's"), "one-way latency"),
            key("bandwidth", Bandwidth, Unset("without limit"), "of each way, shared by the transfers on it"),
            key("loss", Share, Unset("the network's"), "probability that a message loses a segment"),
            key(
                "handshake",
                Word(&["none", "tcp", "tls", "tls1.3", "tls1.2"]),
                Unset("the network's"),
                "round trips that set a connection up",
            ),
        ],
    },
];
