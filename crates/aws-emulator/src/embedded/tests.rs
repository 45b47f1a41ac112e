use std::error::Error;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, GlobalSecondaryIndex, KeySchemaElement,
    KeyType, Projection, ProjectionType, ReturnValuesOnConditionCheckFailure, ScalarAttributeType,
};

use super::*;

type TestResult = Result<(), Box<dyn Error>>;

const TABLE: &str = "tasks";
const BY_OWNER: &str = "by-owner";

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

async fn create_table(client: &Client) -> TestResult {
    let attribute = |name| {
        AttributeDefinition::builder()
            .attribute_name(name)
            .attribute_type(ScalarAttributeType::S)
            .build()
    };
    let hash_key =
        |name| KeySchemaElement::builder().attribute_name(name).key_type(KeyType::Hash).build();
    client
        .create_table()
        .table_name(TABLE)
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(attribute("pk")?)
        .attribute_definitions(attribute("owner")?)
        .key_schema(hash_key("pk")?)
        .global_secondary_indexes(
            GlobalSecondaryIndex::builder()
                .index_name(BY_OWNER)
                .key_schema(hash_key("owner")?)
                .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build())
                .build()?,
        )
        .send()
        .await?;
    Ok(())
}

async fn put(client: &Client, key: &str, owner: Option<&str>) -> TestResult {
    let mut put =
        client.put_item().table_name(TABLE).item("pk", text(key)).item("generation", number(1));
    if let Some(owner) = owner {
        put = put.item("owner", text(owner));
    }
    put.send().await?;
    Ok(())
}

#[tokio::test]
async fn a_failed_condition_gives_the_item_that_stood_in_the_way() -> TestResult {
    let client = EmbeddedDynamoDb::memory()?.client();
    create_table(&client).await?;
    put(&client, "task-1", None).await?;

    let refused = client
        .update_item()
        .table_name(TABLE)
        .key("pk", text("task-1"))
        .update_expression("SET generation = :next")
        .condition_expression("generation = :expected")
        .expression_attribute_values(":next", number(8))
        .expression_attribute_values(":expected", number(7))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .send()
        .await
        .expect_err("the generation is 1")
        .into_service_error();

    let aws_sdk_dynamodb::operation::update_item::UpdateItemError::ConditionalCheckFailedException(
        failure,
    ) = refused
    else {
        return Err(refused.into());
    };
    let item = failure.item().ok_or("the item is asked for")?;
    assert_eq!(item["generation"], number(1));
    Ok(())
}

#[tokio::test]
async fn a_sparse_index_holds_only_items_with_its_key() -> TestResult {
    let client = EmbeddedDynamoDb::memory()?.client();
    create_table(&client).await?;
    put(&client, "task-1", Some("alice")).await?;
    put(&client, "task-2", Some("bob")).await?;
    put(&client, "task-3", None).await?;

    let found = client
        .query()
        .table_name(TABLE)
        .index_name(BY_OWNER)
        .key_condition_expression("#owner = :owner")
        .expression_attribute_names("#owner", "owner")
        .expression_attribute_values(":owner", text("alice"))
        .send()
        .await?;

    let keys: Vec<_> = found.items().iter().map(|item| item["pk"].clone()).collect();
    assert_eq!(keys, [text("task-1")]);
    Ok(())
}

#[tokio::test]
async fn a_file_keeps_its_data() -> TestResult {
    let folder = std::env::temp_dir().join(uuid::Uuid::new_v4().to_string());
    std::fs::create_dir(&folder)?;
    let path = folder.join("dynamodb.sqlite");

    let client = EmbeddedDynamoDb::open(&path)?.client();
    create_table(&client).await?;
    put(&client, "task-1", None).await?;
    drop(client);

    let client = EmbeddedDynamoDb::open(&path)?.client();
    let read = client
        .get_item()
        .table_name(TABLE)
        .key("pk", text("task-1"))
        .consistent_read(true)
        .send()
        .await?;
    assert_eq!(read.item().ok_or("the item was stored")?["generation"], number(1));
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn clients_of_one_database_share_it_and_databases_share_nothing() -> TestResult {
    let database = EmbeddedDynamoDb::memory()?;
    create_table(&database.client()).await?;

    assert_eq!(database.client().list_tables().send().await?.table_names(), [TABLE]);
    let other = EmbeddedDynamoDb::memory()?.client();
    assert!(other.list_tables().send().await?.table_names().is_empty());
    Ok(())
}

#[tokio::test]
async fn a_refusal_of_the_engine_is_a_typed_error() -> TestResult {
    let client = EmbeddedDynamoDb::memory()?.client();
    let missing = client
        .get_item()
        .table_name("nowhere")
        .key("pk", text("task-1"))
        .send()
        .await
        .expect_err("there is no such table");
    assert!(missing.into_service_error().is_resource_not_found_exception());

    create_table(&client).await?;
    let not_a_number = client
        .put_item()
        .table_name(TABLE)
        .item("pk", text("task-1"))
        .item("generation", AttributeValue::N("seven".to_owned()))
        .send()
        .await
        .expect_err("seven is not written in digits")
        .into_service_error();
    assert_eq!(not_a_number.meta().code(), Some("ValidationException"));
    let message = not_a_number.meta().message().ok_or("a refusal has a message")?;
    assert!(message.contains("numeric value"), "{message}");
    assert!(!message.contains("VALIDATION"), "the engine's marker must not show: {message}");
    Ok(())
}

#[tokio::test]
async fn a_scan_is_refused() -> TestResult {
    let client = EmbeddedDynamoDb::memory()?.client();
    create_table(&client).await?;
    let refused = client.scan().table_name(TABLE).send().await.expect_err("no code may scan");
    assert!(refused.into_service_error().meta().message().is_some_and(|m| m.contains("Scan")));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn conditional_writes_of_many_callers_are_serialized() -> TestResult {
    const CALLERS: u64 = 64;
    let client = EmbeddedDynamoDb::memory()?.client();
    create_table(&client).await?;
    put(&client, "task-1", None).await?;

    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..CALLERS {
        let update = client
            .update_item()
            .table_name(TABLE)
            .key("pk", text("task-1"))
            .update_expression("ADD generation :one")
            .expression_attribute_values(":one", number(1));
        callers.spawn(update.send());
    }
    while let Some(updated) = callers.join_next().await {
        updated??;
    }

    let read = client.get_item().table_name(TABLE).key("pk", text("task-1")).send().await?;
    assert_eq!(read.item().ok_or("the item was stored")?["generation"], number(1 + CALLERS));
    Ok(())
}

#[tokio::test]
async fn small_requests_do_not_wait_for_many_large_ones() -> TestResult {
    let client = EmbeddedDynamoDb::memory()?.client();
    create_table(&client).await?;
    put(&client, "task-1", None).await?;
    let done = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let mut large = tokio::task::JoinSet::new();
    for number in 0..64 {
        let put = client.put_item().table_name(TABLE).item("pk", text(&number.to_string()));
        let put = put.item("text", text(&"x".repeat(2 * LARGE_BYTES)));
        let done = done.clone();
        large.spawn(async move {
            put.send().await.unwrap();
            done.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        });
    }
    for _ in 0..8 {
        client.get_item().table_name(TABLE).key("pk", text("task-1")).send().await?;
    }
    let before = done.load(std::sync::atomic::Ordering::SeqCst);
    assert!(before < 32, "{before} large requests came before the small ones");
    large.join_all().await;
    Ok(())
}
