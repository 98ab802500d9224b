//! The picture as a whole: words, panels under each other, bands, one x for all.

use super::font::{Weight, shorten, text_width};
use super::header::{MARGIN, Words};
use super::palette::{AMBER, AMBER_TEXT};
use super::panel::{Drawn, Frame};
use super::picture::{Abscissa, Band, Picture};
use super::svg::{Anchor, Face, Svg};

/// The width of a picture in pixels; its height follows from what it shows.
const WIDTH: f64 = 1200.0;
/// Where the plots begin and end.
const LEFT: f64 = 86.0;
const RIGHT: f64 = 944.0;
/// The row that holds the names of the bands, above the first plot.
const BAND_ROW: f64 = 20.0;

/// Draws a picture over simulated time as SVG, 1200 pixels wide.
pub fn render_svg(picture: &Picture) -> String {
    render_over(picture, Abscissa::Time)
}

/// Draws a picture as SVG, 1200 pixels wide; `abscissa` says what x is.
pub fn render_over(picture: &Picture, abscissa: Abscissa<'_>) -> String {
    let span = span(picture, abscissa);
    let words = Words::of(&picture.headline, &picture.subtitle, &picture.footer, WIDTH);
    let bands: Vec<&Band> = picture.bands.iter().filter(|b| b.to > span.0 && b.from < span.1).collect();
    let panels: Vec<Drawn<'_>> =
        picture.panels.iter().map(|panel| Drawn::of(panel, span, abscissa)).collect();
    let band_row = if bands.is_empty() { 0.0 } else { BAND_ROW };
    let heights: f64 = panels.iter().map(Drawn::height).sum();
    let height = words.above() + heights + band_row + words.below();

    let title = if picture.headline.is_empty() { "Simulation run" } else { picture.headline.as_str() };
    let mut svg = Svg::new(WIDTH, height, title, &description(picture, abscissa));
    words.draw(&mut svg, height);
    let mut y = words.above();
    for (i, panel) in panels.iter().enumerate() {
        let row = if i == 0 { band_row } else { 0.0 };
        let frame = Frame { top: y, row, left: LEFT, right: RIGHT, edge: WIDTH - MARGIN, span, abscissa };
        panel.draw_words(&mut svg, &frame, i + 1 == panels.len());
        if i == 0 {
            name_bands(&mut svg, &bands, &frame);
        }
        draw_bands(&mut svg, &bands, &frame, panel.plot_height());
        panel.draw_plot(&mut svg, &frame);
        y += panel.height() + row;
    }
    svg.finish()
}

/// The common range of x: as given, else that of all points, never empty.
fn span(picture: &Picture, abscissa: Abscissa<'_>) -> (f64, f64) {
    let least = if abscissa == Abscissa::Time { f64::NEG_INFINITY } else { f64::MIN_POSITIVE };
    let given = picture.span.filter(|(from, to)| from.is_finite() && to.is_finite() && *from >= least);
    let (from, to) = given.unwrap_or_else(|| {
        let lines = picture.panels.iter().flat_map(|panel| &panel.lines);
        let xs = lines.flat_map(|line| &line.points).map(|p| p.0).filter(|x| x.is_finite() && *x >= least);
        xs.fold((f64::INFINITY, f64::NEG_INFINITY), |(from, to), x| (from.min(x), to.max(x)))
    });
    match (from.is_finite(), from < to) {
        (true, true) => (from, to),
        (true, false) => (from, from + 1.0),
        _ if abscissa == Abscissa::Time => (0.0, 1.0),
        _ => (1.0, 10.0),
    }
}

fn description(picture: &Picture, abscissa: Abscissa<'_>) -> String {
    if !picture.desc.is_empty() {
        return picture.desc.clone();
    }
    let panels: Vec<String> = picture
        .panels
        .iter()
        .map(|panel| {
            let names: Vec<&str> = panel.lines.iter().map(|line| line.label.as_str()).collect();
            format!("{} ({})", panel.title, names.join(", "))
        })
        .collect();
    let over = match abscissa {
        Abscissa::Time => "simulated time",
        Abscissa::Size(words) => words,
    };
    format!("Panels over {over}: {}.", panels.join("; "))
}

fn draw_bands(svg: &mut Svg, bands: &[&Band], frame: &Frame<'_>, height: f64) {
    for band in bands {
        let (from, to) = (frame.x(band.from), frame.x(band.to));
        let fill = format!(" fill=\"{AMBER}\" fill-opacity=\"0.16\"");
        svg.rect((from, frame.plot_top()), (to - from, height), &fill);
    }
}

/// Names each band once, above the first plot, where no data can be. Names that would touch are
/// shortened, and left out when not even a letter fits.
fn name_bands(svg: &mut Svg, bands: &[&Band], frame: &Frame<'_>) {
    let face = Face::new(12.0, Weight::SemiBold, AMBER_TEXT).anchored(Anchor::Middle);
    let mut free_from = frame.left;
    for (i, band) in bands.iter().enumerate() {
        let (from, to) = (frame.x(band.from), frame.x(band.to));
        svg.rect((from, frame.plot_top() - 3.0), (to - from, 3.0), &format!(" fill=\"{AMBER}\""));
        let free_to = bands.get(i + 1).map_or(frame.right, |next| frame.x(next.from)).max(to);
        let name = shorten(&band.label, face.size, face.weight, free_to - free_from);
        if name.chars().count() < 2 && name != band.label {
            continue;
        }
        let half = text_width(&name, face.size, face.weight) / 2.0;
        let middle = f64::midpoint(from, to).min(free_to - half).max(free_from + half);
        svg.text(middle, frame.plot_top() - 8.0, &name, face);
        free_from = middle + half + 10.0;
    }
}
