//! A waiting line and its discipline.
//!
//! Whoever leaves the line before its turn (reneges) is only counted out; the entry is skipped when
//! its turn would have come, or dropped when the dead outnumber the living.

use std::collections::{BTreeMap, VecDeque};

/// Who is next.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Discipline {
    /// First come, first served.
    #[default]
    Fifo,
    /// Last come, first served.
    Lifo,
    /// The smallest class first; first come, first served within a class.
    Priority,
    /// The earliest due time first; first come, first served among equal ones. Due times come with
    /// [`WaitingLine::push_due`]; whoever has none is last.
    EarliestDeadline,
    /// First come, first served while at most so many wait, last come first served while more do ("Fail at
    /// scale", Maurer 2015): in an overload the new ones, whose callers still wait, are served.
    AdaptiveLifo {
        /// The longest line that is served in order.
        above: u32,
    },
}

/// Customers in line.
#[derive(Clone, Debug)]
pub struct WaitingLine<T> {
    discipline: Discipline,
    /// One line per class, sorted by class; all disciplines but priority have one.
    classes: Vec<(u8, VecDeque<T>)>,
    /// By due time and order of arrival, under [`Discipline::EarliestDeadline`].
    due: BTreeMap<(u64, u64), T>,
    pushed: u64,
    alive: usize,
}

impl<T: Copy> WaitingLine<T> {
    /// An empty line.
    #[must_use]
    pub fn new(discipline: Discipline) -> Self {
        Self { discipline, classes: vec![(0, VecDeque::new())], due: BTreeMap::new(), pushed: 0, alive: 0 }
    }

