//! The serialized form of queries, for self-describing formats such as JSON and TOML.

use std::fmt;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{PAGE, Query};
use crate::condition::Condition;
use crate::id::ContactId;
use crate::store::cursor::Order;
use crate::suggest;
use crate::ticket::people::ContactRole;

const KEYS: [&str; 11] = [
    "order",
    "states",
    "team",
    "assignee",
    "unassigned",
    "from",
    "contact",
    "contact_role",
    "limit",
    "after",
    "matching",
];

impl Serialize for Query {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Query {
            order,
            states,
            team,
            assignee,
            unassigned,
            requester,
            contact,
            condition,
            after,
            limit,
            now: _,
        } = self;
        let mut map = to.serialize_struct("Query", KEYS.len())?;
        let contact = contact.as_ref();
        map.serialize_field("order", order)?;
        if !states.is_empty() {
            map.serialize_field("states", states)?;
        }
        if let Some(team) = team {
            map.serialize_field("team", team)?;
        }
        if let Some(agent) = assignee {
            map.serialize_field("assignee", agent)?;
        }
        if *unassigned {
            map.serialize_field("unassigned", unassigned)?;
        }
        if let Some(requester) = requester {
            map.serialize_field("from", requester)?;
        }
        if let Some((contact, _)) = contact {
            map.serialize_field("contact", contact)?;
        }
        if let Some((_, Some(role))) = contact {
            map.serialize_field("contact_role", role)?;
        }
        if *limit != PAGE {
            map.serialize_field("limit", limit)?;
        }
        if let Some(cursor) = after {
            map.serialize_field("after", cursor)?;
        }
        if *condition != Condition::ALWAYS {
            map.serialize_field("matching", condition)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Query {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Query, D::Error> {
        from.deserialize_map(Keys)
    }
}

struct Keys;

impl<'de> Visitor<'de> for Keys {
    type Value = Query;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(r#"a query, like {"order": "inbox", "team": "payments"}"#)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Query, A::Error> {
        let mut query = Query::ordered(Order::Inbox);
        let (mut contact, mut role) = (None::<ContactId>, None::<ContactRole>);
        let mut given = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "order" => query.order = map.next_value()?,
                "states" => query.states = map.next_value()?,
                "team" => query.team = Some(map.next_value()?),
                "assignee" => query.assignee = Some(map.next_value()?),
                "unassigned" => query.unassigned = map.next_value()?,
                "from" => query.requester = Some(map.next_value()?),
                "contact" => contact = Some(map.next_value()?),
                "contact_role" => role = Some(map.next_value()?),
                "limit" => query.limit = map.next_value()?,
                "after" => query.after = Some(map.next_value()?),
                "matching" => query.condition = map.next_value()?,
                other => {
                    return Err(A::Error::custom(format!(
                        "the key {other:?} {}; allowed in a query: {}",
                        suggest::unknown(other, KEYS),
                        KEYS.join(", ")
                    )));
                }
            }
            if given.contains(&key) {
                return Err(A::Error::custom(format!("{key} is given twice")));
            }
            given.push(key);
        }
        query.contact = match (contact, role) {
            (Some(contact), role) => Some((contact, role)),
            (None, None) => None,
            (None, Some(_)) => return Err(A::Error::custom("contact_role needs a contact")),
        };
        Ok(query)
    }
}
