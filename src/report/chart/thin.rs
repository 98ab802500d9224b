//! Thinning of a series that has more points than a picture has columns.
//!
//! M4 aggregation (Jugel, Jerzak, Hackenbroich, Markl, "M4: A Visualization-Oriented Time Series Data
//! Aggregation", VLDB 2014): of each column the first, the least, the greatest and the last point
//! stay, so the drawn line is the same as that of all points, and every extreme survives.
//! A gap shorter than a column is not seen; a longer one is kept.

/// Columns of a thinned line: four points each make at most 600.
const COLUMNS: usize = 150;

/// The line in unbroken pieces, sorted by x, of at most 600 points unless the gaps need more.
/// Points whose x is not finite are dropped; one whose y is not finite breaks the line.
pub(super) fn thin(points: &[(f64, f64)]) -> Vec<Vec<(f64, f64)>> {
    let mut sorted: Vec<(f64, f64)> = points.iter().copied().filter(|p| p.0.is_finite()).collect();
    if !sorted.is_sorted_by(|a, b| a.0 <= b.0) {
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    if sorted.len() <= COLUMNS * 4 {
        return pieces(sorted.into_iter());
    }
    let from = sorted[0].0;
    let width = sorted[sorted.len() - 1].0 - from;
    let column_of = |x: f64| {
        if width > 0.0 { (((x - from) / width * COLUMNS as f64) as usize).min(COLUMNS - 1) } else { 0 }
    };
    let columns = sorted.chunk_by(|a, b| column_of(a.0) == column_of(b.0));
    pieces(columns.flat_map(extremes).collect::<Vec<_>>().into_iter())
}

/// First, least, greatest and last of a column in their order, with a break where the column itself
/// begins or ends in a gap.
fn extremes(column: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let gap = (column[0].0, f64::NAN);
    let present: Vec<usize> = (0..column.len()).filter(|&i| column[i].1.is_finite()).collect();
    let (Some(&first), Some(&last)) = (present.first(), present.last()) else { return vec![gap] };
    let by_y = |a: &&usize, b: &&usize| column[**a].1.total_cmp(&column[**b].1);
    let mut keep = vec![first, last];
    keep.extend(present.iter().min_by(by_y));
    keep.extend(present.iter().max_by(by_y));
    keep.sort_unstable();
    keep.dedup();
    let mut kept: Vec<(f64, f64)> = keep.into_iter().map(|i| column[i]).collect();
    if first > 0 {
        kept.insert(0, gap);
    }
    if last + 1 < column.len() {
        kept.push(gap);
    }
    kept
}

fn pieces(points: impl Iterator<Item = (f64, f64)>) -> Vec<Vec<(f64, f64)>> {
    let mut pieces = Vec::new();
    let mut piece = Vec::new();
    for point in points {
        if point.1.is_finite() {
            piece.push(point);
        } else if !piece.is_empty() {
            pieces.push(std::mem::take(&mut piece));
        }
    }
    if !piece.is_empty() {
        pieces.push(piece);
    }
    pieces
}
