//! A workflow as a picture: Mermaid, Graphviz DOT, or SVG drawn without outside programs.
//!
//! States are groups, statuses are boxes in them, and each way says what takes it: the action, `[its guards]`, and who
//! may. With [counts](Picture::counting) it shows how many tickets stand where and how many went which way.

mod dot;
mod layout;
mod mermaid;
mod model;
mod ports;
mod sheet;
mod svg;
mod text_layout;

pub use model::Picture;

impl Picture<'_> {
    /// A Mermaid flowchart, which GitHub and many wikis draw. States are its subgraphs: in a state diagram Mermaid
    /// lets no way lead from within one state into another.
    pub fn mermaid(&self) -> String {
        mermaid::written(self)
    }

    /// In Graphviz's DOT language. States are clusters.
    pub fn dot(&self) -> String {
        dot::written(self)
    }

    /// An SVG drawing that stands alone: no script, no style sheet, no font of its own. States are bands, from the
    /// beginning at the top to the ends at the bottom; ways that several statuses have in common run together.
    pub fn svg(&self) -> String {
        svg::drawn(self)
    }
}
