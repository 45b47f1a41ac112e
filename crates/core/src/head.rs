//! The head: a task's current state in one small item.

use std::time::Duration;

use a2a_lambda_protocol::{Json, TaskState, Timestamp};

use crate::attempts::Attempts;
use crate::ids::{
    ClaimToken, ConfigId, ContextId, Fence, Generation, Incarnation, LeaseToken, Owner, Position,
    Registration, Revision, TaskKey, WriteId,
};
use crate::policy::Retention;
use crate::push::mark::{Mark, Pushes};
use crate::request_key::Fingerprint;
use crate::trace::TraceContext;

/// How many idempotency keys of follow-up messages a task remembers.
pub const MAX_REMEMBERED_KEYS: usize = 4;

/// The longest view that a deliverer can have. It must leave time for the rest of an attempt.
pub const MAX_PUSH_VIEW: Duration = Duration::from_secs(5);

/// The longest time for which lists show a claimed task as submitted, while its runner lives. A turn
/// that ends before moves the task in lists once and not twice: that saves two write units.
pub const LISTED_WITHIN: Duration = Duration::from_secs(1);

/// Every store must keep a log of up to this many bytes, and four more for each entry, in the head.
pub const INLINE_LOG_BYTES: u64 = 2 * 1_024;

/// A task's current state, without its log.
///
/// It is data: a store writes it down and reads it back. Only [`Head::apply`] decides its next
/// state.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent facts")]
pub struct Head {
    /// The task's tenant and id.
    pub key: TaskKey,
    /// The principal that created the task. Only the owner sees it.
    pub owner: Owner,
    /// The conversation that the task belongs to.
    pub context: ContextId,
    /// When the task was accepted.
    pub created_at: Timestamp,
    /// Tells the tasks of this id apart; `None` if it was created while the store wrote for an
    /// earlier release.
    pub incarnation: Option<Incarnation>,
    /// The number of the newest log entry.
    pub position: Position,
    /// The number of the newest event that clients are sent.
    pub generation: Generation,
    /// The number of the newest commit.
    pub revision: Revision,
    /// The id of the newest commit.
    pub write: WriteId,
    /// The task's phase.
    pub phase: Phase,
    /// How large the log is, in bytes of JSON.
    pub log_bytes: u64,
    /// When the status last changed, as clients see it.
    pub status_at: Timestamp,
    /// When the task was submitted, if lists still show it as submitted although it runs. A claim
    /// does not move the task in lists: the runner's next commit does, at most [`LISTED_WITHIN`] later.
    pub listed_as_submitted: Option<Timestamp>,
    /// How often the task was claimed.
    pub fence: Fence,
    /// How often it was claimed since a turn was last committed.
    pub attempt: u32,
    /// How many of these claims ended with their lease and without a result: the runner died.
    pub deaths: u32,
    /// How many turns were committed.
    pub turn: u32,
    /// How many of them were committed in the open scope. The runner gives each turn of a scope the
    /// same messages, and the same records of steps; see [`steps`](crate::steps).
    pub scope_turns: u32,
    /// Whether a callback was answered since the present turn began: the turn does not wait when it
    /// parks.
    pub woken: bool,
    /// The newest attempts. They decide nothing: they are for those who look.
    pub attempts: Attempts,
    /// The newest log entry whose messages a committed turn has received.
    pub consumed: Position,
    /// The newest log entry whose messages the present turn receives. The first attempt fixes it,
    /// so that each attempt gets the same messages.
    pub given: Position,
    /// The newest log entry that is a user's message.
    pub last_message: Position,
    /// Whether the agent has shown anything of its work yet.
    pub emitted: bool,
    /// The sender waits for the answer until this time, and has not seen the task yet; `None` if it
    /// saw the task at once.
    pub sender_waits_until: Option<Timestamp>,
    /// The agent's checkpoint for its next turn.
    pub checkpoint: Option<Json>,
    /// The time of the next visit by the sweep, for the task or its pushes; the key of the due
    /// index.
    pub due: Option<Timestamp>,
    /// The state of its pushes, if it has, or had, push configs.
    pub pushes: Option<Pushes>,
    /// The idempotency key and content of the request that created the task.
    pub request: Option<Fingerprint>,
    /// The newest follow-up messages that came under idempotency keys, at most
    /// [`MAX_REMEMBERED_KEYS`].
    pub follow_ups: Vec<FollowUp>,
    /// Whether the store may have more items of the task than its head and its log name: former
    /// push configs, or the remains of an earlier task of the id.
    pub has_leftovers: bool,
    /// The time after which the store may delete the head by itself, in whole seconds, if the task
    /// has no other item.
    pub ttl: Option<Timestamp>,
    /// Whether an operator has deleted the task: it is invisible, and the store deletes its items.
    pub is_deleted: bool,
    /// The task's trace: that of the request that created it. An actor that works on the task by
    /// itself continues this trace. `None` like the incarnation, or if the request had no trace.
    pub trace: Option<TraceContext>,
}

