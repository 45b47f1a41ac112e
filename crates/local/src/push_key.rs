//! The local cloud's settings for pushes: this machine as a receiver, and a key for secrets.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::sync::Arc;

use a2a_lambda_core::Vault;
use a2a_lambda_runtime::table::{PUSH_ALLOW_HTTP, PUSH_ALLOW_LOCAL, PUSH_SECRETS_KEY};
use a2a_lambda_runtime::vault::{LocalVault, NoVault};
use a2a_lambda_runtime::{ConfigError, Variables};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use tracing::warn;

use crate::cloud::StartError;
use crate::folder::Folder;

/// The file of the folder's key.
pub(crate) const FILE: &str = "push-secrets.key";

/// The functions' variables that this cloud sets unless its process does: the functions may push to
/// this machine, and seal secrets by a local key.
///
/// A key that the user has set is used in place of the folder's, which may be damaged then.
pub(crate) fn push_variables(
    folder: Option<&Folder>,
    has_own_key: bool,
) -> Result<Vec<(&'static str, String)>, StartError> {
    let on = || "true".to_owned();
    let mut variables =
        vec![(PUSH_ALLOW_HTTP.about.name, on()), (PUSH_ALLOW_LOCAL.about.name, on())];
    let key = match folder {
        None => Some(new_key()),
        Some(folder) => match kept_key(folder) {
            Err(StartError::PushKey { .. }) if has_own_key => None,
            key => Some(key?),
        },
    };
    variables.extend(key.map(|key| (PUSH_SECRETS_KEY.about.name, key)));
    Ok(variables)
}

/// 32 bytes of chance, as the variable has them.
fn new_key() -> String {
    let [first, second] = [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()];
    let mut hash = Sha256::new();
    hash.update(first.as_bytes());
    hash.update(second.as_bytes());
    STANDARD.encode(hash.finalize())
}

/// The key of the folder's tasks, which is made with it.
fn kept_key(folder: &Folder) -> Result<String, StartError> {
    let failed = |source| StartError::Folder { folder: folder.path().to_owned(), source };
    let path = folder.path().join(FILE);
    match std::fs::read(&path) {
        Ok(key) => {
            let damaged = |source| StartError::PushKey { file: path.clone(), source };
            let key = String::from_utf8(key).map_err(|error| damaged(error.utf8_error().into()))?;
            LocalVault::from_base64(&key).map_err(|error| damaged(error.into()))?;
            Ok(key.trim().to_owned())
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            if folder.had_database() {
                let file = path.display();
                warn!(
                    event = "push_key_made",
                    %file,
                    "the key of the push configs' secrets is missing, and this start makes a new one. \
                     Configs with older secrets get no pushes until this file has the old key, \
                     too, or until they are made again"
                );
            }
            let key = new_key();
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            // Whole or not at all: without its key the folder's configs are lost.
            let new = folder.path().join(format!("{FILE}.new"));
            let _ = std::fs::remove_file(&new);
            let mut file = options.open(&new).map_err(failed)?;
            file.write_all(key.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
            std::fs::rename(&new, &path).map_err(failed)?;
            Ok(key)
        }
        Err(error) => Err(failed(error)),
    }
}

/// The vault with that key.
pub(crate) fn local_vault(variables: &Variables<'_>) -> Result<Arc<dyn Vault>, ConfigError> {
    let vault = a2a_lambda_runtime::vault::local_vault(variables)?;
    Ok(vault.map_or_else(|| Arc::new(NoVault) as Arc<dyn Vault>, |vault| Arc::new(vault)))
}

#[cfg(test)]
mod tests {
    use a2a_lambda_core::engine::chain;
    use a2a_lambda_runtime::SystemClock;

    use super::*;

    fn key_of(variables: Result<Vec<(&'static str, String)>, StartError>) -> Option<String> {
        let variables = variables.unwrap();
        variables.into_iter().find(|(name, _)| *name == "PUSH_SECRETS_KEY").map(|(_, key)| key)
    }

    #[tokio::test]
    async fn a_damaged_key_is_named_by_its_file_with_the_way_out() {
        let path = std::env::temp_dir().join(uuid::Uuid::new_v4().to_string());
        let folder = Folder::open(&path, false, &SystemClock).await.unwrap();
        let file = path.join(FILE);
        let made = key_of(push_variables(Some(&folder), false)).unwrap();
        assert_eq!(key_of(push_variables(Some(&folder), false)), Some(made.clone()), "it is kept");
        let two = format!("{made}\n{}\n", new_key());
        std::fs::write(&file, &two).unwrap();
        assert_eq!(key_of(push_variables(Some(&folder), false)).as_deref(), Some(two.trim()));
        for damaged in [&b""[..], &made.as_bytes()[..20], b"hunter2!", &[0xff; 44]] {
            std::fs::write(&file, damaged).unwrap();
            let error = push_variables(Some(&folder), false).unwrap_err();
            let text = chain(&error);
            assert!(text.contains(file.to_str().unwrap()), "{text}");
            assert!(text.contains("move it away") && !text.contains("hunter2"), "{text}");
            assert!(!text.contains("variable"), "the user has set none: {text}");
            // A user who has set a key does not need the file's.
            assert_eq!(key_of(push_variables(Some(&folder), true)), None);
        }
        std::fs::remove_dir_all(&path).unwrap();
    }
}
