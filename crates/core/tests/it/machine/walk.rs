//! Random walks: after any events in any order, the invariants hold.

use a2a_lambda_core::head::{Ending, Impatience, Interruption, Patience};
use a2a_lambda_core::invariants::{check_change, check_task};
use a2a_lambda_core::machine::{
    Finish, FirstPush, NextTurn, Pause, Retry, Settlement, Stamp, Submission, TurnEnd,
};
use a2a_lambda_core::{
    Change, ClaimToken, Command, Entry, Event, Head, LeaseToken, Phase, Position,
};
use a2a_lambda_protocol::Timestamp;
use proptest::prelude::*;

use super::sample::{
    MAX_ATTEMPTS, agent, at, chunk, message, progress, register, registration, stamp, submission,
    unregister,
};
use crate::support::secs;

/// The push configs that a walk makes and deletes: at most two at a time are allowed.
const IDS: [&str; 3] = ["a", "b", "c"];
const NAMES: [&str; 4] = ["a1", "a2", "b1", "c1"];

/// A command in the making. The parts that depend on the task are filled in when its turn comes.
#[derive(Debug, Clone, Copy)]
enum Step {
    Message,
    Claim,
    Emit {
        updates: usize,
        stale: bool,
    },
    Park {
        for_user: bool,
        wake_after: u64,
        updates: usize,
        stale: bool,
    },
    /// The turn ends, and its scope goes on.
    Repeat {
        wake_after: u64,
        updates: usize,
        stale: bool,
    },
    /// The agent asks for the messages that have come meanwhile, in a recorded step.
    Inbox,
    /// A callback of the open scope, or of the one before, was answered.
    Wake {
        late: bool,
    },
    Finish {
        how: u8,
        updates: usize,
        stale: bool,
    },
    Retry {
        after: u64,
        updates: usize,
        stale: bool,
    },
    Cancel,
    Void,
    Look,
    Postpone,
    Register {
        name: usize,
    },
    Unregister {
        id: usize,
    },
    ClaimPush {
        who: u8,
    },
    SettlePush {
        who: u8,
        next: u64,
        outcome: u8,
    },
}

fn steps() -> impl Strategy<Value = Vec<(u64, Step)>> {
    let stale = || prop::bool::weighted(0.1);
    let step = prop_oneof![
        4 => Just(Step::Message),
        6 => Just(Step::Claim),
        4 => (0..3_usize, stale()).prop_map(|(updates, stale)| Step::Emit { updates, stale }),
        4 => (any::<bool>(), 0..100_u64, 0..3_usize, stale()).prop_map(
            |(for_user, wake_after, updates, stale)| Step::Park { for_user, wake_after, updates, stale }
        ),
        4 => (0..100_u64, 0..3_usize, stale())
            .prop_map(|(wake_after, updates, stale)| Step::Repeat { wake_after, updates, stale }),
        2 => Just(Step::Inbox),
        3 => prop::bool::weighted(0.2).prop_map(|late| Step::Wake { late }),
        2 => (0..8_u8, 0..3_usize, stale())
            .prop_map(|(how, updates, stale)| Step::Finish { how, updates, stale }),
        3 => (0..50_u64, 0..3_usize, stale())
            .prop_map(|(after, updates, stale)| Step::Retry { after, updates, stale }),
        1 => prop::bool::weighted(0.3)
            .prop_map(|cancel| if cancel { Step::Cancel } else { Step::Look }),
        4 => Just(Step::Look),
        1 => Just(Step::Void),
        1 => Just(Step::Postpone),
        1 => (0..NAMES.len()).prop_map(|name| Step::Register { name }),
        1 => (0..IDS.len()).prop_map(|id| Step::Unregister { id }),
        3 => (0..3_u8).prop_map(|who| Step::ClaimPush { who }),
        3 => (0..3_u8, 0..80_u64, 0..8_u8)
            .prop_map(|(who, next, outcome)| Step::SettlePush { who, next, outcome }),
    ];
    prop::collection::vec((0..40_u64, step), 0..60)
}

fn pusher(who: u8) -> ClaimToken {
    ClaimToken::new(format!("pusher {who}"))
}

/// A task, its log, and the walk's own knowledge.
struct Walk {
    head: Head,
    log: Vec<Entry>,
    claims: u64,
    /// The newest message that the open scope has received, and that of each scope that is over.
    read: Position,
    seen: Vec<Position>,
    /// Whether a callback was answered of which no run knows.
    is_answered: bool,
}

impl Walk {
    fn token(&self, stale: bool) -> LeaseToken {
        LeaseToken::new(if stale { 0 } else { self.claims }.to_string())
    }

    fn turn(&self, updates: usize, stale: bool) -> TurnEnd {
        let updates = (0..updates).map(|_| chunk("a")).collect();
        TurnEnd::new(self.token(stale), self.read, updates)
    }

