//! Side-by-side measurements. Each round runs every lane once, so that other load on the machine affects all
//! lanes. The ratio within a round is the result.

use std::time::{Duration, Instant};

/// A small generator (xorshift). It yields the same numbers in every run.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn seeded(seed: u64) -> Random {
        Random(seed | 1)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

/// Nanoseconds per operation of `work`, which performs `count` operations.
pub(crate) fn nanos(count: usize, work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_nanos() as f64 / count as f64
}

pub(crate) fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

/// A variant of the work: its name, and a round that returns its time per operation.
pub(crate) type Lane<'a> = (&'a str, Box<dyn FnMut() -> f64 + 'a>);

/// The maximum number of rounds, and the time after which no new round starts.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) rounds: usize,
    pub(crate) time: Duration,
}

/// Runs the lanes in turn, prints a table, and returns each lane's ratio to the first lane, as the median of
/// all rounds.
pub(crate) fn side_by_side(
    title: &str,
    unit: (&str, f64),
    limits: Limits,
    mut lanes: Vec<Lane<'_>>,
) -> Vec<f64> {
    let mut samples = vec![Vec::with_capacity(limits.rounds); lanes.len()];
    let start = Instant::now();
    for round in 0..=limits.rounds {
        if round > 1 && start.elapsed() > limits.time {
            break;
        }
        for turn in 0..lanes.len() {
            let lane = (round + turn) % lanes.len();
            let time = lanes[lane].1();
            // The first round only warms up.
            if round > 0 {
                samples[lane].push(time);
            }
        }
    }
    println!("\n{title}");
    println!("{:<46} {:>10} {:>8}", "", format!("{}/op", unit.0), "ratio");
    let ratio =
        |lane: &Vec<f64>| median(lane.iter().zip(&samples[0]).map(|(time, first)| time / first).collect());
    let ratios: Vec<f64> = samples.iter().map(ratio).collect();
    for ((name, _), (times, ratio)) in lanes.iter().zip(samples.iter().zip(&ratios)) {
        println!("{name:<46} {:>10.1} {ratio:>8.2}", median(times.clone()) / unit.1);
    }
    ratios
}

/// Prints if this run met an aim. A missed aim fails nothing, because the machine may be busy.
pub(crate) fn aim(what: &str, met: bool) {
    println!("aim: {what}: {}", if met { "met in this run" } else { "NOT met in this run" });
}
