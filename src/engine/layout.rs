//! How the members of a database are numbered as its instances, and what names they have.
//!
//! Shard after shard: its primary, then its replicas. Names belong to the nodes as they are at the start:
//! after a failover `db.primary` is still the node that was the primary first.

use std::ops::Range;

/// Shards, each with one primary and so many replicas.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Layout {
    /// Shards; at least one.
    pub shards: u16,
    /// Replicas of each shard.
    pub replicas: u16,
}

impl Layout {
    /// One node.
    pub const SINGLE: Self = Self { shards: 1, replicas: 0 };

    /// Members of one shard.
    #[must_use]
    pub const fn of_shard(self) -> u16 {
        1 + self.replicas
    }

    /// Members in all.
    #[must_use]
    pub const fn members(self) -> u16 {
        self.shards.saturating_mul(self.of_shard())
    }

    /// The member that is the shard's primary at the start.
    #[must_use]
    pub const fn primary(self, shard: u16) -> u16 {
        shard * self.of_shard()
    }

    /// The members of a shard, its first primary ahead.
    #[must_use]
    pub const fn members_of(self, shard: u16) -> Range<u16> {
        self.primary(shard)..self.primary(shard) + self.of_shard()
    }

    /// The shard of a member.
    #[must_use]
    pub const fn shard_of(self, member: u16) -> u16 {
        member / self.of_shard()
    }

    /// Which replica of its shard a member is; none for the primary.
    #[must_use]
    pub const fn replica_of(self, member: u16) -> Option<u16> {
        (member % self.of_shard()).checked_sub(1)
    }

    /// A member's name behind that of its database: `primary`, `replica[1]`, `shard[3]`, `shard[3].replica[0]`.
    /// Empty for a single node.
    #[must_use]
    pub fn name(self, member: u16) -> String {
        let shard = self.shard_of(member);
        let role = match self.replica_of(member) {
            None if self.replicas == 0 => String::new(),
            None => "primary".to_owned(),
            Some(replica) => format!("replica[{replica}]"),
        };
        match (self.shards > 1, role.is_empty()) {
            (false, _) => role,
            (true, true) => format!("shard[{shard}]"),
            (true, false) => format!("shard[{shard}].{role}"),
        }
    }

    /// The members that the first words of a dotted name mean, and how many words that took; no word, all
    /// members. `primary` of several shards is each one's.
    ///
    /// # Errors
    /// If there is no such member: what there is instead.
    pub fn select(self, words: &[(&str, Option<u32>)]) -> Result<(Vec<u16>, usize), String> {
        let mut taken = 0;
        let mut shards = 0..self.shards;
        if let Some(&("shard" | "shards", index)) = words.first() {
            if self.shards < 2 {
                return Err("it is not sharded".to_owned());
            }
            if let Some(index) = index {
                let fits = u16::try_from(index).ok().filter(|shard| *shard < self.shards);
                let last = self.shards - 1;
                let shard = fits.ok_or_else(|| format!("it has the shards 0 to {last}"))?;
                shards = shard..shard + 1;
            }
            taken = 1;
        }
        let of_shards = |member: &u16| shards.contains(&self.shard_of(*member));
        let all = (0..self.members()).filter(of_shards);
        Ok(match words.get(taken) {
            Some(("primary", None)) => (all.filter(|m| self.replica_of(*m).is_none()).collect(), taken + 1),
            Some(("replica" | "replicas", index)) => {
                if self.replicas == 0 {
                    return Err("it has no replicas".to_owned());
                }
                let last = self.replicas - 1;
                if index.is_some_and(|index| index > u32::from(last)) {
                    return Err(format!("it has the replicas 0 to {last}"));
                }
                let fits = |member: &u16| {
                    self.replica_of(*member).is_some_and(|r| index.is_none_or(|i| i == u32::from(r)))
                };
                (all.filter(fits).collect(), taken + 1)
            }
            _ => (all.collect(), taken),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_numbered_shard_by_shard_and_found_by_their_names() {
        let layout = Layout { shards: 2, replicas: 2 };
        assert_eq!(layout.members(), 6);
        let names = ["shard[0].primary", "shard[0].replica[0]", "shard[0].replica[1]", "shard[1].primary"];
        assert_eq!([0, 1, 2, 3].map(|member| layout.name(member)), names);
        let select = |words: &[(&str, Option<u32>)]| layout.select(words).map(|(members, _)| members);
        assert_eq!(select(&[("primary", None)]), Ok(vec![0, 3]));
        assert_eq!(select(&[("shard", Some(1)), ("replica", Some(1))]), Ok(vec![5]));
        assert_eq!(select(&[("replica", Some(0)), ("cpu", None)]), Ok(vec![1, 4]));
        assert_eq!(select(&[("cpu", None)]).map(|all| all.len()), Ok(6));
        assert!(select(&[("shard", Some(2))]).is_err() && select(&[("replica", Some(2))]).is_err());
    }

    #[test]
    fn a_single_node_is_its_own_primary() {
        assert_eq!(Layout::SINGLE.select(&[("primary", None), ("cpu", None)]), Ok((vec![0], 1)));
        assert_eq!(Layout::SINGLE.name(0), "");
        assert!(Layout::SINGLE.select(&[("replica", None)]).is_err());
    }
}
