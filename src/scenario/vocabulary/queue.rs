//! Keys of queues, of workers, of the step `send`, and of clients that ask for their jobs.

use super::Absent::{Is, Required, Unset, Unverified};
use super::Takes::{
    Block, Cores, Count, Duration, Either, Flag, Name, Named, Number, Share, Size, Sizes, Text, Times, Word,
};
use super::shared::{STEPS, ZONES, key, with_call_options};
use super::steps::{FALLBACK, ON_ERROR};
use super::{KeyEntry, Takes};

const DURATION_OR_NONE: Takes = Either(&[Duration, Word(&["none"])]);
const COUNT_OR_NONE: Takes = Either(&[Count, Word(&["none", "unlimited"])]);
const SPAN: Takes = Either(&[Duration, Times]);
const ACK: &str = "when a message counts as done: its work has succeeded; its work begins; it is delivered";
const PREFETCH: Takes = Either(&[Count, Word(&["concurrency", "unlimited"])]);
const RETRY_DELAY: KeyEntry = key(
    "retry_delay",
    SPAN,
    Unset("at once, or when the lease ends"),
    "the pause before a message whose work has failed is delivered again: 5s, or 5s..10m, which doubles",
);
const MAX_RECEIVES: KeyEntry = key(
    "max_receives",
    COUNT_OR_NONE,
    Unset("without limit"),
    "deliveries of a message at most; then it goes to `dead_letter`, or is dropped where there is none",
);

