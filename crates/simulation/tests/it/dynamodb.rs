//! The same plans on the store for DynamoDB, with an embedded database. It is slower, so there are
//! fewer.

#![allow(clippy::unwrap_used, reason = "without a database there is nothing to test")]

use std::sync::Arc;

use a2a_lambda_aws_emulator::embedded::EmbeddedDynamoDb;
use a2a_lambda_dynamodb::{DynamoDbStore, create_table};
use a2a_lambda_simulation::{Planted, Report, Setup, Stores, Strike, Weather, generate, run_on};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::SharedHttpClient;
use aws_smithy_runtime_api::client::http::{
    HttpClient as _, HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;

const TABLE: &str = "tasks";

/// A connection that loses requests and answers: the store may make several requests for one of the
/// core.
#[derive(Debug)]
struct Stormy {
    calm: SharedHttpConnector,
    weather: Weather,
}

impl HttpConnector for Stormy {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let lost = || ConnectorError::io("the simulation wills it".into());
        match self.weather.strike() {
            None => self.calm.call(request),
            Some(Strike::Refused) => HttpConnectorFuture::ready(Err(lost())),
            Some(Strike::AnswerLost) => {
                let answer = self.calm.call(request);
                HttpConnectorFuture::new(async move {
                    answer.await?;
                    Err(lost())
                })
            }
        }
    }
}

fn stormy(calm: SharedHttpClient, weather: Weather) -> SharedHttpClient {
    http_client_fn(move |settings, components| {
        let calm = calm.http_connector(settings, components);
        SharedHttpConnector::new(Stormy { calm, weather: weather.clone() })
    })
}

async fn stores(weather: Weather) -> Stores {
    let database = EmbeddedDynamoDb::memory().unwrap();
    let client = database.client();
    create_table(&client, TABLE).await.unwrap();
    let faulty = stormy(database.http_client(), weather);
    let faulty = Client::from_conf(client.config().to_builder().http_client(faulty).build());
    Stores {
        truth: Arc::new(DynamoDbStore::new(client, TABLE)),
        shown: Arc::new(DynamoDbStore::new(faulty, TABLE)),
    }
}

fn run(seed: u64, setup: Setup) -> Report {
    run_on(&generate(seed), setup, stores)
}

#[test]
fn the_core_keeps_its_promises_on_dynamodb() {
    let mut pushes = 0;
    for seed in 2_000..2_020 {
        let report = run(seed, Setup::default());
        assert_eq!(report.violation, None, "seed {seed}");
        pushes += report.tally.pushes;
    }
    assert!(pushes > 50, "{pushes} pushes");
}

#[test]
fn a_seed_has_one_journal_on_dynamodb() {
    let setup = Setup { journal: true, ..Setup::default() };
    assert_eq!(run(2_000, setup), run(2_000, setup));
}

#[test]
fn a_planted_bug_is_found_on_dynamodb() {
    for bug in [Planted::GuardIgnored, Planted::PushCursorBack] {
        let setup = Setup { planted: Some(bug), ..Setup::default() };
        assert!((0..20).any(|seed| run(seed, setup).violation.is_some()), "{}", bug.name());
    }
}
