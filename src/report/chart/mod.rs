//! Pictures: the panels of a run and the drawing of a topology, as SVG and PNG.
//!
//! A chart is described by plain data ([`Picture`], [`Topology`]) and written directly as SVG: the
//! layout is measured with the embedded font, so no label overlaps another one, and every pixel is
//! ours. A PNG is that same SVG through `resvg` at twice the density, with the embedded faces only:
//! the same picture gives the same bytes on every machine and in every run.
//! Not modelled: interaction, animation.
//! The rules of the look follow Tufte, *The Visual Display of Quantitative Information*, and Few,
//! *Show Me the Numbers*: the finding in the headline, labels at the lines, a quiet grid.

mod curve;
mod dot;
mod draw;
mod font;
mod header;
mod heat_map;
mod labels;
mod mermaid;
mod palette;
mod panel;
mod picture;
mod raster;
mod scatter;
mod svg;
mod thin;
mod ticks;
mod topology;

pub use curve::{Across, CurvePanel, CurvePoint, Curves, render_curves};
pub use dot::render_dot;
pub use draw::{render_over, render_svg};
pub use font::{Weight, shorten, text_width};
pub use heat_map::{Cell, HeatMap, render_heat_map};
pub use mermaid::render_mermaid;
pub use picture::{Abscissa, Axis, Band, Limit, Line, Panel, Picture, Role, Scale, Stroke, Unit};
pub use raster::{ChartError, rasterize, render_png};
pub use scatter::{Point, Scatter, Standing, pareto, render_scatter};
pub use ticks::{format_clock, format_value};
pub use topology::{Edge, Node, NodeKind, Topology, render_topology_png, render_topology_svg};

#[cfg(test)]
mod tests;
