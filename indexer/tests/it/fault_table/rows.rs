//! The rows.

use std::time::Duration;

use test_support::{Fault, Garbage, Lose, Provider, When};

use super::row::{
    Course::{ComesBackBesideAGoodOne, Heals, Stays, StaysBesideAGoodOne},
    Row,
};

use When::{Always, Every, Percent};

const fn loses(lose: Lose, when: When) -> Fault {
    Fault::LosesLogs { lose, when }
}

pub fn logs() -> Vec<Row> {
    vec![
        Row::new("leaves the last log out of every second answer", Heals, loses(Lose::Last, Every(2))),
        Row::new("leaves a log in the middle out of a third of all answers", Stays, loses(Lose::Middle, Percent(33))),
        Row::new("forgets all logs of every second answer", Heals, loses(Lose::All, Every(2))),
        Row::new("always leaves the last log out", StaysBesideAGoodOne, loses(Lose::Last, Always)),
        Row::new("always leaves a log in the middle out", StaysBesideAGoodOne, loses(Lose::Middle, Always)),
        Row::new("always forgets all logs", StaysBesideAGoodOne, loses(Lose::All, Always)),
        Row::new("gives logs of a branch that is gone, marked as removed", Stays, Fault::RemovedLogs),
        Row::new("gives every log twice", StaysBesideAGoodOne, Fault::DoubledLogs),
        Row::new("gives logs in another order", Stays, Fault::ShuffledLogs),
        Row::new("gives logs without their time", Stays, Fault::UntimedLogs),
        Row::new("gives the logs of all contracts", StaysBesideAGoodOne, Fault::ForeignLogs),
    ]
}

pub fn blocks() -> Vec<Row> {
    let balancer = |when, splits_batches| Fault::Balancer { blocks: 5, when, splits_batches };
    vec![
        Row::new("lags by five blocks", Heals, Fault::Lag { blocks: 5 }),
        Row::new("always lags by five blocks", StaysBesideAGoodOne, Fault::Lag { blocks: 5 }),
        Row::new("every third request goes to a node five blocks behind", Stays, balancer(Every(3), false)),
        Row::new("a fifth of a batch's parts goes to a node five blocks behind", Heals, balancer(Percent(20), true)),
        Row::new("its head falls by four in every third answer", Stays, Fault::GoesBack { blocks: 4, when: Every(3) }),
        Row::new("null for the latest block", Heals, Fault::NoLatest { when: Always }),
        Row::new("null for the latest block every second time", Stays, Fault::NoLatest { when: Every(2) }),
        Row::new("has no state below the last three blocks", Stays, Fault::PrunedState { keeps: 3 }),
        Row::new("answers state calls with nothing", Stays, Fault::EmptyCalls),
        Row::new("has no logs below the last ten blocks", StaysBesideAGoodOne, Fault::PrunedLogs { keeps: 10 }),
        Row::new("refuses logs below the last ten blocks", StaysBesideAGoodOne, Fault::PrunedHistory { keeps: 10 }),
    ]
}

pub fn refusals() -> Vec<Row> {
    let blocks = |provider| Fault::MostBlocks { blocks: 10, provider };
    let rate = |per_second, retry_after| Fault::RateLimit { per_second, retry_after };
    vec![
        Row::new("more than five logs are too many", Stays, Fault::MostLogs(5)),
        Row::new("ten blocks at once, a range suggested", Stays, blocks(Provider::Alchemy)),
        Row::new("ten blocks at once, with status 413", Stays, blocks(Provider::QuickNode)),
        Row::new("ten blocks at once, not said how many", Stays, blocks(Provider::Ankr)),
        Row::new("429 above three requests a second, with Retry-After", Stays, rate(3, Some(1))),
        Row::new("429 above two requests a second, without", Heals, rate(2, None)),
        Row::new("every request is one too many", StaysBesideAGoodOne, rate(0, Some(30))),
    ]
}

pub fn breakage() -> Vec<Row> {
    let status = |status, when| Fault::Status { status, when };
    let garbage = |garbage, when| Fault::Garbage { garbage, when };
    vec![
        Row::new("502 every third time", Stays, status(502, Every(3))),
        Row::new("503 for a while", Heals, status(503, Always)),
        Row::new("503 for ever", ComesBackBesideAGoodOne, status(503, Always)),
        Row::new("never answers for a while", Heals, Fault::Hang { when: Always }),
        Row::new("never answers", StaysBesideAGoodOne, Fault::Hang { when: Always }),
        Row::new("answers after 0.4 s", Stays, Fault::Slow(Duration::from_millis(400))),
        Row::new("a page for people for a while", Heals, garbage(Garbage::Html, Always)),
        Row::new("half an answer every third time", Stays, garbage(Garbage::HalfJson, Every(3))),
        Row::new("an empty body, always", StaysBesideAGoodOne, garbage(Garbage::Empty, Always)),
        Row::new("the connection ends in every third answer", Stays, Fault::BreaksOff { when: Every(3) }),
    ]
}

pub fn strangers() -> Vec<Row> {
    vec![
        Row::new("comes back as a node of another chain", ComesBackBesideAGoodOne, Fault::WrongChain(5)),
        Row::new("comes back with another block 0", ComesBackBesideAGoodOne, Fault::WrongGenesis),
        Row::new(
            "every second header of the last three is of another fork",
            Heals,
            Fault::Contradicts { blocks: 3, when: Every(2) },
        ),
        Row::new("headers of another fork for a while", Heals, Fault::Contradicts { blocks: 3, when: Always }),
        Row::new(
            "headers of another fork, logs of this one",
            StaysBesideAGoodOne,
            Fault::Contradicts { blocks: 3, when: Always },
        ),
    ]
}
