//! User data is kept as text.

use a2a_lambda_protocol::{Json, MAX_DEPTH, Struct};
use proptest::prelude::*;

use crate::strategies::json_text;

#[test]
fn keeps_every_byte_but_insignificant_whitespace() {
    let cases = [
        ("null", "null"),
        (" true ", "true"),
        ("9007199254740993", "9007199254740993"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("1.0", "1.0"),
        ("1e2", "1e2"),
        ("-0.000", "-0.000"),
        ("1E-400", "1E-400"),
        (r#"{"b":1,"a":2,"b":3}"#, r#"{"b":1,"a":2,"b":3}"#),
        ("{\r\n\t\"a b\" : [ 1 , 2 ] }\n", r#"{"a b":[1,2]}"#),
        (r#"" a\n\"b\" \\ ""#, r#"" a\n\"b\" \\ ""#),
        (r#""\u0041\u00e9 é""#, r#""\u0041\u00e9 é""#),
        (r#""\ud83d\ude00""#, r#""\ud83d\ude00""#),
        (r#""\\ud800""#, r#""\\ud800""#),
        ("[]", "[]"),
    ];
    for (text, kept) in cases {
        let json = Json::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(json.as_str(), kept, "{text}");
        assert_eq!(serde_json::to_string(&json).unwrap(), kept, "{text}");
    }
}

#[test]
fn refuses_text_that_a_later_reader_could_not_read() {
    let too_deep = "[".repeat(MAX_DEPTH + 1) + &"]".repeat(MAX_DEPTH + 1);
    let objects = r#"{"a":"#.repeat(MAX_DEPTH + 1) + "1" + &"}".repeat(MAX_DEPTH + 1);
    let many_digits = "9".repeat(400);
    let cases = [
        "",
        "{",
        "[1,]",
        "nul",
        "1 2",
        "'a'",
        "\"\n\"",
        r#""\x""#,
        r#""\ud800""#,
        r#""\ud800a""#,
        r#""\ud800\n""#,
        r#""\ud800\u0041""#,
        r#""\udc00""#,
        r#"{"\ude00":1}"#,
        "1e400",
        "[-1E+999]",
        many_digits.as_str(),
        too_deep.as_str(),
        objects.as_str(),
    ];
    for text in cases {
        assert!(Json::parse(text).is_err(), "{text}");
    }
    let deep = "[".repeat(MAX_DEPTH) + &"]".repeat(MAX_DEPTH);
    let json = Json::parse(&deep).unwrap();
    json.to::<serde_json::Value>().unwrap();
    // Brackets in strings are no levels, and closed levels are no depth.
    Json::parse(&format!("[{}\"{}\"]", "[],".repeat(500), "[".repeat(500))).unwrap();
}

#[test]
fn values_are_checked_as_texts_are() {
    let mut deep = serde_json::json!(1);
    for _ in 0..=MAX_DEPTH {
        deep = serde_json::json!([deep]);
    }
    assert!(Json::from_value(&deep).is_err());
    assert_eq!(Json::from_value(&u64::MAX).unwrap().as_str(), "18446744073709551615");
    assert_eq!(Json::from_value("a").unwrap().to::<String>().unwrap(), "a");
    // Through a `Value`, too.
    let json: Json = serde_json::from_value(serde_json::json!({"a": [1, null]})).unwrap();
    assert_eq!(json.as_str(), r#"{"a":[1,null]}"#);
}

#[test]
fn a_struct_is_an_object() {
    assert_eq!(Struct::parse(" { \"a\" : 1 } ").unwrap().as_str(), r#"{"a":1}"#);
    for text in ["[]", "1", "null", "\"{}\"", "true"] {
        assert!(Struct::parse(text).is_err(), "{text}");
        assert!(Struct::try_from(Json::parse(text).unwrap()).is_err(), "{text}");
    }
    let json: Json = Struct::from_value(&serde_json::json!({})).unwrap().into();
    assert_eq!(format!("{json:?} {json}"), "Json({}) {}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn compact_equals_the_output_of_serde_json(value in json_text()) {
        let value: serde_json::Value = serde_json::from_str(&value).unwrap();
        let pretty = serde_json::to_string_pretty(&value).unwrap();
        let json = Json::parse(&pretty).unwrap();
        prop_assert_eq!(json.as_str(), value.to_string());
    }

    /// For any bytes: every reader can read an accepted text, and a second pass changes nothing.
    #[test]
    fn accepted_json_is_safe(text in r#"[\[\]{}:,"\\u0-9aedDf.eE+ \n-]{0,24}"#) {
        if let Ok(json) = Json::parse(&text) {
            prop_assert!(json.to::<serde_json::Value>().is_ok(), "{}", json);
            prop_assert_eq!(&Json::parse(json.as_str()).unwrap(), &json);
        }
    }
}
