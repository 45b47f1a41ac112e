//! An AWS account that records each request and its caller.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use a2a_lambda_agents::from_variables;
use a2a_lambda_aws_emulator::embedded::EmbeddedDynamoDb;
use a2a_lambda_aws_emulator::endpoint::Endpoint;
use a2a_lambda_aws_emulator::endpoint::rights::{Call, caller};
use a2a_lambda_aws_emulator::queue::{Queue, QueueConfig};
use a2a_lambda_core::Agents;
use a2a_lambda_dynamodb::create_table;
use a2a_lambda_runtime::testing::ZEROS;
use a2a_lambda_runtime::{Reader, Variables};
use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

const TABLE: &str = "tasks";
const KMS_KEY: &str = "alias/push";
const QUEUE_ARN: &str = "arn:aws:sqs:us-east-1:000000000000:signals";
const SCHEDULER_ROLE: &str = "arn:aws:iam::000000000000:role/scheduler";
const SCHEDULE_GROUP: &str = "waits";
/// Calls of this caller are a test's own.
pub(crate) const TEST: &str = "test";
/// The caller of a schedule's target.
const SCHEDULER: &str = "scheduler";

/// The calls of each caller.
pub(crate) type Calls = BTreeMap<String, BTreeSet<Call>>;

pub(crate) struct Account {
    pub(crate) queue: Arc<Queue>,
    address: SocketAddr,
    record: Arc<Record>,
    variables: BTreeMap<&'static str, String>,
}

/// The server's record, and the emulators behind it.
struct Record {
    endpoint: Endpoint,
    calls: Mutex<Calls>,
    /// Requests for resources of another account.
    foreign: Mutex<Vec<String>>,
}

impl Account {
    pub(crate) async fn start(has_kms_key: bool) -> Self {
        let database = EmbeddedDynamoDb::memory().unwrap();
        create_table(&database.client(), TABLE).await.unwrap();
        let capacity = NonZeroUsize::new(100).unwrap();
        let config =
            QueueConfig { capacity, max_receive_count: None, dead_letter_capacity: capacity };
        let queue = Arc::new(Queue::new(config, || 0));
        let endpoint = Endpoint::start(database, queue.clone()).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (key, value) =
            if has_kms_key { ("PUSH_KMS_KEY", KMS_KEY) } else { ("PUSH_SECRETS_KEY", ZEROS) };
        let variables = BTreeMap::from([
            ("AGENT", "echo".to_owned()),
            ("API_KEYS", "true".to_owned()),
            ("CALLBACK_URL", "https://agents.example/callbacks".to_owned()),
            ("ALLOW_ANONYMOUS", "true".to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "secret".to_owned()),
            ("AWS_ENDPOINT_URL", format!("http://{address}")),
            ("TABLE_NAME", TABLE.to_owned()),
            ("QUEUE_URL", endpoint.queue_url()),
            ("QUEUE_ARN", QUEUE_ARN.to_owned()),
            ("SCHEDULER_ROLE_ARN", SCHEDULER_ROLE.to_owned()),
            ("SCHEDULE_GROUP", SCHEDULE_GROUP.to_owned()),
            ("PUSH_ALLOW_HTTP", "true".to_owned()),
            ("PUSH_ALLOW_LOCAL", "true".to_owned()),
            // The first wait is SQS's, the second is a schedule's.
            ("PUSH_WAITS_SECONDS", "5,3600".to_owned()),
            (key, value.to_owned()),
        ]);
        let (calls, foreign) = (Mutex::default(), Mutex::default());
        let record = Arc::new(Record { endpoint, calls, foreign });
        tokio::spawn(serve(listener, record.clone()));
        Self { queue, address, record, variables }
    }

