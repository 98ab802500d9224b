//! Floor 0: written values with their places: the tree that a scenario file becomes, what can be
//! said about it (diagnostics), and how its texts are read into quantities. No file is opened here.

mod code;
mod diagnostic;
mod node;
mod place;
mod render;

pub use code::{Code, Severity};
pub use diagnostic::{Diagnostic, Diagnostics};
pub use node::{Key, Node, Style, Value};
pub use place::{Place, Source, SourceId, Sources};
