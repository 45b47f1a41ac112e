//! The bed, and the doubles.

mod agents;
mod bed;
mod crashes;
mod doubles;
mod messages;
mod pushes;
