use super::*;
use crate::table::Reader;
use crate::testing::lookup;

fn with<T>(pairs: &[(&str, &str)], read: impl FnOnce(&Variables<'_>) -> T) -> T {
    read(&Variables::new(Reader::LocalCloud, &lookup(pairs)))
}

#[test]
fn the_policy_is_read() {
    // By default the core keeps tasks for ever.
    let core = Policy { retention: Some(retained(Some(30), Some(90))), ..Policy::default() };
    assert_eq!(with(&[], policy).unwrap(), core, "the table has the core's defaults");
    let pairs = [
        ("LEASE_SECONDS", "60"),
        ("MAX_ATTEMPTS", "3"),
        ("BLOCKING_WAIT_SECONDS", "0"),
        ("MAX_STREAM_SECONDS", "7"),
        ("DEDUPLICATE_MESSAGES", "true"),
        ("CALLBACK_URL", "https://agents.example/callbacks/"),
    ];
    let read = with(&pairs, policy).unwrap();
    assert_eq!(read.lease, Duration::from_mins(1));
    assert_eq!(read.max_attempts, 3);
    assert_eq!(read.blocking_wait, Duration::ZERO);
    assert_eq!(read.max_stream, Duration::from_secs(7));
    assert!(read.deduplicate_messages);
    assert_eq!(read.callback_url.as_deref(), Some("https://agents.example/callbacks"));
}

#[test]
fn only_this_machine_takes_answers_to_callbacks_in_the_clear() {
    for (url, is_taken) in [
        ("http://127.0.0.1:9000/callbacks", true),
        ("http://localhost:9000", true),
        ("http://[::1]:9000", true),
        ("http://10.0.0.1:9000", false),
        ("http://localhost.example", false),
        ("ftp://localhost", false),
    ] {
        assert_eq!(with(&[("CALLBACK_URL", url)], policy).is_ok(), is_taken, "{url}");
    }
}

fn retained(ended: Option<u64>, waiting: Option<u64>) -> Retention {
    let days = |days: Option<u64>| days.map(|days| Duration::from_hours(24 * days));
    Retention { ended: days(ended), waiting: days(waiting), ..Retention::FOREVER }
}

#[test]
fn how_long_tasks_are_kept_is_read() {
    for (task, waiting, format, expected) in [
        ("7", "1", "2", Some(retained(Some(7), Some(1)))),
        ("0", "1", "2", Some(retained(None, Some(1)))),
        ("3650", "0", "2", Some(retained(Some(3_650), None))),
        ("0", "0", "2", Some(Retention::FOREVER)),
        ("7", "1", "1", None),
    ] {
        let set = [
            ("TASK_RETENTION_DAYS", task),
            ("WAITING_RETENTION_DAYS", waiting),
            ("STORED_FORMAT", format),
        ];
        assert_eq!(with(&set, policy).unwrap().retention, expected, "{set:?}");
    }
    for (variable, value, most) in
        [("TASK_RETENTION_DAYS", "3651", "0 to 3650"), ("STORED_FORMAT", "5", "1 to 4")]
    {
        let error = with(&[(variable, value)], policy).unwrap_err().to_string();
        let expected =
            format!("the environment variable {variable} must be a whole number from {most}");
        assert_eq!(error, expected);
    }
}

/// An earlier release reads no head with an open scope.
#[test]
fn scopes_stay_open_from_format_4_on() {
    for (format, expected) in [("1", false), ("2", false), ("3", false), ("4", true), ("", true)] {
        let read = with(&[("STORED_FORMAT", format)], policy).unwrap();
        assert_eq!(read.scopes, expected, "format {format:?}");
    }
}

#[test]
fn how_long_conversations_are_kept_is_read() {
    for (days, expected) in [("1", Some(1)), ("3650", Some(3_650)), ("0", None)] {
        let life = with(&[("MEMORY_RETENTION_DAYS", days)], policy).unwrap().memory_life;
        assert_eq!(life, expected.map(|days| Duration::from_hours(24 * days)), "{days}");
    }
    assert!(with(&[("MEMORY_RETENTION_DAYS", "3651")], policy).is_err());
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
fn a_claim_outlasts_the_longest_push() {
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
