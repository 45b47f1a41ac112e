//! A deployment in small, and the two ways to speak to it.

mod answer;
mod logs;
mod requests;
mod stream;
mod world;

use serde_json::{Value, json};

pub(crate) use answer::{Answer, BINDINGS, Binding, check_error_form, named_fields, reason};
pub(crate) use logs::Logs;
pub(crate) use requests::{call_request, operations, operations_on, request, sending_text};
pub(crate) use stream::{Event, Events, Item, check_events};
pub(crate) use world::World;

/// A message of the user's.
pub(crate) fn message(text: &str) -> Value {
    json!({ "messageId": "m1", "role": "ROLE_USER", "parts": [{ "text": text }] })
}

/// The parameters of `SendMessage` for it.
pub(crate) fn send(text: &str) -> Value {
    json!({ "message": message(text) })
}

/// The same for a task that exists.
pub(crate) fn follow_up(task: &str, text: &str) -> Value {
    with(send(text), "/message/taskId", json!(task))
}

/// The same for a sender that does not wait.
pub(crate) fn send_and_leave(text: &str) -> Value {
    with(send(text), "/configuration", json!({ "returnImmediately": true }))
}

/// The value with something at a place: an existing member's, or a new one of an existing object's.
pub(crate) fn with(mut value: Value, place: &str, new: Value) -> Value {
    let (parent, name) = place.rsplit_once('/').unwrap();
    match value.pointer_mut(parent).unwrap() {
        Value::Object(object) => {
            object.insert(name.to_owned(), new);
        }
        Value::Array(items) => items[name.parse::<usize>().unwrap()] = new,
        other => panic!("there is no {place} in {other}"),
    }
    value
}

/// The value without its part at a place.
pub(crate) fn without(mut value: Value, place: &str) -> Value {
    let (parent, name) = place.rsplit_once('/').unwrap();
    let object = value.pointer_mut(parent).and_then(Value::as_object_mut).unwrap();
    object.remove(name).unwrap();
    value
}
