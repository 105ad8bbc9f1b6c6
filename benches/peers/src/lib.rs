//! Comparisons of firstline with other crates. The programs are in `benches/` and `src/bin/`.
