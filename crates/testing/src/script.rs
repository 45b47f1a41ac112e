//! Agents that the test scripts.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use a2a_lambda_core::{Agent, AgentProfile, End, Failure, Turn};

type Running<'a> = Pin<Box<dyn Future<Output = Result<End, Failure>> + Send + 'a>>;
type Script = dyn for<'a> Fn(&'a Turn, Diary) -> Running<'a> + Send + Sync;

/// An agent's records, for the test to read.
#[derive(Debug, Clone, Default)]
pub struct Diary(Arc<Mutex<Vec<String>>>);

impl Diary {
    /// Records a line.
    pub fn note(&self, line: impl Into<String>) {
        self.lines().push(line.into());
    }

    fn lines(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lines so far.
    pub fn read(&self) -> Vec<String> {
        self.lines().clone()
    }
}

/// An agent that runs a closure.
#[derive(Clone)]
pub struct Scripted {
    profile: AgentProfile,
    run: Arc<Script>,
    /// The records of its runs.
    pub diary: Diary,
}

impl Scripted {
    /// The same with another profile.
    #[must_use]
    pub fn with_profile(self, profile: AgentProfile) -> Self {
        Self { profile, ..self }
    }
}

impl fmt::Debug for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scripted").field("diary", &self.diary).finish_non_exhaustive()
    }
}

/// An agent that does what the block says, which gets the turn and the agent's diary.
#[macro_export]
macro_rules! script {
    (|$turn:pat_param, $diary:pat_param| $run:block) => {
        $crate::scripted(move |$turn, $diary| Box::pin(async move $run))
    };
}

/// The same for a closure that makes the future.
pub fn scripted<F>(run: F) -> Scripted
where
    F: for<'a> Fn(&'a Turn, Diary) -> Running<'a> + Send + Sync + 'static,
{
    let profile = AgentProfile::text("scripted", "does what the test says", "1");
    Scripted { profile, run: Arc::new(run), diary: Diary::default() }
}

// Written out, without `async_trait`: so the closure is called before there is a future, where it
// may panic too.
impl Agent for Scripted {
    fn profile(&self) -> AgentProfile {
        self.profile.clone()
    }

    fn run<'agent, 'turn, 'run>(&'agent self, turn: &'turn Turn) -> Running<'run>
    where
        'agent: 'run,
        'turn: 'run,
    {
        (self.run)(turn, self.diary.clone())
    }
}
