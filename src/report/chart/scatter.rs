//! Points in a plane: money against latency, each design a labelled point with its intervals, and the Pareto
//! front, which joins the designs that no other beats on both.

use super::font::{Weight, shorten, text_width};
use super::header::Words;
use super::palette::{AMBER, AXIS, BLUE, GREY, GRID, INK, MUTED};
use super::picture::{Axis, Limit, Scale};
use super::svg::{Anchor, Face, Svg, num};
use super::ticks::{Ticks, format_value};

const WIDTH: f64 = 1200.0;
const PLOT_HEIGHT: f64 = 520.0;
const LEFT: f64 = 100.0;
const RIGHT: f64 = 1150.0;
const SMALL: Face = Face::new(12.0, Weight::Regular, MUTED);
const NAME: Face = Face::new(13.0, Weight::SemiBold, INK);

/// What is found of a design.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// Nothing was asked; the Pareto front is drawn.
    #[default]
    Unasked,
    /// It meets what is asked.
    Met,
    /// It does not, or that cannot be told: hollow.
    Missed,
    /// It is the answer: ringed.
    Chosen,
}

/// One design.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Its name; nothing is written where it is empty.
    pub label: String,
    /// What is found of it.
    pub standing: Standing,
    /// x with its interval.
    pub x: (f64, f64, f64),
    /// y with its interval.
    pub y: (f64, f64, f64),
}

/// A plane of designs; less is better on both axes.
#[derive(Clone, Debug, PartialEq)]
pub struct Scatter {
    /// The finding.
    pub headline: String,
    /// What it rests on.
    pub subtitle: String,
    /// A last muted line.
    pub footer: String,
    /// Words and form of x.
    pub x: (String, Axis),
    /// Words and form of y.
    pub y: (String, Axis),
    /// The designs.
    pub points: Vec<Point>,
    /// Limits on y.
    pub limits: Vec<Limit>,
}

/// Which points no other beats on both axes.
#[must_use]
pub fn pareto(points: &[(f64, f64)]) -> Vec<bool> {
    let beats = |a: &(f64, f64), b: &(f64, f64)| a.0 <= b.0 && a.1 <= b.1 && (a.0 < b.0 || a.1 < b.1);
    points.iter().map(|p| p.0.is_finite() && p.1.is_finite() && !points.iter().any(|q| beats(q, p))).collect()
}

/// What an axis shows: all values, and of their intervals as much as leaves the values apart. What reaches further
/// is cut at the frame: the interval of two replications can be a hundred times as wide as the values differ.
fn extent(points: impl Iterator<Item = (f64, f64, f64)>, scale: Scale) -> Option<(f64, f64)> {
    let points: Vec<(f64, f64, f64)> = points.filter(|(v, ..)| v.is_finite() && *v > 0.0).collect();
    let fold = |all: &mut dyn Iterator<Item = f64>| {
        all.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| (a.min(x), b.max(x)))
    };
    if points.is_empty() {
        return None;
    }
    let (least, most) = fold(&mut points.iter().map(|(v, ..)| *v));
    let (low, high) = match scale {
        Scale::Linear => {
            let room = (most - least).max(0.1 * most);
            (least - room, most + room)
        }
        Scale::Log => (least / 3.0, most * 3.0),
    };
    let ends = points.iter().flat_map(|(v, l, h)| [*v, l.clamp(low, high), h.clamp(low, high)]);
    Some(fold(&mut ends.filter(|x| x.is_finite() && *x > 0.0)))
}

