//! One history: what happens on chains and nodes while they are mirrored, and that nothing of it is lost or wrong after.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use billing_core::chain::{Network, Networks};
use rand::{Rng, SeedableRng, rngs::StdRng};
use test_support::{FaultyNode, networks_toml};

use super::{
    books::{Books, undone},
    faults,
    mirrors::Mirrors,
    stage::{DEEPEST, Stage},
};
use crate::{
    content::assert_same,
    world::{assert_mirror_equals_chain, caught_up, once, stands_at_head},
};

/// How long a mirror is waited for that may be behind a bad node.
const PATIENCE: Duration = Duration::from_millis(600);

/// What is special about some histories.
#[derive(Clone, Copy, Debug, Default)]
pub struct Kind {
    /// Nodes misbehave.
    pub faults: bool,
    /// Two replicas of the program, which are killed.
    pub kills: bool,
    /// Chains, side by side.
    pub chains: usize,
}

/// What happened, counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub steps: u64,
    pub branches: u64,
    /// Reorganisations that the mirror saw.
    pub undone: i64,
    pub spoiled: u64,
    pub kills: u64,
    pub logs: i64,
}

struct History<'a> {
    books: &'a Books,
    random: StdRng,
    stages: &'a mut [Stage],
    nodes: Vec<FaultyNode>,
    kind: Kind,
    counts: Counts,
    journal: Vec<String>,
}

/// Runs the history of this seed.
pub async fn run(seed: u64, kind: Kind, stages: &mut [Stage], books: &Books) -> Result<Counts> {
    books.empty().await?;
    let mut nodes = Vec::new();
    for stage in &mut *stages {
        stage.reset().await?;
        nodes.push(FaultyNode::start(stage.chain.url(), seed).await?);
    }
    let (random, counts) = (StdRng::seed_from_u64(seed), Counts::default());
    let mut history = History { books, random, stages, nodes, kind, counts, journal: Vec::new() };
    let ended = history.happen().await;
    let journal = history.journal.join(", ");
    ended.with_context(|| format!("seed {seed}, {kind:?}: {journal}"))?;
    Ok(history.counts)
}

impl History<'_> {
    async fn happen(&mut self) -> Result<()> {
        let (good, text) = self.networks()?;
        let database = &self.books.mirror;
        if self.random.random() {
            self.step_on_all().await?;
        }
        let mut mirrors = if self.kind.kills {
            Mirrors::replicas(database, &text)?
        } else {
            Mirrors::inside(database, parse(&text)?).await?
        };
        for _ in 0..self.random.random_range(8..=15) {
            let at = self.random.random_range(0..self.stages.len());
            if self.random.random_ratio(1, 3) {
                self.wait_a_while(&good[at], at).await?;
            }
            let what = self.step(at).await?;
            self.journal.push(if self.stages.len() > 1 { format!("{at}: {what}") } else { what });
            self.counts.steps += 1;
            let pause = Duration::from_millis(self.random.random_range(0..70));
            self.counts.kills += mirrors.pass(&mut self.random, pause).await?;
        }
        for (stage, node) in self.stages.iter_mut().zip(&self.nodes) {
            node.heal();
            stage.outgrow(&mut self.random).await?;
        }
        self.judge(&good, &mut mirrors).await?;
        mirrors.stop().await
    }

    /// Entries of the good nodes, and a networks file with the bad ones, beside good ones or alone.
    fn networks(&mut self) -> Result<(Vec<Network>, String)> {
        let chains: Vec<_> = self.stages.iter().map(|stage| &stage.chain).collect();
        let right = networks_toml(&chains)
            .replace("poll_interval_ms = 100", "poll_interval_ms = 25")
            .replace("finality_depth = 64", &format!("finality_depth = {}", DEEPEST + 4));
        let mut text = right.clone();
        for (chain, node) in chains.iter().zip(&self.nodes) {
            let both = format!("\"{}\", \"{}\"", node.url(), chain.url());
            let urls = if self.random.random_ratio(1, 3) { both } else { format!("\"{}\"", node.url()) };
            text = text.replace(&format!("\"{}\"", chain.url()), &urls);
        }
        Ok((parse(&right)?, text))
    }

    /// Lets the mirror come to the head, if it can: what was not mirrored need not be taken back.
    async fn wait_a_while(&self, network: &Network, at: usize) -> Result<()> {
        let (begun, chain) = (Instant::now(), &self.stages[at].chain);
        while begun.elapsed() < PATIENCE && !stands_at_head(self.books.mirror.pool(), chain, network).await? {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    async fn step_on_all(&mut self) -> Result<()> {
        for stage in &mut *self.stages {
            stage.create_plans().await?;
            stage.live(&mut self.random, 4, 6).await?;
            let quiet = self.random.random_range(0..60);
            stage.quiet(quiet).await?;
        }
        Ok(())
    }

    async fn step(&mut self, at: usize) -> Result<String> {
        let (random, stage, node) = (&mut self.random, &mut self.stages[at], &self.nodes[at]);
        let depth = random.random_range(1..=DEEPEST);
        Ok(match random.random_range(0..100) {
            0..35 => {
                let blocks = random.random_range(1..5);
                stage.live(random, blocks, 5).await?;
                format!("{blocks} blocks")
            }
            35..42 => {
                stage.create_plans().await?;
                "plans".to_owned()
            }
            42..50 => {
                let blocks = random.random_range(1..20);
                stage.quiet(blocks).await?;
                format!("{blocks} quiet blocks")
            }
            50..60 => {
                stage.day().await?;
                "a day".to_owned()
            }
            60..70 => {
                let depth = stage.reorganise(random, depth).await?;
                self.counts.branches += u64::from(depth > 0);
                format!("reorganisation of {depth}")
            }
            70..80 => {
                let depth = stage.fall_back(random, depth).await?;
                self.counts.branches += u64::from(depth > 0);
                format!("back by {depth}")
            }
            80..84 => {
                stage.save().await?;
                "state saved".to_owned()
            }
            84..88 => {
                let to = stage.return_to_saved(random).await?;
                self.counts.branches += u64::from(to.is_some());
                format!("return to {to:?}")
            }
            88..97 if self.kind.faults => {
                let faults = faults::any(random);
                let told = format!("{faults:?}");
                node.set_all(faults);
                told
            }
            88..97 => {
                stage.live(random, 1, 12).await?;
                "a full block".to_owned()
            }
            _ => {
                node.heal();
                "healed".to_owned()
            }
        })
    }

    async fn judge(&mut self, good: &[Network], mirrors: &mut Mirrors) -> Result<()> {
        let (pool, reference) = (self.books.mirror.pool(), self.books.reference.pool());
        for (stage, network) in self.stages.iter().zip(good) {
            tokio::select! {
                reached = caught_up(pool, &stage.chain, network) => reached?,
                ended = mirrors.watch_over() => return Err(ended),
            }
        }
        once(reference, good.to_vec()).await?;
        assert_same(pool, reference).await?;
        for network in good {
            assert_mirror_equals_chain(pool, network).await?;
        }
        self.counts.undone = undone(pool).await?;
        self.counts.logs = sqlx::query_scalar("select count(*) from chain_log").fetch_one(pool).await?;
        self.counts.spoiled = self.nodes.iter().map(FaultyNode::spoiled).sum();
        Ok(())
    }
}

fn parse(text: &str) -> Result<Vec<Network>> {
    Ok(Networks::parse(text, Path::new(""))?.iter().cloned().collect())
}
