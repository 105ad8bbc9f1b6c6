//! SLA clocks.

#[path = "clocks/complaints.rs"]
mod complaints;
#[path = "clocks/complaints_more.rs"]
mod complaints_more;
#[path = "clocks/edges.rs"]
mod edges;
#[path = "clocks/faults.rs"]
mod faults;
#[path = "clocks/field.rs"]
mod field;
#[path = "clocks/imports.rs"]
mod imports;
#[path = "clocks/order.rs"]
mod order;
#[path = "clocks/random.rs"]
mod random;
#[path = "clocks/simulated.rs"]
mod simulated;
#[path = "clocks/simulator.rs"]
mod simulator;
#[path = "common/clocks.rs"]
mod sla;
#[path = "common/soak.rs"]
mod soak;
#[path = "clocks/states.rs"]
mod states;
