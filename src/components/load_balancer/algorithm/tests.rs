//! The algorithms against queueing theory, published examples and each other.

use std::collections::VecDeque;

use super::*;
use crate::base::ZoneId;
use crate::base::random::Key;
use crate::kernel::Executive;

const START: SimTime = SimTime::ZERO;

fn pick(view: &mut View, draws: &mut Draws) -> Option<usize> {
    view.pick(&mut Choice::new(START, draws))
}

fn picks(view: &mut View, n: usize) -> Vec<usize> {
    let mut draws = Key::root(0, 0).draws();
    (0..n).filter_map(|_| pick(view, &mut draws)).collect()
}

fn secs(s: f64) -> SimTime {
    SimTime::from_secs_f64(s)
}

#[derive(Clone, Copy)]
enum Event {
    Arrival,
    Departure(usize),
}

/// FIFO servers of these mean exponential service times behind one view; Poisson arrivals at `rate`.
/// The mean sojourn, the 99th percentile, and the mean sojourn by server.
fn simulate(mut view: View, rate: f64, services: &[f64], jobs: usize, seed: u64) -> (f64, f64, Vec<f64>) {
    let mut draws = Key::root(seed, 0).draws();
    let mut executive = Executive::new();
    let mut lines: Vec<VecDeque<SimTime>> = vec![VecDeque::new(); services.len()];
    let mut sojourns = Vec::with_capacity(jobs);
    let mut by_server = vec![(0.0, 0_u32); services.len()];
    let warm_up = jobs / 10;
    let exponential =
        |mean: f64, draws: &mut Draws| SimDuration::from_secs_f64(-mean * libm::log(draws.unit_open()));
    executive.schedule_arrival(START, Event::Arrival);
    let mut seen = 0;
    while seen < jobs {
        let Some(event) = executive.pop() else { break };
        let now = executive.now();
        match event {
            Event::Arrival => {
                executive.schedule_arrival(now + exponential(1.0 / rate, &mut draws), Event::Arrival);
                let key = draws.bits();
                let mut choice = Choice { key, source: key, ..Choice::new(now, &mut draws) };
                let server = view.pick(&mut choice).unwrap();
                lines[server].push_back(now);
                if lines[server].len() == 1 {
                    let service = exponential(services[server], &mut draws);
                    executive.schedule(now + service, Event::Departure(server));
                }
            }
            Event::Departure(server) => {
                let came = lines[server].pop_front().unwrap();
                let took = now.since(came);
                view.release(server);
                view.answered(server, took, now);
                seen += 1;
                if seen > warm_up {
                    sojourns.push(took.as_secs_f64());
                    by_server[server].0 += took.as_secs_f64();
                    by_server[server].1 += 1;
                }
                if !lines[server].is_empty() {
                    let service = exponential(services[server], &mut draws);
                    executive.schedule(now + service, Event::Departure(server));
                }
            }
        }
    }
    let mean = sojourns.iter().sum::<f64>() / sojourns.len() as f64;
    sojourns.sort_by(f64::total_cmp);
    let p99 = sojourns[sojourns.len() * 99 / 100];
    (mean, p99, by_server.iter().map(|(sum, n)| sum / f64::from((*n).max(1))).collect())
}

fn equal(algorithm: Algorithm, n: usize) -> View {
    View::new(algorithm, Ties::Random, vec![1.0; n])
}

fn near(seen: f64, expected: f64, tolerance: f64, what: &str) {
    assert!((seen / expected - 1.0).abs() < tolerance, "{what}: {seen} for {expected}");
}

