//! The head: a task's current state in one small item.

use std::time::Duration;

use a2a_lambda_protocol::{Json, TaskState, Timestamp};

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

/// A log of up to this many bytes, and four more for each entry, is kept with the head: every store
/// must do so.
pub const INLINE_LOG_BYTES: u64 = 2 * 1_024;

/// A task's current state, without its log.
///
/// It is data: a store writes it down and reads it back. What it becomes next is only ever decided
/// by [`Head::apply`].
#[derive(Debug, Clone, PartialEq)]
pub struct Head {
    /// The task's tenant and id.
    pub key: TaskKey,
    /// Who made the task, and alone may see it.
    pub owner: Owner,
    /// The conversation that the task belongs to.
    pub context: ContextId,
    /// When the task was accepted.
    pub created_at: Timestamp,
    /// Which of the tasks of this id it is; `None` if it was made where items are written that an
    /// earlier release reads.
    pub incarnation: Option<Incarnation>,
    /// The number of the newest log entry.
    pub position: Position,
    /// The number of the newest event that clients are sent.
    pub generation: Generation,
    /// The number of the newest commit.
    pub revision: Revision,
    /// The id of the newest commit.
    pub write: WriteId,
    /// Where the task is in its life.
    pub phase: Phase,
    /// How large the log is, in bytes of JSON.
    pub log_bytes: u64,
    /// When the status last changed, as clients see it; the order of `ListTasks`.
    pub status_at: Timestamp,
    /// How often the task was claimed.
    pub fence: Fence,
    /// How often it was claimed since a turn was last committed.
    pub attempt: u32,
    /// How many of these claims ended with their lease, and without a word: the runner died.
    pub deaths: u32,
    /// How many turns were committed.
    pub turn: u32,
    /// The newest log entry whose messages a committed turn was given.
    pub consumed: Position,
    /// The newest log entry whose messages the present turn is given: fixed at its first attempt,
    /// so that each attempt at it is given the same.
    pub given: Position,
    /// The newest log entry that is a user's message.
    pub last_message: Position,
    /// Whether the agent has shown anything of its work yet.
    pub emitted: bool,
    /// Until when the sender waits for the answer, and so has not been shown the task yet; `None`
    /// if it was shown the task at once.
    pub sender_waits_until: Option<Timestamp>,
    /// What the agent left for its next turn.
    pub checkpoint: Option<Json>,
    /// The time by which somebody must look at the task again, for its own sake or for that of its
    /// pushes; the key of the due index.
    pub due: Option<Timestamp>,
    /// What is known of its pushes, if it has, or had, push configs.
    pub pushes: Option<Pushes>,
    /// The idempotency key and content of the request that made the task.
    pub request: Option<Fingerprint>,
    /// The newest follow-up messages that came under idempotency keys, at most
    /// [`MAX_REMEMBERED_KEYS`].
    pub follow_ups: Vec<FollowUp>,
    /// Whether more may be stored of the task than its head and its log tell: push configs that it had,
    /// or what an earlier task of the id has left.
    pub has_leftovers: bool,
    /// From when on the store may delete the head by itself, in whole seconds, if the head is all that
    /// is stored of the task.
    pub ttl: Option<Timestamp>,
    /// Whether an operator has deleted the task: it is there no more for anybody, and what is stored
    /// of it goes.
    pub is_deleted: bool,
    /// The trace that the task belongs to: that of the request that made it. Who looks after the task
    /// without a word of whoever caused that goes on in it. `None` as the incarnation, or if the
    /// request had no trace.
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

/// Where a task is in its life. See the diagram in [`machine`](crate::machine).
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
    /// Under way, but with nobody at work: until a retry, a continuation or a wake time.
    Waiting {
        /// When it may be claimed.
        until: Timestamp,
    },
    /// Waiting for its user.
    Interrupted {
        /// For what.
        interruption: Interruption,
        /// How long the user may take; `None` for as long as it takes.
        patience: Option<Patience>,
    },
    /// Over, for good (invariant I1).
    Ended(Ending),
}

/// What an interrupted task waits for.
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
    /// What then.
    pub then: Impatience,
}

/// What becomes of a task whose user did not answer in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Impatience {
    /// The agent goes on, with no new message.
    Wake,
    /// The task fails, and says why.
    Fail,
}

