//! The table of variables, with their readers, bounds and defaults.
//!
//! The reader of variables uses only this table. So no process can read a variable outside of it,
//! and no function reads a variable that the table does not give it. `docs/configuration.md` is
//! generated from it.

use std::borrow::Cow;

use self::Reader::{
    Authorizer, Ops, Request, ScheduledRecovery, SqsExecutor, StreamRecovery, Webhook,
};

/// A program that reads variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// The function that answers HTTP requests.
    Request,
    /// The function that runs agents.
    SqsExecutor,
    /// The function that delivers the pushes that no executor does.
    StreamRecovery,
    /// The function that sweeps.
    ScheduledRecovery,
    /// The function that tells API Gateway who calls.
    Authorizer,
    /// The function that takes the answers to callbacks.
    Webhook,
    /// The command line of operators.
    Ops,
    /// The local cloud: all functions in one process. It reads every variable.
    LocalCloud,
}

/// The functions.
pub const FUNCTIONS: [Reader; 6] =
    [Request, SqsExecutor, StreamRecovery, ScheduledRecovery, Authorizer, Webhook];

/// The functions that change tasks and push.
pub const TASK_FUNCTIONS: [Reader; 4] = [Request, SqsExecutor, StreamRecovery, ScheduledRecovery];

impl Reader {
    /// The name. A function has the name of its executable.
    pub fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::SqsExecutor => "sqs-executor",
            Self::StreamRecovery => "stream-recovery",
            Self::ScheduledRecovery => "scheduled-recovery",
            Self::Authorizer => "authorizer",
            Self::Webhook => "webhook",
            Self::Ops => "a2a-lambda",
            Self::LocalCloud => "the local cloud",
        }
    }
}

/// The common fields of a variable.
#[derive(Debug)]
pub struct About {
    /// The name.
    pub name: &'static str,
    /// The programs that read it. The local cloud does, too.
    pub readers: &'static [Reader],
    /// Its effect.
    pub what: &'static str,
}

impl About {
    /// Whether this program reads it.
    pub fn is_read_by(&self, reader: Reader) -> bool {
        reader == Reader::LocalCloud || self.readers.contains(&reader)
    }
}

/// A variable that is a whole number.
#[derive(Debug)]
pub struct Number {
    /// The common fields of a variable.
    pub about: About,
    /// The smallest allowed number.
    pub least: u64,
    /// The largest allowed number.
    pub most: u64,
    /// The number if the variable is not set.
    pub default: u64,
}

/// A variable that is a list of whole numbers.
#[derive(Debug)]
pub struct Numbers {
    /// The common fields of a variable.
    pub about: About,
    /// The most numbers in the list.
    pub at_most: usize,
    /// The smallest allowed number.
    pub least: u64,
    /// The largest allowed number.
    pub most: u64,
    /// The numbers if the variable is not set.
    pub default: &'static [u64],
}

/// A variable that is `true` or `false`.
#[derive(Debug)]
pub struct Flag {
    /// The common fields of a variable.
    pub about: About,
    /// The flag if the variable is not set.
    pub default: bool,
}

/// A variable that is one of a few words.
#[derive(Debug)]
pub struct Choice {
    /// The common fields of a variable.
    pub about: About,
    /// The words.
    pub words: &'static [&'static str],
    /// The word if the variable is not set.
    pub default: &'static str,
}

/// A variable that is any other text.
#[derive(Debug)]
pub struct Text {
    /// The common fields of a variable.
    pub about: About,
    /// The condition on its value: the words after "must be".
    pub must_be: &'static str,
    /// Whether it must be set.
    pub need: Need,
    /// Whether it is kept secret: never in a log or an error.
    pub secret: bool,
}

