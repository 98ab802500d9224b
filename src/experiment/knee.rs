//! The knee of a curve: where more of one thing stops buying much of the other.
//!
//! Kneedle (Satopää, Albrecht, Irwin & Raghavan 2011, "Finding a 'Kneedle' in a Haystack"), offline, on the points as
//! they are: both axes are scaled to 0..1, and the knee is the point that lies farthest from the straight line
//! between the two ends, above or below. It counts only if it lies farther than S / (n - 1), S = 1, the paper's
//! threshold for evenly spaced points; a curve of fewer than four points has none. (Jain's knee of load, the maximum
//! of throughput / response time, is another definition, for curves over load only.)

/// Points that a knee needs.
const FEWEST: usize = 4;

/// The position of the knee among points with ascending x; `None` if there is none, or some value is no number.
#[must_use]
pub fn knee(points: &[(f64, f64)]) -> Option<usize> {
    let (first, last) = (points.first()?, points.last()?);
    if points.len() < FEWEST || points.iter().any(|(x, y)| !x.is_finite() || !y.is_finite()) {
        return None;
    }
    let (least, most) =
        points.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), p| (a.min(p.1), b.max(p.1)));
    let (width, height) = (last.0 - first.0, most - least);
    if width <= 0.0 || height <= 0.0 {
        return None;
    }
    let scaled = |p: &(f64, f64)| ((p.0 - first.0) / width, (p.1 - least) / height);
    let (start, end) = (scaled(first).1, scaled(last).1);
    let distance = |p: &(f64, f64)| {
        let (x, y) = scaled(p);
        (y - (start + x * (end - start))).abs()
    };
    let (at, farthest) = points
        .iter()
        .map(distance)
        .enumerate()
        .fold((0, 0.0), |best, (at, own)| if own > best.1 { (at, own) } else { best });
    (farthest > 1.0 / (points.len() as f64 - 1.0)).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::knee;

    /// The paper's worked example, figure 2: y = -1 / x + 5 at x = 0, 0.1, ... has its knee at 0.22; on tenths at 0.2.
    #[test]
    fn it_finds_the_knee_of_the_paper() {
        let curve: Vec<(f64, f64)> =
            (0..10).map(|i| f64::from(i) / 10.0).map(|x| (x, -1.0 / (x + 0.1) + 5.0)).collect();
        assert_eq!(knee(&curve), Some(2));
    }

    #[test]
    fn elbows_in_every_direction_and_none_of_a_line() {
        let of = |ys: &[f64]| knee(&ys.iter().enumerate().map(|(x, y)| (x as f64, *y)).collect::<Vec<_>>());
        assert_eq!(of(&[9.0, 5.0, 1.0, 0.9, 0.8, 0.8]), Some(2), "falls, then is flat");
        assert_eq!(of(&[0.1, 0.1, 0.1, 0.2, 5.0, 9.0]), Some(3), "is flat, then rises");
        assert_eq!(of(&[1.0, 4.0, 7.9, 8.0, 8.0, 8.0]), Some(2), "rises, then is flat");
        assert_eq!(of(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), None);
        assert_eq!(of(&[3.0; 6]), None);
        assert_eq!(of(&[9.0, 1.0, 0.0]), None, "too few");
        assert_eq!(of(&[9.0, f64::NAN, 1.0, 1.0]), None);
    }
}
