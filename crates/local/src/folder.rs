//! The folder that the tasks are kept in: who uses it, and what state it is in.

use std::fs::{File, TryLockError};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use a2a_lambda_aws_emulator::embedded::{EmbeddedDynamoDb, EmbeddedError};
use a2a_lambda_core::{Clock, Former};
use dynoxide::DynoxideError;
use rustix::io::{FdFlags, fcntl_setfd};
use tracing::warn;

use crate::cloud::StartError;
use crate::push_key;

/// The first bytes of every `SQLite` file.
const SQLITE: &[u8; 16] = b"SQLite format 3\0";

const DATABASE: &str = "dynamodb.sqlite";

/// How long the processes of an earlier start may take to end. They end when their parent does, so
/// this is only reached if one of them hangs.
const FORMER_ENDS_IN: Duration = Duration::from_secs(3);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A folder that is this process's own.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    former: Former,
    /// Whether an earlier start has left a database.
    had_database: bool,
    /// This process holds this lock.
    _own: File,
    /// This process and the processes that it has started hold this lock.
    _with_functions: File,
}

/// Why a database file is not opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Damage {
    /// It has lost its content: the folder has had tasks.
    #[error("the file is empty, although it held tasks")]
    Empty,
    /// It is something else.
    #[error("the file is damaged or not a database")]
    NotADatabase,
}

impl Folder {
    /// Takes the folder, and makes it if it is not there. If `functions` run as processes, they
    /// share its second lock.
    pub(crate) async fn open(
        path: &Path,
        functions: bool,
        clock: &dyn Clock,
    ) -> Result<Self, StartError> {
        let failed = |source| StartError::Folder { folder: path.to_owned(), source };
        std::fs::create_dir_all(path).map_err(failed)?;
        let own = File::create(path.join("lock")).map_err(failed)?;
        if !is_free(own.try_lock()).map_err(failed)? {
            return Err(StartError::InUse { folder: path.to_owned() });
        }
        let with_functions = File::create(path.join("functions.lock")).map_err(failed)?;
        let former = former(&with_functions, clock).await.map_err(failed)?;
        // Shared, as processes of an earlier start that hang have it, too.
        with_functions.lock_shared().map_err(failed)?;
        if functions {
            // Inherited by every process that is started, and locked until the last of them ends.
            fcntl_setfd(&with_functions, FdFlags::empty()).map_err(|error| failed(error.into()))?;
        }
        let file = std::fs::metadata(path.join(DATABASE));
        let had_database = file.is_ok_and(|file| file.len() > 0);
        let path = path.to_owned();
        Ok(Self { path, former, had_database, _own: own, _with_functions: with_functions })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether there was a database when the folder was taken.
    pub(crate) fn had_database(&self) -> bool {
        self.had_database
    }

    /// Whether processes of an earlier start may still run.
    pub(crate) fn former(&self) -> Former {
        self.former
    }

    /// The file of the database.
    pub(crate) fn database_file(&self) -> PathBuf {
        self.path.join(DATABASE)
    }

    /// Opens the database, and creates it if it is missing.
    pub(crate) fn database(&self) -> Result<EmbeddedDynamoDb, StartError> {
        let file = self.database_file();
        let failed = |source| StartError::Database { file: file.clone(), source };
        self.check(&file).map_err(failed)?;
        EmbeddedDynamoDb::open(&file).map_err(|error| match error {
            // `SQLite`'s error names the fault. The engine's own takes a damaged file for an
            // encrypted one.
            EmbeddedError::Engine(DynoxideError::SqliteError(_))
            | EmbeddedError::PathNotUtf8(_) => failed(error.into()),
            EmbeddedError::Engine(_) => failed(Damage::NotADatabase.into()),
        })
    }

    fn check(&self, file: &Path) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let mut begin = Vec::new();
        match File::open(file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            opened => opened?.take(SQLITE.len() as u64).read_to_end(&mut begin)?,
        };
        // The key is made once the database is there. Without it, an earlier start ended before.
        if begin.is_empty() && self.path.join(push_key::FILE).exists() {
            return Err(Damage::Empty.into());
        }
        if !begin.is_empty() && begin != SQLITE {
            return Err(Damage::NotADatabase.into());
        }
        Ok(())
    }
}

fn is_free(locked: Result<(), TryLockError>) -> io::Result<bool> {
    match locked {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Waits for the end of the processes of an earlier start.
async fn former(with_functions: &File, clock: &dyn Clock) -> io::Result<Former> {
    let until = clock.now().saturating_add(FORMER_ENDS_IN);
    while !is_free(with_functions.try_lock())? {
        if clock.now() >= until {
            warn!(
                event = "former_process_runs",
                "a function's process of an earlier start still runs and keeps its tasks"
            );
            return Ok(Former::MayLive);
        }
        clock.sleep(LOOK_EVERY).await;
    }
    Ok(Former::Ended)
}

#[cfg(test)]
mod tests {
    use a2a_lambda_runtime::SystemClock;

    use super::*;

    fn folder() -> PathBuf {
        std::env::temp_dir().join(uuid::Uuid::new_v4().to_string())
    }

    async fn open(path: &Path) -> Folder {
        Folder::open(path, false, &SystemClock).await.unwrap()
    }

    #[tokio::test]
    async fn a_folder_has_one_user_at_a_time() {
        let path = folder();
        let first = open(&path).await;
        let second = Folder::open(&path, false, &SystemClock).await;
        assert!(matches!(second, Err(StartError::InUse { folder }) if folder == path));
        drop(first);
        assert_eq!(open(&path).await.former(), Former::Ended);
        std::fs::remove_dir_all(&path).unwrap();
    }

    #[tokio::test]
    async fn a_process_of_an_earlier_start_is_waited_for_and_not_taken_for_dead() {
        let path = folder();
        drop(open(&path).await);
        let held = File::open(path.join("functions.lock")).unwrap();
        held.lock_shared().unwrap();
        assert_eq!(open(&path).await.former(), Former::MayLive);
        drop(held);
        assert_eq!(open(&path).await.former(), Former::Ended);
        std::fs::remove_dir_all(&path).unwrap();
    }

    #[tokio::test]
    async fn a_damaged_database_is_named_with_the_way_out() {
        let path = folder();
        let folder = open(&path).await;
        let file = folder.database_file();
        assert!(!folder.had_database(), "no key is missing");
        let refused = || {
            let error = folder.database().unwrap_err();
            let text = a2a_lambda_core::engine::chain(&error);
            assert!(text.contains(file.to_str().unwrap()) && text.contains("--data"), "{text}");
            text
        };
        std::fs::write(&file, "").unwrap();
        drop(folder.database().unwrap());
        std::fs::write(path.join(push_key::FILE), "key").unwrap();
        drop(folder.database().unwrap());
        std::fs::write(&file, "").unwrap();
        assert!(refused().contains("the file is empty"));
        // The last of them has the right beginning only.
        let header = [&SQLITE[..], &[0xff; 4096]].concat();
        for damaged in [&b"hello"[..], &[0; 8192], &header] {
            std::fs::write(&file, damaged).unwrap();
            let text = refused();
            assert!(text.contains("the file is damaged") && !text.contains("encr"), "{text}");
        }
        drop(folder);
        assert!(open(&path).await.had_database());
        std::fs::remove_dir_all(&path).unwrap();
    }
}
