use a2a_lambda_core::push::Secret;
use a2a_lambda_testing::TestClock;

use super::reference::{MAX_KEY, MAX_NAME};
use super::*;
use crate::table::{PUSH_JWT_KEY, PUSH_SECRETS_KEY, PUSH_SIGNING_KEYS};

/// In each secret, so that a test sees it where it must not be.
const HUSH: &str = "hunter2";

/// A store of texts, by reference: each read returns the next. `None` is no answer.
#[derive(Default)]
struct Shelf {
    texts: Mutex<BTreeMap<String, Option<Result<String, String>>>>,
    reads: Mutex<Vec<String>>,
}

impl Shelf {
    fn set(&self, reference: &str, text: Option<Result<&str, &str>>) {
        let text = text.map(|text| text.map(str::to_owned).map_err(str::to_owned));
        self.texts.lock().unwrap().insert(reference.to_owned(), text);
    }

    fn reads(&self) -> Vec<String> {
        let mut reads = std::mem::take(&mut *self.reads.lock().unwrap());
        reads.sort();
        reads
    }
}

struct Shelved(Arc<Shelf>);

#[async_trait]
impl SecretStore for Shelved {
    async fn read(&self, reference: &Reference) -> Result<Zeroizing<String>, SecretError> {
        let name = match reference {
            Reference::Parameter { name } => format!("ssm:{name}"),
            Reference::Secret { name, .. } => format!("secretsmanager:{name}"),
            Reference::Object { bucket, key } => format!("s3:{bucket}/{key}"),
        };
        self.0.reads.lock().unwrap().push(name.clone());
        let text = self.0.texts.lock().unwrap().get(&name).cloned();
        match text {
            Some(Some(Ok(text))) => Ok(Zeroizing::new(text)),
            Some(Some(Err(error))) => Err(SecretError::new(error)),
            Some(None) => std::future::pending().await,
            None => Err(SecretError::new("there is none")),
        }
    }
}

/// The values in this test's context: two secrets of ours, and one of an agent's own. An empty one
/// cannot be used.
#[derive(Debug, PartialEq, Eq)]
struct Context {
    signing: Option<String>,
    secrets: Option<String>,
    own: Option<Secret>,
}

async fn make(variables: &Variables<'_>) -> Result<Context, ConfigError> {
    let signing = variables.text(&PUSH_SIGNING_KEYS)?;
    if signing.as_deref() == Some("bad hunter2") {
        return Err(ConfigError::invalid(&PUSH_SIGNING_KEYS));
    }
    if variables.own("HANG")?.is_some() {
        return std::future::pending().await;
    }
    let mut own = variables.own_secret("MODEL_KEY").await?;
    // One that names another.
    if let Some(list) = variables.own_secret("MODEL_LIST").await? {
        own = Some(variables.resolved("MODEL_LIST", list.reveal().to_owned()).await?);
    }
    if let Some(text) = variables.own("MODEL_TEXT")? {
        own = Some(variables.resolved_document("MODEL_TEXT", text).await?);
    }
    Ok(Context { signing, secrets: variables.text(&PUSH_SECRETS_KEY)?, own })
}

struct World {
    shelf: Arc<Shelf>,
    clock: Arc<TestClock>,
}

