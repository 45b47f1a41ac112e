//! The head as an item's attributes. Their names are short, because every write pays for them.

use a2a_lambda_core::attempts::Attempts;
use a2a_lambda_core::head::{Ending, FollowUp, Head, Impatience, Interruption, Patience, Phase};
use a2a_lambda_core::ids::{
    ClaimToken, ContextId, Fence, Generation, Incarnation, LeaseToken, Owner, Position,
    Registration, Revision, Tenant, WriteId,
};
use a2a_lambda_core::push::{Mark, Pushes};
use a2a_lambda_core::request_key::Fingerprint;
use a2a_lambda_core::store::{Cursor, DueShards};
use a2a_lambda_core::trace::TraceContext;
use a2a_lambda_protocol::{Json, TaskState, Timestamp};
use aws_sdk_dynamodb::types::AttributeValue;

use crate::attempts;
use crate::attributes::{
    Item, Malformed, find_number, find_string, get_flag, get_number, get_string, number, string,
    value,
};
use crate::format::{FORMAT, Kind, NEWEST, OLDEST, WITH_RETENTION, WITH_SCOPE};
use crate::table::{
    CONTEXT, CONTEXT_PK, DUE_PK, DUE_SK, HEAD, LIST_PK, LIST_SK, LOG, LOG_BYTES, OPEN_MARK, PK,
    PUSH_MARK, SK, STATE, TTL, partition, task_key,
};

/// The partitions of format 3 in the list index begin with it.
pub(crate) const BY_STATE_MARK: char = '!';

pub(crate) const REVISION: &str = "r";
pub(crate) const WRITE: &str = "w";
pub(crate) const LEASE_TOKEN: &str = "lt";
pub(crate) const LEASED_UNTIL: &str = "lu";

const OWNER: &str = "own";
const CREATED_AT: &str = "at";
const POSITION: &str = "p";
const GENERATION: &str = "g";
pub(crate) const PHASE: &str = "ph";
const WAITING_UNTIL: &str = "wu";
const PATIENT_UNTIL: &str = "pu";
const IMPATIENCE: &str = "pt";
const STATUS_AT: &str = "sa";
const LOG_TOTAL: &str = "bt";
const FENCE: &str = "f";
const ATTEMPT: &str = "a";
const DEATHS: &str = "de";
const TURN: &str = "tn";
const CONSUMED: &str = "c";
const GIVEN: &str = "gv";
const LAST_MESSAGE: &str = "lm";
const EMITTED: &str = "em";
const SENDER_WAITS: &str = "sw";
const DIRECT: &str = "di";
const CHECKPOINT: &str = "cp";
const PUSH_CONFIGS: &str = "nc";
const PUSH_EPOCH: &str = "ne";
const PUSH_HELD: &str = "nh";
const PUSH_SIGNALED: &str = "ns";
const PUSH_TOKEN: &str = "nt";
const PUSH_UNTIL: &str = "nu";
const REQUEST: &str = "rq";
const FOLLOW_UPS: &str = "fu";

// Of format 2, as is the time to live: `TTL`.
pub(crate) const INCARNATION: &str = "i";
const LEFTOVERS: &str = "lo";
const DELETED: &str = "del";
const TRACE: &str = "tp";

// Of format 4.
const SCOPE_TURNS: &str = "so";
const WOKEN: &str = "wk";
const ATTEMPTS: &str = "ra";

/// Heads, with their part of the log.
const KIND: Kind = Kind::new(
    "head",
    NEWEST,
    &[
        PK,
        SK,
        CONTEXT,
        STATE,
        CONTEXT_PK,
        LIST_PK,
        LIST_SK,
        DUE_PK,
        DUE_SK,
        PUSH_MARK,
        LOG,
        LOG_BYTES,
        REVISION,
        WRITE,
        LEASE_TOKEN,
        LEASED_UNTIL,
        OWNER,
        CREATED_AT,
        POSITION,
        GENERATION,
        PHASE,
        WAITING_UNTIL,
        PATIENT_UNTIL,
        IMPATIENCE,
        STATUS_AT,
        LOG_TOTAL,
        FENCE,
        ATTEMPT,
        DEATHS,
        TURN,
        CONSUMED,
        GIVEN,
        LAST_MESSAGE,
        EMITTED,
        SENDER_WAITS,
        DIRECT,
        CHECKPOINT,
        PUSH_CONFIGS,
        PUSH_EPOCH,
        PUSH_HELD,
        PUSH_SIGNALED,
        PUSH_TOKEN,
        PUSH_UNTIL,
        REQUEST,
        FOLLOW_UPS,
        INCARNATION,
        TTL,
        LEFTOVERS,
        DELETED,
        TRACE,
        SCOPE_TURNS,
        WOKEN,
        ATTEMPTS,
    ],
);