    /// A function's context from its variables. Its name is the id of its access key.
    pub(crate) fn with<T>(
        &self,
        reader: Reader,
        name: &str,
        make: impl FnOnce(&Variables<'_>) -> T,
    ) -> T {
        let lookup = |variable: &str| match variable {
            "AWS_ACCESS_KEY_ID" => Some(name.to_owned()),
            _ => self.variables.get(variable).cloned(),
        };
        make(&Variables::new(reader, &lookup))
    }

    /// The agents that its variables name.
    pub(crate) async fn agents(&self, reader: Reader) -> Agents {
        let lookup = |variable: &str| self.variables.get(variable).cloned();
        from_variables(&Variables::new(reader, &lookup)).await.unwrap()
    }

    /// A receiver of pushes that takes none.
    pub(crate) fn receiver(&self) -> String {
        format!("http://{}/receiver", self.address)
    }

    /// The calls so far, by caller.
    pub(crate) fn calls(&self) -> Calls {
        assert_eq!(*self.record.foreign.lock().unwrap(), Vec::<String>::new());
        let mut calls = self.record.calls.lock().unwrap().clone();
        assert!(calls.remove(TEST).is_some(), "the test itself calls");
        calls
    }
}

async fn serve(listener: TcpListener, record: Arc<Record>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let record = record.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let record = record.clone();
            async move {
                let (head, body) = request.into_parts();
                let body = body.collect().await?.to_bytes();
                Ok::<_, hyper::Error>(record.answer(head, body).await)
            }
        });
        let server = hyper::server::conn::http1::Builder::new();
        tokio::spawn(server.serve_connection(TokioIo::new(stream), service));
    }
}

fn response(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let response =
        Response::builder().status(status).header(header::CONTENT_TYPE, "application/json");
    response.body(Full::new(body.into())).unwrap()
}

impl Record {
    async fn answer(&self, head: Parts, body: Bytes) -> Response<Full<Bytes>> {
        if head.uri.path() == "/receiver" {
            return response(StatusCode::SERVICE_UNAVAILABLE, "");
        }
        let by = caller(&head.headers).unwrap_or("nobody").to_owned();
        let json: Value = serde_json::from_slice(&body).unwrap_or_default();
        self.check_names(&head.uri, &json);
        if let Some(schedule) = head.uri.path().strip_prefix("/schedules/") {
            let of_group = schedule.starts_with("a2a-");
            self.note(
                &by,
                "scheduler:CreateSchedule",
                if of_group { "schedule/a2a-*" } else { "*" },
            );
            self.note(&by, "iam:PassRole", "role");
            self.note(SCHEDULER, "sqs:SendMessage", "queue");
            return response(StatusCode::OK, r#"{"ScheduleArn": "arn:aws:scheduler"}"#);
        }
        let target = head.headers.get("x-amz-target").map_or("", |target| target.to_str().unwrap());
        let Call { action, resource } = Call::of(target, &body);
        self.note(&by, &action, &resource);
        if target.starts_with("TrentService.") {
            // All data keys are the same, and so are their encrypted forms.
            let answer = json!({ "KeyId": KMS_KEY, "Plaintext": ZEROS, "CiphertextBlob": ZEROS });
            return response(StatusCode::OK, answer.to_string());
        }
        self.pass_on(head, body).await
    }

    fn note(&self, by: &str, action: &str, resource: &str) {
        let call = Call { action: action.to_owned(), resource: resource.to_owned() };
        self.calls.lock().unwrap().entry(by.to_owned()).or_default().insert(call);
    }

    /// A request must name the resources that the variables name.
    fn check_names(&self, uri: &Uri, body: &Value) {
        let queue = self.endpoint.queue_url();
        for (pointer, ours) in [
            ("/TableName", TABLE),
            ("/QueueUrl", &queue),
            ("/KeyId", KMS_KEY),
            ("/GroupName", SCHEDULE_GROUP),
            ("/Target/Arn", QUEUE_ARN),
            ("/Target/RoleArn", SCHEDULER_ROLE),
        ] {
            if body.pointer(pointer).is_some_and(|name| name != ours) {
                self.foreign.lock().unwrap().push(format!("{uri} {pointer} of {body}"));
            }
        }
        let mut tables = body["RequestItems"].as_object().into_iter().flat_map(|it| it.keys());
        if tables.any(|table| table != TABLE) {
            self.foreign.lock().unwrap().push(format!("a table of {body}"));
        }
    }

    /// Has the endpoint answer. The requests are unsigned: this test finds out which rights a
    /// caller needs.
    async fn pass_on(&self, mut head: Parts, body: Bytes) -> Response<Full<Bytes>> {
        head.headers.remove(header::AUTHORIZATION);
        let address = self.endpoint.url();
        let stream = TcpStream::connect(address.trim_start_matches("http://")).await.unwrap();
        let io = TokioIo::new(stream);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
        tokio::spawn(connection);
        let request = Request::from_parts(head, Full::new(body));
        let (head, body) = sender.send_request(request).await.unwrap().into_parts();
        Response::from_parts(head, Full::new(body.collect().await.unwrap().to_bytes()))
    }
}
