//! Floor 3: what is measured. Everything here is computed from observations.

mod catalog;

pub use catalog::{Catalog, ClientInfo, ComponentInfo, ResourceInfo, Role};
