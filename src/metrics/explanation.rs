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
    "pNN": "percentile of the latency of good answers", "s", "nearest rank, upper bound of its histogram bucket (0.1 %), of all replications together", "its interval may be too narrow with fewer than 100 answers above it per replication";
    "max": "largest latency of a good answer", "s", "exact", "grows with the length of the run";
    "<c>.cpu": "busy cores / cores", "share", "integral of min(present, cores) / integral of cores; instances together", "at most 1: the overload shows in offered_cpu";
    "<c>.offered_cpu": "work asked for / capacity", "share", "sum of demands / integral of cores", "may exceed 1";
    "<c>.utilisation": "workers in use / workers", "share", "as cpu, over workers; cores where there are none", "absent where unlimited";
    "<c>.queue": "number waiting", "count", "integral of max(0, present - servers) / length, summed over instances", "`.max`: the largest at one instance";
    "<c>.wait": "time until granted", "s", "sum of waits / grants, pooled over instances; `.pNN` from the histogram", "those who left ungranted are not in it";
    "<c>.in_flight": "visits open", "count", "integral of open visits / length", "waiting and served together";
    "<c>.instances": "instances in service", "count", "integral of those in service / length", "neither those that boot nor those that drain; `cost` counts both";
    "<c>.throttled": "share of time in which a CPU limit had stopped everything", "share", "integral of instances whose quota is used up / integral of instances", "only with `cpu_limit`; `cpu` is still of the cores, so that it ends at limit / cores";
    "<c>.memory": "memory in use / limit", "share", "integral of the base and of what requests in hand take / integral of the limits", "only with `memory`; a killed process uses none";
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
    "cost": "money per hour", "$/h", "sum over `prices` of price x what there was of it (instances while they are there, requests, bytes, what is kept)", "only what the scenario has prices for; nothing is rounded up to whole hours";
    "cost_per_spike": "money spent while a spike lasts", "$", "`cost` from the start of a spike to the end of its hold x its length, the mean over the spikes", "all that is spent meanwhile, not only what the spike adds";
    "cost_of_redundancy": "money per hour for cores that nobody needed", "$/h", "over components with cores and a price of instances or cores: that price x (1 - utilisation in the busiest bucket of `run.bucket`)", "headroom and standbys; machines without cores (balancers, queues) are not in it, and a longer bucket hides short peaks";
    "<c>.cost": "money per hour for one component", "$/h", "as `cost`, over its own items", "egress and traffic between zones belong to nobody unless the component has its own price for egress";
    "burn_rate(<target>, <window>)": "how fast an error budget is spent: 1 spends it exactly, 14.4 spends 2 % of 30 days' in an hour", "ratio", "the largest share of bad answers over any such window / (1 - target)", "by the time of the answer; before the run requests are taken to come as in its first minute, without errors";
    "alert_at(<target>)": "when the first alert on the error budget fires", "s", "first instant with a burn rate of 14.4 over 1 h and 5 min, of 6 over 6 h and 30 min, or of 1 over 3 d and 6 h", "`never` if none does within the run; from the start of the run";
    "cost_per_million_good": "money per million good answers", "$", "cost / (goodput x 3600) x 1,000,000", "absent without a good answer";
    "<c>.evictions": "items of a cache that gave way to others", "count", "such items in the window", "what expired or was deleted is not in it";
    "hit_ratio(<entity>)": "share of reads through caches for which the store was not asked", "share", "(reads - reads that went to the store) / reads, over all layers", "a fetch that never comes back counts; who joins a fetch of somebody else asks nothing; one layer's own: `redis.hit_ratio`";
    "lost_writes": "writes that were acknowledged and are nowhere", "count", "such writes in the window", "write-back caches that lose their memory; a failover, counted at the promotion; a split brain, counted when it is healed";
    "outage": "time without an acknowledged write, from the loss of a primary to the first write that its successor acknowledges", "s", "integral of such time in the window; of several shards the longest", "until the run's end, if nobody takes over; a cut-off primary that goes on is no outage";
    "commits": "transactions that were committed", "count", "such commits in the window, read-only ones among them", "statements outside of a step `transaction` are not in it";
    "rollbacks": "transactions that were rolled back, however it came to that", "count", "such attempts in the window", "one that is tried again counts each time";
    "deadlocks": "transactions that gave way since they were part of a deadlock", "count", "such victims in the window", "across shards only with `deadlocks: global`; else such a circle ends by a timeout";
    "half_commits": "transactions that some shards have committed and some have not", "count", "such transactions in the window", "only with `cross_shard: best_effort`";
    "compensations": "sagas that failed and were undone", "count", "such sagas in the window", "what was seen of them meanwhile: seen_half_done";
    "left_half_done": "sagas that failed, and so did undoing them", "count", "such sagas in the window", "somebody has to mend them by hand";
    "seen_half_done": "reads of a row that a saga under way has written", "count", "such reads by others in the window", "between its step and its end, or until it is undone";
    "throttles": "statements that a table refused, since it had too few capacity units left", "count", "such statements in the window, tried again or not", "only with `capacity`; what callers saw of it: errors.429";
    "<c>.in_doubt": "time in which a transaction was in doubt: its shards have promised to commit, and the coordinator is lost", "s", "integral of such time in the window", "their rows are locked until the coordinator is back";
    "<c>.lag": "of a replica: age of the first write that it has not applied, without an index of the worst one; of a log: records beyond the offsets that its groups have stored", "s or count", "integral of the lag / length", "a replica is looked at whenever the log moves and every second, a log once a second; what is in work, or done and not stored, is in a log's (Kafka's own lag)";
    "<c>.stopped": "share of partitions that nobody reads", "share", "integral of those without a living consumer that may read / partitions", "a consumer that is busy for long still counts as reading";
    "<c>.rebalances": "rounds in which a group shared its partitions anew", "count", "such rounds begun in the window; with `protocol: server`, new assignments", "the first one, at the start, is one too";
    "<c>.expelled": "consumers that did not poll within the interval and were thrown out", "count", "such events in the window", "they come back when they have done with their batch";
    "<c>.completion": "time from the sending of a record to the end of its work: .pNN", "s", "sum / records, of those processed for the first time in the window", "what is not processed yet is not in it";
    "processed(<queue>)": "records that were worked on", "count", "each once, at the first time", "work that failed counts too: a log does not hand out again";
    "ryw_violations": "reads that saw an older version of a row than their owner had written", "count", "such reads in the window, by versions", "only reads that `read_own_write` makes, of the entity of `sessions_of`";
    "<c>.depth": "messages that wait at a queue", "count", "integral of those present and not delivered / length", "delayed ones too; what consumers have is `in_flight`; `.max`: the largest; of a log: records beyond its consumers' positions, summed over groups, `.max` in one group";
    "<c>.oldest_age": "age of the oldest message that waits", "s", "integral of (now - its publication) / length; 0 while nobody waits", "what consumers have is not in it; `.max`: the largest; of a log: looked at once a second, summed over groups, without `.max`";
    "<c>.completions": "jobs done per second, as far as their clients can see", "1/s", "answers to polls that first say so / length; where nobody asks, when the work is done", "a job whose client gave up is not in it";
    "completion_time(<queue>)": "from a request to the completion of the job that it sent", "s", "mean over jobs of requests that started in the window; `.p50` `.p99` `.max` from the histogram", "where clients ask: until an answer says so, the pause between questions included; of a log: from the sending of a record to the end of its first work";
    "<c>.drain_time": "from the end of the last spike (or bounded fault) until nobody waits at the queue", "s", "first such instant", "`never` if that does not come; absent without a spike or fault";
    "<c>.published": "messages taken over from senders", "count", "in the window", "published = acked + dead_lettered + expired + dropped + lost + waiting + in flight; of a log: `published(events)`, for each group that reads them; published = processed + lost + expired + what is left";
    "<c>.acked": "messages whose work was done", "count", "acknowledged in the window", "each once, however often it was done";
    "<c>.dead_lettered": "messages that went to the dead-letter queue", "count", "in the window", "they are published there";
    "<c>.expired": "messages that waited longer than they are kept", "count", "in the window", "`ttl`; of a log: deleted by retention, or skipped by `reset: latest`";
    "<c>.dropped": "messages that gave way in a full queue, or were delivered too often without a dead-letter queue", "count", "in the window", "also those refused whose sender does not hear of it";
    "lost(<queue>)": "messages that are gone while nobody has done their work", "count", "in the window", "acknowledged before the work, or not durable; of a log: its offset was stored before a crash, or a new leader did not have it";
    "redelivered(<queue>)": "deliveries of messages after their first", "count", "in the window", "whatever the reason: a lease that ended, a failure, a worker that died or was taken out; of a log: handed out again, worked on before or not";
    "duplicates(<queue>)": "work that was done again for a message whose work was done", "count", "ends in the window", "an `idempotent` worker that sees it in time does nothing, which is not counted";
    "<c>.refused": "messages that a full queue did not take, and whose sender was told", "count", "in the window", "they are not in `published`";
    "<c>.without_message": "rows that were written while the message about them was not taken: the gap of a dual write", "count", "failed `send` steps after a write in the same endpoint, in the window", "a process that dies between the two is not in it; an `outbox` closes the gap";
    "<c>.polls": "questions of clients for their jobs", "count", "sent in the window", "load like any other, and no requests in `offered`";
    "<c>.given_up": "clients that asked until `give_up` and never heard that their job was done", "count", "in the window", "it may be done later";
    "monotonic_violations": "reads that saw an older version of a row than the same reader had seen before", "count", "such reads in the window, by versions", "readers are sessions, people of a closed population, or owners (`sessions_of`); of each the last 64 written rows are remembered";
    "versions_behind(<entity>)": "versions that reads were behind the latest commit", "count", "mean over all reads, fresh ones as 0; `.p99`: nearest rank over all reads; `.max`", "at most 255 in percentiles";
    "write_amplification(<entity>)": "writes of the store per acknowledged write", "ratio", "committed writes / acknowledged ones", "below 1 where a cache writes back several as one; statements that fail are not in it";
    "cache_writes(<entity>)": "copies written, taken out or marked per acknowledged write", "ratio", "such commands of all caches, those that fill after a miss among them / acknowledged writes", "absent without a write";
    "divergence(<entity>)": "share of the copies that caches hold at the end of the run and that are not the store's version", "share", "copies of another version / copies not expired, over all caches of it", "of the last instant, whatever the window";
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
            ("db.replica[1].lag", "<c>.lag"),
            ("skew(app.cpu)", "skew(<metric>)"),
            ("rate_503", "rate_503"),
        ] {
            assert_eq!(explanation(name).map(|e| e.name), Some(explained), "{name}");
        }
        assert_eq!(explanation("nonsense"), None);
    }
}
