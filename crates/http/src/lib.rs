//! a2a-lambda http
