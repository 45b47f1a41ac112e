//! a2a-lambda store-contract
