//! The numbers: how long, how often, how much. Every loop, wait and buffer has its bound here.

use std::time::Duration;

/// How long tasks are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// How long a task is kept after its end; `None` for ever.
    pub ended: Option<Duration>,
    /// How long a task waits for its user; then it is canceled. `None` for ever.
    pub waiting: Option<Duration>,
    /// How long after its time a task is deleted that the sweep deletes. So no reader whose clock
    /// is off by less reads a task while it is being deleted.
    pub purge_after: Duration,
}

impl Retention {
    /// That tasks are kept for ever.
    pub const FOREVER: Self =
        Self { ended: None, waiting: None, purge_after: Duration::from_hours(1) };
}

/// The numbers that rule the life of tasks. The defaults fit AWS Lambda.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// How long a lease lasts unless it is renewed. A dead runner's task waits this long.
    pub lease: Duration,
    /// How often a running turn looks whether its task was called off. At most 2 s (I7).
    pub watch_every: Duration,
    /// How many claims a task may have without a committed turn (I10).
    pub max_attempts: u32,
    /// The wait before the second attempt; it doubles with each further one.
    pub retry_first: Duration,
    /// The longest wait between attempts.
    pub retry_most: Duration,
    /// How long a task of a tenant that no agent serves waits for one, since its status last changed.
    /// After that it is run like any other, and fails. Zero if it does not wait.
    pub unserved_wait: Duration,
    /// The time between two looks at such a task.
    pub unserved_look: Duration,
    /// How long a signal may take before the sweep sends another.
    pub signal_grace: Duration,
    /// How long before the invocation's end the runner stops the agent.
    pub stop_margin: Duration,
    /// How long an agent that was told to stop may take. Less than `stop_margin`.
    pub stop_grace: Duration,
    /// How long a sender that waits for the answer is kept waiting.
    pub blocking_wait: Duration,
    /// The first interval at which a waiting request looks at its task; it grows by half each time.
    pub poll_first: Duration,
    /// The longest such interval.
    pub poll_most: Duration,
    /// The longest time between a stream's looks at its task: the client's delay of an update
    /// against the cost of an idle stream.
    pub tail_poll_most: Duration,
    /// How long a stream is held back for an agent that may answer with a direct message.
    pub direct_wait: Duration,
    /// The longest stream: Lambda does not tell when a client has gone away.
    pub max_stream: Duration,
    /// How many push configs a task may have.
    pub max_push_configs: usize,
    /// Whether a config is sent the task as it is when the config is made.
    pub push_task: bool,
    /// Whether configs are sent artifacts, or changes of status only.
    pub push_artifacts: bool,
    /// The most age of a deliverer's view of a task when it begins a push: it reads an older view
    /// again first. Where the store takes longer to answer, the deliverer's claim names a longer
    /// time. A client that deletes or replaces a push config gets the answer when no deliverer can
    /// know it any more (I14).
    pub push_view: Duration,
    /// How long one attempt to push may take.
    pub push_timeout: Duration,
    /// How long a deliverer's claim of a task's pushes lasts, unless it is renewed. More than twice
    /// `push_timeout`: no attempt is begun that could outlast it.
    pub push_claim: Duration,
    /// How far the clocks of two functions may differ. A deliverer takes its claim to end this much
    /// earlier. If clocks differ by more, two deliverers may send the same at once.
    pub clock_skew: Duration,
    /// How many pushes in a row are made before the cursor of a healthy receiver is written. If their
    /// deliverer dies, they are made again, under the same ids. At least 1.
    pub push_note_every: u32,
    /// The waits between the attempts at a receiver in trouble. After the last attempt its config is
    /// disabled.
    pub push_waits: Vec<Duration>,
    /// The longest wait that a receiver may ask for.
    pub push_wait_most: Duration,
    /// A task of more than this many bytes is pushed without its history and artifacts, which its
    /// receiver must read.
    pub push_task_bytes: usize,
    /// How long after everything else is done deliveries are begun, to receivers that are slow or
    /// have much to come. Then a signal is sent for the rest.
    pub push_linger: Duration,
    /// How many bytes of artifact chunks are pushed as one, at most, unless a single one is larger.
    pub push_bytes: usize,
    /// How many chunks of an artifact are pushed as one, at most.
    pub push_chunks: usize,
    /// How many tasks a sweep delivers for at a time.
    pub push_at_once: usize,
    /// How many updates of an agent may wait for their commit; an agent that shows more waits.
    pub update_buffer: usize,
    /// How soon a commit of updates follows the one before it: what is shown meanwhile shares it. An
    /// end, and who waits for what was shown to be stored, wait for nothing.
    pub commit_every: Duration,
    /// How many updates share a commit, at most.
    pub updates_per_commit: usize,
    /// How many bytes of updates share a commit, at most, unless a single one is larger.
    pub commit_bytes: usize,
    /// How often a commit is tried again when another writer was faster.
    pub commit_tries: u32,
    /// How often a request to an unavailable store is repeated, beside the repetitions of the
    /// store's client.
    pub store_tries: u32,
    /// The largest log entry (a message, an update), in bytes as stored.
    pub max_entry_bytes: usize,
    /// The most entries that a task's log may have.
    pub max_entries: u64,
    /// The most bytes of a task's stored log, plus one commit. A task must fit into the answer of a
    /// function, which on Lambda has 6 MB.
    pub max_task_bytes: u64,
    /// How many turns a task may take that no message begins (I10): an agent that only ever continues
    /// is stopped.
    pub max_turns: u32,
    /// The largest checkpoint, in bytes.
    pub max_checkpoint_bytes: usize,
    /// The URL of the function that takes the answers to callbacks; `None` if there is none.
    pub callback_url: Option<String>,
    /// Whether scopes may stay open from turn to turn, and steps be recorded. `false` where items are
    /// written that an earlier release reads.
    pub scopes: bool,
    /// How many records of steps and callbacks a scope may have (I10).
    pub max_steps: usize,
    /// The largest result of a step, in bytes of JSON.
    pub max_step_bytes: usize,
    /// The most bytes of records that a scope may have.
    pub max_scope_bytes: usize,
    /// How long a scope with records may last. The store keeps a record a week longer than this.
    pub scope_life: Duration,
    /// How many bytes of tasks a page of `ListTasks` holds before it ends early.
    pub list_page_bytes: usize,
    /// Whether a message with a `messageId` that the owner has used before is a repetition, as if
    /// the id were its `Idempotency-Key`. Off by default: A2A leaves deduplication to agents (spec
    /// section 3.3.1), and some clients number their messages from the start in each task.
    pub deduplicate_messages: bool,
    /// How many due tasks a sweep reads at a time, for each shard.
    pub sweep_batch: usize,
    /// How long tasks are kept. `None` for items that an earlier release can read: tasks then last
    /// for ever, and the names of items do not tell the tasks of one id apart.
    pub retention: Option<Retention>,
    /// How many items of one task a sweep deletes at most. The next one goes on.
    pub purge_items: usize,
}