/// Draws it as SVG, 1200 pixels wide.
#[must_use]
pub fn render_scatter(scatter: &Scatter) -> String {
    let words = Words::of(&scatter.headline, &scatter.subtitle, &scatter.footer, WIDTH);
    let top = words.above() + 24.0;
    let height = top + PLOT_HEIGHT + 48.0 + words.below();
    let names: Vec<&str> = scatter.points.iter().map(|p| p.label.as_str()).collect();
    let desc = format!("{} over {} of {}", scatter.y.0, scatter.x.0, names.join(", "));
    let mut svg = Svg::new(WIDTH, height, &scatter.headline, &desc);
    words.draw(&mut svg, height);
    let extent = |of: &dyn Fn(&Point) -> (f64, f64, f64), scale| extent(scatter.points.iter().map(of), scale);
    let mut heights = extent(&|p| p.y, scatter.y.1.scale);
    for limit in scatter.limits.iter().filter(|l| l.value.is_finite() && l.value > 0.0) {
        heights = heights.map(|(a, b)| (a.min(limit.value), b.max(limit.value)));
    }
    let widths = extent(&|p| p.x, scatter.x.1.scale);
    let (xs, ys) = (Ticks::around(scatter.x.1, widths), Ticks::around(scatter.y.1, heights));
    let x_at = |x: f64| LEFT + xs.height(x).clamp(0.0, 1.0) * (RIGHT - LEFT);
    let y_at = |y: f64| top + (1.0 - ys.height(y).clamp(0.0, 1.0)) * PLOT_HEIGHT;
    svg.text(LEFT, top - 10.0, &scatter.y.0, SMALL);
    for tick in &ys.at {
        svg.line((LEFT, y_at(*tick)), (RIGHT, y_at(*tick)), GRID, "");
        let label = format_value(*tick, scatter.y.1.unit);
        svg.text(LEFT - 8.0, y_at(*tick) + 4.0, &label, SMALL.anchored(Anchor::End));
    }
    svg.line((LEFT, top + PLOT_HEIGHT), (RIGHT, top + PLOT_HEIGHT), AXIS, "");
    for tick in &xs.at {
        let x = x_at(*tick);
        svg.line((x, top + PLOT_HEIGHT), (x, top + PLOT_HEIGHT + 5.0), AXIS, "");
        let label = format_value(*tick, scatter.x.1.unit);
        svg.text(x, top + PLOT_HEIGHT + 20.0, &label, SMALL.anchored(Anchor::Middle));
    }
    svg.text(RIGHT, top + PLOT_HEIGHT + 40.0, &scatter.x.0, SMALL.anchored(Anchor::End));
    for limit in scatter.limits.iter().filter(|l| l.value.is_finite() && l.value <= ys.top()) {
        svg.line((LEFT, y_at(limit.value)), (RIGHT, y_at(limit.value)), MUTED, " stroke-dasharray=\"6 4\"");
        // Above the line, unless the axis' own words stand there.
        let y = y_at(limit.value);
        svg.text(LEFT + 4.0, if y < top + 20.0 { y + 15.0 } else { y - 5.0 }, &limit.label, SMALL.haloed());
    }
    let front = pareto(&scatter.points.iter().map(|p| (p.x.0, p.y.0)).collect::<Vec<_>>());
    draw_front(&mut svg, scatter, &front, (&x_at, &y_at));
    draw_points(&mut svg, scatter, &front, (&x_at, &y_at));
    svg.finish()
}

type Place<'a> = (&'a dyn Fn(f64) -> f64, &'a dyn Fn(f64) -> f64);

/// Steps through the designs that nobody beats: what less money costs in latency.
fn draw_front(svg: &mut Svg, scatter: &Scatter, front: &[bool], (x_at, y_at): Place<'_>) {
    let mut best: Vec<(f64, f64)> = scatter
        .points
        .iter()
        .zip(front)
        .filter(|(p, on)| **on && p.standing == Standing::Unasked)
        .map(|(p, _)| (p.x.0, p.y.0))
        .collect();
    best.sort_by(|a, b| a.0.total_cmp(&b.0));
    for pair in best.windows(2) {
        let corner = (x_at(pair[1].0), y_at(pair[0].1));
        let dashed = " stroke-width=\"1.5\" stroke-dasharray=\"5 4\"";
        svg.line((x_at(pair[0].0), y_at(pair[0].1)), corner, BLUE, dashed);
        svg.line(corner, (x_at(pair[1].0), y_at(pair[1].1)), BLUE, dashed);
    }
}

