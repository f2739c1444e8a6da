//! From two empty chains to programs that run on them, by the operator's scripts.

use std::{fs, path::PathBuf, process::Stdio, time::Duration};

use alloy::{
    primitives::{Address, Bytes, U256},
    providers::{DynProvider, Provider},
};
use anyhow::{Context, Result, ensure};
use billing_bindings::{CoreSystem, IPlanManager, PlanManager};
use billing_core::chain::{Network, Networks, Rpc};
use e2e::{Stack, StackOptions};
use serde_json::Value;
use tempfile::TempDir;
use test_support::{Anvil, AnvilOptions, Child, Role, command, compile, root};

const ADMIN: Role = Role::Admin;
const NEW_ADMIN: Role = Role::Deployer;
const MERCHANT: Role = Role::Merchant(0);
/// Each role's new wallet: name, wallet.
const NEW: [(&str, Role); 4] = [
    ("AUTHOR", Role::Merchant(1)),
    ("OPERATOR", Role::Operator),
    ("AUTOMATION", Role::Automation),
    ("GOVERNOR", Role::Governor),
];

/// Two chains with nothing on them, and a networks file that names what will be deployed.
struct Operator {
    chains: [Anvil; 2],
    folder: TempDir,
}

impl Operator {
    async fn start() -> Result<Self> {
        compile("script").await?;
        // Forge writes below .dev only.
        fs::create_dir_all(root().join(".dev"))?;
        let folder = tempfile::Builder::new().prefix("deployments.").tempdir_in(root().join(".dev"))?;
        let spawn = |chain_id| Anvil::spawn(AnvilOptions { chain_id, ..AnvilOptions::default() });
        let chains = [spawn(313_370_011).await?, spawn(313_370_012).await?];
        let table = |(name, chain): (&str, &Anvil)| {
            let id = chain.chain_id();
            format!(
                "[[network]]\nname = \"{name}\"\nchain_id = {id}\nrpc_urls = [\"{}\"]\ndeployment = \"{id}.json\"\n",
                chain.url()
            )
        };
        let text: String = ["alpha", "beta"].into_iter().zip(&chains).map(table).collect();
        let operator = Self { chains, folder };
        fs::write(operator.networks_file(), text)?;
        Ok(operator)
    }

    fn networks_file(&self) -> PathBuf {
        self.folder.path().join("networks.toml")
    }

    /// Runs a script with the admin's key; answers whether it succeeded, and all it said.
    async fn script(&self, line: &str, env: &[(String, String)]) -> Result<(bool, String)> {
        let mut words = line.split(' ');
        let mut script = command(root().join("script").join(words.next().context("a script")?));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("ABONO_")) {
            script.env_remove(name);
        }
        let said = tempfile::NamedTempFile::new()?;
        script.arg(self.networks_file()).args(words).envs(env.iter().cloned());
        if !env.iter().any(|(name, _)| name == "ABONO_ADMIN_KEY") {
            script.env("ABONO_ADMIN_KEY", ADMIN.key());
        }
        script
            .env("ABONO_DEPLOYMENTS", self.folder.path())
            .env("ABONO_FEE_RECEIVER", Role::FeeReceiver.address().to_string());
        let both = said.reopen()?;
        script.stdin(Stdio::null()).stderr(both.try_clone()?).stdout(both);
        let status = Child::spawn(script)?.wait(Duration::from_secs(240)).await?;
        Ok((status.success(), fs::read_to_string(said.path())?))
    }

    /// As [`Operator::script`]; a failure is an error with what it said.
    async fn script_ok(&self, line: &str, env: &[(String, String)]) -> Result<String> {
        let (success, said) = self.script(line, env).await?;
        ensure!(success, "script/{line}: {said}");
        Ok(said)
    }

    /// Transactions that a wallet has sent, on each chain.
    async fn sent_by(&self, wallet: Role) -> Result<[u64; 2]> {
        let [alpha, beta] = self.chains.each_ref().map(|chain| chain.provider());
        Ok([alpha.get_transaction_count(wallet.address()).await?, beta.get_transaction_count(wallet.address()).await?])
    }

    fn written(&self) -> Result<[Value; 2]> {
        let read = |chain: &Anvil| -> Result<Value> {
            let path = self.folder.path().join(format!("{}.json", chain.chain_id()));
            Ok(serde_json::from_str(&fs::read_to_string(&path).with_context(|| path.display().to_string())?)?)
        };
        Ok([read(&self.chains[0])?, read(&self.chains[1])?])
    }

    /// Connects to both networks as the programs do.
    async fn connect(&self) -> Result<Vec<Rpc>> {
        let mut connected = Vec::new();
        for network in Networks::read(&self.networks_file())?.iter() {
            connected.push(Rpc::connect(network).await?);
        }
        Ok(connected)
    }
}

