//! Pushes: a task's updates are sent to the receivers that clients have named (invariants I6, I14).
//!
//! A client creates a [`PushConfig`] (`requests`), a [`Vault`] seals its secrets, and the task's
//! head names it. A commit that adds something for receivers sets the task's pending-push mark.
//! [`deliver()`] claims the mark and POSTs by a [`Webhook`] until each receiver has everything.

mod config;
mod deliver;
mod delivery;
pub(crate) mod mark;
mod operate;
mod requests;
mod settled;
mod url;
mod vault;
mod webhook;

pub use config::{Failing, Origin, PushConfig, PushConfigs};
pub(crate) use deliver::{Beside, Seen, beside};
pub use deliver::{Delivered, Tally, deliver};
pub use delivery::{
    Attempt, Delivery, DeliveryRecord, MAX_ATTEMPTS_KEPT, MAX_CAUSE_BYTES, Trouble,
};
pub use mark::{Mark, Pushes};
pub use operate::{
    ConfigState, FailingConfig, FailingPage, FailingPlace, MAX_FAILING_PAGE, TaskPushes,
};
pub(crate) use requests::{Offer, Replaced, is_certain, refused_config};
pub use vault::{PushSecrets, Sealed, Secret, Vault, VaultError};
pub use webhook::{Always, Answer, NotAdmitted, Nowhere, Push, PushError, Wanted, Webhook};
