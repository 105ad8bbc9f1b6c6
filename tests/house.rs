//! The crate as a whole: layers, registry, schema, README and examples.

#![recursion_limit = "256"] // For the JSON of a whole ticket.

#[path = "house/examples.rs"]
mod examples;
#[path = "house/layers.rs"]
mod layers;
#[path = "house/quickstart.rs"]
mod quickstart;
#[path = "house/readme.rs"]
mod readme;
#[path = "house/reads.rs"]
mod reads;
#[path = "house/registry.rs"]
mod registry;
#[path = "house/round_trips.rs"]
mod round_trips;
#[path = "house/schema.rs"]
mod schema;
#[path = "common/stage.rs"]
mod stage;
#[path = "house/width.rs"]
mod width;
