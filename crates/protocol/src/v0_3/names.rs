//! The enums of 1.0 under their names in 0.3.

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

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(match self.0 {
                    $( crate::$current::$variant => $text, )*
                    $( crate::$current::$unnamed => $as, )?
                })
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let expected = || format!("one of {}", [$( $text, )*].join(", "));
                crate::wire::read_text(deserializer, expected, |text| match text {
                    $( $text => Ok($name(crate::$current::$variant)), )*
                    // Not `invalid_value`, which would repeat the text.
                    _ => Err(format!("must be {}", expected())),
                })
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
    /// The state of a task.
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
                let expected = || concat!("\"", $text, "\"").to_owned();
                crate::wire::read_text(deserializer, expected, |text| {
                    if text == $text { Ok($name) } else { Err(format!("must be {}", expected())) }
                })
            }
        }
    };
}

pub(super) use kind;
