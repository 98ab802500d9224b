//! Floor 3: the kinds of components. One kind is one folder here and one line in `kinds!`.

pub mod autoscaler;
pub mod cache;
pub mod cdn;
pub mod database;
pub mod endpoint_pattern;
pub mod load_balancer;
pub mod log;
pub mod pooler;
pub mod queue;
pub mod service;

use crate::engine::{CallId, Context, Disturbance, Node, Outcome, Probe, Timer, Withdrawal};
use crate::workload::Source;

/// Writes the enum of everything that runs and passes each signal on to whom it is for. It expands to
/// `pub enum Component { Service(..), .. }` and one `match` per method of [`Node`].
macro_rules! kinds {
    ($($(#[doc = $doc:literal])* $name:literal => $variant:ident($state:ty),)*) => {
        /// A component, or a client population, as it runs.
        #[derive(Debug)]
        #[allow(clippy::large_enum_variant)] // there are as many as components, in one table
        pub enum Component {
            $($(#[doc = $doc])* $variant($state),)*
        }

        /// The names of all kinds as a scenario writes them, clients among them.
        pub const KINDS: &[&str] = &[$($name),*];

        impl Node for Component {
            fn start<P: Probe>(&mut self, cx: &mut Context<'_, P>) {
                match self { $(Self::$variant(it) => it.start(cx),)* }
            }
            #[inline]
            fn on_call<P: Probe>(&mut self, call: CallId, cx: &mut Context<'_, P>) {
                match self { $(Self::$variant(it) => it.on_call(call, cx),)* }
            }
            #[inline]
            fn on_served<P: Probe>(&mut self, call: CallId, cx: &mut Context<'_, P>) {
                match self { $(Self::$variant(it) => it.on_served(call, cx),)* }
            }
            #[inline]
            fn on_reply<P: Probe>(&mut self, call: CallId, outcome: Outcome, cx: &mut Context<'_, P>) {
                match self { $(Self::$variant(it) => it.on_reply(call, outcome, cx),)* }
            }
            fn on_limit<P: Probe>(&mut self, call: CallId, cx: &mut Context<'_, P>) {
                match self { $(Self::$variant(it) => it.on_limit(call, cx),)* }
            }
            fn on_cancel<P: Probe>(&mut self, call: CallId, how: Withdrawal, cx: &mut Context<'_, P>) {
                match self { $(Self::$variant(it) => it.on_cancel(call, how, cx),)* }
            }
            #[inline]
            fn on_timer<P: Probe>(&mut self, timer: Timer, cx: &mut Context<'_, P>) {
                match self { $(Self::$variant(it) => it.on_timer(timer, cx),)* }
            }
            #[inline]
            fn on_wake<P: Probe>(&mut self, station: u32, epoch: u32, cx: &mut Context<'_, P>) {
                match self { $(Self::$variant(it) => it.on_wake(station, epoch, cx),)* }
            }
            fn on_end<P: Probe>(&mut self, cx: &mut Context<'_, P>) {
                match self { $(Self::$variant(it) => it.on_end(cx),)* }
            }
            fn on_disturbance<P: Probe>(&mut self, instance: u16, what: Disturbance, cx: &mut Context<'_, P>) {
                match self { $(Self::$variant(it) => it.on_disturbance(instance, what, cx),)* }
            }
        }
    };
}

kinds! {
    /// Sends requests.
    "client" => Client(Source),
    /// Runs endpoints.
    "service" => Service(service::Service),
    /// Spreads requests.
    "load_balancer" => LoadBalancer(load_balancer::LoadBalancer),
    /// Keeps rows.
    "database" => Database(database::Database),
    /// Lends connections to a database.
    "pooler" => Pooler(pooler::Pooler),
    /// Keeps copies of rows.
    "cache" => Cache(cache::Cache),
    /// Keeps copies of answers.
    "cdn" => Cdn(cdn::Cdn),
    /// Keeps messages.
    "queue" => Queue(queue::Queue),
    /// Keeps records that groups of workers read.
    "queue" => Log(log::Log),
}
