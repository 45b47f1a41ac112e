//! A watched task: the case knows its expected state, and compares every answer with it.

use std::time::Duration;

use a2a_lambda_core::head::{Head, Interruption, Phase};
use a2a_lambda_core::machine::{
    Change, Command, Finish, NewPush, Pause, Settlement, Stamp, TurnEnd, Update,
};
use a2a_lambda_core::push::Mark;
use a2a_lambda_core::store::{Committed, Depth, Renewed};
use a2a_lambda_core::{
    ClaimToken, Entry, LeaseToken, Position, Registration, Snapshot, TaskKey, Terms,
};
use a2a_lambda_protocol::{Message, Timestamp};

use crate::bench::{Bench, check_tail};
use crate::configs::config_id;
use crate::content::{agent_message, user_message};

/// More attempts than any case makes.
pub(crate) const MAX_ATTEMPTS: u32 = 100;

/// A task, the store's last answer about it, and its expected state.
pub(crate) struct Tracked {
    bench: Bench,
    /// The last read of the task: the base of the next change.
    pub(crate) base: Snapshot,
    /// The lease of its last claim.
    pub(crate) token: LeaseToken,
    head: Head,
    log: Vec<Entry>,
}

impl Tracked {
    /// Watches a task from its creation. Its first change is made on top of the snapshot that the
    /// store gave out then.
    pub(crate) async fn created(bench: Bench, change: &Change, base: Snapshot) -> Self {
        let read = bench.read(&change.head().key).await;
        let token = LeaseToken::new("never claimed");
        let (head, log) = (change.head().clone(), change.entries().to_vec());
        let task = Self { bench, base, token, head, log };
        task.check(&read);
        task
    }

    /// Watches a task from a full read of it.
    pub(crate) fn found(bench: Bench, base: Snapshot) -> Self {
        let token = LeaseToken::new("not known");
        let (head, log) = (base.head.clone(), base.tail.clone());
        Self { bench, base, token, head, log }
    }

    pub(crate) fn key(&self) -> &TaskKey {
        &self.head.key
    }

    pub(crate) fn id(&self) -> String {
        self.head.key.task.as_str().to_owned()
    }

    /// The expected head.
    pub(crate) fn head(&self) -> &Head {
        &self.head
    }

    /// The expected log.
    pub(crate) fn log(&self) -> &[Entry] {
        &self.log
    }

    pub(crate) fn decide(&self, command: Command) -> Change {
        decide(&self.bench, &self.base, command)
    }

    /// Commits a command's change, which must succeed.
    pub(crate) async fn apply(&mut self, command: Command) {
        let change = self.decide(command);
        self.commit(&change).await;
    }

    /// As [`apply`](Self::apply), by the deliverer of the commit's entries.
    pub(crate) async fn apply_as(&mut self, pusher: &ClaimToken, command: Command) {
        let stamp = Stamp { pusher: Some(pusher.clone()), ..self.bench.stamp() };
        let change = self.base.head.apply(command, &stamp).expect("a legal command");
        self.commit(&change).await;
    }

    /// Commits a change of the base, which must succeed.
    pub(crate) async fn commit(&mut self, change: &Change) {
        match self.bench.commit(&self.base, change).await {
            Committed::Done(now) => self.committed(change, *now),
            Committed::Lost(now) => panic!("the commit was lost to {:?}", now.map(|n| n.head)),
        }
    }

    /// Notes a committed change. `now` is the task in the answer.
    pub(crate) fn committed(&mut self, change: &Change, now: Snapshot) {
        let lease = self.head.phase.clone();
        self.head = change.head().clone();
        if self.head.phase == self.base.head.phase {
            // The commit does not write it: an intermediate renewal stays.
            self.head.phase = lease;
        }
        self.log.extend_from_slice(change.entries());
        self.check(&now);
        self.base = now;
    }

    /// Compares the store's answer about the task with its expected state.
    pub(crate) fn check(&self, snapshot: &Snapshot) {
        assert_eq!(snapshot.head, self.head, "the head");
        check_tail(snapshot);
        assert!(snapshot.tail.len() <= self.log.len(), "more entries than were committed");
        let known = &self.log[self.log.len() - snapshot.tail.len()..];
        check_entries(&snapshot.tail, known);
    }

    /// Reads the task at every depth and compares.
    pub(crate) async fn verify(&self) {
        self.check(&self.bench.read(self.key()).await);
        let full = self.bench.read_full(self.key()).await;
        self.check(&full);
        assert_eq!(full.tail.len(), self.log.len(), "the whole log");
        let end = self.head.position.0;
        for known in [end / 2, end - 1, end] {
            self.verify_after(Position(known)).await;
        }
    }

    /// Reads the entries after a position and compares.
    pub(crate) async fn verify_after(&self, known: Position) {
        let read = self.bench.try_read(self.key(), Depth::After(known)).await;
        let read = read.expect("the task exists");
        self.check(&read);
        let Some(new) = read.after(known) else {
            panic!("a read after entry {known} that does not begin behind it");
        };
        let known = usize::try_from(known.0).unwrap_or(usize::MAX).min(self.log.len());
        check_entries(new, &self.log[known..]);
    }

    /// Reads the base again.
    pub(crate) async fn refresh(&mut self) {
        self.base = self.bench.try_read(self.key(), Depth::Tail).await.expect("the task exists");
        self.check(&self.base);
    }

    pub(crate) async fn claim(&mut self) {
        self.token = self.bench.fresh_token();
        self.apply(claim(&self.token)).await;
    }

