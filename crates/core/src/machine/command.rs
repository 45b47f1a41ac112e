//! The possible events of a task, as data.

use std::time::Duration;

use a2a_lambda_protocol::{Json, Message, Timestamp};

use crate::attempts::RunnerName;
use crate::head::{Interruption, Patience};
use crate::ids::{
    ClaimToken, ConfigId, ContextId, LeaseToken, Owner, Position, Registration, TaskKey, WriteId,
};
use crate::log::{ArtifactChange, StatusChange};
use crate::policy::Retention;
use crate::push::mark::{FirstPush, NewPush, Settlement};
use crate::request_key::Fingerprint;
use crate::terms::Terms;
use crate::trace::TraceContext;

/// The author and the time of a command.
#[derive(Debug, Clone)]
pub struct Stamp {
    /// The time.
    pub now: Timestamp,
    /// A fresh id for the commit.
    pub write: WriteId,
    /// How long the signal that follows a commit may take, before the due index brings the task
    /// up again.
    pub signal_grace: Duration,
    /// How long a lease lasts from now.
    pub lease: Duration,
    /// How long a claim of the pending-push mark lasts from now.
    pub push_claim: Duration,
    /// How long tasks are kept; see [`Policy::retention`](crate::Policy::retention).
    pub retention: Option<Retention>,
    /// The deliverer beside the runner that makes the commit, if there is one: it sends the
    /// commit's entries.
    pub pusher: Option<ClaimToken>,
    /// The process that makes the commit, if attempts are kept: an earlier release reads a head only
    /// without them.
    pub runner: Option<RunnerName>,
}

/// A new task, as it is submitted.
#[derive(Debug, Clone)]
pub struct Submission {
    /// The new task's tenant and id.
    pub key: TaskKey,
    /// The sender.
    pub owner: Owner,
    /// The conversation that it belongs to.
    pub context: ContextId,
    /// The first message.
    pub message: Message,
    /// Its sender's terms.
    pub terms: Terms,
    /// Until when the sender waits for the answer; `None` if it is shown the task at once.
    pub sender_waits_until: Option<Timestamp>,
    /// The idempotency key, if the request had one.
    pub request: Option<Fingerprint>,
    /// The push config that it begins with, if it has one.
    pub pushes: Option<FirstPush>,
    /// The trace of the request, if it has one.
    pub trace: Option<TraceContext>,
}

/// The possible events of a task.
#[derive(Debug, Clone)]
pub enum Command {
    /// Its user sends another message.
    Message {
        /// The message.
        message: Message,
        /// Its sender's terms.
        terms: Terms,
        /// The idempotency key, if the request had one.
        request: Option<Fingerprint>,
        /// The push config that comes with it, if one does.
        push: Option<NewPush>,
    },
    /// A runner asks for the right to run it.
    Claim {
        /// The secret of the new lease.
        token: LeaseToken,
        /// How many claims there may be without a committed turn.
        max_attempts: u32,
    },
    /// The agent shows some of its work.
    Emit {
        /// The runner's lease.
        token: LeaseToken,
        /// The output, in order.
        updates: Vec<Update>,
    },
    /// The turn ends, and the task waits.
    Park {
        /// The end of the turn.
        turn: TurnEnd,
        /// The condition of the pause.
        pause: Pause,
    },
    /// The turn ends, and with it the task.
    Finish {
        /// The end of the turn.
        turn: TurnEnd,
        /// The end of the task.
        ending: Finish,
    },
    /// The attempt failed, and may be made again.
    Retry {
        /// The runner's lease.
        token: LeaseToken,
        /// The attempt's end, and the wait before the next attempt.
        retry: Retry,
    },
    /// Its user calls it off.
    Cancel,
    /// A callback of a scope was answered: the agent goes on.
    Wake {
        /// The scope's number.
        scope: u32,
    },
    /// The sweep looks at it, because its due time has come. At a task that is over, too.
    Look,
    /// An operator deletes it. Legal only for an ended task.
    Delete,
    /// Every process that could have worked on the task has certainly ended: its lease and its
    /// claim of pushes are void. Legal even for an ended task.
    Void,
    /// A client creates or replaces a push config. Legal even for an ended task.
    RegisterPush(NewPush),
    /// A client deletes a push config. Legal even for an ended task.
    UnregisterPush {
        /// The config's id.
        id: ConfigId,
    },
    /// An operator enables or replays a push config. Legal even for an ended task.
    PushAgain {
        /// The config's registration.
        registration: Registration,
    },
    /// A deliverer claims the pending-push mark, or renews its claim. Legal even for an ended task.
    ClaimPush {
        /// The deliverer's secret.
        token: ClaimToken,
    },
    /// A deliverer gives up its claim. Legal even for an ended task.
    SettlePush(Settlement),
}

