//! Interoperation with a2a-lf 0.4.2, the official crate: it reads our text and we read its text.
//!
//! Each value of ours goes through its types and comes back the same. Where a2a-lf departs from the
//! proto, the proto wins here; the strategies then step around the departure, and a test of
//! `departures` shows it. When one of those fails after an update of a2a-lf, the departure is gone.

use std::fmt::Debug;

use a2a_lambda_protocol as ours;
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::strategies as s;

/// Ours, through theirs, and back.
fn through<Ours, Theirs>(value: &Ours) -> Result<(), TestCaseError>
where
    Ours: Serialize + DeserializeOwned + PartialEq + Debug,
    Theirs: Serialize + DeserializeOwned,
{
    let sent = serde_json::to_string(value).unwrap();
    let theirs: Theirs = serde_json::from_str(&sent)
        .map_err(|error| TestCaseError::fail(format!("{error}: {sent}")))?;
    let returned = serde_json::to_string(&theirs).unwrap();
    let read: Ours = ours::decode(returned.as_bytes())
        .map_err(|error| TestCaseError::fail(format!("{error}: {returned}")))?;
    // Compared as parsed JSON, because theirs rewrites user data: key order and float spelling.
    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    prop_assert_eq!(json(&serde_json::to_string(&read).unwrap()), json(&sent));
    Ok(())
}

/// A task as a2a-lf takes it: see `departures::fields_that_are_not_required`.
fn for_lf(mut task: ours::Task) -> ours::Task {
    fill(&mut task.context_id);
    task
}

fn fill(text: &mut String) {
    if text.is_empty() {
        text.push('x');
    }
}

fn card_for_lf(mut card: ours::AgentCard) -> ours::AgentCard {
    for extension in &mut card.capabilities.extensions {
        fill(&mut extension.uri);
    }
    for scheme in card.security_schemes.values_mut() {
        let ours::SecurityScheme::OAuth2(oauth2) = scheme else { continue };
        let scopes = match &mut oauth2.flows {
            Some(ours::OAuthFlows::Implicit(flow)) => {
                fill(&mut flow.authorization_url);
                &mut flow.scopes
            }
            Some(ours::OAuthFlows::Password(flow)) => {
                fill(&mut flow.token_url);
                &mut flow.scopes
            }
            _ => continue,
        };
        scopes.insert("s".into(), String::new());
    }
    card
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn part(value in s::part()) {
        through::<ours::Part, a2a::Part>(&value)?;
    }

    #[test]
    fn message(value in s::message()) {
        through::<ours::Message, a2a::Message>(&value)?;
    }

    #[test]
    fn artifact(value in s::artifact()) {
        through::<ours::Artifact, a2a::Artifact>(&value)?;
    }

    #[test]
    fn task(value in s::task().prop_map(for_lf)) {
        through::<ours::Task, a2a::Task>(&value)?;
    }

    #[test]
    fn send_message_response(value in s::send_message_response()) {
        let value = match value {
            ours::SendMessageResponse::Task(task) => ours::SendMessageResponse::Task(for_lf(task)),
            message @ ours::SendMessageResponse::Message(_) => message,
        };
        through::<ours::SendMessageResponse, a2a::SendMessageResponse>(&value)?;
    }

    #[test]
    fn stream_response(value in s::stream_response()) {
        let value = match value {
            ours::StreamResponse::Task(task) => ours::StreamResponse::Task(for_lf(task)),
            other => other,
        };
        through::<ours::StreamResponse, a2a::StreamResponse>(&value)?;
    }

    #[test]
    fn send_message_request(value in s::send_message_request()) {
        through::<ours::SendMessageRequest, a2a::SendMessageRequest>(&value)?;
    }

    #[test]
    fn list_tasks(request in s::list_tasks_request(), mut response in s::list_tasks_response()) {
        through::<ours::ListTasksRequest, a2a::ListTasksRequest>(&request)?;
        response.tasks = response.tasks.into_iter().map(for_lf).collect();
        through::<ours::ListTasksResponse, a2a::ListTasksResponse>(&response)?;
    }

    #[test]
    fn requests_about_a_task(
        tenant in s::text(),
        id in s::text(),
        history_length in any::<Option<i32>>(),
        metadata in proptest::option::of(s::object()),
    ) {
        let (t, i) = (|| tenant.clone(), || id.clone());
        let get = ours::GetTaskRequest { tenant: t(), id: i(), history_length };
        through::<_, a2a::GetTaskRequest>(&get)?;
        let cancel = ours::CancelTaskRequest { tenant: t(), id: i(), metadata };
        through::<_, a2a::CancelTaskRequest>(&cancel)?;
        let subscribe = ours::SubscribeToTaskRequest { tenant: t(), id: i() };
        through::<_, a2a::SubscribeToTaskRequest>(&subscribe)?;
        let card = ours::GetExtendedAgentCardRequest { tenant: t() };
        through::<_, a2a::GetExtendedAgentCardRequest>(&card)?;
    }

    #[test]
    fn push_configs(
        configs in proptest::collection::vec(s::push_config(), 0..3),
        tenant in s::text(),
        task_id in s::text(),
        id in s::text(),
        page_size in any::<i32>(),
    ) {
        for config in &configs {
            through::<ours::TaskPushNotificationConfig, a2a::TaskPushNotificationConfig>(config)?;
        }
        let response = ours::ListTaskPushNotificationConfigsResponse {
            configs,
            next_page_token: id.clone(),
        };
        through::<_, a2a::ListTaskPushNotificationConfigsResponse>(&response)?;
        let (tenant, task_id) = (|| tenant.clone(), || task_id.clone());
        let get = ours::GetTaskPushNotificationConfigRequest {
            tenant: tenant(), task_id: task_id(), id: id.clone(),
        };
        through::<_, a2a::GetTaskPushNotificationConfigRequest>(&get)?;
        let delete = ours::DeleteTaskPushNotificationConfigRequest {
            tenant: tenant(), task_id: task_id(), id: id.clone(),
        };
        through::<_, a2a::DeleteTaskPushNotificationConfigRequest>(&delete)?;
        let list = ours::ListTaskPushNotificationConfigsRequest {
            tenant: tenant(), task_id: task_id(), page_size, page_token: id,
        };
        through::<_, a2a::ListTaskPushNotificationConfigsRequest>(&list)?;
    }

    #[test]
    fn agent_card(value in s::agent_card().prop_map(card_for_lf)) {
        through::<ours::AgentCard, a2a::AgentCard>(&value)?;
    }
}

