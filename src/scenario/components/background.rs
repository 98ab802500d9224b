//! `background:` of a database.

use super::small;
use crate::base::SimDuration;
use crate::components::database::spec::{BackgroundSpec, CheckpointSpec, CompactionSpec, VacuumSpec};
use crate::document::distribution_text::Of;
use crate::document::{Code, Diagnostics, Node, quantity};
use crate::scenario::fields::{Fields, scalar, share};

/// PostgreSQL's `autovacuum_vacuum_cost_limit` over `_delay` for pages that are read and written (not verified).
const VACUUM_SPEED: f64 = 4500.0;
/// RocksDB's `write_buffer_size` (not verified).
const BUFFER: f64 = 64.0 * 1024.0 * 1024.0;
/// RocksDB's `soft_pending_compaction_bytes_limit` (not verified).
const STALL: f64 = 64.0 * 1024.0 * 1024.0 * 1024.0;
/// Levelled compaction rewrites a byte about ten times (not verified).
const AMPLIFICATION: f64 = 10.0;

/// `background: {checkpoint: {every: 5m}, vacuum: {every: 1min}, compaction: {speed: 100MB/s}}`.
pub(super) fn read(fields: &mut Fields<'_>, found: &mut Diagnostics) -> Option<BackgroundSpec> {
    let disk = fields.get("iops").is_some() || fields.get("io").is_some();
    let node = fields.get("background")?;
    let mut background = Fields::of(node, "`background`", found);
    let checkpoint = background.get("checkpoint").map(|node| {
        let mut keys = Fields::of(node, "`checkpoint`", found);
        let every = above_zero(&mut keys, "every", 300.0, found);
        let target = keys.read("target", share, found).unwrap_or(0.9);
        let full_pages = keys.flag("full_pages", found).unwrap_or(true);
        keys.finish(found);
        needs_disk(disk, node, "a checkpoint writes to the disk", found);
        CheckpointSpec { every, target, full_pages }
    });
    let vacuum = background.get("vacuum").map(|node| {
        let mut keys = Fields::of(node, "`vacuum`", found);
        let every = above_zero(&mut keys, "every", 60.0, found);
        let scale = keys.read("scale", share, found).unwrap_or(0.2);
        let threshold = small(&mut keys, "threshold", 0, 1_000_000_000_000, found).unwrap_or(50);
        let speed = keys.get("speed").and_then(|node| {
            let speed = scalar(node, quantity::rate, found)?.as_per_second();
            if speed <= 0.0 {
                let help = "write pages a second: `speed: 4500/s`";
                found.add(Code::OutOfRange, node.place, "a vacuum that never gets on never ends", help);
                return None;
            }
            Some(speed)
        });
        let cpu = keys.amount("cpu", Of::Time, found);
        keys.finish(found);
        if cpu.is_none() {
            needs_disk(disk, node, "a vacuum reads and writes pages", found);
        }
        VacuumSpec { every, scale, threshold, speed: speed.unwrap_or(VACUUM_SPEED), cpu }
    });
    let compaction = background.get("compaction").map(|node| {
        let mut keys = Fields::of(node, "`compaction`", found);
        let bytes = |key: &'static str, keys: &mut Fields<'_>, found: &mut Diagnostics| {
            keys.read(key, quantity::bytes, found).map(|bytes| bytes.get() as f64)
        };
        let buffer = bytes("buffer", &mut keys, found).unwrap_or(BUFFER).max(1.0);
        let stall = bytes("stall", &mut keys, found).unwrap_or(STALL);
        let amplification = keys.read("amplification", quantity::factor, found);
        let amplification = amplification.map_or(AMPLIFICATION, |factor| factor.get());
        let speed = keys.need("speed", found).and_then(|node| {
            let speed = scalar(node, quantity::bandwidth, found)?.as_bytes_per_second();
            if speed <= 0.0 {
                let help = "write bytes a second: `speed: 100MB/s`";
                found.add(Code::OutOfRange, node.place, "a compaction that never gets on never ends", help);
                return None;
            }
            Some(speed)
        });
        let cpu = keys.amount("cpu", Of::Time, found);
        keys.finish(found);
        CompactionSpec { buffer, amplification, speed: speed.unwrap_or(1e8), stall, cpu }
    });
    background.finish(found);
    Some(BackgroundSpec { checkpoint, vacuum, compaction })
}

fn above_zero(fields: &mut Fields<'_>, key: &'static str, usual: f64, found: &mut Diagnostics) -> f64 {
    let Some(node) = fields.get(key) else { return usual };
    let span = scalar(node, quantity::duration, found).map_or(usual, SimDuration::as_secs_f64);
    if span <= 0.0 {
        let help = format!("write `{key}: 5min`");
        found.add(Code::OutOfRange, node.place, "what is done at intervals has one above zero", help);
        return usual;
    }
    span
}

/// What is done on a disk that nothing limits is done at once, and nobody notices.
fn needs_disk(disk: bool, node: &Node, what: &str, found: &mut Diagnostics) {
    if !disk {
        let message = format!("{what}, and nothing limits that of this database");
        found.add(Code::NoEffect, node.place, message, "write what its disk can do: `iops: 3000`");
    }
}
