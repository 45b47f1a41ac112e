//! Arbitrary protocol objects.

use a2a_lambda_protocol::*;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

/// Compact JSON text of any shape, a few levels deep.
pub(crate) fn json_text() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|b| b.to_string()),
        any::<i64>().prop_map(|n| n.to_string()),
        any::<u64>().prop_map(|n| n.to_string()),
        any::<i16>().prop_map(|n| format!("{}", f64::from(n) / 8.0)),
        text().prop_map(|s| serde_json::to_string(&s).unwrap()),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            object_text(inner),
        ]
    })
}

fn object_text(value: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    btree_map(text(), value, 0..4).prop_map(|entries| {
        let entries: Vec<_> = entries
            .into_iter()
            .map(|(key, value)| format!("{}:{value}", serde_json::to_string(&key).unwrap()))
            .collect();
        format!("{{{}}}", entries.join(","))
    })
}

pub(crate) fn json() -> impl Strategy<Value = Json> {
    json_text().prop_map(|text| Json::parse(&text).unwrap())
}

/// Never empty: a2a-lf leaves an empty one out of a part, and keeps it elsewhere.
pub(crate) fn object() -> impl Strategy<Value = Struct> {
    (text(), json_text()).prop_map(|(key, value)| {
        let key = serde_json::to_string(&key).unwrap();
        Struct::parse(&format!("{{{key}:{value}}}")).unwrap()
    })
}

/// Text that is hard on writers of JSON, and often empty, which is absent.
pub(crate) fn text() -> impl Strategy<Value = String> {
    prop_oneof![2 => Just(String::new()), 3 => "[a-z]{1,6}", 1 => any::<String>()]
}

fn texts() -> impl Strategy<Value = Vec<String>> {
    vec(text(), 0..3)
}

pub(crate) fn timestamp() -> impl Strategy<Value = Timestamp> {
    (Timestamp::MIN.as_millis()..=Timestamp::MAX.as_millis()).prop_map(Timestamp::from_millis)
}

pub(crate) fn state() -> impl Strategy<Value = TaskState> {
    proptest::sample::select(TaskState::ALL)
}

fn role() -> impl Strategy<Value = Role> {
    proptest::sample::select(Role::ALL)
}

pub(crate) fn part() -> impl Strategy<Value = Part> {
    let content = prop_oneof![
        text().prop_map(PartContent::Text),
        vec(any::<u8>(), 0..20).prop_map(PartContent::Raw),
        text().prop_map(PartContent::Url),
        json().prop_map(PartContent::Data),
    ];
    (content, option::of(object()), text(), text()).prop_map(
        |(content, metadata, filename, media_type)| Part {
            content,
            metadata,
            filename,
            media_type,
        },
    )
}

pub(crate) fn message() -> impl Strategy<Value = Message> {
    (text(), text(), text(), role(), vec(part(), 0..3), option::of(object()), texts(), texts())
        .prop_map(
            |(
                message_id,
                context_id,
                task_id,
                role,
                parts,
                metadata,
                extensions,
                reference_task_ids,
            )| {
                Message {
                    message_id,
                    context_id,
                    task_id,
                    role,
                    parts,
                    metadata,
                    extensions,
                    reference_task_ids,
                }
            },
        )
}

pub(crate) fn artifact() -> impl Strategy<Value = Artifact> {
    (text(), text(), text(), vec(part(), 0..3), option::of(object()), texts()).prop_map(
        |(artifact_id, name, description, parts, metadata, extensions)| Artifact {
            artifact_id,
            name,
            description,
            parts,
            metadata,
            extensions,
        },
    )
}

pub(crate) fn status() -> impl Strategy<Value = TaskStatus> {
    (state(), option::of(message()), option::of(timestamp()))
        .prop_map(|(state, message, timestamp)| TaskStatus { state, message, timestamp })
}

pub(crate) fn task() -> impl Strategy<Value = Task> {
    (text(), text(), status(), vec(artifact(), 0..3), vec(message(), 0..3), option::of(object()))
        .prop_map(|(id, context_id, status, artifacts, history, metadata)| Task {
            id,
            context_id,
            status,
            artifacts,
            history,
            metadata,
        })
}

