//! Deliberate bugs, which test the oracle: it must find each of them.
//!
//! Each is a store that lies, between the actors and the store that the oracle trusts. For the
//! core, a lie has the same effect as a missing check of its own: a missing guard, a lease that
//! nobody checks, an inbox that seems empty, a cursor that is off by one.

mod liar;
mod memory;
mod pushes;
mod steps;

use std::sync::Arc;

use a2a_lambda_core::Retention;

use crate::ground::Store;
use liar::Liar;

macro_rules! bugs {
    ($($(#[$doc:meta])* $bug:ident = $name:literal,)*) => {
        /// A deliberate bug.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Planted {
            $($(#[$doc])* $bug,)*
        }

        impl Planted {
            /// Every bug.
            pub const ALL: &[Self] = &[$(Self::$bug,)*];

            /// Its name on the command line.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$bug => $name,)*
                }
            }
        }
    };
}

bugs! {
    /// A commit ignores the commits in the meantime.
    GuardIgnored = "guard-ignored",
    /// A claim is committed although the lease that it takes over was renewed.
    LeaseEndIgnored = "lease-end-ignored",
    /// Each lease looks expired.
    LeaseLooksExpired = "lease-looks-expired",
    /// The renewal of a lost lease reports success.
    StaleRenewed = "stale-renewed",
    /// A renewal renews the present lease, even that of another holder.
    OtherRenewed = "other-renewed",
    /// A renewal reports success and changes nothing.
    RenewalForgotten = "renewal-forgotten",
    /// A message sets the end of the lease back to the end that its writer had read.
    RenewalUndone = "renewal-undone",
    /// New messages are invisible, so that the end of a turn ignores them.
    InboxHidden = "inbox-hidden",
    /// All messages look as if a turn had been given them.
    InboxEmptied = "inbox-emptied",
    /// Each attempt at a turn gets the new messages, too, instead of the first attempt's input.
    InputGrows = "input-grows",
    /// The creation of an existing task reports success.
    CreatedTwice = "created-twice",
    /// The idempotency key of a new task is forgotten.
    KeyForgotten = "key-forgotten",
    /// The idempotency keys of follow-ups are forgotten.
    FollowUpKeysForgotten = "follow-up-keys-forgotten",
    /// A commit whose answer was lost is not recognized.
    MarkForgotten = "mark-forgotten",
    /// Some commits report success and change nothing.
    CommitForgotten = "commit-forgotten",
    /// No task is ever due.
    NeverDue = "never-due",
    /// One shard of the due index is never swept.
    ShardForgotten = "shard-forgotten",
    /// Watchers of a task do not see that it was canceled.
    CancelHidden = "cancel-hidden",
    /// An ended task looks as if it waited for its user.
    EndHidden = "end-hidden",
    /// Attempts are not counted.
    AttemptsForgotten = "attempts-forgotten",
    /// The newest entry of the log is missing.
    LastEntryMissing = "last-entry-missing",
    /// The entries after a position begin one too late.
    CursorOffByOne = "cursor-off-by-one",
    /// For readers of new entries, messages have generations of their own.
    MessagesNumbered = "messages-numbered",
    /// The entries after a position lack one in the middle.
    CursorSkips = "cursor-skips",
    /// Readers of new entries never find any.
    NeverNews = "never-news",
    /// Reads lag behind.
    StaleReads = "stale-reads",
    /// Tasks are found under other tenants.
    TenantsCrossed = "tenants-crossed",
    /// Every caller owns every task.
    OwnersForgotten = "owners-forgotten",
    /// Lists have the tasks of all owners.
    ListsCrossed = "lists-crossed",
    /// Lists lack a task.
    ListShort = "list-short",
    /// Every answer of a receiver counts as an acknowledgement.
    AckAssumed = "ack-assumed",
    /// A push counts as acknowledged before it has arrived.
    AckTooSoon = "ack-too-soon",
    /// A deliverer ignores the claim of another.
    PushClaimIgnored = "push-claim-ignored",
    /// A deliverer does not notice new configs.
    PushEpochIgnored = "push-epoch-ignored",
    /// A runner forgets that its task has push configs, and so sets no mark.
    PushesForgotten = "pushes-forgotten",
    /// The mark is settled although a config was created meanwhile.
    SettleUnguarded = "settle-unguarded",
    /// A task's last config is never found.
    ConfigForgotten = "config-forgotten",
    /// A deliverer's write of a config ignores other writes meanwhile.
    CursorUnguarded = "cursor-unguarded",
    /// A config's cursor is read as one too low.
    PushCursorBack = "push-cursor-back",
    /// A config's cursor is read as one too high.
    PushCursorAhead = "push-cursor-ahead",
    /// Cursors are written only for trouble, batches and settlements.
    NotesForgotten = "notes-forgotten",
    /// The cursor that a settlement implies is not written before it is lost.
    SettledCursorForgotten = "settled-cursor-forgotten",
    /// A settlement implies the cursor of a config in trouble, which has a cursor of its own.
    SettledInTrouble = "settled-in-trouble",
    /// Every delivery looks like a task's first, so that its settlement implies the cursors.
    DeliveriesLookFirst = "deliveries-look-first",
    /// A repeated push has another id.
    RepeatsRenamed = "repeats-renamed",
    /// Receivers are not shown the task first.
    IntroductionForgotten = "introduction-forgotten",
    /// The merged chunks of a push are forgotten.
    BatchForgotten = "batch-forgotten",
    /// Receivers in trouble are retried too early.
    RetriedEarly = "retried-early",
    /// The trouble of a receiver is forgotten.
    TroubleForgotten = "trouble-forgotten",
    /// A config is disabled too early.
    GivenUpEarly = "given-up-early",
    /// The sweep skips tasks that are only due for their pushes.
    PushesNotSwept = "pushes-not-swept",
    /// A request that deletes or replaces a config is answered at once.
    DeletedAtOnce = "deleted-at-once",
    /// A deliverer trusts its view of the task, however old it is.
    ViewNeverOld = "view-never-old",
    /// A deliverer takes a late answer of the store for a failure, and waits half a minute.
    LateIsFailure = "late-is-failure",
    /// A request that deletes a config waits as if the deliverer had the usual view.
    WideViewHidden = "wide-view-hidden",
    /// A refused request deletes the config of an accepted one.
    RefusedTakesBack = "refused-takes-back",
    /// A request stores its config over the live one.
    ConfigsOverwritten = "configs-overwritten",
    /// The leftover of a refused or interrupted request counts as a config.
    LeftoversLive = "leftovers-live",
    /// The commit that adds a config does not check their number.
    ConfigsUncounted = "configs-uncounted",
    /// The records of a runner that died are redelivered no sooner than all others.
    RecordsStayHidden = "records-stay-hidden",
    /// For clients, a task expires after half of its time.
    ExpiresTooSoon = "expires-too-soon",
    /// For clients, no task ever expires.
    NeverExpires = "never-expires",
    /// Lists have expired tasks.
    ListsTheExpired = "lists-the-expired",
    /// The store deletes a task by itself too early.
    DiesTooSoon = "dies-too-soon",
    /// A new task replaces one that has not expired.
    ReplacesTheLiving = "replaces-the-living",
    /// A log begins with entries of an earlier task of the id.
    EarlierLogRead = "earlier-log-read",
    /// A writer that knows an earlier task may write the later one.
    IncarnationIgnored = "incarnation-ignored",
    /// The purge of an expired task deletes all configs of its id.
    PurgeTakesAll = "purge-takes-all",
    /// The purge of an expired task deletes only its head.
    PurgeForgotten = "purge-forgotten",
    /// An operator's deletion of a task is not noticed.
    DeletionHidden = "deletion-hidden",
    /// The sweep waits for users for only a quarter of the time.
    LapsesTooSoon = "lapses-too-soon",
    /// The sweep waits for users for ever.
    NeverLapses = "never-lapses",
    /// An inline agent that ignores an order to stop is not cut off.
    NeverCutOff = "never-cut-off",
    /// An agent makes a step's effect after its record.
    RecordBeforeEffect = "record-before-effect",
    /// A callback's token is opened without a check of its sealer.
    TokenNotChecked = "token-not-checked",
    /// An at-most-once step is begun again after a difference.
    OnceAfterDifference = "once-after-difference",
    /// Some answers to callbacks are accepted and not recorded.
    ResolutionUncommitted = "resolution-uncommitted",
    /// A turn that parks takes the messages of its scope out of the inbox.
    MessageLostInScope = "message-lost-in-scope",
    /// The records of earlier scopes are found, too.
    RecordsOfOtherScope = "records-of-other-scope",
    /// The records of a scope are not found.
    RecordsForgotten = "records-forgotten",
    /// A turn that parks does not know that a callback was answered meanwhile.
    WokenForgotten = "woken-forgotten",
    /// A record replaces that of a faster runner.
    FirstWriterLoses = "first-writer-loses",
    /// A repeated run does not know its append, and adds it to the memory again.
    MemoryAppendedTwice = "memory-appended-twice",
    /// An append takes the place of another task's.
    MemoryOverwritten = "memory-overwritten",
    /// A load lacks the newest entry.
    MemoryStale = "memory-stale",
    /// All owners share the memory of a context.
    MemoryShared = "memory-shared",
    /// A session value is written without a check of its version.
    SwapUnguarded = "swap-unguarded",
    /// A session value does not remember the writes before it.
    SwapsForgotten = "swaps-forgotten",
    /// All owners share the session of a context.
    SessionShared = "session-shared",
}

impl Planted {
    /// The bug with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|bug| bug.name() == name)
    }

    /// Whether the bug is in the functions for clients, and not in the store.
    pub(crate) fn is_of_clients(self) -> bool {
        matches!(
            self,
            Self::ConfigsUncounted | Self::ExpiresTooSoon | Self::NeverExpires | Self::NeverCutOff
        )
    }

    /// Whether the bug shows configs differently on a later read, or when their task is settled.
    pub(crate) fn is_of_repeats(self) -> bool {
        matches!(self, Self::RepeatsRenamed | Self::SettledInTrouble)
    }

    /// The retention of the processes with the bug.
    pub(crate) fn retention(self, right: Retention) -> Retention {
        match self {
            Self::ExpiresTooSoon => Retention { ended: right.ended.map(|of| of / 2), ..right },
            Self::NeverExpires => Retention { ended: None, ..right },
            Self::LapsesTooSoon => Retention { waiting: right.waiting.map(|of| of / 4), ..right },
            Self::NeverLapses => Retention { waiting: None, ..right },
            _ => right,
        }
    }

    /// The store that the actors see instead of the true one.
    pub(crate) fn in_store(self, truth: Arc<dyn Store>) -> Arc<dyn Store> {
        Arc::new(Liar::new(truth, self))
    }
}
