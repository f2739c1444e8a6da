use std::time::{Duration, Instant};

use alloy::primitives::U256;
use anyhow::{Result, ensure};
use reqwest::{Client, Response};
use serde_json::{Value, json};
use test_support::{Chain, Fault, FaultyNode, Garbage, Lose, Provider, Role, When};

struct World {
    chain: Chain,
    node: FaultyNode,
    client: Client,
}

impl World {
    /// Four logs in the last four blocks.
    async fn new() -> Result<Self> {
        let chain = Chain::start(31_337).await?;
        for amount in 1..5 {
            chain.mint(Role::Subscriber(0).address(), U256::from(amount)).await?;
        }
        let node = FaultyNode::start(chain.url(), 7).await?;
        Ok(Self { chain, node, client: Client::new() })
    }

    async fn send(&self, body: &Value) -> reqwest::Result<Response> {
        self.client.post(self.node.url()).json(body).send().await
    }

    async fn ask(&self, method: &str, params: Value) -> Result<Value> {
        Ok(self.send(&question(9, method, params)).await?.json().await?)
    }

    async fn head(&self) -> Result<u64> {
        number(&self.ask("eth_blockNumber", json!([])).await?["result"])
    }

    async fn logs(&self, from: u64, to: u64) -> Result<Value> {
        let range = json!({ "fromBlock": format!("{from:#x}"), "toBlock": format!("{to:#x}"), "address": self.chain.addresses().token });
        self.ask("eth_getLogs", json!([range])).await
    }

    /// Blocks of the logs in the last four blocks.
    async fn logged(&self, head: u64) -> Result<Vec<u64>> {
        let answer = self.logs(head - 3, head).await?;
        answer["result"].as_array().into_iter().flatten().map(|log| number(&log["blockNumber"])).collect()
    }
}

fn question(id: u64, method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
}

fn number(value: &Value) -> Result<u64> {
    Ok(u64::from_str_radix(value.as_str().unwrap_or_default().trim_start_matches("0x"), 16)?)
}

#[tokio::test]
async fn without_a_fault_it_is_the_node_behind_it_and_counts() -> Result<()> {
    let world = World::new().await?;
    let batch = json!([question(3, "eth_chainId", json!([])), question(1, "eth_none", json!([]))]);
    let answers: Value = world.send(&batch).await?.json().await?;
    assert_eq!((&answers[0]["id"], &answers[0]["result"]), (&json!(3), &json!("0x7a69")));
    assert_eq!((&answers[1]["id"], answers[1]["error"].is_object()), (&json!(1), true));
    world.head().await?;
    assert_eq!((world.node.requests(), world.node.all_calls(), world.node.spoiled()), (2, 3, 0));
    assert_eq!(world.node.calls("eth_chainId"), 1);
    Ok(())
}

#[tokio::test]
async fn a_node_that_lags_has_nothing_of_its_last_blocks() -> Result<()> {
    let world = World::new().await?;
    let head = world.head().await?;
    let block = world.ask("eth_getBlockByNumber", json!([format!("{head:#x}"), false])).await?["result"].clone();
    world.node.set(Fault::Lag { blocks: 2 });

    assert_eq!(world.head().await?, head - 2);
    assert_eq!(world.logged(head).await?, [head - 3, head - 2]);
    assert_eq!(world.logs(head - 1, head).await?["result"], json!([]));
    for asked in [json!(format!("{head:#x}")), json!("latest")] {
        let found = world.ask("eth_getBlockByNumber", json!([asked, false])).await?["result"].clone();
        assert!(found.is_null() || number(&found["number"])? == head - 2);
    }
    assert!(world.ask("eth_getBlockByHash", json!([block["hash"], false])).await?["result"].is_null());
    let by_hash = world.ask("eth_getLogs", json!([{ "blockHash": block["hash"] }])).await?;
    assert_eq!(by_hash["error"]["message"], "unknown block");
    let call = json!({ "to": world.chain.addresses().token });
    for at in [json!({ "blockHash": block["hash"] }), block["hash"].clone(), block["number"].clone()] {
        let state = world.ask("eth_call", json!([call, at])).await?;
        assert!(state["error"]["message"].as_str().is_some_and(|text| text.contains("not found")), "{state}");
    }
    world.node.heal();
    assert_eq!(world.logged(head).await?.len(), 4);
    Ok(())
}

#[tokio::test]
async fn logs_are_lost_as_often_as_told() -> Result<()> {
    let world = World::new().await?;
    let head = world.head().await?;
    let all: Vec<u64> = (head - 3..=head).collect();
    let cases = [(Lose::Last, 3..=3), (Lose::Middle, 3..=3), (Lose::All, 0..=0)];
    for (lose, left) in cases {
        world.node.set(Fault::LosesLogs { lose, when: When::Every(2) });
        assert_eq!(world.logged(head).await?, all);
        let lost = world.logged(head).await?;
        assert!(left.contains(&lost.len()) && (lose != Lose::Middle || (lost[0] == all[0] && lost[2] == all[3])));
    }
    world.node.set(Fault::LosesLogs { lose: Lose::Last, when: When::Percent(40) });
    world.node.forget_counts();
    for _ in 0..50 {
        world.logged(head).await?;
    }
    assert!((5..45).contains(&world.node.spoiled_of("eth_getLogs")), "{}", world.node.spoiled());
    Ok(())
}

