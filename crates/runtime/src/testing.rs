//! Shared parts of the tests of this crate and of those above it. Functions are built without it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use a2a_lambda_core::engine::chain;
use a2a_lambda_core::push::{PushSecrets, Secret};
use a2a_lambda_core::{Sealed, VaultError};

use crate::start::Settings;
use crate::table::{Number, Numbers, Reader, SETTINGS, SURROUNDINGS, Variable};
use crate::variables::{ConfigError, Variables};
use crate::vault::form::{KMS_FORM, LOCAL_FORM};

/// A key for [`LocalVault`](crate::vault::LocalVault): 32 zeros.
pub const ZEROS: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
/// Another: 32 bytes of ones.
pub const ONES: &str = "//////////////////////////////////////////8=";

/// An Ed25519 key for tests: 32 times the letter A.
pub const KEY: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIEFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB
-----END PRIVATE KEY-----";

/// A public key: that of RFC 8037.
const JWK_SET: &str =
    r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

/// A public root certificate.
const ROOT: &str = include_str!("testing/root.pem");

/// In each secret that cannot be used, so that a test sees it where it must not be.
const HUSH: &str = "hunter2";

/// Secrets of a push config.
pub fn secrets() -> PushSecrets {
    PushSecrets { token: Secret::new("hush"), credentials: Secret::new("hunter2 äöü") }
}

/// The text with each of its bits flipped, but for those flips that leave no text.
pub fn flipped(text: &str) -> impl Iterator<Item = Sealed> {
    (0..text.len() * 8).filter_map(move |bit| {
        let mut bytes = text.as_bytes().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        String::from_utf8(bytes).ok().map(Sealed::new)
    })
}

/// Whether secrets are refused: as damaged, or by the name of their form if it is that which is another.
pub fn is_refused(opened: &Result<PushSecrets, VaultError>, sealed: &Sealed) -> bool {
    match opened {
        Err(VaultError::Damaged) => true,
        Err(VaultError::OtherRelease(_)) => {
            [LOCAL_FORM, KMS_FORM].iter().all(|form| !sealed.as_str().starts_with(form))
        }
        _ => false,
    }
}

/// Looks variables up in a list. The last one of a name counts.
pub fn lookup<'a>(list: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
    |name| list.iter().rfind(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
}

/// Values of variables, by their names.
pub type Values = BTreeMap<&'static str, String>;

fn read_by(reader: Reader) -> impl Iterator<Item = Variable> {
    let all = SETTINGS.iter().chain(SURROUNDINGS).copied();
    all.filter(move |variable| variable.about().is_read_by(reader))
}

/// A value for each variable that this program reads. All of them together can be used.
pub fn samples(reader: Reader) -> Values {
    read_by(reader).map(|variable| (variable.name(), sample(variable))).collect()
}

/// Values for those that must be set.
pub fn required(reader: Reader) -> Values {
    // Without it every caller would be refused.
    let is_needed = |it: &Variable| it.is_required() || it.name() == "JWT_ISSUERS";
    let required = read_by(reader).filter(is_needed);
    required.map(|variable| (variable.name(), sample(variable))).collect()
}

