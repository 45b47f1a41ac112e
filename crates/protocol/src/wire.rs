//! The `ProtoJSON` rules, written once; the macros here give them to every message.
//!
//! `serde`'s derive is not used for messages because it cannot express these rules. It lets an array
//! stand for an object, and it needs three attributes per field: for `null` as absent, for a second
//! name, and for a default. A struct under [`message!`] carries one: its JSON name, and whether the
//! proto marks it REQUIRED.
//!
//! Reading: <https://protobuf.dev/programming-guides/json/>; presence when writing: specification
//! 5.7 and 8.4.1 (REQUIRED fields always, other fields unless they are the default).

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error, Unexpected, Visitor};

/// A value that is there: not `null`.
pub(crate) trait Value: Sized {
    fn read_value<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;
}

/// The value of a message's field, where `null` and absent are the same.
pub(crate) trait Field: Default {
    fn read_field<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;

    /// Whether the field is left out when it is not REQUIRED.
    fn is_absent(&self) -> bool;
}

/// Without explicit presence: absent is the default value.
impl<T: Value + Default + PartialEq> Field for T {
    fn read_field<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::<T>::read_field(deserializer)?.unwrap_or_default())
    }

    fn is_absent(&self) -> bool {
        *self == T::default()
    }
}

/// With explicit presence: `optional` in the proto, or a message.
impl<T: Value> Field for Option<T> {
    fn read_field<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OptionVisitor<T>(PhantomData<T>);

        impl<'de, T: Value> Visitor<'de> for OptionVisitor<T> {
            type Value = Option<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value or null")
            }

            fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
                Ok(None)
            }

            fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
                Ok(None)
            }

            fn visit_some<D: Deserializer<'de>>(self, d: D) -> Result<Self::Value, D::Error> {
                T::read_value(d).map(Some)
            }
        }

        deserializer.deserialize_option(OptionVisitor(PhantomData))
    }

    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

/// Makes a [`Field`] readable through `MapAccess::next_value`.
pub(crate) struct Slot<T>(pub(crate) T);

impl<'de, T: Field> Deserialize<'de> for Slot<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::read_field(deserializer).map(Slot)
    }
}

/// Types whose `Deserialize` already reads a present value by the `ProtoJSON` rules.
macro_rules! plain_value {
    ($($ty:ty),* $(,)?) => {$(
        impl crate::wire::Value for $ty {
            fn read_value<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                serde::Deserialize::deserialize(d)
            }
        }
    )*};
}

plain_value!(String, bool);

impl<T: DeserializeOwned> Value for Vec<T> {
    fn read_value<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Deserialize::deserialize(deserializer)
    }
}

impl<T: DeserializeOwned> Value for BTreeMap<String, T> {
    fn read_value<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Deserialize::deserialize(deserializer)
    }
}

impl Value for i32 {
    fn read_value<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Int32Visitor)
    }
}

/// An `int32`: a number or a numeric string, in any spelling with an integral value (`10`, `1e1`,
/// `"10.0"`).
struct Int32Visitor;

