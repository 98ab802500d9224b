//! `shards:` of a database.

use super::{Names, small};
use crate::base::{EntityId, SimDuration};
use crate::components::database::spec::{CrossShard, Deadlocks, GrowSpec, ShardSpec};
use crate::document::distribution_text::Of;
use crate::document::{Code, Diagnostics, Node, quantity};
use crate::engine::partitioner::Partitioning;
use crate::scenario::fields::{Fields, items, scalar, text};

/// Shards of one database at most.
const MOST_SHARDS: u64 = 1000;
/// Logical shards at most.
const MOST_LOGICAL: u64 = 1_000_000;
/// Logical shards of a directory, and virtual nodes of a ring, where nothing is written.
const LOGICAL: u32 = 4096;
const VIRTUAL_NODES: u64 = 16;

#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    Range,
    Hash,
    Consistent,
    Directory,
}

/// `shards: {by: user, how: hash, logical: 256, count: 4, grow: {at: 30m, to: 8}}`.
pub(super) fn read_shards(
    fields: &mut Fields<'_>,
    names: &Names,
    found: &mut Diagnostics,
) -> Option<ShardSpec> {
    let node = fields.get("shards")?;
    let mut shards = Fields::of(node, "`shards`", found);
    let by = shards.need("by", found);
    let mut keys = entities_of(by, names, found).into_iter();
    let (by, also) = (keys.next(), keys.collect());
    let reference = entities_of(shards.get("reference"), names, found);
    let how = shards.choice(
        "how",
        &[
            ("hash", How::Hash),
            ("range", How::Range),
            ("consistent", How::Consistent),
            ("directory", How::Directory),
        ],
        found,
    );
    let how = how.unwrap_or(How::Hash);
    let bounds = read_bounds(&mut shards, found);
    let logical = small(&mut shards, "logical", 1, MOST_LOGICAL, found).map(|n| n as u32);
    let virtual_nodes = small(&mut shards, "virtual_nodes", 1, 4096, found);
    let written = small(&mut shards, "count", 1, MOST_SHARDS, found).map(|n| n as u16);
    let ranges = bounds.as_ref().map(|bounds| bounds.len() as u16 + 1);
    let count = written.or(ranges.filter(|_| how == How::Range)).unwrap_or(1);
    let grow_node = node.get("grow");
    let grow = read_grow(&mut shards, count, found);
    let round_trip = shards.amount("round_trip", Of::Time, found);
    let merge = shards.amount("merge", Of::Time, found);
    let partial = shards.flag("partial", found).unwrap_or(false);
    let cross_shard = shards.choice(
        "cross_shard",
        &[("2pc", CrossShard::TwoPhases), ("best_effort", CrossShard::BestEffort)],
        found,
    );
    let deadlocks =
        shards.choice("deadlocks", &[("local", Deadlocks::Local), ("global", Deadlocks::Global)], found);
    let (cross_shard, deadlocks) = (cross_shard.unwrap_or_default(), deadlocks.unwrap_or_default());
    let copies = small(&mut shards, "copies", 1, 100, found).unwrap_or(1) as u16;
    let hints = shards.read("hints", quantity::duration, found).map(SimDuration::as_secs_f64);
    if copies > count {
        let place = node.get("copies").map_or(node.place, |node| node.place);
        let message = format!("{copies} copies of each row do not fit on {count} nodes");
        let help = format!("write at least as many nodes as copies: `count: {copies}`");
        found.add(Code::OutOfRange, place, message, help);
        return None;
    }
    if let (true, Some(node)) = (copies > 1, grow_node) {
        let help = "take out `grow`, or `copies`: how a ring of copies grows is not modelled";
        found.add(Code::Conflict, node.place, "rows with `copies` do not move", help);
        return None;
    }
    if let (true, Some(node)) = (copies < 2, node.get("hints")) {
        let help = "write `copies: 3`, or take it out";
        found.add(Code::Conflict, node.place, "`hints` are for other copies, and there is one", help);
    }
    shards.finish(found);
    let most = grow.as_ref().map_or(count, |grow| grow.to);
    let mut conflict = |key: &str, belongs: &str| {
        if let Some(node) = node.get(key) {
            let message = format!("`{key}` means nothing to these shards");
            found.add(Code::Conflict, node.place, message, format!("take it out, or write `how: {belongs}`"));
        }
    };
    match how {
        How::Range => ["logical", "virtual_nodes"].into_iter().zip(["hash", "consistent"]),
        How::Hash => ["bounds", "virtual_nodes"].into_iter().zip(["range", "consistent"]),
        How::Consistent => ["bounds", "logical"].into_iter().zip(["range", "hash"]),
        How::Directory => ["bounds", "virtual_nodes"].into_iter().zip(["range", "consistent"]),
    }
    .for_each(|(key, belongs)| conflict(key, belongs));
    let place = grow_node.or_else(|| node.get("count")).map_or(node.place, |node| node.place);
    let divided = match (how, ranges) {
        // What is wrong with them has been said.
        (How::Range, None) if node.get("bounds").is_some() => return None,
        (How::Range, None) => {
            found.add(
                Code::MissingKey,
                node.place,
                "shards by range need their `bounds`",
                "write the first key of every shard but the first: `bounds: [1M, 2M]`",
            );
            return None;
        }
        (How::Range, Some(ranges)) => ranges.into(),
        (How::Hash | How::Directory, _) => logical.map_or(u32::MAX, |logical| logical),
        (How::Consistent, _) => u32::MAX,
    };
    if u32::from(most) > divided {
        let (what, help) = if how == How::Range {
            ("ranges", "write more `bounds`: neighbouring ranges share a shard until there are more shards")
        } else {
            ("logical shards", "write more `logical` shards: they are what moves when shards are added")
        };
        let message = format!("there are {most} shards, and only {divided} {what} to divide among them");
        found.add(Code::OutOfRange, place, message, help);
        return None;
    }
    let how = match how {
        How::Range => Partitioning::Range(bounds.unwrap_or_default()),
        How::Hash => Partitioning::Hash { logical },
        How::Consistent => {
            Partitioning::Consistent { virtual_nodes: virtual_nodes.unwrap_or(VIRTUAL_NODES) as u32 }
        }
        How::Directory => {
            Partitioning::Directory { logical: logical.unwrap_or(LOGICAL).max(u32::from(most)) }
        }
    };
    Some(ShardSpec {
        by: by?,
        also,
        reference,
        how,
        count,
        grow,
        round_trip,
        merge,
        partial,
        cross_shard,
        deadlocks,
        copies,
        hints,
    })
}

