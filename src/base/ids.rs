//! Small indices that name things of one model: positions in its tables, printed through its names.

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($repr:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
        pub struct $name(pub $repr);

        impl $name {
            /// The id of the item at `index`; the model's size is checked before it is built.
            #[must_use]
            pub const fn at(index: usize) -> Self {
                Self(index as $repr)
            }

            /// The position in the model's table.
            #[must_use]
            #[inline]
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

id!(
    /// A component, or a client population: everything that events are addressed to.
    ComponentId(u16)
);
id!(
    /// One operation of a component: an endpoint of a service, a query of a database.
    OperationId(u16)
);
id!(
    /// A kind of row (`data:`).
    EntityId(u16)
);
id!(
    /// Something that is held: cores, workers, connections, disk tokens, row locks, a link.
    ResourceId(u32)
);
id!(
    /// A call policy: what one call site does while it waits.
    PolicyId(u16)
);
id!(
    /// A zone of the network.
    ZoneId(u16)
);

impl ComponentId {
    /// No component.
    pub const NONE: Self = Self(u16::MAX);
}