impl Visitor<'_> for Int32Visitor {
    type Value = i32;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an integer between {} and {}", i32::MIN, i32::MAX)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<i32, E> {
        i32::try_from(value).map_err(|_| E::invalid_value(Unexpected::Signed(value), &self))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<i32, E> {
        i32::try_from(value).map_err(|_| E::invalid_value(Unexpected::Unsigned(value), &self))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<i32, E> {
        integral(value)
            .and_then(|value| i32::try_from(value).ok())
            .ok_or_else(|| E::invalid_value(Unexpected::Float(value), &self))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<i32, E> {
        let invalid = || E::invalid_value(Unexpected::Str(text), &self);
        // serde_json skips whitespace around a document; a number in a string has none.
        if text.contains(|c: char| c.is_ascii_whitespace()) {
            return Err(invalid());
        }
        let number: serde_json::Number = serde_json::from_str(text).map_err(|_| invalid())?;
        match (number.as_i64(), number.as_f64()) {
            (Some(value), _) => self.visit_i64(value),
            (None, Some(value)) => self.visit_f64(value),
            (None, None) => Err(invalid()),
        }
    }
}

/// The integer that a JSON number in float spelling stands for, if it is one that `i64` surely
/// holds.
pub(crate) fn integral(value: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53
    #[allow(clippy::cast_possible_truncation)] // Within 2^53 and without a fraction: exact.
    (value.fract() == 0.0 && value.abs() <= EXACT).then_some(value as i64)
}

/// Whether an entry is written. A rule of its own because REQUIRED fields do not ask their value.
macro_rules! written {
    ($value:expr, required) => {
        true
    };
    ($value:expr) => {
        !crate::wire::Field::is_absent(&$value)
    };
}

/// Declares a proto message: the struct as written, plus its `ProtoJSON` reading and writing.
///
/// Each field says `#[json("jsonName")]`, or `#[json("jsonName", required)]` where the proto says
/// `REQUIRED`; the field's own name is the proto's. Unknown names are skipped (specification 5.7).
/// A field that is given twice, even once in each spelling, is refused: the choice would be a guess.
macro_rules! message {
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
            $(
                $(#[doc = $doc:expr])*
                #[json($json:literal $(, $required:ident)?)]
                pub $field:ident: $ty:ty,
            )*
        }
    ) => {
        $(#[$meta])*
        pub struct $name {
            $( $(#[doc = $doc])* pub $field: $ty, )*
        }

        plain_value!($name);

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeMap;
                let mut object = serializer.serialize_map(None)?;
                $(
                    if written!(self.$field $(, $required)?) {
                        object.serialize_entry($json, &self.$field)?;
                    }
                )*
                object.end()
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                #[allow(non_camel_case_types)]
                #[derive(Clone, Copy)]
                enum Name { $( $field, )* }

                #[allow(unreachable_patterns)] // One-word names are the same in both spellings.
                fn name(text: &str) -> Option<Name> {
                    match text {
                        $( $json | stringify!($field) => Some(Name::$field), )*
                        _ => None,
                    }
                }

                struct MessageVisitor;

                impl<'de> serde::de::Visitor<'de> for MessageVisitor {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("an object")
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(
                        self,
                        mut object: A,
                    ) -> Result<$name, A::Error> {
                        let mut message = $name::default();
                        let mut seen = 0_u32;
                        while let Some(known) = object.next_key_seed(crate::wire::Key(name))? {
                            let Some(known) = known else {
                                object.next_value::<serde::de::IgnoredAny>()?;
                                continue;
                            };
                            let bit = 1_u32 << known as u32;
                            match known {
                                $(
                                    Name::$field => {
                                        if seen & bit != 0 {
                                            return Err(crate::wire::given_twice($json));
                                        }
                                        message.$field =
                                            object.next_value::<crate::wire::Slot<_>>()?.0;
                                    }
                                )*
                            }
                            seen |= bit;
                        }
                        Ok(message)
                    }
                }

                // Not `deserialize_struct`: that would let an array stand for the object.
                deserializer.deserialize_map(MessageVisitor)
            }
        }

        #[cfg(test)]
        impl crate::wire::Described for $name {
            const FIELDS: &'static [crate::wire::DescribedField] =
                &[$( (stringify!($field), $json, stringify!($ty)), )*];
        }
    };
}

/// Declares a proto message that is nothing but one `oneof`: an object with exactly one of the
/// names.
///
/// Each variant says `#[json("jsonName", "proto_name")]`.
macro_rules! oneof {
    (
        $(#[$meta:meta])*
        pub enum $name:ident {
            $(
                $(#[doc = $doc:expr])*
                #[json($json:literal, $proto:literal)]
                $variant:ident($ty:ty),
            )*
        }
    ) => {
        $(#[$meta])*
        pub enum $name {
            $( $(#[doc = $doc])* $variant($ty), )*
        }

        plain_value!($name);

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeMap;
                let mut object = serializer.serialize_map(Some(1))?;
                match self {
                    $( $name::$variant(value) => object.serialize_entry($json, value)?, )*
                }
                object.end()
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                #[derive(Clone, Copy)]
                enum Name { $( $variant, )* }

                #[allow(unreachable_patterns)] // One-word names are the same in both spellings.
                fn name(text: &str) -> Option<Name> {
                    match text {
                        $( $json | $proto => Some(Name::$variant), )*
                        _ => None,
                    }
                }

                struct OneofVisitor;

                impl<'de> serde::de::Visitor<'de> for OneofVisitor {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("an object")
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(
                        self,
                        mut object: A,
                    ) -> Result<$name, A::Error> {
                        let mut chosen = None;
                        while let Some(name) = object.next_key_seed(crate::wire::Key(name))? {
                            let value = match name {
                                $(
                                    Some(Name::$variant) => object
                                        .next_value::<crate::wire::Slot<Option<$ty>>>()?
                                        .0
                                        .map($name::$variant),
                                )*
                                None => {
                                    object.next_value::<serde::de::IgnoredAny>()?;
                                    None
                                }
                            };
                            if value.is_some() && chosen.is_some() {
                                return Err(crate::wire::not_exactly_one(&[$($json),*]));
                            }
                            chosen = chosen.or(value);
                        }
                        chosen.ok_or_else(|| crate::wire::not_exactly_one(&[$($json),*]))
                    }
                }

                deserializer.deserialize_map(OneofVisitor)
            }
        }

        #[cfg(test)]
        impl crate::wire::Described for $name {
            const FIELDS: &'static [crate::wire::DescribedField] =
                &[$( ($proto, $json, stringify!($ty)), )*];
        }
    };
}

/// Reads a string that stands for a value. `expected` says what it must be.
pub(crate) fn read_text<'de, D: Deserializer<'de>, T, E: fmt::Display>(
    deserializer: D,
    expected: impl Fn() -> String,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<T, D::Error> {
    deserializer.deserialize_str(Text { expected, parse })
}

struct Text<X, P> {
    expected: X,
    parse: P,
}

impl<T, E: fmt::Display, X: Fn() -> String, P: Fn(&str) -> Result<T, E>> Visitor<'_>
    for Text<X, P>
{
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&(self.expected)())
    }

    fn visit_str<Refused: Error>(self, text: &str) -> Result<T, Refused> {
        (self.parse)(text).map_err(Refused::custom)
    }
}

/// Reads a key and looks it up at once, so that no key is ever allocated.
pub(crate) struct Key<F>(pub(crate) F);

impl<'de, N, F: Fn(&str) -> Option<N>> serde::de::DeserializeSeed<'de> for Key<F> {
    type Value = Option<N>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl<N, F: Fn(&str) -> Option<N>> Visitor<'_> for Key<F> {
    type Value = Option<N>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field name")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok((self.0)(text))
    }
}

pub(crate) fn given_twice<E: Error>(json: &str) -> E {
    E::custom(format_args!("has the field {json} twice"))
}

pub(crate) fn not_exactly_one<E: Error>(names: &[&str]) -> E {
    E::custom(format_args!("must have exactly one of {}", names.join(", ")))
}

/// A field as the macro was told about it: the proto's name, the JSON name, the Rust type.
#[cfg(test)]
pub(crate) type DescribedField = (&'static str, &'static str, &'static str);

/// The macros' description of a message, for the test that compares it with `a2a.proto`.
#[cfg(test)]
pub(crate) trait Described {
    const FIELDS: &'static [DescribedField];
}
