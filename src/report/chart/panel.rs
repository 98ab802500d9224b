//! One panel: axes, lines, limits, and the labels at the ends of the lines.

use super::font::{Weight, shorten, text_width};
use super::header::MARGIN;
use super::labels::spread;
use super::palette::{self, AXIS, GREY, GRID, INK, MUTED};
use super::picture::{Abscissa, Line, Panel, Scale, Stroke, Unit};
use super::svg::{Anchor, Face, Svg, num, polyline};
use super::thin::thin;
use super::ticks::{Ticks, format_clock, format_value, sizes, time};

const TITLE_ROW: f64 = 32.0;
const PLOT: f64 = 150.0;
/// The plot of a picture over sizes, which has one panel and many lines.
const TALL_PLOT: f64 = 420.0;
const CLOCK_ROW: f64 = 34.0;
/// Between two labels in the margin.
const LABEL_GAP: f64 = 15.0;
/// How far a leader goes up or down; a longer one tells nothing, and many make a fan.
const LEADER: f64 = 45.0;
/// The most labels that a panel has; the lines beyond are grey and counted.
const LABELS: usize = 16;

const TITLE: Face = Face::new(14.0, Weight::SemiBold, INK);
const SMALL: Face = Face::new(12.0, Weight::Regular, MUTED);

/// Where a panel lies: top of its title row, extra row above the plot, ends of the plot, and the
/// edge at which the column of peaks ends; all in pixels. `span` is the range of x.
pub(super) struct Frame<'a> {
    pub(super) top: f64,
    pub(super) row: f64,
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) edge: f64,
    pub(super) span: (f64, f64),
    pub(super) abscissa: Abscissa<'a>,
}

impl Frame<'_> {
    pub(super) fn plot_top(&self) -> f64 {
        self.top + TITLE_ROW + self.row
    }

    /// Where an x lies; what is outside of the span lies on its ends.
    pub(super) fn x(&self, x: f64) -> f64 {
        let (from, to) = self.span;
        let share = match self.abscissa {
            Abscissa::Time => (x - from) / (to - from),
            Abscissa::Size(_) => libm::log(x.max(from) / from) / libm::log(to / from),
        };
        self.left + share.clamp(0.0, 1.0) * (self.right - self.left)
    }
}

/// A line made ready: thinned, stacked, cut to the span.
struct Series<'a> {
    line: &'a Line,
    pieces: Vec<Vec<(f64, f64)>>,
    /// The lower edge of a stacked area; empty when it stands on the axis.
    base: Vec<(f64, f64)>,
    peak: f64,
    /// What the margin tells of it: the peak over time, the last value over sizes.
    figure: f64,
    labelled: bool,
}

/// A panel, measured and ready to be drawn.
pub(super) struct Drawn<'a> {
    panel: &'a Panel,
    series: Vec<Series<'a>>,
    ticks: Ticks,
    more: usize,
    least_height: f64,
}

impl<'a> Drawn<'a> {
    pub(super) fn of(panel: &'a Panel, span: (f64, f64), abscissa: Abscissa<'_>) -> Self {
        let log = panel.axis.scale == Scale::Log;
        let present = |y: f64| y.is_finite() && (!log || y > 0.0);
        let inside = |x: f64| (span.0..=span.1).contains(&x);
        let mut stack: Vec<f64> = Vec::new();
        let mut series: Vec<Series<'a>> = Vec::new();
        let mut extent = (f64::INFINITY, f64::NEG_INFINITY);
        for line in &panel.lines {
            let own = line.points.iter().filter(|p| inside(p.0)).map(|p| p.1).filter(|y| present(*y));
            let peak = own.fold(f64::NAN, f64::max);
            let stacked = line.stroke == Stroke::Stacked;
            let mut base = Vec::new();
            let mut points = Vec::with_capacity(line.points.len());
            stack.resize(stack.len().max(if stacked { line.points.len() } else { 0 }), 0.0);
            for (i, &(x, y)) in line.points.iter().enumerate() {
                let y = if present(y) { y } else { f64::NAN };
                let below = if stacked { stack[i] } else { 0.0 };
                if inside(x) {
                    points.push((x, below + y));
                    if stacked {
                        base.push((x, below));
                    }
                }
                if stacked && y.is_finite() {
                    stack[i] += y;
                }
            }
            let edges = line.spread.iter().filter(|s| inside(s.0)).flat_map(|s| [s.1, s.2]);
            for y in points.iter().map(|p| p.1).chain(edges).filter(|y| present(*y)) {
                extent = (extent.0.min(y), extent.1.max(y));
            }
            let base = thin(&base).into_iter().flatten().collect();
            let pieces = thin(&points);
            let figure = match abscissa {
                Abscissa::Time => peak,
                Abscissa::Size(_) => pieces.last().and_then(|piece| piece.last()).map_or(f64::NAN, |p| p.1),
            };
            series.push(Series { line, pieces, base, peak, figure, labelled: true });
        }
        let data = (extent.0 <= extent.1).then_some(extent);
        let reach = panel.axis.top.unwrap_or(0.0).max(extent.1);
        for limit in panel.limits.iter().map(|limit| limit.value).filter(|v| present(*v)) {
            if data.is_none() || limit <= reach * 3.0 {
                extent = (extent.0.min(limit), extent.1.max(limit));
            }
        }
        let ticks = Ticks::of(panel.axis, (extent.0 <= extent.1).then_some(extent));
        let more = choose_labels(&mut series);
        let least_height = if abscissa == Abscissa::Time { PLOT } else { TALL_PLOT };
        Self { panel, series, ticks, more, least_height }
    }

