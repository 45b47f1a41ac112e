//! The making of the agents.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use a2a_lambda::Variables;

/// The value of a future that waits for nothing.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waits"),
    }
}

fn refusal(unit: &str) -> Option<String> {
    let lookup = |name: &str| (name == "UNIT").then(|| unit.to_owned());
    now(own_agent::agents(&Variables::local(&lookup))).err()
}

#[test]
fn an_unknown_unit_is_refused_by_name() {
    for unit in ["", "words", "letters"] {
        assert_eq!(refusal(unit), None, "{unit:?}");
    }
    assert_eq!(refusal("miles").as_deref(), Some("UNIT must be words or letters, not \"miles\""));
}