/// The digits of a time in the list index: enough for the year 9999 in milliseconds.
const TIME_DIGITS: usize = 15;

/// The lowest format for the attributes of a head, apart from those of the list indexes.
pub(crate) fn format(head: &Head) -> u64 {
    let has_new = head.incarnation.is_some()
        || head.ttl.is_some()
        || head.has_leftovers
        || head.is_deleted
        || head.trace.is_some();
    if head.scope_turns > 0 || head.woken || !head.attempts.is_empty() {
        WITH_SCOPE
    } else if has_new {
        WITH_RETENTION
    } else {
        OLDEST
    }
}

/// The head as attributes, with its keys and those of the indexes. A due time goes into its shard
/// of `shards`; a commit does not move one that is in another shard. The list index has it as in
/// format 1; [`Listing`](crate::listing::Listing) has the newer form.
pub(crate) fn to_item(head: &Head, shards: DueShards) -> Item {
    let mut item = Item::from([
        (PK.into(), string(partition(&head.key))),
        (SK.into(), string(HEAD)),
        (FORMAT.into(), number(format(head))),
        (OWNER.into(), string(head.owner.as_str())),
        (CONTEXT.into(), string(head.context.as_str())),
        (CREATED_AT.into(), millis(head.created_at)),
        (POSITION.into(), number(head.position)),
        (GENERATION.into(), number(head.generation)),
        (REVISION.into(), number(head.revision)),
        (WRITE.into(), string(head.write.as_str())),
        (PHASE.into(), string(head.phase.name())),
        (STATE.into(), string(state_name(head.listed_state()))),
        (STATUS_AT.into(), millis(head.status_at)),
        (LOG_TOTAL.into(), number(head.log_bytes)),
        (FENCE.into(), number(head.fence)),
        (ATTEMPT.into(), number(head.attempt)),
        (TURN.into(), number(head.turn)),
        (CONSUMED.into(), number(head.consumed)),
        (GIVEN.into(), number(head.given)),
        (LAST_MESSAGE.into(), number(head.last_message)),
    ]);
    let mut set = |name: &str, value: Option<AttributeValue>| {
        if let Some(value) = value {
            item.insert(name.into(), value);
        }
    };
    match &head.phase {
        Phase::Running { token, until } => {
            set(LEASE_TOKEN, Some(string(token.as_str())));
            set(LEASED_UNTIL, Some(millis(*until)));
        }
        Phase::Waiting { until } => set(WAITING_UNTIL, Some(millis(*until))),
        Phase::Submitted | Phase::Interrupted { .. } | Phase::Ended(_) => {}
    }
    if let Some(Patience { until, then }) = head.patience() {
        set(PATIENT_UNTIL, Some(millis(until)));
        set(IMPATIENCE, Some(string(impatience_name(then))));
    }
    let flag = |on: bool| on.then_some(AttributeValue::Bool(true));
    set(DEATHS, Some(head.deaths).filter(|deaths| *deaths > 0).map(number));
    set(SCOPE_TURNS, Some(head.scope_turns).filter(|turns| *turns > 0).map(number));
    set(WOKEN, flag(head.woken));
    if !head.attempts.is_empty() {
        set(ATTEMPTS, Some(string(attempts::to_text(&head.attempts, head.created_at))));
    }
    set(EMITTED, flag(head.emitted));
    set(SENDER_WAITS, head.sender_waits_until.map(millis));
    set(DIRECT, flag(head.is_direct()));
    set(CHECKPOINT, head.checkpoint.as_ref().map(|json| string(json.as_str())));
    set(INCARNATION, head.incarnation.as_ref().map(|of| string(of.as_str())));
    set(TTL, head.ttl.map(|at| number(at.as_millis() / 1_000)));
    set(LEFTOVERS, flag(head.has_leftovers));
    set(DELETED, flag(head.is_deleted));
    set(TRACE, head.trace.as_ref().map(|trace| string(trace.as_str())));
    set(REQUEST, head.request.as_ref().map(fingerprint));
    if !head.follow_ups.is_empty() {
        let list = head.follow_ups.iter().map(follow_up).collect();
        set(FOLLOW_UPS, Some(AttributeValue::L(list)));
    }
    if head.is_listed() {
        set(LIST_PK, Some(string(list_partition(&head.key.tenant, &head.owner))));
        set(LIST_SK, Some(string(list_order(&Cursor::of(head)))));
    }
    if let Some(pushes) = &head.pushes {
        let configs = pushes.configs.iter().map(|config| string(config.as_str())).collect();
        set(PUSH_CONFIGS, Some(AttributeValue::L(configs)));
        set(PUSH_EPOCH, Some(number(pushes.epoch)));
        set(PUSH_HELD, pushes.held_until.map(millis));
        set(PUSH_SIGNALED, pushes.signaled.map(millis));
        let (name, token, until) = match &pushes.mark {
            None => (None, None, None),
            Some(Mark::Open) => (Some(OPEN_MARK), None, None),
            Some(Mark::Claimed { token, until }) => (Some("claimed"), Some(token), Some(*until)),
            Some(Mark::Waiting { until }) => (Some("waiting"), None, Some(*until)),
        };
        set(PUSH_MARK, name.map(string));
        set(PUSH_TOKEN, token.map(|token| string(token.as_str())));
        set(PUSH_UNTIL, until.map(millis));
    }
    if let Some(due) = head.due {
        set(DUE_PK, Some(number(shards.of(&head.key))));
        set(DUE_SK, Some(millis(due)));
    }
    item
}

