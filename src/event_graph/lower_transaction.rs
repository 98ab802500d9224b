//! Lowering of transactions and sagas.
//!
//! A transaction is its steps between a beginning and a commit; whatever fails in between comes to one
//! instruction that rolls it back and begins again, or fails. A saga is its steps one after the other, each
//! with a list behind it that undoes those before it, the last first.

use super::lower::Lowering;
use crate::base::ComponentId;
use crate::components::service::spec::{SagaStep, Step, TransactionSpec};
use crate::engine::{CopyOp, Op, Pc, TransactionOp};

fn boxed(op: TransactionOp) -> Op {
    Op::Transaction(Box::new(op))
}

impl Lowering<'_, '_> {
    /// Lets errors of instructions go on at `start`.
    fn catch_at(&mut self, failing: &[usize], start: Pc) {
        for at in failing {
            match &mut self.ops[*at] {
                Op::Call { caught, .. } | Op::Fork { caught, .. } | Op::Copy(CopyOp::Failed { caught }) => {
                    *caught = Some(start);
                }
                Op::Transaction(op) => match &mut **op {
                    TransactionOp::Abort { caught, .. } | TransactionOp::FailedSaga { caught, .. } => {
                        *caught = Some(start);
                    }
                    _ => {}
                },
                _ => {}
            }
        }
    }

    /// Steps, and where they may fail.
    fn guarded(&mut self, steps: &[Step]) -> Vec<usize> {
        let outer = self.catching.replace(Vec::new());
        self.steps(steps);
        std::mem::replace(&mut self.catching, outer).unwrap_or_default()
    }

    /// The end of a way on which something has failed: the worker was given back where the wait began.
    fn ends_failing(&mut self, op: TransactionOp) {
        // Whoever handles the error takes the worker again.
        if self.gives_back() {
            self.ops.push(Op::Release);
        }
        let at = self.ops.len();
        self.ops.push(boxed(op));
        self.may_fail(at, None);
    }

    pub(super) fn transaction(&mut self, spec: &TransactionSpec) {
        let begin = self.here();
        self.ops.push(boxed(TransactionOp::Begin { database: spec.database, front: spec.front }));
        let outer = self.transaction.replace(spec.front);
        let mut failing = self.guarded(&spec.steps);
        let skip = self.ops.len();
        self.ops.push(boxed(TransactionOp::Skip(0)));
        let site = self.sites.commit(self.component, self.endpoint, spec.front);
        let commit = self.waiting(Op::Call { site, caught: None });
        failing.push(commit);
        self.transaction = outer;
        let end = self.here();
        self.ops[skip] = boxed(TransactionOp::Skip(end));
        self.ops.push(boxed(TransactionOp::End));
        let over = self.ops.len();
        self.ops.push(Op::Jump(0));
        let start = self.here();
        self.catch_at(&failing, start);
        let key = self.purpose(7, "transaction");
        let at = self.ops.len();
        let (attempts, backoff) = (spec.attempts, spec.backoff);
        self.ops.push(boxed(TransactionOp::Abort { begin, attempts, backoff, key, caught: None }));
        self.may_fail(at, None);
        if self.gives_back() {
            self.ops.push(Op::Seize);
        }
        self.ops.push(Op::Jump(begin));
        self.ops[over] = Op::Jump(self.here());
    }

    pub(super) fn saga(&mut self, saga: &[SagaStep]) {
        self.ops.push(boxed(TransactionOp::BeginSaga));
        let failing: Vec<Vec<usize>> = saga.iter().map(|step| self.guarded(&step.steps)).collect();
        self.ops.push(boxed(TransactionOp::EndSaga));
        let mut over = vec![self.ops.len()];
        self.ops.push(Op::Jump(0));
        // From the last step to the first: what fails there begins with undoing the one before it.
        let mut lost: Vec<usize> = Vec::new();
        for (at, failing) in failing.iter().enumerate().rev() {
            let entry = self.here();
            self.catch_at(failing, entry);
            if self.gives_back() {
                self.ops.push(Op::Seize);
            }
            self.ops.push(boxed(TransactionOp::FailSaga));
            for step in saga[..at].iter().rev() {
                let failing = self.guarded(&step.undo);
                lost.extend(failing);
            }
            self.ends_failing(TransactionOp::FailedSaga { undone: true, caught: None });
        }
        if !lost.is_empty() {
            let entry = self.here();
            self.catch_at(&lost, entry);
            let at = self.ops.len();
            self.ops.push(boxed(TransactionOp::FailedSaga { undone: false, caught: None }));
            self.may_fail(at, None);
        }
        let end = self.here();
        for jump in over.drain(..) {
            self.ops[jump] = Op::Jump(end);
        }
    }

    /// The role of a statement here.
    pub(super) fn is_statement(&self, target: ComponentId) -> bool {
        self.transaction == Some(target)
    }
}
