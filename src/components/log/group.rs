//! A group of consumers and its coordinator: who is a member, who reads which partition, and how that changes.
//!
//! The classic protocols go in rounds. A round begins when a member comes, leaves or falls silent; the others hear of it
//! with their next heartbeat, and join when they poll next, so that the one with the longest batch holds up all; who
//! has not joined after `max_poll` is out. Eager: each gives up everything when it joins, and has something again when
//! all have. Cooperative (KIP-429): each goes on with what it has; after the round, who has too much gives up just that
//! and starts a second round, in which it is given away. Server (KIP-848): the coordinator knows at once who is to have
//! what, and tells each with its heartbeat; a partition moves when its owner has given it up, and nobody else stops.
//! Heartbeats are sent while records are worked on; a consumer that does not poll for `max_poll` leaves by itself. One
//! that crashed is a member until its session ends, also while its process is back under a new name, unless membership
//! is static. The caller keeps the clock: [`Group::tick`] does what falls due, [`Group::due`] says when the next is.
//! Not modelled: the time of the messages themselves (milliseconds), generations of leaders, the choice among protocols.

use super::settings::{Consuming, Protocol};
use crate::base::{SimDuration, SimTime};

/// The owner of a partition that nobody reads.
pub const NOBODY: u32 = u32::MAX;
/// The owner that crashed, and came back under another name.
const GHOST: u32 = u32::MAX - 1;

