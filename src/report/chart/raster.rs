//! From SVG to PNG, with the embedded faces only.

use std::fmt;

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg;

use super::draw::render_svg;
use super::font::faces;
use super::picture::Picture;

/// Device pixels per pixel of the SVG.
const DENSITY: f32 = 2.0;

/// Why a picture could not become a PNG.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChartError {
    /// The SVG was refused.
    Svg(String),
    /// Width or height is zero or needs more memory than a bitmap may have.
    Size,
    /// The bitmap could not be encoded.
    Png(String),
}

impl fmt::Display for ChartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Svg(why) => write!(f, "the chart's SVG cannot be drawn: {why}"),
            Self::Size => f.write_str("the chart is too large to be drawn as a PNG"),
            Self::Png(why) => write!(f, "the chart cannot be encoded as a PNG: {why}"),
        }
    }
}

impl std::error::Error for ChartError {}

/// Draws a picture as a PNG: the same bytes in every run and on every machine.
///
/// # Errors
/// [`ChartError`], when the bitmap would be too large.
pub fn render_png(picture: &Picture) -> Result<Vec<u8>, ChartError> {
    rasterize(&render_svg(picture))
}

/// Draws an SVG as a PNG at twice its size, with the embedded faces.
///
/// # Errors
/// [`ChartError`], when `svg` is no SVG or too large.
pub fn rasterize(svg: &str) -> Result<Vec<u8>, ChartError> {
    let options =
        usvg::Options { font_family: "Inter".to_owned(), fontdb: faces(), ..usvg::Options::default() };
    let tree = usvg::Tree::from_str(svg, &options).map_err(|error| ChartError::Svg(error.to_string()))?;
    let size = tree.size();
    let pixels = |length: f32| (length * DENSITY).ceil() as u32;
    let (width, height) = (pixels(size.width()), pixels(size.height()));
    if width > 16_384 || height > 16_384 {
        return Err(ChartError::Size);
    }
    let mut pixmap = Pixmap::new(width, height).ok_or(ChartError::Size)?;
    resvg::render(&tree, Transform::from_scale(DENSITY, DENSITY), &mut pixmap.as_mut());
    pixmap.encode_png().map_err(|error| ChartError::Png(error.to_string()))
}
