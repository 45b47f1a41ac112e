use std::collections::HashSet;

use super::*;
use crate::testing::{ONES, ZEROS, flipped, is_refused, secrets};

type TestResult = Result<(), Box<dyn std::error::Error + Send + Sync>>;

fn vault(keys: &str) -> LocalVault {
    LocalVault::from_base64(keys).expect("keys")
}

async fn assert_damaged(vault: &LocalVault, sealed: &Sealed, context: &str) {
    let opened = vault.open(sealed, context).await;
    assert!(matches!(opened, Err(VaultError::Damaged)), "{opened:?}: {}", sealed.as_str());
}

#[tokio::test]
async fn a_sealed_text_opens() -> TestResult {
    let sealed = vault(ZEROS).seal(&secrets(), "task/config").await?;

    let text = sealed.as_str();
    assert!(text.starts_with("l1."), "{text}");
    assert!(text.bytes().all(|it| it.is_ascii_alphanumeric() || b"-_.".contains(&it)), "{text}");
    assert_eq!(vault(ZEROS).open(&sealed, "task/config").await?, secrets());
    Ok(())
}

/// Made by another implementation of the form: it must never change.
#[tokio::test]
async fn a_text_sealed_by_an_earlier_version_opens() -> TestResult {
    let sealed = Sealed::new(
        "l1.IlnVaAABAgMEBQYHCAkKC_PpR3A63-eMsRBwyd9g_D\
         Z2BN30y_j9xO8IQMg79rNNkTgJHY_H7ILwrmoUjUZw1fk",
    );
    assert_eq!(vault(ZEROS).open(&sealed, "task/config").await?, secrets());
    Ok(())
}

#[tokio::test]
async fn nothing_opens_for_another_context_or_by_another_key() -> TestResult {
    let sealed = vault(ZEROS).seal(&secrets(), "task/config").await?;
    for context in ["", "task", "task/config ", "task/confiG"] {
        assert_damaged(&vault(ZEROS), &sealed, context).await;
    }
    assert_damaged(&vault(ONES), &sealed, "task/config").await;
    Ok(())
}

/// Not even if the other key has the same name.
#[tokio::test]
async fn a_key_with_the_same_id_opens_only_its_own() -> TestResult {
    let (mut twins, second) = (vault(&format!("{ZEROS} {ONES}")), vault(ONES));
    twins.sealing.id = second.sealing.id;
    let [first, other] = [twins.seal(&secrets(), "c").await?, second.seal(&secrets(), "c").await?];
    assert_eq!(twins.open(&first, "c").await?, secrets());
    assert_eq!(twins.open(&other, "c").await?, secrets());
    assert_damaged(&second, &first, "c").await;
    Ok(())
}

#[tokio::test]
async fn one_flipped_bit_is_enough() -> TestResult {
    let vault = vault(ZEROS);
    let sealed = vault.seal(&secrets(), "c").await?;
    let mut count = 0;
    for flipped in flipped(sealed.as_str()) {
        let opened = vault.open(&flipped, "c").await;
        assert!(is_refused(&opened, &flipped), "{opened:?}: {}", flipped.as_str());
        count += 1;
    }
    assert_eq!(count, sealed.as_str().len() * 7);
    Ok(())
}

#[tokio::test]
async fn a_part_of_a_sealed_text_does_not_open() -> TestResult {
    let vault = vault(ZEROS);
    let sealed = vault.seal(&secrets(), "c").await?;
    for length in 1..sealed.as_str().len() {
        assert_damaged(&vault, &Sealed::new(&sealed.as_str()[..length]), "c").await;
    }
    for more in ["A", "AAAA", ".", ".AAAA", "="] {
        assert_damaged(&vault, &Sealed::new(format!("{}{more}", sealed.as_str())), "c").await;
    }
    for other in [".", "l1", "l1.", "l1..", "l.AAAA", "k1", "\u{0}", "ä"] {
        assert_damaged(&vault, &Sealed::new(other), "c").await;
    }
    Ok(())
}

#[tokio::test]
async fn the_first_key_seals_and_all_open() -> TestResult {
    let (old, new) = (vault(ZEROS), vault(&format!("\n{ONES}\t {ZEROS}\n")));
    let sealed_before = old.seal(&secrets(), "c").await?;
    let sealed_after = new.seal(&secrets(), "c").await?;

    for sealed in [&sealed_before, &sealed_after] {
        assert_eq!(new.open(sealed, "c").await?, secrets());
    }
    assert_eq!(vault(ONES).open(&sealed_after, "c").await?, secrets());
    assert_damaged(&old, &sealed_after, "c").await;
    Ok(())
}

#[tokio::test]
async fn no_nonce_is_used_twice() -> TestResult {
    let vault = vault(ZEROS);
    let mut nonces = HashSet::new();
    for _ in 0..10_000 {
        let sealed = vault.seal(&secrets(), "c").await?;
        let bytes = URL_SAFE_NO_PAD.decode(&sealed.as_str()[3..])?;
        assert!(nonces.insert(bytes[ID_LEN..ID_LEN + 12].to_vec()));
    }
    Ok(())
}

#[test]
fn nothing_of_the_keys_is_shown() {
    let shown = format!("{:?}", vault(&format!("{ONES} {ZEROS}")));
    assert_eq!(shown, "LocalVault { keys: 2, .. }");
}
