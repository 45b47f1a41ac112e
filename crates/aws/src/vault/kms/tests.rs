use std::net::SocketAddr;

use a2a_lambda_core::engine::chain;
use a2a_lambda_runtime::testing::{flipped, is_refused, secrets};
use a2a_lambda_testing::TestClock;
use serde_json::{Value, json};

use super::super::tests::GENERATED;
use super::opened::MAX_OPENED;
use super::*;
use crate::clients::{http_client, kms_client};
use crate::test_server::{TestResult, UNAVAILABLE, environment, serve};

const DECRYPTED: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.1\r\n\
     connection: close\r\n\r\n\
     {\"Plaintext\":\"a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=\",\"KeyId\":\"arn:aws:kms:key\"}";
/// A data key of 16 bytes.
const SHORT: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n\
     {\"CiphertextBlob\":\"ZW5jcnlwdGVkIGtleQ==\",\"Plaintext\":\"a2tra2tra2tra2tra2traw==\"}";
const WITHOUT_CIPHERTEXT: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n\
     {\"Plaintext\":\"a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=\"}";
/// JSON that breaks off behind the data key.
const BROKEN: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n\
     {\"Plaintext\":\"a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=\",\"KeyId\":";

macro_rules! refused {
    ($status:literal, $kind:literal) => {
        concat!(
            "HTTP/1.1 ",
            $status,
            " Refused\r\ncontent-type: application/x-amz-json-1.1\r\nconnection: close\r\n\r\n",
            "{\"__type\":\"",
            $kind,
            "\",\"message\":\"because\"}"
        )
    };
}

const INVALID: &str = refused!(400, "InvalidCiphertextException");
const DENIED: &str = refused!(400, "AccessDeniedException");

/// Made by another implementation of the form, with the data key of the answers above.
const SEALED: &str = "k1.AA1lbmNyeXB0ZWQga2V5.AAECAwQFBgcICQoLEf-ADD7y7gAw8\
     3GmRqYqYtqGzwroA-63j79NZkbpKArQGKSkfQw7QwFPDf8UuTZkFQ";

fn vault(address: SocketAddr) -> (KmsVault, Arc<TestClock>) {
    let client = kms_client(&environment(&format!("http://{address}")), http_client());
    let clock = Arc::new(TestClock::by_hand());
    (KmsVault::new(client, "alias/a2a", clock.clone()), clock)
}

/// The operation of a request to KMS, and its body.
fn parts(request: &str) -> (&str, Value) {
    let (head, body) = request.split_once("\r\n\r\n").expect("a whole request");
    assert!(head.starts_with("POST / HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("/eu-central-1/kms/aws4_request"), "{head}");
    let target = head.lines().find_map(|line| line.strip_prefix("x-amz-target: "));
    (target.expect("a target"), serde_json::from_str(body).expect("a body of JSON"))
}

fn generate() -> (&'static str, Value) {
    let context = json!({ "purpose": "a2a-lambda-push-secrets" });
    let body = json!({ "KeyId": "alias/a2a", "KeySpec": "AES_256", "EncryptionContext": context });
    ("TrentService.GenerateDataKey", body)
}

fn decrypt(encrypted: &str) -> (&'static str, Value) {
    let context = json!({ "purpose": "a2a-lambda-push-secrets" });
    let body = json!({ "CiphertextBlob": encrypted, "EncryptionContext": context });
    ("TrentService.Decrypt", body)
}

/// A text sealed by the data key whose encrypted form is these two bytes.
fn sealed_by(number: u16) -> Sealed {
    let key = URL_SAFE_NO_PAD.encode([&[0, 2], &number.to_be_bytes()[..]].concat());
    let (_, sealed) = SEALED.rsplit_once('.').expect("parts");
    Sealed::new(format!("k1.{key}.{sealed}"))
}

#[tokio::test]
async fn one_data_key_seals_and_opens_much() -> TestResult {
    let (address, served) = serve(&[GENERATED]).await?;
    let (vault, _) = vault(address);
    for context in ["a", "b", "c"] {
        let sealed = vault.seal(&secrets(), context).await?;
        assert!(sealed.as_str().starts_with("k1.AA1lbmNyeXB0ZWQga2V5."), "{}", sealed.as_str());
        assert_eq!(vault.open(&sealed, context).await?, secrets());
        let error = vault.open(&sealed, "other").await.unwrap_err();
        assert!(matches!(error, VaultError::Damaged), "{error:?}");
    }
    let requests = served.await??;
    assert_eq!(requests.len(), 1);
    assert_eq!(parts(&requests[0]), generate());
    Ok(())
}

/// In another process than the one that sealed, and another version: the form must never change.
#[tokio::test]
async fn one_request_opens_much() -> TestResult {
    let (address, served) = serve(&[DECRYPTED]).await?;
    let (vault, clock) = vault(address);
    for _ in 0..3 {
        assert_eq!(vault.open(&Sealed::new(SEALED), "task/config").await?, secrets());
        clock.advance(MAX_AGE);
    }
    let error = vault.open(&Sealed::new(SEALED), "other").await.unwrap_err();
    assert!(matches!(error, VaultError::Damaged), "{error:?}");
    let requests = served.await??;
    assert_eq!(requests.len(), 1);
    assert_eq!(parts(&requests[0]), decrypt("ZW5jcnlwdGVkIGtleQ=="));
    Ok(())
}

#[tokio::test]
async fn all_who_wait_for_a_key_wait_for_one_request() -> TestResult {
    let (address, served) = serve(&[GENERATED]).await?;
    let (sealing, _) = vault(address);
    let secrets = secrets();
    let (one, two) = tokio::join!(sealing.seal(&secrets, "a"), sealing.seal(&secrets, "a"));
    assert_ne!(one?, two?);
    assert_eq!(served.await??.len(), 1);

    let (address, served) = serve(&[DECRYPTED]).await?;
    let (opening, _) = vault(address);
    let sealed = Sealed::new(SEALED);
    let (one, two) =
        tokio::join!(opening.open(&sealed, "task/config"), opening.open(&sealed, "task/config"));
    assert_eq!((one?, two?), (secrets.clone(), secrets));
    assert_eq!(served.await??.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_failure_is_shared_and_not_kept() -> TestResult {
    let (address, served) = serve(&[DENIED, GENERATED]).await?;
    let (sealing, _) = vault(address);
    let secrets = secrets();
    let (one, two) = tokio::join!(sealing.seal(&secrets, "a"), sealing.seal(&secrets, "a"));
    for error in [one.unwrap_err(), two.unwrap_err()] {
        assert!(chain(&error).contains("because"), "{}", chain(&error));
    }
    sealing.seal(&secrets, "a").await?;
    assert_eq!(served.await??.len(), 2);

    let (address, served) = serve(&[DENIED, DECRYPTED]).await?;
    let (opening, _) = vault(address);
    let sealed = Sealed::new(SEALED);
    let (one, two) =
        tokio::join!(opening.open(&sealed, "task/config"), opening.open(&sealed, "task/config"));
    for error in [one.unwrap_err(), two.unwrap_err()] {
        assert!(matches!(error, VaultError::Unavailable(_)), "{error:?}");
    }
    assert_eq!(opening.open(&sealed, "task/config").await?, secrets);
    assert_eq!(served.await??.len(), 2);
    Ok(())
}

#[tokio::test]
async fn a_data_key_seals_for_a_time() -> TestResult {
    let (address, served) = serve(&[GENERATED; 2]).await?;
    let (vault, clock) = vault(address);
    vault.seal(&secrets(), "c").await?;
    clock.advance(MAX_AGE.saturating_sub(Duration::from_millis(1)));
    vault.seal(&secrets(), "c").await?;
    assert!(!served.is_finished());
    clock.advance(Duration::from_millis(1));
    vault.seal(&secrets(), "c").await?;
    assert_eq!(served.await??.len(), 2);
    Ok(())
}

#[tokio::test]
async fn a_data_key_seals_so_often() -> TestResult {
    let (address, served) = serve(&[GENERATED; 2]).await?;
    let (vault, _) = vault(address);
    for _ in 0..MAX_SEALINGS {
        vault.seal(&secrets(), "c").await?;
    }
    assert!(!served.is_finished());
    vault.seal(&secrets(), "c").await?;
    assert_eq!(served.await??.len(), 2);
    Ok(())
}

#[tokio::test]
async fn the_keys_that_were_used_last_are_kept() -> TestResult {
    const ANSWERS: [&str; MAX_OPENED + 2] = [DECRYPTED; MAX_OPENED + 2];
    let (address, served) = serve(&ANSWERS).await?;
    let (vault, _) = vault(address);
    let last = u16::try_from(MAX_OPENED)?;
    for number in 0..last {
        vault.open(&sealed_by(number), "task/config").await?;
    }
    // The first is used again, so that the second has to go.
    vault.open(&sealed_by(0), "task/config").await?;
    vault.open(&sealed_by(last), "task/config").await?;
    vault.open(&sealed_by(0), "task/config").await?;
    assert!(!served.is_finished());
    vault.open(&sealed_by(1), "task/config").await?;

    let requests = served.await??;
    assert_eq!(parts(&requests[MAX_OPENED]), decrypt("AEA="));
    assert_eq!(parts(&requests[MAX_OPENED + 1]), decrypt("AAE="));
    Ok(())
}

#[tokio::test]
async fn one_flipped_bit_is_enough() -> TestResult {
    // More than there are flips that leave an encrypted data key that can be.
    const ANSWERS: [&str; 160] = {
        let mut answers = [INVALID; 160];
        answers[0] = DECRYPTED;
        answers
    };
    let (address, served) = serve(&ANSWERS).await?;
    let (vault, _) = vault(address);
    vault.open(&Sealed::new(SEALED), "task/config").await?;
    let mut count = 0;
    for flipped in flipped(SEALED) {
        let opened = vault.open(&flipped, "task/config").await;
        assert!(is_refused(&opened, &flipped), "{opened:?}: {}", flipped.as_str());
        count += 1;
    }
    assert_eq!(count, SEALED.len() * 7);
    served.abort();
    Ok(())
}

#[tokio::test]
async fn a_part_of_a_sealed_text_does_not_open() -> TestResult {
    let (address, served) = serve(&[DECRYPTED]).await?;
    let (vault, _) = vault(address);
    vault.open(&Sealed::new(SEALED), "task/config").await?;
    let parts = (1..SEALED.len()).map(|length| Sealed::new(&SEALED[..length]));
    let more = ["A", ".", ".AAAA"].map(|more| Sealed::new(format!("{SEALED}{more}")));
    let too_long = format!("k1.{}.AAAA", URL_SAFE_NO_PAD.encode([24, 1].repeat(3_073)));
    let others = ["k1", "k1.", "k1..", "k1.AAA.AAAA", "k1.AAAA.AAAA", "k.AAAA", "ä", &too_long];
    for sealed in parts.chain(more).chain(others.map(Sealed::new)) {
        let opened = vault.open(&sealed, "task/config").await;
        assert!(matches!(opened, Err(VaultError::Damaged)), "{opened:?}: {}", sealed.as_str());
    }
    assert_eq!(served.await??.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_text_that_kms_did_not_encrypt_is_damaged() -> TestResult {
    const ANSWERS: [&str; 2] = [INVALID, refused!(400, "IncorrectKeyException")];
    let (address, served) = serve(&ANSWERS).await?;
    let (vault, _) = vault(address);
    for _ in ANSWERS {
        let error = vault.open(&Sealed::new(SEALED), "task/config").await.unwrap_err();
        assert!(matches!(error, VaultError::Damaged), "{error:?}");
    }
    assert_eq!(served.await??.len(), 2);
    Ok(())
}

#[tokio::test]
async fn an_error_that_an_operator_can_mend_is_not_damage() -> TestResult {
    const ANSWERS: [&str; 6] = [
        DENIED,
        refused!(400, "NotFoundException"),
        refused!(400, "DisabledException"),
        refused!(400, "KMSInvalidStateException"),
        refused!(400, "InvalidKeyUsageException"),
        refused!(400, "InvalidGrantTokenException"),
    ];
    for opens in [true, false] {
        let (address, served) = serve(&ANSWERS).await?;
        let (vault, _) = vault(address);
        for answer in ANSWERS {
            let error = if opens {
                vault.open(&Sealed::new(SEALED), "task/config").await.map(drop).unwrap_err()
            } else {
                vault.seal(&secrets(), "task/config").await.map(drop).unwrap_err()
            };
            let kind = answer.split("__type\":\"").nth(1).and_then(|it| it.split('"').next());
            assert!(matches!(error, VaultError::Unavailable(_)), "{error:?}");
            let text = chain(&error);
            assert!(text.contains(kind.unwrap()) && text.contains("because"), "{text}");
        }
        assert_eq!(served.await??.len(), ANSWERS.len());
    }
    Ok(())
}

#[tokio::test]
async fn a_transient_error_is_retried_and_then_returned() -> TestResult {
    const ANSWERS: [[&str; 4]; 3] = [
        [UNAVAILABLE; 4],
        [refused!(400, "ThrottlingException"); 4],
        [refused!(500, "KeyUnavailableException"); 4],
    ];
    for answers in &ANSWERS {
        let (address, served) = serve(answers).await?;
        let (vault, _) = vault(address);
        let error = vault.open(&Sealed::new(SEALED), "task/config").await.unwrap_err();
        assert!(matches!(error, VaultError::Unavailable(_)), "{error:?}");
        assert_eq!(served.await??.len(), 4);
    }
    let (address, served) = serve(&[UNAVAILABLE, GENERATED]).await?;
    let (vault, _) = vault(address);
    vault.seal(&secrets(), "c").await?;
    assert_eq!(served.await??.len(), 2);
    Ok(())
}

#[tokio::test]
async fn an_answer_without_a_key_is_an_error_that_does_not_show_it() -> TestResult {
    for answers in [&[SHORT], &[WITHOUT_CIPHERTEXT], &[BROKEN]] {
        let (address, served) = serve(answers).await?;
        let (vault, _) = vault(address);
        let error = vault.seal(&secrets(), "c").await.unwrap_err();
        assert!(matches!(error, VaultError::Unavailable(_)), "{error:?}");
        let shown = format!("{error:?} {}", chain(&error));
        assert!(!shown.contains("a2tra2tr") && !shown.contains("kkkk"), "{shown}");
        assert_eq!(served.await??.len(), 1);
    }
    let (address, served) = serve(&[SHORT]).await?;
    let error = vault(address).0.open(&Sealed::new(SEALED), "c").await.unwrap_err();
    assert!(matches!(error, VaultError::Unavailable(_)), "{error:?}");
    served.await??;
    Ok(())
}

#[tokio::test]
async fn no_data_key_is_shown() -> TestResult {
    let (address, served) = serve(&[GENERATED]).await?;
    let (vault, _) = vault(address);
    vault.seal(&secrets(), "c").await?;
    served.await??;
    assert_eq!(format!("{vault:?}"), r#"KmsVault { key: "alias/a2a", .. }"#);
    Ok(())
}
