//! The value of a metric in one replication, over a window.
//!
//! Rules: latencies and shares are over the requests that started in the window; rates count what happened
//! in it; gauges are time averages over it. [`Window::End`] takes gauges at the last instant and everything
//! else over the whole run. The whole run begins after the warm-up. What has nothing to be measured on
//! (the p99 of no requests) is [`MetricValue::Absent`], and so is a window that the recorder was not asked for.

use super::bill::Stretch;
use super::catalog::Catalog;
use super::consistency::Consistency;
use super::counters::Cohort;
use super::error_budget::{alert_at, burn_rate};
use super::latency::LatencyDistribution;
use super::lookups::Lookups;
use super::queues::QueueEvents;
use super::recorder::ReplicationRecord;
use super::time_weighted::Usage;
use super::value::MetricValue;
use super::vocabulary::{AgeOf, Gauge, Metric, Requests, Statistic, StoreGauge};
use crate::base::SimTime;
use crate::engine::{LAG_UNIT, Reason};

/// Over which part of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// The whole run after the warm-up.
    Run,
    /// Gauges at the last instant, all else over the whole run.
    End,
    /// `[from, to)`.
    During(SimTime, SimTime),
}

fn share(part: u64, whole: u64) -> MetricValue {
    if whole == 0 { MetricValue::Absent } else { MetricValue::Number(part as f64 / whole as f64) }
}

fn ratio(part: f64, whole: f64) -> MetricValue {
    MetricValue::from_f64(part / whole)
}

/// `statistic` of `distribution`.
#[must_use]
pub fn statistic_of(statistic: Statistic, distribution: &LatencyDistribution) -> MetricValue {
    match statistic {
        Statistic::Mean => distribution.mean(),
        Statistic::Percentile(p) => distribution.percentile(p),
        Statistic::Max => distribution.max(),
    }
    .into()
}

/// The latencies that `requests` means, merged.
#[must_use]
pub fn latencies(cohort: &Cohort, requests: &Requests, catalog: &Catalog) -> LatencyDistribution {
    if *requests == Requests::Errors {
        return cohort.failures.clone();
    }
    let mut merged = LatencyDistribution::new(3);
    let names = catalog.clients.iter().flat_map(|client| &client.operations);
    for (endpoint, name) in cohort.endpoints.iter().zip(names) {
        if !matches!(requests, Requests::Endpoint(only) if only != name) {
            merged.merge(&endpoint.latency);
        }
    }
    merged
}

/// The value of `gauge` where `usage` is what `span` nanoseconds amount to; a wait is the mean one.
#[must_use]
pub fn gauge_of(gauge: Gauge, usage: &Usage, span: f64) -> MetricValue {
    match gauge {
        Gauge::Utilisation | Gauge::Offered if usage.servers.is_infinite() => MetricValue::Absent,
        Gauge::Utilisation => ratio(usage.busy, usage.servers),
        Gauge::Offered => ratio(usage.demanded, usage.servers),
        Gauge::Queue => ratio(usage.waiting(), span),
        Gauge::QueueMax => MetricValue::Number(f64::from(usage.max_waiting)),
        Gauge::Busy => ratio(usage.busy, span),
        Gauge::Age => ratio(usage.busy / 1e3, span),
        Gauge::Servers => ratio(usage.servers, span),
        Gauge::Lag => ratio(usage.present * LAG_UNIT, span),
        Gauge::Duration => MetricValue::Number(usage.present / 1e9),
        Gauge::Wait(_) => ratio(usage.waited / 1e9, f64::from(usage.granted)),
    }
}

/// The value of `gauge` where stores counted `sum` in `span` nanoseconds.
#[must_use]
pub fn store_of(gauge: StoreGauge, sum: &Lookups, span: f64) -> MetricValue {
    match gauge {
        StoreGauge::HitRatio => share(sum.served(), sum.looked_up()),
        StoreGauge::Joined => share(sum.joined, sum.looked_up()),
        StoreGauge::Stale => share(sum.stale, sum.looked_up()),
        StoreGauge::Evictions => MetricValue::Number(sum.evicted as f64),
        StoreGauge::Fills => ratio(sum.fetches as f64 * 1e9, span),
        StoreGauge::ByteHitRatio => ratio(sum.delivered as f64 - sum.fetched as f64, sum.delivered as f64),
    }
}

/// The share of requests to the stores that counted `edge` for which the origin was not asked by any that
/// counted `all`. Below zero where retries make the origin see more than clients send.
#[must_use]
pub fn offload_of(edge: &Lookups, all: &Lookups) -> MetricValue {
    let requests = (edge.looked_up() + edge.bypassed) as f64;
    ratio(requests - all.origin_fetches as f64, requests)
}

