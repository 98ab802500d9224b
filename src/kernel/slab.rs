//! A generational slab: places that are reused, named by handles that go stale for ever when their
//! place is given to another. Its memory grows with what is alive, never with what has been.
//!
//! A place that was freed keeps its last content until it is taken again: nothing is moved out, and what
//! ended can still be read by whoever ended it. Its generation is odd meanwhile, which no handle's is.

use std::ops::{Index, IndexMut};

/// Names one thing in a [`Slab`] for as long as it is there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Handle {
    index: u32,
    generation: u32,
}

impl Handle {
    /// Names nothing.
    pub const NONE: Self = Self { index: u32::MAX, generation: u32::MAX };
}

#[derive(Clone, Debug)]
struct Place<T> {
    /// Even while the content is there, odd while it is what was there last.
    generation: u32,
    content: T,
}

/// Reusable places for `T`, the last one freed being the first one taken.
#[derive(Clone, Debug)]
pub struct Slab<T> {
    places: Vec<Place<T>>,
    free: Vec<u32>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Slab<T> {
    /// An empty slab.
    #[must_use]
    pub const fn new() -> Self {
        Self { places: Vec::new(), free: Vec::new() }
    }

    /// How many things are there.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// Whether nothing is there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Places made so far: the most things that were ever there at once.
    #[must_use]
    pub fn high_water(&self) -> usize {
        self.places.len()
    }

    /// Puts `content` in; the handle names it until it is removed.
    #[inline]
    pub fn insert(&mut self, content: T) -> Handle {
        if let Some(index) = self.free.pop() {
            let place = &mut self.places[index as usize];
            place.content = content;
            place.generation = place.generation.wrapping_add(1);
            return Handle { index, generation: place.generation };
        }
        let index = self.places.len() as u32;
        self.places.push(Place { generation: 0, content });
        Handle { index, generation: 0 }
    }

    /// What `handle` names, if it is still there.
    #[must_use]
    #[inline]
    pub fn get(&self, handle: Handle) -> Option<&T> {
        match self.places.get(handle.index as usize) {
            Some(place) if place.generation == handle.generation => Some(&place.content),
            _ => None,
        }
    }

    /// What `handle` names, if it is still there.
    #[must_use]
    #[inline]
    pub fn get_mut(&mut self, handle: Handle) -> Option<&mut T> {
        match self.places.get_mut(handle.index as usize) {
            Some(place) if place.generation == handle.generation => Some(&mut place.content),
            _ => None,
        }
    }

    /// Whether what `handle` names is still there.
    #[must_use]
    #[inline]
    pub fn contains(&self, handle: Handle) -> bool {
        self.get(handle).is_some()
    }

    /// Ends what `handle` names; the handle is stale from now on. What was there can be read until the
    /// next [`Self::insert`].
    #[inline]
    pub fn remove(&mut self, handle: Handle) -> Option<&mut T> {
        let place = self.places.get_mut(handle.index as usize)?;
        if place.generation != handle.generation {
            return None;
        }
        place.generation = place.generation.wrapping_add(1);
        self.free.push(handle.index);
        Some(&mut place.content)
    }

    /// All that is there, by place.
    pub fn iter(&self) -> impl Iterator<Item = (Handle, &T)> {
        let alive = self.places.iter().enumerate().filter(|(_, place)| place.generation.is_multiple_of(2));
        alive.map(|(index, place)| {
            (Handle { index: index as u32, generation: place.generation }, &place.content)
        })
    }
}

impl<T> Index<Handle> for Slab<T> {
    type Output = T;

    /// # Panics
    /// If the handle is stale: use it only where the thing is known to be there.
    #[inline]
    fn index(&self, handle: Handle) -> &T {
        self.get(handle).expect("a stale handle was used as if it were fresh")
    }
}

impl<T> IndexMut<Handle> for Slab<T> {
    #[inline]
    fn index_mut(&mut self, handle: Handle) -> &mut T {
        self.get_mut(handle).expect("a stale handle was used as if it were fresh")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reused_place_makes_old_handles_stale() {
        let mut slab = Slab::new();
        let a = slab.insert("a");
        assert_eq!(slab.remove(a), Some(&mut "a"));
        let b = slab.insert("b");
        assert_eq!((slab.get(a), slab.get(b), slab.len()), (None, Some(&"b"), 1));
        assert_eq!(slab.remove(a), None);
        assert!(!slab.contains(Handle::NONE));
        assert_eq!(slab.remove(b), Some(&mut "b"));
        assert_eq!((slab.get(b), slab.iter().count(), slab.is_empty()), (None, 0, true));
    }

    #[test]
    fn memory_grows_with_the_living_only() {
        let mut slab = Slab::new();
        for n in 0..100_000 {
            let handle = slab.insert(n);
            slab.remove(handle);
        }
        assert_eq!(slab.high_water(), 1);
    }
}