#[test]
fn least_connections_with_ties_to_the_first_follows_the_golden_trace() {
    // GOLD-LC: departures before arrivals at equal time.
    let services = [5, 1, 1, 5, 1, 1, 1, 1];
    let mut view = View::new(Algorithm::LeastConnections, Ties::First, vec![1.0; 3]);
    let mut draws = Key::root(0, 0).draws();
    let mut leaving: Vec<(u32, usize)> = Vec::new();
    let mut free_at = [0_u32; 3];
    let mut picked = Vec::new();
    for (now, service) in (0_u32..).zip(services) {
        leaving.retain(|(at, server)| {
            let stays = *at > now;
            if !stays {
                view.release(*server);
            }
            stays
        });
        let server = pick(&mut view, &mut draws).unwrap();
        free_at[server] = free_at[server].max(now) + service;
        leaving.push((free_at[server], server));
        picked.push(server);
    }
    assert_eq!(picked, [0, 1, 1, 1, 2, 0, 0, 0]);
}

#[test]
fn smooth_weights_spread_evenly() {
    let mut view = View::new(Algorithm::WeightedRoundRobin, Ties::First, vec![5.0, 1.0, 1.0]);
    assert_eq!(picks(&mut view, 7), [0, 0, 1, 0, 2, 0, 0]); // the example of nginx's commit 52327e0
}

#[test]
fn two_choices_are_different_servers() {
    let mut view = equal(Algorithm::POWER_OF_TWO_CHOICES, 2);
    let mut draws = Key::root(2, 0).draws();
    // With two servers and no departures the less loaded one is always taken: loads differ by one at most.
    for _ in 0..1000 {
        pick(&mut view, &mut draws);
        assert!(view.in_flight(0).abs_diff(view.in_flight(1)) <= 1);
    }
}

#[test]
fn the_picks_of_a_seed_are_frozen() {
    // Results of users rest on these.
    let digest = |algorithm, ties| {
        let mut view = View::new(algorithm, ties, vec![1.0; 7]);
        let mut draws = Key::root(11, 0).draws();
        (0..200_u64).fold(0_u64, |digest, n| {
            let chosen = pick(&mut view, &mut draws).unwrap();
            if n % 3 == 0 {
                view.release(chosen);
            }
            digest.rotate_left(5) ^ chosen as u64
        })
    };
    let seen = [
        digest(Algorithm::RoundRobin, Ties::First),
        digest(Algorithm::Random, Ties::First),
        digest(Algorithm::WeightedRandom, Ties::First),
        digest(Algorithm::WeightedRoundRobin, Ties::First),
        digest(Algorithm::LeastConnections, Ties::First),
        digest(Algorithm::LeastConnections, Ties::Random),
        digest(Algorithm::LeastConnections, Ties::Rotate),
        digest(Algorithm::POWER_OF_TWO_CHOICES, Ties::Random),
        digest(Algorithm::POWER_OF_TWO_CHOICES, Ties::First),
    ];
    assert_eq!(seen, FROZEN);
}
const FROZEN: [u64; 9] = [
    9_495_091_377_945_099_817,
    11_990_820_583_428_828_657,
    11_990_820_583_428_828_657,
    9_495_091_377_945_099_817,
    5_505_681_175_264_867_034,
    12_704_029_901_776_520_503,
    6_960_117_369_101_577_811,
    473_554_782_566_701_715,
    7_175_777_325_220_270_523,
];

#[test]
fn small_fleets_agree_with_exact_solutions() {
    let two_of_three = |replacement| Algorithm::PowerOfChoices { choices: 2, replacement };
    let cases = [
        (Algorithm::Random, 2, 1.0, 0.5, 0.666_667, "LINE-T4 random"),
        (Algorithm::RoundRobin, 2, 1.0, 0.5, 0.577_350, "LINE-T4 round robin"),
        (Algorithm::LeastConnections, 2, 1.8, 1.0, 5.474_913, "JSQ-2"),
        (two_of_three(false), 3, 2.4, 1.0, 2.510_000, "P2C-3 without replacement"),
        (two_of_three(true), 3, 2.4, 1.0, 2.765_698, "P2C-3 with replacement"),
        (Algorithm::RoundRobin, 10, 9.0, 1.0, 5.660_276, "LB-10-090 round robin"),
    ];
    for (algorithm, n, rate, service, expected, name) in cases {
        let runs = (0..3).map(|seed| simulate(equal(algorithm, n), rate, &vec![service; n], 180_000, seed).0);
        near(runs.sum::<f64>() / 3.0, expected, 0.04, name);
    }
}

