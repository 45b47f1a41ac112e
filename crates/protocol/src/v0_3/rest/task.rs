//! Tasks, messages and artifacts.

use super::part::Part;
use crate::enums::Role;
use crate::json::Struct;
use crate::timestamp::Timestamp;
use crate::v0_3::names::names;
use crate::v0_3::task::objects;

names! {
    /// The state of a task. One name is spelled otherwise than in 1.0.
    pub struct TaskState(crate::TaskState) {
        Unspecified => "TASK_STATE_UNSPECIFIED",
        Submitted => "TASK_STATE_SUBMITTED",
        Working => "TASK_STATE_WORKING",
        Completed => "TASK_STATE_COMPLETED",
        Failed => "TASK_STATE_FAILED",
        Canceled => "TASK_STATE_CANCELLED",
        InputRequired => "TASK_STATE_INPUT_REQUIRED",
        Rejected => "TASK_STATE_REJECTED",
        AuthRequired => "TASK_STATE_AUTH_REQUIRED",
    }
}

// `parts` is read, too, because the schema has it. There is no `referenceTaskIds`.
objects!("content");
