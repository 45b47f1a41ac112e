//! Writes by hand, for tests that are a task's runner themselves.

use std::time::Duration;

use a2a_lambda_core::ids::{ConfigId, WriteId};
use a2a_lambda_core::machine::{Command, Stamp, Submission};
use a2a_lambda_core::push::Delivery;
use a2a_lambda_core::store::{Committed, Guard, Snapshot};
use a2a_lambda_core::{
    ContextId, ProtocolVersion, PushConfig, Registration, Sealed, TaskStore, Terms,
};
use a2a_lambda_protocol::Timestamp;

use crate::doubles::{caller, key, user};

/// The stamp of a write at this time.
pub fn stamp(now: Timestamp, write: impl Into<String>) -> Stamp {
    Stamp {
        now,
        write: WriteId::new(write),
        signal_grace: Duration::from_mins(1),
        lease: Duration::from_secs(30),
        push_claim: Duration::from_secs(30),
        retention: None,
        pusher: None,
        runner: None,
    }
}

/// Alice's first message, for this task of the default tenant.
pub fn submission(task: &str) -> Submission {
    let alice = caller("", "alice");
    let Ok(context) = ContextId::parse("context") else { unreachable!("it is an id") };
    Submission {
        key: key(&alice, task),
        owner: alice.owner,
        context,
        message: user("go"),
        terms: Terms::default(),
        sender_waits_until: None,
        request: None,
        pushes: None,
        trace: None,
    }
}

/// A push config without secrets, of which nothing was delivered.
///
/// # Panics
/// When it is no id of a config.
pub fn push_config(id: &str) -> PushConfig {
    let Ok(id) = ConfigId::parse(id) else { panic!("{id} is no id") };
    PushConfig {
        registration: Registration::new(&id, "0"),
        id,
        url: "https://hook.example".to_owned(),
        scheme: String::new(),
        secrets: Sealed::default(),
        version: ProtocolVersion::V1_0,
        trace: None,
        created_at: Timestamp::from_millis(0),
        write: WriteId::new("write"),
        delivery: Delivery::default(),
    }
}

/// Commits a command to a task that nobody else writes to.
///
/// # Panics
/// When it is not legal, or is lost.
pub async fn carry_out(
    store: &(impl TaskStore + ?Sized),
    base: &Snapshot,
    command: Command,
    stamp: &Stamp,
) -> Snapshot {
    let change = match base.head.apply(command, stamp) {
        Ok(change) => change,
        Err(refusal) => panic!("it is refused: {refusal}"),
    };
    let guard = Guard { revision: base.head.revision, leased_until: change.over_lease() };
    match store.commit(base, guard, &change).await {
        Ok(Committed::Done(now)) => *now,
        other => panic!("nobody else writes: {other:?}"),
    }
}
