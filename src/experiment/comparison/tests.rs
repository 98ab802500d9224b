//! Words, levels and gates on hand-made values.

use super::*;
use crate::experiment::aggregate::estimate;

fn contender(label: &str, seed: u64, metrics: &[(&str, Unit, &[f64])]) -> Contender {
    let metrics = metrics.iter().map(|(name, unit, each)| {
        let each =
            each.iter().map(|x| if x.is_infinite() { MetricValue::Never } else { MetricValue::Number(*x) });
        ((*name).to_owned(), estimate(each.collect(), *unit))
    });
    let results = VariantResults { replications: 6, metrics: metrics.collect(), ..VariantResults::default() };
    Contender { label: label.to_owned(), seed, results }
}

fn words(a: &[f64], b: &[f64], seeds: (u64, u64)) -> Difference {
    let both = [
        contender("a", seeds.0, &[("p99", Unit::Seconds, a)]),
        contender("b", seeds.1, &[("p99", Unit::Seconds, b)]),
    ];
    let gate = ["p99".to_owned()];
    let terms = Terms { tolerance: 0.01, gate: &gate };
    compare(&both, &[(0, 1)], terms).candidates.remove(0).rows.remove(0)
}

const A: [f64; 6] = [1.0, 1.4, 0.8, 1.2, 0.9, 1.1];

#[test]
fn each_word_has_its_interval() {
    let moved = |by: [f64; 6]| -> Vec<f64> { A.iter().zip(by).map(|(a, b)| a + b).collect() };
    let row = words(&A, &moved([0.2, 0.25, 0.22, 0.2, 0.21, 0.19]), (1, 1));
    assert_eq!((row.word, row.regressed), (Word::Worse, true));
    assert!(row.ratio.unwrap().1.low > 1.1);
    assert_eq!(words(&A, &moved([-0.2, -0.25, -0.22, -0.2, -0.21, -0.19]), (1, 1)).word, Word::Better);
    assert_eq!(words(&A, &moved([0.001, -0.002, 0.0, 0.003, 0.0, 0.001]), (1, 1)).word, Word::Same);
    assert!(matches!(
        words(&A, &moved([0.2, -0.25, 0.22, -0.2, 0.21, 0.1]), (1, 1)).word,
        Word::Unknown(Some(_))
    ));
    // Sure, but smaller than what matters.
    let small = words(&A, &moved([0.005, 0.005, 0.012, 0.005, 0.005, 0.005]), (1, 1));
    assert!(matches!(small.word, Word::Same | Word::Unknown(_)) && !small.regressed, "{small:?}");
}

#[test]
fn other_seeds_are_not_paired() {
    let b: Vec<f64> = A.iter().map(|a| a + 0.1).collect();
    assert_eq!(words(&A, &b, (1, 1)).word, Word::Worse);
    assert!(matches!(words(&A, &b, (1, 2)).word, Word::Unknown(Some(_))));
    assert_eq!(words(&A, &A, (1, 1)).word, Word::Same);
}

#[test]
fn never_is_more_than_any_number() {
    let never = [f64::INFINITY; 6];
    // Six of six: 2 / 2^6 = 3 %.
    assert_eq!(words(&A, &never, (1, 1)).word, Word::Worse);
    assert_eq!(words(&never, &A, (1, 1)).word, Word::Better);
    assert_eq!(words(&never, &never, (1, 1)).word, Word::Same);
    assert_eq!(words(&A[..4], &never[..4], (1, 1)).word, Word::Unknown(Some(2)));
}

#[test]
fn the_level_is_shared_among_candidates() {
    let all: Vec<Contender> =
        (0..4).map(|i| contender(&i.to_string(), 1, &[("p99", Unit::Seconds, &A)])).collect();
    let terms = Terms { tolerance: 0.01, gate: &[] };
    assert!((compare(&all, &[(0, 1), (0, 2), (0, 3)], terms).level - (1.0 - 0.05 / 3.0)).abs() < 1e-12);
    assert!((compare(&all, &[(0, 1)], terms).level - 0.95).abs() < 1e-12);
}
