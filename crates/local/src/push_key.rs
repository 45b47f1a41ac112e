//! What the local cloud has for pushes: its own machine as a receiver, and a key for their secrets.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use a2a_lambda_core::Vault;
use a2a_lambda_runtime::table::{PUSH_ALLOW_HTTP, PUSH_ALLOW_LOCAL, PUSH_SECRETS_KEY};
use a2a_lambda_runtime::{ConfigError, Variables, vault::NoVault};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use crate::cloud::{Data, StartError};

/// The file of the folder's key.
pub(crate) const FILE: &str = "push-secrets.key";

/// What this cloud sets of the functions' variables, where its process does not: pushes go to this
/// machine, too, and their secrets are sealed by a key of its own.
pub(crate) fn push_variables(data: &Data) -> Result<Vec<(&'static str, String)>, StartError> {
    let key = match data {
        Data::Memory => new_key(),
        Data::Folder(folder) => kept_key(folder)?,
    };
    let on = || "true".to_owned();
    Ok(vec![
        (PUSH_ALLOW_HTTP.about.name, on()),
        (PUSH_ALLOW_LOCAL.about.name, on()),
        (PUSH_SECRETS_KEY.about.name, key),
    ])
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
fn kept_key(folder: &Path) -> Result<String, StartError> {
    let failed = |source| StartError::Folder { folder: folder.to_owned(), source };
    let path = folder.join(FILE);
    match std::fs::read_to_string(&path) {
        Ok(key) => Ok(key.trim().to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let key = new_key();
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            // Whole or not at all: without its key the folder's configs are lost.
            let new = folder.join(format!("{FILE}.new"));
            let _ = std::fs::remove_file(&new);
            let mut file = options.open(&new).map_err(failed)?;
            file.write_all(key.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
            std::fs::rename(&new, &path).map_err(failed)?;
            Ok(key)
        }
        Err(error) => Err(failed(error)),
    }
}

/// What opens and seals with that key.
pub(crate) fn local_vault(variables: &Variables<'_>) -> Result<Arc<dyn Vault>, ConfigError> {
    let vault = a2a_lambda_runtime::vault::local_vault(variables)?;
    Ok(vault.map_or_else(|| Arc::new(NoVault) as Arc<dyn Vault>, |vault| Arc::new(vault)))
}