    fn command(&mut self, step: Step, now: u64) -> Option<Command> {
        Some(match step {
            Step::Message => message("more"),
            Step::Claim => {
                self.claims += 1;
                Command::Claim { token: self.token(false), max_attempts: MAX_ATTEMPTS }
            }
            Step::Emit { updates, stale } => {
                let updates = (0..updates).map(|_| progress("half")).collect();
                Command::Emit { token: self.token(stale), updates }
            }
            Step::Park { for_user: true, wake_after, updates, stale } => {
                let interruption = Interruption::InputRequired;
                let message = Some(agent("a question"));
                let then = if wake_after % 4 == 0 { Impatience::Wake } else { Impatience::Fail };
                let patience =
                    (wake_after % 2 == 0).then_some(Patience { until: at(now + wake_after), then });
                let pause = Pause::ForUser { interruption, message, checkpoint: None, patience };
                Command::Park { turn: self.turn(updates, stale), pause }
            }
            Step::Park { wake_after, updates, stale, .. } => {
                let pause = Pause::until(at(now + wake_after), None);
                Command::Park { turn: self.turn(updates, stale), pause }
            }
            Step::Repeat { wake_after, updates, stale } => {
                let next = NextTurn::Repeats { seen: self.read, checkpoint: None };
                let pause = Pause::Until { wake_at: at(now + wake_after), next };
                Command::Park { turn: self.turn(updates, stale), pause }
            }
            Step::Wake { late } => {
                let scope = self.head.scope();
                Command::Wake { scope: if late { scope.wrapping_sub(1) } else { scope } }
            }
            Step::Finish { how, updates, stale } => {
                let ending = match how {
                    0 => Finish::Failed(None),
                    1 => Finish::Rejected(None),
                    2 => Finish::Direct(agent("hello")),
                    _ => Finish::Completed(Some(agent("done"))),
                };
                Command::Finish { turn: self.turn(updates, stale), ending }
            }
            Step::Retry { after, updates, stale } => {
                let retry = Retry {
                    cut: None,
                    updates: (0..updates).map(|_| chunk("b")).collect(),
                    has_records: false,
                    after: secs(after),
                    max_attempts: MAX_ATTEMPTS,
                    reason: None,
                };
                Command::Retry { token: self.token(stale), retry }
            }
            Step::Cancel => Command::Cancel,
            Step::Void => Command::Void,
            Step::Look => Command::Look,
            Step::Inbox | Step::Postpone => return None,
            Step::Register { name } => register(NAMES[name]),
            Step::Unregister { id } => unregister(IDS[id]),
            Step::ClaimPush { who } => Command::ClaimPush { token: pusher(who) },
            Step::SettlePush { who, next, outcome } => Command::SettlePush(Settlement {
                token: pusher(who),
                epoch: self.head.pushes.as_ref().map_or(0, |pushes| pushes.epoch),
                through: self.head.position,
                next: (outcome % 2 == 0).then_some(at((now + next).saturating_sub(20))),
            }),
        })
    }

    fn take(&mut self, step: Step, now: u64) {
        // Some runners live on and deliver their commits.
        let pusher = (!now.is_multiple_of(3)).then(|| pusher(0));
        let stamp = Stamp { pusher, ..stamp(now) };
        let before = self.head.clone();
        if matches!(step, Step::Inbox) {
            if before.leased_until().is_some() {
                self.read = before.last_message;
            }
            return;
        }
        let claims = matches!(step, Step::Claim);
        let change = match self.command(step, now) {
            Some(command) => {
                let Ok(change) = before.apply(command, &stamp) else {
                    self.claims -= u64::from(claims);
                    return;
                };
                change
            }
            None if before.is_terminal() && before.pushes.is_none() => return,
            None => before.postpone(&stamp),
        };
        check_change(&before, &change).unwrap();
        self.head = change.head().clone();
        self.log.extend_from_slice(change.entries());
        check_task(&self.head, &self.log).unwrap();

        let head = &self.head;
        assert!(head.fence >= before.fence && head.turn >= before.turn);
        assert!(head.attempt <= MAX_ATTEMPTS, "I10");
        assert!(head.registrations().len() <= 2, "I10: {:?}", head.registrations());
        assert!(head.consumed >= before.consumed, "I5: no message is given twice");
        let is_same_scope = head.scope() == before.scope();
        // A scope gets the messages that exist at its first attempt: at its first claim, or its
        // continuation. Each further attempt and turn is given the same.
        if is_same_scope {
            let has_begun = before.attempt > 0 || before.scope_turns > 0;
            assert!(!has_begun || head.given == before.given, "the input of a scope is fixed");
            assert_eq!(head.consumed, before.consumed, "no message is consumed before its end");
        } else {
            assert_eq!((head.consumed, head.scope_turns), (self.read, 0));
            assert_eq!(head.scope(), head.turn);
            self.seen.push(head.consumed);
        }
        if claims && before.attempt == 0 && before.scope_turns == 0 || !is_same_scope {
            self.read = head.given;
        }
        self.check_news(step, &before, is_same_scope, now);
    }

