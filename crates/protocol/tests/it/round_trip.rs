//! A round trip changes nothing, from either entrance.

use std::fmt::Debug;

use a2a_lambda_protocol::decode;
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::strategies as s;

fn round_trip<T: Serialize + DeserializeOwned + PartialEq + Debug>(
    value: &T,
) -> Result<(), TestCaseError> {
    let text = serde_json::to_string(value).unwrap();
    prop_assert_eq!(&serde_json::from_str::<T>(&text).unwrap(), value);
    let pretty = serde_json::to_string_pretty(value).unwrap();
    let read: T = decode(pretty.as_bytes()).unwrap();
    prop_assert_eq!(&read, value);
    // Whitespace around user data is gone again: one value has one text.
    prop_assert_eq!(serde_json::to_string(&read).unwrap(), text);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn task(value in s::task()) {
        round_trip(&value)?;
    }

    #[test]
    fn stream_response(value in s::stream_response()) {
        round_trip(&value)?;
    }

    #[test]
    fn send_message_response(value in s::send_message_response()) {
        round_trip(&value)?;
    }

    #[test]
    fn send_message_request(value in s::send_message_request()) {
        round_trip(&value)?;
    }

    #[test]
    fn list_tasks(request in s::list_tasks_request(), response in s::list_tasks_response()) {
        round_trip(&request)?;
        round_trip(&response)?;
    }

    #[test]
    fn push_config(value in s::push_config()) {
        round_trip(&value)?;
    }

    #[test]
    fn agent_card(value in s::agent_card()) {
        round_trip(&value)?;
    }

    /// For any bytes: an answer, no panic, and a payload that can be written.
    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Err(error) = decode::<a2a_lambda_protocol::SendMessageRequest>(&bytes) {
            serde_json::to_string(&error.to_json_rpc()).unwrap();
        }
    }

    /// A valid request with one byte changed: as above, and mostly past the syntax.
    #[test]
    fn one_byte_off(
        value in s::send_message_request(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = serde_json::to_vec(&value).unwrap();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Err(error) = decode::<a2a_lambda_protocol::SendMessageRequest>(&bytes) {
            let text = serde_json::to_string(&error.to_status()).unwrap();
            prop_assert!(!text.contains("struct ") && !text.contains(" i32"), "{}", text);
        }
    }
}
