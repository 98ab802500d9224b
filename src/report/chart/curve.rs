//! Values over what was varied: points with their intervals, joined where they lie on one line, the knee and the
//! limits marked. Panels stand under each other, each with an x of its own.

use super::font::{Weight, text_width};
use super::header::Words;
use super::palette::{AMBER, AMBER_TEXT, AXIS, BLUE, GREY, GRID, INK, MUTED};
use super::picture::{Axis, Limit, Scale};
use super::svg::{Anchor, Face, Svg, num, polyline};
use super::ticks::{Ticks, format_value};

const WIDTH: f64 = 1200.0;
const LEFT: f64 = 100.0;
const RIGHT: f64 = 1160.0;
const TITLE_ROW: f64 = 44.0;
const FOOT_ROW: f64 = 54.0;
const TITLE: Face = Face::new(14.0, Weight::SemiBold, INK);
const SMALL: Face = Face::new(12.0, Weight::Regular, MUTED);

/// A picture of curves.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curves {
    /// The finding.
    pub headline: String,
    /// What it rests on.
    pub subtitle: String,
    /// A last muted line.
    pub footer: String,
    /// From top to bottom.
    pub panels: Vec<CurvePanel>,
}

/// One set of axes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CurvePanel {
    /// What is shown.
    pub title: String,
    /// The y axis.
    pub axis: Axis,
    /// What x is.
    pub across: Across,
    /// In ascending order of x.
    pub points: Vec<CurvePoint>,
    /// Whether a line joins them.
    pub joined: bool,
    /// Limits and objectives.
    pub limits: Vec<Limit>,
    /// A place on x with its word: the knee.
    pub mark: Option<(f64, String)>,
}

/// What x is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Across {
    /// In words.
    pub words: String,
    /// Linear between its ends, or by ratios.
    pub scale: Scale,
    /// Where labels stand, and which.
    pub labels: Vec<(f64, String)>,
}

/// A value with its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CurvePoint {
    /// Where on x.
    pub x: f64,
    /// The value; absent if it is not finite.
    pub y: f64,
    /// The interval's ends; the value itself where there is none.
    pub ends: (f64, f64),
    /// Whether it meets what is asked; `None` where nothing is.
    pub met: Option<bool>,
}

/// The plot's height by the number of panels, so that a picture fits a screen.
fn plot_height(panels: usize) -> f64 {
    match panels {
        0 | 1 => 440.0,
        2 => 260.0,
        _ => 180.0,
    }
}

/// Draws it as SVG, 1200 pixels wide.
#[must_use]
pub fn render_curves(curves: &Curves) -> String {
    let words = Words::of(&curves.headline, &curves.subtitle, &curves.footer, WIDTH);
    let plot = plot_height(curves.panels.len());
    let each = TITLE_ROW + plot + FOOT_ROW;
    let height = words.above() + each * curves.panels.len() as f64 + words.below();
    let titles: Vec<String> =
        curves.panels.iter().map(|panel| format!("{} over {}", panel.title, panel.across.words)).collect();
    let mut svg = Svg::new(WIDTH, height, &curves.headline, &titles.join("; "));
    words.draw(&mut svg, height);
    for (at, panel) in curves.panels.iter().enumerate() {
        draw(&mut svg, panel, words.above() + each * at as f64, plot);
    }
    svg.finish()
}

/// Where an x lies, in pixels.
fn place(panel: &CurvePanel, x: f64) -> f64 {
    let xs = panel.points.iter().map(|p| p.x).chain(panel.across.labels.iter().map(|l| l.0));
    let log = panel.across.scale == Scale::Log;
    let of = |x: f64| if log { libm::log(x.max(1e-300)) } else { x };
    let (from, to) = xs
        .filter(|x| x.is_finite())
        .map(of)
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| (a.min(x), b.max(x)));
    let share = if to > from { (of(x) - from) / (to - from) } else { 0.5 };
    // Points keep off the plot's edges.
    LEFT + 24.0 + share.clamp(0.0, 1.0) * (RIGHT - LEFT - 48.0)
}

