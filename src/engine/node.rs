//! What the engine asks of anything that events are addressed to.

use super::call::CallId;
use super::context::Context;
use super::event::{Timer, Withdrawal};
use super::fault::Disturbance;
use super::outcome::Outcome;
use super::probe::Probe;

/// A component, or a client population, as it runs. Nothing here fails: what can be wrong with a
/// scenario was found before the first event.
pub trait Node {
    /// Schedules its first events.
    fn start<P: Probe>(&mut self, cx: &mut Context<'_, P>) {
        let _ = cx;
    }

    /// A call has arrived.
    fn on_call<P: Probe>(&mut self, call: CallId, cx: &mut Context<'_, P>);

    /// The timed step of a call, begun with [`Context::serve`], is over.
    fn on_served<P: Probe>(&mut self, call: CallId, cx: &mut Context<'_, P>) {
        let _ = (call, cx);
    }

    /// What a call of this component waited for at a call site has an outcome.
    fn on_reply<P: Probe>(&mut self, call: CallId, outcome: Outcome, cx: &mut Context<'_, P>) {
        let _ = (call, outcome, cx);
    }

    /// A call has waited in a line as long as it would ([`Context::limit_wait`]).
    fn on_limit<P: Probe>(&mut self, call: CallId, cx: &mut Context<'_, P>) {
        let _ = (call, cx);
    }

    /// The caller of this call has gone, and its cancellation has reached this component, or the deadline
    /// that it had told has passed.
    fn on_cancel<P: Probe>(&mut self, call: CallId, how: Withdrawal, cx: &mut Context<'_, P>) {
        let _ = (call, how, cx);
    }

    /// A timer of its own.
    fn on_timer<P: Probe>(&mut self, timer: Timer, cx: &mut Context<'_, P>) {
        let _ = (timer, cx);
    }

    /// The head of one of its shared resources may be done.
    fn on_wake<P: Probe>(&mut self, station: u32, epoch: u32, cx: &mut Context<'_, P>) {
        let _ = (station, epoch, cx);
    }

    /// The run is over: what can only be counted now.
    fn on_end<P: Probe>(&mut self, cx: &mut Context<'_, P>) {
        let _ = cx;
    }

    /// A fault, a deploy or the autoscaler disturbs one of its instances.
    fn on_disturbance<P: Probe>(&mut self, instance: u16, what: Disturbance, cx: &mut Context<'_, P>) {
        let _ = (instance, what, cx);
    }
}