fn status_update() -> impl Strategy<Value = TaskStatusUpdateEvent> {
    (text(), text(), status(), option::of(object())).prop_map(
        |(task_id, context_id, status, metadata)| TaskStatusUpdateEvent {
            task_id,
            context_id,
            status,
            metadata,
        },
    )
}

fn artifact_update() -> impl Strategy<Value = TaskArtifactUpdateEvent> {
    (text(), text(), artifact(), any::<bool>(), any::<bool>(), option::of(object())).prop_map(
        |(task_id, context_id, artifact, append, last_chunk, metadata)| TaskArtifactUpdateEvent {
            task_id,
            context_id,
            artifact,
            append,
            last_chunk,
            metadata,
        },
    )
}

pub(crate) fn stream_response() -> impl Strategy<Value = StreamResponse> {
    prop_oneof![
        task().prop_map(StreamResponse::Task),
        message().prop_map(StreamResponse::Message),
        status_update().prop_map(StreamResponse::StatusUpdate),
        artifact_update().prop_map(StreamResponse::ArtifactUpdate),
    ]
}

pub(crate) fn send_message_response() -> impl Strategy<Value = SendMessageResponse> {
    prop_oneof![
        task().prop_map(SendMessageResponse::Task),
        message().prop_map(SendMessageResponse::Message),
    ]
}

pub(crate) fn push_config() -> impl Strategy<Value = TaskPushNotificationConfig> {
    let authentication = (text(), text())
        .prop_map(|(scheme, credentials)| AuthenticationInfo { scheme, credentials });
    (text(), text(), text(), text(), text(), option::of(authentication)).prop_map(
        |(tenant, id, task_id, url, token, authentication)| TaskPushNotificationConfig {
            tenant,
            id,
            task_id,
            url,
            token,
            authentication,
        },
    )
}

pub(crate) fn send_message_request() -> impl Strategy<Value = SendMessageRequest> {
    let configuration = (texts(), option::of(push_config()), any::<Option<i32>>(), any::<bool>())
        .prop_map(|(modes, push, history_length, return_immediately)| SendMessageConfiguration {
            accepted_output_modes: modes,
            task_push_notification_config: push,
            history_length,
            return_immediately,
        });
    (text(), message(), option::of(configuration), option::of(object())).prop_map(
        |(tenant, message, configuration, metadata)| SendMessageRequest {
            tenant,
            message: Some(message),
            configuration,
            metadata,
        },
    )
}

pub(crate) fn list_tasks_request() -> impl Strategy<Value = ListTasksRequest> {
    let numbers = (any::<Option<i32>>(), any::<Option<i32>>(), any::<Option<bool>>());
    (text(), text(), state(), text(), option::of(timestamp()), numbers).prop_map(
        |(tenant, context_id, status, page_token, after, numbers)| ListTasksRequest {
            tenant,
            context_id,
            status,
            page_size: numbers.0,
            page_token,
            history_length: numbers.1,
            status_timestamp_after: after,
            include_artifacts: numbers.2,
        },
    )
}

pub(crate) fn list_tasks_response() -> impl Strategy<Value = ListTasksResponse> {
    (vec(task(), 0..2), text(), any::<i32>(), any::<i32>()).prop_map(
        |(tasks, next_page_token, page_size, total_size)| ListTasksResponse {
            tasks,
            next_page_token,
            page_size,
            total_size,
        },
    )
}

fn scopes() -> impl Strategy<Value = std::collections::BTreeMap<String, String>> {
    btree_map(text(), text(), 0..3)
}

fn flows() -> impl Strategy<Value = OAuthFlows> {
    let fields = || (text(), text(), text(), scopes());
    prop_oneof![
        (fields(), any::<bool>()).prop_map(|((a, t, r, scopes), pkce_required)| {
            OAuthFlows::AuthorizationCode(AuthorizationCodeOAuthFlow {
                authorization_url: a,
                token_url: t,
                refresh_url: r,
                scopes,
                pkce_required,
            })
        }),
        fields().prop_map(|(_, token_url, refresh_url, scopes)| {
            OAuthFlows::ClientCredentials(ClientCredentialsOAuthFlow {
                token_url,
                refresh_url,
                scopes,
            })
        }),
        fields().prop_map(|(authorization_url, _, refresh_url, scopes)| {
            OAuthFlows::Implicit(ImplicitOAuthFlow { authorization_url, refresh_url, scopes })
        }),
        fields().prop_map(|(_, token_url, refresh_url, scopes)| {
            OAuthFlows::Password(PasswordOAuthFlow { token_url, refresh_url, scopes })
        }),
        fields().prop_map(|(url, token_url, refresh_url, scopes)| {
            OAuthFlows::DeviceCode(DeviceCodeOAuthFlow {
                device_authorization_url: url,
                token_url,
                refresh_url,
                scopes,
            })
        }),
    ]
}