/// One entity, or a list of them.
pub(super) fn entities_of(node: Option<&Node>, names: &Names, found: &mut Diagnostics) -> Vec<EntityId> {
    let Some(node) = node else { return Vec::new() };
    let one = [node.clone()];
    let all = if node.items().is_empty() { &one[..] } else { node.items() };
    all.iter().filter_map(|node| names.entity(node, text(node, found)?, found)).collect()
}

fn read_bounds(shards: &mut Fields<'_>, found: &mut Diagnostics) -> Option<Vec<u64>> {
    let node = shards.get("bounds")?;
    let all = items(Some(node), "bounds", "bounds: [1M, 2M]", found);
    let bounds: Vec<u64> = all.iter().filter_map(|node| scalar(node, quantity::count, found)).collect();
    if bounds.windows(2).any(|pair| pair[0] >= pair[1]) || bounds.first() == Some(&0) {
        found.add(
            Code::OutOfRange,
            node.place,
            "bounds ascend, and the first is above 0",
            "each is the first key of the next shard: `bounds: [1M, 2M]`",
        );
        return None;
    }
    Some(bounds)
}

fn read_grow(shards: &mut Fields<'_>, count: u16, found: &mut Diagnostics) -> Option<GrowSpec> {
    let node = shards.get("grow")?;
    let mut grow = Fields::of(node, "`grow`", found);
    let at = grow.need("at", found);
    let at = at.and_then(|node| scalar(node, quantity::duration, found)).map(SimDuration::as_secs_f64);
    grow.need("to", found);
    let to = small(&mut grow, "to", 1, MOST_SHARDS, found).map(|n| n as u16);
    let copy = grow.read("copy", quantity::bandwidth, found).map(|b| b.as_bytes_per_second());
    let copy_cpu = grow.amount("copy_cpu", Of::Time, found);
    let block = grow.read("cutover_block", quantity::duration, found).map(SimDuration::as_secs_f64);
    grow.finish(found);
    let to = to?;
    if to <= count {
        let message = format!("{count} shards cannot grow to {to}");
        let help = format!("write more than there are: `to: {}`", u32::from(count) * 2);
        found.add(Code::OutOfRange, node.get("to").map_or(node.place, |node| node.place), message, help);
        return None;
    }
    if copy == Some(0.0) {
        let place = node.get("copy").map_or(node.place, |node| node.place);
        found.add(Code::OutOfRange, place, "nothing is ever copied", "write a rate: `copy: 40MB/s`");
        return None;
    }
    Some(GrowSpec { at: at?, to, copy, copy_cpu, cutover_block: block.unwrap_or(0.0) })
}
