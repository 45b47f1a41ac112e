//! The keys of issuers: fetched, kept, fetched again, and kept on.

use std::time::Duration;

use serde_json::json;

use crate::support::{
    DISCOVERY, ISSUER, KEYS, NOW, Signer, authorizer, claims, header, issuer, judged, with,
};

const MINUTE: i64 = 60;
const DAY: i64 = 24 * 60 * MINUTE;

fn token(signer: &Signer, kid: &str) -> String {
    // Valid longer than the tests run.
    signer.token(&header("ES256", kid), &with(claims(), "exp", json!(NOW + 10 * DAY)))
}

#[tokio::test]
async fn keys_are_kept_for_as_long_as_their_server_says_within_bounds() {
    for (max_age, kept) in [
        (None, 10 * MINUTE),
        (Some(0), 5 * MINUTE),
        (Some(20 * 60), 20 * MINUTE),
        (Some(100_000), 60 * MINUTE),
    ] {
        let signer = Signer::p256();
        let web = issuer(&[]);
        let set = json!({ "keys": [signer.jwk("k")] }).to_string();
        web.set(KEYS, Ok(Some((set, max_age.map(Duration::from_secs)))));
        let context = authorizer(&web, &[]);
        for (second, fetched) in [(0, 1), (1, 1), (kept - 1, 1), (kept, 2), (kept + 1, 2)] {
            assert_eq!(judged(&context, &token(&signer, "k"), NOW + second).await.0, 200);
            assert_eq!((web.fetched(DISCOVERY), web.fetched(KEYS)), (fetched, fetched), "{second}");
        }
    }
}

#[tokio::test]
async fn a_new_key_is_fetched_at_most_once_a_minute() {
    let (old, new) = (Signer::p256(), Signer::p256());
    let web = issuer(&[old.jwk("old")]);
    let context = authorizer(&web, &[]);
    assert_eq!(judged(&context, &token(&old, "old"), NOW).await.0, 200);
    web.serve(KEYS, &json!({ "keys": [old.jwk("old"), new.jwk("new")] }));
    // Too soon after the first fetch.
    assert_eq!(judged(&context, &token(&new, "new"), NOW + 59).await.0, 401);
    assert_eq!(web.fetched(KEYS), 1);
    assert_eq!(judged(&context, &token(&new, "new"), NOW + 60).await.0, 200);
    assert_eq!(web.fetched(KEYS), 2);
    // Anybody can name keys that are not there.
    for n in 0..100 {
        let status =
            judged(&context, &token(&new, &format!("made-up-{n}")), NOW + 61 + n / 2).await.0;
        assert_eq!((status, web.fetched(KEYS)), (401, 2));
    }
    // A wrong signature under a known key does not cause a fetch.
    assert_eq!(judged(&context, &token(&new, "old"), NOW + 200).await.0, 401);
    assert_eq!(web.fetched(KEYS), 2);
    // The old key is withdrawn.
    web.serve(KEYS, &json!({ "keys": [new.jwk("new")] }));
    assert_eq!(judged(&context, &token(&old, "old"), NOW + 20 * MINUTE).await.0, 401);
    assert_eq!(judged(&context, &token(&new, "new"), NOW + 20 * MINUTE).await.0, 200);
}