/// What changed for a consumer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// It may read the partition from now on.
    Gained {
        /// Which consumer.
        slot: u32,
        /// Which partition.
        partition: u32,
    },
    /// It gave the partition up in good order, and may store first how far it is.
    Revoked {
        /// Which consumer.
        slot: u32,
        /// Which partition.
        partition: u32,
    },
    /// It lost the partition without being asked, and what it stores from now on does not count.
    Taken {
        /// Which consumer.
        slot: u32,
        /// Which partition.
        partition: u32,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Empty,
    /// The first members are waited for.
    Initial {
        began: SimTime,
        ends: SimTime,
    },
    /// A round: all members are to join until it ends.
    Round {
        ends: SimTime,
    },
    Stable,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Status {
    /// Not a member.
    #[default]
    Out,
    In,
    /// Thrown out, which it learns when it polls next.
    Expelled,
}

#[derive(Clone, Debug, Default)]
struct Seat {
    status: Status,
    is_alive: bool,
    /// Has joined the round under way.
    has_joined: bool,
    /// Works on what it polled.
    is_busy: bool,
    polled: SimTime,
    /// When a heartbeat was sent; the others follow at even distances.
    beat: SimTime,
    /// The last heartbeat of a dead one.
    heard: SimTime,
    /// When it hears of what it does not know yet; [`SimTime::MAX`]: there is nothing.
    learns: SimTime,
    /// Gives these up when it polls next (cooperative).
    too_much: Vec<u32>,
    /// What it is to have (server).
    target: Vec<u32>,
}

/// A member whose process is gone or has taken another name; it is waited for until its session ends.
#[derive(Clone, Debug)]
struct Ghost {
    expires: SimTime,
    owned: Vec<u32>,
}

/// A group of consumers, each known by a small number, its slot.
#[derive(Clone, Debug)]
pub struct Group {
    settings: Consuming,
    phase: Phase,
    seats: Vec<Seat>,
    ghosts: Vec<Ghost>,
    /// By partition: the slot of its owner.
    owner: Vec<u32>,
    /// By partition: whether its owner may read it already.
    is_read: Vec<bool>,
    /// Given away, but to be read from a later time only: time, slot, partition.
    incoming: Vec<(SimTime, u32, u32)>,
    changes: Vec<Change>,
    due: SimTime,
    rounds: u64,
    expelled: u64,
}

impl Group {
    /// A group without members. Heartbeats take at least a millisecond, and `max_poll` at least one heartbeat, so
    /// that whoever waits for records hears of a round before it ends.
    #[must_use]
    pub fn new(mut settings: Consuming, partitions: u32) -> Self {
        settings.heartbeat = settings.heartbeat.max(SimDuration::from_millis(1));
        settings.max_poll = settings.max_poll.max(settings.heartbeat);
        Self {
            settings,
            phase: Phase::Empty,
            seats: Vec::new(),
            ghosts: Vec::new(),
            owner: vec![NOBODY; partitions as usize],
            is_read: vec![false; partitions as usize],
            incoming: Vec::new(),
            changes: Vec::new(),
            due: SimTime::MAX,
            rounds: 0,
            expelled: 0,
        }
    }

    /// What changed since this was asked last, in order.
    pub fn changes(&mut self) -> std::vec::Drain<'_, Change> {
        self.changes.drain(..)
    }

    /// When [`Self::tick`] has something to do, at the earliest.
    #[must_use]
    pub fn due(&self) -> SimTime {
        self.due
    }

    /// Rounds of all members, or new assignments by the server, so far.
    #[must_use]
    pub fn rounds(&self) -> u64 {
        self.rounds
    }

    /// Members that did not poll in time, so far.
    #[must_use]
    pub fn expelled(&self) -> u64 {
        self.expelled
    }

    /// Partitions that a living consumer may read at this instant.
    #[must_use]
    pub fn partitions_read(&self) -> u32 {
        let is_read = |(owner, is_read): (&u32, &bool)| {
            *is_read && self.seats.get(*owner as usize).is_some_and(|seat| seat.is_alive)
        };
        self.owner.iter().zip(&self.is_read).filter(|p| is_read(*p)).count() as u32
    }

    /// Whether the consumer may read the partition.
    #[must_use]
    pub fn reads(&self, slot: u32, partition: u32) -> bool {
        self.owner.get(partition as usize) == Some(&slot) && self.is_read[partition as usize]
    }

    fn owned(&self, slot: u32) -> Vec<u32> {
        (0..self.owner.len() as u32).filter(|p| self.owner[*p as usize] == slot).collect()
    }

    fn members(&self) -> impl Iterator<Item = u32> + use<> {
        let slots: Vec<u32> =
            (0..self.seats.len() as u32).filter(|s| self.seats[*s as usize].status == Status::In).collect();
        slots.into_iter()
    }

    fn next_beat(&self, slot: u32, now: SimTime) -> SimTime {
        let every = self.settings.heartbeat;
        let beat = self.seats[slot as usize].beat;
        beat + every.times(now.since(beat).as_nanos() / every.as_nanos() + 1)
    }

    /// A consumer's process has started, or polls again after it was thrown out.
    pub fn join(&mut self, slot: u32, now: SimTime) {
        if self.seats.len() <= slot as usize {
            self.seats.resize_with(slot as usize + 1, Seat::default);
        }
        let seat = &mut self.seats[slot as usize];
        if seat.status == Status::In && !seat.is_alive && self.settings.is_static {
            (seat.is_alive, seat.is_busy, seat.beat, seat.polled) = (true, false, now, now);
            seat.learns = SimTime::MAX;
            for partition in self.owned(slot) {
                if self.is_read[partition as usize] {
                    self.changes.push(Change::Gained { slot, partition });
                }
            }
            if matches!(self.phase, Phase::Round { .. }) && !self.seats[slot as usize].has_joined
                || self.settings.protocol == Protocol::Server
            {
                self.attend(slot, now);
            }
            return self.plan(now);
        }
        if seat.status == Status::In {
            if seat.is_alive {
                return; // is a member already
            }
            let expires = seat.heard + self.settings.session;
            let owned = self.owned(slot);
            self.give_up(slot, |_| true, false);
            for partition in &owned {
                self.owner[*partition as usize] = GHOST;
            }
            self.ghosts.push(Ghost { expires, owned });
        }
        let seat = &mut self.seats[slot as usize];
        *seat = Seat {
            status: Status::In,
            is_alive: true,
            has_joined: true,
            beat: now,
            polled: now,
            learns: SimTime::MAX,
            ..Seat::default()
        };
        if self.settings.protocol == Protocol::Server {
            self.retarget(now);
            self.attend(slot, now);
            return self.plan(now);
        }
        match self.phase {
            Phase::Empty => {
                self.rounds += 1;
                let ends = now + self.settings.initial_delay;
                self.phase = Phase::Initial { began: now, ends };
            }
            Phase::Initial { began, .. } => {
                let ends = (now + self.settings.initial_delay).min(began + self.settings.max_poll);
                self.phase = Phase::Initial { began, ends };
            }
            Phase::Stable => {
                self.begin_round(now);
                self.seats[slot as usize].has_joined = true;
                self.seats[slot as usize].learns = SimTime::MAX;
                self.complete_if_all(now);
            }
            Phase::Round { .. } => self.complete_if_all(now),
        }
        self.plan(now);
    }

    /// A consumer asks for records, having done with those that it had.
    pub fn poll(&mut self, slot: u32, now: SimTime) {
        let Some(seat) = self.seats.get_mut(slot as usize) else { return };
        (seat.polled, seat.is_busy) = (now, false);
        match seat.status {
            Status::Expelled => self.join(slot, now),
            Status::In if seat.is_alive && (seat.learns <= now || !seat.too_much.is_empty()) => {
                self.attend(slot, now);
                self.plan(now);
            }
            // What it does not know yet it will hear while it waits for records.
            Status::In => self.due = self.due.min(seat.learns),
            Status::Out => {}
        }
    }

    /// A consumer that has polled got records.
    pub fn begin_batch(&mut self, slot: u32) {
        let Some(seat) = self.seats.get_mut(slot as usize) else { return };
        seat.is_busy = true;
        if seat.status == Status::In {
            self.due = self.due.min(seat.polled + self.settings.max_poll);
        }
    }

    /// A consumer's process is gone without a word.
    pub fn crash(&mut self, slot: u32, now: SimTime) {
        let every = self.settings.heartbeat;
        let Some(seat) = self.seats.get_mut(slot as usize) else { return };
        if seat.status != Status::In {
            (seat.status, seat.is_alive) = (Status::Out, false);
            return;
        }
        if std::mem::take(&mut seat.is_alive) {
            seat.heard = seat.beat + every.times(now.since(seat.beat).as_nanos() / every.as_nanos());
            seat.learns = SimTime::MAX;
        }
        self.plan(now);
    }

    /// A consumer's process ends in good order; a static member does not say so.
    pub fn close(&mut self, slot: u32, now: SimTime) {
        let Some(seat) = self.seats.get_mut(slot as usize) else { return };
        if seat.status != Status::In {
            (seat.status, seat.is_alive) = (Status::Out, false);
            return;
        }
        if self.settings.is_static {
            seat.is_alive = false;
            seat.heard = now;
            seat.learns = SimTime::MAX;
        } else {
            self.give_up(slot, |_| true, true);
            self.remove(slot, Status::Out, now);
        }
        self.plan(now);
    }

    /// Does what is due at `now`.
    pub fn tick(&mut self, now: SimTime) {
        while self.due <= now {
            self.due = SimTime::MAX;
            self.step(now);
            self.plan(now);
        }
    }

    fn step(&mut self, now: SimTime) {
        for slot in self.members() {
            let seat = &self.seats[slot as usize];
            if seat.status != Status::In {
                continue; // thrown out by the end of a round meanwhile
            }
            if !seat.is_alive && seat.heard + self.settings.session <= now {
                self.give_up(slot, |_| true, false);
                self.remove(slot, Status::Out, now);
            } else if seat.is_alive && seat.is_busy && seat.polled + self.settings.max_poll <= now {
                self.expelled += 1;
                self.give_up(slot, |_| true, false);
                self.remove(slot, Status::Expelled, now);
            } else if seat.is_alive && !seat.is_busy && seat.learns <= now {
                self.attend(slot, now);
            }
        }
        let (gone, left) = std::mem::take(&mut self.ghosts).into_iter().partition(|g| g.expires <= now);
        self.ghosts = left;
        let gone: Vec<Ghost> = gone;
        for ghost in &gone {
            self.free(&ghost.owned, now);
        }
        if !gone.is_empty() {
            self.membership_changed(now);
        }
        match self.phase {
            Phase::Initial { ends, .. } | Phase::Round { ends } if ends <= now => self.complete(now),
            _ => {}
        }
        let (ready, later) = std::mem::take(&mut self.incoming).into_iter().partition(|i| i.0 <= now);
        self.incoming = later;
        let ready: Vec<(SimTime, u32, u32)> = ready;
        for (_, slot, partition) in ready {
            self.open(slot, partition);
        }
    }

    /// Finds out when the next thing is due.
    fn plan(&mut self, now: SimTime) {
        let mut due = match self.phase {
            Phase::Initial { ends, .. } | Phase::Round { ends } => ends,
            Phase::Empty | Phase::Stable => SimTime::MAX,
        };
        for seat in self.seats.iter().filter(|seat| seat.status == Status::In) {
            due = due.min(if !seat.is_alive {
                seat.heard + self.settings.session
            } else if seat.is_busy {
                seat.polled + self.settings.max_poll
            } else {
                seat.learns
            });
        }
        due = self
            .ghosts
            .iter()
            .map(|g| g.expires)
            .chain(self.incoming.iter().map(|i| i.0))
            .fold(due, SimTime::min);
        self.due = due.max(now);
    }

    /// A member does what it has learnt.
    fn attend(&mut self, slot: u32, now: SimTime) {
        self.seats[slot as usize].learns = SimTime::MAX;
        match self.settings.protocol {
            Protocol::Eager => {
                self.give_up(slot, |_| true, true);
                self.seats[slot as usize].has_joined = true;
                self.complete_if_all(now);
            }
            Protocol::Cooperative => {
                let too_much = std::mem::take(&mut self.seats[slot as usize].too_much);
                if !too_much.is_empty() {
                    self.give_up(slot, |p| too_much.contains(&p), true);
                    if self.phase == Phase::Stable {
                        self.begin_round(now);
                        self.seats[slot as usize].learns = SimTime::MAX;
                    }
                }
                self.seats[slot as usize].has_joined = true;
                self.complete_if_all(now);
            }
            Protocol::Server => {
                let target = std::mem::take(&mut self.seats[slot as usize].target);
                let freed = self.give_up(slot, |p| !target.contains(&p), true);
                for &partition in &target {
                    if self.owner[partition as usize] == NOBODY {
                        self.give(slot, partition, now);
                    }
                }
                self.seats[slot as usize].target = target;
                self.tell_heirs(&freed, now);
            }
        }
    }

    /// Takes partitions from a consumer; returns them.
    fn give_up(&mut self, slot: u32, which: impl Fn(u32) -> bool, in_order: bool) -> Vec<u32> {
        let mut given = Vec::new();
        for partition in 0..self.owner.len() as u32 {
            if self.owner[partition as usize] != slot || !which(partition) {
                continue;
            }
            self.owner[partition as usize] = NOBODY;
            if std::mem::take(&mut self.is_read[partition as usize]) {
                self.changes.push(if in_order {
                    Change::Revoked { slot, partition }
                } else {
                    Change::Taken { slot, partition }
                });
            }
            given.push(partition);
        }
        given
    }

    fn free(&mut self, partitions: &[u32], now: SimTime) {
        for partition in partitions {
            if self.owner[*partition as usize] == GHOST {
                self.owner[*partition as usize] = NOBODY;
            }
        }
        self.tell_heirs(partitions, now);
    }

    /// Gives a partition that is free; it is read from when the pause is over.
    fn give(&mut self, slot: u32, partition: u32, now: SimTime) {
        self.owner[partition as usize] = slot;
        self.incoming.retain(|(_, _, other)| *other != partition);
        if self.settings.pause.is_zero() {
            self.open(slot, partition);
        } else {
            self.incoming.push((now + self.settings.pause, slot, partition));
        }
    }

    fn open(&mut self, slot: u32, partition: u32) {
        if self.owner[partition as usize] == slot && !self.is_read[partition as usize] {
            self.is_read[partition as usize] = true;
            if self.seats[slot as usize].is_alive {
                self.changes.push(Change::Gained { slot, partition });
            }
        }
    }

    /// The member is none any more, and owns nothing.
    fn remove(&mut self, slot: u32, status: Status, now: SimTime) {
        let seat = &mut self.seats[slot as usize];
        (seat.status, seat.has_joined, seat.learns) = (status, false, SimTime::MAX);
        seat.too_much.clear();
        seat.target.clear();
        self.membership_changed(now);
    }

    fn membership_changed(&mut self, now: SimTime) {
        if self.settings.protocol == Protocol::Server {
            return self.retarget(now);
        }
        match self.phase {
            Phase::Stable if self.members().next().is_none() && self.ghosts.is_empty() => {
                self.phase = Phase::Empty
            }
            Phase::Stable => self.begin_round(now),
            Phase::Round { .. } => self.complete_if_all(now),
            Phase::Empty | Phase::Initial { .. } => {}
        }
    }

    fn begin_round(&mut self, now: SimTime) {
        self.rounds += 1;
        self.phase = Phase::Round { ends: now + self.settings.max_poll };
        for slot in self.members() {
            let learns = self.next_beat(slot, now);
            let seat = &mut self.seats[slot as usize];
            seat.has_joined = false;
            // One that is to give something up at once still does.
            seat.learns = if seat.is_alive { seat.learns.min(learns) } else { SimTime::MAX };
        }
    }

    fn complete_if_all(&mut self, now: SimTime) {
        let Phase::Round { .. } = self.phase else { return };
        if self.ghosts.is_empty() && self.members().all(|slot| self.seats[slot as usize].has_joined) {
            self.complete(now);
        }
    }

    /// The round is over: those who joined share all partitions.
    fn complete(&mut self, now: SimTime) {
        self.phase = Phase::Stable;
        for ghost in std::mem::take(&mut self.ghosts) {
            self.free(&ghost.owned, now);
        }
        for slot in self.members() {
            if !self.seats[slot as usize].has_joined {
                self.give_up(slot, |_| true, false);
                let seat = &mut self.seats[slot as usize];
                seat.status = if seat.is_alive { Status::Expelled } else { Status::Out };
                seat.too_much.clear();
                self.expelled += u64::from(seat.is_alive);
            }
        }
        let members: Vec<u32> = self.members().collect();
        if members.is_empty() {
            self.phase = Phase::Empty;
            return;
        }
        let owned: Vec<Vec<u32>> = members.iter().map(|slot| self.owned(*slot)).collect();
        let shares = self.settings.assignor.assign(self.owner.len() as u32, &owned);
        for (&slot, share) in members.iter().zip(&shares) {
            let seat = &mut self.seats[slot as usize];
            (seat.beat, seat.learns) = (now, SimTime::MAX);
            seat.too_much = Vec::new();
            for &partition in share {
                if self.owner[partition as usize] == NOBODY {
                    self.give(slot, partition, now);
                }
            }
        }
        for ((&slot, had), share) in members.iter().zip(&owned).zip(&shares) {
            let seat = &mut self.seats[slot as usize];
            seat.too_much = had.iter().filter(|p| !share.contains(p)).copied().collect();
            // One that waits for records gives up at once, another one when it polls.
            if !seat.too_much.is_empty() && seat.is_alive && !seat.is_busy {
                seat.learns = now;
            }
        }
    }

    /// The server decides anew who is to have what.
    fn retarget(&mut self, now: SimTime) {
        self.rounds += 1;
        let members: Vec<u32> = self.members().collect();
        let had: Vec<Vec<u32>> =
            members.iter().map(|slot| std::mem::take(&mut self.seats[*slot as usize].target)).collect();
        let shares = self.settings.assignor.assign(self.owner.len() as u32, &had);
        for ((slot, had), share) in members.into_iter().zip(had).zip(shares) {
            let learns = self.next_beat(slot, now);
            let seat = &mut self.seats[slot as usize];
            if seat.is_alive && had != share {
                seat.learns = seat.learns.min(learns);
            }
            seat.target = share;
        }
        let free: Vec<u32> =
            (0..self.owner.len() as u32).filter(|p| self.owner[*p as usize] == NOBODY).collect();
        self.tell_heirs(&free, now);
    }

    /// Who is to have one of these, now that they may be free, hears of it with its next heartbeat.
    fn tell_heirs(&mut self, partitions: &[u32], now: SimTime) {
        if self.settings.protocol != Protocol::Server {
            return;
        }
        for slot in self.members() {
            let learns = self.next_beat(slot, now);
            let seat = &mut self.seats[slot as usize];
            if seat.is_alive && partitions.iter().any(|p| seat.target.contains(p)) {
                seat.learns = seat.learns.min(learns);
            }
        }
    }
}

#[cfg(test)]
mod tests;
