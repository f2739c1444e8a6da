//! A chain with the contracts deployed.

use std::ops::{Deref, DerefMut};

use alloy::primitives::{Address, U256};
use alloy::providers::DynProvider;
use alloy::sol;
use anyhow::{Result, ensure};

use crate::accounts::Role;
use crate::anvil::{Anvil, AnvilOptions};
use crate::deployment::{Addresses, Deployment, parse, run_scripts};

sol! {
    #[sol(rpc)]
    contract TestToken {
        function mint(address to, uint256 amount) external;
        function approve(address spender, uint256 amount) external returns (bool);
        function balanceOf(address account) external view returns (uint256);
        function allowance(address owner, address spender) external view returns (uint256);
    }
}

/// A node of one test with every contract deployed by the real deploy script. It is also an [`Anvil`].
#[derive(Debug)]
pub struct Chain {
    anvil: Anvil,
    addresses: Addresses,
}

impl Chain {
    /// Starts a chain that mines a block per transaction.
    pub async fn start(chain_id: u64) -> Result<Self> {
        Self::start_with(AnvilOptions { chain_id, ..AnvilOptions::default() }).await
    }

    /// Starts a chain with these options; its `load_state` is replaced.
    pub async fn start_with(options: AnvilOptions) -> Result<Self> {
        let Deployment { state, addresses } = Deployment::ensure().await?;
        let anvil = Anvil::spawn(AnvilOptions { load_state: Some(state), ..options }).await?;
        Ok(Self { anvil, addresses })
    }

    /// Starts a node with nothing on it and runs the deploy scripts against it, as an operator would.
    pub async fn deploy(options: AnvilOptions) -> Result<Self> {
        let anvil = Anvil::spawn(options).await?;
        let addresses = parse(&run_scripts(&anvil).await?)?;
        Ok(Self { anvil, addresses })
    }

    /// Where the contracts are.
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// Gives an account test tokens.
    pub async fn mint(&self, to: Address, amount: U256) -> Result<()> {
        let receipt = self.token(Role::Deployer).mint(to, amount).send().await?.get_receipt().await?;
        ensure!(receipt.status(), "mint reverted");
        Ok(())
    }

    /// Lets `spender` take up to `amount` test tokens from `owner`.
    pub async fn approve(&self, owner: Role, spender: Address, amount: U256) -> Result<()> {
        let receipt = self.token(owner).approve(spender, amount).send().await?.get_receipt().await?;
        ensure!(receipt.status(), "approve reverted");
        Ok(())
    }

    /// How many test tokens an account has.
    pub async fn balance_of(&self, account: Address) -> Result<U256> {
        Ok(self.token(Role::Deployer).balanceOf(account).call().await?)
    }

    /// How many test tokens `spender` may take from `owner`.
    pub async fn allowance(&self, owner: Address, spender: Address) -> Result<U256> {
        Ok(self.token(Role::Deployer).allowance(owner, spender).call().await?)
    }

    fn token(&self, role: Role) -> TestToken::TestTokenInstance<DynProvider> {
        TestToken::new(self.addresses.token, self.provider_as(role))
    }
}

impl Deref for Chain {
    type Target = Anvil;

    fn deref(&self) -> &Anvil {
        &self.anvil
    }
}

impl DerefMut for Chain {
    fn deref_mut(&mut self) -> &mut Anvil {
        &mut self.anvil
    }
}
