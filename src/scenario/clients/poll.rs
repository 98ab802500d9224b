//! `poll:` of a client.

use crate::base::SimDuration;
use crate::components::service::spec::CallOptions;
use crate::document::{Code, Diagnostics, Place, quantity};
use crate::scenario::components::{read_options, read_span};
use crate::scenario::fields::{Fields, entries};
use crate::scenario::model::PollSpec;

/// Azure's pattern of asynchronous request and reply has no default; these are common practice.
const EVERY: (SimDuration, SimDuration) = (SimDuration::from_secs(5), SimDuration::from_secs(30));
const GIVE_UP: SimDuration = SimDuration::from_secs(30 * 60);

/// The endpoint that is asked, and where it is named.
pub(super) fn read(
    fields: &mut Fields<'_>,
    defaults: &CallOptions,
    found: &mut Diagnostics,
) -> Option<(PollSpec, Place)> {
    let all = entries(fields.get("poll"), "`poll`", found);
    let (key, node) = all.first()?;
    if let Some((second, _)) = all.get(1) {
        let help = "what is sent to different queues can be asked for at one endpoint; other clients can ask another";
        found.add(Code::Conflict, second.place, "a client asks one endpoint for its jobs", help);
    }
    let mut poll = Fields::of(node, "a poll", found);
    let every = poll.get("every").and_then(|node| read_span(node, found)).unwrap_or(EVERY);
    if every.0.is_zero() {
        let message = "who asks again without any pause never stops asking";
        found.add(Code::OutOfRange, node.place, message, "write `every: 5s..30s`");
    }
    poll.choice("until", &[("done", ())], found);
    let give_up = poll.read("give_up", quantity::duration, found).unwrap_or(GIVE_UP);
    let options = read_options(&mut poll, found).or(defaults);
    poll.finish(found);
    Some((PollSpec { endpoint: key.name.clone(), every, give_up, options }, key.place))
}
