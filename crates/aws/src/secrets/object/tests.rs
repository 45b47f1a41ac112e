use a2a_lambda_core::engine::chain;
use a2a_lambda_runtime::secrets::Reference;

use super::*;
use crate::secrets::tests::{answer, read};
use crate::test_server::TestResult;

const LIST: &str = r#"{"agents": [{"agent": "echo"}]}"#;

fn reference() -> Reference {
    Reference::Object { bucket: "my.lists".to_owned(), key: "a/b c+é?.json".to_owned() }
}

/// S3's refusal.
fn refusal(status: &str, code: &str) -> String {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>hunter2\
         </Message></Error>"
    );
    answer(status, &body)
}

#[tokio::test]
async fn an_object_is_got_and_the_request_signed() -> TestResult {
    let (read, asked, _) = read([answer("200 OK", LIST)], &reference()).await;
    assert_eq!(read?.as_str(), LIST);
    let head = &asked[0];
    assert!(head.starts_with("GET /my.lists/a/b%20c%2B%C3%A9%3F.json HTTP/1.1\r\n"), "{head}");
    let scope = "Credential=AKIDEXAMPLE/20261127/eu-central-1/s3/aws4_request";
    let names = "SignedHeaders=host;x-amz-content-sha256;x-amz-date";
    for expected in [scope, names, "x-amz-content-sha256: e3b0c44298fc1c14", "x-amz-date: 2026"] {
        assert!(head.contains(expected), "{expected}: {head}");
    }
    assert!(!head.contains("very-secret"), "{head}");
    Ok(())
}

#[test]
fn a_bucket_is_in_the_host_unless_no_certificate_covers_it() {
    let at = |region: &str, suffix: &str, own: Option<&str>, bucket: &str, key: &str| {
        Objects::new(region, suffix, own).url(&Object { bucket, key })
    };
    for (url, expected) in [
        (at("us-east-1", "", None, "lists", "a"), "https://lists.s3.us-east-1.amazonaws.com/a"),
        (at("eu-west-1", "", None, "a.b", "c/d"), "https://s3.eu-west-1.amazonaws.com/a.b/c/d"),
        (at("cn-x", ".cn", None, "lists", "a"), "https://lists.s3.cn-x.amazonaws.com.cn/a"),
        (at("x", "", Some("http://h:1/"), "lists", "a"), "http://h:1/lists/a"),
        // A key is kept as it is.
        (
            at("x", "", None, "b-1", "/.//../a%2F:~"),
            "https://b-1.s3.x.amazonaws.com//.//../a%252F%3A~",
        ),
    ] {
        assert_eq!(url, expected);
    }
}

#[tokio::test]
async fn a_refusal_says_what_to_do_and_names_the_object() {
    let denied =
        "the function's role must allow s3:GetObject on it (the stack's parameter AgentListArn)";
    let elsewhere = "the bucket is in another region: use one in eu-central-1";
    let moved = "301 Moved\r\nx-amz-bucket-region: us-east-1\r\nlocation: http://127.0.0.1/hunter2";
    for (answered, expected) in [
        (refusal("403 Forbidden", "AccessDenied"), format!("403 and AccessDenied: {denied}")),
        (refusal("403 Forbidden", "InvalidObjectState"), "403 and InvalidObjectState".to_owned()),
        (refusal("404 Not Found", "NoSuchKey"), "404 and NoSuchKey: upload the object".to_owned()),
        (
            refusal("404 Not Found", "NoSuchBucket"),
            "404 and NoSuchBucket: create the bucket".to_owned(),
        ),
        (
            refusal(moved, "PermanentRedirect"),
            "301 and PermanentRedirect: the bucket is in us-east-1 and the function in eu-central-1"
                .to_owned(),
        ),
        (
            refusal("307 Temporary Redirect", "TemporaryRedirect"),
            format!("307 and TemporaryRedirect: {elsewhere}"),
        ),
        (
            refusal("400 Bad Request", "AuthorizationHeaderMalformed"),
            format!("400 and AuthorizationHeaderMalformed: {elsewhere}"),
        ),
        (
            refusal("301 Moved\r\nx-amz-bucket-region: hunter2!", "PermanentRedirect"),
            format!("301 and PermanentRedirect: {elsewhere}"),
        ),
        (
            refusal("403 Forbidden\r\nx-amz-bucket-region: eu-central-1", "ExpiredToken"),
            "403 and ExpiredToken".to_owned(),
        ),
        // The code is a word, or is not shown.
        (refusal("404 Not Found", "hunter2 hunter2"), "404 and no reason".to_owned()),
        (answer("404 Not Found", "hunter2"), "404 and no reason".to_owned()),
        (answer("204 No Content", ""), "204 and no reason".to_owned()),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 262145\r\nconnection: close\r\n\r\n".to_owned()
                + &"x".repeat(262_145),
            "it has more than 262144 bytes".to_owned(),
        ),
    ] {
        let (read, asked, _) = read([answered], &reference()).await;
        let error = read.expect_err(&expected);
        let shown = chain(&error);
        let named = "the object \"a/b c+é?.json\" of the bucket \"my.lists\" cannot be read: ";
        assert!(shown.starts_with(named) && shown.contains(&expected), "{shown}");
        assert!(!format!("{shown} {error:?}").contains("hunter2"), "{error:?}");
        assert_eq!(asked.len(), 1, "{shown}");
    }
}

#[tokio::test]
async fn what_may_pass_is_asked_for_again() {
    let slow = || refusal("503 Slow Down", "SlowDown");
    let (second, asked, waited) = read([slow(), answer("200 OK", LIST)], &reference()).await;
    assert_eq!((second.unwrap().as_str(), asked.len(), waited), (LIST, 2, 100));
    let (last, asked, _) = read([slow(), slow(), slow()], &reference()).await;
    assert!(chain(&last.unwrap_err()).ends_with("the service answered 503 and SlowDown"));
    assert_eq!(asked.len(), 3);
}

#[test]
fn an_object_that_is_no_text_is_refused_at_its_byte() {
    assert_eq!(text("{\"ä\"}".as_bytes()).unwrap().as_str(), "{\"ä\"}");
    for (bytes, at) in [(&b"\x1f\x8b\x08"[..], 2), (b"\xff\xfe{\0", 1), (b"{\"\xe4\"}", 3)] {
        let error = text(bytes).unwrap_err().to_string();
        assert!(error.contains(&format!("at byte {at}:")), "{error}");
    }
}
