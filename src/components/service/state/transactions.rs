//! Transactions and sagas of an endpoint: their beginnings, ends and failures.

use super::Service;
use crate::engine::{CallId, Context, Observation, Op, Probe, Reason, Transacted, TransactionOp};

/// Most doublings of a pause.
const DOUBLINGS: u32 = 30;

impl Service {
    /// Does what the instruction says that a call has just passed; false if the call has ended, or waits.
    pub(super) fn transact<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) -> bool {
        let at = usize::from(cx.call(id).pc).wrapping_sub(1);
        let Some(Op::Transaction(op)) = self.program.ops.get(at) else { return true };
        match &**op {
            TransactionOp::Begin { database, front } => cx.begin_transaction(id, *database, *front),
            TransactionOp::Skip(to) => {
                if !cx.has_statements(id) {
                    cx.call_mut(id).pc = *to;
                }
            }
            TransactionOp::End => cx.end_transaction(id),
            TransactionOp::Abort { attempts, backoff, key, caught, .. } => {
                let outcome = cx.call(id).outcome;
                let (attempts, backoff, key, caught) = (*attempts, *backoff, *key, *caught);
                let made = cx.roll_back(id);
                cx.observe(Observation::Transaction { what: Transacted::RolledBack });
                // What the database itself has rolled back may go better the next time.
                let passing =
                    matches!(outcome.reason, Reason::Deadlock | Reason::LockTimeout | Reason::RolledBack);
                if passing && made < attempts {
                    let (first, most) = backoff;
                    let doubled = first.times(1 << u32::from(made.saturating_sub(1)).min(DOUBLINGS));
                    let luck = key.join(cx.luck(id)).with(u64::from(made));
                    let pause = doubled.min(most).mul_f64(luck.draws().unit());
                    if pause.is_zero() {
                        return true;
                    }
                    cx.serve(id, pause);
                    return false;
                }
                cx.forget_transaction(id);
                return self.fails(id, outcome, caught, cx);
            }
            TransactionOp::BeginSaga => cx.begin_saga(id),
            TransactionOp::EndSaga => {
                cx.end_saga(id);
            }
            TransactionOp::FailSaga => {
                let outcome = cx.call(id).outcome;
                cx.fail_saga(id, outcome);
            }
            TransactionOp::FailedSaga { undone, caught } => {
                let (undone, caught) = (*undone, *caught);
                let what = if undone { Transacted::Compensated } else { Transacted::LeftHalfDone };
                cx.observe(Observation::Transaction { what });
                let last = cx.call(id).outcome;
                let outcome = cx.end_saga(id).unwrap_or(last);
                return self.fails(id, outcome, caught, cx);
            }
        }
        true
    }

    /// An error: the call goes on where that is handled, or ends.
    fn fails<P: Probe>(
        &mut self,
        id: CallId,
        outcome: crate::engine::Outcome,
        caught: Option<u16>,
        cx: &mut Context<'_, P>,
    ) -> bool {
        let Some(caught) = caught else {
            self.end(id, outcome, 0, cx);
            return false;
        };
        let call = cx.call_mut(id);
        (call.pc, call.outcome) = (caught, outcome);
        true
    }
}
