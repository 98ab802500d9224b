//! Every message is accounted for, whatever happens to it: random operations on random queues.

use proptest::prelude::*;

use super::spec::{Ack, Disconnect, Overflow, QueueDiscipline, QueueSpec, RetryDelay};
use super::*;
use crate::base::random::Key;
use crate::base::{ComponentId, SimDuration, SimTime};
use crate::engine::{Fate, JobId};

fn at(s: u64) -> SimTime {
    SimTime::ZERO + SimDuration::from_secs(s)
}

fn content(n: u64) -> Content {
    Content {
        luck: Key::default(),
        number: n,
        rows: Vec::new(),
        client: ComponentId(0),
        note: 0,
        priority: (n % 3) as u8,
        bytes: 10,
        group: None,
        started: SimTime::ZERO,
        job: JobId::NONE,
    }
}

fn fates(messages: &mut Messages) -> Vec<Fate> {
    let mut all = Vec::new();
    while let Some(fact) = messages.next_fact() {
        if let Fact::Fate(fate) = fact {
            all.push(fate);
        }
    }
    all
}

fn leased() -> QueueSpec {
    QueueSpec {
        visibility: Some(SimDuration::from_secs(30)),
        on_disconnect: Disconnect::Wait,
        ..QueueSpec::default()
    }
}

#[test]
fn a_lease_that_ends_delivers_again_and_the_late_worker_is_a_duplicate() {
    let mut messages = Messages::new(leased());
    messages.publish(content(0), SimDuration::ZERO, at(0));
    let first = messages.take(None, at(0)).unwrap();
    assert_eq!(messages.due(at(29)), Some(at(30)));
    assert!(messages.take(None, at(29)).is_none());
    messages.due(at(30));
    let second = messages.take(None, at(31)).unwrap();
    assert_eq!((first.receipt, second.receipt), (1, 2));
    // The first one ends late: its acknowledgement still removes the message; the second worked for nothing.
    assert!(messages.ack(first, at(40)) && !messages.ack(second, at(71)));
    assert_eq!(fates(&mut messages), [Fate::Published, Fate::Redelivered, Fate::Acked, Fate::Duplicate]);
    assert_eq!((messages.balance().acked, messages.balance().in_flight), (1, 0));
}

/// GOLD-VIS: one worker, a lease of 30 s, the first attempt dies at 3 s, the second takes 2 s: delivered again at 30 s,
/// done at 32 s, received twice.
#[test]
fn a_crash_is_seen_when_the_lease_ends() {
    let mut messages = Messages::new(leased());
    messages.publish(content(0), SimDuration::ZERO, at(0));
    let first = messages.take(None, at(0)).unwrap();
    messages.fail(first, Failure::Lost, at(3));
    assert_eq!(messages.due(at(29)), Some(at(30)));
    assert!(messages.take(None, at(29)).is_none());
    messages.due(at(30));
    let second = messages.take(None, at(30)).unwrap();
    assert_eq!(messages.receives(second.message), 2);
    assert!(messages.ack(second, at(32)));
    assert_eq!(messages.balance().acked, 1);
}

#[test]
fn a_late_acknowledgement_that_is_ignored_leaves_the_message_there() {
    let mut messages = Messages::new(QueueSpec { late_ack: false, ..leased() });
    messages.publish(content(0), SimDuration::ZERO, at(0));
    let first = messages.take(None, at(0)).unwrap();
    messages.due(at(30));
    assert!(messages.ack(first, at(40)));
    assert_eq!(messages.balance().waiting, 1);
    let second = messages.take(None, at(41)).unwrap();
    assert!(!messages.ack(second, at(50)));
    assert_eq!(messages.balance().acked, 1);
}

#[test]
fn whoever_extends_its_lease_keeps_it_while_it_lives() {
    let mut messages = Messages::new(leased());
    messages.publish(content(0), SimDuration::ZERO, at(0));
    let delivery = messages.take(Some(SimDuration::from_secs(10)), at(0)).unwrap();
    // Extended at 10, 20, 30, ...: at 95 s the last time was at 90.
    for now in [30, 60, 90] {
        messages.due(at(now));
        assert_eq!(messages.balance().in_flight, 1, "at {now}");
    }
    messages.fail(delivery, Failure::Lost, at(95));
    messages.due(at(119));
    assert_eq!(messages.balance().in_flight, 1);
    messages.due(at(120));
    assert_eq!((messages.balance().in_flight, messages.balance().waiting), (0, 1));
}

