//! The function's variables.

use a2a_lambda_runtime::Reader;
use a2a_lambda_runtime::testing::assert_reads_its_variables;

#[test]
fn the_function_reads_what_the_table_says_and_nothing_else() {
    assert_reads_its_variables(Reader::StreamRecovery, &a2a_lambda_aws::engine);
}
