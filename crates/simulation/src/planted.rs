//! Deliberate bugs: what the oracle must find, or it finds nothing.
//!
//! Each is a store that lies, between the actors and the one that the oracle believes. To the core
//! that is the same as a check of its own that is missing: a guard that is not there, a lease that
//! is not looked at, an inbox that seems empty, a cursor that is off by one.

mod liar;
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
    /// A commit is made whatever was committed in the meantime.
    GuardIgnored = "guard-ignored",
    /// A claim is committed although the lease that it passes over was renewed.
    LeaseEndIgnored = "lease-end-ignored",
    /// Each lease looks as if it had expired.
    LeaseLooksExpired = "lease-looks-expired",
    /// A lease that is not held is renewed.
    StaleRenewed = "stale-renewed",
    /// Whoever renews a lease renews the one that is there.
    OtherRenewed = "other-renewed",
    /// A lease is not renewed, but said to be.
    RenewalForgotten = "renewal-forgotten",
    /// A message puts the end of the lease back to what its writer had read.
    RenewalUndone = "renewal-undone",
    /// New messages are not noticed, so that the end of a turn passes over them.
    InboxHidden = "inbox-hidden",
    /// All messages look as if a turn had been given them.
    InboxEmptied = "inbox-emptied",
    /// Each attempt at a turn is given what is new, and not what the first was given.
    InputGrows = "input-grows",
    /// A task that exists is said to have been made now.
    CreatedTwice = "created-twice",
    /// The idempotency key that made a task is forgotten.
    KeyForgotten = "key-forgotten",
    /// The idempotency keys of follow-ups are forgotten.
    FollowUpKeysForgotten = "follow-up-keys-forgotten",
    /// A commit is not known again when its answer was lost.
    MarkForgotten = "mark-forgotten",
    /// Now and then a commit is said to be made and is not.
    CommitForgotten = "commit-forgotten",
    /// Nothing is ever due.
    NeverDue = "never-due",
    /// One shard of the due index is never swept.
    ShardForgotten = "shard-forgotten",
    /// Those who watch a task do not see that it was canceled.
    CancelHidden = "cancel-hidden",
    /// A task that is over looks as if it waited for its user.
    EndHidden = "end-hidden",
    /// Attempts are not counted.
    AttemptsForgotten = "attempts-forgotten",
    /// The newest entry of the log is left out.
    LastEntryMissing = "last-entry-missing",
    /// What comes after an entry begins one too late.
    CursorOffByOne = "cursor-off-by-one",
    /// To whoever asks for new entries, messages have generations of their own.
    MessagesNumbered = "messages-numbered",
    /// What comes after an entry lacks one in the middle.
    CursorSkips = "cursor-skips",
    /// Who asks for new entries never finds any.
    NeverNews = "never-news",
    /// Reads lag behind.
    StaleReads = "stale-reads",
    /// Tasks are found under other tenants.
    TenantsCrossed = "tenants-crossed",
    /// Tasks are everybody's.
    OwnersForgotten = "owners-forgotten",
    /// Lists are of all owners.
    ListsCrossed = "lists-crossed",
    /// Lists lack a task.
    ListShort = "list-short",
    /// Whatever a receiver answers is taken for an acknowledgement.
    AckAssumed = "ack-assumed",
    /// A push is taken for acknowledged before it has arrived.
    AckTooSoon = "ack-too-soon",
    /// Whoever wants to deliver does, although somebody else is at it.
    PushClaimIgnored = "push-claim-ignored",
    /// Configs that were made are not noticed by whoever is at work.
    PushEpochIgnored = "push-epoch-ignored",
    /// A runner forgets that its task has push configs, and so sets no mark.
    PushesForgotten = "pushes-forgotten",
    /// The mark is given up although a config was made meanwhile.
    SettleUnguarded = "settle-unguarded",
    /// A task's last config is never found.
    ConfigForgotten = "config-forgotten",
    /// What is known of a config is written over whatever was written meanwhile.
    CursorUnguarded = "cursor-unguarded",
    /// A config's cursor is read as one too low.
    PushCursorBack = "push-cursor-back",
    /// A config's cursor is read as one too high.
    PushCursorAhead = "push-cursor-ahead",
    /// Cursors are never written but for trouble, batches and settlements.
    NotesForgotten = "notes-forgotten",
    /// A settlement tells a cursor, and it is not written before that is told no more.
    SettledCursorForgotten = "settled-cursor-forgotten",
    /// A settlement tells the cursor of a config that has one of its own: it is in trouble.
    SettledInTrouble = "settled-in-trouble",
    /// Every delivery looks like a task's first, so that its settlement tells the cursors.
    DeliveriesLookFirst = "deliveries-look-first",
    /// A push that is made again has another id.
    RepeatsRenamed = "repeats-renamed",
    /// Receivers are not shown the task first.
    IntroductionForgotten = "introduction-forgotten",
    /// Which chunks were sent as one is forgotten.
    BatchForgotten = "batch-forgotten",
    /// Receivers in trouble are not left alone.
    RetriedEarly = "retried-early",
    /// That a receiver is in trouble is forgotten.
    TroubleForgotten = "trouble-forgotten",
    /// A receiver is given up before its time.
    GivenUpEarly = "given-up-early",
    /// The sweep passes over tasks that are only due for their pushes.
    PushesNotSwept = "pushes-not-swept",
    /// Whoever deletes or replaces a config is answered at once.
    DeletedAtOnce = "deleted-at-once",
    /// A deliverer believes what it once knew of its task, however old that is.
    ViewNeverOld = "view-never-old",
    /// A deliverer takes a late answer of the store for a failure of it, and waits half a minute.
    LateIsFailure = "late-is-failure",
    /// Whoever deletes a config waits as if its deliverer had the usual view.
    WideViewHidden = "wide-view-hidden",
    /// A refused request takes the config of an accepted one with it.
    RefusedTakesBack = "refused-takes-back",
    /// A request stores its config in place of the one that is live.
    ConfigsOverwritten = "configs-overwritten",
    /// What a refused request, or one that died, leaves behind is a config.
    LeftoversLive = "leftovers-live",
    /// The commit that makes a config does not count how many there are.
    ConfigsUncounted = "configs-uncounted",
    /// The records of a runner that died come again as late as the queue has it for all.
    RecordsStayHidden = "records-stay-hidden",
    /// To those who serve clients a task has expired after half of its time.
    ExpiresTooSoon = "expires-too-soon",
    /// To those who serve clients no task ever expires.
    NeverExpires = "never-expires",
    /// Lists have tasks that have expired.
    ListsTheExpired = "lists-the-expired",
    /// The store deletes a task by itself before it may.
    DiesTooSoon = "dies-too-soon",
    /// What is made anew takes the place of a task that is there.
    ReplacesTheLiving = "replaces-the-living",
    /// A log begins with the entries of an earlier task of the id.
    EarlierLogRead = "earlier-log-read",
    /// A writer of an earlier task is not told from one of the later.
    IncarnationIgnored = "incarnation-ignored",
    /// With an expired task all configs go that are stored for its id.
    PurgeTakesAll = "purge-takes-all",
    /// With an expired task nothing goes but its head.
    PurgeForgotten = "purge-forgotten",
    /// That an operator has deleted a task is not noticed.
    DeletionHidden = "deletion-hidden",
    /// The sweep waits for users for a quarter of the time only.
    LapsesTooSoon = "lapses-too-soon",
    /// The sweep waits for users for ever.
    NeverLapses = "never-lapses",
    /// An agent in its sender's invocation that does not heed being told to stop is not cut off.
    NeverCutOff = "never-cut-off",
}

