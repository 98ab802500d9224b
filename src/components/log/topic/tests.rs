use super::*;
use crate::base::random::Key;
use crate::components::log::assignment::Assignor;
use crate::components::log::partition::Retention;
use crate::components::log::settings::Protocol;
use proptest::prelude::*;

fn at(seconds: f64) -> SimTime {
    SimTime::from_secs_f64(seconds)
}

fn topic(partitions: u32, consuming: Consuming, consumers: u32) -> Topic<u64> {
    let mut it = Topic::new(Settings { partitions, ..Settings::default() });
    it.add_group(consuming);
    (0..consumers).for_each(|slot| it.join(0, slot, at(0.0)));
    it.tick(at(3.0));
    it
}

fn drain(it: &mut Topic<u64>, slot: u32) -> Vec<(u32, u64)> {
    std::iter::from_fn(|| it.finish(0, slot).map(|(held, _)| (held.partition, held.offset))).collect()
}

#[test]
fn a_poll_takes_at_most_so_many_and_goes_on_with_the_next_partition() {
    let mut it = topic(2, Consuming { poll_records: 3, ..Consuming::default() }, 1);
    for n in 0..8 {
        it.append(n % 2, u64::from(n), 100, at(4.0));
    }
    assert_eq!(it.poll(0, 0, at(5.0)), Poll::Records(3));
    assert_eq!(drain(&mut it, 0), [(0, 0), (0, 1), (0, 2)]);
    assert_eq!(it.poll(0, 0, at(5.0)), Poll::Records(3));
    assert_eq!(drain(&mut it, 0), [(1, 0), (1, 1), (1, 2)]);
    assert_eq!(it.poll(0, 0, at(5.0)), Poll::Records(2));
    assert_eq!(it.unread(0), 0);
}

#[test]
fn a_consumer_without_a_partition_gets_nothing() {
    let mut it = topic(2, Consuming::default(), 3);
    (0..90).for_each(|n| {
        it.append(n % 2, 0, 10, at(4.0));
    });
    let got: Vec<Poll> = (0..3).map(|slot| it.poll(0, slot, at(5.0))).collect();
    assert_eq!(got, [Poll::Records(45), Poll::Records(45), Poll::Nothing]);
}

#[test]
fn what_was_not_stored_is_done_again() {
    // Stores every five seconds; a batch each second, of ten records.
    let consuming = Consuming { poll_records: 10, is_static: true, ..Consuming::default() };
    let mut it = topic(1, consuming, 1);
    (0..200).for_each(|n| {
        it.append(0, n, 10, at(3.0));
    });
    for second in 3..15 {
        assert_eq!(it.poll(0, 0, at(f64::from(second))), Poll::Records(10));
        drain(&mut it, 0);
    }
    // Stored at 5 (20 records) and at 10 (70); 120 are done.
    assert_eq!(it.lag(0), 130);
    it.crash(0, 0, at(15.0));
    it.join(0, 0, at(16.0));
    for second in 16..30 {
        it.poll(0, 0, at(f64::from(second)));
        drain(&mut it, 0);
    }
    assert_eq!(it.counts(0), Counts { processed: 200, duplicates: 50, redelivered: 50, lost: 0, expired: 0 });
}

#[test]
fn how_offsets_are_stored_decides_what_a_crash_costs() {
    for (commit, duplicates, lost) in [
        (Commit::Batch, 4, 0),
        (Commit::Record, 0, 0),
        (Commit::Before, 0, 6),
        (Commit::Every(SimDuration::from_secs(5)), 4, 0),
    ] {
        let mut it =
            topic(1, Consuming { commit, is_static: true, poll_records: 10, ..Consuming::default() }, 1);
        (0..20).for_each(|n| {
            it.append(0, n, 10, at(3.0));
        });
        assert_eq!(it.poll(0, 0, at(3.0)), Poll::Records(10));
        (0..4).for_each(|_| assert!(it.finish(0, 0).is_some()));
        assert_eq!(it.crash(0, 0, at(4.0)), 6);
        it.join(0, 0, at(4.0));
        while let Poll::Records(_) = it.poll(0, 0, at(4.0)) {
            drain(&mut it, 0);
        }
        let counts = it.counts(0);
        assert_eq!((counts.duplicates, counts.lost), (duplicates, lost), "{commit:?}");
        assert_eq!((counts.processed + lost, it.left(0)), (20, 0));
    }
}

