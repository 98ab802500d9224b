//! From the records of single replications to the results of a design.
//!
//! Rules: a metric's value is the mean over replications of each one's value, its interval Student's t over
//! them; a percentile is that of the merged histograms, with an interval of its own ([`Sampled`]). Counts are
//! summed. An interval that reaches beyond what a metric can be (a share below zero, a latency below zero) is
//! cut there: it covers the truth as often as before, and a cut end tells that replications are few or differ
//! much. Series take the median of each bucket over replications and a band from 10 % to 90 %.

use super::confidence::interpolated;
use super::pooled::sampled;
use super::results::{
    BillRow, Conservation, EndpointRow, ErrorRow, Estimate, MessageRow, MetricValue, ResourceRow, Series,
    SeriesColumn, Unit, VariantResults,
};
use super::sampled::Sampled;
use crate::base::{ComponentId, SimTime};
use crate::engine::{Fate, Reason};
use crate::metrics::bill::Stretch;
use crate::metrics::evaluate::{gauge_of, offload_of, store_of, value};
use crate::metrics::vocabulary::standard_names;
use crate::metrics::{
    AgeOf, BillItem, Catalog, Cohort, Events, Gauge, LatencyDistribution, Lookups, Metric, MetricReference,
    ReplicationRecord, ResourceInfo, Role, Statistic, Usage, Window,
};

/// A part of one replication: the requests that started in it, and the time that passed.
#[derive(Clone, Copy)]
pub(super) struct Slice<'a> {
    pub(super) record: &'a ReplicationRecord,
    pub(super) cohort: &'a Cohort,
    pub(super) from: SimTime,
    pub(super) to: SimTime,
}

impl<'a> Slice<'a> {
    /// All but the warm-up.
    fn whole(record: &'a ReplicationRecord) -> Self {
        Self { record, cohort: record.run(), from: record.plan.warmup, to: SimTime::MAX }
    }

    /// The time that passed in it, in nanoseconds.
    fn span(&self) -> f64 {
        self.to.min(self.record.end).since(self.from).as_nanos() as f64
    }
}

/// Values that a percentile needs above it, per replication, for its interval to be trusted.
const ENOUGH_ABOVE: f64 = 100.0;

/// An estimate from each replication's own value.
#[must_use]
pub fn estimate(each: Vec<MetricValue>, unit: Unit) -> Estimate {
    Sampled::mean(each).estimate(unit)
}

/// The results of one design. Objectives and expectations are left empty: judging is another floor's work.
#[must_use]
pub fn aggregate(name: &str, catalog: &Catalog, records: &[ReplicationRecord]) -> VariantResults {
    let count = records.len().max(1) as f64;
    let whole: Vec<Slice<'_>> = records.iter().map(Slice::whole).collect();
    let mut results = VariantResults {
        name: name.to_owned(),
        replications: records.len() as u32,
        warmup: records.first().map_or(0.0, |r| r.plan.warmup.as_secs_f64()),
        duration: records.iter().map(|r| r.end.as_secs_f64()).sum::<f64>() / count,
        metrics: metrics(catalog, records),
        conservation: conservation(records),
        messages: messages(catalog, records),
        errors: errors(catalog, &whole),
        endpoints: endpoints(catalog, records),
        resources: resources(catalog, &whole),
        series: series(catalog, records),
        bill: bill(catalog, records),
        ..VariantResults::default()
    };
    results.notices = notices(&results, records);
    results
}

/// One replication's value of the metric called `name`, over the run without its warm-up.
#[must_use]
pub fn value_of(name: &str, record: &ReplicationRecord, catalog: &Catalog) -> MetricValue {
    MetricReference::parse(name, catalog)
        .map_or(MetricValue::Absent, |reference| value(record, catalog, &reference.metric, Window::Run))
}

/// Statuses of errors, and the components that made some, in any replication.
fn error_names(catalog: &Catalog, records: &[ReplicationRecord]) -> (Vec<u16>, Vec<ComponentId>) {
    let all = || records.iter().flat_map(|r| r.run().errors.iter().map(|(key, _)| *key));
    let mut statuses: Vec<u16> = all().map(|(status, ..)| status).filter(|s| *s != 0).collect();
    statuses.sort_unstable();
    statuses.dedup();
    let ids = catalog.components.iter().map(|c| c.id).chain(catalog.clients.iter().map(|c| c.id));
    (statuses, ids.filter(|id| all().any(|(_, origin, _)| origin == *id)).collect())
}