/// a2a-lf distinguishes absent from empty where the proto does not: an empty value of theirs is
/// absent here.
#[test]
fn empty_values_of_theirs_are_absent() {
    let message = a2a::Message {
        message_id: "m".into(),
        context_id: Some(String::new()),
        task_id: Some(String::new()),
        role: a2a::Role::Agent,
        parts: vec![a2a::Part::text("hi").with_filename("").with_media_type("")],
        metadata: None,
        extensions: Some(vec![]),
        reference_task_ids: Some(vec![]),
    };
    let text = serde_json::to_string(&message).unwrap();
    let read: ours::Message = ours::decode(text.as_bytes()).unwrap();
    assert_eq!(
        serde_json::to_value(&read).unwrap(),
        json!({"messageId": "m", "role": "ROLE_AGENT", "parts": [{"text": "hi"}]}),
    );
}

#[test]
fn the_official_client_understands_our_errors() {
    for kind in ours::ErrorKind::ALL {
        let error = ours::A2aError::new(kind, "no").with_metadata("taskId", "t");
        let text = serde_json::to_string(&error.to_json_rpc()).unwrap();
        let theirs: a2a::JsonRpcError = serde_json::from_str(&text).unwrap();
        assert_eq!((theirs.code, theirs.message.as_str()), (kind.json_rpc_code(), "no"));
        if let Some(reason) = kind.reason() {
            assert_eq!(a2a::reason_to_error_code(reason), Some(kind.json_rpc_code()));
            let http = a2a::A2AError::new(kind.json_rpc_code(), "").http_status_code();
            // a2a-lf: 500 for anything it has no line for, which includes InvalidAgentResponse.
            assert_eq!(http, kind.http_status(), "{kind:?}");
        }
    }
}

/// The departures of a2a-lf 0.4.2 from the proto or from `ProtoJSON`. Ours reads or writes all of
/// this otherwise.
mod departures {
    use super::*;

