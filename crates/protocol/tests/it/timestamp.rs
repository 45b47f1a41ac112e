//! Points in time.

use std::time::Duration;

use a2a_lambda_protocol::{InvalidTimestamp, Timestamp};
use proptest::prelude::*;

#[test]
fn reads_any_rfc_3339_and_writes_one_form() {
    let cases = [
        ("1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00.000Z"),
        ("2025-10-28T10:30:00.000Z", 1_761_647_400_000, "2025-10-28T10:30:00.000Z"),
        ("2025-10-28T12:30:00+02:00", 1_761_647_400_000, "2025-10-28T10:30:00.000Z"),
        ("2025-10-28T10:30:00.1Z", 1_761_647_400_100, "2025-10-28T10:30:00.100Z"),
        ("2025-10-28T10:30:00.123999999Z", 1_761_647_400_123, "2025-10-28T10:30:00.123Z"),
        // Truncated, not rounded towards zero: the digits stay as they are before the epoch, too.
        ("1969-12-31T23:59:59.9995Z", -1, "1969-12-31T23:59:59.999Z"),
        ("0001-01-01T00:00:00Z", Timestamp::MIN.as_millis(), "0001-01-01T00:00:00.000Z"),
        ("9999-12-31T23:59:59.999999Z", Timestamp::MAX.as_millis(), "9999-12-31T23:59:59.999Z"),
        ("2024-02-29T00:00:00-00:00", 1_709_164_800_000, "2024-02-29T00:00:00.000Z"),
    ];
    for (text, millis, written) in cases {
        let timestamp: Timestamp = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(timestamp.as_millis(), millis, "{text}");
        assert_eq!(timestamp.to_string(), written, "{text}");
    }
}

#[test]
fn refuses_malformed_and_out_of_bounds_dates() {
    let cases = [
        "",
        "now",
        "2025-10-28",
        "2025-10-28T10:30:00",
        "2025-10-28 10:30",
        "2025-13-01T00:00:00Z",
        "2025-02-29T00:00:00Z",
        "2025-10-28T25:00:00Z",
        "0000-12-31T23:59:59Z",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "1761647400",
        " 2025-10-28T10:30:00Z",
    ];
    for text in cases {
        assert_eq!(text.parse::<Timestamp>(), Err(InvalidTimestamp), "{text}");
    }
}

#[test]
fn arithmetic_stays_within_bounds() {
    let second = Duration::from_secs(1);
    let start = Timestamp::from_millis(1_000);
    assert_eq!(start.checked_add(second), Some(Timestamp::from_millis(2_000)));
    assert_eq!(start.saturating_add(Duration::MAX), Timestamp::MAX);
    assert_eq!(Timestamp::MAX.checked_add(Duration::from_millis(1)), None);
    assert_eq!(Timestamp::MAX.checked_add(Duration::from_micros(999)), Some(Timestamp::MAX));
    assert_eq!(Timestamp::from_millis(2_500).saturating_since(start), Duration::from_millis(1_500));
    assert_eq!(start.saturating_since(Timestamp::from_millis(2_500)), Duration::ZERO);
    assert_eq!(Timestamp::from_millis(i64::MIN), Timestamp::MIN);
    assert_eq!(Timestamp::from_millis(i64::MAX), Timestamp::MAX);
    Timestamp::MAX.saturating_since(Timestamp::MIN);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn text_and_number_agree(
        a in Timestamp::MIN.as_millis()..=Timestamp::MAX.as_millis(),
        b in Timestamp::MIN.as_millis()..=Timestamp::MAX.as_millis(),
    ) {
        let (a, b) = (Timestamp::from_millis(a), Timestamp::from_millis(b));
        prop_assert_eq!(a.to_string().parse::<Timestamp>(), Ok(a));
        // The text sorts like the time: stores rely on it.
        prop_assert_eq!(a.to_string().cmp(&b.to_string()), a.cmp(&b));
    }
}