/// Reads the head back.
pub(crate) fn from_item(item: &Item) -> Result<Head, Malformed> {
    KIND.check(item)?;
    let time = |name| get_number(item, name).map(Timestamp::from_millis);
    let request = find_string(item, REQUEST)?;
    let ttl: Option<i64> = find_number(item, TTL)?;
    let checkpoint = find_string(item, CHECKPOINT)?;
    let checkpoint = checkpoint.map(Json::parse).transpose().map_err(|e| value(CHECKPOINT, e))?;
    let created_at = time(CREATED_AT)?;
    let phase = phase(item)?;
    Ok(Head {
        key: task_key(get_string(item, PK)?)?,
        owner: Owner::parse(get_string(item, OWNER)?).map_err(|e| value(OWNER, e))?,
        context: ContextId::parse(get_string(item, CONTEXT)?).map_err(|e| value(CONTEXT, e))?,
        created_at,
        incarnation: incarnation(item)?,
        position: Position(get_number(item, POSITION)?),
        generation: Generation(get_number(item, GENERATION)?),
        revision: Revision(get_number(item, REVISION)?),
        write: WriteId::new(get_string(item, WRITE)?),
        listed_as_submitted: listed_as_submitted(item, &phase)?,
        phase,
        status_at: time(STATUS_AT)?,
        log_bytes: get_number(item, LOG_TOTAL)?,
        fence: Fence(get_number(item, FENCE)?),
        attempt: get_number(item, ATTEMPT)?,
        deaths: find_number(item, DEATHS)?.unwrap_or_default(),
        turn: get_number(item, TURN)?,
        scope_turns: find_number(item, SCOPE_TURNS)?.unwrap_or_default(),
        woken: get_flag(item, WOKEN),
        attempts: attempts(item, created_at)?,
        consumed: Position(get_number(item, CONSUMED)?),
        given: Position(get_number(item, GIVEN)?),
        last_message: Position(get_number(item, LAST_MESSAGE)?),
        emitted: get_flag(item, EMITTED),
        sender_waits_until: find_number(item, SENDER_WAITS)?.map(Timestamp::from_millis),
        checkpoint,
        due: find_number(item, DUE_SK)?.map(Timestamp::from_millis),
        pushes: pushes(item)?,
        request: request.map(parse_fingerprint).transpose()?,
        follow_ups: follow_ups(item)?,
        has_leftovers: get_flag(item, LEFTOVERS),
        ttl: ttl.map(|seconds| Timestamp::from_millis(seconds.saturating_mul(1_000))),
        is_deleted: get_flag(item, DELETED),
        // A malformed context counts as none, as in a header: a new trace begins.
        trace: find_string(item, TRACE)?.and_then(TraceContext::parse),
    })
}