#[test]
fn two_work_on_the_same_when_one_is_thrown_out() {
    let mut it = topic(1, Consuming { commit: Commit::Batch, poll_records: 10, ..Consuming::default() }, 2);
    (0..10).for_each(|n| {
        it.append(0, n, 10, at(3.0));
    });
    assert_eq!(it.poll(0, 0, at(3.0)), Poll::Records(10));
    assert_eq!(it.poll(0, 1, at(3.0)), Poll::Nothing);
    (0..5).for_each(|_| assert!(it.finish(0, 0).is_some()));
    it.wakes();
    it.tick(at(303.0));
    it.tick(at(306.0));
    assert_eq!(it.wakes().collect::<Vec<_>>(), [(0, 1)]);
    assert_eq!(it.poll(0, 1, at(306.0)), Poll::Records(10));
    drain(&mut it, 1);
    drain(&mut it, 0); // goes on without knowing, and cannot store that it did
    assert_eq!(it.counts(0), Counts { processed: 10, duplicates: 10, redelivered: 10, lost: 0, expired: 0 });
    assert_eq!(it.lag(0), 0);
}

#[test]
fn a_batch_that_takes_longer_than_the_interval_never_gets_done() {
    // The storm: each takes 31 s of work, is thrown out after 30, and the next one begins with the same records.
    let consuming =
        Consuming { commit: Commit::Batch, max_poll: SimDuration::from_secs(30), ..Consuming::default() };
    let mut it = topic(1, consuming, 2);
    (0..500).for_each(|n| {
        it.append(0, n, 10, at(3.0));
    });
    let mut free_at = [SimTime::ZERO; 2];
    for tenth in 30..10_000_u32 {
        let now = at(f64::from(tenth) / 10.0);
        it.tick(now);
        for slot in 0..2 {
            if free_at[slot as usize] <= now {
                drain(&mut it, slot);
                if let Poll::Records(_) = it.poll(0, slot, now) {
                    free_at[slot as usize] = now + SimDuration::from_secs(31);
                }
            }
        }
    }
    let counts = it.counts(0);
    assert_eq!((counts.processed, it.lag(0)), (500, 500), "all done, none stored");
    assert!(counts.duplicates > 500 * 20, "{counts:?}");
    assert!(it.group(0).expelled() > 20);
}

#[test]
fn who_falls_behind_retention_loses_it() {
    for (reset, processed) in [(Reset::Earliest, 41), (Reset::Latest, 0)] {
        let retention = Retention { time: SimDuration::from_secs(40), bytes: u64::MAX };
        let mut it = Topic::new(Settings { partitions: 1, retention });
        it.add_group(Consuming { reset, ..Consuming::default() });
        it.join(0, 0, at(0.0));
        it.tick(at(3.0));
        for second in 0..=100_u32 {
            it.append(0, 0, 10, at(f64::from(second)));
            it.tick(at(f64::from(second)));
        }
        it.tick(at(100.5));
        while let Poll::Records(_) = it.poll(0, 0, at(100.5)) {
            drain(&mut it, 0);
        }
        let counts = it.counts(0);
        assert_eq!(
            (counts.processed, counts.expired),
            (processed.min(40), 101 - processed.min(40)),
            "{reset:?}"
        );
        assert_eq!(it.left(0), 0);
    }
}

#[test]
fn a_fetch_waits_for_bytes_or_for_its_time() {
    let mut it = topic(1, Consuming { fetch_min: 1_000, ..Consuming::default() }, 1);
    it.append(0, 0, 400, at(4.0));
    assert_eq!(it.poll(0, 0, at(4.0)), Poll::Nothing);
    assert_eq!(it.due(), at(4.5));
    it.append(0, 0, 700, at(4.2));
    assert_eq!(it.poll(0, 0, at(4.2)), Poll::Records(2));
    drain(&mut it, 0);
    it.append(0, 0, 400, at(5.0));
    assert_eq!(it.poll(0, 0, at(5.0)), Poll::Nothing);
    it.tick(at(5.5));
    assert_eq!(it.wakes().next_back(), Some((0, 0)));
    assert_eq!(it.poll(0, 0, at(5.6)), Poll::Nothing, "asked again after the answer");
}

