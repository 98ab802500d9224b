//! Who reads which partition: the assignors of Kafka's consumers, for one topic.
//!
//! Each returns a list of partitions per member, in the members' order. Every partition has exactly one owner, and
//! the shares differ by at most one (tested). With more members than partitions, some members get nothing.

/// A rule by which partitions are given to members.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Assignor {
    /// Consecutive partitions; the first members get one more (`RangeAssignor`, the first of the default list).
    #[default]
    Range,
    /// In turn (`RoundRobinAssignor`).
    RoundRobin,
    /// As balanced, moving as few as it can (`StickyAssignor`, `CooperativeStickyAssignor`; the `uniform` of KIP-848).
    Sticky,
}

impl Assignor {
    /// Gives `partitions` to members; `owned` is what each had before, which only sticky ones look at.
    #[must_use]
    pub fn assign(self, partitions: u32, owned: &[Vec<u32>]) -> Vec<Vec<u32>> {
        let members = owned.len() as u32;
        if members == 0 {
            return Vec::new();
        }
        let (base, extra) = (partitions / members, partitions % members);
        match self {
            Self::Range => {
                let mut next = 0;
                let share = |member: u32| base + u32::from(member < extra);
                (0..members)
                    .map(|member| {
                        let from = next;
                        next += share(member);
                        (from..next).collect()
                    })
                    .collect()
            }
            Self::RoundRobin => {
                (0..members).map(|m| (m..partitions).step_by(members as usize).collect()).collect()
            }
            Self::Sticky => sticky(partitions, owned, base, extra),
        }
    }
}

fn sticky(partitions: u32, owned: &[Vec<u32>], base: u32, extra: u32) -> Vec<Vec<u32>> {
    let mut taken = vec![false; partitions as usize];
    let mut larger = 0; // members that keep one more than `base`
    let mut given: Vec<Vec<u32>> = owned
        .iter()
        .map(|had| {
            let mut keep = Vec::new();
            for &partition in had {
                let Some(taken) = taken.get_mut(partition as usize) else { continue };
                let is_last = keep.len() as u32 == base;
                if *taken || keep.len() as u32 > base || is_last && larger == extra {
                    continue;
                }
                larger += u32::from(is_last);
                *taken = true;
                keep.push(partition);
            }
            keep
        })
        .collect();
    let mut free = (0..partitions).filter(|p| !taken[*p as usize]);
    for member in &mut given {
        while (member.len() as u32) < base
            && let Some(partition) = free.next()
        {
            member.push(partition);
        }
    }
    // What is left goes to those who have no more than the base, one each.
    for member in &mut given {
        if member.len() as u32 == base
            && let Some(partition) = free.next()
        {
            member.push(partition);
        }
    }
    for member in &mut given {
        member.sort_unstable();
    }
    given
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn range_and_turns_to_the_letter() {
        let nobody = vec![Vec::new(); 3];
        assert_eq!(Assignor::Range.assign(7, &nobody), [vec![0, 1, 2], vec![3, 4], vec![5, 6]]);
        assert_eq!(Assignor::RoundRobin.assign(7, &nobody), [vec![0, 3, 6], vec![1, 4], vec![2, 5]]);
        assert_eq!(Assignor::Range.assign(2, &nobody), [vec![0], vec![1], vec![]]);
        assert!(Assignor::Sticky.assign(4, &[]).is_empty());
    }

    #[test]
    fn sticky_moves_only_what_the_balance_asks_for() {
        // A fourth member comes: each of three gives one of its four.
        let owned = vec![vec![0, 1, 2, 3], vec![4, 5, 6, 7], vec![8, 9, 10, 11], vec![]];
        assert_eq!(
            Assignor::Sticky.assign(12, &owned),
            [vec![0, 1, 2], vec![4, 5, 6], vec![8, 9, 10], vec![3, 7, 11]]
        );
        // One leaves: only what it had is given away.
        let owned = vec![vec![0, 1, 2], vec![4, 5, 6], vec![8, 9, 10]];
        assert_eq!(
            Assignor::Sticky.assign(12, &owned),
            [vec![0, 1, 2, 3], vec![4, 5, 6, 7], vec![8, 9, 10, 11]]
        );
    }

    proptest! {
        #[test]
        fn every_partition_has_one_owner_and_shares_differ_by_one(
            partitions in 0_u32..64, members in 1_usize..20, seed in any::<u64>(), which in 0_usize..3,
        ) {
            let assignor = [Assignor::Range, Assignor::RoundRobin, Assignor::Sticky][which];
            // Whatever they say that they had, also the same partition twice or one that is not there.
            let mut draws = crate::base::random::Key::root(seed, 0).draws();
            let owned: Vec<Vec<u32>> = (0..members)
                .map(|_| (0..draws.below(8)).map(|_| draws.below(70) as u32).collect())
                .collect();
            let given = assignor.assign(partitions, &owned);
            let mut all: Vec<u32> = given.iter().flatten().copied().collect();
            all.sort_unstable();
            prop_assert_eq!(all, (0..partitions).collect::<Vec<_>>());
            let sizes = given.iter().map(Vec::len);
            prop_assert!(sizes.clone().max().unwrap_or(0) - sizes.min().unwrap_or(0) <= 1);
        }

        #[test]
        fn sticky_gives_a_balanced_group_what_it_had(partitions in 0_u32..64, members in 1_usize..20) {
            let nobody = vec![Vec::new(); members];
            let had = Assignor::Sticky.assign(partitions, &nobody);
            prop_assert_eq!(Assignor::Sticky.assign(partitions, &had), had);
        }
    }
}