    pub(crate) async fn emit(&mut self, updates: Vec<Update>) {
        self.apply(self.emit_of(updates)).await;
    }

    pub(crate) fn emit_of(&self, updates: Vec<Update>) -> Command {
        Command::Emit { token: self.token.clone(), updates }
    }

    pub(crate) async fn message(&mut self, text: &str) {
        let message = user_message(&self.bench.fresh(), text);
        self.apply(follow_up(message)).await;
    }

    /// The end of a turn that has all messages so far.
    pub(crate) fn turn_end(&self, updates: Vec<Update>) -> TurnEnd {
        let given = self.base.head.last_message;
        TurnEnd::new(self.token.clone(), given, updates)
    }

    pub(crate) async fn park(&mut self, pause: Pause) {
        let turn = self.turn_end(Vec::new());
        self.apply(Command::Park { turn, pause }).await;
    }

    /// Asks the user for more input.
    pub(crate) async fn ask(&mut self) {
        let message = Some(agent_message("question", "which one?"));
        let interruption = Interruption::InputRequired;
        self.park(Pause::ForUser { interruption, message, checkpoint: None, patience: None }).await;
    }

    pub(crate) async fn park_until(&mut self, wake_at: Timestamp) {
        self.park(Pause::until(wake_at, None)).await;
    }

    pub(crate) async fn finish(&mut self, ending: Finish) {
        let turn = self.turn_end(Vec::new());
        self.apply(Command::Finish { turn, ending }).await;
    }

    /// Claims the task and completes it.
    pub(crate) async fn complete(&mut self) {
        self.claim().await;
        self.finish(Finish::Completed(None)).await;
    }

    /// Claims the pending-push mark.
    pub(crate) async fn claim_push(&mut self) -> ClaimToken {
        let token = self.bench.fresh_claim();
        self.apply(Command::ClaimPush { token: token.clone() }).await;
        token
    }

    /// The settlement of the mark's holder. Nothing is left, or nothing until a time.
    pub(crate) fn settlement(&self, next: Option<Timestamp>) -> Settlement {
        let head = &self.base.head;
        let Some(Mark::Claimed { token, .. }) = head.mark() else {
            panic!("nobody has the mark: {:?}", head.pushes);
        };
        let epoch = head.pushes.as_ref().map_or(0, |pushes| pushes.epoch);
        Settlement { token: token.clone(), epoch, through: head.position, next }
    }

    pub(crate) async fn settle_push(&mut self, next: Option<Timestamp>) {
        self.apply(Command::SettlePush(self.settlement(next))).await;
    }

    /// Creates or replaces a config.
    pub(crate) async fn register(&mut self, id: &str) {
        let registration = Registration::new(&config_id(id), &self.bench.fresh());
        self.apply(Command::RegisterPush(NewPush { registration, most: 16 })).await;
    }

    pub(crate) async fn unregister(&mut self, id: &str) {
        self.apply(Command::UnregisterPush { id: config_id(id) }).await;
    }

    /// Settles because no config is left.
    pub(crate) async fn settle_for_good(&mut self) {
        for id in ["first", "second"] {
            if self.head.registration(&config_id(id)).is_some() {
                self.unregister(id).await;
            }
        }
        self.settle_push(None).await;
        assert_eq!(self.head.pushes, None);
    }

    /// Renews the lease for its full time. The base does not learn of it.
    pub(crate) async fn renew(&mut self, lease: Duration) {
        let until = self.bench.now().saturating_add(lease);
        let outcome = self.bench.store().renew(self.key(), &self.token, until).await;
        assert_eq!(outcome.expect("renew"), Renewed::Done, "a renewal by the holder");
        self.head.phase = Phase::Running { token: self.token.clone(), until };
    }
}

pub(crate) fn claim(token: &LeaseToken) -> Command {
    Command::Claim { token: token.clone(), max_attempts: MAX_ATTEMPTS }
}

/// A follow-up message without an idempotency key.
pub(crate) fn follow_up(message: Message) -> Command {
    Command::Message { message, terms: Terms::default(), request: None, push: None }
}

/// The change of a command, which the task must allow.
pub(crate) fn decide(bench: &Bench, base: &Snapshot, command: Command) -> Change {
    base.head.apply(command, &bench.stamp()).expect("a legal command")
}

/// Compares entries one by one, so that a failure shows the first difference and not a whole large
/// log.
pub(crate) fn check_entries(found: &[Entry], expected: &[Entry]) {
    for (found, expected) in found.iter().zip(expected) {
        if found == expected {
            continue;
        }
        let (bytes, expected_bytes) = (found.stored_bytes(), expected.stored_bytes());
        assert!(
            bytes.max(expected_bytes) > 2_000,
            "an entry reads {found:?}, and was committed as {expected:?}"
        );
        let position = expected.position;
        panic!("entry {position} of {expected_bytes} bytes reads otherwise, with {bytes} bytes");
    }
    assert_eq!(found.len(), expected.len(), "the number of entries");
}

/// The task in the answer to the loser of a race.
pub(crate) fn lost(outcome: Committed) -> Snapshot {
    match outcome {
        Committed::Lost(Some(current)) => {
            check_tail(&current);
            *current
        }
        other => panic!("not lost to another writer: {other:?}"),
    }
}

/// The task in the answer to a successful writer.
pub(crate) fn done(outcome: Committed) -> Snapshot {
    match outcome {
        Committed::Done(now) => {
            check_tail(&now);
            *now
        }
        Committed::Lost(current) => panic!("lost to {current:?}"),
    }
}