fn contracts(network: &Network) -> [Address; 5] {
    [
        network.core_system,
        network.plan_manager,
        network.subscription_manager,
        network.payment_gateway,
        network.marketplace,
    ]
}

/// What a register at these addresses says, in the order of [`contracts`].
async fn registered(rpc: &Rpc) -> Result<[Address; 5]> {
    let asked = Network { plan_manager: Address::ZERO, subscription_manager: Address::ZERO, ..rpc.network.clone() };
    let asked = Network { payment_gateway: Address::ZERO, marketplace: Address::ZERO, ..asked };
    Ok(contracts(&Rpc::connect(&asked).await?.network))
}

/// Who of a role's old and new wallets has it.
async fn holders(core: &CoreSystem::CoreSystemInstance<DynProvider>, role: &str, new: Role) -> Result<(bool, bool)> {
    let id = match role {
        "AUTHOR" => core.AUTHOR_ROLE().call().await?,
        "OPERATOR" => core.OPERATOR_ROLE().call().await?,
        "AUTOMATION" => core.AUTOMATION_ROLE().call().await?,
        _ => core.GOVERNOR_ROLE().call().await?,
    };
    Ok((core.hasRole(id, ADMIN.address()).call().await?, core.hasRole(id, new.address()).call().await?))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_on_two_chains_is_sent_once_and_read_by_the_programs() -> Result<()> {
    let operator = Operator::start().await?;
    operator.script_ok("deploy", &[]).await?;
    ensure!(operator.sent_by(ADMIN).await? == [0, 0], "a dry run sent something");
    let missing = Networks::read(&operator.networks_file()).expect_err("nothing was written").to_string();
    ensure!(missing.contains("script/deploy writes it"), "{missing}");

    let said = operator.script_ok("deploy --broadcast", &[]).await?;
    ensure!(said.matches("are as configured").count() == 2, "{said}");
    let (sent, first) = (operator.sent_by(ADMIN).await?, operator.written()?);
    ensure!(sent[0] > 0 && sent[0] == sent[1], "{sent:?}");
    let said = operator.script_ok("deploy --broadcast", &[]).await?;
    ensure!(said.matches(" 0 transactions to send").count() == 2, "{said}");
    ensure!(operator.sent_by(ADMIN).await? == sent && operator.written()? == first, "a second run changed something");

    let connected = operator.connect().await?;
    ensure!(contracts(&connected[0].network) == contracts(&connected[1].network), "{connected:?}");
    for rpc in &connected {
        ensure!(contracts(&rpc.network) == registered(rpc).await?, "the file differs from the register");
    }
    follow_a_plan(&operator, &connected).await
}

/// One plan on both chains; the indexer finds it from the deployment's block on, and as the contracts say it.
async fn follow_a_plan(operator: &Operator, connected: &[Rpc]) -> Result<()> {
    let plan = IPlanManager::Plan {
        chainIds: operator.chains.iter().map(|chain| U256::from(chain.chain_id())).collect(),
        merchant: MERCHANT.address(),
        token: Address::ZERO,
        price: 1_000_000_u64.try_into()?,
        period: 86_400,
        trial: 0,
        maxFeeBps: 250,
        salt: U256::ZERO,
        expiry: 0,
    };
    for (chain, rpc) in operator.chains.iter().zip(connected) {
        let plans = PlanManager::new(rpc.network.plan_manager, chain.provider_as(MERCHANT));
        let created = plans.createPlan(plan.clone(), Bytes::new(), String::new()).send().await?.get_receipt().await?;
        ensure!(created.status(), "createPlan reverted");
    }

    let stack = Stack::new(Vec::new(), StackOptions::default()).await?;
    let networks = operator.networks_file();
    let networks = networks.to_str().context("a path of letters")?;
    stack.run_ok("billing-indexer", &["--once", "--networks", networks]).await?;
    stack.run_ok("billing-indexer", &["verify", "--networks", networks]).await?;
    let seen: i64 =
        sqlx::query_scalar("select count(*) from billing_plan_state").fetch_one(stack.database.pool()).await?;
    ensure!(seen == 2, "the mirror has {seen} plans");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_go_to_wallets_of_their_own_and_what_differs_after_that_is_reported() -> Result<()> {
    let operator = Operator::start().await?;
    operator.script_ok("deploy --broadcast", &[]).await?;
    let connected = operator.connect().await?;
    let core = |n: usize| CoreSystem::new(connected[n].network.core_system, operator.chains[n].provider_as(ADMIN));
    let sent = operator.sent_by(ADMIN).await?;

    let wallet = |(name, role): (&str, Role)| (format!("ABONO_NEW_{name}"), role.address().to_string());
    let mut hand_over: Vec<_> = NEW.into_iter().chain([("ADMIN", NEW_ADMIN)]).map(wallet).collect();
    hand_over.push(("ABONO_CORE_SYSTEM".to_owned(), connected[0].network.core_system.to_string()));
    let said = operator.script_ok("hand-over", &hand_over).await?;
    for (name, _) in NEW {
        ensure!(said.matches(&format!("grant  {name} ")).count() == 2, "{said}");
    }
    ensure!(operator.sent_by(ADMIN).await? == sent, "a dry run sent something");

    operator.script_ok("hand-over --broadcast", &hand_over).await?;
    for n in 0..2 {
        for (name, new) in NEW {
            ensure!(holders(&core(n), name, new).await? == (false, true), "{name} on chain {n}");
        }
    }
    let sent = operator.sent_by(ADMIN).await?;
    operator.script_ok("hand-over --broadcast", &hand_over).await?;
    ensure!(operator.sent_by(ADMIN).await? == sent, "a second run sent something");

    reported(&operator, &connected, &core(1)).await?;
    accepted(&operator, hand_over, [&core(0), &core(1)]).await
}

/// Plants what must not be on the second chain, and sees the check name it and end with a failure.
async fn reported(operator: &Operator, on: &[Rpc], beta: &CoreSystem::CoreSystemInstance<DynProvider>) -> Result<()> {
    let configured = |(name, role): &(&str, Role)| (format!("ABONO_{name}"), role.address().to_string());
    let configured: Vec<_> = NEW[1..].iter().map(configured).collect();
    let said = operator.script_ok("deploy --check", &configured).await?;
    ensure!(said.matches("are as configured").count() == 2, "{said}");

    let (role, holder) = (beta.OPERATOR_ROLE().call().await?, Role::Operator.address());
    beta.revokeRole(role, holder).send().await?.get_receipt().await?;
    let (success, said) = operator.script("deploy --check", &configured).await?;
    ensure!(!success && said.contains("NotConfigured(\"operator\")") && said.contains("beta: stopped"), "{said}");
    ensure!(said.matches("are as configured").count() == 1, "alpha is right: {said}");
    beta.grantRole(role, holder).send().await?.get_receipt().await?;

    let (chain, plans) = (&operator.chains[1], on[1].network.plan_manager);
    let right = chain.provider().get_code_at(plans).await?;
    let mut wrong = right.to_vec();
    *wrong.last_mut().context("code")? ^= 1;
    chain.set_code(plans, wrong.into()).await?;
    let sent = operator.sent_by(ADMIN).await?;
    for line in ["deploy --check", "deploy --broadcast"] {
        let (success, said) = operator.script(line, &configured).await?;
        ensure!(!success && said.contains(&format!("code of {plans}")) && said.contains("beta: stopped"), "{said}");
    }
    ensure!(operator.sent_by(ADMIN).await? == sent, "it sent something to the wrong code");
    chain.set_code(plans, right).await
}

/// The new admin takes the role after the delay, and not before.
async fn accepted(
    operator: &Operator,
    mut env: Vec<(String, String)>,
    cores: [&CoreSystem::CoreSystemInstance<DynProvider>; 2],
) -> Result<()> {
    env.push(("ABONO_ADMIN_KEY".to_owned(), NEW_ADMIN.key()));
    let (success, said) = operator.script("hand-over --accept --broadcast", &env).await?;
    ensure!(!success && said.contains("alpha: stopped"), "{said}");
    for chain in &operator.chains {
        chain.increase_time(86_401).await?;
    }
    operator.script_ok("hand-over --accept --broadcast", &env).await?;
    for core in cores {
        ensure!(core.defaultAdmin().call().await? == NEW_ADMIN.address(), "the old admin still is");
    }
    Ok(())
}