/// Some 71 hours for 12 attempts, each with up to a tenth more by chance: a receiver that went down
/// on Friday evening is still tried on Monday.
fn push_waits() -> Vec<Duration> {
    let (secs, mins, hours) = (Duration::from_secs, Duration::from_mins, Duration::from_hours);
    [secs(5), secs(30), mins(2), mins(10), hours(1)]
        .into_iter()
        .chain([3, 8, 12, 14, 16, 17].map(hours))
        .collect()
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(30),
            watch_every: Duration::from_millis(1_500),
            max_attempts: 5,
            retry_first: Duration::from_secs(1),
            retry_most: Duration::from_mins(5),
            unserved_wait: Duration::ZERO,
            unserved_look: Duration::from_mins(10),
            signal_grace: Duration::from_mins(1),
            stop_margin: Duration::from_secs(5),
            stop_grace: Duration::from_secs(2),
            blocking_wait: Duration::from_secs(25),
            poll_first: Duration::from_millis(20),
            poll_most: Duration::from_secs(1),
            tail_poll_most: Duration::from_millis(200),
            direct_wait: Duration::from_secs(1),
            max_stream: Duration::from_mins(15),
            max_push_configs: 16,
            push_task: true,
            push_artifacts: true,
            push_view: Duration::from_millis(400),
            push_timeout: Duration::from_secs(10),
            push_claim: Duration::from_secs(30),
            clock_skew: Duration::from_secs(1),
            push_note_every: 8,
            push_waits: push_waits(),
            push_wait_most: Duration::from_hours(24),
            push_task_bytes: 1024 * 1024,
            push_linger: Duration::from_secs(10),
            push_bytes: 128 * 1024,
            push_chunks: 64,
            push_at_once: 8,
            update_buffer: 64,
            commit_every: Duration::from_millis(150),
            updates_per_commit: 64,
            commit_bytes: 128 * 1024,
            commit_tries: 16,
            store_tries: 4,
            max_entry_bytes: 350 * 1024,
            max_entries: 10_000,
            max_task_bytes: 4 * 1024 * 1024,
            max_turns: 10_000,
            max_checkpoint_bytes: 32 * 1024,
            callback_url: None,
            scopes: true,
            max_steps: 256,
            max_step_bytes: 350 * 1024,
            max_scope_bytes: 4 * 1024 * 1024,
            scope_life: Duration::from_hours(30 * 24),
            list_page_bytes: 3 * 1024 * 1024,
            deduplicate_messages: false,
            sweep_batch: 100,
            retention: None,
            purge_items: 2_000,
        }
    }
}

/// How a turn that failed is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retries {
    /// How many claims a task may have without a committed turn (I10); at least 1.
    pub max_attempts: u32,
    /// The wait before the second attempt; it doubles with each further one.
    pub first: Duration,
    /// The longest wait between attempts.
    pub most: Duration,
}

impl Retries {
    /// The wait after failed attempt number `attempt` (from 1): exponential, without jitter, as
    /// the tasks that fail together were not submitted together.
    pub fn after(&self, attempt: u32) -> Duration {
        let doublings = attempt.saturating_sub(1).min(20);
        self.first.saturating_mul(1 << doublings).min(self.most)
    }
}

impl Policy {
    /// How the turns of agents are tried again that do not say it themselves
    /// ([`Agent::retries`](crate::Agent::retries)).
    pub fn retries(&self) -> Retries {
        let Self { max_attempts, retry_first: first, retry_most: most, .. } = *self;
        Retries { max_attempts, first, most }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_limit() {
        let retries = Policy::default().retries();
        let waits = [1, 2, 3, 9, 10, 4_000_000_000].map(|n| retries.after(n).as_secs());
        assert_eq!(waits, [1, 2, 4, 256, 300, 300]);
    }

    #[test]
    fn the_defaults_keep_the_promises() {
        let policy = Policy::default();
        assert!(policy.watch_every <= Duration::from_secs(2), "I7");
        assert!(policy.stop_grace < policy.stop_margin);
        assert!(policy.lease > 2 * policy.watch_every);
        assert!(policy.push_claim > 2 * (policy.push_timeout + policy.clock_skew), "I6");
    }
}
