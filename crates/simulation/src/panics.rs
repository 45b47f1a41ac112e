//! Panics as findings: a failed debug assertion of the core is a violation.

use std::any::Any;
use std::cell::Cell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook, take_hook};
use std::sync::Once;
use std::task::Poll;

use crate::oracle::Violation;

thread_local! {
    /// Whether this thread runs a simulation, so that its panics are not printed.
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// An unexpected panic.
#[derive(Debug)]
pub(crate) struct Panicked(String);

impl From<Panicked> for Violation {
    /// A failed assertion of a core predicate names its invariant.
    fn from(Panicked(text): Panicked) -> Self {
        let named = Violation::NAMES.iter().find(|name| text.contains(&format!("\"{name}: ")));
        Violation::new(named.unwrap_or(&"panic"), text)
    }
}

/// Runs a simulation on this thread without printing its panics.
pub(crate) fn quietly<T>(run: impl FnOnce() -> T) -> T {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let loud = take_hook();
        set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
            if !QUIET.get() {
                loud(info);
            }
        }));
    });
    let before = QUIET.replace(true);
    let done = run();
    QUIET.set(before);
    done
}

/// Runs a future, and turns its panic into an `Err`.
pub(crate) async fn caught<T>(work: impl Future<Output = T>) -> Result<T, Panicked> {
    let mut work = std::pin::pin!(work);
    std::future::poll_fn(|context| {
        let poll = AssertUnwindSafe(|| work.as_mut().poll(context));
        match catch_unwind(poll) {
            Ok(poll) => poll.map(Ok),
            Err(payload) => Poll::Ready(Err(Panicked(text_of(payload.as_ref())))),
        }
    })
    .await
}

fn text_of(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_owned()
}
