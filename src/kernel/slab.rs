//! A generational slab: places that are reused, named by handles that go stale for ever when their
//! place is given to another. Its memory grows with what is alive, never with what has been.

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
    generation: u32,
    content: Option<T>,
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

    /// Puts `content` in; the handle names it until it is removed.
    #[inline]
    pub fn insert(&mut self, content: T) -> Handle {
        if let Some(index) = self.free.pop() {
            let place = &mut self.places[index as usize];
            place.content = Some(content);
            return Handle { index, generation: place.generation };
        }
        let index = self.places.len() as u32;
        self.places.push(Place { generation: 0, content: Some(content) });
        Handle { index, generation: 0 }
    }

    /// What `handle` names, if it is still there.
    #[must_use]
    #[inline]
    pub fn get(&self, handle: Handle) -> Option<&T> {
        let place = self.places.get(handle.index as usize)?;
        if place.generation == handle.generation { place.content.as_ref() } else { None }
    }

    /// What `handle` names, if it is still there.
    #[must_use]
    #[inline]
    pub fn get_mut(&mut self, handle: Handle) -> Option<&mut T> {
        let place = self.places.get_mut(handle.index as usize)?;
        if place.generation == handle.generation { place.content.as_mut() } else { None }
    }

    /// Whether what `handle` names is still there.
    #[must_use]
    #[inline]
    pub fn contains(&self, handle: Handle) -> bool {
        self.get(handle).is_some()
    }

    /// Takes out what `handle` names; the handle is stale from now on.
    #[inline]
    pub fn remove(&mut self, handle: Handle) -> Option<T> {
        let place = self.places.get_mut(handle.index as usize)?;
        if place.generation != handle.generation {
            return None;
        }
        let content = place.content.take()?;
        place.generation = place.generation.wrapping_add(1);
        self.free.push(handle.index);
        Some(content)
    }

    /// All that is there, by place.
    pub fn iter(&self) -> impl Iterator<Item = (Handle, &T)> {
        self.places.iter().enumerate().filter_map(|(index, place)| {
            let handle = Handle { index: index as u32, generation: place.generation };
            place.content.as_ref().map(|content| (handle, content))
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
        assert_eq!(slab.remove(a), Some("a"));
        let b = slab.insert("b");
        assert_eq!((slab.get(a), slab.get(b), slab.len()), (None, Some(&"b"), 1));
        assert_eq!(slab.remove(a), None);
        assert!(!slab.contains(Handle::NONE));
    }

    #[test]
    fn memory_grows_with_the_living_only() {
        let mut slab = Slab::new();
        for n in 0..100_000 {
            let handle = slab.insert(n);
            slab.remove(handle);
        }
        assert_eq!(slab.places.len(), 1);
    }
}
