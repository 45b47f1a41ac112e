//! a2a-lambda dynamodb
