//! The bounds and durations that a deployment may change. What no deployment changes is a constant
//! where it is used.

use std::time::Duration;

/// How long tasks are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// How long a task is kept after its end; `None` for ever.
    pub ended: Option<Duration>,
    /// How long a task waits for its user before it is canceled; `None` for ever.
    pub waiting: Option<Duration>,
    /// How long after its expiry the sweep deletes a task. So no reader reads a task during its
    /// deletion, unless its clock is off by more than this.
    pub purge_after: Duration,
}

impl Retention {
    /// Tasks are kept for ever.
    pub const FOREVER: Self =
        Self { ended: None, waiting: None, purge_after: Duration::from_hours(1) };
}

/// The bounds and durations of tasks. The defaults fit AWS Lambda.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Policy {
    /// How long a lease lasts unless the runner renews it. After a runner dies, its task waits this
    /// long.
    pub lease: Duration,
    /// How often a runner checks during a turn whether its task was canceled. At most 2 s (I7).
    pub watch_every: Duration,
    /// How many claims a task may have without a committed turn (I10).
    pub max_attempts: u32,
    /// The wait before the second attempt; it doubles with each further one.
    pub retry_first: Duration,
    /// The longest wait between attempts.
    pub retry_most: Duration,
    /// How long a task waits if no agent serves its tenant, counted from its last status change.
    /// After that it runs like any other, and fails. Zero: it does not wait.
    pub unserved_wait: Duration,
    /// The time between two looks at such a task.
    pub unserved_look: Duration,
    /// How long a signal may take before the sweep sends another.
    pub signal_grace: Duration,
    /// How long before the end of the invocation the runner stops the agent.
    pub stop_margin: Duration,
    /// How long an agent may take to stop after it was told. Less than `stop_margin`.
    pub stop_grace: Duration,
    /// How long a request that waits for the result waits at most.
    pub blocking_wait: Duration,
    /// The first interval at which a waiting request reads its task. It grows by half each time.
    pub poll_first: Duration,
    /// The longest such interval.
    pub poll_most: Duration,
    /// The longest interval between a stream's reads of its task. It weighs the delay of an update
    /// against the cost of an idle stream.
    pub tail_poll_most: Duration,
    /// How long a stream waits for an agent that may answer with a direct message.
    pub direct_wait: Duration,
    /// The longest stream. Lambda does not tell when a client disconnects.
    pub max_stream: Duration,
    /// How many push configs a task may have.
    pub max_push_configs: usize,
    /// Whether the receiver of a new config is first sent the task as it is.
    pub push_task: bool,
    /// Whether receivers are sent artifacts, too, or only changes of status.
    pub push_artifacts: bool,
    /// The oldest view of a task by which a deliverer begins a push. A deliverer with an older view
    /// reads the task again first. If the store answers more slowly, the deliverer's claim names a
    /// longer time. A client that deletes or replaces a push config gets its answer when no
    /// deliverer's view can still have that config (I14).
    pub push_view: Duration,
    /// How long one attempt to push may take.
    pub push_timeout: Duration,
    /// How long a deliverer's claim of a task's pushes lasts, unless it is renewed. More than twice
    /// `push_timeout`: a deliverer begins no attempt that could outlast its claim.
    pub push_claim: Duration,
    /// How far the clocks of two functions may differ. A deliverer treats its claim as over this
    /// much earlier. If clocks differ by more, two deliverers may send the same push at once.
    pub clock_skew: Duration,
    /// After how many pushes in a row a deliverer writes the cursor of a healthy receiver. If the
    /// deliverer dies, the unwritten ones are repeated under the same ids. At least 1.
    pub push_note_every: u32,
    /// The waits between the attempts at a receiver in trouble. After the last failed attempt the
    /// config is disabled.
    pub push_waits: Vec<Duration>,
    /// The longest wait that a receiver may ask for.
    pub push_wait_most: Duration,
    /// A task of more bytes is pushed without its history and artifacts. Its receiver must read
    /// them.
    pub push_task_bytes: usize,
    /// How long a deliverer begins further deliveries after everything else is done, for receivers
    /// that are slow or have many pushes left. Then it sends a signal for the rest.
    pub push_linger: Duration,
    /// The most bytes of artifact chunks that are pushed as one, unless a single chunk is larger.
    pub push_bytes: usize,
    /// The most chunks of an artifact that are pushed as one.
    pub push_chunks: usize,
    /// How many tasks a sweep delivers for in parallel.
    pub push_at_once: usize,
    /// How many updates of an agent may wait for their commit. After that the agent waits.
    pub update_buffer: usize,
    /// The least time between two commits of updates. Updates in between share the next commit. An
    /// end, and a caller that waits until its update is stored, are committed at once.
    pub commit_every: Duration,
    /// The most updates that share a commit.
    pub updates_per_commit: usize,
    /// The most bytes of updates that share a commit, unless a single update is larger.
    pub commit_bytes: usize,
    /// How often a commit is tried while other writers are faster.
    pub commit_tries: u32,
    /// How often the engine tries a request to an unavailable store. The store's client has its own
    /// retries.
    pub store_tries: u32,
    /// The largest log entry (a message, an update), in bytes as stored.
    pub max_entry_bytes: usize,
    /// The most entries that a task's log may have.
    pub max_entries: u64,
    /// The most bytes of a task's stored log, plus one commit. A task must fit into a function's
    /// answer, which Lambda limits to 6 MB.
    pub max_task_bytes: u64,
    /// How many turns a task may take without a new message (I10). It stops an agent that only ever
    /// continues.
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
    /// How long the store keeps the memory and the session of a conversation after their last write;
    /// `None` for ever.
    pub memory_life: Option<Duration>,
    /// The largest item of memory, in bytes of JSON.
    pub max_memory_item_bytes: usize,
    /// The most bytes of items that are appended to memory at once.
    pub max_memory_append_bytes: usize,
    /// The most bytes of items that are loaded from memory at once.
    pub max_memory_load_bytes: usize,
    /// The most items that are loaded from memory at once.
    pub max_memory_items: usize,
    /// The most tasks whose histories stand for a memory without items.
    pub max_memory_tasks: usize,
    /// The largest session value, in bytes of JSON.
    pub max_session_bytes: usize,
    /// How many bytes of tasks a page of `ListTasks` holds before it ends early.
    pub list_page_bytes: usize,
    /// Whether a message with a `messageId` that the owner has used before is a repetition, as if
    /// the id were its `Idempotency-Key`. Off by default: A2A leaves deduplication to agents (spec
    /// section 3.3.1), and some clients number the messages of each task from the start.
    pub deduplicate_messages: bool,
    /// How many due tasks of a shard a sweep reads at a time.
    pub sweep_batch: usize,
    /// How long tasks are kept. `None` writes items that an earlier release can read: such tasks
    /// last for ever, and the names of their items do not tell the tasks of one id apart.
    pub retention: Option<Retention>,
    /// The most items of one task that a sweep deletes. The next sweep continues.
    pub purge_items: usize,
}

/// About 71 hours for 12 attempts, each with up to a tenth more by chance. A receiver that went
/// down on Friday evening is still tried on Monday.
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
            memory_life: Some(Duration::from_hours(90 * 24)),
            max_memory_item_bytes: 64 * 1024,
            max_memory_append_bytes: 256 * 1024,
            max_memory_load_bytes: 1024 * 1024,
            max_memory_items: 1_000,
            max_memory_tasks: 16,
            max_session_bytes: 32 * 1024,
            list_page_bytes: 3 * 1024 * 1024,
            deduplicate_messages: false,
            sweep_batch: 100,
            retention: None,
            purge_items: 2_000,
        }
    }
}

/// The retries of a failed turn.
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
    /// The wait after failed attempt number `attempt` (from 1): exponential, without jitter,
    /// because tasks that fail together were not submitted together.
    pub fn after(&self, attempt: u32) -> Duration {
        let doublings = attempt.saturating_sub(1).min(20);
        self.first.saturating_mul(1 << doublings).min(self.most)
    }
}

impl Policy {
    /// The retries of agents that do not set their own ([`Agent::retries`](crate::Agent::retries)).
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
