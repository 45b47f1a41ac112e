//! Each field of each operation: of another type, absent, `null`, in another spelling, twice.

use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Value, json};

use super::expected::INVALID;
use super::schema::{BASES, Type};
use super::{Scene, is_in_path, is_in_query, schema};
use crate::support::{Binding, call_request, named_fields, with, without};

/// The field's path as an error has it.
fn path(place: &str) -> String {
    let segments = place[1..].split('/').map(|segment| match segment.parse::<u8>() {
        Ok(index) => format!("[{index}]"),
        Err(_) => format!(".{segment}"),
    });
    segments.collect::<String>()[1..].to_owned()
}

/// Every field on both bindings, as far as it is not in the path.
async fn fields() -> Vec<(Binding, &'static str, &'static str, Type)> {
    let scene = Scene::new().await;
    let mut all = Vec::new();
    for operation in BASES.iter().flat_map(|(operations, _)| *operations) {
        for (place, of) in schema::fields(&scene.params(operation)) {
            let place: &str = place.leak();
            all.push((Binding::JsonRpc, *operation, place, of));
            if !is_in_path(operation, place) {
                all.push((Binding::Rest, *operation, place, of));
            }
        }
    }
    all
}

#[tokio::test(start_paused = true)]
async fn of_another_type() {
    let scene = Scene::new().await;
    let before = scene.seen().await;
    for (binding, operation, place, of) in fields().await {
        if binding == Binding::Rest && is_in_query(operation) && of == Type::Text {
            // All that is in a query is text.
            continue;
        }
        for wrong in of.wrong() {
            let params = with(scene.params(operation), place, scene.fill(wrong));
            let why = format!("{binding:?} {operation} {place} {wrong}");
            let answer = scene.world.call(binding, operation, params).await;
            let error = answer.refused(&why);
            INVALID.check(binding, &error, &why);
            assert_eq!(named_fields(binding, &error), [path(place)], "{why}: {error}");
        }
    }
    assert_eq!(scene.seen().await, before, "nothing was done");
}

/// The answer in a scene of its own, where all ids and times are the same again.
async fn answer(request: impl AsyncFnOnce(&Scene) -> Request<Bytes>) -> Response<Bytes> {
    let scene = Scene::new().await;
    // A subscription would wait for an event that does not come.
    let world = scene.world.in_a_hurry(std::time::Duration::from_secs(1));
    let request = request(&scene).await;
    world.request(request).await
}

async fn answer_to(
    binding: Binding,
    operation: &str,
    params: impl FnOnce(&Scene) -> Value,
) -> Response<Bytes> {
    Box::pin(answer(async |scene| call_request(binding, operation, params(scene), &[]))).await
}

fn assert_same(one: &Response<Bytes>, other: &Response<Bytes>, why: &str) {
    assert_eq!(one.status(), other.status(), "{why}: {one:?} {other:?}");
    assert_eq!(one.headers(), other.headers(), "{why}");
    assert_eq!(one.body(), other.body(), "{why}");
}

#[tokio::test(start_paused = true)]
async fn null_is_as_good_as_absent() {
    for (binding, operation, place, _) in fields().await {
        let is_item = place.rsplit('/').next().unwrap().parse::<u8>().is_ok();
        if is_item || binding == Binding::Rest && is_in_query(operation) {
            continue;
        }
        let absent = answer_to(binding, operation, |scene| without(scene.params(operation), place));
        let null = answer_to(binding, operation, |scene| {
            with(scene.params(operation), place, Value::Null)
        });
        assert_same(&null.await, &absent.await, &format!("{binding:?} {operation} {place}"));
    }
}

#[tokio::test(start_paused = true)]
async fn null_among_the_items_of_a_list_is_refused() {
    let scene = Scene::new().await;
    for (binding, operation, place, _) in fields().await {
        if place.rsplit('/').next().unwrap().parse::<u8>().is_ok() {
            let params = with(scene.params(operation), place, Value::Null);
            let why = format!("{binding:?} {operation} {place}");
            let error = scene.world.call(binding, operation, params).await.refused(&why);
            INVALID.check(binding, &error, &why);
            assert_eq!(named_fields(binding, &error), [path(place)], "{why}: {error}");
        }
    }
}

/// The name as the proto has it, if it is another one.
fn snake_case(name: &str) -> Option<String> {
    let mut snake = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    (snake != name).then_some(snake)
}

/// The parameters with a field under another name; `keep` keeps it under its own, too.
fn renamed(params: Value, place: &str, name: &str, keep: bool) -> Value {
    let (parent, _) = place.rsplit_once('/').unwrap();
    let value = params.pointer(place).unwrap().clone();
    let params = if keep { params } else { without(params, place) };
    with(params, &format!("{parent}/{name}"), value)
}

#[tokio::test(start_paused = true)]
async fn in_the_spelling_of_the_proto() {
    let mut spelled = 0;
    for (binding, operation, place, _) in fields().await {
        let Some(snake) = snake_case(place.rsplit('/').next().unwrap()) else { continue };
        spelled += 1;
        let why = format!("{binding:?} {operation} {place}");
        let camel = answer_to(binding, operation, |scene| scene.params(operation)).await;
        let other = answer_to(binding, operation, |scene| {
            renamed(scene.params(operation), place, &snake, false)
        });
        assert_same(&other.await, &camel, &why);
        let scene = Scene::new().await;
        let both = renamed(scene.params(operation), place, &snake, true);
        let error = scene.world.call(binding, operation, both).await.refused(&why);
        INVALID.check(binding, &error, &why);
        assert_eq!(named_fields(binding, &error).len(), 1, "{why}: {error}");
    }
    assert!(spelled > 40, "{spelled}");
}

#[tokio::test(start_paused = true)]
async fn of_no_name_that_is_known() {
    for (binding, operation, place, of) in fields().await {
        let object = if of == Type::Object { place } else { "" };
        if object.ends_with("etadata") || binding == Binding::Rest && is_in_query(operation) {
            // The one is the sender's own, the other is a query, which has tests of its own.
            continue;
        }
        let plain = answer_to(binding, operation, |scene| scene.params(operation));
        let more = answer_to(binding, operation, |scene| {
            let params = scene.params(operation);
            let params = with(params, &format!("{object}/newField"), json!({ "a": [1, null] }));
            with(params, &format!("{object}/__proto__"), json!(null))
        });
        assert_same(&more.await, &plain.await, &format!("{binding:?} {operation} {object}"));
    }
}

#[tokio::test(start_paused = true)]
async fn given_twice() {
    for (binding, operation, place, _) in fields().await {
        let name = place.rsplit('/').next().unwrap();
        if name.parse::<u8>().is_ok() {
            continue;
        }
        let scene = Scene::new().await;
        // A name that occurs nowhere else is put in, and then made the field's again in the text.
        let params = renamed(scene.params(operation), place, "twice", true);
        let request = call_request(binding, operation, params, &[]);
        let (mut head, body) = request.into_parts();
        let body = String::from_utf8(body.to_vec()).unwrap().replace("twice", name);
        head.uri = head.uri.to_string().replace("twice", name).parse().unwrap();
        let response = scene.world.request(Request::from_parts(head, body.into())).await;
        let why = format!("{binding:?} {operation} {place}");
        let answer = crate::support::Answer::of(binding, &json!("r1"), &response);
        INVALID.check(binding, &answer.refused(&why), &why);
    }
}