#[test]
fn an_unclean_leader_takes_what_was_read_already() {
    let mut it = topic(1, Consuming { poll_records: 4, ..Consuming::default() }, 1);
    (0..10).for_each(|n| {
        it.append(0, n, 10, at(3.0));
    });
    it.poll(0, 0, at(3.0));
    assert_eq!(it.truncate(0, 2), 8);
    drain(&mut it, 0);
    assert_eq!(it.counts(0), Counts { processed: 2, duplicates: 2, redelivered: 0, lost: 8, expired: 0 });
    it.append(0, 77, 10, at(4.0));
    assert_eq!(it.poll(0, 0, at(4.0)), Poll::Records(1));
    assert_eq!(drain(&mut it, 0), [(0, 2)]);
    assert_eq!(it.left(0), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    /// Whatever happens, every record is somewhere, one consumer reads a partition, and in its order.
    #[test]
    fn nothing_appears_and_nothing_vanishes(
        seed in any::<u64>(), protocol in 0_usize..3, commit in 0_usize..4, is_static in any::<bool>(),
        pause in 0_u64..3, retained in any::<bool>(), latest in any::<bool>(),
    ) {
        let protocol = [Protocol::Eager, Protocol::Cooperative, Protocol::Server][protocol];
        let commits = [Commit::Every(SimDuration::from_secs(5)), Commit::Batch, Commit::Record, Commit::Before];
        let consuming = Consuming {
            protocol,
            commit: commits[commit],
            is_static,
            assignor: if protocol == Protocol::Eager { Assignor::Range } else { Assignor::Sticky },
            reset: if latest { Reset::Latest } else { Reset::Earliest },
            session: SimDuration::from_secs(10),
            max_poll: SimDuration::from_secs(20),
            pause: SimDuration::from_secs(pause),
            poll_records: 7,
            ..Consuming::default()
        };
        let retention = Retention {
            time: if retained { SimDuration::from_secs(15) } else { SimDuration::MAX },
            bytes: if retained { 4_000 } else { u64::MAX },
        };
        let mut it: Topic<u64> = Topic::new(Settings { partitions: 5, retention });
        it.add_group(consuming);
        it.add_group(Consuming { commit: Commit::Batch, ..consuming });
        let mut draws = Key::root(seed, 0).draws();
        for step in 0..1_500_u32 {
            let now = at(f64::from(step) / 10.0);
            if it.due() <= now {
                it.tick(now);
                prop_assert!(it.due() > now, "due {:?} at {now:?}", it.due());
            }
            let (group, slot) = (draws.below(2) as u32, draws.below(4) as u32);
            match draws.below(40) {
                0 => {
                    it.crash(group, slot, now);
                }
                1 => it.close(group, slot, now),
                2..=4 => it.join(group, slot, now),
                5 if draws.below(30) == 0 => {
                    let partition = draws.below(5) as u32;
                    let end = it.partition(partition).end();
                    it.truncate(partition, end - draws.below(4).min(end));
                }
                5..=20 => {
                    it.append(draws.below(5) as u32, u64::from(step), 100, now);
                }
                21..=30 => {
                    it.poll(group, slot, now);
                }
                _ => {
                    // In a consumer's hands, offsets of a partition rise.
                    let next = it.finish(group, slot).map(|(held, _)| held);
                    if let (Some(done), Some(next)) = (next, it.in_hand(group, slot))
                        && done.partition == next.partition
                    {
                        prop_assert!(done.offset < next.offset);
                    }
                }
            }
            it.wakes();
            for group in 0..2 {
                let counts = it.counts(group);
                prop_assert!(counts.processed + counts.lost + counts.expired <= it.published());
                for partition in 0..5 {
                    let readers = (0..4).filter(|slot| it.group(group).reads(*slot, partition)).count();
                    prop_assert!(readers <= 1);
                }
                let unread: u64 = it.readers[group as usize].position.iter().zip(&it.partitions)
                    .map(|(position, log)| log.end() - position).sum();
                prop_assert_eq!(it.unread(group), unread);
            }
        }
        // In the end all come back, and everything that is left is processed.
        for second in 150..400_u32 {
            let now = at(f64::from(second));
            it.tick(now);
            for group in 0..2 {
                for slot in 0..4 {
                    it.join(group, slot, now);
                    while let Poll::Records(_) = it.poll(group, slot, now) {
                        while it.finish(group, slot).is_some() {}
                    }
                }
            }
        }
        for group in 0..2 {
            prop_assert_eq!(it.group(group).partitions_read(), 5);
            prop_assert_eq!(it.left(group), 0, "{:?}", it.counts(group));
        }
    }
}
