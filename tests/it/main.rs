//! One integration binary, a module per promise.

mod floors;
