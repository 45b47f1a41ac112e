//! a2a-lambda sqs-executor