/// A follow-up message that came under an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowUp {
    /// The idempotency key and the content.
    pub request: Fingerprint,
    /// The message's log entry.
    pub position: Position,
}

/// The phase of a task. See the diagram in [`machine`](crate::machine).
#[derive(Debug, Clone, PartialEq)]
pub enum Phase {
    /// Accepted; no agent has been given it yet.
    Submitted,
    /// An agent is at work under a lease.
    Running {
        /// The lease's secret.
        token: LeaseToken,
        /// When the lease ends unless it is renewed.
        until: Timestamp,
    },
    /// Unfinished, but without a runner: until a retry, a continuation or a wake time.
    Waiting {
        /// When it may be claimed.
        until: Timestamp,
    },
    /// Waiting for its user.
    Interrupted {
        /// The reason for the wait.
        interruption: Interruption,
        /// The user's time to answer; `None` for any time.
        patience: Option<Patience>,
    },
    /// Over, for good (invariant I1).
    Ended(Ending),
}

/// The condition of an interrupted task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interruption {
    /// More input.
    InputRequired,
    /// Credentials.
    AuthRequired,
}

/// How long an interrupted task waits for its user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Until when.
    pub until: Timestamp,
    /// The consequence.
    pub then: Impatience,
}

/// The consequence for a task whose user did not answer in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Impatience {
    /// The agent goes on, with no new message.
    Wake,
    /// The task fails, and says why.
    Fail,
}

/// The end of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The agent did it.
    Completed,
    /// The agent answered with a direct message, which is the message of the last status. Clients
    /// that have seen the task see it as completed.
    Answered,
    /// It went wrong.
    Failed,
    /// Its user called it off.
    Canceled,
    /// The agent would not do it.
    Rejected,
}

impl Head {
    /// The state that clients see.
    pub fn state(&self) -> TaskState {
        self.phase.state()
    }

    /// The state that lists show.
    pub fn listed_state(&self) -> TaskState {
        self.listed_as_submitted.map_or(self.state(), |_| TaskState::Submitted)
    }

    /// The time of the status that lists show; the order of `ListTasks`.
    pub fn listed_at(&self) -> Timestamp {
        self.listed_as_submitted.unwrap_or(self.status_at)
    }

    /// Whether the task is over.
    pub fn is_terminal(&self) -> bool {
        matches!(self.phase, Phase::Ended(_))
    }

    /// Whether the task was canceled after an agent had been given it.
    pub fn was_canceled_at_work(&self) -> bool {
        matches!(self.phase, Phase::Ended(Ending::Canceled)) && self.fence > Fence::default()
    }

    /// Whether the agent answered with a direct message.
    pub fn is_direct(&self) -> bool {
        matches!(self.phase, Phase::Ended(Ending::Answered))
    }