#[test]
fn a_dead_connection_redelivers_at_once_and_early_acknowledgement_loses() {
    let mut at_once = Messages::new(QueueSpec::default());
    at_once.publish(content(0), SimDuration::ZERO, at(0));
    let delivery = at_once.take(None, at(0)).unwrap();
    at_once.fail(delivery, Failure::Lost, at(1));
    assert_eq!(at_once.balance().waiting, 1);
    for (ack, how, lost) in [
        (Ack::Before, Failure::Lost, 1),
        (Ack::Before, Failure::LostUnbegun, 0),
        (Ack::OnDelivery, Failure::LostUnbegun, 1),
        (Ack::OnDelivery, Failure::HandedBack, 0),
    ] {
        let mut messages = Messages::new(QueueSpec { ack, ..QueueSpec::default() });
        messages.publish(content(0), SimDuration::ZERO, at(0));
        let delivery = messages.take(None, at(0)).unwrap();
        messages.fail(delivery, how, at(1));
        assert_eq!(messages.balance().lost, lost, "{ack:?} {how:?}");
    }
}

#[test]
fn deliveries_are_counted_and_dead_letters_leave() {
    let spec = QueueSpec {
        max_receives: Some(3),
        dead_letter: Some(ComponentId(7)),
        retry_delay: Some(RetryDelay { base: SimDuration::from_secs(1), cap: SimDuration::from_secs(4) }),
        ..QueueSpec::default()
    };
    let mut messages = Messages::new(spec);
    let id = messages.publish(content(0), SimDuration::ZERO, at(0));
    for now in [0, 10, 20] {
        messages.due(at(now));
        let delivery = messages.take(None, at(now)).unwrap();
        messages.fail(delivery, Failure::Failed, at(now));
    }
    assert!(messages.take(None, at(100)).is_none());
    assert!(messages.moved(id, false, at(100)), "it is tried again");
    assert!(!messages.moved(id, true, at(101)));
    assert_eq!(messages.balance().dead_lettered, 1);
    assert!(messages.balance().holds());
}

#[test]
fn one_of_a_group_is_in_flight_and_the_others_wait_behind_it() {
    let mut messages = Messages::new(QueueSpec::default());
    for n in 0..3 {
        let content = Content { group: Some(u64::from(n == 2)), ..content(n) };
        messages.publish(content, SimDuration::ZERO, at(0));
    }
    let first = messages.take(None, at(0)).unwrap();
    let other_group = messages.take(None, at(0)).unwrap();
    assert!(messages.take(None, at(0)).is_none(), "the head of the first group blocks");
    messages.fail(first, Failure::Failed, at(1));
    let again = messages.take(None, at(1)).unwrap();
    assert_eq!(again.message, first.message);
    messages.ack(again, at(2));
    let next = messages.take(None, at(2)).unwrap().message;
    assert_eq!(messages.content(next).unwrap().number, 1);
    messages.ack(other_group, at(3));
}

/// One operation of the property test.
#[derive(Clone, Copy, Debug)]
enum Do {
    Publish(u64),
    Post,
    Take,
    Ack(usize),
    Fail(usize, Failure),
    Pass(u64),
    BreakDown,
    Purge,
    Moved(bool),
}

fn operation() -> impl Strategy<Value = Do> {
    let failure = prop_oneof![
        Just(Failure::Failed),
        Just(Failure::Lost),
        Just(Failure::LostUnbegun),
        Just(Failure::HandedBack)
    ];
    prop_oneof![
        6 => (0..4_u64).prop_map(Do::Publish),
        1 => Just(Do::Post),
        6 => Just(Do::Take),
        4 => (0..8_usize).prop_map(Do::Ack),
        3 => (0..8_usize, failure).prop_map(|(n, how)| Do::Fail(n, how)),
        4 => (0..40_u64).prop_map(Do::Pass),
        1 => Just(Do::BreakDown),
        1 => Just(Do::Purge),
        2 => any::<bool>().prop_map(Do::Moved),
    ]
}

