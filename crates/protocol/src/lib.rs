//! a2a-lambda protocol
