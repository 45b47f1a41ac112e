//! a2a-lambda request
