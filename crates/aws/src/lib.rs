//! a2a-lambda aws