fn draw(svg: &mut Svg, panel: &CurvePanel, top: f64, plot: f64) {
    let top = top + TITLE_ROW;
    let log = panel.axis.scale == Scale::Log;
    let shown = |y: f64| y.is_finite() && (!log || y > 0.0);
    let values = panel.points.iter().flat_map(|p| [p.y, p.ends.0, p.ends.1]).filter(|y| shown(*y));
    let mut extent = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), y| (a.min(y), b.max(y)));
    let reach = if extent.0 > extent.1 { f64::INFINITY } else { extent.1 * 3.0 };
    for limit in panel.limits.iter().filter(|l| shown(l.value) && l.value <= reach) {
        extent = (extent.0.min(limit.value), extent.1.max(limit.value));
    }
    let ticks = Ticks::of(panel.axis, (extent.0 <= extent.1).then_some(extent));
    let y_at = |y: f64| top + (1.0 - ticks.height(y).clamp(0.0, 1.0)) * plot;
    svg.text(LEFT, top - 14.0, &panel.title, TITLE);
    for tick in &ticks.at {
        svg.line((LEFT, y_at(*tick)), (RIGHT, y_at(*tick)), GRID, "");
        svg.text(
            LEFT - 8.0,
            y_at(*tick) + 4.0,
            &format_value(*tick, panel.axis.unit),
            SMALL.anchored(Anchor::End),
        );
    }
    svg.line((LEFT, top + plot), (RIGHT, top + plot), AXIS, "");
    labels(svg, panel, top + plot);
    if let Some((x, word)) = &panel.mark {
        let x = place(panel, *x);
        svg.line((x, top), (x, top + plot), AMBER, " stroke-width=\"1.5\" stroke-dasharray=\"5 4\"");
        let width = text_width(word, 12.0, Weight::SemiBold);
        let left = if x + 8.0 + width > RIGHT { x - 8.0 - width } else { x + 8.0 };
        svg.text(left, top - 14.0, word, Face::new(12.0, Weight::SemiBold, AMBER_TEXT));
    }
    for limit in
        panel.limits.iter().filter(|l| shown(l.value) && l.value <= ticks.top() && l.value >= ticks.bottom())
    {
        let y = y_at(limit.value);
        svg.line((LEFT, y), (RIGHT, y), MUTED, " stroke-dasharray=\"6 4\"");
        // Its word stands at the end where the points are farther away.
        let off = |p: Option<&CurvePoint>| {
            p.filter(|p| shown(p.y)).map_or(f64::INFINITY, |p| (y_at(p.y) - y).abs())
        };
        if off(panel.points.first()) > off(panel.points.last()) {
            svg.text(LEFT + 4.0, y - 5.0, &limit.label, SMALL.haloed());
        } else {
            svg.text(RIGHT, y - 5.0, &limit.label, SMALL.anchored(Anchor::End).haloed());
        }
    }
    let at = |p: &CurvePoint| (place(panel, p.x), y_at(p.y));
    for run in panel.points.split(|p| !shown(p.y)).filter(|run| panel.joined && run.len() > 1) {
        let above = run.iter().map(|p| (place(panel, p.x), y_at(p.ends.1)));
        let below = run.iter().rev().map(|p| (place(panel, p.x), y_at(p.ends.0)));
        let band = polyline(above.chain(below));
        svg.raw(format_args!("<path d=\"{band} Z\" fill=\"{BLUE}\" fill-opacity=\"0.16\"/>\n"));
        let line = polyline(run.iter().map(at));
        svg.raw(format_args!("<path d=\"{line}\" fill=\"none\" stroke=\"{BLUE}\" stroke-width=\"2\" stroke-linejoin=\"round\"/>\n"));
    }
    for point in panel.points.iter().filter(|p| shown(p.y)) {
        let (x, y) = at(point);
        let colour = if point.met == Some(false) { GREY } else { BLUE };
        svg.line((x, y_at(point.ends.0)), (x, y_at(point.ends.1)), colour, " stroke-width=\"1.5\"");
        // What misses its objectives is hollow.
        let fill = if point.met == Some(false) { "#FFFFFF" } else { colour };
        svg.raw(format_args!(
            "<circle cx=\"{}\" cy=\"{}\" r=\"4.5\" fill=\"{fill}\" stroke=\"{colour}\" stroke-width=\"2\"/>\n",
            num(x),
            num(y)
        ));
    }
}

/// The labels below a panel, as many as have room; the ends have it first.
fn labels(svg: &mut Svg, panel: &CurvePanel, bottom: f64) {
    let labels = &panel.across.labels;
    let mut order: Vec<usize> = (0..labels.len()).collect();
    if let Some(last) = labels.len().checked_sub(1).filter(|last| *last > 0) {
        order.retain(|at| *at != last);
        order.insert(1, last);
    }
    let mut taken: Vec<(f64, f64)> = Vec::new();
    for (x, text) in order.into_iter().map(|at| &labels[at]) {
        let (x, half) = (place(panel, *x), text_width(text, 12.0, Weight::Regular) / 2.0);
        if taken.iter().any(|(from, to)| x - half < to + 10.0 && x + half > from - 10.0) {
            continue;
        }
        taken.push((x - half, x + half));
        svg.line((x, bottom), (x, bottom + 5.0), AXIS, "");
        svg.text(x, bottom + 20.0, text, SMALL.anchored(Anchor::Middle));
    }
    svg.text(RIGHT, bottom + 40.0, &panel.across.words, SMALL.anchored(Anchor::End));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::chart::{Unit, rasterize};

    #[test]
    fn hostile_names_and_numbers_still_make_a_picture() {
        let point = |x: f64, y: f64| CurvePoint { x, y, ends: (y, y), met: Some(y < 1.0) };
        let panel = CurvePanel {
            title: "</svg>".to_owned(),
            axis: Axis { scale: Scale::Log, unit: Unit::Duration, top: None },
            across: Across {
                words: "<b>".to_owned(),
                scale: Scale::Log,
                labels: vec![(0.0, "0".repeat(500)), (f64::NAN, String::new())],
            },
            points: vec![point(0.0, 0.0), point(1.0, f64::INFINITY), point(2.0, 5.0), point(3.0, 1e300)],
            joined: true,
            limits: vec![Limit { value: f64::NAN, label: String::new() }],
            mark: Some((f64::NEG_INFINITY, "knee".to_owned())),
        };
        let curves =
            Curves { headline: "h".to_owned(), panels: vec![panel.clone(), panel], ..Curves::default() };
        let svg = render_curves(&curves);
        assert!(svg.contains("&lt;/svg&gt;") && svg.matches("</svg>").count() == 1);
        assert!(rasterize(&svg).is_ok());
        assert!(rasterize(&render_curves(&Curves::default())).is_ok());
        assert!(
            rasterize(&render_curves(&Curves { panels: vec![CurvePanel::default()], ..Curves::default() }))
                .is_ok()
        );
    }
}
