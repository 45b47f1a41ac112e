//! a2a-lambda local