    /// I5 and I13: news of a message or an answer wake the task, if no run knows of them.
    fn check_news(&mut self, step: Step, before: &Head, is_same_scope: bool, now: u64) {
        let head = &self.head;
        let is_running = before.leased_until().is_some();
        match step {
            Step::Wake { .. } if is_running => self.is_answered = true,
            Step::Wake { .. } => assert_eq!(head.phase, Phase::Waiting { until: at(now) }),
            Step::Claim => self.is_answered = false,
            Step::Repeat { .. } if self.is_answered || head.last_message > self.read => {
                assert_eq!(head.phase, Phase::Waiting { until: at(now) });
            }
            _ => {}
        }
        self.is_answered &= is_same_scope && head.scope_turns == before.scope_turns;
        self.is_answered &= !head.is_terminal();
        assert_eq!(head.woken, self.is_answered, "{step:?}");
    }

    /// I5: a runner that claims the task now, and completes each scope, gives its agent every message.
    fn completes(&mut self, claim: &Change, now: Timestamp) {
        let mut head = claim.head().clone();
        for _ in 0..2 {
            let Phase::Running { token, .. } = head.phase.clone() else { break };
            let is_open = head.scope_turns > 0 || head.attempt > 1;
            let read = if is_open { self.read.max(head.given) } else { head.given };
            let turn = TurnEnd::new(token, read, Vec::new());
            let finish = Command::Finish { turn, ending: Finish::Completed(None) };
            let stamp = Stamp { now, ..stamp(0) };
            head = head.apply(finish, &stamp).unwrap().head().clone();
        }
        assert!(head.is_terminal(), "{head:?}");
        let is_completed = head.phase == Phase::Ended(Ending::Completed);
        assert!(!is_completed || head.consumed == head.last_message, "{head:?}");
    }
}

proptest! {
    // A walk that fails is kept as a case with a name, not as a seed.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn the_invariants_hold_on_every_walk(
        steps in steps(),
        held_until in prop::option::of(0..60_u64),
    ) {
        let pushes = held_until.map(|until| FirstPush {
            registration: registration("a1"),
            held_until: (until > 0).then(|| at(until)),
        });
        let change = Head::submit(Submission { pushes, ..submission() }, &stamp(0));
        let mut walk = Walk {
            head: change.head().clone(),
            log: change.entries().to_vec(),
            claims: 0,
            read: Position(0),
            seen: Vec::new(),
            is_answered: false,
        };
        check_task(&walk.head, &walk.log).unwrap();
        let mut now = 0;
        for (wait, step) in steps {
            now += wait;
            walk.take(step, now);
        }

        // I5: the messages up to `consumed` are divided among the scopes that are over.
        prop_assert!(walk.seen.is_sorted());
        prop_assert_eq!(walk.seen.last().copied().unwrap_or_default(), walk.head.consumed);
        let last_given = walk.log.iter().rfind(|entry| {
            matches!(entry.event, Event::Message(_)) && entry.position <= walk.head.consumed
        });
        let last_given = last_given.map_or(Position(0), |entry| entry.position);
        prop_assert_eq!(last_given, walk.head.consumed);
        // I6: a visitor at the due time can claim the mark by the time that it is free.
        if let (Some(due), Some(mark)) = (walk.head.due, walk.head.mark()) {
            let mut stamp = stamp(0);
            stamp.now = due.max(mark.free_from(due)).max(at(60));
            let claim = Command::ClaimPush { token: ClaimToken::new("last") };
            prop_assert!(walk.head.apply(claim, &stamp).is_ok());
        }
        // I4: a visitor at the due time can advance the task.
        if let Some(due) = walk.head.due.filter(|_| !walk.head.rests()) {
            let later = due.max(walk.head.leased_until().unwrap_or(due));
            let later = match walk.head.phase {
                Phase::Waiting { until } => later.max(until),
                // It may be due for its pushes before.
                Phase::Interrupted { patience, .. } => {
                    patience.map_or(later, |patience| later.max(patience.until))
                }
                _ => later,
            };
            let mut stamp = stamp(0);
            stamp.now = later;
            let claim = Command::Claim { token: LeaseToken::new("last"), max_attempts: 1_000 };
            let claimed = walk.head.apply(claim, &stamp);
            prop_assert!(claimed.is_ok());
            walk.completes(&claimed.unwrap(), later);
        }
    }
}
