//! Doubly linked lists over slots: the links lie in one array that is indexed by the slot, so a list
//! allocates nothing, and a node is the links (8 bytes) and what a policy notes beside them.

use super::Slot;

/// No slot.
pub(super) const NIL: Slot = Slot::MAX;

#[derive(Clone, Copy, Debug)]
struct Node<T> {
    prev: Slot,
    next: Slot,
    note: T,
}

/// The links and notes of all slots; each slot is in one list at most.
#[derive(Clone, Debug)]
pub(super) struct Nodes<T>(Vec<Node<T>>);

impl<T> Default for Nodes<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Copy + Default> Nodes<T> {
    /// Makes `slot` a node, in no list, with this note.
    #[inline]
    pub(super) fn place(&mut self, slot: Slot, note: T) {
        let at = slot as usize;
        if at >= self.0.len() {
            self.0.resize(at + 1, Node { prev: NIL, next: NIL, note: T::default() });
        }
        self.0[at] = Node { prev: NIL, next: NIL, note };
    }

    #[inline]
    pub(super) fn note(&self, slot: Slot) -> &T {
        &self.0[slot as usize].note
    }

    #[inline]
    pub(super) fn note_mut(&mut self, slot: Slot) -> &mut T {
        &mut self.0[slot as usize].note
    }

    /// The neighbour of a node towards the front.
    #[inline]
    pub(super) fn before(&self, slot: Slot) -> Option<Slot> {
        some(self.0[slot as usize].prev)
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Bytes allocated.
    pub(super) fn memory(&self) -> usize {
        self.0.capacity() * size_of::<Node<T>>()
    }
}

#[inline]
fn some(slot: Slot) -> Option<Slot> {
    (slot != NIL).then_some(slot)
}

/// The two ends of a list and its length.
#[derive(Clone, Copy, Debug)]
pub(super) struct List {
    front: Slot,
    back: Slot,
    len: u32,
}

impl Default for List {
    fn default() -> Self {
        Self { front: NIL, back: NIL, len: 0 }
    }
}

impl List {
    /// How many slots are in it.
    #[inline]
    pub(super) fn len(&self) -> u32 {
        self.len
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.back == NIL
    }

    /// The slot at the back.
    #[inline]
    pub(super) fn back(&self) -> Option<Slot> {
        some(self.back)
    }

    /// Puts a slot that is in no list to the front.
    #[inline]
    pub(super) fn push_front<T>(&mut self, nodes: &mut Nodes<T>, slot: Slot) {
        let node = &mut nodes.0[slot as usize];
        (node.prev, node.next) = (NIL, self.front);
        if self.front == NIL {
            self.back = slot;
        } else {
            nodes.0[self.front as usize].prev = slot;
        }
        self.front = slot;
        self.len += 1;
    }

    /// Takes a slot out that is in this list.
    #[inline]
    pub(super) fn unlink<T>(&mut self, nodes: &mut Nodes<T>, slot: Slot) {
        let node = &nodes.0[slot as usize];
        let (prev, next) = (node.prev, node.next);
        if prev == NIL {
            self.front = next;
        } else {
            nodes.0[prev as usize].next = next;
        }
        if next == NIL {
            self.back = prev;
        } else {
            nodes.0[next as usize].prev = prev;
        }
        self.len -= 1;
    }

    /// Takes the slot at the back out.
    #[inline]
    pub(super) fn pop_back<T>(&mut self, nodes: &mut Nodes<T>) -> Option<Slot> {
        let slot = self.back()?;
        self.unlink(nodes, slot);
        Some(slot)
    }

    /// Moves a slot of this list to its front.
    #[inline]
    pub(super) fn raise<T>(&mut self, nodes: &mut Nodes<T>, slot: Slot) {
        if self.front != slot {
            self.unlink(nodes, slot);
            self.push_front(nodes, slot);
        }
    }
}

/// A list with the weight of what is in it: a segment of a policy that divides the capacity.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Segment {
    list: List,
    /// The weight of all its entries.
    pub(super) weight: u64,
}

impl Segment {
    #[inline]
    pub(super) fn back(&self) -> Option<Slot> {
        self.list.back()
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    #[inline]
    pub(super) fn push_front<T>(&mut self, nodes: &mut Nodes<T>, slot: Slot, weight: u32) {
        self.list.push_front(nodes, slot);
        self.weight += u64::from(weight);
    }

    #[inline]
    pub(super) fn unlink<T>(&mut self, nodes: &mut Nodes<T>, slot: Slot, weight: u32) {
        self.list.unlink(nodes, slot);
        self.weight -= u64::from(weight);
    }

    #[inline]
    pub(super) fn raise<T>(&mut self, nodes: &mut Nodes<T>, slot: Slot) {
        self.list.raise(nodes, slot);
    }

    /// The entry at `slot` weighs `new` instead of `old`.
    #[inline]
    pub(super) fn reweigh(&mut self, old: u32, new: u32) {
        self.weight = self.weight - u64::from(old) + u64::from(new);
    }
}