#[tokio::test]
async fn logs_are_given_in_other_shapes() -> Result<()> {
    let world = World::new().await?;
    let head = world.head().await?;
    world.node.set(Fault::DoubledLogs);
    assert_eq!(world.logged(head).await?.len(), 8);
    world.node.set(Fault::ShuffledLogs);
    let mut shuffled = world.logged(head).await?;
    assert!(!shuffled.is_sorted());
    shuffled.sort_unstable();
    assert!(shuffled.into_iter().eq(head - 3..=head));
    world.node.set(Fault::RemovedLogs);
    let with_removed = world.logs(head - 3, head).await?["result"].clone();
    assert_eq!((&with_removed[0]["removed"], &with_removed[1]["removed"]), (&json!(true), &json!(false)));
    assert_ne!(with_removed[0]["blockHash"], with_removed[1]["blockHash"]);
    world.node.set(Fault::UntimedLogs);
    assert!(world.logs(head, head).await?["result"][0]["blockTimestamp"].is_null());
    Ok(())
}

#[tokio::test]
async fn sizes_are_refused_in_the_words_of_a_provider() -> Result<()> {
    let world = World::new().await?;
    let head = world.head().await?;
    world.node.set(Fault::MostLogs(3));
    assert_eq!(world.logs(head - 3, head).await?["error"]["code"], -32_005);
    assert_eq!(world.logged(head + 1).await?.len(), 3);
    for provider in Provider::ALL {
        world.node.set(Fault::MostBlocks { blocks: 2, provider });
        assert!(world.logs(head - 1, head).await?["result"].is_array());
        let refused = world.logs(head - 2, head).await?;
        assert!(refused["error"]["message"].is_string() && refused["result"].is_null(), "{provider:?}: {refused}");
    }
    Ok(())
}

#[tokio::test]
async fn connections_and_statuses_break_as_told() -> Result<()> {
    let world = World::new().await?;
    let asked = question(1, "eth_chainId", json!([]));
    world.node.set(Fault::RateLimit { per_second: 0, retry_after: Some(7) });
    let limited = world.send(&asked).await?;
    assert_eq!((limited.status().as_u16(), limited.headers()["retry-after"].to_str()?), (429, "7"));
    world.node.set(Fault::Status { status: 503, when: When::Every(2) });
    assert_eq!(
        (world.send(&asked).await?.status(), world.send(&asked).await?.status()),
        (200.try_into()?, 503.try_into()?)
    );
    for garbage in [Garbage::Html, Garbage::HalfJson, Garbage::Empty] {
        world.node.set(Fault::Garbage { garbage, when: When::Always });
        let answer = world.send(&asked).await?;
        assert!(answer.status() == 200 && answer.json::<Value>().await.is_err());
    }
    world.node.set(Fault::BreaksOff { when: When::Always });
    assert!(world.send(&asked).await?.bytes().await.is_err());
    world.node.set(Fault::Slow(Duration::from_millis(200)));
    let begun = Instant::now();
    ensure!(world.send(&asked).await?.status() == 200 && begun.elapsed() >= Duration::from_millis(200));
    world.node.set(Fault::Hang { when: When::Always });
    let patience = Duration::from_millis(300);
    assert!(tokio::time::timeout(patience, world.send(&asked)).await.is_err());
    assert_eq!(world.node.spoiled(), 8);
    Ok(())
}

#[tokio::test]
async fn the_past_and_the_chain_are_denied() -> Result<()> {
    let world = World::new().await?;
    let head = world.head().await?;
    let state = |at: u64| {
        let call = json!({ "to": world.chain.addresses().token, "data": "0x18160ddd" });
        world.ask("eth_call", json!([call, format!("{at:#x}")]))
    };
    world.node.set(Fault::PrunedState { keeps: 2 });
    let told = state(head - 3).await?["error"]["message"].to_string();
    assert!(told.contains("missing trie node") && state(head - 2).await?["error"].is_null(), "{told}");
    world.node.set(Fault::EmptyCalls);
    assert_eq!(state(head).await?["result"], "0x");
    world.node.set(Fault::PrunedLogs { keeps: 2 });
    assert_eq!(world.logged(head).await?.len(), 3);
    world.node.set(Fault::PrunedHistory { keeps: 2 });
    assert_eq!(world.logs(head - 3, head).await?["error"]["code"], 4_444);
    world.node.set(Fault::WrongChain(5));
    assert_eq!(world.ask("eth_chainId", json!([])).await?["result"], "0x5");
    let header = |block: Value| world.ask("eth_getBlockByNumber", json!([block, false]));
    world.node.heal();
    let (genesis, last) = (header(json!("0x0")).await?, header(json!("latest")).await?);
    world.node.set(Fault::WrongGenesis);
    assert_ne!(header(json!("0x0")).await?, genesis);
    assert_eq!(header(json!("latest")).await?, last);
    world.node.set(Fault::NoLatest { when: When::Always });
    assert!(header(json!("latest")).await?["result"].is_null());
    world.node.set(Fault::GoesBack { blocks: 3, when: When::Every(2) });
    assert_eq!((world.head().await?, world.head().await?), (head, head - 3));
    Ok(())
}

#[tokio::test]
async fn the_other_forks_headers_follow_each_other() -> Result<()> {
    let world = World::new().await?;
    let head = world.head().await?;
    let header = |block: u64| world.ask("eth_getBlockByNumber", json!([format!("{block:#x}"), false]));
    let right = header(head).await?;
    world.node.set(Fault::Contradicts { blocks: 2, when: When::Always });
    let (base, first, second) = (header(head - 2).await?, header(head - 1).await?, header(head).await?);
    assert_eq!(first["result"]["parentHash"], base["result"]["hash"]);
    assert_eq!(second["result"]["parentHash"], first["result"]["hash"]);
    assert_ne!(second["result"]["hash"], right["result"]["hash"]);
    Ok(())
}