fn metrics(catalog: &Catalog, records: &[ReplicationRecord]) -> Vec<(String, Estimate)> {
    let (statuses, origins) = error_names(catalog, records);
    let mut names = standard_names(catalog);
    names.extend(statuses.iter().map(|status| format!("errors.{status}")));
    names.extend(origins.iter().map(|id| format!("errors.from.{}", catalog.name(*id))));
    let all: Vec<&ReplicationRecord> = records.iter().collect();
    let mut rows = Vec::with_capacity(names.len());
    for name in names {
        let Ok(MetricReference { metric, .. }) = MetricReference::parse(&name, catalog) else { continue };
        let each: Vec<MetricValue> =
            records.iter().map(|record| value(record, catalog, &metric, Window::Run)).collect();
        let optional = matches!(
            metric,
            Metric::TimeToRecover
                | Metric::DrainTime(_)
                | Metric::CompletionTime(..)
                | Metric::Cost
                | Metric::CostPerMillionGood
                | Metric::CostOf(_)
                | Metric::CostPerSpike
                | Metric::CostOfRedundancy
                | Metric::HitRatio(_)
                | Metric::StaleReads(_)
                | Metric::Staleness(_)
                | Metric::VersionsBehind(..)
                | Metric::WriteAmplification(_)
                | Metric::CacheWrites(_)
                | Metric::Divergence(_)
                | Metric::Store(..)
                | Metric::Offload(..)
                | Metric::Resources(..)
        );
        if optional && each.iter().all(|v| *v == MetricValue::Absent) {
            continue;
        }
        let mut row = sampled(&metric, catalog, &all, Window::Run, each).estimate(metric.unit());
        row.cut_to(metric.domain());
        rows.push((name, row));
    }
    rows
}

fn conservation(records: &[ReplicationRecord]) -> Conservation {
    let mut sum = Conservation::default();
    for record in records {
        let total = record.total();
        sum.sent += total.sent;
        sum.good += total.good;
        sum.abandoned += total.abandoned;
        sum.failed += total.finished - total.good - total.abandoned;
        sum.in_flight += total.sent.saturating_sub(total.finished);
        sum.calls_opened += total.calls_opened;
        sum.calls_closed += total.calls_closed;
        // Counted by component, apart from the totals, so that the two can contradict each other.
        sum.calls_in_flight +=
            record.last[record.resources..].iter().map(|(present, _)| u64::from(*present)).sum::<u64>();
    }
    sum
}

fn messages(catalog: &Catalog, records: &[ReplicationRecord]) -> Vec<MessageRow> {
    let keeps_messages = |component: &&crate::metrics::ComponentInfo| {
        catalog.resources.iter().any(|r| r.component == component.id && r.role == Role::Messages)
    };
    let queues = catalog.components.iter().filter(keeps_messages);
    let row = |component: &crate::metrics::ComponentInfo| {
        let mut row = MessageRow { queue: component.name.clone(), ..MessageRow::default() };
        for record in records {
            let total = record.total();
            let events = total.queues.get(component.id.index()).copied().unwrap_or_default();
            row.published += events.count(Fate::Published);
            row.acked += events.count(Fate::Acked);
            row.dead_lettered += events.count(Fate::DeadLettered);
            row.expired += events.count(Fate::Expired);
            row.dropped += events.count(Fate::Dropped);
            row.lost += events.count(Fate::Lost);
            row.redelivered += events.count(Fate::Redelivered);
            row.duplicates += events.count(Fate::Duplicate);
            for resource in catalog.resources.iter().filter(|r| r.component == component.id) {
                let present = record.last.get(resource.id.index()).map_or(0, |(present, _)| *present);
                match resource.role {
                    Role::Messages => row.waiting += u64::from(present),
                    Role::Deliveries => row.in_flight += u64::from(present),
                    _ => {}
                }
            }
        }
        row
    };
    queues.map(row).collect()
}

