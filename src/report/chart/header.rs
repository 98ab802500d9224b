//! The words above and below the panels.

use super::font::{Weight, wrap};
use super::palette::{INK, MUTED};
use super::svg::{Face, Svg};

/// The outer margin of a picture, in pixels.
pub(super) const MARGIN: f64 = 28.0;

const HEADLINE: Face = Face::new(22.0, Weight::Bold, INK);
const SUBTITLE: Face = Face::new(13.0, Weight::Regular, MUTED);
const FOOTER: Face = Face::new(11.5, Weight::Regular, MUTED);

/// The wrapped words of a picture, measured before anything is drawn.
pub(super) struct Words {
    headline: Vec<String>,
    subtitle: Vec<String>,
    footer: Vec<String>,
}

impl Words {
    pub(super) fn of(headline: &str, subtitle: &str, footer: &str, width: f64) -> Self {
        let fit = |text, face: Face| wrap(text, face.size, face.weight, width - 2.0 * MARGIN, 2);
        Self {
            headline: fit(headline, HEADLINE),
            subtitle: fit(subtitle, SUBTITLE),
            footer: fit(footer, FOOTER),
        }
    }

    /// The height of what stands above the first panel.
    pub(super) fn above(&self) -> f64 {
        MARGIN + self.headline.len() as f64 * 28.0 + self.subtitle.len() as f64 * 18.0 + 14.0
    }

    /// The height of what stands below the last panel.
    pub(super) fn below(&self) -> f64 {
        let lines = self.footer.len() as f64;
        MARGIN * 0.5 + if lines > 0.0 { 10.0 + lines * 16.0 } else { 0.0 }
    }

    pub(super) fn draw(&self, svg: &mut Svg, height: f64) {
        let mut y = MARGIN - 7.0;
        for line in &self.headline {
            y += 28.0;
            svg.text(MARGIN, y, line, HEADLINE);
        }
        y += 5.0;
        for line in &self.subtitle {
            y += 18.0;
            svg.text(MARGIN, y, line, SUBTITLE);
        }
        let mut y = height - self.below() + 6.0;
        for line in &self.footer {
            y += 16.0;
            svg.text(MARGIN, y, line, FOOTER);
        }
    }
}
