//! Who writes how often, whose rows are whose, and who reads what it wrote.

use super::rate::read_shares;
use crate::base::EntityId;
use crate::base::random::Distribution;
use crate::document::distribution_text::Of;
use crate::document::{Code, Diagnostics};
use crate::scenario::components::Names;
use crate::scenario::fields::{Fields, share, text};
use crate::scenario::model::MixSpec;
use crate::workload::Profile;

/// The share of writes over time, whose row is whose, and who reads what it wrote.
pub(super) type Ownership = (Option<Profile>, Option<EntityId>, Option<(f64, Distribution)>);

pub(super) fn read_ownership(
    fields: &mut Fields<'_>,
    names: &Names,
    mix: &[MixSpec],
    found: &mut Diagnostics,
) -> Ownership {
    let write_share = fields.get("write_share").and_then(|node| {
        let base = read_shares(node, found)?;
        let both =
            mix.iter().any(|e| e.writes && e.weight > 0.0) && mix.iter().any(|e| !e.writes && e.weight > 0.0);
        if !both {
            found.add(
                Code::Contradiction,
                node.place,
                "`write_share` needs a mix of endpoints that write and endpoints that do not",
                "an endpoint writes if one of its queries has `write:`",
            );
        }
        Some(Profile { base, spikes: Vec::new() })
    });
    let owner = fields
        .get("sessions_of")
        .and_then(|node| text(node, found).and_then(|name| names.entity(node, name, found)));
    let read_back = fields.get("read_own_write").map(|node| {
        let mut back = Fields::of(node, "`read_own_write`", found);
        let chance = back.read("p", share, found).unwrap_or(1.0);
        let after = back.amount("after", Of::Time, found).unwrap_or(Distribution::Constant(0.0));
        back.finish(found);
        if owner.is_none() {
            found.add(
                Code::NeedsOneOf,
                node.place,
                "`read_own_write` needs to know whose row it is",
                "add `sessions_of: user`",
            );
        }
        (chance, after)
    });
    (write_share, owner, read_back)
}
