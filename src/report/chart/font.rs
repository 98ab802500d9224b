//! The embedded faces, and how wide a text is in them.
//!
//! Widths are sums of advances without kerning: at most about 1 % more than what is drawn, which is
//! on the safe side for a layout. A character that the subset lacks counts as the font's box.

use std::sync::{Arc, LazyLock};

use resvg::usvg::fontdb;
use skrifa::instance::{LocationRef, Size};
use skrifa::{FontRef, MetadataProvider};

/// The family to ask for; the rest is for viewers of the SVG that lack Inter.
pub(super) const FAMILY: &str = "Inter, system-ui, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif";

const REGULAR: &[u8] = include_bytes!("../../../assets/fonts/Inter-Regular.otf");
const SEMI_BOLD: &[u8] = include_bytes!("../../../assets/fonts/Inter-SemiBold.otf");
const BOLD: &[u8] = include_bytes!("../../../assets/fonts/Inter-Bold.otf");

/// One of the three embedded faces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// 400.
    Regular,
    /// 600.
    SemiBold,
    /// 700.
    Bold,
}

impl Weight {
    /// The weight as CSS numbers it.
    pub(super) const fn css(self) -> u16 {
        match self {
            Self::Regular => 400,
            Self::SemiBold => 600,
            Self::Bold => 700,
        }
    }
}

static ADVANCES: LazyLock<[Advances; 3]> =
    LazyLock::new(|| [Advances::of(REGULAR), Advances::of(SEMI_BOLD), Advances::of(BOLD)]);

static FACES: LazyLock<Arc<fontdb::Database>> = LazyLock::new(|| {
    let mut faces = fontdb::Database::new();
    for data in [REGULAR, SEMI_BOLD, BOLD] {
        faces.load_font_source(fontdb::Source::Binary(Arc::new(data)));
    }
    faces.set_sans_serif_family("Inter");
    Arc::new(faces)
});

/// The embedded faces and no other: what the machine has installed must not change a picture.
pub(super) fn faces() -> Arc<fontdb::Database> {
    Arc::clone(&FACES)
}

/// Advances in em, by code point.
struct Advances {
    by_char: Vec<f32>,
    missing: f32,
}

impl Advances {
    fn of(data: &[u8]) -> Self {
        let Ok(font) = FontRef::new(data) else { return Self { by_char: Vec::new(), missing: 1.0 } };
        let metrics = font.glyph_metrics(Size::new(1.0), LocationRef::default());
        let map = font.charmap();
        let missing = metrics.advance_width(skrifa::GlyphId::new(0)).unwrap_or(1.0);
        let by_char = (0..0x2270_u32)
            .map(|c| map.map(c).and_then(|glyph| metrics.advance_width(glyph)).unwrap_or(missing))
            .collect();
        Self { by_char, missing }
    }

    fn width(&self, c: char) -> f64 {
        f64::from(self.by_char.get(c as usize).copied().unwrap_or(self.missing))
    }
}

/// The width of `text` at `size` pixels, in pixels.
pub fn text_width(text: &str, size: f64, weight: Weight) -> f64 {
    let advances = match weight {
        Weight::Regular => &ADVANCES[0],
        Weight::SemiBold => &ADVANCES[1],
        Weight::Bold => &ADVANCES[2],
    };
    text.chars().map(|c| advances.width(c)).sum::<f64>() * size
}

/// `text`, or as much of its start as fits `room` pixels with an ellipsis behind it. An empty text
/// when not even the ellipsis fits.
pub fn shorten(text: &str, size: f64, weight: Weight, room: f64) -> String {
    if text_width(text, size, weight) <= room {
        return text.to_owned();
    }
    let room = room - text_width("…", size, weight);
    if room < 0.0 {
        return String::new();
    }
    let mut used = 0.0;
    let mut end = 0;
    let mut buffer = [0; 4];
    for (at, c) in text.char_indices() {
        used += text_width(c.encode_utf8(&mut buffer), size, weight);
        if used > room {
            break;
        }
        end = at + c.len_utf8();
    }
    format!("{}…", text[..end].trim_end())
}

/// `text` in at most `lines` lines of `room` pixels, broken between words; the last is shortened.
pub(super) fn wrap(text: &str, size: f64, weight: Weight, room: f64, lines: usize) -> Vec<String> {
    let mut wrapped: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let full = wrapped.len() >= lines;
        match wrapped.last_mut() {
            Some(line) if full || text_width(&format!("{line} {word}"), size, weight) <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => wrapped.push(word.to_owned()),
        }
    }
    wrapped.iter().map(|line| shorten(line, size, weight, room)).collect()
}