    #[track_caller]
    fn they_refuse_and_we_read<Theirs: DeserializeOwned, Ours: DeserializeOwned>(text: &str) {
        assert!(serde_json::from_str::<Theirs>(text).is_err(), "they read {text}");
        ours::decode::<Ours>(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"));
    }

    #[track_caller]
    fn they_read_and_we_refuse<Theirs: DeserializeOwned, Ours: DeserializeOwned>(text: &str) {
        serde_json::from_str::<Theirs>(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert!(ours::decode::<Ours>(text.as_bytes()).is_err(), "we read {text}");
    }

    /// It requires fields that the proto does not mark REQUIRED, and that writers may therefore
    /// leave out.
    #[test]
    fn fields_that_are_not_required() {
        they_refuse_and_we_read::<a2a::Task, ours::Task>(
            r#"{"id":"t","status":{"state":"TASK_STATE_WORKING"}}"#,
        );
        they_refuse_and_we_read::<a2a::AgentExtension, ours::AgentExtension>("{}");
        they_refuse_and_we_read::<a2a::OAuthFlows, ours::OAuthFlows>(r#"{"implicit":{}}"#);
        they_refuse_and_we_read::<a2a::OAuthFlows, ours::OAuthFlows>(r#"{"password":{}}"#);
    }

    /// It reads one spelling only: no `snake_case`, enum numbers, integers in strings or as floats,
    /// other base64.
    #[test]
    fn one_spelling() {
        they_refuse_and_we_read::<a2a::Message, ours::Message>(
            r#"{"message_id":"m","role":"ROLE_USER","parts":[]}"#,
        );
        they_refuse_and_we_read::<a2a::TaskStatus, ours::TaskStatus>(r#"{"state":2}"#);
        for length in ["\"1\"", "1.0"] {
            let text = format!(r#"{{"id":"t","historyLength":{length}}}"#);
            they_refuse_and_we_read::<a2a::GetTaskRequest, ours::GetTaskRequest>(&text);
        }
        for raw in ["_w==", "/w"] {
            let text = format!(r#"{{"raw":"{raw}"}}"#);
            they_refuse_and_we_read::<a2a::Part, ours::Part>(&text);
        }
    }

    /// It takes `null` for absent in optional fields only.
    #[test]
    fn null_in_required_fields() {
        they_refuse_and_we_read::<a2a::Message, ours::Message>(
            r#"{"messageId":"m","role":"ROLE_USER","parts":null}"#,
        );
    }

    /// It accepts parts with several contents (text before raw before url before data), and skips
    /// malformed ones.
    #[test]
    fn parts_are_not_checked() {
        for part in [
            r#"{"text":"a","url":"b"}"#,
            r#"{"text":1,"url":"b"}"#,
            r#"{"text":"a","filename":1}"#,
            r#"{"text":"a","metadata":[]}"#,
        ] {
            they_read_and_we_refuse::<a2a::Part, ours::Part>(part);
        }
        they_read_and_we_refuse::<a2a::StreamResponse, ours::StreamResponse>(
            r#"{"message":{"messageId":"m","role":"ROLE_USER","parts":[]},"task":{}}"#,
        );
    }

    /// It takes an array for an object, as serde's derive does, and an empty string for an enum's
    /// zero.
    #[test]
    fn arrays_for_objects() {
        they_read_and_we_refuse::<a2a::TaskStatus, ours::TaskStatus>(
            r#"["TASK_STATE_WORKING",null,null]"#,
        );
        they_read_and_we_refuse::<a2a::TaskStatus, ours::TaskStatus>(r#"{"state":""}"#);
    }

    /// It rewrites user data: integers past 64 bits turn into floats, a repeated key is lost.
    #[test]
    fn user_data_is_rewritten() {
        let text = r#"{"data":{"n":123456789012345678901234567890,"k":1,"k":2}}"#;
        let theirs: a2a::Part = serde_json::from_str(text).unwrap();
        assert_ne!(serde_json::to_string(&theirs).unwrap(), text);
        let part: ours::Part = ours::decode(text.as_bytes()).unwrap();
        assert_eq!(serde_json::to_string(&part).unwrap(), text);
    }

    /// It drops an empty `metadata` of a part, which for a message type is not the same as none.
    #[test]
    fn empty_metadata_of_a_part() {
        let text = r#"{"text":"a","metadata":{}}"#;
        let theirs: a2a::Part = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&theirs).unwrap(), r#"{"text":"a"}"#);
    }

    /// It writes timestamps with as many digits as they have, from none to nine; specification
    /// 5.6.1 wants three.
    #[test]
    fn timestamps() {
        let text = r#"{"state":"TASK_STATE_WORKING","timestamp":"2025-10-28T10:30:00.000Z"}"#;
        let theirs: a2a::TaskStatus = serde_json::from_str(text).unwrap();
        let returned = serde_json::to_string(&theirs).unwrap();
        assert!(returned.contains("\"2025-10-28T10:30:00Z\""), "{returned}");
    }
}
