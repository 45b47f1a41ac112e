//! The enums of 1.0 under their names in 0.3.

use std::fmt;

use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// Declares an enum of 1.0 under other names. The text after the semicolon is written and never read.
macro_rules! names {
    (
        $(#[$meta:meta])*
        pub struct $name:ident(crate::$current:ident) {
            $( $variant:ident => $text:literal, )*
            $( ; $unnamed:ident => $as:literal, )?
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub struct $name(pub crate::$current);

        plain_value!($name);

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(match self.0 {
                    $( crate::$current::$variant => $text, )*
                    $( crate::$current::$unnamed => $as, )?
                })
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct NameVisitor;

                impl Visitor<'_> for NameVisitor {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        write!(f, "one of {}", [$( $text, )*].join(", "))
                    }

                    fn visit_str<E: Error>(self, text: &str) -> Result<$name, E> {
                        match text {
                            $( $text => Ok($name(crate::$current::$variant)), )*
                            // Not `invalid_value`, which would repeat the text.
                            _ => {
                                let names = [$( $text, )*].join(", ");
                                Err(E::custom(format_args!("must be one of {names}")))
                            }
                        }
                    }
                }

                deserializer.deserialize_str(NameVisitor)
            }
        }

        impl From<crate::$current> for $name {
            fn from(current: crate::$current) -> Self {
                Self(current)
            }
        }

        impl From<$name> for crate::$current {
            fn from(name: $name) -> Self {
                name.0
            }
        }
    };
}

pub(super) use names;

names! {
    /// The sender of a message.
    pub struct Role(crate::Role) {
        User => "user",
        Agent => "agent",
        // 0.3 has no third role: every sender but the user is an agent.
        ; Unspecified => "agent",
    }
}

names! {
    /// Where a task is in its life.
    pub struct TaskState(crate::TaskState) {
        Submitted => "submitted",
        Working => "working",
        InputRequired => "input-required",
        Completed => "completed",
        Canceled => "canceled",
        Failed => "failed",
        Rejected => "rejected",
        AuthRequired => "auth-required",
        Unspecified => "unknown",
    }
}

/// Declares a `kind`: a field that always says the same. Absent is taken for it, as by the official
/// SDKs.
macro_rules! kind {
    ($(#[$meta:meta])* $name:ident = $text:literal) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub struct $name;

        plain_value!($name);

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str($text)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct KindVisitor;

                impl serde::de::Visitor<'_> for KindVisitor {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str(concat!("\"", $text, "\""))
                    }

                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$name, E> {
                        if text == $text {
                            Ok($name)
                        } else {
                            Err(E::custom(concat!("must be \"", $text, "\"")))
                        }
                    }
                }

                deserializer.deserialize_str(KindVisitor)
            }
        }
    };
}

pub(super) use kind;