    /// How long the user may take, if the task waits for its user and not for ever.
    pub fn patience(&self) -> Option<Patience> {
        match self.phase {
            Phase::Interrupted { patience, .. } => patience,
            _ => None,
        }
    }

    /// Whether the task is over, or waits for its user.
    pub fn is_settled(&self) -> bool {
        matches!(self.phase, Phase::Interrupted { .. } | Phase::Ended(_))
    }

    /// Whether a task certainly exists: its agent has shown something, or has ended its first turn
    /// without a direct message.
    pub fn is_decided(&self) -> bool {
        self.emitted || self.turn > 0 || self.is_settled()
    }

    /// The number of the open scope, or of the next one: how many turns were committed before it.
    pub fn scope(&self) -> u32 {
        self.turn.saturating_sub(self.scope_turns)
    }

    /// Whether there are messages that no scope was given, of those that are over.
    pub fn has_mail(&self) -> bool {
        self.last_message > self.consumed
    }

    /// Whether `ListTasks` shows the task, unless it has expired. It shows all tasks but those
    /// whose agent answered with a direct message, so that the sender never saw a task.
    pub fn is_listed(&self) -> bool {
        let is_hidden = self.is_direct() && self.sender_waits_until.is_some();
        !is_hidden && !self.is_deleted
    }

    /// The time at which the task expires: ended tasks are kept for a time. `None` if that time has
    /// not begun, or is for ever.
    pub fn expires_at(&self, retention: Option<&Retention>) -> Option<Timestamp> {
        if self.is_deleted {
            return Some(Timestamp::MIN);
        }
        let keep = retention?.ended.filter(|_| self.is_terminal())?;
        Some(self.status_at.saturating_add(keep))
    }

    /// Whether the task has expired, even if the store still has items of it.
    pub fn is_expired(&self, now: Timestamp, retention: Option<&Retention>) -> bool {
        self.expires_at(retention).is_some_and(|at| at <= now)
    }

    /// When the task has waited for its user for long enough, if it waits.
    pub fn lapses_at(&self, retention: Option<&Retention>) -> Option<Timestamp> {
        let most =
            retention?.waiting.filter(|_| matches!(self.phase, Phase::Interrupted { .. }))?;
        Some(self.status_at.saturating_add(most))
    }

    /// Whether the store certainly has only the head: the log is in it, and the task never had push
    /// configs.
    pub fn is_alone(&self) -> bool {
        let log = self.log_bytes.saturating_add(self.position.0.saturating_mul(4));
        log <= INLINE_LOG_BYTES && self.pushes.is_none() && !self.has_leftovers
    }

    /// Whether `token` is the lease under which the task is now run.
    pub fn is_held_by(&self, token: &LeaseToken) -> bool {
        matches!(&self.phase, Phase::Running { token: held, .. } if held == token)
    }

    /// The message that was accepted under an idempotency key, and its log entry, as far as the
    /// task remembers.
    pub fn accepted(&self, request: &Fingerprint) -> Option<(&Fingerprint, Position)> {
        let first = self.request.iter().map(|request| (request, Position(1)));
        let later = self.follow_ups.iter().map(|later| (&later.request, later.position));
        first.chain(later).find(|(before, _)| before.key == request.key)
    }

    /// Whether a runner died at the present turn, perhaps because of it. Such a task runs alone, so
    /// that it kills no other task.
    pub fn is_suspect(&self, now: Timestamp) -> bool {
        let died_now = self.leased_until().is_some_and(|until| until <= now);
        !self.is_terminal() && (self.deaths > 0 || died_now)
    }

    /// Whether the task itself needs no visit: it has ended, or waits for its user without a limit.
    pub fn rests(&self) -> bool {
        match self.phase {
            Phase::Interrupted { patience, .. } => patience.is_none(),
            Phase::Ended(_) => true,
            Phase::Submitted | Phase::Running { .. } | Phase::Waiting { .. } => false,
        }
    }

    /// The push configs that are live.
    pub fn registrations(&self) -> &[Registration] {
        self.pushes.as_ref().map_or(&[], |pushes| &pushes.configs)
    }