#[test]
fn twenty_servers_at_ninety_percent_rank_as_measured() {
    // 20 servers, exponential 20 ms, utilisation 0.9: mean and p99 in ms. Random and in turn are exact (M/M/1, and
    // Erlang-20 arrivals), the others anchors of another simulation; random needs the longest runs.
    let table = [
        (Algorithm::Random, [200.0, 921.0], [0.06, 0.1]),
        (Algorithm::RoundRobin, [105.0, 468.0], [0.06, 0.1]),
        (Algorithm::POWER_OF_TWO_CHOICES, [57.0, 192.0], [0.05, 0.05]),
        (Algorithm::LeastConnections, [29.0, 125.0], [0.05, 0.05]),
    ];
    for (algorithm, [mean, p99], [of_mean, of_p99]) in table {
        let runs: Vec<_> =
            (0..4).map(|seed| simulate(equal(algorithm, 20), 900.0, &[0.02; 20], 300_000, seed)).collect();
        let name = format!("{algorithm:?}");
        near(runs.iter().map(|r| r.0).sum::<f64>() * 250.0, mean, of_mean, &name);
        near(runs.iter().map(|r| r.1).sum::<f64>() * 250.0, p99, of_p99, &name);
    }
}

#[test]
fn a_slow_server_drowns_under_those_who_do_not_look() {
    // 20 servers at 0.6, one of them three times as slow: its own load is 1.8 in turn and at random.
    let mut services = [0.02; 20];
    services[7] = 0.06;
    let run = |algorithm, jobs| simulate(equal(algorithm, 20), 600.0, &services, jobs, 3);
    for algorithm in [Algorithm::Random, Algorithm::RoundRobin] {
        let (short, long) = (run(algorithm, 60_000).2[7], run(algorithm, 240_000).2[7]);
        assert!(short > 5.0 && long > 3.0 * short, "{algorithm:?} diverges: {short} s, then {long} s");
    }
    let (mean, p99, _) = run(Algorithm::POWER_OF_TWO_CHOICES, 150_000);
    near(mean, 0.032, 0.06, "two choices");
    near(p99, 0.155, 0.08, "two choices, p99");
    let (mean, p99, _) = run(Algorithm::LeastConnections, 150_000);
    near(mean, 0.021, 0.08, "least");
    near(p99, 0.104, 0.08, "least, p99");
    let (mean, _, by_server) = run(Algorithm::PEAK_EWMA, 150_000);
    assert!(mean < 0.045 && by_server[7] < 0.25, "peak EWMA: {mean} {by_server:?}");
    let all = Algorithm::LeastTime { choices: None, peak: false, decay: SimDuration::from_secs(10) };
    assert!(run(all, 100_000).0 < 0.03);
}

#[test]
fn more_choices_approach_the_mean_field_limit() {
    // POD-MEANFIELD at 0.9: 2.614, 2.028, 1.633 for d = 2, 3, 5; a hundred servers lie a little above.
    for (choices, limit) in [(2, 2.614_057), (3, 2.027_856), (5, 1.632_881)] {
        let algorithm = Algorithm::PowerOfChoices { choices, replacement: false };
        let mean = simulate(equal(algorithm, 200), 180.0, &[1.0; 200], 250_000, 1).0;
        assert!((0.985..1.03).contains(&(mean / limit)), "d = {choices}: {mean} for {limit}");
    }
}

