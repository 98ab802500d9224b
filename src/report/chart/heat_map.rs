//! A value over two things that were varied: a cell for each pair, the darker the larger, with its number, its
//! interval, whether it meets what is asked, and the knee of each row.

use super::font::{Weight, shorten, text_width};
use super::header::{MARGIN, Words};
use super::palette::{AMBER, AMBER_TEXT, INK, MUTED, PAPER};
use super::picture::{Scale, Unit};
use super::svg::{Anchor, Face, Svg};
use super::ticks::format_value;

const WIDTH: f64 = 1200.0;
/// Cells at their largest, and the whole map at its tallest.
const CELL: (f64, f64) = (150.0, 64.0);
const TALLEST: f64 = 1400.0;
const SMALL: Face = Face::new(12.0, Weight::Regular, MUTED);
/// The two ends of the scale: light and dark blue, evenly spaced in lightness between.
const LIGHT: (f64, f64, f64) = (239.0, 246.0, 255.0);
const DARK: (f64, f64, f64) = (23.0, 55.0, 120.0);

/// A heat map.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeatMap {
    /// The finding.
    pub headline: String,
    /// What it rests on.
    pub subtitle: String,
    /// A last muted line.
    pub footer: String,
    /// What is shown.
    pub title: String,
    /// How its values are written.
    pub unit: Unit,
    /// How a value becomes a colour.
    pub scale: Scale,
    /// What columns and rows are.
    pub words: (String, String),
    /// The columns' labels, from left to right.
    pub columns: Vec<String>,
    /// The rows' labels, from bottom to top.
    pub rows: Vec<String>,
    /// A list for each row; what was not run is absent.
    pub cells: Vec<Vec<Option<Cell>>>,
}

/// One cell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cell {
    /// The value; what is not finite has no colour.
    pub value: f64,
    /// The value, written.
    pub text: String,
    /// Its interval, written.
    pub interval: String,
    /// Whether it meets what is asked: `met`, `missed`, `?` or nothing.
    pub verdict: String,
    /// Whether it is the knee of its row.
    pub knee: bool,
}

/// The colour of a place between 0 and 1, and whether dark text can be read on it.
fn colour(share: f64) -> (String, bool) {
    let share = share.clamp(0.0, 1.0);
    let mix = |a: f64, b: f64| libm::round(a + share * (b - a)) as u8;
    let hex =
        format!("#{:02X}{:02X}{:02X}", mix(LIGHT.0, DARK.0), mix(LIGHT.1, DARK.1), mix(LIGHT.2, DARK.2));
    (hex, share < 0.5)
}

/// Draws it as SVG, 1200 pixels wide.
#[must_use]
pub fn render_heat_map(map: &HeatMap) -> String {
    let words = Words::of(&map.headline, &map.subtitle, &map.footer, WIDTH);
    let widest =
        map.rows.iter().map(|row| text_width(row, 12.0, Weight::Regular)).fold(0.0, f64::max).min(200.0);
    let left = MARGIN + widest + 30.0;
    let (columns, rows) = (map.columns.len().max(1) as f64, map.rows.len().max(1) as f64);
    let wide = ((WIDTH - MARGIN - left) / columns).min(CELL.0);
    let tall = (TALLEST / rows).min(CELL.1);
    let top = words.above() + 50.0;
    let bottom = top + tall * rows;
    let height = bottom + 92.0 + words.below();
    let desc = format!("{} over {} and {}", map.title, map.words.0, map.words.1);
    let mut svg = Svg::new(WIDTH, height, &map.headline, &desc);
    words.draw(&mut svg, height);
    svg.text(MARGIN, words.above() + 14.0, &map.title, Face::new(14.0, Weight::SemiBold, INK));
    svg.text(MARGIN, words.above() + 36.0, &map.words.1, SMALL);
    let usable = |v: f64| v.is_finite() && (map.scale == Scale::Linear || v > 0.0);
    let of = |v: f64| if map.scale == Scale::Log { libm::log(v) } else { v };
    let all = || map.cells.iter().flatten().flatten().map(|cell| cell.value).filter(|v| usable(*v));
    let (least, most) = all().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
    let share = |v: f64| if most > least { (of(v) - of(least)) / (of(most) - of(least)) } else { 0.5 };
    for (row, cells) in map.cells.iter().enumerate() {
        let y = bottom - tall * (row + 1) as f64;
        for (column, cell) in cells.iter().enumerate() {
            let at = (left + wide * column as f64, y);
            draw_cell(&mut svg, cell.as_ref(), at, (wide, tall), &|v| usable(v).then(|| colour(share(v))));
        }
    }
    // Knees last, so that no neighbour covers their frame.
    for (row, cells) in map.cells.iter().enumerate() {
        for (column, _) in cells.iter().enumerate().filter(|(_, cell)| cell.as_ref().is_some_and(|c| c.knee))
        {
            let (x, y) = (left + wide * column as f64, bottom - tall * (row + 1) as f64);
            svg.rect(
                (x + 2.0, y + 2.0),
                (wide - 4.0, tall - 4.0),
                &format!(" fill=\"none\" stroke=\"{AMBER}\" stroke-width=\"3\""),
            );
        }
    }
    let every = |size: f64, room: f64| libm::ceil(room / size.max(1e-6)).max(1.0) as usize;
    for (row, label) in map.rows.iter().enumerate().step_by(every(tall, 16.0)) {
        let label = shorten(label, 12.0, Weight::Regular, 200.0);
        svg.text(left - 10.0, bottom - tall * (row as f64 + 0.5) + 4.0, &label, SMALL.anchored(Anchor::End));
    }
    let longest =
        map.columns.iter().map(|c| text_width(c, 12.0, Weight::Regular)).fold(0.0, f64::max).min(160.0);
    for (column, label) in map.columns.iter().enumerate().step_by(every(wide, longest + 8.0)) {
        let label = shorten(label, 12.0, Weight::Regular, 160.0);
        svg.text(left + wide * (column as f64 + 0.5), bottom + 18.0, &label, SMALL.anchored(Anchor::Middle));
    }
    svg.text(left, bottom + 38.0, &map.words.0, SMALL);
    legend(&mut svg, map, (least, most), (left, bottom + 52.0));
    svg.finish()
}

