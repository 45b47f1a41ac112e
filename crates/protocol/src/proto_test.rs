//! The structs are the proto: every message of `a2a.proto`, every field, its names, type and
//! presence.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::wire::Described;
use crate::*;

/// The normative data model, Apache-2.0, from <https://github.com/a2aproject/A2A>.
const PROTO: &str = include_str!("../tests/a2a.proto");

/// REQUIRED, but an `Option` here, because the type has no empty value that could stand for absent.
const REQUIRED_BUT_OPTION: [(&str, &str); 2] =
    [("SendMessageRequest", "message"), ("OAuth2SecurityScheme", "flows")];

struct ProtoField {
    name: String,
    /// `optional`, `repeated` or nothing.
    label: String,
    ty: String,
    required: bool,
    oneof: bool,
}

/// Reads the messages of a proto file, as far as this one file goes.
fn messages() -> BTreeMap<String, Vec<ProtoField>> {
    let mut messages: BTreeMap<String, Vec<ProtoField>> = BTreeMap::new();
    let mut message = None;
    let mut oneof = false;
    for line in PROTO.lines().map(str::trim).filter(|line| !line.starts_with("//")) {
        if let Some(rest) = line.strip_prefix("message ") {
            let name = rest.trim_end_matches(" {").to_owned();
            messages.insert(name.clone(), Vec::new());
            message = Some(name);
        } else if line.starts_with("oneof ") {
            oneof = true;
        } else if line == "}" {
            if oneof {
                oneof = false;
            } else {
                message = None;
            }
        } else if let (Some(message), Some((declaration, rest))) =
            (&message, line.split_once(" = "))
        {
            let declaration = declaration.replace(", ", ",");
            let mut words = declaration.split(' ').rev();
            messages.get_mut(message).unwrap().push(ProtoField {
                name: words.next().unwrap().to_owned(),
                ty: words.next().unwrap().to_owned(),
                label: words.next().unwrap_or_default().to_owned(),
                required: rest.contains("REQUIRED"),
                oneof,
            });
        }
    }
    messages
}

fn json_name(proto: &str) -> String {
    let mut words = proto.split('_');
    let first = words.next().unwrap().to_owned();
    words.fold(first, |out, word| out + &word[..1].to_uppercase() + &word[1..])
}

fn rust_name(message: &str) -> String {
    message.replace("APIKey", "ApiKey").replace("HTTPAuth", "HttpAuth")
}

/// The Rust type that the crate's rules give a field.
fn rust_type(message: &str, field: &ProtoField) -> String {
    let ty = match field.ty.as_str() {
        "string" => "String".to_owned(),
        "int32" => "i32".to_owned(),
        "google.protobuf.Struct" => "Struct".to_owned(),
        "google.protobuf.Timestamp" => "Timestamp".to_owned(),
        "map<string,string>" => "BTreeMap<String,String>".to_owned(),
        other => match other.strip_prefix("map<string,") {
            Some(value) => format!("BTreeMap<String,{value}"),
            None => rust_name(other),
        },
    };
    let has_empty = ["string", "int32", "bool", "TaskState", "Role"].contains(&field.ty.as_str())
        || field.ty.starts_with("map<");
    let required = field.required && !REQUIRED_BUT_OPTION.contains(&(message, field.name.as_str()));
    match field.label.as_str() {
        "repeated" => format!("Vec<{ty}>"),
        "optional" => format!("Option<{ty}>"),
        _ if field.oneof || has_empty || required => ty,
        _ => format!("Option<{ty}>"),
    }
}

/// Compares one type with its message and takes that off the list.
fn same_fields<T: Described>(message: &str, left: &mut BTreeMap<String, Vec<ProtoField>>) {
    let fields = left.remove(message).unwrap_or_else(|| panic!("no message {message}"));
    let described: BTreeSet<_> = T::FIELDS
        .iter()
        .map(|(proto, json, ty)| ((*proto).to_owned(), (*json).to_owned(), ty.replace(' ', "")))
        .collect();
    let expected: BTreeSet<_> = fields
        .iter()
        .map(|field| (field.name.clone(), json_name(&field.name), rust_type(message, field)))
        .collect();
    assert_eq!(described, expected, "{message}");
}

/// As above, and an empty value writes exactly its REQUIRED fields.
fn same<T: Described + Default + Serialize>(
    message: &str,
    left: &mut BTreeMap<String, Vec<ProtoField>>,
) {
    let expected: BTreeSet<String> = left[message]
        .iter()
        .filter(|f| f.required && !REQUIRED_BUT_OPTION.contains(&(message, f.name.as_str())))
        .map(|field| json_name(&field.name))
        .collect();
    let empty: BTreeMap<String, Json> =
        Json::from_value(&T::default()).and_then(|json| json.to()).unwrap();
    assert_eq!(empty.into_keys().collect::<BTreeSet<_>>(), expected, "{message}");
    same_fields::<T>(message, left);
}

#[test]
fn every_message_has_the_fields_of_the_proto() {
    let mut left = messages();
    macro_rules! check {
        ($($ty:ident)*) => { $( same::<$ty>(stringify!($ty), &mut left); )* };
    }
    check! {
        Task TaskStatus Message Artifact TaskStatusUpdateEvent TaskArtifactUpdateEvent
        SendMessageRequest SendMessageConfiguration GetTaskRequest ListTasksRequest
        ListTasksResponse CancelTaskRequest SubscribeToTaskRequest GetExtendedAgentCardRequest
        TaskPushNotificationConfig AuthenticationInfo GetTaskPushNotificationConfigRequest
        DeleteTaskPushNotificationConfigRequest ListTaskPushNotificationConfigsRequest
        ListTaskPushNotificationConfigsResponse
        AgentCard AgentInterface AgentProvider AgentCapabilities AgentExtension AgentSkill
        AgentCardSignature SecurityRequirement StringList OAuth2SecurityScheme
        OpenIdConnectSecurityScheme MutualTlsSecurityScheme AuthorizationCodeOAuthFlow
        ClientCredentialsOAuthFlow ImplicitOAuthFlow PasswordOAuthFlow DeviceCodeOAuthFlow
    }
    same::<ApiKeySecurityScheme>("APIKeySecurityScheme", &mut left);
    same::<HttpAuthSecurityScheme>("HTTPAuthSecurityScheme", &mut left);
    same_fields::<SecurityScheme>("SecurityScheme", &mut left);
    same_fields::<OAuthFlows>("OAuthFlows", &mut left);
    same_fields::<SendMessageResponse>("SendMessageResponse", &mut left);
    same_fields::<StreamResponse>("StreamResponse", &mut left);

    // Written by hand; its own tests cover each field.
    let part: Vec<String> = left.remove("Part").unwrap().into_iter().map(|f| f.name).collect();
    assert_eq!(part, ["text", "raw", "url", "data", "metadata", "filename", "media_type"]);

    assert!(left.is_empty(), "not covered: {:?}", left.keys());
}

#[test]
fn every_enum_value_has_the_name_and_number_of_the_proto() {
    let states = TaskState::ALL.iter().map(|state| format!("  {state} = {};", *state as i32));
    let roles = Role::ALL.iter().map(|role| format!("  {role} = {};", *role as i32));
    let proto: Vec<_> = PROTO
        .lines()
        .filter(|line| line.starts_with("  TASK_STATE_") || line.starts_with("  ROLE_"))
        .collect();
    assert_eq!(states.chain(roles).collect::<Vec<_>>(), proto);
}
