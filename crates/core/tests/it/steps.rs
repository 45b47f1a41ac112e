//! Durable steps: what is recorded is not done again.

mod callbacks;
mod limits;
mod replay;
mod scope;
mod work;
