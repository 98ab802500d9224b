//! HAProxy's `observe layer7` with `on-error fail-check`, its default: so many errors in a row of requests
//! count as a failed probe (`check.c`, `__health_adjust`).
//!
//! The limit is 10 by default. Each success, and each good probe, sets the count back to zero. At the limit
//! the next probe comes after `fastinter`, if that is sooner ([`super::ActiveCheck::soon`]).

use super::Transition;

/// Errors in a row of one backend.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ErrorLimit {
    limit: u32,
    in_a_row: u32,
}

impl ErrorLimit {
    /// HAProxy's default limit.
    pub const DEFAULT: u32 = 10;

    /// At its limit after so many errors in a row (at least one).
    #[must_use]
    pub const fn new(limit: u32) -> Self {
        Self { limit: if limit == 0 { 1 } else { limit }, in_a_row: 0 }
    }

    /// A good probe: the count begins anew.
    pub fn reset(&mut self) {
        self.in_a_row = 0;
    }

    /// A response was observed. [`Transition::Down`] once at the limit; the count then begins anew.
    pub fn observed(&mut self, well: bool) -> Option<Transition> {
        self.in_a_row = if well { 0 } else { self.in_a_row + 1 };
        if self.in_a_row < self.limit {
            return None;
        }
        self.in_a_row = 0;
        Some(Transition::Down)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_errors_in_a_row_count() {
        let mut limit = ErrorLimit::new(3);
        let seen = [false, false, true, false, false, false, false].map(|well| limit.observed(well));
        assert_eq!(seen.iter().position(Option::is_some), Some(5));
        assert_eq!(seen[6], None);
    }
}
