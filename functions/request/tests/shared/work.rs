//! A runner's commits, and a client's reading of them: for the handler's tests and for those of the
//! process.

use std::sync::Arc;
use std::time::Duration;

use a2a_lambda_core::ids::{LeaseToken, TaskId, TaskKey};
use a2a_lambda_core::log::ArtifactChange;
use a2a_lambda_core::machine::{Finish, Stamp, TurnEnd, Update};
use a2a_lambda_core::store::Depth;
use a2a_lambda_core::{Clock, Command, Ids, TaskStore, Tenant};
use a2a_lambda_protocol::{Artifact, Part};
use a2a_lambda_runtime::RandomIds;
use a2a_lambda_testing::{carry_out, stamp};
use serde_json::Value;

/// A runner by hand: a test says when it commits which command.
pub(crate) struct Work {
    store: Arc<dyn TaskStore>,
    clock: Arc<dyn Clock>,
    key: TaskKey,
    token: LeaseToken,
}

impl Work {
    /// Takes a task of the default tenant on, which makes it WORKING.
    pub(crate) async fn on(
        task: &Value,
        store: &Arc<dyn TaskStore>,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        let task = TaskId::parse(task.as_str().unwrap()).unwrap();
        let key = TaskKey { tenant: Tenant::default(), task };
        let token = LeaseToken::new(RandomIds.fresh());
        let work = Self { store: store.clone(), clock: clock.clone(), key, token };
        work.commit(Command::Claim { token: work.token.clone(), max_attempts: 1 }).await;
        work
    }

    /// Says each text as a chunk of its own, all of them in one commit.
    pub(crate) async fn say(&self, texts: &[&str]) {
        let update = |text: &&str| {
            let artifact = Artifact::new("a", [Part::text(*text)]);
            let change = ArtifactChange { artifact, append: true, ..ArtifactChange::default() };
            Update::Artifact(change)
        };
        let updates = texts.iter().map(update).collect();
        self.commit(Command::Emit { token: self.token.clone(), updates }).await;
    }

    /// Completes the task.
    pub(crate) async fn finish(self) {
        let read = self.store.read(&self.key, Depth::Tail).await.unwrap().unwrap();
        let turn = TurnEnd::new(self.token.clone(), read.head.last_message, Vec::new());
        self.commit(Command::Finish { turn, ending: Finish::Completed(None) }).await;
    }

    async fn commit(&self, command: Command) {
        let base = self.store.read(&self.key, Depth::Tail).await.unwrap().unwrap();
        let usual = stamp(self.clock.now(), RandomIds.fresh());
        // Nobody takes it over, however long the test.
        let stamp = Stamp { lease: Duration::from_hours(1), ..usual };
        carry_out(self.store.as_ref(), &base, command, &stamp).await;
    }
}

/// An event of a stream, as a client reads it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    pub(crate) id: u64,
    /// The `StreamResponse`, out of the envelope that JSON-RPC has.
    pub(crate) response: Value,
}

impl Event {
    /// Reads one, whole.
    pub(crate) fn read(text: &str) -> Self {
        let lines = text.strip_prefix("id: ").and_then(|it| it.strip_suffix("\n\n"));
        let (id, data) = lines.and_then(|it| it.split_once("\ndata: ")).expect(text);
        let data: Value = serde_json::from_str(data).expect(text);
        let response = data.get("result").unwrap_or(&data).clone();
        Self { id: id.parse().expect(text), response }
    }

    /// Reads all that a text consists of.
    pub(crate) fn read_all(text: &str) -> Vec<Self> {
        text.split_inclusive("\n\n").map(Self::read).collect()
    }

    /// Its short form: a state, or a chunk's text.
    pub(crate) fn said(&self) -> &str {
        let update = &self.response["artifactUpdate"]["artifact"]["parts"][0]["text"];
        let state = ["task", "statusUpdate"]
            .into_iter()
            .find_map(|kind| self.response[kind]["status"]["state"].as_str());
        state.or(update.as_str()).unwrap()
    }
}

/// The ids of events, and their short forms.
pub(crate) fn said(events: &[Event]) -> Vec<(u64, &str)> {
    events.iter().map(|event| (event.id, event.said())).collect()
}
