//! Tests of the simulation itself: it repeats exactly, it finds planted bugs, and it finds no fault
//! in the core.

mod determinism;
mod dynamodb;
mod planted;
mod regressions;
mod seeds;
mod shrinking;
