//! Pictures of a workflow: Mermaid, Graphviz DOT, or SVG drawn without external programs.
//!
//! States are groups and statuses are boxes in them. Each line shows the action, its guards in brackets, and the
//! performers. With [counts](Picture::counting), the picture also shows the number of tickets in each status and on
//! each line.

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
    /// Returns a Mermaid flowchart, which GitHub and many wikis display.
    ///
    /// States are subgraphs. A Mermaid state diagram would not allow a transition from inside one state to inside
    /// another.
    pub fn mermaid(&self) -> String {
        mermaid::render(self)
    }

    /// Returns a graph in Graphviz's DOT language. States are clusters.
    pub fn dot(&self) -> String {
        dot::render(self)
    }

    /// Returns a self-contained SVG drawing, without scripts, style sheets or embedded fonts.
    ///
    /// States are bands, from the start at the top to the final states at the bottom. Transitions from several statuses
    /// with the same label and target share a line.
    pub fn svg(&self) -> String {
        svg::render(self)
    }
}
