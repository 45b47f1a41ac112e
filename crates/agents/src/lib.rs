//! a2a-lambda agents