/// A server that fails, or says nonsense.
#[tokio::test]
async fn keys_are_used_for_another_day_while_no_fetch_succeeds() {
    let signer = Signer::p256();
    let enc = with(signer.jwk("k"), "use", json!("enc"));
    for (url, found) in [
        (KEYS, Err("it hangs")),
        (KEYS, Ok(None)),
        (KEYS, Ok(Some(("<html>".to_owned(), None)))),
        (KEYS, Ok(Some((json!({ "keys": [] }).to_string(), None)))),
        (KEYS, Ok(Some((json!({ "keys": [enc] }).to_string(), None)))),
        (KEYS, Ok(Some((json!({ "keys": {} }).to_string(), None)))),
        (DISCOVERY, Err("it hangs")),
        (DISCOVERY, Ok(Some((json!({ "issuer": ISSUER }).to_string(), None)))),
        // The document belongs to another issuer, or names an untrusted place.
        (
            DISCOVERY,
            Ok(Some((
                json!({ "issuer": "https://o.example", "jwks_uri": KEYS }).to_string(),
                None,
            ))),
        ),
        (
            DISCOVERY,
            Ok(Some((
                json!({ "issuer": ISSUER, "jwks_uri": "http://o.example" }).to_string(),
                None,
            ))),
        ),
        (
            DISCOVERY,
            Ok(Some((json!({ "issuer": ISSUER, "jwks_uri": "file:///etc" }).to_string(), None))),
        ),
    ] {
        let web = issuer(&[signer.jwk("k")]);
        let context = authorizer(&web, &[]);
        assert_eq!(judged(&context, &token(&signer, "k"), NOW).await.0, 200);
        web.set(url, found.clone());
        let old = NOW + 10 * MINUTE;
        for second in [old, old + 1, old + 59, old + 60, old + DAY - 1] {
            assert_eq!(judged(&context, &token(&signer, "k"), second).await.0, 200, "{found:?}");
        }
        // At the first three of these times once.
        assert_eq!(web.fetched(DISCOVERY), 4, "{found:?}");
        let late = old + 2 * DAY;
        assert_eq!(judged(&context, &token(&signer, "k"), late).await.0, 503, "{found:?}");
        // Nobody is called unknown for it. They return by themselves, as soon as after a start
        // without keys.
        let good = issuer(&[signer.jwk("k")]);
        for page in [DISCOVERY, KEYS] {
            web.set(page, good.get(page));
        }
        assert_eq!(judged(&context, &token(&signer, "k"), late + 4).await.0, 503, "{found:?}");
        assert_eq!(judged(&context, &token(&signer, "k"), late + 5).await.0, 200, "{found:?}");
    }
}

#[tokio::test]
async fn without_keys_a_fetch_is_tried_every_five_seconds() {
    let signer = Signer::p256();
    let web = issuer(&[signer.jwk("k")]);
    let good = web.get(KEYS);
    web.set(KEYS, Err("no route"));
    let context = authorizer(&web, &[]);
    for (second, fetched) in [(0, 1), (1, 1), (4, 1), (5, 2), (9, 2)] {
        assert_eq!(judged(&context, &token(&signer, "k"), NOW + second).await.0, 503);
        assert_eq!(web.fetched(KEYS), fetched, "{second}");
    }
    web.set(KEYS, good);
    assert_eq!(judged(&context, &token(&signer, "k"), NOW + 10).await.0, 200);
}

#[tokio::test]
async fn many_at_once_fetch_once() {
    let signer = Signer::p256();
    let web = issuer(&[signer.jwk("k")]);
    let context = authorizer(&web, &[]);
    let good = token(&signer, "k");
    let both = tokio::join!(
        judged(&context, &good, NOW),
        judged(&context, &good, NOW),
        judged(&context, &good, NOW),
    );
    assert_eq!([both.0.0, both.1.0, both.2.0], [200; 3]);
    assert_eq!(web.fetched(KEYS), 1);
}

#[tokio::test]
async fn each_issuer_has_keys_of_its_own() {
    let (one, two) = (Signer::p256(), Signer::p256());
    let web = issuer(&[one.jwk("k")]);
    web.serve("https://two.example/keys", &json!({ "keys": [two.jwk("k")] }));
    let issuers = "https://issuer.example aud=agents \
        https://two.example aud=agents jwks=https://two.example/keys";
    let context = authorizer(&web, &[("JWT_ISSUERS", issuers)]);
    let of = |signer: &Signer, issuer: &str| {
        signer.token(&header("ES256", "k"), &with(claims(), "iss", json!(issuer)))
    };
    for (signer, issuer, expected) in [
        (&one, ISSUER, 200),
        (&two, "https://two.example", 200),
        (&two, ISSUER, 401),
        (&one, "https://two.example", 401),
    ] {
        let (status, told) = judged(&context, &of(signer, issuer), NOW).await;
        assert_eq!(status, expected, "{issuer}");
        assert!(status != 200 || told["iss"] == issuer, "{told}");
    }
    assert_eq!(web.fetched("https://two.example/.well-known/openid-configuration"), 0);
}