fn draw_cell(
    svg: &mut Svg,
    cell: Option<&Cell>,
    (x, y): (f64, f64),
    (wide, tall): (f64, f64),
    paint: &dyn Fn(f64) -> Option<(String, bool)>,
) {
    let painted = cell.and_then(|cell| paint(cell.value));
    let (fill, dark_text) = painted.unwrap_or_else(|| ("#F1F3F6".to_owned(), true));
    svg.rect((x, y), (wide, tall), &format!(" fill=\"{fill}\" stroke=\"{PAPER}\" stroke-width=\"1\""));
    let Some(cell) = cell else { return };
    let ink = if dark_text { INK } else { "#FFFFFF" };
    let middle = x + wide / 2.0;
    let fits =
        |text: &str, size: f64| !text.is_empty() && text_width(text, size, Weight::Regular) < wide - 8.0;
    let mut lines: Vec<(&str, f64, Weight)> = Vec::new();
    if fits(&cell.text, 13.0) && tall >= 16.0 {
        lines.push((&cell.text, 13.0, Weight::SemiBold));
        if fits(&cell.interval, 10.5) && tall >= 34.0 {
            lines.push((&cell.interval, 10.5, Weight::Regular));
        }
        if fits(&cell.verdict, 10.5) && tall >= 50.0 {
            lines.push((&cell.verdict, 10.5, Weight::Regular));
        }
    }
    let mut base = y + tall / 2.0 + 4.0 - 8.0 * (lines.len().saturating_sub(1)) as f64;
    for (text, size, weight) in lines {
        svg.text(middle, base, text, Face::new(size, weight, ink).anchored(Anchor::Middle));
        base += 16.0;
    }
}

/// The scale of colours with its ends, and what the frame means.
fn legend(svg: &mut Svg, map: &HeatMap, (least, most): (f64, f64), (x, y): (f64, f64)) {
    if least > most {
        return;
    }
    let low = format_value(least, map.unit);
    svg.text(x, y + 12.0, &low, SMALL);
    let from = x + text_width(&low, 12.0, Weight::Regular) + 8.0;
    for step in 0..40 {
        let fill = colour((f64::from(step) + 0.5) / 40.0).0;
        svg.rect((from + 5.0 * f64::from(step), y), (5.5, 15.0), &format!(" fill=\"{fill}\""));
    }
    svg.text(from + 208.0, y + 12.0, &format_value(most, map.unit), SMALL);
    if map.cells.iter().flatten().flatten().any(|cell| cell.knee) {
        let at = from + 300.0;
        svg.rect((at, y), (22.0, 15.0), &format!(" fill=\"none\" stroke=\"{AMBER}\" stroke-width=\"3\""));
        let says = format!("the knee along {}", map.words.0);
        svg.text(at + 30.0, y + 12.0, &says, Face::new(12.0, Weight::SemiBold, AMBER_TEXT));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::chart::rasterize;

    #[test]
    fn hostile_names_numbers_and_sizes_still_make_a_picture() {
        let cell =
            |value: f64| Some(Cell { value, text: "</svg>".to_owned(), knee: true, ..Cell::default() });
        let map = |columns: usize, rows: usize, scale| HeatMap {
            headline: "<b>".to_owned(),
            scale,
            columns: (0..columns).map(|i| "c".repeat(i % 90)).collect(),
            rows: (0..rows).map(|i| "r".repeat(i % 90)).collect(),
            cells: (0..rows)
                .map(|r| {
                    (0..columns).map(|c| if c % 7 == 3 { None } else { cell((r * c) as f64 - 3.0) }).collect()
                })
                .collect(),
            ..HeatMap::default()
        };
        for (columns, rows) in [(0, 0), (1, 1), (3, 2), (100, 100)] {
            for scale in [Scale::Linear, Scale::Log] {
                let svg = render_heat_map(&map(columns, rows, scale));
                assert!(svg.matches("</svg>").count() == 1 && rasterize(&svg).is_ok(), "{columns} x {rows}");
            }
        }
        let lost =
            HeatMap { cells: vec![vec![cell(f64::NAN), cell(f64::INFINITY)]], ..map(2, 1, Scale::Linear) };
        assert!(rasterize(&render_heat_map(&lost)).is_ok());
    }
}