#[test]
fn connections_pinned_at_random_are_uneven() {
    // Layer 4: C connections on ten servers, largest over mean load, and servers that stay idle.
    let mut draws = Key::root(8, 0).draws();
    for (connections, ratio, idle) in [(10, 2.78, 3.5), (20, 2.19, 1.22), (100, 1.51, 0.0), (1000, 1.16, 0.0)]
    {
        let runs = 4_000;
        let (mut ratios, mut empty) = (0.0, 0);
        for _ in 0..runs {
            let mut view = equal(Algorithm::Random, 10);
            (0..connections).for_each(|_| assert!(pick(&mut view, &mut draws).is_some()));
            let loads = (0..10).map(|i| view.in_flight(i));
            ratios += f64::from(loads.clone().max().unwrap()) * 10.0 / f64::from(connections);
            empty += loads.filter(|load| *load == 0).count();
        }
        near(ratios / f64::from(runs), ratio, 0.02, "largest over mean");
        assert!((empty as f64 / f64::from(runs) - idle).abs() < 0.05, "{connections}: {empty}");
    }
}

#[test]
fn old_loads_make_the_least_loaded_a_magnet() {
    // Brooker 2012, Mitzenmacher 2000: with fresh loads the least loaded is best; as they age it becomes
    // the worst, two choices hold out longer, and random does not care.
    let mean = |algorithm, age: f64| {
        let settings = Settings {
            view_age: (age > 0.0).then(|| SimDuration::from_secs_f64(age)),
            ..Settings::new(algorithm, Ties::Random)
        };
        let members = (0..10).map(|name| Member::new(1.0, name)).collect();
        simulate(View::with(settings, members), 8.0, &[1.0; 10], 60_000, 5).0
    };
    let (least, two, random) =
        (Algorithm::LeastConnections, Algorithm::POWER_OF_TWO_CHOICES, Algorithm::Random);
    assert!(mean(least, 0.0) < mean(two, 0.0) && mean(two, 0.0) < mean(random, 0.0));
    assert!(mean(two, 2.0) < mean(least, 2.0), "the herd begins");
    assert!(mean(two, 2.0) < mean(random, 2.0), "two choices still help");
    assert!(mean(least, 20.0) > 1.5 * mean(random, 20.0), "the herd is worse than chance");
}

#[test]
fn whoever_is_down_or_draining_gets_nothing_new() {
    for algorithm in every_algorithm() {
        let mut view = equal(algorithm, 4);
        view.set_state(1, State::Down, START);
        view.set_state(2, State::Draining, START);
        let mut draws = Key::root(1, 1).draws();
        for key in 0..200 {
            let mut choice = Choice { key, source: key, ..Choice::new(START, &mut draws) };
            let chosen = view.pick(&mut choice).unwrap();
            assert!(chosen == 0 || chosen == 3, "{algorithm:?}");
            if key % 4 > 0 {
                view.release(chosen);
            }
        }
        view.set_state(0, State::Down, START);
        view.set_state(3, State::Down, START);
        assert_eq!(pick(&mut view, &mut draws), None, "{algorithm:?}");
        view.set_state(1, State::Up, START);
        assert_eq!(pick(&mut view, &mut draws), Some(1), "{algorithm:?}");
    }
}

#[test]
fn backends_can_come_and_go_under_every_algorithm() {
    for algorithm in every_algorithm() {
        let mut view = equal(algorithm, 3);
        let mut draws = Key::root(1, 2).draws();
        let mut flying = Vec::new();
        for step in 0..600_u64 {
            match draws.below(10) {
                0 => {
                    let i = view.add(Member::new(1.0 + draws.unit(), step), secs(step as f64));
                    assert_eq!(view.state(i), State::Up);
                }
                1 if view.up() > 1 => {
                    view.set_state(draws.below(view.len() as u64) as usize, State::Removed, START)
                }
                2 => {
                    let i = draws.below(view.len() as u64) as usize;
                    if view.state(i) != State::Removed {
                        view.set_state(i, [State::Down, State::Up][draws.below(2) as usize], START);
                    }
                }
                3..=5 => {
                    if !flying.is_empty() {
                        let i = flying.swap_remove(draws.below(flying.len() as u64) as usize);
                        view.release(i);
                        view.answered(i, SimDuration::from_millis(5), secs(step as f64));
                    }
                }
                _ => {
                    let mut choice = Choice { key: step, source: step, ..Choice::new(START, &mut draws) };
                    let chosen = view.pick(&mut choice);
                    assert_eq!(chosen.is_some(), view.up() > 0, "{algorithm:?}");
                    if let Some(i) = chosen {
                        assert_eq!(view.state(i), State::Up, "{algorithm:?}");
                        flying.push(i);
                    }
                }
            }
            for i in 0..view.len() {
                assert_eq!(view.in_flight(i) as usize, flying.iter().filter(|f| **f == i).count());
            }
        }
    }
}

