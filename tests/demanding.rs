//! What takes too long hears a signal all the same, and what takes too much is refused before it begins.
#![cfg(unix)]

mod common;

use common::{Place, Said, straggle};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Undisturbed, each of these takes minutes, in one part of the work after the other: steps of a single task, theory of workers that
/// differ, draws of a million workers, a queue of as many, very many configurations, a warm-up, a stopping rule, a loss curve,
/// batches of a large network.
const LONG: &[&str] = &[
    "simulate --policies local:1000000 --workers 1000",
    "simulate --policies sync --workers 1000000 --speeds 1,0.5 --updates 100000",
    "simulate --policies k-sync:3 --workers 1000000 --updates 100000",
    "simulate --policies async --workers 1000000 --server-time exp(1) --updates 100000000",
    "simulate --policies sync --max-workers 100000 --updates 2",
    "simulate --policies ssp:1000000 --workers 2 --speeds 1,0.999999",
    "simulate --policies sync --workers 8 --precision 0.0001%",
    "simulate --policies sync --workers 8 --updates 100000000 --learner quadratic(1,1,0.05)",
    #[cfg(feature = "train")]
    "train --model mlp --data easy --batch-size 100 --workers 2 --policies local:100000 --epochs 1000000",
    #[cfg(feature = "train")]
    "train --model mlp --data easy --batch-size 10 --clock simulated --workers 100 --policies local:100000 --epochs 1000000",
    #[cfg(feature = "train")]
    "train --model vgg11 --data synthetic --batch-size 512 --workers 2 --policies sync --epochs 1000",
    #[cfg(feature = "train")]
    "scaling --model mlp --data easy --batch-size 10 --policies local:100000 --workers 2 --samples 300 --epochs 100000",
    #[cfg(feature = "train")]
    "validate --model mlp --minutes 60",
];

/// How soon they end after a signal: they look every second, and a busy machine may be slow.
const SOON: Duration = Duration::from_secs(15);

fn place() -> Place {
    #[cfg(feature = "train")]
    return common::digits::with_easy_digits();
    #[cfg(not(feature = "train"))]
    Place::new()
}

#[test]
fn whatever_takes_minutes_hears_within_seconds() {
    for words in LONG {
        let place = place();
        let mut command = straggle().inside(place.path()).words(words).command();
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
        std::thread::sleep(Duration::from_millis(400));
        let interrupted = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
        assert!(interrupted.expect("kill").success(), "{words}: it has ended by itself");
        let since = Instant::now();
        let said = Said::new(words.to_string(), child.wait_with_output().expect("an end"));
        assert!(since.elapsed() < SOON, "it was deaf for {:?}: {said}", since.elapsed());
        // No status: a slow machine had not come to listen yet.
        assert!([None, Some(130)].contains(&said.status), "{said}");
        if said.status.is_some() {
            said.says("error: interrupted; ").does_not_say("panicked");
        }
    }
}

#[test]
#[cfg(target_os = "linux")]
fn what_does_not_fit_is_refused_with_both_figures() {
    for words in [
        "simulate --policies k-sync:1..20 --workers 1000000 --updates 40",
        #[cfg(feature = "train")]
        "train --model mlp --data easy --batch-size 1 --policies k-batch-async:4294967295 --updates 1",
        #[cfg(feature = "train")]
        "train --model mlp --data easy --policies k-batch-async:20000 --updates 1",
        #[cfg(feature = "train")]
        "train --model mlp --data easy --clock simulated --workers 20000 --policies sync --updates 1",
    ] {
        let place = place();
        let before = place.contents();
        let said = straggle().inside(place.path()).words(words).within(2 << 20).fails(2);
        said.prints_nothing().in_one_sentence().says(" would take about ").says(" of memory, and ").says(" are left; ");
        assert!(before == place.contents(), "{:?}", place.contents().keys());
    }
}