    /// The registration of the config with this id, if the task has it.
    pub fn registration(&self, id: &ConfigId) -> Option<&Registration> {
        self.registrations().iter().find(|registration| registration.is_of(id))
    }

    /// Whether a deliverer has the pending-push mark, or had it when its claim expired: it may be
    /// about to begin a push.
    pub fn may_be_pushed_now(&self) -> bool {
        matches!(self.mark(), Some(Mark::Claimed { .. }))
    }

    /// The position and generation up to which the receiver has acknowledged everything, if the
    /// settlement of the task's only delivery implies them. That is so if the task has ended, its
    /// config is the one that it began with, and no other action on pushes has followed. It applies
    /// to a config that is stored without trouble and without a batch; any other config has its own
    /// cursor.
    pub fn pushed_through(&self) -> Option<(Position, Generation)> {
        let pushes = self.pushes.as_ref()?;
        let is_settled = self.is_terminal() && pushes.mark.is_none() && pushes.is_first_delivery();
        is_settled.then_some((self.position, self.generation))
    }

    /// The pending-push mark, if the task has open pushes.
    pub fn mark(&self) -> Option<&Mark> {
        self.pushes.as_ref().and_then(|pushes| pushes.mark.as_ref())
    }

    /// Whether the task has open pushes that are due and unclaimed.
    pub fn has_free_push(&self, now: Timestamp) -> bool {
        self.mark().is_some_and(|mark| mark.free_from(now) <= now)
    }

    /// The end of the claim by which `token` delivers, if it does.
    pub fn pushed_until(&self, token: &ClaimToken) -> Option<Timestamp> {
        match self.mark() {
            Some(Mark::Claimed { token: held, until }) if held.is_of_same_holder(token) => {
                Some(*until)
            }
            _ => None,
        }
    }

    /// The oldest view of the task by which a deliverer may begin a push: `usual`, unless its claim
    /// says otherwise. `None` if no deliverer may be about to begin one.
    pub fn push_view(&self, usual: Duration) -> Option<Duration> {
        match self.mark() {
            Some(Mark::Claimed { token, .. }) => {
                let own = token.view().unwrap_or(usual);
                Some(own.clamp(usual, usual.max(MAX_PUSH_VIEW)))
            }
            _ => None,
        }
    }

    /// The end of the present lease, if there is one.
    pub fn leased_until(&self) -> Option<Timestamp> {
        match &self.phase {
            Phase::Running { until, .. } => Some(*until),
            _ => None,
        }
    }
}

impl Phase {
    /// The state that clients see.
    pub fn state(&self) -> TaskState {
        match self {
            Self::Submitted => TaskState::Submitted,
            Self::Running { .. } | Self::Waiting { .. } => TaskState::Working,
            Self::Interrupted { interruption: Interruption::InputRequired, .. } => {
                TaskState::InputRequired
            }
            Self::Interrupted { interruption: Interruption::AuthRequired, .. } => {
                TaskState::AuthRequired
            }
            Self::Ended(Ending::Completed | Ending::Answered) => TaskState::Completed,
            Self::Ended(Ending::Failed) => TaskState::Failed,
            Self::Ended(Ending::Canceled) => TaskState::Canceled,
            Self::Ended(Ending::Rejected) => TaskState::Rejected,
        }
    }

    /// The phase's name, for errors and logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::Running { .. } => "running",
            Self::Waiting { .. } => "waiting",
            Self::Interrupted { interruption: Interruption::InputRequired, .. } => "input-required",
            Self::Interrupted { interruption: Interruption::AuthRequired, .. } => "auth-required",
            Self::Ended(Ending::Completed | Ending::Answered) => "completed",
            Self::Ended(Ending::Failed) => "failed",
            Self::Ended(Ending::Canceled) => "canceled",
            Self::Ended(Ending::Rejected) => "rejected",
        }
    }
}