fn sample(variable: Variable) -> String {
    let name = variable.name();
    let text = match variable {
        Variable::Number(Number { most, .. }) => return most.to_string(),
        Variable::Numbers(Numbers { least, most, .. }) => return format!("{least}, {most}"),
        Variable::Flag(_) => "true",
        Variable::Choice(choice) => choice.words[0],
        Variable::Text(_) => match name {
            "AGENT" => "echo",
            "AGENT_VARIABLES" => r#"{"MODEL_ID":"small"}"#,
            "AGENT_COMMAND" => "python3 agent.py",
            "A2A_AGENT_AUTHORIZATION" | "HTTP_AGENT_AUTHORIZATION" => "Bearer token",
            "A2A_AGENT_CARD_KEYS" => JWK_SET,
            "HTTP_AGENT_MODEL" => "small",
            "TABLE_NAME" => "tasks",
            "QUEUE_URL" => "https://sqs.eu-central-1.amazonaws.com/123456789012/signals",
            "DEAD_LETTER_QUEUE_URL" => "https://sqs.eu-central-1.amazonaws.com/123456789012/dead",
            "PUBLIC_URL" => "https://agents.example/a2a",
            "CALLBACK_URL" => "https://agents.example/callbacks",
            "BASE_PATH" => "/agents",
            "OWNER_CLAIM" => "email",
            "OTEL_EXPORTER_OTLP_ENDPOINT" => "http://127.0.0.1:4318/",
            "POWERTOOLS_SERVICE_NAME" => "agents",
            "POWERTOOLS_METRICS_NAMESPACE" => "Agents/Prod",
            "POWERTOOLS_LOG_LEVEL" => "DEBUG",
            "AWS_LAMBDA_FUNCTION_NAME" => "agents-SqsExecutor-1",
            "AWS_LAMBDA_LOG_STREAM_NAME" => "2026/11/27/[$LATEST]0123456789abcdef",
            "ALB_ARN" => {
                "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/alb/50dc6c495c0c9188"
            }
            "JWT_ISSUERS" => "https://issuer.example aud=agents",
            "REQUIRED_SCOPES" => "a2a",
            "TENANT_CLAIM" => "org",
            "AUTHORIZER_HEADER" => "x-token",
            "READ_SCOPE" | "SEND_SCOPE" | "CANCEL_SCOPE" | "PUSH_SCOPE" => "a2a:use",
            "ALLOWED_ORIGINS" => "https://app.example",
            "CARD_MODIFIED" => "2026-01-31T12:00:00Z",
            "CARD_SECURITY_SCHEMES" => r#"{"m":{"mtlsSecurityScheme":{}}}"#,
            "CARD_SECURITY_REQUIREMENTS" => r#"[{"schemes":{"m":{}}}]"#,
            "CARD_SIGNING_KEY" | "PUSH_JWT_KEY" => KEY,
            "CARD_SIGNING_KEY_ID" => "card",
            "PUSH_JWT_KEY_ID" => "push",
            "CARD_SIGNING_JWKS_URL" => "https://agents.example/.well-known/jwks.json",
            "SCHEDULER_ROLE_ARN" => "arn:aws:iam::123456789012:role/scheduler",
            "QUEUE_ARN" => "arn:aws:sqs:eu-central-1:123456789012:signals",
            "SCHEDULE_GROUP" => "a2a-prod_1.x",
            "PUSH_KMS_KEY" => "alias/a2a",
            "PUSH_SECRETS_KEY" => ZEROS,
            "HTTP_AGENT_SIGNING_KEYS" | "PUSH_SIGNING_KEYS" => {
                "whsec_aHVzaGh1c2hodXNoaHVzaGh1c2hodXNo"
            }
            "PUSH_ALLOWED_HOSTS" => "hooks.example.com,*.example.org",
            "PUSH_EXTRA_ROOTS" => ROOT,
            "AWS_REGION" => "eu-central-1",
            "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" | "AWS_SESSION_TOKEN" => "EXAMPLE",
            name if name.starts_with("AWS_ENDPOINT_URL") => "http://127.0.0.1:4566",
            name => panic!("{name} has no sample"),
        },
    };
    text.to_owned()
}

