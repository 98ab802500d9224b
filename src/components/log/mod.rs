//! Logs: partitions that many groups of consumers read at their own pace, as Kafka keeps them.
//!
//! A [`topic::Topic`] is the log and its groups; [`partition`] keeps records by offset, [`replicas`] says which of
//! them survive the loss of a leader, [`partitioner`] which partition a key goes to, [`assignment`] who reads which,
//! [`group`] how that changes when members come and go, [`offsets`] what became of each record for one group,
//! [`producer`] how records travel in batches. None knows the engine: time and luck are passed in.
//!
//! ```
//! use surgesim::base::SimTime;
//! use surgesim::components::log::settings::{Consuming, Settings};
//! use surgesim::components::log::topic::{Poll, Topic};
//!
//! let mut topic = Topic::new(Settings { partitions: 2, ..Settings::default() });
//! let group = topic.add_group(Consuming::default());
//! topic.join(group, 0, SimTime::ZERO);
//! topic.append(0, 7, 100, SimTime::ZERO);
//! // The first member of an empty group waits three seconds for others.
//! assert_eq!(topic.poll(group, 0, SimTime::from_secs_f64(2.9)), Poll::Nothing);
//! topic.tick(SimTime::from_secs_f64(3.0));
//! assert_eq!(topic.poll(group, 0, SimTime::from_secs_f64(3.0)), Poll::Records(1));
//! ```

pub mod assignment;
pub mod group;
pub mod offsets;
pub mod partition;
pub mod partitioner;
pub mod producer;
pub mod replicas;
pub mod settings;
pub mod spec;
mod state;
pub mod topic;

pub use state::Log;
