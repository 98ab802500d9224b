//! Clients that ask for the jobs that they have sent, until an answer says that one is done.
//!
//! A 202 whose endpoint sent to a queue begins it. Each question is a call like any other: it meets load
//! balancers, lines and the store that it is answered from, and what it says is what was read there. The
//! pause doubles from base to cap. A question that fails is asked again after the next pause.

use rustc_hash::FxHashMap;

use crate::base::random::{Key, StreamName};
use crate::base::{EntityId, OperationId, SimDuration, SimTime};
use crate::engine::{CallId, Context, Fate, JobId, Observation, Outcome, Probe, Request, SiteId};

/// How clients ask.
#[derive(Clone, Debug, PartialEq)]
pub struct Poll {
    /// The call site of the question.
    pub site: SiteId,
    /// Its number among the client's endpoints.
    pub operation: OperationId,
    /// The first pause and the longest one.
    pub every: (SimDuration, SimDuration),
    /// Time from the 202 on after which nobody asks any more.
    pub give_up: SimDuration,
}

/// Somebody who waits for a job.
#[derive(Clone, Debug)]
struct Waiting {
    job: JobId,
    luck: Key,
    rows: Vec<(EntityId, u64)>,
    region: u16,
    priority: u8,
    since: SimTime,
    asked: u32,
}

/// Everybody who waits for a job.
#[derive(Debug, Default)]
pub(super) struct Polls {
    waiting: Vec<Option<Waiting>>,
    free: Vec<u32>,
    /// Questions under way.
    open: FxHashMap<CallId, u32>,
}

impl Polls {
    /// Whether this call is a question.
    pub(super) fn is_one(&self, root: CallId) -> bool {
        self.open.contains_key(&root)
    }

    /// A request was accepted: when its client first asks, and who that is; none if it sent no message.
    pub(super) fn begin<P: Probe>(
        &mut self,
        poll: &Poll,
        root: CallId,
        cx: &mut Context<'_, P>,
    ) -> Option<(SimTime, u32)> {
        let job = cx.take_job(root);
        if job == JobId::NONE {
            return None;
        }
        let (luck, region) = (cx.luck(root).named(StreamName::new("poll")), cx.call(root).instance);
        let request = cx.request(root)?;
        let (rows, priority) = (request.rows.clone(), request.priority);
        let waiting = Waiting { job, luck, rows, region, priority, since: cx.now(), asked: 0 };
        let number = self.free.pop().unwrap_or(self.waiting.len() as u32);
        match self.waiting.get_mut(number as usize) {
            Some(place) => *place = Some(waiting),
            None => self.waiting.push(Some(waiting)),
        }
        Some((cx.now() + poll.every.0, number))
    }

    /// Asks. `connect` chooses the connection of the question.
    pub(super) fn ask<P: Probe>(
        &mut self,
        poll: &Poll,
        number: u32,
        cx: &mut Context<'_, P>,
        connect: impl FnOnce(CallId, &mut Context<'_, P>),
    ) {
        let Some(Some(waiting)) = self.waiting.get_mut(number as usize) else { return };
        let luck = waiting.luck.with(u64::from(waiting.asked));
        waiting.asked += 1;
        let mut request = Request::new(cx.me(), poll.operation, luck, cx.now());
        request.rows.clone_from(&waiting.rows);
        request.priority = waiting.priority;
        let (region, job) = (waiting.region, waiting.job);
        let root = cx.open_internal(request);
        cx.call_mut(root).instance = region;
        connect(root, cx);
        self.open.insert(root, number);
        if let Some(queue) = cx.job(job).map(|job| job.queue) {
            cx.observe(Observation::Message { queue, fate: Fate::Polled });
        }
        cx.call_on(root, poll.site);
    }

    /// A question has its answer: when it is asked again, if it is.
    pub(super) fn answered<P: Probe>(
        &mut self,
        poll: &Poll,
        root: CallId,
        outcome: Outcome,
        cx: &mut Context<'_, P>,
    ) -> Option<(SimTime, u32)> {
        let number = self.open.remove(&root)?;
        let read = cx.call(root).seen;
        cx.close_internal(root);
        let waiting = self.waiting.get_mut(number as usize)?.as_ref()?;
        let (job, now) = (waiting.job, cx.now());
        let record = cx.job(job).copied();
        let doubled = poll.every.0.mul_f64(f64::from(waiting.asked.min(60)).exp2());
        let again = now + doubled.min(poll.every.1);
        let done = outcome.is_ok() && record.is_some_and(|record| record.is_done(read));
        if !done && again < waiting.since + poll.give_up {
            return Some((again, number));
        }
        if let Some(record) = record {
            cx.observe(if done {
                Observation::Completed { queue: record.queue, took: now.since(record.started) }
            } else {
                Observation::Message { queue: record.queue, fate: Fate::GivenUp }
            });
        }
        cx.drop_job(job);
        self.waiting[number as usize] = None;
        self.free.push(number);
        None
    }
}