impl World {
    fn new() -> Self {
        let shelf = Arc::new(Shelf::default());
        shelf.set("ssm:/push/keys", Some(Ok("one hunter2")));
        shelf.set("secretsmanager:push", Some(Ok(r#"{"key": "two hunter2", "n": 7}"#)));
        Self { shelf, clock: Arc::new(TestClock::skipping()) }
    }

    async fn configured(
        &self,
        variables: &[(&'static str, &'static str)],
    ) -> Result<Configured<Context>, ConfigError> {
        let variables: BTreeMap<_, _> = variables.iter().copied().collect();
        let lookup = move |name: &str| variables.get(name).map(|value| (*value).to_owned());
        let kept = self.shelf.clone();
        let store =
            move |_: &Variables<'_>| Ok(Arc::new(Shelved(kept.clone())) as Arc<dyn SecretStore>);
        let (make, clock) = (Box::new(make), self.clock.clone());
        Configured::new(Reader::SqsExecutor, Box::new(lookup), make, Box::new(store), clock).await
    }
}

const BOTH: [(&str, &str); 2] =
    [("PUSH_SIGNING_KEYS", "ssm:/push/keys"), ("PUSH_SECRETS_KEY", "secretsmanager:push#key")];

#[test]
fn references_are_told_from_values_and_malformed_ones_are_refused() {
    let parameter = |name: &str| Some(Reference::Parameter { name: name.to_owned() });
    let secret = |name: &str, key: Option<&str>| {
        Some(Reference::Secret { name: name.to_owned(), key: key.map(str::to_owned) })
    };
    let arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:push-AbCdEf";
    for (text, reference) in [
        ("", None),
        ("whsec_aHVzaA==", None),
        ("-----BEGIN PRIVATE KEY-----", None),
        ("ssm:/a/b", parameter("/a/b")),
        ("ssm:/a/b:3", parameter("/a/b:3")),
        (
            "ssm:arn:aws:ssm:eu-central-1:1:parameter/a",
            parameter("arn:aws:ssm:eu-central-1:1:parameter/a"),
        ),
        ("secretsmanager:push", secret("push", None)),
        ("secretsmanager:push#key", secret("push", Some("key"))),
        (&format!("secretsmanager:{arn}#key"), secret(arn, Some("key"))),
    ] {
        assert_eq!(Reference::parse(text).unwrap(), reference, "{text}");
    }
    let long = format!("ssm:/{}", "x".repeat(MAX_NAME));
    for text in [
        "ssm:",
        "ssm:hunter2",
        "ssm:/a b",
        "ssm:/ä",
        &long,
        "secretsmanager:",
        "secretsmanager:#key",
        "secretsmanager:push#",
        "secretsmanager:a b#key",
    ] {
        assert!(Reference::parse(text).is_err(), "{text}");
    }
}

#[test]
fn an_object_is_a_reference_where_no_secret_is_asked_for() {
    let object = |bucket: &str, key: &str| {
        Some(Reference::Object { bucket: bucket.to_owned(), key: key.to_owned() })
    };
    let (longest, parameter) =
        ("x".repeat(MAX_KEY), Reference::Parameter { name: "/a".to_owned() });
    for (text, reference) in [
        ("echo", None),
        ("s3=echo", None),
        ("ssm:/a", Some(parameter)),
        ("s3:my-bucket/agents.json", object("my-bucket", "agents.json")),
        ("s3:my.bucket.1/a/b=c:d%2C+~?", object("my.bucket.1", "a/b=c:d%2C+~?")),
        ("s3:abc//a/", object("abc", "/a/")),
        (&format!("s3:abc/{longest}"), object("abc", &longest)),
    ] {
        assert_eq!(Reference::parse_document(text), Ok(reference), "{text:.80}");
    }
    let (long_name, long_key) = (format!("s3:{}/a", "x".repeat(64)), format!("s3:abc/{longest}x"));
    for text in [
        "s3:",
        "s3:abc",
        "s3:abc/",
        "s3:/a",
        "s3:ab/a",
        "s3://abc/a",
        "s3:Abc/a",
        "s3:a_c/a",
        "s3:-abc/a",
        "s3:abc./a",
        "s3:a..b/a",
        "s3:abc@host/a",
        "s3:abc:80/a",
        "s3:abc/a b",
        "s3:abc/ä",
        "s3:äbc/a",
        "s3:arn:aws:s3:::abc/a",
        &long_name,
        &long_key,
    ] {
        assert_eq!(Reference::parse_document(text), Err(BadReference::Object), "{text:.80}");
        // A secret is never kept there.
        assert_eq!(Reference::parse(text), Ok(None), "{text:.80}");
    }
    assert_eq!(Reference::parse_document("ssm:a"), Err(BadReference::Secret));
}

#[tokio::test]
async fn references_are_read_once_and_values_are_left_alone() {
    let world = World::new();
    let configured = world.configured(&BOTH).await.unwrap();
    let expected = Context {
        signing: Some("one hunter2".to_owned()),
        secrets: Some("two hunter2".to_owned()),
        own: None,
    };
    assert_eq!(*configured.current().await, expected);
    assert_eq!(world.shelf.reads(), ["secretsmanager:push", "ssm:/push/keys"]);
    assert!(!format!("{configured:?}").contains(HUSH));

    // No store is made, and nothing is read.
    let plain = world.configured(&[("PUSH_SIGNING_KEYS", "whsec_x")]).await.unwrap();
    world.clock.advance(REFRESH);
    assert_eq!(plain.current().await.signing.as_deref(), Some("whsec_x"));
    // A plain value is not a reference.
    let name = world.configured(&[("PUSH_JWT_KEY_ID", "ssm:/push/keys")]).await.unwrap();
    name.current().await;
    assert_eq!(world.shelf.reads(), Vec::<String>::new());
}

#[tokio::test]
async fn a_new_value_makes_a_new_context_after_five_minutes_and_not_before() {
    let world = World::new();
    let configured = world.configured(&BOTH).await.unwrap();
    let before = configured.current().await;
    world.shelf.reads();
    world.shelf.set("ssm:/push/keys", Some(Ok("new hunter2")));
    world.clock.advance(REFRESH.saturating_sub(Duration::from_millis(1)));
    assert!(Arc::ptr_eq(&configured.current().await, &before));
    assert_eq!(world.shelf.reads(), Vec::<String>::new());

    world.clock.advance(Duration::from_millis(1));
    let after = configured.current().await;
    assert_eq!(after.signing.as_deref(), Some("new hunter2"));
    assert_eq!(before.signing.as_deref(), Some("one hunter2"), "for who has it still");
    assert_eq!(world.shelf.reads().len(), 2);
    // The same values: the same context, for five more minutes.
    assert!(Arc::ptr_eq(&configured.current().await, &after));
    world.clock.advance(REFRESH);
    assert!(Arc::ptr_eq(&configured.current().await, &after));
    assert_eq!(world.shelf.reads().len(), 2);
}

#[tokio::test]
async fn a_refresh_that_fails_leaves_the_context_and_is_tried_again_after_a_minute() {
    let world = World::new();
    let configured = world.configured(&BOTH).await.unwrap();
    let before = configured.current().await;
    let failures = [Some(Err("down")), None, Some(Ok("bad hunter2"))];
    world.clock.advance(REFRESH);
    for failure in failures {
        world.shelf.set("ssm:/push/keys", failure);
        assert!(Arc::ptr_eq(&configured.current().await, &before), "{failure:?}");
        world.shelf.reads();
        // Not at once.
        assert!(Arc::ptr_eq(&configured.current().await, &before));
        assert_eq!(world.shelf.reads(), Vec::<String>::new());
        world.clock.advance(RETRY);
    }
    world.shelf.set("ssm:/push/keys", Some(Ok("new hunter2")));
    assert_eq!(configured.current().await.signing.as_deref(), Some("new hunter2"));
}

#[tokio::test]
async fn an_unreadable_secret_at_the_start_is_named_and_not_shown() {
    let world = World::new();
    world.shelf.set("ssm:/silent", None);
    world.shelf.set("secretsmanager:text", Some(Ok(HUSH)));
    world.shelf.set("secretsmanager:list", Some(Ok(r#"["hunter2"]"#)));
    world.shelf.set("ssm:/empty", Some(Ok("")));
    world.shelf.set("secretsmanager:empty", Some(Ok(r#"{"key":""}"#)));
    for (variable, value, reason) in [
        (&PUSH_SIGNING_KEYS, "ssm:/empty", "it is empty"),
        (&PUSH_SIGNING_KEYS, "secretsmanager:empty#key", "it is empty"),
        (&PUSH_SIGNING_KEYS, "ssm:/nowhere", "there is none"),
        (&PUSH_SIGNING_KEYS, "ssm:/silent", "there was no answer within 8 s"),
        (&PUSH_JWT_KEY, "ssm:hunter2", "must be a reference"),
        (&PUSH_SECRETS_KEY, "secretsmanager:text#key", "the secret is no JSON object"),
        (&PUSH_SECRETS_KEY, "secretsmanager:list#key", "the secret is no JSON object"),
        (&PUSH_SECRETS_KEY, "secretsmanager:push#hush", "the secret has no such member"),
        (&PUSH_SECRETS_KEY, "secretsmanager:push#n", "that member of the secret is no text"),
    ] {
        let error = world.configured(&[(variable.about.name, value)]).await.unwrap_err();
        let shown = format!("{} {error:?}", chain(&error));
        assert!(shown.contains(variable.about.name) && shown.contains(reason), "{shown}");
        assert!(!shown.contains(HUSH), "{shown}");
    }
}

#[tokio::test]
async fn an_agent_s_own_secret_is_read_and_refreshed_as_ours_are() {
    let world = World::new();
    world.shelf.set("ssm:/model", Some(Ok("first hunter2")));
    let own = |context: &Context| context.own.as_ref().map(|own| own.reveal().to_owned());
    // With ours, and where it is the only reference.
    for ours in [&BOTH[..], &[]] {
        world.shelf.set("ssm:/model", Some(Ok("first hunter2")));
        let variables = [ours, &[("MODEL_KEY", "ssm:/model")]].concat();
        let configured = world.configured(&variables).await.unwrap();
        let before = configured.current().await;
        assert_eq!(own(&before).as_deref(), Some("first hunter2"));
        assert_eq!(world.shelf.reads().len(), variables.len(), "each is read once");

        world.shelf.set("ssm:/model", Some(Ok("second hunter2")));
        world.clock.advance(REFRESH);
        let after = configured.current().await;
        assert_eq!(own(&after).as_deref(), Some("second hunter2"));
        assert_eq!(own(&before).as_deref(), Some("first hunter2"), "for who has it still");
        assert_eq!(world.shelf.reads().len(), variables.len(), "each is read once more");
        assert!(!format!("{configured:?} {after:?}").contains("second"));

        world.clock.advance(REFRESH);
        assert!(Arc::ptr_eq(&configured.current().await, &after), "nothing has changed");
        world.shelf.set("ssm:/model", Some(Err("down")));
        world.shelf.reads();
        world.clock.advance(REFRESH);
        assert!(Arc::ptr_eq(&configured.current().await, &after), "it cannot be read now");
        assert_eq!(world.shelf.reads().len(), variables.len());
    }
    // A reference that the agents no longer ask for is not read again.
    world.shelf.set("ssm:/model", Some(Ok("third hunter2")));
    world.shelf.set("ssm:/list", Some(Ok("ssm:/model")));
    let listed = world.configured(&[("MODEL_LIST", "ssm:/list")]).await.unwrap();
    world.shelf.set("ssm:/list", Some(Ok("sk-hunter2")));
    world.clock.advance(REFRESH);
    world.shelf.reads();
    assert_eq!(own(&*listed.current().await).as_deref(), Some("sk-hunter2"));
    world.shelf.reads();
    world.clock.advance(REFRESH);
    listed.current().await;
    assert_eq!(world.shelf.reads(), ["ssm:/list"]);
    // An object is read where the variable is no secret.
    world.shelf.set("s3:abc/text", Some(Ok("all of it")));
    let object = [("MODEL_TEXT", "s3:abc/text"), ("MODEL_KEY", "s3:abc/hunter2")];
    let configured = world.configured(&object).await.unwrap();
    assert_eq!(own(&*configured.current().await).as_deref(), Some("all of it"));
    assert_eq!(world.shelf.reads(), ["s3:abc/text"]);
    // A value is taken as it is, and nothing is read.
    let plain = world.configured(&[("MODEL_KEY", "sk-hunter2")]).await.unwrap();
    assert_eq!(own(&*plain.current().await).as_deref(), Some("sk-hunter2"));
    assert_eq!(world.shelf.reads(), Vec::<String>::new());
}

#[tokio::test]
async fn the_start_fails_with_the_error_of_the_agents_constructor() {
    let world = World::new();
    for (variables, name, reason) in [
        ([("MODEL_KEY", "ssm:/nowhere")], "MODEL_KEY", "there is none"),
        ([("MODEL_KEY", "ssm:hunter2")], "MODEL_KEY", "must be a reference"),
        ([("MODEL_TEXT", "s3:abc/nothing")], "MODEL_TEXT", "there is none"),
        ([("MODEL_TEXT", "s3://abc/a")], "MODEL_TEXT", "must be `s3:BUCKET/KEY`"),
        ([("HANG", "yes")], "the agents", "they were not made within 8 s"),
    ] {
        let error = world.configured(&variables).await.unwrap_err();
        let shown = format!("{} {error:?}", chain(&error));
        assert!(shown.contains(name) && shown.contains(reason), "{shown}");
        assert!(!shown.contains(HUSH), "{shown}");
    }
}
