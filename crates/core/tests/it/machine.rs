//! The state machine: its table, the cases behind the table, and random walks through it.

mod attempts;
mod cases;
mod marks;
mod patience;
mod retention;
mod sample;
mod scopes;
mod table;
mod walk;