/// Whether a text must be set.
#[derive(Debug)]
pub enum Need {
    /// Always.
    Required,
    /// Never.
    Optional,
    /// Never: there is a default.
    Default(&'static str),
    /// With another variable, and only with it.
    With(&'static Text),
    /// Never, and only with another variable. It may have a default.
    OnlyWith(&'static Text, Option<&'static str>),
}

/// A row of the table.
#[derive(Debug, Clone, Copy)]
pub enum Variable {
    /// A whole number.
    Number(&'static Number),
    /// A list of whole numbers.
    Numbers(&'static Numbers),
    /// `true` or `false`.
    Flag(&'static Flag),
    /// One of a few words.
    Choice(&'static Choice),
    /// Any other text.
    Text(&'static Text),
}

impl Variable {
    /// The common fields of a variable.
    pub fn about(self) -> &'static About {
        match self {
            Self::Number(it) => &it.about,
            Self::Numbers(it) => &it.about,
            Self::Flag(it) => &it.about,
            Self::Choice(it) => &it.about,
            Self::Text(it) => &it.about,
        }
    }

    /// The name.
    pub fn name(self) -> &'static str {
        self.about().name
    }

    /// The condition on its value: the words after "must be".
    pub fn must_be(self) -> Cow<'static, str> {
        match self {
            Self::Number(Number { least, most, .. }) => {
                format!("a whole number from {least} to {most}").into()
            }
            Self::Numbers(Numbers { at_most, least, most, .. }) => format!(
                "1 to {at_most} whole numbers from {least} to {most} with commas, such as 5,30,120"
            )
            .into(),
            Self::Flag(_) => "true or false".into(),
            Self::Choice(Choice { words, .. }) => match words {
                [words @ .., last] => format!("{} or {last}", words.join(", ")).into(),
                [] => Cow::default(),
            },
            Self::Text(it) => it.must_be.into(),
        }
    }

    /// The default, in the form of a value.
    pub fn default(self) -> Option<Cow<'static, str>> {
        match self {
            Self::Number(it) => Some(it.default.to_string().into()),
            Self::Numbers(it) => {
                let numbers: Vec<_> = it.default.iter().map(u64::to_string).collect();
                Some(numbers.join(",").into())
            }
            Self::Flag(it) => Some(if it.default { "true" } else { "false" }.into()),
            Self::Choice(it) => Some(it.default.into()),
            Self::Text(it) => match it.need {
                Need::Default(text) | Need::OnlyWith(_, Some(text)) => Some(text.into()),
                _ => None,
            },
        }
    }

    /// Whether it is kept secret: never in a log or an error.
    pub fn is_secret(self) -> bool {
        matches!(self, Self::Text(Text { secret: true, .. }))
    }

    /// Whether it must always be set.
    pub fn is_required(self) -> bool {
        matches!(self, Self::Text(Text { need: Need::Required, .. }))
    }
}

/// Declares variables and their list, so that the list is complete.
macro_rules! variables {
    (
        $(#[$about_list:meta])* $list:ident;
        $($name:ident: $kind:ident { $($field:ident: $value:expr),* } of $readers:expr, $what:literal;)*
    ) => {
        $(
            #[doc = $what]
            pub static $name: $kind = $kind {
                about: About { name: stringify!($name), readers: $readers, what: $what },
                $($field: $value),*
            };
        )*
        $(#[$about_list])*
        pub static $list: &[Variable] = &[$(Variable::$kind(&$name)),*];
    };
}

const ALL: &[Reader] = &FUNCTIONS;
/// The functions that change tasks and push.
const TASKS: &[Reader] = &TASK_FUNCTIONS;
/// The functions that change tasks.
const CHANGERS: &[Reader] = &[Request, SqsExecutor, StreamRecovery, ScheduledRecovery, Webhook];
const TASKS_AND_OPS: &[Reader] = &[Request, SqsExecutor, StreamRecovery, ScheduledRecovery, Ops];
const CHANGERS_AND_OPS: &[Reader] =
    &[Request, SqsExecutor, StreamRecovery, ScheduledRecovery, Webhook, Ops];
/// The programs that reach the table.
const TABLE: &[Reader] =
    &[Request, SqsExecutor, StreamRecovery, ScheduledRecovery, Authorizer, Webhook, Ops];
const AUTHORIZER: &[Reader] = &[Authorizer];
/// The functions that identify callers.
const DOORS: &[Reader] = &[Request, Authorizer];
const REQUEST: &[Reader] = &[Request];
const AGENTS: &[Reader] = &[Request, SqsExecutor];
/// The functions that send pushes.
const PUSHERS: &[Reader] = &[SqsExecutor, StreamRecovery, ScheduledRecovery];

const PRIVATE_KEY: &str = "a private key as PEM of PKCS#8, of P-256 or Ed25519";
const NAME: &str = "at most 255 letters, digits and `.-_/#`";
const ONE_SCOPE: &str = "one scope, without spaces";
const WEB_URL: &str = "an http or https URL";
const CREDENTIALS: &str = "a part of the credentials, which Lambda sets";

variables! {
    /// Settings of a deployment.
    SETTINGS;

    TABLE_NAME: Text {
        must_be: "the name or the ARN of the DynamoDB table of tasks", need: Need::Required, secret: false
    } of TABLE, "The DynamoDB table of tasks.";
    QUEUE_URL: Text {
        must_be: "the URL of the SQS queue of signals", need: Need::Required, secret: false
    } of CHANGERS_AND_OPS, "The SQS queue of signals.";
    AGENT: Text {
        must_be: "names of agents, such as `echo`, `http:https://agent.example` or `echo,acme=process`, or a list of them in JSON, or where it is, such as `s3:my-bucket/agents.json`", need: Need::Required, secret: false
    } of AGENTS, "The agent, or one for each tenant (`acme=process`). A name without a tenant serves all other tenants; \
        without such a name they are not served. Give both functions the same value.";
    AGENT_VARIABLES: Text {
        must_be: "a JSON object of texts, such as `{\"MODEL_ID\": \"small\"}`", need: Need::Optional, secret: false
    } of AGENTS, "The agents' own variables, for a deployment that sets them by one parameter. A variable that is set by itself takes precedence. \
        Keep no secret in it: a value can be a reference, such as `ssm:/my/key`.";
    AGENT_COMMAND: Text {
        must_be: "a program and its arguments: words with spaces, or a JSON array of texts", need: Need::Optional, secret: false
    } of AGENTS, "The command that the agent `process` starts: `python3 agent.py`, or `[\"python3\", \"agent.py\"]` for words with spaces or quotes. \
        No shell reads it.";
    A2A_AGENT_AUTHORIZATION: Text {
        must_be: "the value of a header, such as `Bearer` and a token", need: Need::Optional, secret: true
    } of AGENTS, "The header `Authorization` of the calls of the agent `a2a`. By default they have none.";
    A2A_AGENT_SEMANTICS: Choice { words: &["at-least-once", "at-most-once"], default: "at-least-once" }
        of AGENTS, "How often the agent `a2a` sends a message. With `at-most-once` a task fails, with an unknown outcome, where the message may have arrived and its answer is lost.";
    A2A_AGENT_STREAM_SECONDS: Number { least: 0, most: 900, default: 60 }
        of AGENTS, "How long after a message the agent `a2a` follows the remote agent's stream. Then nothing runs until the remote agent pushes, or it is polled.";
    A2A_AGENT_FORGOTTEN: Choice { words: &["fail", "send-again"], default: "fail" }
        of AGENTS, "What the agent `a2a` does when the remote agent has forgotten a task, since it was restarted.";
    A2A_AGENT_CARD_KEYS: Text {
        must_be: "a JWK set with at least one public key", need: Need::Optional, secret: false
    } of AGENTS, "The keys of which one must have signed the card of the remote agent of `a2a`. By default no signature is checked.";
    HTTP_AGENT_AUTHORIZATION: Text {
        must_be: "`sigv4`, or the value of a header, such as `Bearer` and a token", need: Need::Optional, secret: true
    } of AGENTS, "The header `Authorization` of the calls of the agents `http` and `agentcore`. With `sigv4` the function's own credentials sign the calls of `http`. By default those have none.";
    HTTP_AGENT_CONTRACT: Choice { words: &["agentcore", "openai", "ag-ui"], default: "agentcore" }
        of AGENTS, "What the agents that are called speak: the contract of `AgentCore`'s runtime, chat completions as `OpenAI` has them, or the events of AG-UI.";
    HTTP_AGENT_MODEL: Text {
        must_be: "the name of a model", need: Need::Optional, secret: false
    } of AGENTS, "The `model` that requests of the contract `openai` name. It must be set for that.";
    HTTP_AGENT_SIGNING_KEYS: Text {
        must_be: "keys with spaces, each `whsec_` or `whsk_` and then base64", need: Need::Optional, secret: true
    } of AGENTS, "The keys that sign the calls of agents by Standard Webhooks, as `PUSH_SIGNING_KEYS` does pushes. By default calls are not signed.";
    HTTP_AGENT_CALLBACK_HOURS: Number { least: 0, most: 720, default: 0 }
        of AGENTS, "How long an agent of the contract `agentcore` that answers a call with 202 may take to answer by its callback. With 0 calls have no callback. It needs `CALLBACK_URL`.";
    HTTP_AGENT_SEMANTICS: Choice { words: &["at-least-once", "at-most-once"], default: "at-least-once" }
        of AGENTS, "How often an agent elsewhere or in a process is called for one turn. With `at-most-once` a task fails, with an unknown outcome, where the call may have arrived and its answer is lost.";
    HTTP_AGENT_SILENCE_SECONDS: Number { least: 1, most: 900, default: 300 }
        of AGENTS, "How long an agent elsewhere or in a process may be silent: before its answer, and within it.";
    LOG_LEVEL: Choice {
        words: &["error", "warn", "info", "debug", "trace"], default: "info"
    } of ALL, "The lowest level that is logged. `POWERTOOLS_LOG_LEVEL` takes precedence, if it is set.";
    METRICS: Choice { words: &["off", "alarms", "all"], default: "off" }
        of ALL, "The metrics that a function writes to the log for CloudWatch, in its embedded metric format. `alarms` are the three that alarms watch. Each metric is billed.";
    TRACES: Choice { words: &["off", "otlp", "stdout"], default: "off" }
        of ALL, "Where a function writes the spans of an invocation at its end: `otlp` to `OTEL_EXPORTER_OTLP_ENDPOINT`, `stdout` to the log.";
    OTEL_EXPORTER_OTLP_ENDPOINT: Text {
        must_be: "an http or https URL without a password or query", need: Need::Default("http://localhost:4318"), secret: false
    } of ALL, "The collector for `TRACES=otlp`, such as a local extension. It accepts OTLP as JSON at `/v1/traces` below this URL.";
    POWERTOOLS_SERVICE_NAME: Text {
        must_be: NAME, need: Need::Default("a2a-lambda"), secret: false
    } of ALL, "The service that log lines and metrics name. Powertools for AWS Lambda has the same variable.";
    POWERTOOLS_METRICS_NAMESPACE: Text {
        must_be: NAME, need: Need::Default("a2a-lambda"), secret: false
    } of ALL, "The namespace of the metrics. It cannot begin with `AWS/`.";

    RESPONSE_MODE: Choice { words: &["buffer", "stream"], default: "buffer" }
        of REQUEST, "How the front door accepts answers: `stream` behind a REST API with `responseTransferMode: STREAM` or a \
        Function URL with `InvokeMode: RESPONSE_STREAM`, `buffer` behind others. A load balancer's answers are whole in either case.";
    PUBLIC_URL: Text {
        must_be: "an http or https URL without a query", need: Need::Optional, secret: false
    } of TASKS, "The URL at which clients reach the service, for the agent card. Without it the card has the URL of the request. \
        It is needed behind an HTTP API's custom domain with a mapping key, behind a load balancer, and with `PUSH_JWT_KEY`, as the tokens' issuer.";
    BASE_PATH: Text {
        must_be: "a path such as `/agents`, or `/`", need: Need::Optional, secret: false
    } of REQUEST, "The path that the front door keeps before the service's own paths; `/` for none. The default is the path of `PUBLIC_URL`.";
    ALLOW_ANONYMOUS: Flag { default: false }
        of REQUEST, "Whether to serve requests that no authorizer has checked. If not, they get only the agent card.";
    OWNER_CLAIM: Text {
        must_be: "the name of a claim", need: Need::Default("sub"), secret: false
    } of DOORS, "The claim of a token, or the field of a Lambda authorizer's context, that names the owner of tasks.";
    JWT_ISSUERS: Text {
        must_be: "issuers, each an https URL, then `aud=` with its audiences, and `jwks=` with the URL of its keys unless \
            discovery names it, such as `https://issuer.example aud=agents`",
        need: Need::Optional, secret: false
    } of AUTHORIZER, "The issuers whose tokens are accepted. A token must be for one of the issuer's audiences. The authorizer finds an issuer's keys \
        by OpenID discovery, or at the URL of `jwks=`.";
    API_KEYS: Flag { default: false }
        of AUTHORIZER, "Whether API keys are accepted. `a2a-lambda make-key` creates them. With API keys, `JWT_ISSUERS` is not needed.";
    REQUIRED_SCOPES: Text {
        must_be: "scopes with spaces", need: Need::Optional, secret: false
    } of AUTHORIZER, "The scopes that every caller must have.";
    TENANT_CLAIM: Text {
        must_be: "the name of a claim", need: Need::Optional, secret: false
    } of DOORS, "The claim of a token, or the field of a Lambda authorizer's context, that names the caller's tenant. A caller then \
        has only that tenant, even if a request names none, and a caller without a tenant is refused.";
    READ_SCOPE: Text { must_be: ONE_SCOPE, need: Need::Optional, secret: false }
        of REQUEST, "The scope that a caller needs to read, list and follow tasks, and to read the extended card. By default none is needed.";
    SEND_SCOPE: Text { must_be: ONE_SCOPE, need: Need::Optional, secret: false }
        of REQUEST, "The scope that a caller needs to send messages.";
    CANCEL_SCOPE: Text { must_be: ONE_SCOPE, need: Need::Optional, secret: false }
        of REQUEST, "The scope that a caller needs to cancel tasks.";
    PUSH_SCOPE: Text { must_be: ONE_SCOPE, need: Need::Optional, secret: false }
        of REQUEST, "The scope that a caller needs for push configs, including one that comes with a message.";
    AUTHORIZER_HEADER: Text {
        must_be: "the name of a header, or `any`", need: Need::Default("Authorization"), secret: false
    } of AUTHORIZER, "The header with the credentials, which is also API Gateway's cache key. `any` means `Authorization` or `x-api-key`. It is only \
        safe without a cache.";
    ALB_ARN: Text {
        must_be: "the ARN of an Application Load Balancer", need: Need::Optional, secret: false
    } of REQUEST, "The load balancer whose `x-amzn-oidc-data` names the signed-in user. By default that header is not trusted.";
    ALLOWED_ORIGINS: Text {
        must_be: "origins with commas, such as `https://app.example.com`, or `*`", need: Need::Optional, secret: false
    } of REQUEST, "The origins whose web pages may call from a browser. By default there are none.";
    REQUESTS_PER_MINUTE_PER_OWNER: Number { least: 0, most: 60_000, default: 0 }
        of REQUEST, "How many requests an owner may make in a minute; 0 for any number. Further requests are answered 429. With a limit, each request adds one write to the table.";
    MAX_OPEN_STREAMS_PER_OWNER: Number { least: 0, most: 500, default: 0 }
        of REQUEST, "How many streams an owner may have open; 0 for any number. Further streams are answered 429. With a limit, each stream adds a write at its begin and its end, and three a minute.";
    MAX_OPEN_TASKS_PER_OWNER: Number { least: 0, most: 1_000, default: 0 }
        of REQUEST, "How many open tasks an owner may have; 0 for any number. A message for a further task is answered 429. With a limit, each new task adds one write to the table.";
    A2A_V0_3: Flag { default: true }
        of REQUEST, "Whether clients of A2A 0.3 are served.";
    MAX_BODY_BYTES: Number { least: 1_024, most: 6_000_000, default: 1_048_576 }
        of REQUEST, "The largest request body, in bytes.";
    KEEP_ALIVE_SECONDS: Number { least: 1, most: 900, default: 15 }
        of REQUEST, "After how much silence a stream gets a comment.";
    MAX_STREAM_SECONDS: Number { least: 1, most: 900, default: 900 }
        of REQUEST, "The longest stream. The client resumes it.";
    BLOCKING_WAIT_SECONDS: Number { least: 0, most: 900, default: 25 }
        of REQUEST, "How long a sender waits for the answer.";
    CALLBACK_URL: Text {
        must_be: "an https URL without a query, or an http URL of this machine", need: Need::Optional, secret: false
    } of AGENTS, "The URL of the function `webhook`, such as `https://agents.example.com/callbacks`. The URL of a callback is this URL, a slash and the \
        callback's token. Without it agents have no callbacks.";
    INLINE: Flag { default: false }
        of REQUEST, "Whether the agent of a waiting or streaming sender runs in the sender's invocation. \
        The function then needs the rights and variables of the agent.";
    DEDUPLICATE_MESSAGES: Flag { default: false }
        of REQUEST, "Whether a message with a `messageId` that its owner has used before is a repetition, as if the id were an `Idempotency-Key`.";

    CARD_MAX_AGE_SECONDS: Number { least: 0, most: 31_536_000, default: 300 }
        of REQUEST, "How long clients may keep the agent card.";
    CARD_MODIFIED: Text {
        must_be: "a time such as `2026-01-31T12:00:00Z`", need: Need::Optional, secret: false
    } of REQUEST, "The time of the card's last change: its `Last-Modified`. By default the card has none.";
    CARD_SECURITY_SCHEMES: Text {
        must_be: "a card's `securitySchemes`, as JSON", need: Need::Optional, secret: false
    } of REQUEST, "The card's `securitySchemes`.";
    CARD_SECURITY_REQUIREMENTS: Text {
        must_be: "a card's `securityRequirements`, as JSON", need: Need::Optional, secret: false
    } of REQUEST, "The card's `securityRequirements`, for the schemes in `CARD_SECURITY_SCHEMES`.";
    CARD_SIGNING_KEY: Text { must_be: PRIVATE_KEY, need: Need::Optional, secret: true }
        of REQUEST, "The key that signs the card (`ES256` or `EdDSA`). Without it the card is not signed.";
    CARD_SIGNING_KEY_ID: Text {
        must_be: "the id of CARD_SIGNING_KEY", need: Need::With(&CARD_SIGNING_KEY), secret: false
    } of REQUEST, "The `kid` of the card's signature.";
    CARD_SIGNING_JWKS_URL: Text {
        must_be: WEB_URL, need: Need::OnlyWith(&CARD_SIGNING_KEY, None), secret: false
    } of REQUEST, "Where clients find the public key: the signature's `jku`.";

    LEASE_SECONDS: Number { least: 6, most: 900, default: 30 }
        of AGENTS, "How long a lease lasts without a renewal. The task of a dead runner waits this long for the next runner.";
    MAX_ATTEMPTS: Number { least: 1, most: 100, default: 5 }
        of AGENTS, "How often a turn is attempted. The queue's `maxReceiveCount` must be at least 5 more than this.";
    UNSERVED_TENANT_HOURS: Number { least: 0, most: 8_760, default: 0 }
        of AGENTS, "How long a task waits if no agent serves its tenant any more; then it fails. With 0 it is attempted like any other, and fails.";
    SIGNAL_GRACE_SECONDS: Number { least: 1, most: 900, default: 60 }
        of CHANGERS, "How long a signal may take before the sweep sends another.";
    SCHEDULER_ROLE_ARN: Text {
        must_be: "an ARN, which begins with arn:", need: Need::Optional, secret: false
    } of TASKS, "The role by which EventBridge Scheduler sends to the queue, for times more than 15 minutes away. \
        Without it, SQS messages are sent again every 15 minutes until that time.";
    QUEUE_ARN: Text {
        must_be: "the ARN of the SQS queue of signals", need: Need::With(&SCHEDULER_ROLE_ARN), secret: false
    } of TASKS, "The queue of `QUEUE_URL`.";
    SCHEDULE_GROUP: Text {
        must_be: "1 to 64 letters, digits, -, _ and .", need: Need::OnlyWith(&SCHEDULER_ROLE_ARN, Some("default")), secret: false
    } of TASKS, "The group of the schedules, which must exist.";

    TASK_RETENTION_DAYS: Number { least: 0, most: 3_650, default: 30 }
        of CHANGERS_AND_OPS, "How many days a task is kept after its end; 0 for ever. Give all functions the same value.";
    WAITING_RETENTION_DAYS: Number { least: 0, most: 3_650, default: 90 }
        of CHANGERS_AND_OPS, "How many days a task waits for its user before it is canceled; 0 for ever.";
    MEMORY_RETENTION_DAYS: Number { least: 0, most: 3_650, default: 90 }
        of AGENTS, "How many days the memory and the session of a conversation are kept after their last write; 0 for ever.";
    STORED_FORMAT: Number { least: 1, most: 4, default: 4 }
        of CHANGERS_AND_OPS, "The newest format that items are written in. 3 while functions of a release are in use that does not read format 4: \
        until then agents take no steps. 2 for format 3, or while the table has no index `context`; 1 for format 2: until then no task expires.";
    LIST_SHARDS: Number { least: 1, most: 8, default: 1 }
        of CHANGERS_AND_OPS, "Over how many partitions of the list index an owner's tasks of one state are spread. Each accepts 1,000 write units a second, \
        and each first page reads all of them. Give all functions the same value, and never lower it.";
    DUE_SHARDS: Number { least: 8, most: 64, default: 8 }
        of CHANGERS_AND_OPS, "Over how many partitions of the due index open tasks are spread. Each accepts 1,000 write units a second, and each sweep \
        asks all of them. It may be raised and lowered at any time: a sweep asks one of the unused partitions, too, each within an hour.";

    PUSH_KMS_KEY: Text {
        must_be: "the id of a KMS key, its ARN, or an alias, which begins with alias/", need: Need::Optional, secret: false
    } of CHANGERS, "The KMS key that seals the secrets of push configs. Without it and `PUSH_SECRETS_KEY` there are no push notifications.";
    PUSH_SECRETS_KEY: Text {
        must_be: "one key or several separated by whitespace, each of them 32 random bytes in base64 \
            (make one by: openssl rand -base64 32)",
        need: Need::Optional, secret: true
    } of CHANGERS, "Own keys instead of `PUSH_KMS_KEY`: the first one seals. Beside `PUSH_KMS_KEY` they open what they sealed before.";
    PUSH_SIGNING_KEYS: Text {
        must_be: "keys with spaces, each `whsec_` or `whsk_` and then base64", need: Need::Optional, secret: true
    } of PUSHERS, "The keys that sign pushes by Standard Webhooks: `whsk_` (Ed25519) and `whsec_` (HMAC). By default pushes are not signed.";
    PUSH_JWT_KEY: Text { must_be: PRIVATE_KEY, need: Need::Optional, secret: true }
        of TASKS, "The key that signs the tokens in pushes. `request` serves its public key. By default there are no tokens.";
    PUSH_JWT_KEY_ID: Text {
        must_be: "the id of PUSH_JWT_KEY", need: Need::With(&PUSH_JWT_KEY), secret: false
    } of TASKS, "The `kid` of the tokens in pushes.";
    PUSH_ALLOWED_HOSTS: Text {
        must_be: "hosts with commas, such as `hooks.example.com,*.example.org`", need: Need::Optional, secret: false
    } of TASKS, "The only hosts that receive pushes. By default all public hosts may.";
    PUSH_ALLOW_HTTP: Flag { default: false }
        of TASKS, "Whether `http` URLs may receive pushes, too.";
    PUSH_ALLOW_LOCAL: Flag { default: false }
        of TASKS, "Whether private addresses may receive pushes, too. Metadata services never may.";
    PUSH_EXTRA_ROOTS: Text {
        must_be: "root certificates as PEM", need: Need::Optional, secret: false
    } of TASKS, "Root certificates to trust for receivers, in addition to Mozilla's.";
    PUSH_CHALLENGE: Flag { default: false }
        of REQUEST, "Whether a URL is accepted only if its receiver answers a challenge: a `GET` with a `validationToken`, which must come back as the body.";
    PUSH_TASK: Flag { default: true }
        of PUSHERS, "Whether the receiver of a new config is first sent the task.";
    PUSH_ARTIFACTS: Flag { default: true }
        of PUSHERS, "Whether receivers are sent artifacts, too, or only changes of status.";
    PUSH_TIMEOUT_SECONDS: Number { least: 1, most: 60, default: 10 }
        of PUSHERS, "How long a receiver may take to answer.";
    PUSH_CLAIM_SECONDS: Number { least: 4, most: 900, default: 30 }
        of PUSHERS, "How long the pushes of a dead deliverer wait for the next one. It is never less than three times `PUSH_TIMEOUT_SECONDS`.";
    PUSH_WAITS_SECONDS: Numbers {
        at_most: 32, least: 1, most: 604_800,
        default: &[5, 30, 120, 600, 3_600, 10_800, 28_800, 43_200, 50_400, 57_600, 61_200]
    } of PUSHERS, "The waits between the attempts at a receiver in trouble. After the last attempt its config is disabled.";
}

variables! {
    /// Variables that Lambda, an emulator, the local cloud or operators set.
    SURROUNDINGS;

    AWS_REGION: Text { must_be: "the region, which Lambda sets", need: Need::Required, secret: false }
        of TABLE, "The region.";
    AWS_LAMBDA_FUNCTION_NAME: Text { must_be: "the function's name, which Lambda sets", need: Need::Optional, secret: false }
        of ALL, "The function's name, for log lines and metrics.";
    AWS_LAMBDA_LOG_STREAM_NAME: Text { must_be: "the name of the log stream, which Lambda sets", need: Need::Optional, secret: false }
        of AGENTS, "The log of the process: its last letters name the process where attempts are shown.";
    POWERTOOLS_LOG_LEVEL: Text {
        must_be: "error, warn, info, debug or trace, in small or capital letters", need: Need::Optional, secret: false
    } of ALL, "The name of `LOG_LEVEL` in Powertools for AWS Lambda.";
    AWS_ACCESS_KEY_ID: Text { must_be: CREDENTIALS, need: Need::Required, secret: false }
        of TABLE, "The id of the access key.";
    AWS_SECRET_ACCESS_KEY: Text { must_be: CREDENTIALS, need: Need::Required, secret: true }
        of TABLE, "The secret access key.";
    AWS_SESSION_TOKEN: Text { must_be: CREDENTIALS, need: Need::Optional, secret: true }
        of TABLE, "The session token.";
    AWS_ENDPOINT_URL: Text { must_be: WEB_URL, need: Need::Optional, secret: true }
        of TABLE, "The endpoint of all services, if it is not AWS. It may contain a password.";
    AWS_ENDPOINT_URL_DYNAMODB: Text { must_be: WEB_URL, need: Need::Optional, secret: true }
        of TABLE, "The endpoint of DynamoDB. Like the other endpoints of one service, it takes precedence over `AWS_ENDPOINT_URL`.";
    AWS_ENDPOINT_URL_BEDROCK_AGENTCORE: Text { must_be: WEB_URL, need: Need::Optional, secret: true }
        of AGENTS, "The endpoint of Amazon Bedrock `AgentCore`.";
    AWS_ENDPOINT_URL_LAMBDA: Text { must_be: WEB_URL, need: Need::Optional, secret: true }
        of AGENTS, "The endpoint of Lambda, for the agent `lambda`.";
    AWS_ENDPOINT_URL_KMS: Text { must_be: WEB_URL, need: Need::Optional, secret: true }
        of CHANGERS_AND_OPS, "The endpoint of KMS.";
    AWS_ENDPOINT_URL_SECRETS_MANAGER: Text { must_be: WEB_URL, need: Need::Optional, secret: true }
        of CHANGERS_AND_OPS, "The endpoint of Secrets Manager.";
    AWS_ENDPOINT_URL_S3: Text { must_be: WEB_URL, need: Need::Optional, secret: true }
        of AGENTS, "The endpoint of S3, for an `AGENT` that is an object of it.";
    AWS_ENDPOINT_URL_SSM: Text { must_be: WEB_URL, need: Need::Optional, secret: true }
        of CHANGERS_AND_OPS, "The endpoint of Systems Manager's parameters.";
    AWS_ENDPOINT_URL_SQS: Text { must_be: WEB_URL, need: Need::Optional, secret: true }
        of CHANGERS_AND_OPS, "The endpoint of SQS.";
    AWS_ENDPOINT_URL_SCHEDULER: Text { must_be: WEB_URL, need: Need::Optional, secret: true }
        of TASKS_AND_OPS, "The endpoint of EventBridge Scheduler.";
    DEAD_LETTER_QUEUE_URL: Text {
        must_be: "the URL of the SQS queue of signals that were given up", need: Need::Required, secret: false
    } of &[Ops], "The dead-letter queue.";
    END_WITH_STDIN: Flag { default: false }
        of ALL, "Whether the process ends when its standard input closes. The local cloud sets it: it keeps the other end of a pipe to \
        each of its processes, so none of them outlives it, however it ends. Lambda has no such pipe.";
}

#[cfg(test)]
mod tests;