fn spec() -> impl Strategy<Value = QueueSpec> {
    let ack = prop_oneof![Just(Ack::After), Just(Ack::Before), Just(Ack::OnDelivery)];
    let discipline = prop_oneof![
        Just(QueueDiscipline::Fifo),
        Just(QueueDiscipline::Lifo),
        Just(QueueDiscipline::Priority)
    ];
    let flags = proptest::array::uniform5(any::<bool>());
    let limits = (
        proptest::option::of(1..60_u64),
        proptest::option::of(1..4_u32),
        proptest::option::of(1..80_u64),
        proptest::option::of(1..6_u32),
        proptest::option::of(1..4_u32),
        proptest::option::of(0..9_u64),
    );
    (ack, discipline, flags, limits).prop_map(|(ack, discipline, flags, limits)| {
        let [wait, front, late_ack, dead_letter, durable] = flags;
        let (visibility, max_receives, ttl, max_length, max_in_flight, pause) = limits;
        QueueSpec {
            ack,
            visibility: visibility.map(SimDuration::from_secs),
            on_disconnect: if wait { Disconnect::Wait } else { Disconnect::Redeliver },
            requeue_in_front: front,
            late_ack,
            max_receives,
            dead_letter: dead_letter.then_some(ComponentId(1)),
            retry_delay: pause
                .map(|s| RetryDelay { base: SimDuration::from_secs(s), cap: SimDuration::from_secs(2 * s) }),
            discipline,
            ttl: ttl.map(SimDuration::from_secs),
            max_length,
            overflow: Overflow::DropHead,
            max_in_flight,
            durable,
            ..QueueSpec::default()
        }
    })
}

proptest! {
    // 2000 queues of up to 80 operations each.
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn no_message_is_unaccounted_for(
        spec in spec(),
        groups in any::<bool>(),
        operations in proptest::collection::vec(operation(), 1..80),
    ) {
        let mut messages = Messages::new(spec);
        let mut open: Vec<Delivery> = Vec::new();
        let mut moving: Vec<MessageId> = Vec::new();
        let (mut now, mut sent, mut relayed) = (0, 0, Vec::new());
        let (mut published, mut ends) = (0_u64, 0_u64);
        for operation in operations {
            match operation {
                Do::Publish(delay) => {
                    let group = groups.then_some(sent % 2);
                    sent += 1;
                    let content = Content { group, ..content(sent) };
                    messages.publish(content, SimDuration::from_secs(delay), at(now));
                }
                Do::Post => messages.post(content(99), SimDuration::from_secs(1), at(now)),
                Do::Take => open.extend(messages.take(None, at(now))),
                Do::Ack(n) if !open.is_empty() => {
                    let delivery = open.swap_remove(n % open.len());
                    messages.ack(delivery, at(now));
                }
                Do::Fail(n, how) if !open.is_empty() => {
                    let delivery = open.swap_remove(n % open.len());
                    messages.fail(delivery, how, at(now));
                }
                Do::Pass(seconds) => {
                    now += seconds;
                    messages.due(at(now));
                }
                Do::BreakDown => messages.break_down(at(now)),
                Do::Purge => messages.purge(at(now)),
                Do::Moved(taken) => {
                    if let Some(id) = moving.pop()
                        && messages.moved(id, taken, at(now))
                    {
                        moving.push(id);
                    }
                }
                Do::Ack(_) | Do::Fail(..) => {}
            }
            while let Some(fact) = messages.next_fact() {
                match fact {
                    Fact::Fate(Fate::Published) => published += 1,
                    Fact::Fate(
                        Fate::Acked | Fate::DeadLettered | Fate::Expired | Fate::Dropped | Fate::Lost,
                    ) => ends += 1,
                    Fact::Move(id) => moving.push(id),
                    Fact::Relay(id) => relayed.push(id),
                    _ => {}
                }
            }
            for id in std::mem::take(&mut relayed) {
                messages.take_over(id, SimDuration::ZERO, at(now));
            }
            let balance = messages.balance();
            prop_assert!(balance.holds(), "{balance:?} after {operation:?}");
            prop_assert!(published <= balance.published);
            prop_assert!(ends <= published);
        }
        // What was told is what is counted.
        while let Some(fact) = messages.next_fact() {
            match fact {
                Fact::Fate(Fate::Published) => published += 1,
                Fact::Fate(Fate::Acked | Fate::DeadLettered | Fate::Expired | Fate::Dropped | Fate::Lost) => {
                    ends += 1;
                }
                _ => {}
            }
        }
        let balance = messages.balance();
        prop_assert_eq!(balance.published, published);
        prop_assert_eq!(balance.published - balance.waiting - balance.in_flight, ends);
        // Nothing is kept of what has ended.
        for delivery in open {
            messages.fail(delivery, Failure::HandedBack, at(now));
        }
    }
}
