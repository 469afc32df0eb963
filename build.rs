//! Tells the program which commit it was built from, where that is known, and the tests whether they run as root.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Grows with every commit, checkout and rebase.
    if Path::new(".git/logs/HEAD").exists() {
        println!("cargo::rerun-if-changed=.git/logs/HEAD");
    }
    let version = env!("CARGO_PKG_VERSION");
    let commit = Command::new("git").args(["rev-parse", "HEAD"]).output().ok().filter(|output| output.status.success());
    let commit = commit.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_string());
    match commit.filter(|commit| commit.len() >= 10) {
        Some(commit) => {
            println!("cargo::rustc-env=STRAGGLE_COMMIT={commit}");
            println!("cargo::rustc-env=STRAGGLE_VERSION={version} ({})", &commit[..10]);
        }
        None => println!("cargo::rustc-env=STRAGGLE_VERSION={version}"),
    }
    println!("cargo::rustc-check-cfg=cfg(as_root)");
    if Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n") {
        println!("cargo::rustc-cfg=as_root");
    }
}
