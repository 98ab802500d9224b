//! Which points of a space of designs are run: every combination, or a Latin hypercube.
//!
//! The hypercube (McKay, Beckman & Conover 1979): each path's range is cut into as many parts of equal probability
//! as there are points, and each part is met by exactly one point, at a place drawn within it. Which part of one
//! path goes with which of another is drawn too. Draws are keyed by seed, path and point, so that neither the order
//! of the paths nor another path changes a path's own values.

use crate::base::random::{Key, StreamName};
use crate::document::{Code, Fault};
use crate::scenario::axis::Axis;

/// Every combination of the axes' values, the last axis the fastest.
///
/// # Errors
/// If an axis does not say which values, or there are more than `most` points.
pub fn grid(axes: &[Axis], most: u64) -> Result<Vec<Vec<String>>, Fault> {
    let values: Vec<Vec<String>> = axes.iter().map(Axis::grid).collect::<Result<_, _>>()?;
    let count = values.iter().fold(1_u64, |count, own| count.saturating_mul(own.len() as u64));
    if count > most {
        let message = format!("that is {count} points, and {most} at most");
        let help = "vary fewer values, write `--sample 100` for some of them, or raise `--max-points` (10 000 at most)";
        return Err(Fault::new(Code::TooLarge, message, help));
    }
    let mut points: Vec<Vec<String>> = vec![Vec::new()];
    for own in &values {
        points = points
            .iter()
            .flat_map(|point| {
                own.iter().map(move |value| [point.as_slice(), std::slice::from_ref(value)].concat())
            })
            .collect();
    }
    Ok(points)
}

/// So many points of a Latin hypercube.
#[must_use]
pub fn latin_hypercube(axes: &[Axis], count: usize, seed: u64) -> Vec<Vec<String>> {
    let columns: Vec<Vec<String>> = axes
        .iter()
        .map(|axis| {
            let mut draws = Key::root(seed, 0).named(StreamName::new(&axis.path)).draws();
            let mut uniform = move || (draws.bits() >> 11) as f64 / (1_u64 << 53) as f64;
            // Fisher and Yates' shuffle of the parts.
            let mut order: Vec<usize> = (0..count).collect();
            for last in (1..count).rev() {
                order.swap(last, (uniform() * (last + 1) as f64) as usize);
            }
            order.into_iter().map(|part| axis.at((part as f64 + uniform()) / count as f64)).collect()
        })
        .collect();
    (0..count).map(|at| columns.iter().map(|column| column[at].clone()).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axes(texts: &[&str]) -> Vec<Axis> {
        texts.iter().map(|text| Axis::parse(text).unwrap_or_else(|fault| panic!("{fault:?}"))).collect()
    }

    #[test]
    fn a_grid_has_every_combination_in_order() {
        let points = grid(&axes(&["a.x=1,2", "b.y=p,q,r"]), 10).expect("six points");
        let joined: Vec<String> = points.iter().map(|point| point.join("")).collect();
        assert_eq!(joined, ["1p", "1q", "1r", "2p", "2q", "2r"]);
        assert_eq!(grid(&axes(&["a.x=1,2", "b.y=p,q,r"]), 5).expect_err("too many").code, Code::TooLarge);
        let million = axes(&["a.x=1..10000", "b.y=1..10000", "c.z=1..10000"]);
        assert_eq!(grid(&million, 10_000).expect_err("a million million").code, Code::TooLarge);
    }

    #[test]
    fn each_part_of_each_path_is_met_once() {
        let both = axes(&["a.x=0ms..1000ms", "b.y=1..20"]);
        let points = latin_hypercube(&both, 20, 7);
        let mut parts: Vec<usize> = points
            .iter()
            .map(|point| point[0].trim_end_matches("ms").parse::<f64>().expect("a number") as usize / 50)
            .collect();
        parts.sort_unstable();
        assert_eq!(parts, (0..20).collect::<Vec<_>>());
        let mut whole: Vec<u32> = points.iter().map(|point| point[1].parse().expect("whole")).collect();
        whole.sort_unstable();
        assert_eq!(whole, (1..=20).collect::<Vec<_>>());
        // The other path's place in the list changes nothing.
        let turned = latin_hypercube(&axes(&["b.y=1..20", "a.x=0ms..1000ms"]), 20, 7);
        assert!(points.iter().zip(&turned).all(|(a, b)| a[0] == b[1] && a[1] == b[0]));
        assert_ne!(points, latin_hypercube(&both, 20, 8));
    }
}
