//! What the operator may set, as a typed struct.

use std::net::Ipv4Addr;

use crate::contract::{Constraint, Parameter, Value};
use crate::host;
use crate::wire::{Ipv4Prefix, MacAddress};

/// The parameters of a network function; `#[derive(Parameters)]` writes it.
///
/// ```
/// use nfos::prelude::*;
///
/// #[derive(Parameters)]
/// struct Parameters {
///     /// Milliseconds without a packet after which a session is forgotten.
///     #[default(48_000)]
///     #[range(1..=86_400_000)]
///     idle_timeout_ms: u64,
///     /// How frames are passed on.
///     #[default(Mode::Routed)]
///     mode: Mode,
///     /// The MAC address of port 0.
///     port0_mac: Option<MacAddress>,
///     /// How many microseconds old a count may be.
///     #[relaxes(staleness = "counters")]
///     staleness_us: u64,
/// }
///
/// #[derive(Choice)]
/// enum Mode {
///     Routed,
///     Transparent,
/// }
/// # fn main() {}
/// ```
/// `#[relaxes(SETTING = "STRUCTURE")]` ties a parameter to a setting of the structure that is
/// opened under the name; a name that ends in `*` means all that begin like it, and several stand
/// in brackets. Where a conflict on the structure is relaxed by that setting, reports name the
/// parameter with a value to try. Settings are `capacity`, `duration`, `refresh_interval`,
/// `staleness`, `write_interval` and `method`.
pub trait Parameters: Sized {
    /// What the host is told of them.
    fn describe() -> Vec<Parameter>;

    /// Asks the host for their values; in `init` only.
    ///
    /// # Panics
    /// For a text that is no value of its field's type, with a sentence for the operator.
    fn read() -> Self;
}

impl Parameters for () {
    fn describe() -> Vec<Parameter> {
        Vec::new()
    }

    fn read() -> Self {}
}

/// A type that a parameter may have.
pub trait ParameterType: Sized {
    /// Which values the operator may give.
    fn constraint() -> Constraint {
        Constraint::Any
    }

    /// As the operator writes it.
    fn to_value(&self) -> Value;

    /// From what the operator wrote.
    ///
    /// # Errors
    /// What would have been right.
    fn from_value(value: Value) -> Result<Self, String>;
}

/// One of several words; `#[derive(Choice)]` on an enum writes it, with the variants' names in
/// lower case and hyphens.
pub trait Choice: Sized {
    /// The words, in the order of the variants.
    const NAMES: &'static [&'static str];

    /// The variant in this place.
    fn at(index: usize) -> Option<Self>;

    /// This variant's place.
    fn index(&self) -> usize;
}

impl<C: Choice> ParameterType for C {
    fn constraint() -> Constraint {
        Constraint::Choices(C::NAMES.iter().map(|&name| name.to_owned()).collect())
    }

    fn to_value(&self) -> Value {
        Value::Text(C::NAMES[self.index()].to_owned())
    }

    fn from_value(value: Value) -> Result<Self, String> {
        let Value::Text(text) = value else { return Err("a word".to_owned()) };
        let place = C::NAMES.iter().position(|&name| name == text);
        place.and_then(C::at).ok_or_else(|| format!("one of {}", C::NAMES.join(", ")))
    }
}

macro_rules! unsigned_parameters {
    ($($integer:ty)*) => {$(
        impl ParameterType for $integer {
            fn constraint() -> Constraint {
                match <$integer>::BITS {
                    64 => Constraint::Any,
                    _ => Constraint::Range((0, u64::from(<$integer>::MAX))),
                }
            }

            fn to_value(&self) -> Value {
                Value::Unsigned(u64::from(*self))
            }

            fn from_value(value: Value) -> Result<Self, String> {
                match value {
                    Value::Unsigned(number) => <$integer>::try_from(number).ok(),
                    _ => None,
                }
                .ok_or_else(|| format!("a number up to {}", <$integer>::MAX))
            }
        }
    )*};
}

unsigned_parameters! { u8 u16 u32 u64 }

impl ParameterType for bool {
    fn to_value(&self) -> Value {
        Value::Boolean(*self)
    }

    fn from_value(value: Value) -> Result<Self, String> {
        match value {
            Value::Boolean(answer) => Ok(answer),
            _ => Err("true or false".to_owned()),
        }
    }
}

impl ParameterType for String {
    fn to_value(&self) -> Value {
        Value::Text(self.clone())
    }

    fn from_value(value: Value) -> Result<Self, String> {
        match value {
            Value::Text(text) => Ok(text),
            _ => Err("a text".to_owned()),
        }
    }
}

/// Texts that are read as something else; wrapped in `Option`, the empty text is `None`.
macro_rules! text_parameters {
    ($($type:ty, $right:literal;)*) => {$(
        impl ParameterType for $type {
            fn to_value(&self) -> Value {
                Value::Text(self.to_string())
            }

            fn from_value(value: Value) -> Result<Self, String> {
                match value {
                    Value::Text(text) => text.parse().ok(),
                    _ => None,
                }
                .ok_or_else(|| $right.to_owned())
            }
        }

        impl ParameterType for Option<$type> {
            fn to_value(&self) -> Value {
                Value::Text(self.as_ref().map(ToString::to_string).unwrap_or_default())
            }

            fn from_value(value: Value) -> Result<Self, String> {
                match value {
                    Value::Text(text) if text.is_empty() => Ok(None),
                    value => <$type>::from_value(value).map(Some),
                }
            }
        }
    )*};
}

text_parameters! {
    MacAddress, "a MAC address such as 02:00:00:00:00:01";
    Ipv4Addr, "an IPv4 address such as 192.0.2.1";
    Ipv4Prefix, "an IPv4 prefix such as 10.0.0.0/8";
}

/// Reads the parameter `name`.
///
/// # Panics
/// For a text that is no `T`, with a sentence for the operator.
#[doc(hidden)]
pub fn read<T: ParameterType>(name: &str) -> T {
    let value = host::parameter(name);
    let given = match &value {
        Value::Unsigned(number) => number.to_string(),
        Value::Boolean(answer) => answer.to_string(),
        Value::Text(text) => format!("`{text}`"),
    };
    match T::from_value(value) {
        Ok(value) => value,
        Err(right) => panic!("the parameter `{name}` is {given}, but should be {right}"),
    }
}

/// The default of a parameter, written as a text.
#[doc(hidden)]
pub fn from_text<T: ParameterType>(text: &str) -> T {
    match T::from_value(Value::Text(text.to_owned())) {
        Ok(value) => value,
        Err(right) => panic!("the default `{text}` should be {right}"),
    }
}
