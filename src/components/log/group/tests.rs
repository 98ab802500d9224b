use super::*;
use crate::base::SimDuration;
use crate::components::log::assignment::Assignor;

fn at(seconds: f64) -> SimTime {
    SimTime::from_secs_f64(seconds)
}

fn group(protocol: Protocol, partitions: u32) -> Group {
    let assignor = if protocol == Protocol::Eager { Assignor::Range } else { Assignor::Sticky };
    Group::new(Consuming { protocol, assignor, ..Consuming::default() }, partitions)
}

fn shares(it: &Group, members: u32) -> Vec<Vec<u32>> {
    let partitions = 0..it.owner.len() as u32;
    (0..members).map(|slot| partitions.clone().filter(|p| it.reads(slot, *p)).collect()).collect()
}

/// Three members that have found each other; the fourth is to come.
fn three(protocol: Protocol) -> Group {
    let mut it = group(protocol, 12);
    for slot in 0..3 {
        it.join(slot, at(0.0));
    }
    while it.due() < at(20.0) {
        it.tick(it.due());
    }
    assert_eq!(it.partitions_read(), 12);
    it.changes();
    it
}

/// From `from` on, every tenth of a second: how many partitions are read.
fn watch(it: &mut Group, from: f64, to: f64) -> Vec<u32> {
    let mut seen = Vec::new();
    for tenth in (from * 10.0) as u32..(to * 10.0) as u32 {
        it.tick(at(f64::from(tenth) / 10.0));
        seen.push(it.partitions_read());
    }
    seen
}

#[test]
fn the_first_members_are_waited_for() {
    let mut it = group(Protocol::Eager, 4);
    it.join(0, at(0.0));
    it.join(1, at(2.0)); // within three seconds: three more
    it.tick(at(4.9));
    assert_eq!(it.partitions_read(), 0);
    it.tick(at(5.0));
    assert_eq!(shares(&it, 2), [vec![0, 1], vec![2, 3]]);
    assert_eq!(it.rounds(), 1);
}

#[test]
fn eager_stops_everybody_until_the_slowest_batch_is_done() {
    let mut it = three(Protocol::Eager);
    // Formed at 3 s, so heartbeats are at 21, 24, ... One works on a batch until 31.5.
    it.poll(0, at(20.0));
    it.begin_batch(0);
    it.join(3, at(20.0));
    let before = watch(&mut it, 20.0, 21.0);
    assert!(before.iter().all(|n| *n == 12), "they go on until they hear of it: {before:?}");
    let during = watch(&mut it, 21.0, 31.5);
    assert!(during.iter().all(|n| *n == 4), "the busy one holds its own, the others have none: {during:?}");
    it.poll(0, at(31.5));
    assert_eq!(it.partitions_read(), 12);
    assert_eq!(shares(&it, 4)[3], [9, 10, 11]);
    assert_eq!(it.rounds(), 2);
}

#[test]
fn cooperative_stops_only_what_moves() {
    let mut it = three(Protocol::Cooperative);
    it.join(3, at(20.0));
    let seen = watch(&mut it, 20.0, 30.0);
    // The others hear of the first round at 21 and give three up; the newcomer started its heartbeats at 21, as all
    // did, so that the second round ends at 24.
    assert_eq!(seen.iter().min(), Some(&9), "{seen:?}");
    assert_eq!(seen.iter().filter(|n| **n == 9).count(), 30, "{seen:?}");
    assert_eq!(it.partitions_read(), 12);
    assert_eq!(it.rounds(), 3, "one at the start and two");
    let moved = it.changes().filter(|c| matches!(c, Change::Revoked { .. })).count();
    assert_eq!(moved, 3);
}

