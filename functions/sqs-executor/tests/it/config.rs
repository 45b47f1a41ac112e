//! The function's variables.

use a2a_lambda_agents::from_variables;
use a2a_lambda_runtime::testing::assert_reads_its_variables;
use a2a_lambda_runtime::{Reader, Variables};
use futures_util::FutureExt as _;

#[test]
fn the_function_reads_exactly_its_variables() {
    assert_reads_its_variables(Reader::SqsExecutor, &|variables| {
        let made = async |variables: &Variables<'_>| from_variables(variables).await;
        let agents = a2a_lambda_runtime::agents(&made, variables).now_or_never();
        a2a_lambda_sqs_executor::context(variables, agents.unwrap()?)
    });
}
