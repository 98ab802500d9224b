//! Labels at the ends of lines: each as near to its line as the others let it.

/// Moves `wanted` positions (ascending or not) apart until neighbours are `gap` away from each
/// other and all lie within `from` and `to`; the least sum of squared moves, by pooling adjacent
/// violators (isotonic regression; Barlow et al. 1972). Returns the positions in the order given.
///
/// The caller must see to it that all fit: `(wanted.len() - 1) * gap <= to - from`.
pub(super) fn spread(wanted: &[f64], gap: f64, from: f64, to: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|&a, &b| wanted[a].total_cmp(&wanted[b]));
    // With the gaps taken off, "apart" becomes "not descending". Blocks are (sum, count).
    let mut blocks: Vec<(f64, usize)> = Vec::new();
    for (rank, &i) in order.iter().enumerate() {
        let mut block = (wanted[i] - rank as f64 * gap, 1);
        while let Some(&(sum, count)) = blocks.last() {
            if sum / (count as f64) <= block.0 / block.1 as f64 {
                break;
            }
            blocks.pop();
            block = (block.0 + sum, block.1 + count);
        }
        blocks.push(block);
    }
    let highest = (to - wanted.len().saturating_sub(1) as f64 * gap).max(from);
    let mut placed = vec![0.0; wanted.len()];
    let levels = blocks.into_iter().flat_map(|(sum, count)| std::iter::repeat_n(sum / count as f64, count));
    for ((rank, &i), level) in order.iter().enumerate().zip(levels) {
        placed[i] = level.clamp(from, highest) + rank as f64 * gap;
    }
    placed
}
