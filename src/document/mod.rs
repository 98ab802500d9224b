//! Floor 0: written values with their places: the tree that a scenario file becomes, what can be
//! said about it (diagnostics), and how its texts are read into quantities. No file is opened here.

mod amount;
mod call_text;
mod code;
mod diagnostic;
pub mod distribution_text;
mod node;
mod place;
pub mod quantity;
mod render;

pub use amount::Fault;
pub use code::{Code, Severity};
pub use diagnostic::{Diagnostic, Diagnostics, did_you_mean};
pub use node::{Key, Node, Style, Value};
pub use place::{Place, Source, SourceId, Sources};
