//! The ends of turns, as agents write them.

use a2a_lambda_core::head::Patience;
use a2a_lambda_core::{End, Impatience, Reply};
use a2a_lambda_protocol::{Json, Timestamp};

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

#[test]
fn an_end_has_a_checkpoint_if_there_is_a_next_turn() {
    let left = || Some(Json::parse("[1,2]").unwrap());
    let question = || Reply::from("which?");
    let patience = Some(Patience { until: at(5), then: Impatience::Fail });
    for (end, expected) in [
        (
            End::input_required("which?"),
            End::InputRequired { question: question(), checkpoint: left(), patience },
        ),
        (
            End::auth_required("which?"),
            End::AuthRequired { question: question(), checkpoint: left(), patience },
        ),
        (End::park_until(at(9)), End::ParkUntil { wake_at: at(9), checkpoint: left() }),
        (End::continue_with("first").unwrap(), End::Continue { checkpoint: left() }),
        (End::completed(), End::Completed(Reply::default())),
        (End::rejected("no"), End::Rejected("no".into())),
        (End::message("hi"), End::Message("hi".into())),
    ] {
        let end = end.until(at(5), Impatience::Fail).with_checkpoint(&[1, 2]).unwrap();
        assert_eq!(end, expected);
    }
}

#[test]
fn malformed_json_is_no_checkpoint() {
    let by_pairs = std::collections::BTreeMap::from([((1, 2), 3)]);
    assert!(End::continue_with(&by_pairs).is_err());
    assert!(End::park_until(at(1)).with_checkpoint(&by_pairs).is_err());
}
