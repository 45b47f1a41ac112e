//! Points in time as the protocol writes them (specification 5.6.1).

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::wire;

/// A point in time: milliseconds since 1970-01-01T00:00:00Z, between the years 0001 and 9999.
///
/// These are the bounds of `google.protobuf.Timestamp`. Its JSON form is
/// `YYYY-MM-DDTHH:mm:ss.sssZ`, which sorts by time. Smaller units than a millisecond are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    millis: i64,
}

plain_value!(Timestamp);

impl Timestamp {
    /// 0001-01-01T00:00:00.000Z.
    pub const MIN: Self = Self { millis: -62_135_596_800_000 };
    /// 9999-12-31T23:59:59.999Z.
    pub const MAX: Self = Self { millis: 253_402_300_799_999 };

    /// Milliseconds since the epoch. A value out of bounds becomes [`MIN`](Self::MIN) or
    /// [`MAX`](Self::MAX).
    pub const fn from_millis(millis: i64) -> Self {
        if millis < Self::MIN.millis {
            Self::MIN
        } else if millis > Self::MAX.millis {
            Self::MAX
        } else {
            Self { millis }
        }
    }

    /// Milliseconds since the epoch.
    pub const fn as_millis(self) -> i64 {
        self.millis
    }

    /// This much later, unless that is past [`MAX`](Self::MAX). Smaller units than a millisecond
    /// are dropped.
    pub fn checked_add(self, duration: Duration) -> Option<Self> {
        let millis = self.millis.checked_add(i64::try_from(duration.as_millis()).ok()?)?;
        (millis <= Self::MAX.millis).then_some(Self { millis })
    }

    /// This much later, at most [`MAX`](Self::MAX).
    pub fn saturating_add(self, duration: Duration) -> Self {
        self.checked_add(duration).unwrap_or(Self::MAX)
    }

    /// This much earlier, at least [`MIN`](Self::MIN).
    pub fn saturating_sub(self, duration: Duration) -> Self {
        let by = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self { millis: self.millis.saturating_sub(by) }.max(Self::MIN)
    }

    /// How long before this `earlier` is; zero if it is not.
    pub fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.millis - earlier.millis).unwrap_or(0))
    }
}

/// The places of the digits in the JSON form.
const FORM: [u8; 24] = *b"0000-00-00T00:00:00.000Z";

impl Timestamp {
    /// The JSON form, in ASCII. Every entry of a log has one, so it is written without `format!`.
    fn text(self) -> [u8; 24] {
        // Cannot overflow: MIN and MAX are within the range of `time`.
        let at = OffsetDateTime::UNIX_EPOCH + time::Duration::milliseconds(self.millis);
        let (year, month, day) = at.to_calendar_date();
        let mut text = FORM;
        for (place, number) in [
            (0..4, year.unsigned_abs()),
            (5..7, u8::from(month).into()),
            (8..10, day.into()),
            (11..13, at.hour().into()),
            (14..16, at.minute().into()),
            (17..19, at.second().into()),
            (20..23, at.millisecond().into()),
        ] {
            let mut left: u32 = number;
            for digit in text[place].iter_mut().rev() {
                *digit += (left % 10) as u8;
                left /= 10;
            }
        }
        text
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.text()).map_err(|_| fmt::Error)?)
    }
}

/// Not an RFC 3339 date and time between the years 0001 and 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an RFC 3339 date and time, such as 2025-10-28T10:30:00.000Z")]
pub struct InvalidTimestamp;

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    /// Any offset is taken and turned into UTC; any number of fractional digits is taken, and
    /// truncated.
    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        let at = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| InvalidTimestamp)?;
        let millis = at.unix_timestamp() * 1000 + i64::from(at.millisecond());
        let bounded = Self::from_millis(millis);
        if bounded.millis == millis { Ok(bounded) } else { Err(InvalidTimestamp) }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.text();
        serializer.serialize_str(std::str::from_utf8(&text).map_err(serde::ser::Error::custom)?)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = || "a string with an RFC 3339 date and time".to_owned();
        wire::read_text(deserializer, expected, str::parse)
    }
}