    fn rows(&self) -> usize {
        self.series.iter().filter(|s| s.labelled).count() + usize::from(self.more > 0)
    }

    pub(super) fn plot_height(&self) -> f64 {
        self.least_height.max(self.rows().saturating_sub(1) as f64 * LABEL_GAP + 8.0)
    }

    pub(super) fn height(&self) -> f64 {
        TITLE_ROW + self.plot_height() + CLOCK_ROW
    }

    fn y(&self, frame: &Frame<'_>, value: f64) -> f64 {
        let share = self.ticks.height(value);
        // A low edge of zero on a logarithmic axis has no finite height, and lies at the bottom.
        let share = if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) };
        frame.plot_top() + (1.0 - share) * self.plot_height()
    }

    /// Title, note, axes' numbers and the clock.
    pub(super) fn draw_words(&self, svg: &mut Svg, frame: &Frame<'_>, last: bool) {
        let baseline = frame.top + 18.0;
        let room = frame.right - MARGIN;
        let title = shorten(&self.panel.title, TITLE.size, TITLE.weight, room);
        svg.text(MARGIN, baseline, &title, TITLE);
        let used = text_width(&title, TITLE.size, TITLE.weight) + 10.0;
        let note = shorten(&self.panel.note, SMALL.size, SMALL.weight, (room - used).max(0.0));
        svg.text(MARGIN + used, baseline, &note, SMALL);
        if !self.series.is_empty() {
            let y = frame.plot_top() - 13.0;
            let head = if frame.abscissa == Abscissa::Time { "peak" } else { "at the largest" };
            svg.text(frame.edge, y, head, Face { size: 11.0, ..SMALL }.anchored(Anchor::End));
        }
        let bottom = frame.plot_top() + self.plot_height();
        let (ticks, words) = match frame.abscissa {
            Abscissa::Time => (time(frame.span.0, frame.span.1), "simulated time"),
            Abscissa::Size(words) => (sizes(frame.span.0, frame.span.1), words),
        };
        for tick in ticks {
            let x = frame.x(tick);
            let text = match frame.abscissa {
                Abscissa::Time => format_clock(tick),
                Abscissa::Size(_) => format_value(tick, Unit::Count),
            };
            svg.line((x, bottom), (x, bottom + 4.0), AXIS, "");
            svg.text(x, bottom + 18.0, &text, SMALL.anchored(Anchor::Middle));
        }
        if last {
            let face = Face { size: 11.0, ..SMALL }.anchored(Anchor::End);
            svg.text(frame.edge, bottom + 20.0, words, face);
        }
    }

    /// Grid, data, limits and labels, in that order.
    pub(super) fn draw_plot(&self, svg: &mut Svg, frame: &Frame<'_>) {
        let bottom = frame.plot_top() + self.plot_height();
        for (i, tick) in self.ticks.at.iter().enumerate() {
            let y = self.y(frame, *tick);
            let colour = if i == 0 { AXIS } else { GRID };
            svg.line((frame.left, y), (frame.right, y), colour, "");
            let text = format_value(*tick, self.panel.axis.unit);
            svg.text(frame.left - 10.0, y + 4.0, &text, SMALL.anchored(Anchor::End));
        }
        if self.series.iter().all(|s| s.pieces.is_empty()) {
            let middle = (f64::midpoint(frame.left, frame.right), bottom - self.plot_height() / 2.0);
            svg.text(middle.0, middle.1, "no data", SMALL.anchored(Anchor::Middle).haloed());
        }
        let (bold, plain): (Vec<_>, Vec<_>) = self.series.iter().partition(|s| s.line.stroke == Stroke::Bold);
        for series in plain.iter().chain(&bold) {
            self.draw_area(svg, frame, series);
        }
        for series in plain.iter().chain(&bold) {
            self.draw_line(svg, frame, series);
        }
        self.draw_limits(svg, frame);
        self.draw_labels(svg, frame);
    }

    fn draw_area(&self, svg: &mut Svg, frame: &Frame<'_>, series: &Series<'_>) {
        let place = |(x, y): (f64, f64)| (frame.x(x), self.y(frame, y));
        let colour = series.colour();
        let mut fill = |path: String, opacity: f64| {
            if !path.is_empty() {
                svg.raw(format_args!(
                    "<path d=\"{path}Z\" fill=\"{colour}\" fill-opacity=\"{}\"/>\n",
                    num(opacity)
                ));
            }
        };
        let spread = &series.line.spread;
        if !spread.is_empty() {
            let inside = |x: f64| (frame.span.0..=frame.span.1).contains(&x);
            let edge = |pick: fn(&(f64, f64, f64)) -> f64| -> Vec<(f64, f64)> {
                let points = spread.iter().filter(|s| inside(s.0)).map(|s| {
                    // Both edges must break together, or the area would close across a gap.
                    (s.0, if (s.1 + s.2).is_finite() { pick(s) } else { f64::NAN })
                });
                points.collect()
            };
            let (low, high) = (thin(&edge(|s| s.1)), thin(&edge(|s| s.2)));
            for (low, high) in low.iter().zip(&high) {
                fill(polyline(high.iter().chain(low.iter().rev()).copied().map(place)), 0.18);
            }
        }
        if !matches!(series.line.stroke, Stroke::Area | Stroke::Stacked) {
            return;
        }
        let floor = if self.panel.axis.scale == Scale::Log { self.ticks.bottom() } else { 0.0 };
        for piece in &series.pieces {
            let (from, to) = (piece[0].0, piece[piece.len() - 1].0);
            let mut base: Vec<(f64, f64)> =
                series.base.iter().copied().filter(|p| (from..=to).contains(&p.0)).collect();
            if base.is_empty() {
                base = vec![(from, floor), (to, floor)];
            }
            fill(polyline(piece.iter().chain(base.iter().rev()).copied().map(place)), 0.16);
        }
    }

    fn draw_line(&self, svg: &mut Svg, frame: &Frame<'_>, series: &Series<'_>) {
        let width = match series.line.stroke {
            Stroke::Bold => 2.4,
            _ if !series.labelled => 1.0,
            _ => 1.6,
        };
        let dash = if series.dashed() { " stroke-dasharray=\"5 4\"" } else { "" };
        let colour = series.colour();
        let (points, lines): (Vec<_>, Vec<_>) = series.pieces.iter().partition(|piece| piece.len() == 1);
        let place = |(x, y): (f64, f64)| (frame.x(x), self.y(frame, y));
        let path: String = lines.iter().map(|piece| polyline(piece.iter().copied().map(place))).collect();
        if !path.is_empty() {
            svg.raw(format_args!(
                "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\" \
                 stroke-linejoin=\"round\" stroke-linecap=\"round\"{dash}/>\n"
            ));
        }
        for piece in points {
            let (x, y) = place(piece[0]);
            svg.raw(format_args!(
                "<circle cx=\"{}\" cy=\"{}\" r=\"2.2\" fill=\"{colour}\"/>\n",
                num(x),
                num(y)
            ));
        }
    }

    /// A limit far above the data is named at the top with an arrow: drawn to scale it would flatten
    /// the data, left out it would be missed.
    fn draw_limits(&self, svg: &mut Svg, frame: &Frame<'_>) {
        let face = SMALL.haloed();
        let mut placed: Vec<(f64, f64, f64)> = Vec::new();
        for limit in &self.panel.limits {
            if !limit.value.is_finite() || (self.panel.axis.scale == Scale::Log && limit.value <= 0.0) {
                continue;
            }
            let above = limit.value > self.ticks.top() * 1.000_001;
            let y = self.y(frame, limit.value);
            let mut word = limit.label.clone();
            if above {
                word = format!("{word} ↑ {}", format_value(limit.value, self.panel.axis.unit));
            } else {
                let dash = " stroke-width=\"1.2\" stroke-dasharray=\"6 4\"";
                svg.line((frame.left, y), (frame.right, y), MUTED, dash);
            }
            let baseline = if y < frame.plot_top() + 16.0 { y + 14.0 } else { y - 5.0 };
            let beside = placed.iter().filter(|p| (p.0 - baseline).abs() < 13.0).map(|p| p.2 + 14.0);
            let x = beside.fold(frame.left + 6.0, f64::max);
            let word = shorten(&word, face.size, face.weight, (frame.right - x).max(0.0));
            svg.text(x, baseline, &word, face);
            placed.push((baseline, x, x + text_width(&word, face.size, face.weight)));
        }
    }

    fn draw_labels(&self, svg: &mut Svg, frame: &Frame<'_>) {
        let (top, height) = (frame.plot_top(), self.plot_height());
        let labelled: Vec<&Series<'_>> = self.series.iter().filter(|s| s.labelled).collect();
        let ends: Vec<f64> =
            labelled.iter().map(|s| s.end(self, frame).map_or(top + height, |p| p.1)).collect();
        let mut wanted = ends.clone();
        if self.more > 0 {
            wanted.push(top + height);
        }
        let places = spread(&wanted, LABEL_GAP, top + 2.0, top + height - 2.0);
        let (swatch, name_at) = (frame.right + 22.0, frame.right + 42.0);
        for ((series, end), y) in labelled.iter().zip(&ends).zip(&places) {
            let colour = series.colour();
            if series.reaches(frame) && (end - y).abs() < LEADER {
                let elbow = format!(
                    "<path d=\"M{} {}L{} {}\" fill=\"none\" stroke=\"{AXIS}\" stroke-width=\"0.8\"/>\n",
                    num(frame.right + 3.0),
                    num(*end),
                    num(swatch - 3.0),
                    num(*y)
                );
                svg.raw(format_args!("{elbow}"));
            }
            let dash = if series.dashed() { " stroke-dasharray=\"4 3\"" } else { "" };
            let bold = series.line.stroke == Stroke::Bold;
            let width = if bold { 3.0 } else { 2.4 };
            svg.line(
                (swatch, *y),
                (swatch + 14.0, *y),
                colour,
                &format!(" stroke-width=\"{width}\" stroke-linecap=\"butt\"{dash}"),
            );
            let peak = format_value(series.figure, self.panel.axis.unit);
            let room = frame.edge - name_at - 10.0 - text_width(&peak, SMALL.size, SMALL.weight);
            let weight = if bold { Weight::Bold } else { Weight::Regular };
            let face = Face { weight, fill: INK, ..SMALL };
            svg.text(name_at, y + 4.0, &shorten(&series.line.label, face.size, weight, room), face);
            svg.text(frame.edge, y + 4.0, &peak, SMALL.anchored(Anchor::End));
        }
        if let (true, Some(y)) = (self.more > 0, places.last()) {
            svg.text(name_at, y + 4.0, &format!("and {} more", self.more), SMALL);
        }
    }
}

