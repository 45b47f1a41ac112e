//! a2a-lambda core
