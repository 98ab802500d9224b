//! What each metric means: the text behind `explain METRIC`.

/// A metric in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The name, `<c>` for a component, `pNN` for any percentile.
    pub name: &'static str,
    /// What it is.
    pub meaning: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// How it is computed.
    pub formula: &'static str,
    /// What it does not say.
    pub limits: &'static str,
}

macro_rules! explanations {
    ($($name:literal: $meaning:literal, $unit:literal, $formula:literal, $limits:literal;)*) => {
        /// Every metric, in the order of a report.
        pub const EXPLANATIONS: &[Explanation] = &[$(Explanation {
            name: $name, meaning: $meaning, unit: $unit, formula: $formula, limits: $limits,
        }),*];
    };
}

explanations! {
    "offered": "requests sent by clients", "1/s", "sent in the window / its length", "retries and reloads are not counted";
    "throughput": "requests that ended, whatever the outcome", "1/s", "ended in the window / its length", "errors count too";
    "goodput": "good answers within their deadline", "1/s", "good answers in the window / its length", "counted when they arrive";
    "availability": "share of good answers", "share", "good / (sent - in flight), of requests started in the window", "says nothing of unfinished requests";
    "rate_503": "share of requests that ended with a 503; the same as errors.503", "share", "503s / (sent - in flight)", "the final outcome: a 503 that a retry made good is not in it";
    "errors.<code>": "share of requests that ended with this status", "share", "such ends / (sent - in flight); `.rate`: in the window, per second", "final outcomes only";
    "errors.from.<c>": "share of requests whose error this component made", "share", "such ends / (sent - in flight)", "whoever passes an error on is not its origin";
    "timeouts": "share of requests that ended by a timeout or deadline", "share", "such ends / (sent - in flight)", "a server's own timeout answer counts too";
    "abandoned": "share of requests that their client gave up", "share", "given up / (sent - in flight)", "nobody answered them in time";
    "unfinished": "share of requests still open when the run was cut", "share", "(sent - ended) / sent", "a large share means that the run was cut during overload";
    "attempts_per_request": "amplification by retries and reloads", "ratio", "attempts / requests, of those that ended", "attempts between components are not in it";
    "wasted_work": "share of served visits whose caller had left", "share", "successful visits for nobody / successful visits", "visits count alike, however long";
    "mean": "mean latency of good answers", "s", "intended start to last byte, exact sum / count", "errors are excluded: `mean(errors)`";
    "pNN": "percentile of the latency of good answers", "s", "nearest rank, upper bound of its histogram bucket (0.1 %); mean over replications", "needs 100 answers above it per replication; of a merged histogram: `pooled`";
    "max": "largest latency of a good answer", "s", "exact", "grows with the length of the run";
    "<c>.cpu": "busy cores / cores", "share", "integral of min(present, cores) / integral of cores; instances together", "at most 1: the overload shows in offered_cpu";
    "<c>.offered_cpu": "work asked for / capacity", "share", "sum of demands / integral of cores", "may exceed 1";
    "<c>.utilisation": "workers in use / workers", "share", "as cpu, over workers; cores where there are none", "absent where unlimited";
    "<c>.queue": "number waiting", "count", "integral of max(0, present - servers) / length, summed over instances", "`.max`: the largest at one instance";
    "<c>.wait": "time until granted", "s", "sum of waits / grants, pooled over instances; `.pNN` from the histogram", "those who left ungranted are not in it";
    "<c>.in_flight": "visits open", "count", "integral of open visits / length", "waiting and served together";
    "<c>.instances": "instances in service", "count", "integral of those in service / length", "neither those that boot nor those that drain; `cost` counts both";
    "<c>.pool(<target>)": "a caller's connections: .utilisation .queue .queue.max .wait .wait.pNN .in_flight", "as above", "as above", "one pool per instance; summed or pooled";
    "<c>.connections": "connections in use", "count", "integral of those open / length", "refused ones are errors";
    "<c>.hit_ratio": "share of look-ups that a store of copies answered (`cdn[0]`: one place; `cdn.shield`: the tier behind)", "share", "(fresh + stale hits) / look-ups", "a request that joins a fetch under way is no hit; what is not kept is not looked up";
    "<c>.byte_hit_ratio": "share of the bytes that came from the store", "share", "(bytes delivered - bytes fetched) / bytes delivered", "negative where fetches in the background bring more than is asked for";
    "<c>.fills": "fetches of a store from the tier behind it or the origin", "1/s", "fetches that ended in the window / its length", "those in the background, and what is not kept, are in it";
    "<c>.collapsed": "share of look-ups that joined a fetch under way", "share", "joined / look-ups", "says nothing of how long they waited";
    "<c>.stale": "share of look-ups answered past their time", "share", "stale hits / look-ups", "only where `swr` or `sie` allow it";
    "<c>.offload": "share of requests that the origin never saw", "share", "(requests - fetches from the origin) / requests, at all tiers", "`cdn[0]`: as that place alone sees it, before a shield";
    "skew(<metric>)": "imbalance over the members", "ratio", "largest / mean", "1 is even; absent when all are zero";
    "time_to_recover": "from the end of the last spike to health", "s", "first second from which over 30 s 99 % of those sent get a good answer", "`never` if that does not come within the run";
    "cost": "money per hour", "$/h", "sum of price x instances, plus egress", "only what the scenario has prices for";
    "cost_per_million_good": "money per million good answers", "$", "cost / (goodput x 3600) x 1,000,000", "absent without a good answer";
    "<c>.evictions": "items of a cache that gave way to others", "count", "such items in the window", "what expired or was deleted is not in it";
    "hit_ratio(<entity>)": "share of reads through caches for which the store was not asked", "share", "(reads - reads that fetched) / reads, over all layers", "who joins a fetch of somebody else asks nothing; one layer's own: `redis.hit_ratio`";
    "<c>.depth": "records of a log that were not read yet", "count", "integral of those beyond the consumers' positions / length, over the groups", "`.max`: the most in one group";
    "<c>.lag": "records of a log beyond the offsets that its groups have stored", "count", "looked at once a second", "what is in work, or done and not stored, is in it: Kafka's own lag";
    "<c>.oldest_age": "age of the oldest record that was not read yet: the lag in time", "s", "looked at once a second", "0 while nothing waits; the sum over groups";
    "<c>.stopped": "share of partitions that nobody reads", "share", "integral of those without a living consumer that may read / partitions", "a consumer that is busy for long still counts as reading";
    "<c>.rebalances": "rounds in which a group shared its partitions anew", "count", "such rounds begun in the window; with `protocol: server`, new assignments", "the first one, at the start, is one too";
    "<c>.expelled": "consumers that did not poll within the interval and were thrown out", "count", "such events in the window", "they come back when they have done with their batch";
    "<c>.completion": "time from the sending of a record to the end of its work: .pNN", "s", "sum / records, of those processed for the first time in the window", "what is not processed yet is not in it";
    "completion_time(<queue>)": "mean time from the sending of a record to the end of its work", "s", "sum / records processed in the window", "what is not processed yet is not in it";
    "published(<queue>)": "records appended", "count", "such records in the window, for each group that reads them", "published = processed + lost + expired + what is left";
    "processed(<queue>)": "records that were worked on", "count", "each once, at the first time", "work that failed counts too: a log does not hand out again";
    "duplicates(<queue>)": "times that a record was worked on again", "count", "such ends of work in the window", "what an idempotent consumer does about it is its own";
    "redelivered(<queue>)": "times that a record was handed to a consumer again", "count", "such deliveries in the window", "not all of them had been worked on before";
    "lost(<queue>)": "records that nobody will work on", "count", "their offset was stored before a crash, or a new leader did not have them", "those that retention took are `expired`";
    "expired(<queue>)": "records that were deleted or skipped before they were worked on", "count", "by retention, and by `reset: latest` behind it", "in the window in which they went";
    "lost_writes": "writes that were acknowledged and are nowhere", "count", "such writes in the window", "write-back caches that lose their memory";
    "ryw_violations": "reads that saw an older version of a row than their owner had written", "count", "such reads in the window, by versions", "only reads that `read_own_write` makes, of the entity of `sessions_of`";
    "stale_reads(<entity>)": "share of reads that saw an old version", "share", "reads behind the latest commit / reads", "counted by versions";
    "staleness(<entity>)": "age of what stale reads saw", "s", "mean time since the newer version was committed", "over stale reads only";
}