fn every_algorithm() -> Vec<Algorithm> {
    vec![
        Algorithm::RoundRobin,
        Algorithm::WeightedRoundRobin,
        Algorithm::Random,
        Algorithm::WeightedRandom,
        Algorithm::LeastConnections,
        Algorithm::POWER_OF_TWO_CHOICES,
        Algorithm::PowerOfChoices { choices: 3, replacement: true },
        Algorithm::PEAK_EWMA,
        Algorithm::LeastTime { choices: None, peak: false, decay: SimDuration::from_secs(1) },
        Algorithm::IpHash,
        Algorithm::Hash,
        Algorithm::KETAMA,
        Algorithm::Maglev { size: 251 },
        Algorithm::BoundedLoad { points: 40, factor: 1.25 },
        Algorithm::UtilisationWeighted,
    ]
}

#[test]
fn limits_hold_and_whoever_was_tried_is_not_tried_again() {
    for algorithm in every_algorithm() {
        let members =
            (0..3).map(|name| Member { max_in_flight: Some(2), ..Member::new(1.0, name) }).collect();
        let mut view = View::with(Settings::new(algorithm, Ties::Random), members);
        let mut draws = Key::root(1, 3).draws();
        let mut tried = Vec::new();
        for _ in 0..3 {
            let mut choice = Choice { key: 5, source: 5, excluded: &tried, ..Choice::new(START, &mut draws) };
            let next = view.pick(&mut choice).unwrap();
            assert!(!tried.contains(&next), "{algorithm:?}");
            tried.push(next);
        }
        let mut choice = Choice { excluded: &tried, ..Choice::new(START, &mut draws) };
        assert_eq!(view.pick(&mut choice), None);
        (0..3).for_each(|_| assert!(pick(&mut view, &mut draws).is_some(), "{algorithm:?}"));
        assert_eq!(pick(&mut view, &mut draws), None, "{algorithm:?}: six requests fill three backends");
        view.release(1);
        assert_eq!(pick(&mut view, &mut draws), Some(1));
    }
}

#[test]
fn a_panic_tries_everybody() {
    let up = |panic, down: usize| {
        let settings = Settings { panic, ..Settings::new(Algorithm::RoundRobin, Ties::First) };
        let mut view = View::with(settings, (0..10).map(|name| Member::new(1.0, name)).collect());
        (0..down).for_each(|i| view.set_state(i, State::Down, START));
        let mut seen = picks(&mut view, 20);
        seen.sort_unstable();
        seen.dedup();
        (seen.len(), view.is_panicking())
    };
    assert_eq!(up(Panic::Below(0.5), 5), (5, false)); // exactly half is healthy enough
    assert_eq!(up(Panic::Below(0.5), 6), (10, true));
    assert_eq!(up(Panic::WhenNoneIsUp, 9), (1, false));
    assert_eq!(up(Panic::WhenNoneIsUp, 10), (10, true));
    assert_eq!(up(Panic::Never, 10), (0, false));
}

#[test]
fn who_sticks_stays_while_the_backend_drains() {
    let mut view = equal(Algorithm::RoundRobin, 3);
    let mut draws = Key::root(1, 4).draws();
    let mut stick = |view: &mut View| {
        let mut choice = Choice { sticky: Some(2), ..Choice::new(START, &mut draws) };
        view.pick(&mut choice)
    };
    assert_eq!([stick(&mut view), stick(&mut view)], [Some(2), Some(2)]);
    view.set_state(2, State::Draining, START);
    assert_eq!(stick(&mut view), Some(2));
    view.set_state(2, State::Down, START);
    assert_eq!([stick(&mut view), stick(&mut view)], [Some(0), Some(1)]);
}

