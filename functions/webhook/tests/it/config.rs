//! The function's variables.

use a2a_lambda_runtime::Reader;
use a2a_lambda_runtime::testing::assert_reads_its_variables;
use a2a_lambda_webhook_function::context;

#[test]
fn the_function_reads_exactly_its_variables() {
    assert_reads_its_variables(Reader::Webhook, &context);
}