/// Values that a variable cannot have. Each secret contains [`HUSH`].
fn unusable(variable: Variable) -> Vec<String> {
    let texts: &[&str] = match variable {
        Variable::Number(Number { least, most, .. }) => {
            let below = least.checked_sub(1).map(|below| below.to_string());
            let others = [format!("{}", most + 1), format!(" {least}"), format!("{least}s")];
            let others = others.into_iter().chain(["-1", "1.5", "ten"].map(str::to_owned));
            return below.into_iter().chain(others).collect();
        }
        Variable::Numbers(Numbers { at_most, least, most, .. }) => {
            let too_many = vec![least.to_string(); at_most + 1].join(",");
            let others = [format!("{}", most + 1), format!("{}", least - 1), too_many];
            let wrong = [",", "1,", "1;2", "1.5", "-1"].map(str::to_owned);
            return others.into_iter().chain(wrong).collect();
        }
        Variable::Flag(_) => &["yes", "1", "True", "true "],
        Variable::Choice(choice) => {
            return vec![choice.words[0].to_uppercase(), "true".to_owned(), " ".to_owned()];
        }
        Variable::Text(_) => unusable_texts(variable.name()),
    };
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// The same of a text.
fn unusable_texts(name: &str) -> &'static [&'static str] {
    match name {
        "AGENT" => {
            &["nobody", "Echo", "echo,", "echo,echo", "a/b=echo", "a=echo,a=echo", "tasks=echo"]
        }
        "AGENT_VARIABLES" => {
            &["MODEL_ID=small", "[]", r#"{"MODEL_ID":1}"#, r#"{"TABLE_NAME":"tasks"}"#]
        }
        "AGENT_COMMAND" => &["[", "[]", r#"["python3", 1]"#, "python3 'agent.py'", r#"[""]"#],
        "A2A_AGENT_AUTHORIZATION" | "HTTP_AGENT_AUTHORIZATION" => &["Bearer hunter2\nx-other: y"],
        "A2A_AGENT_CARD_KEYS" => &["{}", "[]", r#"{"keys":[]}"#, r#"{"keys":[{"kty":"oct"}]}"#],
        "TABLE_NAME" => &["t", "the tasks", "ta/sks"],
        "QUEUE_URL" | "DEAD_LETTER_QUEUE_URL" => &["signals", "arn:aws:sqs:x:1:signals"],
        "PUBLIC_URL" => &[
            "a.example",
            "ftp://a.example",
            "https://",
            "/",
            "https://a b",
            "http://a/?x=y",
            "https://a.example#f",
            "https://a.example:99999",
            "https://user:hunter2@a.example",
        ],
        "CALLBACK_URL" => &["a.example", "http://a.example", "https://a.example?x=y"],
        "BASE_PATH" => &["agents", "https://a.example/agents", "/a//b", "/a?b"],
        "ALB_ARN" => &[
            "alb",
            "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/net/nlb/50dc6c49",
            "arn:aws-cn:elasticloadbalancing:cn-north-1:123456789012:loadbalancer/app/alb/50dc",
        ],
        "ALLOWED_ORIGINS" => &["a.example", "https://a.example/", "*,https://a.example"],
        "OTEL_EXPORTER_OTLP_ENDPOINT" => {
            &["collector", "ftp://a.example", "http://u:p@a.example", "http://a/?x=y", "http://a b"]
        }
        "POWERTOOLS_SERVICE_NAME" => &["a b", "ä"],
        "POWERTOOLS_METRICS_NAMESPACE" => &["a b", "AWS/Lambda"],
        "POWERTOOLS_LOG_LEVEL" => &["loud", "silent"],
        "JWT_ISSUERS" => &[
            "issuer.example aud=agents",
            "http://issuer.example aud=agents",
            "https://issuer.example",
            "aud=agents https://issuer.example",
        ],
        "AUTHORIZER_HEADER" => &["two words", "ä"],
        "READ_SCOPE" | "SEND_SCOPE" | "CANCEL_SCOPE" | "PUSH_SCOPE" => &["a b", "\"a\"", "ä"],
        "CARD_MODIFIED" => &["yesterday", "2026-01-31", "1700000000"],
        "CARD_SECURITY_SCHEMES" => &["{", "[]", r#"{"b":{"type":"http","scheme":"Bearer"}}"#],
        "CARD_SECURITY_REQUIREMENTS" => &["{}", r#"[{"b":[]}]"#, r#"[{"schemes":{"b":{}}}]"#],
        "CARD_SIGNING_KEY" | "PUSH_JWT_KEY" => {
            &[HUSH, "-----BEGIN PRIVATE KEY-----\nhunter2h\n-----END PRIVATE KEY-----"]
        }
        "CARD_SIGNING_JWKS_URL" => &["keys.example", "ftp://keys.example"],
        "SCHEDULER_ROLE_ARN" | "QUEUE_ARN" => &["scheduler", "https://sqs/signals"],
        "SCHEDULE_GROUP" => &["a b", "a/b"],
        "PUSH_KMS_KEY" => &["a2a", "alias", "arn:aws:kms: ", "alias/ä"],
        "PUSH_SECRETS_KEY" => &["hunter2!", "hunter2h", "AAAA hunter2"],
        "HTTP_AGENT_SIGNING_KEYS" | "PUSH_SIGNING_KEYS" => {
            &[HUSH, "whsec_hunter2h", "whsk_hunter2h"]
        }
        "PUSH_ALLOWED_HOSTS" => &["https://hooks.example.com", ","],
        "PUSH_EXTRA_ROOTS" => {
            &["root", "-----BEGIN CERTIFICATE-----\naHVzaA==\n-----END CERTIFICATE-----"]
        }
        name if name.starts_with("AWS_ENDPOINT_URL") => {
            &["hunter2.example", "ftp://hunter2", "/hunter2", "http://hunter2:x:y z"]
        }
        // Any text will do.
        "HTTP_AGENT_MODEL"
        | "OWNER_CLAIM"
        | "REQUIRED_SCOPES"
        | "TENANT_CLAIM"
        | "CARD_SIGNING_KEY_ID"
        | "PUSH_JWT_KEY_ID" => &[],
        name if name.starts_with("AWS_") => &[],
        name => panic!("{name} has no values that cannot be used"),
    }
}

/// Reads one variable of any kind.
///
/// # Errors
/// When it cannot be used.
pub fn read(variables: &Variables<'_>, variable: Variable) -> Result<(), ConfigError> {
    match variable {
        Variable::Number(it) => variables.number(it).map(drop),
        Variable::Numbers(it) => variables.numbers(it).map(drop),
        Variable::Flag(it) => variables.flag(it).map(drop),
        Variable::Choice(it) => variables.choice(it).map(drop),
        Variable::Text(it) => variables.text(it).map(drop),
    }
}

/// A program's configuration, from its variables.
type Configure<'a, C> = &'a dyn Fn(&Variables<'_>) -> Result<C, ConfigError>;

/// Asserts that a function reads exactly the variables that the table gives it, and that it refuses
/// each wrong value of each of them by the variable's name.
///
/// # Panics
/// When it does not.
pub fn assert_reads_its_variables<C>(function: Reader, context: Configure<'_, C>) {
    let configure = |variables: &Variables<'_>| {
        Settings::from_variables(variables, function)?;
        context(variables)
    };
    assert_reads(function, &configure);
    assert_refuses(function, &configure);
}

/// Asserts that a program looks up exactly the variables that the table gives it: once with only
/// the required ones set, once with all.
///
/// # Panics
/// When it does not.
pub fn assert_reads<C>(reader: Reader, configure: Configure<'_, C>) {
    let read = RefCell::new(BTreeSet::new());
    for values in [required(reader), samples(reader)] {
        let lookup = |name: &str| {
            read.borrow_mut().insert(name.to_owned());
            values.get(name).cloned()
        };
        let configured = configure(&Variables::new(reader, &lookup));
        let error = configured.err().map(|error| chain(&error));
        assert!(error.is_none(), "{} refuses {:?}: {error:?}", reader.name(), values.keys());
    }
    let read = read.into_inner();
    let names = read_by(reader).map(Variable::name);
    let unread: Vec<_> = names.filter(|name| !read.contains(*name)).collect();
    assert!(unread.is_empty(), "{} reads none of {unread:?}", reader.name());
    assert_eq!(read.len(), read_by(reader).count(), "{} reads {read:?}", reader.name());
}

/// Asserts that a program refuses each wrong value of each variable, names the variable, and shows
/// nothing of a secret; and that an empty variable counts as not set.
fn assert_refuses<C>(reader: Reader, configure: Configure<'_, C>) {
    let with = |values: &Values| {
        let lookup = |name: &str| values.get(name).cloned();
        let refused = configure(&Variables::new(reader, &lookup)).err();
        refused.map(|error| (chain(&error), format!("{error:?}")))
    };
    for variable in read_by(reader) {
        let name = variable.name();
        let mut values = samples(reader);
        for value in unusable(variable) {
            values.insert(name, value.clone());
            let Some((text, debug)) = with(&values) else {
                panic!("{} takes {name}={value:?}", reader.name());
            };
            let names_it = text.contains(&format!("variable {name} must be "));
            assert!(names_it && text.contains(&*variable.must_be()), "{name}={value:?}: {text}");
            if variable.is_secret() {
                assert!(value.contains(HUSH), "{name}={value:?} is seen nowhere");
                assert!(!text.contains(HUSH) && !debug.contains(HUSH), "{name}: {text} {debug}");
            }
        }
        values.insert(name, String::new());
        let empty = with(&values);
        values.remove(name);
        assert_eq!(empty, with(&values), "{name} is empty, or not set");
        if variable.is_required() {
            let (text, _) = empty.unwrap_or_default();
            let expected = format!("the environment variable {name} is not set: it must be ");
            assert!(text.starts_with(&expected), "{name}: {text}");
        }
        if let Variable::Number(Number { least, .. }) = variable {
            values.insert(name, least.to_string());
            assert_eq!(with(&values), None, "{name}={least}");
        }
    }
}