    /// Customers who still wait.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.alive
    }

    /// Whether nobody waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.alive == 0
    }

    fn class(&mut self, priority: u8) -> &mut VecDeque<T> {
        let class = if self.discipline == Discipline::Priority { priority } else { 0 };
        let at = match self.classes.binary_search_by_key(&class, |(c, _)| *c) {
            Ok(at) => at,
            Err(at) => {
                self.classes.insert(at, (class, VecDeque::new()));
                at
            }
        };
        &mut self.classes[at].1
    }

    /// Joins the line.
    #[inline]
    pub fn push(&mut self, customer: T, priority: u8) {
        self.alive += 1;
        let class = if self.classes.len() == 1 && self.classes[0].0 == priority {
            &mut self.classes[0].1
        } else {
            self.class(priority)
        };
        class.push_back(customer);
    }

    /// Joins the line with a due time, in whatever unit; a discipline that does not ask for it goes by class.
    pub fn push_due(&mut self, customer: T, priority: u8, due: u64) {
        if self.discipline != Discipline::EarliestDeadline {
            return self.push(customer, priority);
        }
        self.alive += 1;
        self.pushed += 1;
        self.due.insert((due, self.pushed), customer);
    }

    /// Joins its class at the head: a preempted customer.
    pub fn push_front(&mut self, customer: T, priority: u8) {
        self.alive += 1;
        self.class(priority).push_front(customer);
    }

    /// The next customer for whom `alive` holds.
    #[inline]
    pub fn pop(&mut self, mut alive: impl FnMut(&T) -> bool) -> Option<T> {
        if self.alive == 0 {
            self.due.clear();
            for (_, line) in &mut self.classes {
                if !line.is_empty() {
                    line.clear();
                }
            }
            return None;
        }
        while let Some((_, customer)) = self.due.pop_first() {
            if alive(&customer) {
                self.alive -= 1;
                return Some(customer);
            }
        }
        let lifo = match self.discipline {
            Discipline::Fifo | Discipline::Priority | Discipline::EarliestDeadline => false,
            Discipline::Lifo => true,
            Discipline::AdaptiveLifo { above } => self.alive > above as usize,
        };
        for (_, line) in &mut self.classes {
            while let Some(customer) = if lifo { line.pop_back() } else { line.pop_front() } {
                if alive(&customer) {
                    self.alive -= 1;
                    return Some(customer);
                }
            }
        }
        None
    }

    /// Whether whoever came last is next, in a line without classes.
    pub fn set_newest_first(&mut self, yes: bool) {
        match self.discipline {
            Discipline::Fifo | Discipline::Lifo => {
                self.discipline = if yes { Discipline::Lifo } else { Discipline::Fifo };
            }
            Discipline::Priority | Discipline::EarliestDeadline | Discipline::AdaptiveLifo { .. } => {}
        }
    }

    /// The last customer of the lowest class, that is of the largest number, if that class is below `class`.
    pub fn lowest_below(&mut self, class: u8, mut alive: impl FnMut(&T) -> bool) -> Option<T> {
        for (_, line) in self.classes.iter_mut().rev().take_while(|(other, _)| *other > class) {
            while let Some(customer) = line.back().copied() {
                if alive(&customer) {
                    return Some(customer);
                }
                line.pop_back();
            }
        }
        None
    }

    /// The class of the next customer, were it alive.
    #[must_use]
    pub fn first_class(&self) -> Option<u8> {
        self.classes.iter().find(|(_, line)| !line.is_empty()).map(|(class, _)| *class)
    }

    /// Counts out a customer who left; `alive` tells the others when the line is tidied.
    pub fn renege(&mut self, mut alive: impl FnMut(&T) -> bool) {
        self.alive -= 1;
        let entries: usize = self.classes.iter().map(|(_, line)| line.len()).sum();
        if entries + self.due.len() > 2 * self.alive + 64 {
            self.due.retain(|_, customer| alive(customer));
            for (_, line) in &mut self.classes {
                line.retain(&mut alive);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(discipline: Discipline) -> Vec<u32> {
        let mut line = WaitingLine::new(discipline);
        for (customer, class) in [(1, 2), (2, 0), (3, 2), (4, 0), (5, 1)] {
            line.push(customer, class);
        }
        std::iter::from_fn(|| line.pop(|_| true)).collect()
    }

    #[test]
    fn each_discipline_has_its_order() {
        assert_eq!(order(Discipline::Fifo), [1, 2, 3, 4, 5]);
        assert_eq!(order(Discipline::Lifo), [5, 4, 3, 2, 1]);
        assert_eq!(order(Discipline::Priority), [2, 4, 5, 1, 3]);
        assert_eq!(order(Discipline::AdaptiveLifo { above: 3 }), [5, 4, 1, 2, 3]);
    }

    #[test]
    fn the_earliest_due_time_is_first_and_those_who_left_are_skipped() {
        let mut line = WaitingLine::new(Discipline::EarliestDeadline);
        for (customer, due) in [(1, 50), (2, 20), (3, 20), (4, 90), (5, u64::MAX)] {
            line.push_due(customer, 0, due);
        }
        line.renege(|customer| *customer != 2);
        let order: Vec<u32> = std::iter::from_fn(|| line.pop(|customer| *customer != 2)).collect();
        assert_eq!(order, [3, 1, 4, 5]);
        assert!(line.is_empty());
    }

    #[test]
    fn the_last_of_the_lowest_class_is_found_and_the_order_can_change() {
        let mut line = WaitingLine::new(Discipline::Priority);
        for (customer, class) in [(1, 2), (2, 0), (3, 2), (4, 1)] {
            line.push(customer, class);
        }
        assert_eq!(line.lowest_below(1, |_| true), Some(3));
        assert_eq!(line.lowest_below(2, |_| true), None);
        line.renege(|c| *c != 3);
        assert_eq!(line.lowest_below(0, |c| *c != 3), Some(1));
        assert_eq!(line.len(), 3);
        let mut line = WaitingLine::new(Discipline::Fifo);
        (0..4).for_each(|customer| line.push(customer, 0));
        line.set_newest_first(true);
        assert_eq!(line.pop(|_| true), Some(3));
        line.set_newest_first(false);
        assert_eq!(line.pop(|_| true), Some(0));
    }

    #[test]
    fn whoever_reneged_is_skipped_and_not_counted() {
        let mut line = WaitingLine::new(Discipline::Fifo);
        for customer in 0..1000 {
            line.push(customer, 0);
        }
        for _ in 0..999 {
            line.renege(|c| *c == 999);
        }
        assert_eq!(line.len(), 1);
        assert!(line.classes[0].1.len() < 1000, "the dead are swept");
        assert_eq!(line.pop(|c| *c == 999), Some(999));
        assert!(line.is_empty());
    }
}
