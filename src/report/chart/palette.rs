//! The colours. Red is for errors and for nothing else; components take hues that are neither red
//! nor the amber of the bands.

use super::picture::Role;

pub(super) const PAPER: &str = "#FFFFFF";
pub(super) const INK: &str = "#181C24";
pub(super) const MUTED: &str = "#68707E";
pub(super) const GRID: &str = "#E8EBF0";
pub(super) const AXIS: &str = "#BEC4CE";
pub(super) const BLUE: &str = "#2563EB";
pub(super) const RED: &str = "#DC2626";
pub(super) const AMBER: &str = "#D97706";
/// Amber on white, dark enough for small text (contrast 5 to 1).
pub(super) const AMBER_TEXT: &str = "#B45309";
pub(super) const TEAL: &str = "#0D9488";
pub(super) const VIOLET: &str = "#7C3AED";
pub(super) const GREY: &str = "#969EAC";
pub(super) const CYAN: &str = "#0891B2";

const COMPONENTS: [&str; 12] = [
    "#0891B2", "#7C3AED", "#65A30D", "#2563EB", "#C026D3", "#854D0E", "#0D9488", "#4338CA", "#059669",
    "#64748B", "#A78BFA", "#0369A1",
];

/// The colour of a role, as `#RRGGBB`.
pub(super) fn colour(role: Role) -> &'static str {
    match role {
        Role::Offered => GREY,
        Role::Good => BLUE,
        Role::Error => RED,
        Role::P50 => TEAL,
        Role::P99 => AMBER,
        Role::P999 | Role::Queue => VIOLET,
        Role::InFlight => CYAN,
        Role::Db => INK,
        Role::Component(n) => COMPONENTS[n % COMPONENTS.len()],
    }
}

/// Whether the palette has come round once, so that colour alone no longer tells lines apart.
pub(super) fn repeats(role: Role) -> bool {
    matches!(role, Role::Component(n) if n >= COMPONENTS.len())
}
