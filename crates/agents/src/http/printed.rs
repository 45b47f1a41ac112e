//! Events of Strands that a server has printed. `AgentCore`'s SDK sends what is no JSON as the text that
//! Python has of it: `{'data': 'never ', 'agent': <strands.agent.agent.Agent object at 0x…>, …}`.

/// The texts that mark a printed event. One of them follows its first key.
const SIGNS: [&str; 2] = ["'event_loop_cycle_id': UUID('", "{'result': AgentResult(stop_reason="];
/// The begin of an event that has a piece of the answer.
const DATA: &str = "{'data': ";

/// A printed event.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Printed {
    /// It says this.
    Data(String),
    /// It says nothing.
    Other,
}

/// Reads a text that could be a printed event; `None` if it is a text like others.
pub(super) fn read(text: &str) -> Option<Printed> {
    if !text.starts_with("{'") || !SIGNS.iter().any(|sign| text.contains(sign)) {
        return None;
    }
    let data = text.strip_prefix(DATA).and_then(literal);
    Some(data.map_or(Printed::Other, Printed::Data))
}

/// The text that a literal of Python stands for. The source after its end is ignored.
fn literal(source: &str) -> Option<String> {
    let mut rest = source.chars();
    let quote = rest.next().filter(|first| matches!(first, '\'' | '"'))?;
    let mut text = String::new();
    loop {
        let next = rest.next()?;
        if next == quote {
            return Some(text);
        }
        if next != '\\' {
            text.push(next);
            continue;
        }
        // The digits of an escape by number.
        let digits = match rest.next()? {
            'n' => Err('\n'),
            'r' => Err('\r'),
            't' => Err('\t'),
            same @ ('\\' | '\'' | '"') => Err(same),
            'x' => Ok(2),
            'u' => Ok(4),
            'U' => Ok(8),
            _ => return None,
        };
        text.push(match digits {
            Err(char) => char,
            Ok(digits) => {
                let number = rest.as_str().get(..digits)?;
                rest = rest.as_str().get(digits..)?.chars();
                if !number.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                    return None;
                }
                char::from_u32(u32::from_str_radix(number, 16).ok()?)?
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REST: &str = ", 'agent': <strands.agent.agent.Agent object at 0x7f0f>, \
                        'event_loop_cycle_id': UUID('803a3570-d008-4dfc-a105-75e4a0a17c87')}";

    #[test]
    fn a_printed_event_says_what_its_literal_says() {
        for (literal, said) in [
            ("'never '", Some("never ")),
            ("''", Some("")),
            (r#""it's ""#, Some("it's ")),
            (r#"'it\'s \"so\"'"#, Some(r#"it's "so""#)),
            (r"'a\nb\tc\rd\\n'", Some("a\nb\tc\rd\\n")),
            (r"'\xe9\u20ac\U0001f600é'", Some("é€\u{1f600}é")),
            // Half of a pair, and texts that Python does not print.
            (r"'\ud83d'", None),
            (r"'\x+9'", None),
            (r"'\u20é'", None),
            (r"'\q'", None),
            ("['never ']", None),
            ("None", None),
        ] {
            let expected = said.map_or(Printed::Other, |said| Printed::Data(said.to_owned()));
            assert_eq!(read(&format!("{{'data': {literal}{REST}")), Some(expected), "{literal}");
        }
        for text in [
            "{'result': AgentResult(stop_reason='end_turn', message={'role': 'assistant'})}",
            &format!("{{'reasoningText': 'hm'{REST}"),
            // A literal without an end.
            r#"{'data': "cut, 'event_loop_cycle_id': UUID('803a3570')}"#,
        ] {
            assert_eq!(read(text), Some(Printed::Other), "{text}");
        }
        for text in ["", "{'", "{'data': 'never '}", "{\"data\": 1}", &REST[2..], "AgentResult("] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
