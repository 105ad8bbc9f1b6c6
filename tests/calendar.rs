//! Calendars and business time.

#[path = "calendar/definition.rs"]
mod definition;
#[path = "calendar/ics.rs"]
mod ics;
#[path = "calendar/oracle.rs"]
mod oracle;
#[path = "calendar/properties.rs"]
mod properties;
#[path = "common/soak.rs"]
mod soak;
#[path = "calendar/tables.rs"]
mod tables;
#[path = "calendar/zones.rs"]
mod zones;
