use super::*;
use crate::table::Reader;

fn with<T>(pairs: &[(&str, &str)], read: impl FnOnce(&Variables<'_>) -> T) -> T {
    let lookup = |name: &str| {
        pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    };
    read(&Variables::new(Reader::LocalCloud, &lookup))
}

#[test]
fn the_policy_is_read() {
    assert_eq!(with(&[], policy).unwrap(), Policy::default(), "the table has the core's defaults");
    let pairs = [
        ("LEASE_SECONDS", "60"),
        ("MAX_ATTEMPTS", "3"),
        ("BLOCKING_WAIT_SECONDS", "0"),
        ("MAX_STREAM_SECONDS", "7"),
        ("DEDUPLICATE_MESSAGES", "true"),
    ];
    let read = with(&pairs, policy).unwrap();
    assert_eq!(read.lease, Duration::from_mins(1));
    assert_eq!(read.max_attempts, 3);
    assert_eq!(read.blocking_wait, Duration::ZERO);
    assert_eq!(read.max_stream, Duration::from_secs(7));
    assert!(read.deduplicate_messages);
}

#[test]
fn the_waits_of_pushes_are_read() {
    let waits = |text: &str| with(&[("PUSH_WAITS_SECONDS", text)], policy).map(|p| p.push_waits);
    for (text, expected) in [("7", &[7][..]), ("1, 2,604800", &[1, 2, 604_800])] {
        let expected: Vec<_> = expected.iter().copied().map(Duration::from_secs).collect();
        assert_eq!(waits(text).unwrap(), expected, "{text}");
    }
    assert_eq!(waits("").unwrap(), Policy::default().push_waits);
    assert_eq!(waits(&["1"; 32].join(",")).unwrap().len(), 32);
    for text in [",", "1,", "0", "604801", "1;2", "1.5", "-1", &["1"; 33].join(",")] {
        assert_eq!(
            waits(text).unwrap_err().to_string(),
            "the environment variable PUSH_WAITS_SECONDS must be 1 to 32 whole numbers from 1 to \
             604800 with commas, such as 5,30,120",
            "{text}"
        );
    }
}

#[test]
fn a_claim_outlasts_what_a_receiver_may_take() {
    for (set, expected) in [
        (&[][..], 30),
        (&[("PUSH_TIMEOUT_SECONDS", "1")], 30),
        (&[("PUSH_TIMEOUT_SECONDS", "1"), ("PUSH_CLAIM_SECONDS", "6")], 6),
        (&[("PUSH_TIMEOUT_SECONDS", "20"), ("PUSH_CLAIM_SECONDS", "6")], 60),
        (&[("PUSH_CLAIM_SECONDS", "6")], 30),
    ] {
        let policy = with(set, policy).unwrap();
        assert_eq!(policy.push_claim, Duration::from_secs(expected), "{set:?}");
    }
    let grace = with(&[("SIGNAL_GRACE_SECONDS", "5")], policy).unwrap().signal_grace;
    assert_eq!(grace, Duration::from_secs(5));
}
