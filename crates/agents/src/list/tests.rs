use a2a_lambda_core::engine::chain;
use a2a_lambda_runtime::{ConfigError, Variables};

use crate::from_variables;

/// The error of a list, by variables of which only AWS's and these are set.
async fn error_of(list: &str, others: &[(&str, &str)]) -> String {
    let lookup = |name: &str| match name {
        "AGENT" => Some(list.to_owned()),
        "AWS_REGION" | "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("x".to_owned()),
        name => others.iter().find(|(known, _)| *known == name).map(|(_, it)| (*it).to_owned()),
    };
    let made: Result<_, ConfigError> = from_variables(&Variables::local(&lookup)).await;
    made.err().map(|error| chain(&error)).unwrap_or_default()
}

/// The text before the place of an entry.
const OF_AGENT: &str = "the environment variable AGENT must be a list of agents that can be used: ";

/// Entries, and the errors of them behind the number of the entry.
#[rustfmt::skip] // A line for each.
const BAD: &[(&str, &str)] = &[
    (r#""echo""#, ": it must be an object"),
    (r"{}", ".agent: it is missing"),
    (r#"{"agent": 7}"#, ".agent: it must be a text"),
    (r#"{"agent": "echo", "agent": "echo"}"#, ".agent: it is there twice"),
    (r#"{"agent": "echo", "model": "x"}"#, ".model: there is no such field; there are: tenant,"),
    (r#"{"agent": "echo", "a b\n": 1}"#, r#"."a b\n": there is no such field"#),
    (r#"{"agent": "echo,strict"}"#, ".agent: it must be one agent"),
    (r#"{"agent": ""}"#, ".agent: it must have 1 to 4096 bytes"),
    (r#"{"agent": "nobody"}"#, r#".agent: no agent is named "nobody""#),
    (r#"{"agent": "echo:x"}"#, ".agent: the agent \"echo\" cannot be had: nothing follows"),
    (r#"{"agent": "http:ftp://a.example"}"#, ".agent: the agent \"http\" cannot be had: an http or"),
    (r#"{"agent": "http:https://u:hunter2@a.example"}"#, ".agent: the agent \"http\" cannot be had: its URL must have no user"),
    (r#"{"agent": "http:https://a.example#f"}"#, ".agent: the agent \"http\" cannot be had: its URL must have no fragment"),
    (r#"{"agent": "a2a:https://a.example?q"}"#, ".agent: the agent \"a2a\" cannot be had: its URL must have no query"),
    (r#"{"agent": "process:0"}"#, ".agent: the agent \"process\" cannot be had: its port"),
    (r#"{"agent": "process"}"#, ".variables.AGENT_COMMAND: it is not set, nor is the function's"),
    (r#"{"agent": "lambda:a?invoke=event"}"#, ": the agents could not be made: a function with ?invoke=event"),
    (r#"{"tenant": ["a"], "agent": "echo"}"#, ".tenant: it must be a text"),
    (r#"{"tenant": "a b", "agent": "echo"}"#, r#".tenant: "a b" is no tenant's name"#),
    (r#"{"tenant": "tasks", "agent": "echo"}"#, r#".tenant: a tenant cannot be named "tasks""#),
    (r#"{"agent": "http:https://a.example", "variables": "Bearer hunter2"}"#, ".variables: it must be an object"),
    (r#"{"agent": "http:https://a.example", "variables": {"TABLE_NAME": "t"}}"#, ".variables.TABLE_NAME: it is no variable of an agent"),
    (r#"{"agent": "http:https://a.example", "variables": {"HTTP_AGENT_AUTHORIZATION": ["hunter2"]}}"#, ".variables.HTTP_AGENT_AUTHORIZATION: it must be a text"),
    (r#"{"agent": "http:https://a.example", "variables": {"HTTP_AGENT_AUTHORIZATION": "hunter2\n"}}"#, ".variables.HTTP_AGENT_AUTHORIZATION: it must be `sigv4`, or"),
    (r#"{"agent": "http:https://a.example", "variables": {"HTTP_AGENT_AUTHORIZATION": "sigv4"}}"#, ".variables.HTTP_AGENT_AUTHORIZATION: it must be `sigv4`, or"),
    (r#"{"agent": "http:https://a.example", "variables": {"HTTP_AGENT_AUTHORIZATION": "ssm:/a"}}"#, ".variables.HTTP_AGENT_AUTHORIZATION: it could not be read from its store: "),
    (r#"{"agent": "http:https://a.example", "variables": {"HTTP_AGENT_MODEL": "hunter2", "HTTP_AGENT_MODEL": "b"}}"#, ".variables.HTTP_AGENT_MODEL: it is there twice"),
    (r#"{"agent": "http:https://a.example", "variables": {"HTTP_AGENT_SILENCE_SECONDS": "901"}}"#, ".variables.HTTP_AGENT_SILENCE_SECONDS: it must be a whole number from 1 to 900"),
    (r#"{"agent": "http:https://a.example", "variables": {"HTTP_AGENT_CONTRACT": "openai"}}"#, ".variables.HTTP_AGENT_MODEL: it is not set, nor is the function's: it must be the name of a model"),
    (r#"{"agent": "http:https://a.example", "variables": {"HTTP_AGENT_CALLBACK_HOURS": "1"}}"#, ": the environment variable CALLBACK_URL is not set"),
    (r#"{"agent": "http:https://a.example", "variables": {"A2A_AGENT_FORGOTTEN": "fail"}}"#, ".variables.A2A_AGENT_FORGOTTEN: the agent does not read it"),
    (r#"{"agent": "echo", "variables": {"HTTP_AGENT_MODEL": "m"}}"#, ".variables.HTTP_AGENT_MODEL: the agent does not read it"),
    (r#"{"agent": "lambda:a", "variables": {"HTTP_AGENT_AUTHORIZATION": "hunter2"}}"#, ".variables.HTTP_AGENT_AUTHORIZATION: the agent does not read it"),
    (r#"{"agent": "process", "variables": {"AGENT_COMMAND": "[]"}}"#, ".variables.AGENT_COMMAND: it must be a program and its arguments"),
    (r#"{"agent": "echo", "card": ["Travel"]}"#, ".card: it must be an object"),
    (r#"{"agent": "echo", "card": {"name": ""}}"#, ".card.name: it must have 1 to 4096 bytes"),
    (r#"{"agent": "echo", "card": {"inputModes": "text/plain"}}"#, ".card.inputModes: it must be a list"),
    (r#"{"agent": "echo", "card": {"skills": []}}"#, ".card.skills: it must have 1 to 100 entries"),
    (r#"{"agent": "echo", "card": {"skills": [{"id": "a", "tags": [null]}]}}"#, ".card.skills[0].tags[0]: it must be a text"),
    (r#"{"agent": "echo", "card": {"skills": [{"id": "a"}, {"id": "a"}]}}"#, ".card.skills[1].id: another skill has it, too"),
    (r#"{"agent": "echo", "retries": [3, 1, 1]}"#, ".retries: it must be an object"),
    (r#"{"agent": "echo", "retries": {"atempts": 1}}"#, ".retries.atempts: there is no such field; there are: attempts,"),
    (r#"{"agent": "echo", "retries": {"attempts": 0}}"#, ".retries.attempts: it must be a whole number from 1 to 100"),
    (r#"{"agent": "echo", "retries": {"mostSeconds": "7"}}"#, ".retries.mostSeconds: it must be a whole number from 1 to 900"),
    (r#"{"agent": "echo", "retries": {"firstSeconds": 3, "mostSeconds": 2}}"#, ".retries.firstSeconds: it must be at most mostSeconds, which is 2"),
    (r#"{"agent": "echo", "retries": {"firstSeconds": 301}}"#, ".retries.firstSeconds: it must be at most mostSeconds, which is 300"),
    (r#"{"agent": "http:https://a.example", "limits": {"answerBytes": 1023}}"#, ".limits.answerBytes: it must be a whole number from 1024 to 16777216"),
    (r#"{"agent": "http:https://a.example", "limits": {"callSeconds": -1.5}}"#, ".limits.callSeconds: it must be a whole number from 1 to 900"),
    (r#"{"agent": "echo", "limits": {"answerBytes": 4096}}"#, ".limits.answerBytes: the agent has no such limit"),
    (r#"{"agent": "a2a:https://a.example", "limits": {"callSeconds": 9}}"#, ".limits.callSeconds: the agent has no such limit"),
];

/// The second entry of each list is bad. Its error begins with its place.
#[tokio::test]
async fn a_bad_entry_is_named_with_its_field() {
    for (entry, said) in BAD {
        let list = format!(r#"{{"agents": [{{"tenant": "acme", "agent": "echo"}}, {entry}]}}"#);
        let error = error_of(&list, &[]).await;
        let expected = format!("{OF_AGENT}agents[1]{said}");
        assert!(error.starts_with(&expected), "{entry}: {error}");
        assert!(!error.contains("hunter2"), "{entry}: {error}");
    }
}

#[tokio::test]
async fn a_list_that_is_none_is_told_from_one_with_a_bad_entry() {
    let acme = r#"{"tenant": "acme", "agent": "echo"}"#;
    let other = r#"{"tenant": "b", "agent": "http:https://a.example"}"#;
    let large = format!(r#"{{"agents": "{}"}}"#, "x".repeat(256 * 1_024));
    let many = format!(r#"{{"agents": [0{}]}}"#, ", 0".repeat(1_000));
    for (list, said) in [
        ("{", "used: EOF while parsing an object at line 1 column 1"),
        ("{}", "used: agents: it is missing"),
        (r#"{"default": "echo"}"#, "used: default: there is no such field; there are: agents"),
        (r#"{"agents": {}}"#, "used: agents: it must be a list"),
        (r#"{"agents": []}"#, "used: agents: it must have 1 to 1000 entries"),
        (&many, "used: agents: it must have 1 to 1000 entries"),
        (&large, "used: it has more than 262144 bytes"),
        (r#"["echo"]"#, r#"used: it is no list: write an object, such as {"agents": [{"#),
        ("\u{feff} [1]", "used: it is no list"),
        (
            r#"{"agents": [{"agent": "echo"}, {"agent": "echo"}]}"#,
            "used: agents[1]: there is more than one agent for all other tenants; agents[0] is one",
        ),
        (
            &format!(r#"{{"agents": [{acme}, {other}, {acme}]}}"#),
            "used: agents[2].tenant: there is more than one agent for the tenant \"acme\"; \
             agents[0] is one, too",
        ),
    ] {
        let error = error_of(list, &[]).await;
        assert!(error.contains(said), "{list:.80}: {error}");
    }
    // What the function's own variables have is the entry's, too.
    let list = format!(r#"{{"agents": [{acme}, {other}]}}"#);
    for (variables, said) in [
        (&[][..], ""),
        (
            &[("HTTP_AGENT_AUTHORIZATION", "sigv4")],
            "agents[1]: the environment variable HTTP_AGENT_AUTHORIZATION must be",
        ),
    ] {
        let error = error_of(&list, variables).await;
        assert!(error.is_empty() == said.is_empty() && error.contains(said), "{error}");
        let marked = format!("\u{feff}{list}");
        assert_eq!(error_of(&marked, variables).await, error, "a byte order mark is skipped");
    }
    let unset = other.replace('}', r#", "variables": {"HTTP_AGENT_AUTHORIZATION": ""}}"#);
    let list = list.replace(other, &unset);
    let error = error_of(&list, &[("HTTP_AGENT_AUTHORIZATION", "sigv4")]).await;
    assert_eq!(error, "", "an empty value unsets the function's");
}
