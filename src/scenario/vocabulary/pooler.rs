//! Keys of poolers.

use super::Absent::{Is, Required, Unset};
use super::Takes::{Cores, Count, Duration, Name, Text, Times, Word};
use super::shared::{ZONES, key};
use super::{Block, Takes};

pub(super) const BLOCKS: &[Block] = &[
    Block {
        name: "pooler",
        about: "Lends few connections to a database to many clients: `query: pooler.NAME` in the place of `query: db.NAME`.",
        keys: &[
            key("kind", Word(&["pooler"]), Required, "what the component is"),
            key(
                "preset",
                Text,
                Unset("none"),
                "a product whose defaults hold where nothing else is written: pgbouncer-session, pgbouncer-tx",
            ),
            ZONES,
            key("to", Name("component"), Required, "the database"),
            key(
                "mode",
                Word(&["session", "transaction"]),
                Is("session"),
                "session: a client's connection keeps one to the server for its life; transaction: for a statement",
            ),
            key("instances", Count, Is("1"), "processes"),
            key("cpu", Cores, Is("1"), "cores of each process"),
            key(
                "cost",
                Times,
                Unset("takes no time"),
                "core time of passing a statement on, and its answer back",
            ),
            key(
                "max_connections",
                Count,
                Unset("without limit"),
                "clients' connections that a process accepts; beyond it: an error",
            ),
            key(
                "pool",
                Takes::Block("server_pool"),
                Unset("20 connections"),
                "connections of a process to each member of the database, for each service that calls it",
            ),
            key(
                "hold",
                Takes::Block("buffer"),
                Unset("none: they fail"),
                "statements that wait while the database is away",
            ),
        ],
    },
    Block {
        name: "server_pool",
        about: "Connections of a pooler to one member of its database, for one service.",
        keys: &[
            key("size", Count, Is("20"), "at most so many"),
            key(
                "wait",
                Times,
                Unset("without limit"),
                "how long a client may wait for one; beyond it its connection is closed (query_wait_timeout)",
            ),
            key("reserve", Count, Is("0"), "connections beyond `size` (reserve_pool_size)"),
            key(
                "reserve_after",
                Duration,
                Is("5s"),
                "how long a client has waited that gets one of the reserve (reserve_pool_timeout)",
            ),
        ],
    },
];
