//! Conditions on the item of a head.

use std::collections::HashMap;

use a2a_lambda_core::head::Head;
use aws_sdk_dynamodb::types::AttributeValue;

use crate::attributes::{number, string};
use crate::head_item::{INCARNATION, REVISION};
use crate::table::PK;

/// A condition on a head's item.
pub(crate) struct Condition {
    pub(crate) expression: String,
    pub(crate) names: HashMap<String, String>,
    pub(crate) values: Option<HashMap<String, AttributeValue>>,
}

impl Condition {
    /// Holds if there is no head, or only the expired one that was read.
    pub(crate) fn no_head_but(expired: Option<&Head>) -> Self {
        let none = "attribute_not_exists(#p)".to_owned();
        let mut condition = Self { expression: none, names: HashMap::new(), values: None };
        condition.names.insert("#p".to_owned(), PK.to_owned());
        if let Some(expired) = expired {
            let mut same = Self::is_as(expired);
            same.expression = format!("{} OR ({})", condition.expression, same.expression);
            same.names.extend(condition.names);
            return same;
        }
        condition
    }

    /// Holds if the head has not changed since it was read.
    pub(crate) fn is_as(head: &Head) -> Self {
        let mut names = HashMap::from([("#r".to_owned(), REVISION.to_owned())]);
        names.insert("#i".to_owned(), INCARNATION.to_owned());
        let mut values = HashMap::from([(":r".to_owned(), number(head.revision))]);
        let same = match &head.incarnation {
            Some(incarnation) => {
                values.insert(":i".to_owned(), string(incarnation.as_str()));
                "#i = :i"
            }
            None => "attribute_not_exists(#i)",
        };
        Self { expression: format!("#r = :r AND {same}"), names, values: Some(values) }
    }
}