fn draw_points(svg: &mut Svg, scatter: &Scatter, front: &[bool], (x_at, y_at): Place<'_>) {
    let mut taken: Vec<(f64, f64, f64, f64)> = Vec::new();
    for (point, on_front) in scatter.points.iter().zip(front) {
        if !point.x.0.is_finite() || !point.y.0.is_finite() {
            continue;
        }
        let (x, y) = (x_at(point.x.0), y_at(point.y.0));
        let colour = match point.standing {
            Standing::Unasked if !on_front => GREY,
            Standing::Missed => GREY,
            _ => BLUE,
        };
        svg.line((x_at(point.x.1), y), (x_at(point.x.2), y), colour, " stroke-width=\"1.5\"");
        svg.line((x, y_at(point.y.1)), (x, y_at(point.y.2)), colour, " stroke-width=\"1.5\"");
        let fill = if point.standing == Standing::Missed { "#FFFFFF" } else { colour };
        let (x_text, y_text) = (num(x), num(y));
        svg.raw(format_args!(
            "<circle cx=\"{x_text}\" cy=\"{y_text}\" r=\"6\" fill=\"{fill}\" stroke=\"{colour}\" stroke-width=\"2\"/>\n"
        ));
        if point.standing == Standing::Chosen {
            svg.raw(format_args!(
                "<circle cx=\"{x_text}\" cy=\"{y_text}\" r=\"13\" fill=\"none\" stroke=\"{AMBER}\" stroke-width=\"3\"/>\n"
            ));
        }
        let label = shorten(&point.label, NAME.size, NAME.weight, 260.0);
        let width = text_width(&label, NAME.size, NAME.weight);
        let beside = if point.standing == Standing::Chosen { 19.0 } else { 12.0 };
        let left = if x + beside + width > RIGHT { x - beside - width } else { x + beside };
        // Names that would touch move down.
        let mut base = y - 8.0;
        let touches = |base: f64| {
            taken.iter().any(|t| left < t.2 && left + width > t.0 && base - 13.0 < t.3 && base + 3.0 > t.1)
        };
        while touches(base) && base < y + 200.0 {
            base += 16.0;
        }
        taken.push((left, base - 13.0, left + width, base + 3.0));
        svg.text(left, base, &label, NAME.haloed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::chart::{Unit, rasterize};

    #[test]
    fn the_front_is_what_nobody_beats() {
        assert_eq!(
            pareto(&[(1.0, 9.0), (2.0, 5.0), (3.0, 6.0), (4.0, 1.0), (2.0, f64::NAN)]),
            [true, true, false, true, false]
        );
        assert_eq!(pareto(&[(1.0, 1.0), (1.0, 1.0)]), [true, true]);
    }

    #[test]
    fn a_wide_interval_does_not_push_the_values_together() {
        let points = [(7.7, 7.6, 7.8), (7.85, -25.0, 41.0)];
        let (least, most) = extent(points.into_iter(), Scale::Linear).unwrap();
        assert!(least > 6.9 && least < 7.0 && most < 8.7, "{least} {most}");
        assert_eq!(extent([(f64::NAN, 1.0, 2.0)].into_iter(), Scale::Linear), None);
        assert_eq!(extent([(0.1, 0.0, 9.0)].into_iter(), Scale::Log), Some((0.1 / 3.0, 0.1 * 3.0)));
    }

    #[test]
    fn hostile_names_and_numbers_still_make_a_picture() {
        let axis = Axis { scale: Scale::Log, unit: Unit::Duration, top: None };
        let point = |label: &str, x: f64, y: f64| Point {
            label: label.to_owned(),
            standing: Standing::Chosen,
            x: (x, x, x),
            y: (y, y, y),
        };
        let scatter = Scatter {
            headline: "<b>".to_owned(),
            subtitle: String::new(),
            footer: String::new(),
            x: ("$/h".to_owned(), Axis::default()),
            y: ("p99".to_owned(), axis),
            points: vec![
                point("</svg>", 1.0, 0.2),
                point("n", f64::NAN, f64::INFINITY),
                point("", 1.0, 0.2),
                point(&"long".repeat(90), 0.0, 1e9),
            ],
            limits: vec![
                Limit { value: f64::NAN, label: "<".to_owned() },
                Limit { value: 0.3, label: "<".to_owned() },
            ],
        };
        let svg = render_scatter(&scatter);
        assert!(svg.contains("&lt;/svg&gt;") && svg.matches("</svg>").count() == 1);
        assert!(rasterize(&svg).is_ok());
        assert!(rasterize(&render_scatter(&Scatter { points: Vec::new(), ..scatter })).is_ok());
    }
}
