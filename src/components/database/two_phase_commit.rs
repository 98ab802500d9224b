//! Two-phase commit: all shards of a transaction commit, or none (Gray 1978; presumed abort: Mohan,
//! Lindsay and Obermarck 1986).
//!
//! The coordinator asks every participant to prepare; each forces a record to its log and votes. All yes:
//! the decision is forced to the coordinator's log, and every participant commits and forces another record.
//! Any no, or a vote that does not come in time: abort. A participant that has voted yes may do neither by
//! itself: if the coordinator dies it is *in doubt*, its locks held, until the coordinator is back and reads in
//! its log what had been decided, nothing meaning abort.

/// What the coordinator does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Forces the decision to commit to its log.
    LogCommit,
    /// Tells all participants to commit.
    Commit,
    /// Tells all participants to abort.
    Abort,
    /// Answers: all have committed, or aborted.
    Answer {
        /// Which of the two.
        committed: bool,
    },
}

/// Where a transaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Votes are out.
    Preparing,
    /// The decision is on its way to the log.
    Deciding,
    /// All are told to commit.
    Committing,
    /// All are told to abort.
    Aborting,
    /// Over.
    Done,
}

/// The coordinator of one transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TwoPhaseCommit {
    participants: u16,
    /// Answers of the phase that have come.
    heard: u16,
    refused: bool,
    phase: Phase,
}

impl TwoPhaseCommit {
    /// Asks so many participants, at least one, to prepare.
    #[must_use]
    pub fn begin(participants: u16) -> Self {
        Self { participants: participants.max(1), heard: 0, refused: false, phase: Phase::Preparing }
    }

    /// Where it is.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// A participant has voted. Who has voted no has aborted by itself; the others are told once all are heard.
    pub fn voted(&mut self, yes: bool) -> Option<Next> {
        if self.phase != Phase::Preparing {
            return None;
        }
        self.heard += 1;
        self.refused |= !yes;
        (self.heard >= self.participants).then(|| self.decide())
    }

    /// The rest of the votes will not come.
    pub fn gave_up_waiting(&mut self) -> Option<Next> {
        if self.phase != Phase::Preparing {
            return None;
        }
        self.refused = true;
        Some(self.decide())
    }

    fn decide(&mut self) -> Next {
        self.heard = 0;
        if self.refused {
            self.phase = Phase::Aborting;
            Next::Abort
        } else {
            self.phase = Phase::Deciding;
            Next::LogCommit
        }
    }

    /// The decision is in the log.
    pub fn logged(&mut self) -> Option<Next> {
        if self.phase != Phase::Deciding {
            return None;
        }
        self.phase = Phase::Committing;
        Some(Next::Commit)
    }

    /// A participant has done as it was told.
    pub fn acknowledged(&mut self) -> Option<Next> {
        let committed = match self.phase {
            Phase::Committing => true,
            Phase::Aborting => false,
            _ => return None,
        };
        self.heard += 1;
        if self.heard < self.participants {
            return None;
        }
        self.phase = Phase::Done;
        Some(Next::Answer { committed })
    }

    /// The coordinator is back after a crash: what its log says. Whoever was told before the crash is told
    /// again, which changes nothing there.
    pub fn recovered(&mut self) -> Option<Next> {
        self.heard = 0;
        match self.phase {
            Phase::Preparing | Phase::Deciding | Phase::Aborting => {
                self.phase = Phase::Aborting;
                Some(Next::Abort)
            }
            Phase::Committing => Some(Next::Commit),
            Phase::Done => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Key;

    #[test]
    fn all_yes_commits_after_the_decision_is_logged() {
        let mut txn = TwoPhaseCommit::begin(3);
        assert_eq!([txn.voted(true), txn.voted(true), txn.voted(true)], [None, None, Some(Next::LogCommit)]);
        assert_eq!(txn.acknowledged(), None); // nobody was told yet
        assert_eq!(txn.logged(), Some(Next::Commit));
        assert_eq!([txn.acknowledged(), txn.acknowledged()], [None, None]);
        assert_eq!(txn.acknowledged(), Some(Next::Answer { committed: true }));
        assert_eq!(txn.phase(), Phase::Done);
    }

    #[test]
    fn one_no_and_one_silence_abort() {
        let mut txn = TwoPhaseCommit::begin(2);
        assert_eq!([txn.voted(false), txn.voted(true)], [None, Some(Next::Abort)]);
        let mut txn = TwoPhaseCommit::begin(2);
        assert_eq!(txn.voted(true), None);
        assert_eq!(txn.gave_up_waiting(), Some(Next::Abort));
        assert_eq!([txn.acknowledged(), txn.acknowledged()], [None, Some(Next::Answer { committed: false })]);
    }

    #[test]
    fn a_crash_before_the_decision_aborts_and_one_after_it_commits() {
        let mut txn = TwoPhaseCommit::begin(2);
        txn.voted(true);
        txn.voted(true);
        assert_eq!(txn.recovered(), Some(Next::Abort));
        let mut txn = TwoPhaseCommit::begin(2);
        txn.voted(true);
        txn.voted(true);
        txn.logged();
        txn.acknowledged();
        assert_eq!(txn.recovered(), Some(Next::Commit));
    }

    #[test]
    fn whatever_happens_the_answer_is_what_was_decided() {
        // Random orders of votes, silences, log writes, acknowledgements and crashes.
        for seed in 0..5000 {
            let mut draws = Key::root(seed, 9).draws();
            let participants = 1 + draws.below(4) as u16;
            let mut txn = TwoPhaseCommit::begin(participants);
            let (mut yes, mut logged, mut answers) = (0, false, Vec::new());
            for _ in 0..200 {
                let next = match draws.below(8) {
                    0..=2 => {
                        let vote = draws.chance(0.9);
                        yes += u16::from(vote && txn.phase() == Phase::Preparing);
                        txn.voted(vote)
                    }
                    3 => txn.logged(),
                    4..=5 => txn.acknowledged(),
                    6 if draws.chance(0.1) => txn.gave_up_waiting(),
                    _ if draws.chance(0.1) => txn.recovered(),
                    _ => None,
                };
                logged |= next == Some(Next::Commit);
                if let Some(Next::Answer { committed }) = next {
                    answers.push(committed);
                }
            }
            assert!(answers.len() <= 1, "{answers:?}");
            for committed in answers {
                assert_eq!(committed, logged);
                assert!(!committed || yes == participants);
            }
        }
    }
}