/// The end of a turn, with any result.
#[derive(Debug, Clone)]
pub struct TurnEnd {
    /// The runner's lease.
    pub token: LeaseToken,
    /// The newest entry whose messages the scope has received.
    pub given: Position,
    /// The output that is not committed yet.
    pub updates: Vec<Update>,
    /// Whether steps were recorded in the scope.
    pub has_records: bool,
    /// The reason why the run ended before its agent did; `None` if the agent ended it.
    pub cut: Option<Cut>,
}

impl TurnEnd {
    /// The end of a turn in which no step was recorded.
    pub fn new(token: LeaseToken, given: Position, updates: Vec<Update>) -> Self {
        Self { token, given, updates, has_records: false, cut: None }
    }
}

/// The end of an attempt that failed.
#[derive(Debug, Clone)]
pub struct Retry {
    /// The output that is not committed yet.
    pub updates: Vec<Update>,
    /// Whether steps were recorded in the scope.
    pub has_records: bool,
    /// How long to wait before the next attempt.
    pub after: Duration,
    /// The reason why the run ended before its agent did; `None` if the agent failed.
    pub cut: Option<Cut>,
    /// How many claims there may be without a committed turn.
    pub max_attempts: u32,
    /// The message to the user if this was the last attempt.
    pub reason: Option<Message>,
}

/// The reason why a run ends before its agent does. It is for the [record](crate::attempts) of the
/// attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The agent waits for the answer to a callback.
    Callback,
    /// The invocation ends.
    Time,
    /// Another invocation has more time, or may have the agent.
    HandOver,
}

/// Something that the agent shows.
#[derive(Debug, Clone, PartialEq)]
pub enum Update {
    /// A message about its progress; the task is WORKING.
    Progress(StatusChange),
    /// An artifact or a chunk of one.
    Artifact(ArtifactChange),
}

/// The condition of a parked task.
#[derive(Debug, Clone)]
pub enum Pause {
    /// The task waits for its user.
    ForUser {
        /// The reason for the wait.
        interruption: Interruption,
        /// The question.
        message: Option<Message>,
        /// The agent's checkpoint.
        checkpoint: Option<Json>,
        /// The user's time to answer; `None` for any time.
        patience: Option<Patience>,
    },
    /// The task waits for a time, at no cost. A message wakes it earlier.
    Until {
        /// When to go on; `now` or earlier continues in a new run at once.
        wake_at: Timestamp,
        /// The state that the next turn begins with.
        next: NextTurn,
    },
}

impl Pause {
    /// A time at which a new scope begins.
    pub fn until(wake_at: Timestamp, checkpoint: Option<Json>) -> Self {
        Self::Until { wake_at, next: NextTurn::Begins { checkpoint } }
    }
}

/// The state that a turn leaves to the next one, when its wait ends by itself.
#[derive(Debug, Clone)]
pub enum NextTurn {
    /// A new scope, with the checkpoint if there is one.
    Begins {
        /// The agent's checkpoint.
        checkpoint: Option<Json>,
    },
    /// The scope stays open: the next turn is given the same messages and records.
    Repeats {
        /// The newest message that the turn knows of. A later one wakes the task.
        seen: Position,
        /// A checkpoint that the turn was given itself.
        checkpoint: Option<Json>,
    },
}

/// The end of a task by a turn.
#[derive(Debug, Clone)]
pub enum Finish {
    /// Completed.
    Completed(Option<Message>),
    /// Failed for good.
    Failed(Option<Message>),
    /// The agent will not do it.
    Rejected(Option<Message>),
    /// The answer is a message, and there was no need of a task. Only on a first turn that showed
    /// nothing (spec section 3.1.1).
    Direct(Message),
}

impl Command {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Message { .. } => "message",
            Self::Claim { .. } => "claim",
            Self::Emit { .. } => "emit",
            Self::Park { .. } => "park",
            Self::Finish { .. } => "finish",
            Self::Retry { .. } => "retry",
            Self::Cancel => "cancel",
            Self::Wake { .. } => "wake",
            Self::Look => "look",
            Self::Delete => "delete",
            Self::Void => "void",
            Self::RegisterPush(_) => "register-push",
            Self::UnregisterPush { .. } => "unregister-push",
            Self::PushAgain { .. } => "push-again",
            Self::ClaimPush { .. } => "claim-push",
            Self::SettlePush(_) => "settle-push",
        }
    }
}
