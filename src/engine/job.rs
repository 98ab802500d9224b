//! Jobs whose clients wait for them beyond the answer: a register that lets a poll know what its answer said.
//!
//! A measuring instrument like the ledger: the way by which a client learns that its job is done is the
//! answer to its poll, which has to be asked, queued and answered like any request. What that answer says
//! depends on the version of the job's row that was read, where the store has versions.

use super::call::CallId;
use super::context::{Context, Core};
use super::copies::Seen;
use super::probe::{Fate, Observation, Probe};
use super::request::RequestId;
use crate::base::{ComponentId, SimTime};
use crate::kernel::Handle;

/// Names a job while its message or its client needs it.
pub type JobId = Handle;

/// One job.
#[derive(Clone, Copy, Debug)]
pub struct Job {
    /// The queue that its message went to.
    pub queue: ComponentId,
    /// Intended start of the request that sent the message.
    pub started: SimTime,
    /// What the worker had written last when it was done; none: it is not done.
    done: Option<Seen>,
    /// Message, request and client that refer to it.
    holders: u8,
}

impl Job {
    /// Whether a status that was read from this version says that the job is done. Where the version is not
    /// known, or of another row than the worker wrote, the status is up to date.
    #[must_use]
    pub fn is_done(&self, read: Seen) -> bool {
        let known = |done: Seen| !done.is_nothing() && done.entity == read.entity;
        self.done.is_some_and(|done| !known(done) || read.version >= done.version)
    }
}

impl<P: Probe> Core<P> {
    pub(super) fn drop_job(&mut self, job: JobId) {
        if let Some(record) = self.jobs.get_mut(job) {
            record.holders = record.holders.saturating_sub(1);
            if record.holders == 0 {
                self.jobs.remove(job);
            }
        }
    }

    /// The job that a request has sent is its no more.
    pub(super) fn take_job(&mut self, request: RequestId) -> JobId {
        let record = self.requests.get_mut(request);
        record.map_or(JobId::NONE, |record| std::mem::replace(&mut record.job, JobId::NONE))
    }
}

impl<P: Probe> Context<'_, P> {
    /// The call publishes a message: the job that its client will ask for, if it is one that asks.
    pub fn submit_job(&mut self, call: CallId) -> JobId {
        let request = self.core.calls[call].request;
        let Some(record) = self.core.requests.get(request) else { return JobId::NONE };
        let asks = self.core.plan.polls.contains(&record.client);
        if !asks || !self.core.is_wanted(request) {
            return JobId::NONE;
        }
        let job = Job { queue: self.me, started: record.started, done: None, holders: 2 };
        let job = self.core.jobs.insert(job);
        let before = self.core.take_job(request);
        self.core.drop_job(before);
        if let Some(record) = self.core.requests.get_mut(request) {
            record.job = job;
        }
        job
    }

    /// The work is done, and its worker had seen this last.
    pub fn job_done(&mut self, job: JobId, seen: Seen) {
        if let Some(record) = self.core.jobs.get_mut(job)
            && record.done.is_none()
        {
            record.done = Some(seen);
        }
    }

    /// A message or a client needs the job no more.
    pub fn drop_job(&mut self, job: JobId) {
        self.core.drop_job(job);
    }

    /// What the call waited for at its site has failed: if that was a message about a row that had been
    /// written, the row has none.
    pub fn note_missing_message(&mut self, call: CallId) {
        let site = &self.core.plan.sites[self.core.calls[call].site.0 as usize];
        if site.after_write {
            let queue = site.target.component;
            self.observe(Observation::Message { queue, fate: Fate::Missing });
        }
    }

    /// The client of a request takes over the job that it has sent.
    pub fn take_job(&mut self, root: CallId) -> JobId {
        let request = self.core.calls[root].request;
        self.core.take_job(request)
    }

    /// A job that somebody still needs.
    #[must_use]
    pub fn job(&self, job: JobId) -> Option<&Job> {
        self.core.jobs.get(job)
    }

    /// Tells whoever scales by it what waits at this queue: how many, and the oldest since when.
    pub fn show_backlog(&mut self, waiting: u32, oldest: Option<SimTime>) {
        let me = self.me.index();
        let board = &mut self.core.backlogs;
        if board.len() <= me {
            board.resize(me + 1, (0, None));
        }
        board[me] = (waiting, oldest);
    }

    /// What waits at a queue: how many, and the oldest since when.
    #[must_use]
    pub fn backlog(&self, queue: ComponentId) -> (u32, Option<SimTime>) {
        self.core.backlogs.get(queue.index()).copied().unwrap_or((0, None))
    }
}
