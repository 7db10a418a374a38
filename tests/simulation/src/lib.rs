//! Clients and the rules of a server on a virtual network with bad weather, by seed.
//!
//! Nothing here has a socket, a thread or a clock: time is a number that jumps from one event to the next.
//! The same seed gives the same run. A run that fails names its seed; `CONCLAVE_SIM_SEED=<n>` repeats it,
//! `CONCLAVE_SIM_SEEDS=<n>` runs so many seeds instead of the usual few.

pub mod camera;
pub mod meeting;
pub mod network;
pub mod voice;

/// Runs a test for several seeds: `usual` of them unless the environment says otherwise.
pub fn for_each_seed(usual: u64, run: impl Fn(u64)) {
    let number = |name| std::env::var(name).ok()?.parse::<u64>().ok();
    let seeds = match number("CONCLAVE_SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("CONCLAVE_SIM_SEEDS").unwrap_or(usual),
    };
    for seed in seeds {
        let named = Named(seed);
        run(seed);
        drop(named);
    }
}

/// Says its seed when the run that it stands for panics.
struct Named(u64);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "failed with seed {0}: repeat it with CONCLAVE_SIM_SEED={0}",
                self.0
            );
        }
    }
}
