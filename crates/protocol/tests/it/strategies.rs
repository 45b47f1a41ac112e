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

/// Arbitrary values of a struct, of which each field has its strategy.
macro_rules! arbitrary {
    ($of:ident { $($field:ident: $strategy:expr),* $(,)? }) => {
        ($($strategy,)*).prop_map(|($($field,)*)| $of { $($field),* })
    };
}

pub(crate) fn part() -> impl Strategy<Value = Part> {
    let content = prop_oneof![
        text().prop_map(PartContent::Text),
        vec(any::<u8>(), 0..20).prop_map(PartContent::Raw),
        text().prop_map(PartContent::Url),
        json().prop_map(PartContent::Data),
    ];
    arbitrary!(Part {
        content: content,
        metadata: option::of(object()),
        filename: text(),
        media_type: text(),
    })
}

pub(crate) fn message() -> impl Strategy<Value = Message> {
    arbitrary!(Message {
        message_id: text(),
        context_id: text(),
        task_id: text(),
        role: role(),
        parts: vec(part(), 0..3),
        metadata: option::of(object()),
        extensions: texts(),
        reference_task_ids: texts(),
    })
}

pub(crate) fn artifact() -> impl Strategy<Value = Artifact> {
    arbitrary!(Artifact {
        artifact_id: text(),
        name: text(),
        description: text(),
        parts: vec(part(), 0..3),
        metadata: option::of(object()),
        extensions: texts(),
    })
}

pub(crate) fn status() -> impl Strategy<Value = TaskStatus> {
    let (message, timestamp) = (option::of(message()), option::of(timestamp()));
    arbitrary!(TaskStatus { state: state(), message: message, timestamp: timestamp })
}

pub(crate) fn task() -> impl Strategy<Value = Task> {
    arbitrary!(Task {
        id: text(),
        context_id: text(),
        status: status(),
        artifacts: vec(artifact(), 0..3),
        history: vec(message(), 0..3),
        metadata: option::of(object()),
    })
}

fn status_update() -> impl Strategy<Value = TaskStatusUpdateEvent> {
    arbitrary!(TaskStatusUpdateEvent {
        task_id: text(),
        context_id: text(),
        status: status(),
        metadata: option::of(object()),
    })
}

fn artifact_update() -> impl Strategy<Value = TaskArtifactUpdateEvent> {
    arbitrary!(TaskArtifactUpdateEvent {
        task_id: text(),
        context_id: text(),
        artifact: artifact(),
        append: any::<bool>(),
        last_chunk: any::<bool>(),
        metadata: option::of(object()),
    })
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
    let authentication = arbitrary!(AuthenticationInfo { scheme: text(), credentials: text() });
    arbitrary!(TaskPushNotificationConfig {
        tenant: text(),
        id: text(),
        task_id: text(),
        url: text(),
        token: text(),
        authentication: option::of(authentication),
    })
}

pub(crate) fn send_message_request() -> impl Strategy<Value = SendMessageRequest> {
    let configuration = arbitrary!(SendMessageConfiguration {
        accepted_output_modes: texts(),
        task_push_notification_config: option::of(push_config()),
        history_length: any::<Option<i32>>(),
        return_immediately: any::<bool>(),
    });
    arbitrary!(SendMessageRequest {
        tenant: text(),
        message: message().prop_map(Some),
        configuration: option::of(configuration),
        metadata: option::of(object()),
    })
}

pub(crate) fn list_tasks_request() -> impl Strategy<Value = ListTasksRequest> {
    arbitrary!(ListTasksRequest {
        tenant: text(),
        context_id: text(),
        status: state(),
        page_size: any::<Option<i32>>(),
        page_token: text(),
        history_length: any::<Option<i32>>(),
        status_timestamp_after: option::of(timestamp()),
        include_artifacts: any::<Option<bool>>(),
    })
}

pub(crate) fn list_tasks_response() -> impl Strategy<Value = ListTasksResponse> {
    arbitrary!(ListTasksResponse {
        tasks: vec(task(), 0..2),
        next_page_token: text(),
        page_size: any::<i32>(),
        total_size: any::<i32>(),
    })
}