/// When a claimed task was submitted, if its entry in the list index still says that it is submitted.
fn listed_as_submitted(item: &Item, phase: &Phase) -> Result<Option<Timestamp>, Malformed> {
    let state = match item.get(STATE) {
        Some(AttributeValue::L(list)) => list.first(),
        state => state,
    };
    let submitted = TaskState::Submitted;
    // A release whose claims move their tasks does not move this one. It may write the state, and end
    // the turn.
    let partition = find_string(item, LIST_PK)?;
    let is_behind = match partition.and_then(|partition| partition.strip_prefix(BY_STATE_MARK)) {
        Some(partition) => partition.starts_with(letter(submitted)),
        None => state == Some(&string(state_name(submitted))),
    };
    if !is_behind || !matches!(phase, Phase::Running { .. } | Phase::Waiting { .. }) {
        return Ok(None);
    }
    find_string(item, LIST_SK)?.map(listed_at).transpose()
}

fn attempts(item: &Item, created: Timestamp) -> Result<Attempts, Malformed> {
    let Some(text) = find_string(item, ATTEMPTS)? else {
        return Ok(Attempts::default());
    };
    attempts::from_text(text, created).ok_or(Malformed::Attribute(ATTEMPTS))
}

fn incarnation(item: &Item) -> Result<Option<Incarnation>, Malformed> {
    let text = find_string(item, INCARNATION)?;
    let parse = |text| Incarnation::parse(text).ok_or(Malformed::Attribute(INCARNATION));
    text.map(parse).transpose()
}

fn phase(item: &Item) -> Result<Phase, Malformed> {
    let until = |name| get_number(item, name).map(Timestamp::from_millis);
    let running = || -> Result<Phase, Malformed> {
        let token = LeaseToken::new(get_string(item, LEASE_TOKEN)?);
        Ok(Phase::Running { token, until: until(LEASED_UNTIL)? })
    };
    let interrupted = |interruption| -> Result<Phase, Malformed> {
        Ok(Phase::Interrupted { interruption, patience: patience(item)? })
    };
    Ok(match get_string(item, PHASE)? {
        "submitted" => Phase::Submitted,
        "running" => running()?,
        "waiting" => Phase::Waiting { until: until(WAITING_UNTIL)? },
        "input-required" => interrupted(Interruption::InputRequired)?,
        "auth-required" => interrupted(Interruption::AuthRequired)?,
        "completed" if get_flag(item, DIRECT) => Phase::Ended(Ending::Answered),
        "completed" => Phase::Ended(Ending::Completed),
        "failed" => Phase::Ended(Ending::Failed),
        "canceled" => Phase::Ended(Ending::Canceled),
        "rejected" => Phase::Ended(Ending::Rejected),
        other => return Err(Malformed::Phase(other.to_owned())),
    })
}

fn pushes(item: &Item) -> Result<Option<Pushes>, Malformed> {
    let Some(epoch) = find_number(item, PUSH_EPOCH)? else {
        return Ok(None);
    };
    let until = || get_number(item, PUSH_UNTIL).map(Timestamp::from_millis);
    let mark = match find_string(item, PUSH_MARK)? {
        None => None,
        Some(OPEN_MARK) => Some(Mark::Open),
        Some("claimed") => {
            let token = ClaimToken::new(get_string(item, PUSH_TOKEN)?);
            Some(Mark::Claimed { token, until: until()? })
        }
        Some("waiting") => Some(Mark::Waiting { until: until()? }),
        Some(_) => return Err(Malformed::Attribute(PUSH_MARK)),
    };
    Ok(Some(Pushes {
        configs: configs(item)?,
        epoch,
        held_until: find_number(item, PUSH_HELD)?.map(Timestamp::from_millis),
        signaled: find_number(item, PUSH_SIGNALED)?.map(Timestamp::from_millis),
        mark,
    }))
}