impl Planted {
    /// The bug of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|bug| bug.name() == name)
    }

    /// Whether it is a bug of those who serve clients, where it is not in the store.
    pub(crate) fn is_of_clients(self) -> bool {
        matches!(
            self,
            Self::ConfigsUncounted | Self::ExpiresTooSoon | Self::NeverExpires | Self::NeverCutOff
        )
    }

    /// Whether configs are shown otherwise when they are read again, or when their task is settled.
    pub(crate) fn is_of_repeats(self) -> bool {
        matches!(self, Self::RepeatsRenamed | Self::SettledInTrouble)
    }

    /// How long those keep tasks who have the bug.
    pub(crate) fn retention(self, right: Retention) -> Retention {
        match self {
            Self::ExpiresTooSoon => Retention { ended: right.ended.map(|of| of / 2), ..right },
            Self::NeverExpires => Retention { ended: None, ..right },
            Self::LapsesTooSoon => Retention { waiting: right.waiting.map(|of| of / 4), ..right },
            Self::NeverLapses => Retention { waiting: None, ..right },
            _ => right,
        }
    }

    /// What the actors are shown instead of the truth.
    pub(crate) fn in_store(self, truth: Arc<dyn Store>) -> Arc<dyn Store> {
        Arc::new(Liar::new(truth, self))
    }
}