#[test]
fn whoever_comes_up_starts_slowly() {
    let slow_start = Some(SlowStart { window: SimDuration::from_secs(60), aggression: 1.0, min_share: 0.1 });
    let algorithms =
        [Algorithm::RoundRobin, Algorithm::Random, Algorithm::WeightedRandom, Algorithm::WeightedRoundRobin];
    for algorithm in algorithms {
        let settings = Settings { slow_start, ..Settings::new(algorithm, Ties::Random) };
        let mut view = View::with(settings, (0..4).map(|name| Member::new(1.0, name)).collect());
        view.set_state(3, State::Down, START);
        view.set_state(3, State::Up, START);
        let mut draws = Key::root(1, 5).draws();
        for (now, weight) in [(0.0, 0.1), (30.0, 0.5), (60.0, 1.0)] {
            let got = (0..8_000)
                .filter(|_| {
                    let chosen = view.pick(&mut Choice::new(secs(now), &mut draws)).unwrap();
                    view.release(chosen);
                    chosen == 3
                })
                .count();
            let share = got as f64 / 8_000.0;
            assert!((share - weight / (3.0 + weight)).abs() < 0.015, "{algorithm:?} {now}: {share}");
        }
    }
}

#[test]
fn a_newcomer_under_least_connections_takes_its_weight_and_no_more() {
    // Without slow start it gets everything until it has caught up; with it, in proportion.
    let run = |slow_start| {
        let settings = Settings { slow_start, ..Settings::new(Algorithm::LeastConnections, Ties::First) };
        let mut view = View::with(settings, (0..4).map(|name| Member::new(1.0, name)).collect());
        let mut draws = Key::root(1, 6).draws();
        (0..400).for_each(|_| assert!(pick(&mut view, &mut draws).is_some()));
        let newcomer = view.add(Member::new(1.0, 9), secs(1.0));
        (0..60).for_each(|_| assert!(view.pick(&mut Choice::new(secs(31.0), &mut draws)).is_some()));
        view.in_flight(newcomer)
    };
    assert_eq!(run(None), 60);
    let slow = SlowStart { window: SimDuration::from_secs(60), aggression: 1.0, min_share: 0.1 };
    assert_eq!(run(Some(slow)), 51); // half the weight, so half of the others' 102
}

#[test]
fn backups_and_zones_narrow_whom_the_algorithm_sees() {
    let members = (0..6).map(|i| Member {
        tier: u8::from(i >= 4),
        zone: ZoneId(i % 2),
        ..Member::new(1.0, u64::from(i))
    });
    let settings = Settings {
        zones: Some(ZonePolicy::LocalFirst { local: ZoneId(1) }),
        ..Settings::new(Algorithm::RoundRobin, Ties::First)
    };
    let mut view = View::with(settings, members.collect());
    assert_eq!(picks(&mut view, 4), [1, 3, 1, 3]);
    (1..4).for_each(|i| view.set_state(i, State::Down, START));
    assert_eq!(picks(&mut view, 2), [0, 0]); // another zone before another tier
    view.set_state(0, State::Down, START);
    assert_eq!(picks(&mut view, 2), [5, 5]);
}

#[test]
fn weights_count_in_least_connections_and_in_samples() {
    let three = Algorithm::PowerOfChoices { choices: 3, replacement: false };
    for algorithm in [Algorithm::LeastConnections, three] {
        let mut view = View::new(algorithm, Ties::First, vec![3.0, 2.0, 1.0]);
        picks(&mut view, 600);
        assert_eq!([0, 1, 2].map(|i| view.in_flight(i)), [300, 200, 100], "{algorithm:?}");
    }
}
