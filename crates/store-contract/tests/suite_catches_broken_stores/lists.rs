//! Faults of lists, their pages and their counts.

use std::time::Duration;

use a2a_lambda_core::store::{Cursor, Depth, ListQuery, Page};
use a2a_lambda_core::{StoreError, TaskId, TaskStore};
use a2a_lambda_protocol::Timestamp;

use super::{Broken, Fault};

const MILLISECOND: Duration = Duration::from_millis(1);

impl Broken {
    pub(super) async fn broken_list(&self, query: &ListQuery) -> Result<Page, StoreError> {
        let mut asked = query.clone();
        match self.fault {
            Fault::ListsIgnoreTheContext => asked.context = None,
            Fault::ListsIgnoreTheState => asked.state = None,
            Fault::ListsShowTheExpired => asked.ended_after = None,
            Fault::ListsHideTheOld => {
                let from = asked.ended_after.map(|after| after.saturating_add(MILLISECOND));
                asked.status_since = asked.status_since.max(from);
            }
            Fault::PagesIgnoreTheLimit => asked.limit = usize::MAX,
            Fault::CountsComeUnasked => asked.count = true,
            Fault::ListsBeginTooLate => {
                let later = |at: Timestamp| Timestamp::from_millis(at.as_millis() + 1);
                asked.status_since = asked.status_since.map(later);
            }
            Fault::PagesRepeatTheirLast => {
                asked.after = asked.after.map(|after| {
                    let behind = TaskId::parse(format!("{}!", after.task)).unwrap();
                    Cursor { task: behind, ..after }
                });
            }
            _ => {}
        }
        let mut page = self.right.list(&asked).await?;
        match self.fault {
            Fault::ListsAreTurnedRound => page.tasks.reverse(),
            Fault::ListsEndEarly => page.next = None,
            Fault::ListsNeverEnd if page.next.is_none() => page.next.clone_from(&query.after),
            Fault::CountsAreOfThePage => page.total = page.total.map(|_| page.tasks.len() as u64),
            Fault::CountsAreWithConfigs => {
                let configs = self.past.lock().unwrap().configs.count();
                page.total = page.total.map(|tasks| tasks + configs);
            }
            Fault::CountsAreWithTheExpired => {
                let all = ListQuery { ended_after: None, limit: 1, ..asked };
                page.total = self.right.list(&all).await?.total;
            }
            Fault::CountsAreOfTheRest => {
                let rest = ListQuery { limit: usize::MAX, ..asked };
                let rest = self.right.list(&rest).await?.tasks.len() as u64;
                page.total = page.total.map(|_| rest);
            }
            Fault::ListsShowOthers => {
                let owners = self.past.lock().unwrap().owners.clone();
                for owner in owners.into_iter().filter(|owner| *owner != query.owner) {
                    let others = self.right.list(&ListQuery { owner, ..query.clone() }).await?;
                    page.tasks.extend(others.tasks);
                }
            }
            _ => {}
        }
        for task in &mut page.tasks {
            self.garble(task, Depth::Tail);
            if let Some(pushes) = task.head.pushes.as_mut() {
                pushes.mark.take_if(|_| self.has(Fault::ListsHaveNoMarks));
            }
        }
        Ok(page)
    }
}
