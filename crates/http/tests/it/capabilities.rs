//! Operations of capabilities that the card does not claim, and media types that the agent does
//! not.

use a2a_lambda_core::{AgentProfile, End};
use a2a_lambda_protocol::ErrorKind;
use a2a_lambda_testing::script;
use serde_json::{Value, json};

use crate::support::{BINDINGS, Binding, World, operations_on, send, with};

/// The extension that the strict agent asks for, which is named here.
const ASKED: (&str, &str) = ("A2A-Extensions", "https://example.com/extensions/required/v1");

fn strict(params: Value) -> Value {
    with(params, "/tenant", json!("strict"))
}

#[tokio::test(start_paused = true)]
async fn an_unclaimed_capability_is_refused() {
    let world = World::new();
    let params = strict(send("tck-input-required"));
    let sent = world.call_with(Binding::Rest, "SendMessage", params, &[ASKED]).await.ok();
    for (operation, params) in operations_on(sent["task"]["id"].as_str().unwrap()) {
        let kind = match operation {
            "SendMessage" | "GetTask" | "ListTasks" | "CancelTask" => continue,
            "SendStreamingMessage" | "SubscribeToTask" | "GetExtendedAgentCard" => {
                ErrorKind::UnsupportedOperation
            }
            _ => ErrorKind::PushNotificationNotSupported,
        };
        for binding in BINDINGS {
            let params = strict(params.clone());
            let answer = world.call_with(binding, operation, params, &[ASKED]).await;
            answer.refused_as(kind, operation);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_push_config_that_comes_with_a_message_is_refused_and_the_message_with_it() {
    let config = json!({ "taskPushNotificationConfig": { "url": "https://client.example" } });
    for binding in BINDINGS {
        let world = World::new();
        for operation in ["SendMessage", "SendStreamingMessage"] {
            let params = strict(with(send("hi"), "/configuration", config.clone()));
            let answer = world.call_with(binding, operation, params, &[ASKED]).await;
            answer.refused_as(
                match operation {
                    "SendMessage" => ErrorKind::PushNotificationNotSupported,
                    _ => ErrorKind::UnsupportedOperation,
                },
                operation,
            );
        }
        let params = json!({ "tenant": "strict" });
        let listed = world.call_with(binding, "ListTasks", params, &[ASKED]).await.ok();
        assert_eq!(listed["totalSize"], 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_media_type_that_the_agent_does_not_take_is_refused() {
    let mut profile = AgentProfile::text("sees", "Looks at images", "1");
    profile.skills[0].input_modes = vec!["image/*".to_owned()];
    let sees = script!(|_, _| { Ok(End::completed()) }).with_profile(profile);
    // The echo agent takes text/plain, the conformance agent takes everything.
    for (agent, media_type, accepted) in [
        ("echo", "text/plain", true),
        ("echo", "text/plain; charset=utf-8", true),
        ("echo", "TEXT/PLAIN", true),
        ("echo", "", true),
        ("echo", "text/html", false),
        ("echo", "image/png", false),
        ("echo", "*/*", false),
        ("echo", "nonsense", false),
        ("", "image/png", true),
        // One skill takes images, too.
        ("sees", "image/png", true),
        ("sees", "text/plain", true),
        ("sees", "audio/ogg", false),
    ] {
        for binding in BINDINGS {
            let part = json!({ "text": "hi", "mediaType": media_type });
            // The second part counts as the first does.
            let parts = json!([{ "text": "plain" }, part]);
            let params = with(send("hi"), "/message/parts", parts);
            let (world, tenant) = match agent {
                "sees" => (World::with_agent(sees.clone()), ""),
                tenant => (World::new(), tenant),
            };
            let params = with(params, "/tenant", json!(tenant));
            let answer = world.call(binding, "SendMessage", params).await;
            if accepted {
                answer.ok();
            } else {
                answer.refused_as(ErrorKind::ContentTypeNotSupported, media_type);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn accepted_output_modes_are_bounded() {
    let field = "configuration.acceptedOutputModes";
    for (modes, named) in [
        (vec!["text/plain".to_owned(); 101], field.to_owned()),
        (vec!["text/plain".to_owned(), "x".repeat(257)], format!("{field}[1]")),
    ] {
        for binding in BINDINGS {
            let params = json!({ "message": send("hi")["message"],
                "configuration": { "acceptedOutputModes": modes } });
            let answer = World::new().call(binding, "SendMessage", params).await;
            answer.names_fields(
                ErrorKind::InvalidParams,
                &[named.as_str()],
                "too many or too long",
            );
        }
    }
}
