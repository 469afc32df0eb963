//! Tells the tests whether threads can be put on cores here, and whether there are several: a test that cannot run is ignored.

use std::thread::available_parallelism;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(no_pinning, one_core)");
    let cores = available_parallelism().map_or(1, usize::from);
    // Where a control group grants less time than there are cores, threads stay on none.
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed:"));
    let bits = |mask: &str| mask.chars().filter_map(|digit| digit.to_digit(16)).map(u32::count_ones).sum::<u32>();
    if mask.map(bits) != Some(cores as u32) {
        println!("cargo::rustc-cfg=no_pinning");
    }
    if cores < 2 {
        println!("cargo::rustc-cfg=one_core");
    }
}
