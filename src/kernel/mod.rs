//! Floor 1: a discrete-event kernel: clock, future event list, slab. It knows nothing of what is simulated.
//!
//! M/M/1 on it, utilisation 0.5 (the mean time in the system is 1 / (mu - lambda) = 1 s):
//!
//! ```
//! use surgesim::base::{SimDuration, SimTime};
//! use surgesim::base::random::{Distribution, Key};
//! use surgesim::kernel::Executive;
//! use std::collections::VecDeque;
//!
//! #[derive(Clone, Copy)]
//! enum Event { Arrival, Departure }
//!
//! let mut luck = Key::root(1, 0).draws();
//! let between = Distribution::Exponential { mean: 1.0 };
//! let service = Distribution::Exponential { mean: 0.5 };
//! let mut executive: Executive<Event> = Executive::new();
//! let mut line = VecDeque::new();
//! let (mut served, mut total) = (0_u32, 0.0);
//! executive.schedule_arrival(SimTime::ZERO, Event::Arrival);
//! while served < 200_000 {
//!     let event = executive.pop().expect("a source always has its next arrival pending");
//!     let now = executive.now();
//!     match event {
//!         Event::Arrival => {
//!             line.push_back(now);
//!             executive.schedule_arrival(now + SimDuration::from_secs_f64(between.sample(&mut luck)), event);
//!         }
//!         Event::Departure => {
//!             let arrived = line.pop_front().expect("whoever departs was in line");
//!             total += now.since(arrived).as_secs_f64();
//!             served += 1;
//!         }
//!     }
//!     let starts_service = matches!(event, Event::Departure) || line.len() == 1;
//!     if starts_service && !line.is_empty() {
//!         executive.schedule(now + SimDuration::from_secs_f64(service.sample(&mut luck)), Event::Departure);
//!     }
//! }
//! assert!((total / f64::from(served) - 1.0).abs() < 0.02);
//! ```

mod executive;
mod future_event_list;
mod slab;

pub use executive::Executive;
pub use future_event_list::{EventKey, EventList, QuaternaryHeap, RadixWheel};
pub use slab::{Handle, Slab};
