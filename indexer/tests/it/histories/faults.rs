//! Faults of nodes, at random.

use std::time::Duration;

use rand::{Rng, rngs::StdRng, seq::IndexedRandom};
use test_support::{
    Fault, Garbage, Lose, Provider,
    When::{Always, Every, Percent},
};

/// One fault, now and then two at once.
pub fn any(random: &mut StdRng) -> Vec<Fault> {
    let mut faults = vec![one(random)];
    if random.random_ratio(1, 4) {
        faults.push(one(random));
    }
    faults
}

fn one(random: &mut StdRng) -> Fault {
    let blocks = random.random_range(1..8);
    let when = if random.random() { Every(random.random_range(2..4)) } else { Percent(random.random_range(20..60)) };
    let lose = *[Lose::Last, Lose::Middle, Lose::All].choose(random).expect("there are some");
    match random.random_range(0..21) {
        0 => Fault::Lag { blocks },
        1 => Fault::Balancer { blocks, when, splits_batches: false },
        2 => Fault::Balancer { blocks, when: Percent(20), splits_batches: true },
        3 => Fault::GoesBack { blocks, when },
        4 => Fault::NoLatest { when },
        5 | 6 => Fault::LosesLogs { lose, when },
        7 => Fault::LosesLogs { lose, when: Always },
        8 => Fault::MostLogs(random.random_range(1..6)),
        9 => {
            let provider = *Provider::ALL.choose(random).expect("there are some");
            Fault::MostBlocks { blocks, provider }
        }
        10 => Fault::Status { status: *[500, 502, 503, 504].choose(random).expect("there are some"), when },
        11 => Fault::Garbage { garbage: Garbage::HalfJson, when },
        12 => Fault::BreaksOff { when },
        13 => Fault::PrunedState { keeps: blocks },
        14 => Fault::EmptyCalls,
        15 => Fault::RemovedLogs,
        16 => Fault::ShuffledLogs,
        17 => Fault::UntimedLogs,
        18 => Fault::DoubledLogs,
        19 => Fault::Slow(Duration::from_millis(random.random_range(5..60))),
        _ => Fault::Contradicts { blocks, when },
    }
}