/// How a task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The agent did it.
    Completed,
    /// The agent answered with a direct message, kept as the message of the last status. To clients
    /// that have been shown the task, it is completed.
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

    /// Whether the task is over.
    pub fn is_terminal(&self) -> bool {
        matches!(self.phase, Phase::Ended(_))
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

    /// Whether it is known that there is a task: its agent has shown something, or was done with its
    /// first turn without a direct message.
    pub fn is_decided(&self) -> bool {
        self.emitted || self.turn > 0 || self.is_settled()
    }

    /// Whether there are messages that no committed turn was given.
    pub fn has_mail(&self) -> bool {
        self.last_message > self.consumed
    }

    /// Whether `ListTasks` shows the task, unless it has expired: all but one that its sender was never
    /// shown, because the agent answered with a direct message.
    pub fn is_listed(&self) -> bool {
        let is_hidden = self.is_direct() && self.sender_waits_until.is_some();
        !is_hidden && !self.is_deleted
    }

    /// From when on the task is there for nobody any more: what is over is kept for a time. `None` if
    /// that time has not begun, or is for ever.
    pub fn expires_at(&self, retention: Option<&Retention>) -> Option<Timestamp> {
        if self.is_deleted {
            return Some(Timestamp::MIN);
        }
        let keep = retention?.ended.filter(|_| self.is_terminal())?;
        Some(self.status_at.saturating_add(keep))
    }

    /// Whether the task is there for nobody any more, whatever is still stored of it.
    pub fn is_expired(&self, now: Timestamp, retention: Option<&Retention>) -> bool {
        self.expires_at(retention).is_some_and(|at| at <= now)
    }

    /// When the task has waited for its user for long enough, if it waits.
    pub fn lapses_at(&self, retention: Option<&Retention>) -> Option<Timestamp> {
        let most =
            retention?.waiting.filter(|_| matches!(self.phase, Phase::Interrupted { .. }))?;
        Some(self.status_at.saturating_add(most))
    }

    /// Whether the head is certainly all that is stored of the task: its log is with it, and it has had
    /// no push configs.
    pub fn is_alone(&self) -> bool {
        let log = self.log_bytes.saturating_add(self.position.0.saturating_mul(4));
        log <= INLINE_LOG_BYTES && self.pushes.is_none() && !self.has_leftovers
    }

    /// Whether `token` is the lease under which the task is now run.
    pub fn is_held_by(&self, token: &LeaseToken) -> bool {
        matches!(&self.phase, Phase::Running { token: held, .. } if held == token)
    }

    /// What was accepted under an idempotency key, and as which log entry, as far as the task
    /// remembers.
    pub fn accepted(&self, request: &Fingerprint) -> Option<(&Fingerprint, Position)> {
        let first = self.request.iter().map(|request| (request, Position(1)));
        let later = self.follow_ups.iter().map(|later| (&later.request, later.position));
        first.chain(later).find(|(before, _)| before.key == request.key)
    }

    /// Whether a runner died at the present turn, maybe of it. Such a task is run alone, so that it
    /// takes no other task with it.
    pub fn is_suspect(&self, now: Timestamp) -> bool {
        let died_now = self.leased_until().is_some_and(|until| until <= now);
        !self.is_terminal() && (self.deaths > 0 || died_now)
    }

    /// Whether the task needs nobody for its own sake: it is over, or waits for its user for as long
    /// as it takes.
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

    /// The entry up to which the task's receiver has had everything, and its generation, where the
    /// task's only delivery has left the cursor to its settlement: the task is over, its config is
    /// the one that it began with, and nothing was done about pushes since. It holds of a config that
    /// is stored without trouble and without a noted batch: another has its own cursor.
    pub fn pushed_through(&self) -> Option<(Position, Generation)> {
        let pushes = self.pushes.as_ref()?;
        let is_settled = self.is_terminal() && pushes.mark.is_none() && pushes.is_first_delivery();
        is_settled.then_some((self.position, self.generation))
    }

    /// The pending-push mark, if something is to be sent.
    pub fn mark(&self) -> Option<&Mark> {
        self.pushes.as_ref().and_then(|pushes| pushes.mark.as_ref())
    }

    /// Whether there is something to be sent that nobody is at, and whose time has come.
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

    /// How old what a deliverer knows of the task may be when it begins a push, where it is `usual`
    /// unless its claim says otherwise; `None` if no deliverer may be about to begin one.
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
