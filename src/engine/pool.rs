//! Connection pools of callers, and the connections that a target accepts.
//!
//! A pooled connection is opened when the pool first needs it, stays open while idle, and closes
//! when its caller abandons the attempt on it: the server keeps it, and the work, until it notices.

use super::call::CallId;
use super::plan::{ConnectionLimit, PoolPlan};
use crate::base::ResourceId;
use crate::queueing::{Discipline, WaitingLine};

/// One caller instance's connections to one target.
#[derive(Clone, Debug)]
pub(super) struct Pool {
    pub(super) resource: ResourceId,
    pub(super) size: u32,
    pub(super) in_use: u32,
    pub(super) open: u32,
    pub(super) line: WaitingLine<CallId>,
}

impl Pool {
    pub(super) fn new(plan: &PoolPlan) -> Self {
        Self {
            resource: plan.resource,
            size: plan.size,
            in_use: 0,
            open: 0,
            line: WaitingLine::new(Discipline::Fifo),
        }
    }

    pub(super) fn present(&self) -> u32 {
        self.in_use + self.line.len() as u32
    }
}

/// Connections open at one target.
#[derive(Clone, Debug)]
pub(super) struct Connections {
    pub(super) limit: ConnectionLimit,
    pub(super) open: u32,
}

impl Connections {
    pub(super) fn new(limit: ConnectionLimit) -> Self {
        Self { limit, open: 0 }
    }

    pub(super) fn open_and_max(&self) -> (u32, u32) {
        (self.open, self.limit.max)
    }
}
