//! `capacity:` of a key-value table.

use super::{Names, small};
use crate::base::SimDuration;
use crate::components::database::capacity_units::{Throughput, Units};
use crate::components::database::spec::CapacitySpec;
use crate::document::distribution_text::Of;
use crate::document::{Code, Diagnostics, quantity};
use crate::scenario::fields::{Fields, text};

/// DynamoDB's limits of one partition, its burst, and what an on-demand table takes at first (DDB).
const PARTITION: Units = Units { read: 3000.0, write: 1000.0 };
const BURST: u64 = 300;
const START: Units = Units { read: 12_000.0, write: 4000.0 };
const SETTLES: u64 = 1800;
/// Partitions of a table at most.
const MOST_PARTITIONS: u64 = 10_000;

/// `capacity: {by: item, partitions: 4, read: 1000/s, write: 500/s}`.
pub(super) fn read(fields: &mut Fields<'_>, names: &Names, found: &mut Diagnostics) -> Option<CapacitySpec> {
    let node = fields.get("capacity")?;
    let mut capacity = Fields::of(node, "`capacity`", found);
    let by = capacity.need("by", found).and_then(|node| names.entity(node, text(node, found)?, found));
    let partitions = small(&mut capacity, "partitions", 1, MOST_PARTITIONS, found).unwrap_or(1) as u16;
    let on_demand = capacity.choice("mode", &[("provisioned", false), ("on_demand", true)], found);
    let mut rate = |key: &'static str, found: &mut Diagnostics| {
        capacity.read(key, quantity::rate, found).map(|rate| rate.as_per_second())
    };
    let (read, write) = (rate("read", found), rate("write", found));
    let partition = Units {
        read: rate("partition_read", found).unwrap_or(PARTITION.read),
        write: rate("partition_write", found).unwrap_or(PARTITION.write),
    };
    let burst = capacity.read("burst", quantity::duration, found);
    let adaptive = capacity.flag("adaptive", found).unwrap_or(true);
    let settles = capacity.read("settles", quantity::duration, found);
    let eventual_lag = capacity.amount("eventual_lag", Of::Time, found);
    capacity.finish(found);
    let on_demand = on_demand.unwrap_or(false);
    let throughput = if on_demand {
        let start = Units { read: read.unwrap_or(START.read), write: write.unwrap_or(START.write) };
        Throughput::OnDemand { start, settles: settles.unwrap_or(SimDuration::from_secs(SETTLES)) }
    } else {
        let (Some(read), Some(write)) = (read, write) else {
            found.add(
                Code::MissingKey,
                node.place,
                "a provisioned table needs its `read` and `write` units",
                "write `read: 1000/s, write: 500/s`, or `mode: on_demand`",
            );
            return None;
        };
        let burst = burst.unwrap_or(SimDuration::from_secs(BURST));
        Throughput::Provisioned { units: Units { read, write }, burst, adaptive }
    };
    Some(CapacitySpec { by: by?, partitions, partition, throughput, eventual_lag })
}