#[test]
fn the_server_moves_single_partitions_without_a_round() {
    let mut it = group(Protocol::Server, 12);
    (0..3).for_each(|slot| it.join(slot, at(0.0)));
    it.tick(at(3.0));
    it.tick(at(6.0));
    assert_eq!(it.partitions_read(), 12, "there is no initial delay");
    it.changes();
    // One is busy for long: what it need not give up does not matter to the others.
    it.poll(0, at(19.0));
    it.begin_batch(0);
    it.join(3, at(20.0));
    let seen = watch(&mut it, 20.0, 40.0);
    assert!(*seen.iter().min().unwrap() >= 10, "two were given up, one is still being worked on: {seen:?}");
    assert_eq!(shares(&it, 4)[3].len(), 2);
    it.poll(0, at(40.0));
    let seen = watch(&mut it, 40.0, 44.0);
    assert_eq!((seen[0], *seen.last().unwrap()), (11, 12));
    assert_eq!(shares(&it, 4)[3].len(), 3);
}

#[test]
fn a_crash_is_noticed_when_the_session_ends() {
    for protocol in [Protocol::Eager, Protocol::Cooperative, Protocol::Server] {
        let mut it = three(protocol);
        it.crash(2, at(20.0)); // its last heartbeat was at 18
        let seen = watch(&mut it, 20.0, 80.0);
        let back = seen.iter().rposition(|n| *n < 12).unwrap() + 1;
        assert_eq!(seen[0], 8);
        assert!((430..=490).contains(&back), "{protocol:?}: whole again after {back} tenths");
        assert_eq!(it.partitions_read(), 12);
    }
}

#[test]
fn who_comes_back_under_a_new_name_waits_for_its_own_ghost() {
    let mut it = three(Protocol::Eager);
    it.crash(2, at(20.0));
    it.join(2, at(25.0));
    let seen = watch(&mut it, 25.0, 70.0);
    let stopped = seen.iter().filter(|n| **n == 0).count();
    // The others join at 27 and stand still until 63, when the session ends that was last heard of at 18.
    assert_eq!(stopped, 360, "{seen:?}");
    assert_eq!(it.partitions_read(), 12);
}

#[test]
fn a_static_member_comes_back_to_what_it_had() {
    let mut it = group(Protocol::Eager, 12);
    it.settings.is_static = true;
    (0..3).for_each(|slot| it.join(slot, at(0.0)));
    it.tick(at(3.0));
    let had = shares(&it, 3);
    it.crash(2, at(20.0));
    assert_eq!(it.partitions_read(), 8);
    it.join(2, at(40.0));
    assert_eq!((it.partitions_read(), it.rounds()), (12, 1));
    assert_eq!(shares(&it, 3), had);
    it.close(2, at(50.0));
    it.tick(at(94.9));
    assert_eq!(it.rounds(), 1, "it did not say that it left");
    it.tick(at(95.0));
    assert_eq!(it.rounds(), 2);
}

#[test]
fn who_leaves_in_order_is_not_waited_for() {
    let mut it = three(Protocol::Eager);
    it.close(2, at(20.0));
    it.tick(at(21.0));
    assert_eq!(it.partitions_read(), 12);
    assert_eq!(shares(&it, 2), [(0..6).collect::<Vec<_>>(), (6..12).collect()]);
}

#[test]
fn who_does_not_poll_is_thrown_out_and_comes_back() {
    let mut it = three(Protocol::Eager);
    it.poll(0, at(20.0));
    it.begin_batch(0);
    it.tick(at(319.9));
    assert_eq!(it.expelled(), 0);
    it.tick(at(320.0));
    it.tick(at(323.0));
    assert_eq!((it.expelled(), shares(&it, 3)[0].len(), it.partitions_read()), (1, 0, 12));
    it.poll(0, at(400.0));
    it.tick(at(403.0));
    assert_eq!(shares(&it, 3)[0].len(), 4);
    assert_eq!(it.rounds(), 3);
}

#[test]
fn a_pause_comes_on_top() {
    let mut it = three(Protocol::Eager);
    it.settings.pause = SimDuration::from_secs(10);
    it.join(3, at(20.0));
    let seen = watch(&mut it, 20.0, 40.0);
    assert_eq!(
        seen.iter().filter(|n| **n == 0).count(),
        100,
        "all gave up at 21, and read again at 31: {seen:?}"
    );
    assert_eq!(it.partitions_read(), 12);
}