fn configs(item: &Item) -> Result<Vec<Registration>, Malformed> {
    let malformed = || Malformed::Attribute(PUSH_CONFIGS);
    let list = item.get(PUSH_CONFIGS).and_then(|value| value.as_l().ok()).ok_or_else(malformed)?;
    let texts = list.iter().map(|value| value.as_s().ok());
    texts
        .map(|text| text.and_then(|text| Registration::parse(text)).ok_or_else(malformed))
        .collect()
}

fn patience(item: &Item) -> Result<Option<Patience>, Malformed> {
    let Some(until) = find_number(item, PATIENT_UNTIL)?.map(Timestamp::from_millis) else {
        return Ok(None);
    };
    let name = get_string(item, IMPATIENCE)?;
    let then = [Impatience::Wake, Impatience::Fail];
    let then = then.into_iter().find(|then| impatience_name(*then) == name);
    Ok(Some(Patience { until, then: then.ok_or(Malformed::Attribute(IMPATIENCE))? }))
}

fn impatience_name(then: Impatience) -> &'static str {
    match then {
        Impatience::Wake => "wake",
        Impatience::Fail => "fail",
    }
}

fn follow_ups(item: &Item) -> Result<Vec<FollowUp>, Malformed> {
    let Some(AttributeValue::L(list)) = item.get(FOLLOW_UPS) else {
        return Ok(Vec::new());
    };
    let texts = list.iter().map(|value| value.as_s().map_err(|_| Malformed::Attribute(FOLLOW_UPS)));
    texts.map(|text| parse_follow_up(text?)).collect()
}

fn follow_up(follow_up: &FollowUp) -> AttributeValue {
    let FollowUp { request: Fingerprint { key, content }, position } = follow_up;
    string(format!("{key}:{content}:{position}"))
}

fn parse_follow_up(text: &str) -> Result<FollowUp, Malformed> {
    let (request, position) = text.rsplit_once(':').ok_or(Malformed::Attribute(FOLLOW_UPS))?;
    let position = position.parse().map_err(|e| value(FOLLOW_UPS, e))?;
    Ok(FollowUp { request: parse_fingerprint(request)?, position: Position(position) })
}

fn fingerprint(fingerprint: &Fingerprint) -> AttributeValue {
    string(format!("{}:{}", fingerprint.key, fingerprint.content))
}

fn parse_fingerprint(text: &str) -> Result<Fingerprint, Malformed> {
    let (key, content) = text.split_once(':').ok_or(Malformed::Attribute(REQUEST))?;
    Ok(Fingerprint { key: key.to_owned(), content: content.to_owned() })
}

/// The letter of a state in the names of partitions.
pub(crate) fn letter(state: TaskState) -> char {
    match state {
        TaskState::Submitted => 'S',
        TaskState::Working => 'W',
        TaskState::InputRequired => 'I',
        TaskState::AuthRequired => 'A',
        TaskState::Completed => 'C',
        TaskState::Failed => 'F',
        TaskState::Canceled => 'X',
        TaskState::Rejected => 'R',
        TaskState::Unspecified => '-',
    }
}

/// The state without its common prefix, because an index is paid for by the byte, too.
pub(crate) fn state_name(state: TaskState) -> &'static str {
    state.as_str().trim_start_matches("TASK_STATE_")
}

/// The partition of an owner's tasks in the list index, in formats 1 and 2.
pub(crate) fn list_partition(tenant: &Tenant, owner: &Owner) -> String {
    format!("{tenant}#{owner}")
}

/// The place of a task in its owner's list: by time, then by id.
pub(crate) fn list_order(cursor: &Cursor) -> String {
    format!("{}#{}", sortable(cursor.status_at), cursor.task)
}

/// The time of a place in the list.
pub(crate) fn listed_at(order: &str) -> Result<Timestamp, Malformed> {
    let millis = order.split('#').next().and_then(|time| time.parse().ok());
    millis.map(Timestamp::from_millis).ok_or(Malformed::Attribute(LIST_SK))
}

/// A time as text with the same order.
pub(crate) fn sortable(at: Timestamp) -> String {
    format!("{:0TIME_DIGITS$}", at.as_millis().max(0))
}

fn millis(at: Timestamp) -> AttributeValue {
    number(at.as_millis())
}