/// The explanation of the metric called `name`: exact, or by the kind of name (`p95`, `app.cpu`, `errors.502`).
#[must_use]
pub fn explanation(name: &str) -> Option<&'static Explanation> {
    let exact = |wanted: &str| EXPLANATIONS.iter().find(|e| e.name == wanted);
    if let Some(found) = exact(name) {
        return Some(found);
    }
    let head = name.split('(').next().unwrap_or(name);
    if let Some(digits) = head.strip_prefix('p')
        && digits.starts_with(|c: char| c.is_ascii_digit())
    {
        return exact("pNN");
    }
    if name.starts_with("errors.from.") {
        return exact("errors.from.<c>");
    }
    if name.starts_with("errors.") {
        return exact("errors.<code>");
    }
    if head.contains(".pool") {
        return exact("<c>.pool(<target>)");
    }
    let by_head = EXPLANATIONS.iter().find(|e| e.name.split('(').next() == Some(head));
    by_head.or_else(|| {
        let tail = name
            .split('.')
            .find(|part| EXPLANATIONS.iter().any(|e| e.name.strip_prefix("<c>.") == Some(part)))?;
        EXPLANATIONS.iter().find(|e| e.name.strip_prefix("<c>.") == Some(tail))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_users_write_them_are_explained() {
        for (name, explained) in [
            ("p99.9", "pNN"),
            ("p99(GET /v1/feed)", "pNN"),
            ("db.primary.cpu", "<c>.cpu"),
            ("app[0].wait.p99", "<c>.wait"),
            ("app.pool(db).wait", "<c>.pool(<target>)"),
            ("errors.503.rate", "errors.<code>"),
            ("skew(app.cpu)", "skew(<metric>)"),
            ("rate_503", "rate_503"),
        ] {
            assert_eq!(explanation(name).map(|e| e.name), Some(explained), "{name}");
        }
        assert_eq!(explanation("nonsense"), None);
    }
}