fn scopes() -> impl Strategy<Value = std::collections::BTreeMap<String, String>> {
    btree_map(text(), text(), 0..3)
}

fn flows() -> impl Strategy<Value = OAuthFlows> {
    let authorization_code = arbitrary!(AuthorizationCodeOAuthFlow {
        authorization_url: text(),
        token_url: text(),
        refresh_url: text(),
        scopes: scopes(),
        pkce_required: any::<bool>(),
    });
    let client_credentials = arbitrary!(ClientCredentialsOAuthFlow {
        token_url: text(),
        refresh_url: text(),
        scopes: scopes(),
    });
    let implicit = arbitrary!(ImplicitOAuthFlow {
        authorization_url: text(),
        refresh_url: text(),
        scopes: scopes(),
    });
    let password =
        arbitrary!(PasswordOAuthFlow { token_url: text(), refresh_url: text(), scopes: scopes() });
    let device_code = arbitrary!(DeviceCodeOAuthFlow {
        device_authorization_url: text(),
        token_url: text(),
        refresh_url: text(),
        scopes: scopes(),
    });
    prop_oneof![
        authorization_code.prop_map(OAuthFlows::AuthorizationCode),
        client_credentials.prop_map(OAuthFlows::ClientCredentials),
        implicit.prop_map(OAuthFlows::Implicit),
        password.prop_map(OAuthFlows::Password),
        device_code.prop_map(OAuthFlows::DeviceCode),
    ]
}

fn security_scheme() -> impl Strategy<Value = SecurityScheme> {
    let api_key =
        arbitrary!(ApiKeySecurityScheme { description: text(), location: text(), name: text() });
    let http_auth = arbitrary!(HttpAuthSecurityScheme {
        description: text(),
        scheme: text(),
        bearer_format: text(),
    });
    let oauth2 = arbitrary!(OAuth2SecurityScheme {
        description: text(),
        flows: flows().prop_map(Some),
        oauth2_metadata_url: text(),
    });
    let open_id_connect = arbitrary!(OpenIdConnectSecurityScheme {
        description: text(),
        open_id_connect_url: text(),
    });
    let mutual_tls = arbitrary!(MutualTlsSecurityScheme { description: text() });
    prop_oneof![
        api_key.prop_map(SecurityScheme::ApiKey),
        http_auth.prop_map(SecurityScheme::HttpAuth),
        oauth2.prop_map(SecurityScheme::OAuth2),
        open_id_connect.prop_map(SecurityScheme::OpenIdConnect),
        mutual_tls.prop_map(SecurityScheme::MutualTls),
    ]
}

fn requirements() -> impl Strategy<Value = Vec<SecurityRequirement>> {
    let schemes = btree_map(text(), texts().prop_map(|list| StringList { list }), 0..3);
    vec(schemes.prop_map(|schemes| SecurityRequirement { schemes }), 0..3)
}

fn skill() -> impl Strategy<Value = AgentSkill> {
    arbitrary!(AgentSkill {
        id: text(),
        name: text(),
        description: text(),
        tags: texts(),
        examples: texts(),
        input_modes: texts(),
        output_modes: texts(),
        security_requirements: requirements(),
    })
}

fn interface() -> impl Strategy<Value = AgentInterface> {
    arbitrary!(AgentInterface {
        url: text(),
        protocol_binding: text(),
        tenant: text(),
        protocol_version: text(),
    })
}

fn capabilities() -> impl Strategy<Value = AgentCapabilities> {
    let extension = arbitrary!(AgentExtension {
        uri: text(),
        description: text(),
        required: any::<bool>(),
        params: option::of(object()),
    });
    arbitrary!(AgentCapabilities {
        streaming: any::<Option<bool>>(),
        push_notifications: any::<Option<bool>>(),
        extensions: vec(extension, 0..2),
        extended_agent_card: any::<Option<bool>>(),
    })
}

pub(crate) fn agent_card() -> impl Strategy<Value = AgentCard> {
    let provider = arbitrary!(AgentProvider { url: text(), organization: text() });
    let signature = arbitrary!(AgentCardSignature {
        protected: text(),
        signature: text(),
        header: option::of(object()),
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