struct View<'a> {
    record: &'a ReplicationRecord,
    catalog: &'a Catalog,
    cohort: &'a Cohort,
    from: SimTime,
    to: SimTime,
    at_end: bool,
}

/// The value of `metric` in `record` over `window`.
#[must_use]
pub fn value(record: &ReplicationRecord, catalog: &Catalog, metric: &Metric, window: Window) -> MetricValue {
    let view = match window {
        Window::Run | Window::End => View {
            record,
            catalog,
            cohort: record.run(),
            from: record.plan.warmup,
            to: SimTime::MAX,
            at_end: window == Window::End,
        },
        Window::During(from, to) => {
            let Some(cohort) = record.cohort(from, to) else { return MetricValue::Absent };
            View { record, catalog, cohort, from, to, at_end: false }
        }
    };
    view.value(metric)
}

impl View<'_> {
    /// The time that passed in the window, in nanoseconds.
    fn span(&self) -> f64 {
        self.record.rows_in(self.from, self.to).map(|row| row.end.since(row.start).as_nanos() as f64).sum()
    }

    fn per_second(&self, count: impl Fn(&super::Events) -> u64) -> MetricValue {
        let counted: u64 = self.record.rows_in(self.from, self.to).map(|row| count(&row.events)).sum();
        ratio(counted as f64 * 1e9, self.span())
    }

    fn value(&self, metric: &Metric) -> MetricValue {
        let cohort = self.cohort;
        match metric {
            Metric::Offered => self.per_second(|e| e.sent),
            Metric::Throughput => self.per_second(|e| e.finished),
            Metric::Goodput => self.per_second(|e| e.good),
            Metric::StatusRate(status) => {
                self.per_second(|e| e.errors.iter().filter(|(s, _)| s == status).map(|(_, n)| n).sum())
            }
            Metric::Availability => share(cohort.good(), cohort.ended()),
            Metric::Status(status) => self.errors(|s, _, _| s == *status),
            Metric::ErrorsFrom(component) => self.errors(|_, c, _| c == *component),
            Metric::Timeouts => self.errors(|_, _, r| matches!(r, Reason::Timeout | Reason::Deadline)),
            Metric::Abandoned => share(cohort.abandoned(), cohort.ended()),
            Metric::Unfinished => share(cohort.sent().saturating_sub(cohort.ended()), cohort.sent()),
            Metric::Degraded => share(cohort.degraded, cohort.good()),
            Metric::AttemptsPerRequest => share(cohort.attempts, cohort.ended()),
            Metric::WastedWork => {
                let events = self.record.events_in(self.from, self.to);
                share(events.served_for_nobody, events.served)
            }
            Metric::Latency(statistic, requests) => {
                statistic_of(*statistic, &latencies(cohort, requests, self.catalog))
            }
            Metric::Resources(gauge, resources) => self.gauge(*gauge, resources),
            Metric::InFlight(component) => {
                let slot = self.record.visits(*component);
                if self.at_end {
                    let present = self.record.last.get(slot).map(|(present, _)| f64::from(*present));
                    return present.into();
                }
                ratio(self.record.usage_in(slot, self.from, self.to).present, self.span())
            }
            Metric::Instances(fixed) => MetricValue::Number(f64::from(*fixed)),
            Metric::Skew(members) => {
                let values: Vec<f64> = members.iter().filter_map(|m| self.value(m).number()).collect();
                let sum: f64 = values.iter().sum();
                ratio(values.iter().copied().fold(0.0, f64::max) * values.len() as f64, sum)
            }
            Metric::Worst(members) => {
                let values = members.iter().filter_map(|m| self.value(m).number());
                values.reduce(f64::max).into()
            }
            Metric::TimeToRecover => self.record.time_to_recover(),
            Metric::Cost => self.cost_in(self.from, self.to).into(),
            Metric::CostOf(component) => self.cost_of(*component).into(),
            Metric::CostPerSpike => self.cost_per_spike().into(),
            Metric::CostOfRedundancy => self.cost_of_redundancy().into(),
            Metric::BurnRate(budget, window) => {
                burn_rate(self.record, (self.from, self.to), *budget, *window)
            }
            Metric::AlertAt(budget) => alert_at(self.record, (self.from, self.to), *budget),
            Metric::CostPerMillionGood => {
                let good_per_hour = self.per_second(|e| e.good).number().map(|rate| rate * 3600.0);
                let cost = self.cost_in(self.from, self.to);
                cost.zip(good_per_hour).map(|(cost, good)| cost / good * 1e6).into()
            }
            Metric::Store(gauge, stores) => store_of(*gauge, &self.lookups(stores), self.span()),
            Metric::Records(fate, backlogs) => {
                let events = self.record.events_in(self.from, self.to);
                let of = |backlog: &usize| events.records.get(*backlog).map_or(0, |all| all[*fate as usize]);
                MetricValue::Number(backlogs.iter().map(of).sum::<u64>() as f64)
            }
            Metric::Offload(edge, all) => offload_of(&self.lookups(edge), &self.lookups(all)),
            Metric::LostWrites => {
                MetricValue::Number(self.record.events_in(self.from, self.to).lost_writes as f64)
            }
            Metric::Transactions(what) => {
                let events = self.record.events_in(self.from, self.to);
                MetricValue::Number(events.transactions[*what as usize] as f64)
            }
            Metric::OwnWritesUnread => {
                MetricValue::Number(self.record.events_in(self.from, self.to).own_writes_unread as f64)
            }
            Metric::Messages(fate, queue) => MetricValue::Number(self.queue(*queue).count(*fate) as f64),
            Metric::MessageAge(AgeOf::Max, queue) => MetricValue::Number(self.queue(*queue).oldest / 1e9),
            Metric::MessageAge(AgeOf::Mean, queue) => {
                let events = self.queue(*queue);
                if self.at_end {
                    return MetricValue::Number(events.last / 1e9);
                }
                ratio(events.aged / 1e9, self.span())
            }
            Metric::CompletionTime(statistic, queue) => {
                let times = self.cohort.completions.get(queue.index());
                times.map_or(MetricValue::Absent, |times| statistic_of(*statistic, times))
            }
            Metric::Completions(queue) => ratio(self.queue(*queue).completed as f64 * 1e9, self.span()),
            Metric::DrainTime(queue) => {
                self.record.drained.get(queue.index()).copied().unwrap_or(MetricValue::Absent)
            }
            Metric::HitRatio(entity) => {
                let events = self.record.events_in(self.from, self.to);
                let (decided, asked) = events.decided.get(entity.index()).copied().unwrap_or_default();
                share(decided - asked, decided)
            }
            Metric::StaleReads(entity) => {
                let rows = self.rows(entity.index());
                share(rows.stale, rows.reads)
            }
            Metric::Staleness(entity) => {
                let rows = self.rows(entity.index());
                ratio(rows.age as f64 / 1e9, rows.stale as f64)
            }
            Metric::VersionsBehind(statistic, entity) => {
                let rows = self.rows(entity.index());
                match statistic {
                    Statistic::Mean => ratio(rows.behind as f64, rows.reads as f64),
                    Statistic::Percentile(p) => rows.behind_at(*p).map(|n| n as f64).into(),
                    Statistic::Max => rows.behind_at(1.0).map(|n| n as f64).into(),
                }
            }
            Metric::ReadsGoneBack => {
                MetricValue::Number(self.record.events_in(self.from, self.to).reads_gone_back as f64)
            }
            Metric::WriteAmplification(entity) => {
                let rows = self.rows(entity.index());
                share(rows.store_writes, rows.acknowledged)
            }
            Metric::CacheWrites(entity) => {
                let rows = self.rows(entity.index());
                share(rows.cache_writes, rows.acknowledged)
            }
            Metric::Divergence(entity) => {
                let (held, differing) = self.record.copies.get(entity.index()).copied().unwrap_or_default();
                share(differing, held)
            }
        }
    }

    fn errors(&self, which: impl Fn(u16, crate::base::ComponentId, Reason) -> bool) -> MetricValue {
        share(self.cohort.errors_where(which), self.cohort.ended())
    }

    fn rows(&self, entity: usize) -> Consistency {
        let mut rows = self.record.events_in(self.from, self.to).rows;
        if entity < rows.len() { rows.swap_remove(entity) } else { Consistency::default() }
    }

    fn queue(&self, queue: crate::base::ComponentId) -> QueueEvents {
        let mut sum = QueueEvents::default();
        for row in self.record.rows_in(self.from, self.to) {
            if let Some(events) = row.events.queues.get(queue.index()) {
                sum.add(events);
            }
        }
        sum
    }

    fn lookups(&self, stores: &[usize]) -> Lookups {
        let mut sum = Lookups::default();
        for row in self.record.rows_in(self.from, self.to) {
            stores.iter().filter_map(|store| row.events.lookups.get(*store)).for_each(|one| sum.add(one));
        }
        sum
    }

    /// Money per hour in a part of the run.
    fn cost_in(&self, from: SimTime, to: SimTime) -> Option<f64> {
        let events = self.record.events_in(from, to);
        let usage = |slot| self.record.usage_in(slot, from, to);
        let span = self.record.rows_in(from, to).map(|row| row.end.since(row.start).as_nanos() as f64).sum();
        let resources = self.record.resources;
        Stretch { catalog: self.catalog, resources, events: &events, usage: &usage, span }.total()
    }

    /// Money spent in a spike, from its start to the end of its hold, on average over them.
    fn cost_per_spike(&self) -> Option<f64> {
        let spent = |&(from, to): &(SimTime, SimTime)| {
            let to = to.min(self.record.end);
            Some(self.cost_in(from, to)? * to.since(from).as_secs_f64() / 3_600.0)
        };
        let spikes: Vec<f64> = self.catalog.spikes.iter().filter_map(spent).collect();
        (!spikes.is_empty()).then(|| spikes.iter().sum::<f64>() / spikes.len() as f64)
    }

    /// Money per hour for cores that were idle even in the busiest bucket.
    fn cost_of_redundancy(&self) -> Option<f64> {
        let events = self.record.events_in(self.from, self.to);
        let usage = |slot| self.record.usage_in(slot, self.from, self.to);
        let (catalog, resources, span) = (self.catalog, self.record.resources, self.span());
        let busiest = |cores: &[usize]| {
            let mut buckets: Vec<(usize, Usage)> = Vec::new();
            for row in self.record.rows_in(self.from, self.to) {
                if buckets.last().is_none_or(|(bucket, _)| *bucket != row.bucket) {
                    buckets.push((row.bucket, Usage::default()));
                }
                let Some((_, sum)) = buckets.last_mut() else { continue };
                cores.iter().filter_map(|slot| row.usage.get(*slot)).for_each(|usage| sum.add(usage));
            }
            let busy = buckets.iter().filter(|(_, sum)| sum.servers > 0.0 && sum.servers.is_finite());
            busy.map(|(_, sum)| sum.busy / sum.servers).reduce(f64::max)
        };
        Stretch { catalog, resources, events: &events, usage: &usage, span }.spare(&busiest)
    }

    /// Money per hour of one component, with what its own traffic costs.
    fn cost_of(&self, component: crate::base::ComponentId) -> Option<f64> {
        let events = self.record.events_in(self.from, self.to);
        let usage = |slot| self.record.usage_in(slot, self.from, self.to);
        let (catalog, resources, span) = (self.catalog, self.record.resources, self.span());
        let stretch = Stretch { catalog, resources, events: &events, usage: &usage, span };
        let ours = catalog.bill.iter().filter(|item| item.component == Some(component));
        ours.map(|item| stretch.per_hour_of(item)).reduce(|a, b| a + b).filter(|_| span > 0.0)
    }

    fn gauge(&self, gauge: Gauge, resources: &[usize]) -> MetricValue {
        if let Gauge::Wait(Statistic::Percentile(_) | Statistic::Max) = gauge {
            return self.wait(gauge, resources);
        }
        if self.at_end
            && let Some(value) = self.last(gauge, resources)
        {
            return value;
        }
        let mut sum = Usage::default();
        for &resource in resources {
            sum.add(&self.record.usage_in(resource, self.from, self.to));
        }
        gauge_of(gauge, &sum, self.span())
    }

    fn wait(&self, gauge: Gauge, resources: &[usize]) -> MetricValue {
        let Gauge::Wait(statistic) = gauge else { return MetricValue::Absent };
        let mut merged = LatencyDistribution::new(3);
        for &resource in resources {
            if let Some(waits) = self.cohort.waits.get(resource) {
                merged.merge(waits);
            }
        }
        statistic_of(statistic, &merged)
    }

    /// The gauge at the last instant; `None` for what is no gauge.
    fn last(&self, gauge: Gauge, resources: &[usize]) -> Option<MetricValue> {
        let (mut busy, mut waiting, mut servers) = (0.0, 0.0, 0.0);
        for &resource in resources {
            let &(present, available) = self.record.last.get(resource)?;
            let present = f64::from(present);
            busy += present.min(available);
            waiting += (present - available).max(0.0);
            servers += available;
        }
        match gauge {
            Gauge::Utilisation if servers.is_infinite() => Some(MetricValue::Absent),
            Gauge::Utilisation => Some(ratio(busy, servers)),
            Gauge::Queue => Some(MetricValue::Number(waiting)),
            Gauge::Busy => Some(MetricValue::Number(busy)),
            Gauge::Age => Some(MetricValue::Number(busy / 1e3)),
            Gauge::Servers => Some(MetricValue::Number(servers)),
            Gauge::Lag => Some(MetricValue::Number(busy.max(waiting) * LAG_UNIT)),
            Gauge::Offered | Gauge::QueueMax | Gauge::Wait(_) | Gauge::Duration => None,
        }
    }
}
