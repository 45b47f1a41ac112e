//! The two enums of the data model.

use std::fmt;
use std::str::FromStr;

use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use crate::wire::integral;

/// Declares a proto enum: names as in the proto, numbers accepted when reading.
macro_rules! proto_enum {
    (
        $(#[$meta:meta])*
        pub enum $name:ident {
            $( $(#[$vmeta:meta])* $variant:ident = $number:literal => $text:literal, )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub enum $name {
            $( $(#[$vmeta])* $variant = $number, )*
        }

        impl $name {
            /// Every value, in the order of the proto's numbers.
            pub const ALL: &'static [Self] = &[$( Self::$variant, )*];

            /// The name in the proto, which is also the JSON form.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $( Self::$variant => $text, )*
                }
            }

            fn from_number(number: i64) -> Option<Self> {
                match number {
                    $( $number => Some(Self::$variant), )*
                    _ => None,
                }
            }
        }

        plain_value!($name);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownEnumName;

            fn from_str(text: &str) -> Result<Self, UnknownEnumName> {
                match text {
                    $( $text => Ok(Self::$variant), )*
                    _ => Err(UnknownEnumName { allowed: &[$( $text, )*] }),
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct EnumVisitor;

                impl Visitor<'_> for EnumVisitor {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str(concat!("one of " $(, $text, ", ")*))?;
                        f.write_str("or its number")
                    }

                    fn visit_str<E: Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }

                    fn visit_i64<E: Error>(self, number: i64) -> Result<$name, E> {
                        $name::from_number(number)
                            .ok_or_else(|| E::custom(UnknownEnumName { allowed: &[$( $text, )*] }))
                    }

                    fn visit_u64<E: Error>(self, number: u64) -> Result<$name, E> {
                        self.visit_i64(i64::try_from(number).unwrap_or(i64::MAX))
                    }

                    fn visit_f64<E: Error>(self, number: f64) -> Result<$name, E> {
                        self.visit_i64(integral(number).unwrap_or(i64::MAX))
                    }
                }

                deserializer.deserialize_any(EnumVisitor)
            }
        }
    };
}

proto_enum! {
    /// The state of a task (specification 4.1.3).
    pub enum TaskState {
        /// Not known. As a filter of `ListTasks`: no filter.
        #[default]
        Unspecified = 0 => "TASK_STATE_UNSPECIFIED",
        /// Accepted, not yet begun.
        Submitted = 1 => "TASK_STATE_SUBMITTED",
        /// The agent is at it.
        Working = 2 => "TASK_STATE_WORKING",
        /// Ended well. Terminal.
        Completed = 3 => "TASK_STATE_COMPLETED",
        /// Ended with an error. Terminal.
        Failed = 4 => "TASK_STATE_FAILED",
        /// Ended by a client's cancellation. Terminal.
        Canceled = 5 => "TASK_STATE_CANCELED",
        /// Waits for a message of the user. Interrupted.
        InputRequired = 6 => "TASK_STATE_INPUT_REQUIRED",
        /// The agent will not do it. Terminal.
        Rejected = 7 => "TASK_STATE_REJECTED",
        /// Waits for the user to authenticate somewhere. Interrupted.
        AuthRequired = 8 => "TASK_STATE_AUTH_REQUIRED",
    }
}

impl TaskState {
    /// Whether a task in this state never changes again.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Canceled | Self::Rejected)
    }

    /// Whether a task in this state waits for its user.
    pub const fn is_interrupted(self) -> bool {
        matches!(self, Self::InputRequired | Self::AuthRequired)
    }
}

proto_enum! {
    /// The sender of a message (specification 4.1.5).
    pub enum Role {
        /// Not said. Refused in a request.
        #[default]
        Unspecified = 0 => "ROLE_UNSPECIFIED",
        /// The client.
        User = 1 => "ROLE_USER",
        /// The server.
        Agent = 2 => "ROLE_AGENT",
    }
}

/// A name or number that the enum does not have. Lists the possible values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownEnumName {
    allowed: &'static [&'static str],
}

impl fmt::Display for UnknownEnumName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "must be one of {}", self.allowed.join(", "))
    }
}

impl std::error::Error for UnknownEnumName {}
