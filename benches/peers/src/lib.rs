//! Comparisons of firstline with other crates; see `benches/`.
