//! How long random tests run: a tenth in every run, whole where `FIRSTLINE_SOAK` says `10`.

/// So many random cases, times `FIRSTLINE_SOAK`, which is 1 if it is not set.
pub(crate) fn cases(usually: u32) -> u32 {
    let times = std::env::var("FIRSTLINE_SOAK").map_or(1, |times| {
        times.parse::<u32>().ok().filter(|times| *times > 0).expect("FIRSTLINE_SOAK is a number from 1")
    });
    usually.saturating_mul(times)
}
