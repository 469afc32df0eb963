//! Stations by hand.

use super::*;

/// Runs tasks (arrival, computing) to their ends.
fn ends(sharing: Sharing, cores: u32, tasks: &[(f64, f64)]) -> Vec<f64> {
    ends_under(&[], sharing, cores, tasks)
}

/// The same where those at work slow each other down.
fn ends_under(contention: &[f64], sharing: Sharing, cores: u32, tasks: &[(f64, f64)]) -> Vec<f64> {
    let mut sharing = Station::new(sharing, cores, &[1.0], contention, tasks.len() as u32);
    let mut ends = vec![0.0; tasks.len()];
    let mut arrivals = tasks.iter().enumerate().peekable();
    loop {
        let arrival = arrivals.peek().map(|(_, task)| Time::at(task.0).unwrap());
        match (sharing.first(Time::END), arrival) {
            (Some((at, worker)), next) if next.is_none_or(|next| at <= next) => {
                sharing.finish(at);
                ends[worker as usize] = at.seconds();
            }
            (_, Some(at)) => {
                let (worker, task) = arrivals.next().unwrap();
                sharing.join(at, worker as u32, task.1);
            }
            (None, None) => return ends,
            (Some(_), None) => unreachable!("the first arm takes these"),
        }
    }
}

#[test]
fn equal_sharing_can_be_followed_by_hand() {
    let ends = |cores, tasks: &[(f64, f64)]| ends(Sharing::Equally, cores, tasks);
    // Two tasks of 1 s and 2 s on one core: half speed each until 2 s, then the longer one has 1 s left.
    assert_eq!(ends(1, &[(0.0, 1.0), (0.0, 2.0)]), [2.0, 3.0]);
    // As many cores as tasks: nobody waits.
    assert_eq!(ends(2, &[(0.0, 1.0), (0.0, 2.0)]), [1.0, 2.0]);
    // The second comes when the first has 1 s left; both have it done at 1 + 2; the third of the second's seconds is alone.
    assert_eq!(ends(1, &[(0.0, 2.0), (1.0, 2.0)]), [3.0, 4.0]);
    // Three on two cores: each gets 2/3 of a core until 1.5 s, then the two that are left have a core each.
    assert_eq!(ends(2, &[(0.0, 1.0), (0.0, 2.0), (0.0, 3.0)]), [1.5, 2.5, 3.5]);
}

#[test]
fn queueing_can_be_followed_by_hand() {
    let ends = |cores, tasks: &[(f64, f64)]| ends(Sharing::FirstCome, cores, tasks);
    assert_eq!(ends(1, &[(0.0, 1.0), (0.0, 2.0)]), [1.0, 3.0]);
    assert_eq!(ends(2, &[(0.0, 1.0), (0.0, 2.0)]), [1.0, 2.0]);
    assert_eq!(ends(1, &[(0.0, 2.0), (1.0, 2.0), (1.5, 1.0)]), [2.0, 4.0, 5.0]);
    // Three on two cores: the third gets the first core that is free, at 1 s.
    assert_eq!(ends(2, &[(0.0, 1.0), (0.0, 2.0), (0.0, 3.0)]), [1.0, 2.0, 4.0]);
}

#[test]
fn cores_that_are_busy_at_once_slow_each_other_down() {
    let ends = |sharing, tasks: &[(f64, f64)]| ends_under(&[1.0, 1.5], sharing, 2, tasks);
    // Both are done with 1 s at 1.5 s; what is left of the longer one is done at full speed.
    for sharing in [Sharing::Equally, Sharing::FirstCome] {
        assert_eq!(ends(sharing, &[(0.0, 1.0), (0.0, 2.0)]), [1.5, 2.5]);
        // Half of the first is done when the second comes: the other half takes 0.75 s, in which the second has half.
        assert_eq!(ends(sharing, &[(0.0, 1.0), (0.5, 1.0)]), [1.25, 1.75]);
    }
    // The third gets a core at 1.5 s, and the second, of which half is left, needs 1.5 s with it, the third 0.5 s more.
    assert_eq!(ends(Sharing::FirstCome, &[(0.0, 1.0), (0.0, 2.0), (0.0, 1.5)]), [1.5, 3.0, 3.5]);
}

#[test]
fn a_slow_core_takes_longer() {
    let at = |seconds| Time::at(seconds).unwrap();
    let mut cores = Station::new(Sharing::FirstCome, 2, &[1.0, 0.5], &[], 3);
    (0..3).for_each(|worker| cores.join(Time::ZERO, worker, 1.0));
    // The last core is taken first; the third waits for the one that is free first, the fast one. Of two that end at the
    // same instant the one on the lower core is told first.
    for (end, worker) in [(1.0, 1), (2.0, 2), (2.0, 0)] {
        assert_eq!(cores.first(Time::END), Some((at(end), worker)));
        cores.finish(at(end));
    }
    assert_eq!(cores.first(Time::END), None);
}

#[test]
fn an_interruption_takes_its_time_from_another() {
    let mut cores = Station::new(Sharing::FirstCome, 1, &[1.0], &[], 2);
    cores.join(Time::ZERO, 0, 1.0);
    cores.join_at_once(Time::at(0.5).unwrap(), 1, 0.25);
    assert_eq!(cores.first(Time::END), Some((Time::at(0.75).unwrap(), 1)));
    cores.finish(Time::at(0.75).unwrap());
    assert_eq!(cores.first(Time::END), Some((Time::at(1.25).unwrap(), 0)));
    cores.finish(Time::at(1.25).unwrap());
    cores.join(Time::at(2.0).unwrap(), 0, 1.0);
    assert_eq!(cores.first(Time::END), Some((Time::at(3.0).unwrap(), 0)), "the core is free again, once");
    assert!(!cores.holds(1));
}
