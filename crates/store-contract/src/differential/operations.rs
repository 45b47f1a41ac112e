//! The operations, chosen at random.

use std::time::Duration;

use a2a_lambda_core::head::{Impatience, Interruption, Patience};
use a2a_lambda_core::machine::{
    Change, Command, Finish, NextTurn, Pause, Retry, Submission, TurnEnd, Update,
};
use a2a_lambda_core::push::Mark;
use a2a_lambda_core::request_key::Fingerprint;
use a2a_lambda_core::store::{Cursor, Depth, ListQuery};
use a2a_lambda_core::{Head, LeaseToken, Phase, Position, TaskKey, Terms};
use a2a_lambda_protocol::TaskState;

use super::compare::Kind;
use super::{Duel, Known, OWNERS, Pair, TENANTS, Write, remember};
use crate::bench::{LEASE, SIGNAL_GRACE, alices, context, cursor, guard, key, owner, tenant};
use crate::content::{
    TOO_LARGE_BYTES, agent_message, chunk_of, data, json_of, progress, text_of, user_message,
};

const CONTEXTS: [&str; 3] = ["red", "blue", "blue#1"];

impl Duel<'_> {
    /// Makes one operation on both stores.
    pub(super) async fn operate(&mut self) {
        // Often no time passes, so that times are equal.
        self.now_ms += i64::try_from(self.rng.below(3)).unwrap_or(0);
        let choice = self.rng.below(180);
        if self.tasks.is_empty() || choice < 10 {
            return self.submit().await;
        }
        match choice {
            10..65 => self.command().await,
            65..72 => self.renew().await,
            72..80 => self.repeat_a_write().await,
            80..82 => self.read_elsewhere().await,
            82..90 => self.list().await,
            90..95 => self.due().await,
            100..108 => self.read_after().await,
            108..148 => self.configs().await,
            148..156 => self.expire().await,
            156..180 => self.steps().await,
            _ => self.let_time_pass(),
        }
    }

    fn let_time_pass(&mut self) {
        let longest = self.rng.pick(&[LEASE / 3, LEASE, SIGNAL_GRACE * 2, Duration::from_hours(2)]);
        let ms = self.rng.below(u64::try_from(longest.as_millis()).unwrap_or(0));
        self.now_ms += i64::try_from(ms).unwrap_or(0);
    }

    async fn submit(&mut self) {
        let fresh = key(self.rng.pick(&TENANTS), &self.fresh());
        let repeated = !self.tasks.is_empty() && self.rng.percent(20);
        let key =
            if repeated { self.tasks[self.rng.place(self.tasks.len())].key.clone() } else { fresh };
        let owner = owner(self.rng.pick(&OWNERS));
        let message = user_message(&self.fresh(), &self.text());
        let request = self.rng.percent(30).then(|| {
            Fingerprint::new(
                &key.tenant,
                &owner,
                key.task.as_str(),
                &message,
                &Terms::default(),
                None,
            )
        });
        let waits = self.rng.percent(50);
        let stamp = self.stamp();
        let submission = Submission {
            key: key.clone(),
            owner,
            context: context(self.rng.pick(&CONTEXTS)),
            message,
            terms: Terms::default(),
            sender_waits_until: waits.then_some(stamp.now),
            request,
            pushes: self.first_push(),
            trace: None,
        };
        let change = Head::submit(submission, &stamp);
        let times = if self.rng.percent(10) { 2 } else { 1 };
        for _ in 0..times {
            let what = format!("create {key}");
            let (a, b) = (self.a.create(&change).await, self.b.create(&change).await);
            let (kind, pair) = self.same_answer(&what, a, b);
            if kind == Kind::Done {
                self.know(&key);
            }
            if let Some(pair) = pair {
                self.see(&key, pair);
            }
        }
    }

    fn know(&mut self, key: &TaskKey) {
        if self.tasks.iter().all(|task| task.key != *key) {
            let (tokens, bases) = Default::default();
            self.tasks.push(Known { key: key.clone(), tokens, bases });
        }
    }

    pub(super) fn see(&mut self, key: &TaskKey, pair: Pair) {
        if let Some(task) = self.tasks.iter_mut().find(|task| task.key == *key) {
            remember(&mut task.bases, pair);
        }
    }

    /// A command to a task, decided on a present or an earlier state.
    async fn command(&mut self) {
        let place = self.rng.place(self.tasks.len());
        let task = &self.tasks[place];
        let stale = !task.bases.is_empty() && self.rng.percent(20);
        let base = if stale {
            task.bases[self.rng.place(task.bases.len())].clone()
        } else {
            let key = task.key.clone();
            let Some(pair) = self.same_read(&key, Depth::Tail).await else {
                // The task was purged.
                return;
            };
            self.see(&key, pair.clone());
            pair
        };
        let Some(change) = self.decide(place, &base.a.head) else {
            return;
        };
        if self.rng.percent(10) {
            // The holder was about to renew its lease.
            self.renew_by(&change.head().key, base.a.head.phase.clone()).await;
        }
        let guard = guard(&base.a, self.now());
        let write = Write { place, base, guard, change };
        remember(&mut self.writes, write.clone());
        self.commit(write).await;
    }

    async fn repeat_a_write(&mut self) {
        if !self.writes.is_empty() {
            let place = self.rng.place(self.writes.len());
            let write = self.writes[place].clone();
            self.commit(write).await;
        }
    }

    pub(super) async fn commit(&mut self, write: Write) {
        let Write { place, base, guard, change } = write;
        let key = self.tasks[place].key.clone();
        let revision = change.head().revision;
        let what =
            format!("commit of revision {revision}, now {}, to {key}", change.head().phase.name());
        let a = self.a.commit(&base.a, guard, &change).await;
        let b = self.b.commit(&base.b, guard, &change).await;
        if let (_, Some(pair)) = self.same_answer(&what, a, b) {
            self.see(&key, pair);
        }
    }

    /// A change that the task allows, or none.
    fn decide(&mut self, place: usize, head: &Head) -> Option<Change> {
        let stamp = self.stamp_of(head);
        if let Some(command) = self.push_command(head) {
            return head.apply(command, &stamp).ok();
        }
        if self.rng.percent(4) && !head.is_terminal() {
            return Some(head.postpone(&stamp));
        }
        if self.rng.percent(5) {
            // Mostly of the open scope.
            let scope = if self.rng.percent(80) { head.scope() } else { head.turn };
            return head.apply(Command::Wake { scope }, &stamp).ok();
        }
        let command = match &head.phase {
            Phase::Submitted | Phase::Waiting { .. } => match self.rng.below(10) {
                0..6 => self.claim(place),
                6..8 => self.message(head),
                8 if self.rng.percent(30) => Command::Cancel,
                _ => Command::Look,
            },
            Phase::Running { token, .. } => match self.rng.below(10) {
                0..5 => Command::Emit { token: token.clone(), updates: self.updates() },
                5..8 => self.end_of_turn(head, token),
                8 => self.message(head),
                _ if self.rng.percent(15) => Command::Cancel,
                _ if self.rng.percent(50) => Command::Look,
                _ => self.claim(place),
            },
            Phase::Interrupted { .. } if self.rng.percent(90) => self.message(head),
            _ => Command::Cancel,
        };
        head.apply(command, &stamp).ok()
    }

    fn claim(&mut self, place: usize) -> Command {
        let token = LeaseToken::new(self.fresh());
        remember(&mut self.tasks[place].tokens, token.clone());
        Command::Claim { token, max_attempts: 4 }
    }

    fn message(&mut self, head: &Head) -> Command {
        let message = user_message(&self.fresh(), &self.text());
        let request = self.rng.percent(50).then(|| {
            Fingerprint::new(
                &head.key.tenant,
                &head.owner,
                &message.message_id,
                &message,
                &Terms::default(),
                None,
            )
        });
        let extensions = self.rng.percent(20).then(|| format!("urn:{}", self.last_id));
        let terms = Terms { extensions: extensions.into_iter().collect(), ..Terms::default() };
        Command::Message { message, terms, request, push: self.new_push(10) }
    }

    fn end_of_turn(&mut self, head: &Head, token: &LeaseToken) -> Command {
        let updates = if self.rng.percent(50) { self.updates() } else { Vec::new() };
        let message = Some(agent_message("m", &self.text())).filter(|_| self.rng.percent(60));
        let checkpoint = self
            .rng
            .percent(50)
            .then(|| json_of(&format!("{:?}", text_of(self.rng.place(2_000), "checkpoint"))));
        let given = if self.rng.percent(50) { head.given } else { head.last_message };
        let has_records = self.rng.percent(30);
        let turn = TurnEnd { has_records, ..TurnEnd::new(token.clone(), given, updates) };
        let wake_at = self.now().saturating_add(Duration::from_secs(self.rng.below(200)));
        let interruption =
            self.rng.pick(&[Interruption::InputRequired, Interruption::AuthRequired]);
        match self.rng.below(10) {
            0..2 => {
                let (token, updates) = (turn.token, turn.updates);
                let after = Duration::from_secs(self.rng.below(20));
                let has_records = self.rng.percent(50);
                let cut = None;
                let retry =
                    Retry { updates, has_records, after, cut, max_attempts: 4, reason: message };
                Command::Retry { token, retry }
            }
            2..4 => {
                let then = self.rng.pick(&[Impatience::Wake, Impatience::Fail]);
                let patience = self.rng.percent(50).then_some(Patience { until: wake_at, then });
                Command::Park {
                    turn,
                    pause: Pause::ForUser { interruption, message, checkpoint, patience },
                }
            }
            4..6 => Command::Park { turn, pause: Pause::until(wake_at, checkpoint) },
            6..8 => {
                let next = NextTurn::Repeats { seen: turn.given, checkpoint };
                Command::Park { turn, pause: Pause::Until { wake_at, next } }
            }
            _ => {
                let ending = match self.rng.below(5) {
                    0 => Finish::Failed(message),
                    1 => Finish::Rejected(message),
                    2 => Finish::Direct(agent_message("direct", "hello yourself")),
                    _ => Finish::Completed(message),
                };
                Command::Finish { turn, ending }
            }
        }
    }

    fn updates(&mut self) -> Vec<Update> {
        let count = self.rng.pick(&[1, 1, 1, 2, 3, 12]);
        (0..count).map(|_| self.update()).collect()
    }

    fn update(&mut self) -> Update {
        match self.rng.below(10) {
            0 => progress(&self.text()),
            1 => data(&format!(r#"{{"n":{}.50,"a":[1e2,"é"]}}"#, self.last_id)),
            _ => {
                let bytes = self.bytes();
                chunk_of(bytes, &self.fresh())
            }
        }
    }

    /// Usually small, sometimes large, rarely too large for a store.
    fn bytes(&mut self) -> usize {
        match self.rng.below(300) {
            0 => TOO_LARGE_BYTES,
            1 => 300_000,
            2..20 => self.rng.place(60_000),
            20..120 => self.rng.place(5_000),
            _ => self.rng.place(200),
        }
    }

    fn text(&mut self) -> String {
        let bytes = self.bytes().min(20_000);
        text_of(bytes, &self.fresh())
    }

    /// A renewal with one of the task's tokens.
    async fn renew(&mut self) {
        let task = &self.tasks[self.rng.place(self.tasks.len())];
        let (key, tokens) = (task.key.clone(), &task.tokens);
        let newest = tokens.len().saturating_sub(1);
        let chosen = if self.rng.percent(70) { newest } else { self.rng.place(tokens.len()) };
        let token = tokens.get(chosen).cloned().unwrap_or_else(|| LeaseToken::new("none"));
        // A deliverer's token is not valid for a lease.
        let mark = task.bases.back().and_then(|pair| pair.a.head.mark());
        let token = match mark {
            Some(Mark::Claimed { token, .. }) if self.rng.percent(30) => {
                LeaseToken::new(token.as_str())
            }
            _ => token,
        };
        self.renew_under(&key, &token).await;
    }

    async fn renew_by(&mut self, key: &TaskKey, phase: Phase) {
        if let Phase::Running { token, .. } = phase {
            self.renew_under(key, &token).await;
        }
    }

    async fn renew_under(&mut self, key: &TaskKey, token: &LeaseToken) {
        let until = self.now().saturating_add(LEASE + Duration::from_millis(self.rng.below(500)));
        let a = self.a.renew(key, token, until).await;
        let b = self.b.renew(key, token, until).await;
        let what = format!("renew {key}");
        if let (_, Some(pair)) = self.same_answer(&what, a, b) {
            self.see(key, pair);
        }
    }

    /// The id of a task, in a tenant that may be another one.
    async fn read_elsewhere(&mut self) {
        let task = self.tasks[self.rng.place(self.tasks.len())].key.task.clone();
        let elsewhere = TaskKey { tenant: tenant(self.rng.pick(&TENANTS)), task };
        for depth in [Depth::Tail, Depth::After(Position(1)), Depth::Full] {
            self.same_read(&elsewhere, depth).await;
        }
    }

    /// The entries after a position: usually after the last seen one, as a follower reads.
    async fn read_after(&mut self) {
        let task = &self.tasks[self.rng.place(self.tasks.len())];
        let key = task.key.clone();
        let seen = task.bases.back().map_or(0, |pair| pair.a.head.position.0);
        let known = if self.rng.percent(60) { seen } else { self.rng.below(seen + 3) };
        if let Some(pair) = self.same_read(&key, Depth::After(Position(known))).await {
            self.see(&key, pair);
        }
    }

    async fn list(&mut self) {
        let mut query = ListQuery {
            tenant: tenant(self.rng.pick(&TENANTS)),
            owner: owner(self.rng.pick(&OWNERS)),
            context: self.rng.percent(40).then(|| context(self.rng.pick(&CONTEXTS))),
            state: self.rng.percent(40).then(|| self.rng.pick(TaskState::ALL)),
            limit: self.rng.pick(&[1, 2, 3, 10, 100]),
            count: self.rng.percent(50),
            ..alices()
        };
        // From the places of present or earlier tasks.
        let seen: Vec<Cursor> = self
            .tasks
            .iter()
            .filter_map(|task| task.bases.back().map(|pair| cursor(&pair.a.head)))
            .collect();
        if !seen.is_empty() && self.rng.percent(30) {
            query.status_since = Some(seen[self.rng.place(seen.len())].status_at);
        }
        if !seen.is_empty() && self.rng.percent(30) {
            query.ended_after = Some(seen[self.rng.place(seen.len())].status_at);
        }
        if !seen.is_empty() && self.rng.percent(30) {
            query.after = Some(seen[self.rng.place(seen.len())].clone());
        }
        self.compare_list(&query).await;
    }

    async fn due(&mut self) {
        // Usually at the exact time of a task, where "at or before" differs from "before".
        let last = self.tasks[self.rng.place(self.tasks.len())].bases.back();
        let shards = self.a.due_shards();
        let at = last.and_then(|pair| Some((shards.of(&pair.a.head.key), pair.a.head.due?)));
        let all: Vec<u8> = shards.all().collect();
        let anywhere = self.rng.pick(&all);
        let ahead = Duration::from_millis(self.rng.below(200_000));
        let somewhen = self.rng.pick(&[self.now(), self.now().saturating_add(ahead)]);
        let (shard, until) = at.filter(|_| self.rng.percent(60)).unwrap_or((anywhere, somewhen));
        let limit = self.rng.pick(&[1, 3, 100]);
        self.compare_due(shard, until, limit).await;
    }
}