pub(super) const BLOCKS: &[super::Block] = &[
    super::Block {
        name: "queue",
        about: "Keeps messages until their work is done: a work queue, each message acknowledged by itself.",
        keys: &[
            key("kind", Word(&["queue"]), Required, "what the component is"),
            key(
                "preset",
                Text,
                Unset("none"),
                "a product whose defaults hold where nothing else is written: sqs, rabbitmq-classic, ...",
            ),
            ZONES,
            key(
                "family",
                Word(&["work"]),
                Is("work"),
                "the kind of queue: `log` has keys of its own, see `log`",
            ),
            key("ack", Word(&["after", "before", "auto"]), Is("after"), ACK),
            key(
                "visibility",
                DURATION_OR_NONE,
                Unset("as long as its consumer lives"),
                "how long a delivered message stays with its consumer; unacknowledged it is delivered again then",
            ),
            key(
                "on_disconnect",
                Word(&["redeliver", "wait"]),
                Unset("wait with a `visibility`, else redeliver"),
                "what happens to the messages of a consumer that dies: delivered again at once, or when their lease ends",
            ),
            key("heartbeat", Duration, Is("60s"), "how long a consumer that is silent counts as alive"),
            key(
                "requeue",
                Word(&["front", "back"]),
                Is("front"),
                "where a message goes that is delivered again: before those that came later, or behind all",
            ),
            key(
                "late_ack",
                Word(&["accepted", "ignored"]),
                Is("accepted"),
                "whether an acknowledgement that comes after the lease still removes the message",
            ),
            key(
                "prefetch",
                PREFETCH,
                Is("concurrency"),
                "messages that an instance holds unacknowledged at most",
            ),
            MAX_RECEIVES,
            key(
                "dead_letter",
                Name("queue"),
                Unset("nowhere"),
                "the queue that gets what was delivered too often",
            ),
            key("delay", Times, Unset("none"), "time before a new message can be delivered"),
            RETRY_DELAY,
            key(
                "discipline",
                Word(&["fifo", "lifo", "priority"]),
                Is("fifo"),
                "who is next; `priority`: the smallest class of the request that sent the message",
            ),
            key(
                "group",
                Name("entity"),
                Unset("no groups"),
                "messages about the same row keep their order: one at a time is delivered",
            ),
            key(
                "ttl",
                DURATION_OR_NONE,
                Unset("for ever"),
                "how long a message is kept from its publication on, unless a consumer has it then",
            ),
            key("max_length", COUNT_OR_NONE, Unset("without limit"), "waiting messages at most"),
            key(
                "overflow",
                Word(&["drop_head", "reject", "block"]),
                Is("drop_head"),
                "in a full queue: the oldest gives way, the new one is refused, or its sender waits",
            ),
            key(
                "max_in_flight",
                COUNT_OR_NONE,
                Unset("without limit"),
                "delivered and unacknowledged messages at most; then nothing is delivered",
            ),
            key(
                "memory",
                Size,
                Unset("without limit"),
                "bytes of messages from which on senders wait (the broker's alarm)",
            ),
            key(
                "confirm",
                Flag,
                Is("true"),
                "whether a sender hears that its message was refused; if not, the message is dropped silently",
            ),
            key("publish_cost", Times, Unset("takes no time"), "time that publishing takes the sender"),
            key(
                "batch",
                Block("batch"),
                Unset("one by one"),
                "messages of one sender are published together",
            ),
            key(
                "durable",
                Flag,
                Is("true"),
                "whether messages survive the broker's process; in flight they are delivered again",
            ),
        ],
    },
    super::Block {
        name: "batch",
        about: "Messages of one sender's instance that are published together.",
        keys: &[
            key("max", Count, Is("10"), "so many are published at once"),
            key("linger", Duration, Is("5ms"), "how long the first waits for the others"),
        ],
    },
    super::Block {
        name: "worker",
        about: "Takes messages from a queue and works on them. What its steps draw (cpu, sleep, io) belongs to the message: done again it takes the same work.",
        keys: &[
            key("kind", Word(&["worker"]), Required, "what the component is"),
            key(
                "preset",
                Text,
                Unset("none"),
                "a product whose defaults hold where nothing else is written: celery, sidekiq, ...",
            ),
            key("from", Name("queue"), Required, "the queue"),
            key("instances", Count, Is("1"), "how many there are, at the start if there is `scale`"),
            key("scale", Block("scale"), Unset("always so many"), "how their number follows the queue"),
            ZONES,
            key("cpu", Cores, Is("1"), "cores of each instance, shared by its jobs"),
            key("concurrency", Count, Is("1"), "jobs at once in an instance"),
            key("steps", STEPS, Required, "what is done with a message"),
            key(
                "timeout",
                Duration,
                Unset("without limit"),
                "longest time for a job; then it is stopped, and has failed",
            ),
            key(
                "idempotent",
                Flag,
                Is("false"),
                "whether nothing is done for a message whose work is done already",
            ),
            key(
                "extend_every",
                Duration,
                Unset("never"),
                "how often an instance that lives extends the lease of what it has (a heartbeat)",
            ),
            key(
                "poll",
                Duration,
                Unset("the broker pushes, or a receive waits for a message"),
                "how long an instance that found nothing waits before it looks again",
            ),
            key(
                "poison",
                Either(&[Share, Block("poison")]),
                Unset("none"),
                "messages whose work always fails, after all of it was done",
            ),
            key(
                "shutdown",
                Block("shutdown"),
                Unset("its defaults"),
                "how an instance goes that is taken out",
            ),
            key("ack", Word(&["after", "before", "auto"]), Unset("as the queue says"), ACK),
            key(
                "prefetch",
                PREFETCH,
                Unset("as the queue says"),
                "messages that an instance holds unacknowledged at most",
            ),
            RETRY_DELAY,
            MAX_RECEIVES,
            key("io", Count, Unset("without limit"), "disk operations at once in an instance"),
            key(
                "local_cache",
                Named(&Block("local_cache")),
                Unset("none"),
                "caches inside each instance, by entity; steps name them `local`",
            ),
            key(
                "warm",
                Block("warm"),
                Unset("at once"),
                "how an instance that comes back is slower at first",
            ),
            key("pools", Named(&Block("pool")), Unset("none"), "connections to each target"),
        ],
    },
    super::Block {
        name: "poison",
        about: "Messages whose work always fails.",
        keys: &[
            key("share", Share, Is("0%"), "of all messages"),
            key(
                "crash",
                Duration,
                Unset("it does not"),
                "such a message kills its instance's process, which is back after this time",
            ),
        ],
    },
    super::Block {
        name: "shutdown",
        about: "How an instance of a worker goes that is taken out.",
        keys: &[
            key(
                "grace",
                Duration,
                Unverified("24h"),
                "time in which it ends what it has; it takes nothing new",
            ),
            key("requeue", Flag, Is("true"), "whether the rest goes back to the queue at once"),
        ],
    },
    super::Block {
        name: "scale",
        about: "The number of a worker's instances, by what waits at its queue: Kubernetes' rule on an external metric.",
        keys: &[
            key(
                "on",
                Word(&["backlog_per_instance", "oldest_age"]),
                Is("backlog_per_instance"),
                "what is measured",
            ),
            key(
                "target",
                Either(&[Number, Duration]),
                Required,
                "the value aimed at: messages for each instance, or an age",
            ),
            key("min", Count, Is("1"), "instances at least"),
            key("max", Count, Is("10"), "instances at most"),
            key("boot", Times, Unverified("60s"), "from the decision to a worker that works"),
            key("sync", Duration, Is("15s"), "from decision to decision"),
            key("lag", Duration, Is("0s"), "how late the metric is"),
            key("down_after", Duration, Is("300s"), "how long fewer must suffice before there are fewer"),
        ],
    },
    super::Block {
        name: "send",
        about: "Leaves a message in a queue, or a record in a log, until that has it; it carries the keys that the request has drawn so far. Into a log it is tried until `delivery_timeout`, unless it has a `deadline` or `retry` of its own.",
        keys: with_call_options!(
            [
                key("to", Name("queue"), Required, "the queue"),
                key("size", Sizes, Unset("nothing"), "bytes of the message"),
                key(
                    "outbox",
                    Either(&[Flag, Duration]),
                    Is("false"),
                    "the message is written with the row, and a relay publishes it: the time from one look to the next (1s)",
                ),
            ],
            [ON_ERROR, FALLBACK]
        ),
    },
    super::Block {
        name: "poll",
        about: "Asking for a job until it is done. Polls are load, and no requests in `offered`. With a webhook nobody asks: the worker's last step calls whoever is to hear, and the job is complete when that has answered.",
        keys: with_call_options!(
            [
                key(
                    "every",
                    SPAN,
                    Is("5s..30s"),
                    "the first pause and the longest one, which double: 5s..30s"
                ),
                key("until", Word(&["done"]), Is("done"), "what ends it"),
                key("give_up", Duration, Is("30m"), "when it ends without"),
            ],
            []
        ),
    },
];
