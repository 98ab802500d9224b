//! A writer of the few SVG elements that a chart needs.
//!
//! Rule: every text and every attribute value that comes from outside passes [`escape`], and no
//! number is written that is not finite.

use std::fmt::Write;

use super::font::{FAMILY, Weight};
use super::palette::PAPER;
pub(super) use crate::report::xml::escape;

/// A coordinate with at most two decimals; zero when it is not finite.
pub(super) fn num(value: f64) -> String {
    if !value.is_finite() {
        return "0".to_owned();
    }
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// Where a text is held.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// How a text looks.
#[derive(Clone, Copy)]
pub(super) struct Face {
    pub(super) size: f64,
    pub(super) weight: Weight,
    pub(super) fill: &'static str,
    pub(super) anchor: Anchor,
    /// A white outline, for a text that lies on data.
    pub(super) halo: bool,
}

impl Face {
    pub(super) const fn new(size: f64, weight: Weight, fill: &'static str) -> Self {
        Self { size, weight, fill, anchor: Anchor::Start, halo: false }
    }

    pub(super) const fn anchored(self, anchor: Anchor) -> Self {
        Self { anchor, ..self }
    }

    pub(super) const fn haloed(self) -> Self {
        Self { halo: true, ..self }
    }
}

/// An SVG document in the making.
pub(super) struct Svg {
    out: String,
}

impl Svg {
    /// Opens a document on white paper; `title` and `desc` are what a screen reader says.
    pub(super) fn new(width: f64, height: f64, title: &str, desc: &str) -> Self {
        let (width, height) = (num(width), num(height));
        let mut svg = Self { out: String::with_capacity(64 * 1024) };
        svg.raw(format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\" \
             font-family=\"{}\">\n<title>{}</title>\n<desc>{}</desc>\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"{PAPER}\"/>\n",
            escape(FAMILY),
            escape(title),
            escape(desc),
        ));
        svg
    }

    /// Writes markup; what comes from outside must have been escaped.
    pub(super) fn raw(&mut self, markup: std::fmt::Arguments<'_>) {
        // Writing into a String cannot fail.
        let _ = self.out.write_fmt(markup);
    }

    pub(super) fn text(&mut self, x: f64, y: f64, text: &str, face: Face) {
        if text.is_empty() {
            return;
        }
        let anchor = match face.anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let halo = if face.halo {
            " stroke=\"#FFFFFF\" stroke-width=\"3\" stroke-linejoin=\"round\" paint-order=\"stroke\""
        } else {
            ""
        };
        self.raw(format_args!(
            "<text x=\"{}\" y=\"{}\" font-size=\"{}\" font-weight=\"{}\" fill=\"{}\"{anchor}{halo}>{}</text>\n",
            num(x),
            num(y),
            num(face.size),
            face.weight.css(),
            face.fill,
            escape(text),
        ));
    }

    pub(super) fn line(&mut self, from: (f64, f64), to: (f64, f64), stroke: &str, extra: &str) {
        self.raw(format_args!(
            "<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" stroke=\"{stroke}\"{extra}/>\n",
            num(from.0),
            num(from.1),
            num(to.0),
            num(to.1),
        ));
    }

    pub(super) fn rect(&mut self, at: (f64, f64), size: (f64, f64), attributes: &str) {
        self.raw(format_args!(
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"{attributes}/>\n",
            num(at.0),
            num(at.1),
            num(size.0.max(0.0)),
            num(size.1.max(0.0)),
        ));
    }

    pub(super) fn finish(mut self) -> String {
        self.out.push_str("</svg>\n");
        self.out
    }
}

/// The path data of connected points.
pub(super) fn polyline(points: impl IntoIterator<Item = (f64, f64)>) -> String {
    let mut path = String::new();
    for (x, y) in points {
        path.push(if path.is_empty() { 'M' } else { 'L' });
        path.push_str(&num(x));
        path.push(' ');
        path.push_str(&num(y));
    }
    path
}
