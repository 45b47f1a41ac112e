//! The simulation itself is tested: that it is the same each time, that it finds what is wrong, and
//! that it finds nothing wrong with the core.

mod determinism;
mod dynamodb;
mod planted;
mod regressions;
mod seeds;
mod shrinking;