impl Series<'_> {
    fn colour(&self) -> &'static str {
        if self.labelled { palette::colour(self.line.role) } else { GREY }
    }

    fn dashed(&self) -> bool {
        self.line.stroke == Stroke::Dashed || palette::repeats(self.line.role)
    }

    fn end(&self, drawn: &Drawn<'_>, frame: &Frame<'_>) -> Option<(f64, f64)> {
        let last = self.pieces.last()?.last()?;
        Some((frame.x(last.0), drawn.y(frame, last.1)))
    }

    /// Whether the line goes on to the right end, so that a leader from there is true.
    fn reaches(&self, frame: &Frame<'_>) -> bool {
        let last = self.pieces.last().and_then(|piece| piece.last());
        last.is_some_and(|p| frame.right - frame.x(p.0) < 12.0)
    }
}

/// Labels bold lines first, then those with the highest peaks; returns how many go without.
fn choose_labels(series: &mut [Series<'_>]) -> usize {
    if series.len() <= LABELS {
        return 0;
    }
    let mut order: Vec<usize> = (0..series.len()).collect();
    let peak = |i: usize| if series[i].peak.is_finite() { series[i].peak } else { f64::NEG_INFINITY };
    let bold = |i: usize| series[i].line.stroke == Stroke::Bold;
    order.sort_by(|&a, &b| bold(b).cmp(&bold(a)).then(peak(b).total_cmp(&peak(a))));
    for &i in &order[LABELS - 1..] {
        series[i].labelled = false;
    }
    series.len() - (LABELS - 1)
}