pub(super) fn errors(catalog: &Catalog, slices: &[Slice<'_>]) -> Vec<ErrorRow> {
    let ended: u64 = slices.iter().map(|slice| slice.cohort.ended()).sum();
    let mut counts: Vec<((u16, ComponentId, Reason), u64)> = Vec::new();
    for (key, n) in slices.iter().flat_map(|slice| &slice.cohort.errors) {
        match counts.iter_mut().find(|(other, _)| other == key) {
            Some((_, count)) => *count += n,
            None => counts.push((*key, *n)),
        }
    }
    counts.sort_by_key(|&(key, n)| (std::cmp::Reverse(n), key));
    let row = |((status, origin, reason), count): ((u16, ComponentId, Reason), u64)| ErrorRow {
        component: catalog.name(origin).to_owned(),
        reason: reason.words().to_owned(),
        status,
        count,
        share: count as f64 / ended.max(1) as f64,
    };
    counts.into_iter().map(row).collect()
}

fn endpoints(catalog: &Catalog, records: &[ReplicationRecord]) -> Vec<EndpointRow> {
    let names = catalog.clients.iter().flat_map(|c| c.operations.iter().map(move |operation| (c, operation)));
    let mut rows = Vec::new();
    for (slot, (client, operation)) in names.enumerate() {
        let (mut sent, mut good, mut errors) = (0, 0, 0);
        let mut latency = LatencyDistribution::new(3);
        for endpoint in records.iter().filter_map(|r| r.run().endpoints.get(slot)) {
            sent += endpoint.sent;
            good += endpoint.good;
            errors += endpoint.errors;
            latency.merge(&endpoint.latency);
        }
        rows.push(EndpointRow {
            client: client.name.clone(),
            endpoint: operation.clone(),
            sent,
            good,
            errors,
            p50: latency.percentile(0.5),
            p99: latency.percentile(0.99),
        });
    }
    rows
}

fn role_name(role: Role, catalog: &Catalog) -> String {
    match role {
        Role::Cpu => "cpu".to_owned(),
        Role::Workers => "workers".to_owned(),
        Role::Io => "io".to_owned(),
        Role::Connections => "connections".to_owned(),
        Role::Pool(target) => format!("pool({})", catalog.name(target)),
        Role::Locks => "locks".to_owned(),
        Role::Wal => "wal".to_owned(),
        Role::Link => "link".to_owned(),
        Role::Store => "store".to_owned(),
        Role::Shield => "shield".to_owned(),
        Role::Quota => "throttled".to_owned(),
        Role::Memory => "memory".to_owned(),
        Role::Limit => "limit".to_owned(),
        Role::Instances => "instances".to_owned(),
        Role::Messages => "messages".to_owned(),
        Role::Deliveries => "deliveries".to_owned(),
        Role::Lag | Role::OffsetLag => "lag".to_owned(),
        Role::Outage => "outage".to_owned(),
        Role::Backlog => "depth".to_owned(),
        Role::Completion => "completion".to_owned(),
        Role::Stopped => "stopped".to_owned(),
        Role::Age => "oldest_age".to_owned(),
        Role::InDoubt => "in_doubt".to_owned(),
    }
}

pub(super) fn resources(catalog: &Catalog, parts: &[Slice<'_>]) -> Vec<ResourceRow> {
    let mut rows = Vec::new();
    for component in &catalog.components {
        let ours: Vec<(usize, &ResourceInfo)> =
            catalog.resources.iter().enumerate().filter(|(_, r)| r.component == component.id).collect();
        // What a store found are metrics, and so is what a log has; they have no servers that work could wait for.
        // What consumers have is limited by them, and has a metric of its own.
        let shown = |role: Role| {
            !role.keeps_copies() && !role.is_reading() && !role.is_of_a_log() && role != Role::Deliveries
        };
        let ours: Vec<_> = ours.into_iter().filter(|(_, r)| shown(r.role)).collect();
        let mut roles: Vec<Role> = ours.iter().map(|(_, r)| r.role).collect();
        roles.sort_unstable();
        roles.dedup();
        // How many there are is a metric of its own, and nothing that is used.
        for role in roles.into_iter().filter(|role| *role != Role::Instances) {
            let of_role: Vec<(usize, u32)> =
                ours.iter().filter(|(_, r)| r.role == role).map(|(i, r)| (*i, r.instance)).collect();
            let all: Vec<usize> = of_role.iter().map(|(i, _)| *i).collect();
            let row = |instance, slots: &[usize]| {
                resource_row(&component.name, instance, role_name(role, catalog), slots, parts)
            };
            rows.push(row(None, &all));
            let mut instances: Vec<u32> = of_role.iter().map(|(_, instance)| *instance).collect();
            instances.dedup();
            if let Some(layout) = component.layout.filter(|layout| layout.members() > 1) {
                // Each member by its own name, so that a bottleneck is one of them.
                rows.extend(of_role.iter().map(|(slot, member)| {
                    let name = format!("{}.{}", component.name, layout.name(*member as u16));
                    resource_row(&name, None, role_name(role, catalog), &[*slot], parts)
                }));
            } else if instances.len() > 1 && role != Role::Link {
                rows.extend(instances.iter().map(|instance| {
                    let slots = of_role.iter().filter(|(_, i)| i == instance).map(|(slot, _)| *slot);
                    row(Some(*instance), &slots.collect::<Vec<_>>())
                }));
            }
        }
    }
    rows
}

fn resource_row(
    component: &str,
    instance: Option<u32>,
    role: String,
    slots: &[usize],
    parts: &[Slice<'_>],
) -> ResourceRow {
    let mut sum = Usage::default();
    let mut span = 0.0;
    let mut waits = LatencyDistribution::new(3);
    for part in parts {
        span += part.span();
        for &slot in slots {
            sum.add(&part.record.usage_in(slot, part.from, part.to));
            if let Some(more) = part.cohort.waits.get(slot) {
                waits.merge(more);
            }
        }
    }
    let of = |gauge| gauge_of(gauge, &sum, span).number();
    let discrepancy = |a: f64, b: f64| (a > 0.0 && b > 0.0).then(|| (a - b).abs() / a);
    ResourceRow {
        component: component.to_owned(),
        instance,
        role,
        servers: if span > 0.0 { sum.servers / span } else { 0.0 },
        offered_utilisation: of(Gauge::Offered).filter(|_| sum.demanded > 0.0),
        utilisation: of(Gauge::Utilisation),
        mean_queue: of(Gauge::Queue).unwrap_or(0.0),
        max_queue: u64::from(sum.max_waiting),
        mean_wait: of(Gauge::Wait(Statistic::Mean)),
        p99_wait: waits.percentile(0.99),
        littles_law: discrepancy(sum.present, sum.stayed),
        utilisation_law: discrepancy(sum.busy, sum.demanded),
    }
}

/// What is paid for, item by item.
fn bill(catalog: &Catalog, records: &[ReplicationRecord]) -> Vec<BillRow> {
    let sums: Vec<Events> = records.iter().map(|r| r.events_in(r.plan.warmup, SimTime::MAX)).collect();
    let row = |item: &BillItem| {
        let each: Vec<(f64, f64)> = records
            .iter()
            .zip(&sums)
            .map(|(record, events)| {
                let usage = |slot| record.usage_in(slot, record.plan.warmup, SimTime::MAX);
                let span = record.end.since(record.plan.warmup).as_nanos() as f64;
                let stretch = Stretch { catalog, resources: record.resources, events, usage: &usage, span };
                (stretch.quantity(item), stretch.per_hour_of(item))
            })
            .collect();
        let over = |of: fn(&(f64, f64)) -> f64| each.iter().map(of).sum::<f64>() / each.len().max(1) as f64;
        BillRow {
            component: item.component.map(|id| catalog.name(id).to_owned()),
            what: item.charge.words().1.to_owned(),
            quantity: over(|(quantity, _)| *quantity),
            price: item.tariff.price.to_string(),
            unverified: item.tariff.unverified,
            per_hour: over(|(_, money)| *money),
        }
    };
    catalog.bill.iter().map(row).collect()
}

/// One replication's sums over one bucket.
struct Bucket {
    span: f64,
    events: Events,
    usage: Vec<Usage>,
}

fn buckets(record: &ReplicationRecord) -> Vec<Bucket> {
    let mut buckets: Vec<Bucket> = Vec::new();
    for row in &record.rows {
        while buckets.len() <= row.bucket {
            let usage = vec![Usage::default(); row.usage.len()];
            buckets.push(Bucket { span: 0.0, events: Events::default(), usage });
        }
        let bucket = &mut buckets[row.bucket];
        bucket.span += row.end.since(row.start).as_nanos() as f64;
        bucket.events.add(&row.events);
        for (sum, usage) in bucket.usage.iter_mut().zip(&row.usage) {
            sum.add(usage);
        }
    }
    buckets
}

fn column(name: String, unit: Unit, runs: &[Vec<Option<f64>>]) -> SeriesColumn {
    let length = runs.iter().map(Vec::len).max().unwrap_or(0);
    let mut column = SeriesColumn { name, unit, median: Vec::new(), low: Vec::new(), high: Vec::new() };
    for i in 0..length {
        let mut values: Vec<f64> = runs.iter().filter_map(|run| run.get(i).copied().flatten()).collect();
        values.sort_unstable_by(f64::total_cmp);
        column.median.push(interpolated(&values, 0.5));
        column.low.push(interpolated(&values, 0.1));
        column.high.push(interpolated(&values, 0.9));
    }
    column
}

fn lookups(bucket: &Bucket, stores: &[usize]) -> Lookups {
    let mut sum = Lookups::default();
    stores.iter().filter_map(|store| bucket.events.lookups.get(*store)).for_each(|one| sum.add(one));
    sum
}

fn series(catalog: &Catalog, records: &[ReplicationRecord]) -> Series {
    let Some(first) = records.first() else { return Series::default() };
    let width = first.plan.bucket.as_secs_f64();
    let runs: Vec<Vec<Bucket>> = records.iter().map(buckets).collect();
    let length = runs.iter().map(Vec::len).max().unwrap_or(0);
    let mut columns = Vec::new();
    let mut rate = |name: String, count: &dyn Fn(&Events) -> u64| {
        let per_second = |b: &Bucket| (b.span > 0.0).then(|| count(&b.events) as f64 * 1e9 / b.span);
        let values: Vec<Vec<Option<f64>>> =
            runs.iter().map(|run| run.iter().map(per_second).collect()).collect();
        columns.push(column(name, Unit::PerSecond, &values));
    };
    rate("offered".to_owned(), &|e| e.sent);
    rate("throughput".to_owned(), &|e| e.finished);
    rate("goodput".to_owned(), &|e| e.good);
    let mut statuses: Vec<u16> =
        runs.iter().flatten().flat_map(|b| b.events.errors.iter().map(|(s, _)| *s)).collect();
    statuses.extend([503]);
    statuses.retain(|status| *status != 0);
    statuses.sort_unstable();
    statuses.dedup();
    for status in statuses {
        rate(format!("errors.{status}"), &|e| {
            e.errors.iter().filter(|(s, _)| *s == status).map(|(_, n)| n).sum()
        });
    }
    rate("timeouts".to_owned(), &|e| e.timeouts);
    rate("reattempts".to_owned(), &|e| e.reattempted);
    if MetricReference::parse("ryw_violations", catalog).is_ok() {
        rate("ryw_violations".to_owned(), &|e| e.own_writes_unread);
    }
    let latency = |pick: fn(&crate::metrics::BucketLatency) -> Option<f64>| -> Vec<Vec<Option<f64>>> {
        records.iter().map(|r| r.latencies.iter().map(pick).collect()).collect()
    };
    columns.push(column("p50".to_owned(), Unit::Seconds, &latency(|l| l.p50)));
    columns.push(column("p99".to_owned(), Unit::Seconds, &latency(|l| l.p99)));
    columns.push(column("p99.9".to_owned(), Unit::Seconds, &latency(|l| l.p999)));
    for name in gauge_names(catalog) {
        let Ok(MetricReference { metric, .. }) = MetricReference::parse(&name, catalog) else { continue };
        let of_resources = |gauge: Gauge, resources: &[usize], b: &Bucket| {
            let mut sum = Usage::default();
            resources.iter().filter_map(|r| b.usage.get(*r)).for_each(|usage| sum.add(usage));
            gauge_of(gauge, &sum, b.span).number()
        };
        let of = |b: &Bucket, record: &ReplicationRecord| match &metric {
            Metric::Cost => {
                let usage = |slot: usize| b.usage.get(slot).copied().unwrap_or_default();
                let (resources, events, span) = (record.resources, &b.events, b.span);
                Stretch { catalog, resources, events, usage: &usage, span }.total()
            }
            Metric::Resources(gauge, resources) => of_resources(*gauge, resources, b),
            Metric::Worst(members) => members
                .iter()
                .filter_map(|member| match member {
                    Metric::Resources(gauge, resources) => of_resources(*gauge, resources, b),
                    _ => None,
                })
                .reduce(f64::max),
            Metric::InFlight(component) => {
                let usage = b.usage.get(record.visits(*component))?;
                (b.span > 0.0).then(|| usage.present / b.span)
            }
            Metric::Store(gauge, stores) => store_of(*gauge, &lookups(b, stores), b.span).number(),
            Metric::Offload(edge, all) => offload_of(&lookups(b, edge), &lookups(b, all)).number(),
            Metric::MessageAge(AgeOf::Mean, queue) => {
                let events = b.events.queues.get(queue.index())?;
                (b.span > 0.0).then(|| events.aged / 1e9 / b.span)
            }
            Metric::Completions(queue) => {
                let events = b.events.queues.get(queue.index())?;
                (b.span > 0.0).then(|| events.completed as f64 * 1e9 / b.span)
            }
            Metric::HitRatio(entity) => {
                let (decided, asked) = b.events.decided.get(entity.index()).copied().unwrap_or_default();
                (decided > 0).then(|| (decided - asked) as f64 / decided as f64)
            }
            Metric::StaleReads(entity) => {
                let rows = b.events.rows.get(entity.index()).filter(|rows| rows.reads > 0)?;
                Some(rows.stale as f64 / rows.reads as f64)
            }
            _ => None,
        };
        let values: Vec<Vec<Option<f64>>> = runs
            .iter()
            .zip(records)
            .map(|(run, record)| run.iter().map(|b| of(b, record)).collect())
            .collect();
        if values.iter().flatten().any(Option::is_some) {
            columns.push(column(name, metric.unit(), &values));
        }
    }
    Series { bucket: width, t: (0..length).map(|i| i as f64 * width).collect(), columns }
}

fn gauge_names(catalog: &Catalog) -> Vec<String> {
    let copies = catalog.resources.iter().any(|resource| resource.role == Role::Store);
    let over_time = |name: &String| {
        [
            ".cpu",
            ".offered_cpu",
            ".utilisation",
            ".queue",
            ".in_flight",
            ".connections",
            ".limit",
            ".instances",
            ".lag",
            ".hit_ratio",
            ".offload",
            ".depth",
            ".oldest_age",
            ".completions",
        ]
        .iter()
        .any(|tail| name.ends_with(tail))
            || name == "cost" && !catalog.bill.is_empty()
            || copies && ["hit_ratio(", "stale_reads("].iter().any(|head| name.starts_with(head))
    };
    standard_names(catalog).into_iter().filter(over_time).collect()
}

fn notices(results: &VariantResults, records: &[ReplicationRecord]) -> Vec<String> {
    let mut notices = Vec::new();
    for row in results.messages.iter().filter(|row| !row.holds()) {
        notices.push(format!("messages of `{}` are not accounted for: these results are wrong", row.queue));
    }
    if !results.conservation.holds() {
        notices.push("requests or calls were lost or counted twice: these results are wrong".to_owned());
    }
    let fewest = records.iter().map(|r| r.run().good()).min().unwrap_or(0);
    let thin: Vec<&str> = [("p99", 0.99), ("p99.9", 0.999)]
        .into_iter()
        .filter(|(_, share)| fewest as f64 * (1.0 - share) < ENOUGH_ABOVE - 1e-6)
        .map(|(name, _)| name)
        .collect();
    if !thin.is_empty() && !records.is_empty() {
        notices.push(format!(
            "{} rests on fewer than 100 answers above it per replication ({fewest} good answers in the shortest): \
             its interval may be too narrow",
            thin.join(" and "),
        ));
    }
    let clamped: u64 = records.iter().flat_map(|r| &r.run().endpoints).map(|e| e.latency.clamped()).sum();
    if clamped > 0 {
        notices.push(format!("{clamped} latencies above one day count as one day in percentiles"));
    }
    if results.replications == 1 {
        notices.push("one replication: no confidence intervals".to_owned());
    }
    notices
}