fn security_scheme() -> impl Strategy<Value = SecurityScheme> {
    prop_oneof![
        (text(), text(), text()).prop_map(|(description, location, name)| {
            SecurityScheme::ApiKey(ApiKeySecurityScheme { description, location, name })
        }),
        (text(), text(), text()).prop_map(|(description, scheme, bearer_format)| {
            SecurityScheme::HttpAuth(HttpAuthSecurityScheme { description, scheme, bearer_format })
        }),
        (text(), flows(), text()).prop_map(|(description, flows, oauth2_metadata_url)| {
            let flows = Some(flows);
            SecurityScheme::OAuth2(OAuth2SecurityScheme { description, flows, oauth2_metadata_url })
        }),
        (text(), text()).prop_map(|(description, open_id_connect_url)| {
            SecurityScheme::OpenIdConnect(OpenIdConnectSecurityScheme {
                description,
                open_id_connect_url,
            })
        }),
        text().prop_map(|description| {
            SecurityScheme::MutualTls(MutualTlsSecurityScheme { description })
        }),
    ]
}

fn requirements() -> impl Strategy<Value = Vec<SecurityRequirement>> {
    let schemes = btree_map(text(), texts().prop_map(|list| StringList { list }), 0..3);
    vec(schemes.prop_map(|schemes| SecurityRequirement { schemes }), 0..3)
}

fn skill() -> impl Strategy<Value = AgentSkill> {
    (text(), text(), text(), texts(), texts(), texts(), texts(), requirements()).prop_map(
        |(id, name, description, tags, examples, input_modes, output_modes, requirements)| {
            AgentSkill {
                id,
                name,
                description,
                tags,
                examples,
                input_modes,
                output_modes,
                security_requirements: requirements,
            }
        },
    )
}

fn interface() -> impl Strategy<Value = AgentInterface> {
    (text(), text(), text(), text()).prop_map(|(url, protocol_binding, tenant, version)| {
        AgentInterface { url, protocol_binding, tenant, protocol_version: version }
    })
}

fn capabilities() -> impl Strategy<Value = AgentCapabilities> {
    let extension = (text(), text(), any::<bool>(), option::of(object())).prop_map(
        |(uri, description, required, params)| AgentExtension {
            uri,
            description,
            required,
            params,
        },
    );
    (any::<[Option<bool>; 3]>(), vec(extension, 0..2)).prop_map(|(flags, extensions)| {
        AgentCapabilities {
            streaming: flags[0],
            push_notifications: flags[1],
            extensions,
            extended_agent_card: flags[2],
        }
    })
}

pub(crate) fn agent_card() -> impl Strategy<Value = AgentCard> {
    let provider =
        (text(), text()).prop_map(|(url, organization)| AgentProvider { url, organization });
    let signature =
        (text(), text(), option::of(object())).prop_map(|(protected, signature, header)| {
            AgentCardSignature { protected, signature, header }
        });
    (
        (text(), text(), text(), texts(), texts()),
        (option::of(text()), option::of(text()), option::of(provider), vec(signature, 0..2)),
        vec(interface(), 0..2),
        capabilities(),
        (btree_map(text(), security_scheme(), 0..3), requirements()),
        vec(skill(), 0..2),
    )
        .prop_map(|(texts, options, interfaces, capabilities, security, skills)| AgentCard {
            name: texts.0,
            description: texts.1,
            supported_interfaces: interfaces,
            provider: options.2,
            version: texts.2,
            documentation_url: options.0,
            capabilities,
            security_schemes: security.0,
            security_requirements: security.1,
            default_input_modes: texts.3,
            default_output_modes: texts.4,
            skills,
            signatures: options.3,
            icon_url: options.1,
        })
}
