//! Subscribers that are contracts, will be, or lend their account to one: what they sign is relayed like a key's.

use alloy::{
    eips::eip7702::Authorization,
    network::TransactionBuilder,
    primitives::{Address, B256, Bytes, U256, b256},
    providers::{Provider, ext::AnvilApi},
    rpc::types::TransactionRequest,
    signers::SignerSync,
    sol,
    sol_types::{SolCall, SolValue},
};
use anyhow::{Context, Result, ensure};
use billing_core::mandates::{
    MandateRequest, Message, OrderRequest, RefusalReason, RelayOutcome, RelayRequest, RelayStatus,
};
use test_support::Role;

use crate::{
    mandates::wish,
    world::{PRICE, World},
};

sol! {
    #[sol(rpc)]
    contract WalletFactory {
        function deploy(address owner) external;
        function addressOf(address owner) external view returns (address);
    }
    #[sol(rpc)]
    contract Token {
        function approve(address spender, uint256 amount) external returns (bool);
    }
}

/// Who holds the key of a wallet.
const OWNER: Role = Role::Subscriber(7);
/// What the signature of a wallet that is not deployed yet ends with (ERC-6492).
const NOT_DEPLOYED: B256 = b256!("0x6492649264926492649264926492649264926492649264926492649264926492");

impl World {
    /// Tokens for three periods, and an allowance of the wallet's own, whoever may send for it.
    async fn fund_wallet(&self, wallet: Address) -> Result<()> {
        let (provider, manager) = (self.chain.provider(), self.rpc.network.subscription_manager);
        self.chain.mint(wallet, U256::from(PRICE * 3)).await?;
        self.chain.set_balance(wallet, U256::from(10).pow(U256::from(18))).await?;
        provider.anvil_impersonate_account(wallet).await?;
        let approve = Token::approveCall { spender: manager, amount: U256::MAX }.abi_encode();
        let request = TransactionRequest::default().with_from(wallet).with_to(self.chain.addresses().token);
        let receipt = provider.send_transaction(request.with_input(approve)).await?.get_receipt().await?;
        ensure!(receipt.status(), "approve reverted");
        provider.anvil_stop_impersonating_account(wallet).await?;
        Ok(())
    }

    async fn wallets_mandate(&self, wallet: Address, plan: B256) -> Result<Message> {
        self.mandate(&MandateRequest { subscriber: wallet, ..wish(plan, OWNER) }).await
    }

    async fn wallets_cancel(&self, wallet: Address, plan: B256) -> Result<Message> {
        let wish = OrderRequest { plan_hash: plan, subscriber: wallet, nonce: None, deadline: None };
        Ok(Message::Cancel(billing_core::mandates::order(self.pool(), &self.rpc, &wish, self.time().await?).await?))
    }

    /// The message with `signer`'s signature, as `wrap` makes it the wallet's.
    fn by(&self, signer: Role, message: Message, wrap: impl FnOnce(Bytes) -> Bytes) -> Result<RelayRequest> {
        let signature = signer.signer().sign_hash_sync(&message.digest(&self.rpc.network))?.as_bytes().into();
        Ok(RelayRequest { message, signature: wrap(signature), permit: None, requested_by: "test".to_owned() })
    }

    async fn refused(&self, request: &RelayRequest) -> Result<RefusalReason> {
        match self.relay(request).await? {
            RelayOutcome::Refused(refusal) => Ok(refusal.reason),
            other => anyhow::bail!("not refused: {other:?}"),
        }
    }

    async fn wallets_status(&self, wallet: Address, plan: B256) -> Result<(u8, u32)> {
        let found = self.manager(OWNER).subscriptionOf(plan, wallet).call().await?;
        Ok((found.status, found.chargeCount))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contract_wallet_subscribes_and_cancels_by_its_owners_signature() -> Result<()> {
    let world = World::start().await?;
    let plan = world.plan(1).await?;
    let owner = OWNER.address().abi_encode();
    let wallet = world.chain.deploy_mock("SignatureWallets", "OwnedWallet", &owner).await?;
    world.fund_wallet(wallet).await?;

    let mandate = world.wallets_mandate(wallet, plan).await?;
    let stranger = world.by(Role::Subscriber(8), mandate.clone(), |signature| signature)?;
    assert_eq!(world.refused(&stranger).await?, RefusalReason::Signature);
    let done = world.relayed(&world.by(OWNER, mandate, |signature| signature)?).await?;
    assert_eq!((done.status, world.wallets_status(wallet, plan).await?), (RelayStatus::Mined, (1, 1)));

    let cancel = world.wallets_cancel(wallet, plan).await?;
    let done = world.relayed(&world.by(OWNER, cancel, |signature| signature)?).await?;
    assert_eq!((done.status, world.wallets_status(wallet, plan).await?), (RelayStatus::Mined, (3, 1)));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_that_is_not_deployed_yet_is_deployed_by_its_first_mandate() -> Result<()> {
    let world = World::start().await?;
    let plan = world.plan(1).await?;
    let factory = world.chain.deploy_mock("SignatureWallets", "WalletFactory", &[]).await?;
    let wallet = WalletFactory::new(factory, world.chain.provider()).addressOf(OWNER.address()).call().await?;
    world.fund_wallet(wallet).await?;
    // The approval was nobody's transaction: CREATE2 refuses an address that has sent one.
    world.chain.provider().anvil_set_nonce(wallet, 0).await?;
    assert!(world.chain.provider().get_code_at(wallet).await?.is_empty());

    let wrap = |signature: Bytes| -> Bytes {
        let deploy = Bytes::from(WalletFactory::deployCall { owner: OWNER.address() }.abi_encode());
        [(factory, deploy, signature).abi_encode_params().as_slice(), NOT_DEPLOYED.as_slice()].concat().into()
    };
    let mandate = world.wallets_mandate(wallet, plan).await?;
    let bare = world.by(OWNER, mandate.clone(), |signature| signature)?;
    assert_eq!(world.refused(&bare).await?, RefusalReason::Signature);
    let stranger = world.by(Role::Subscriber(8), mandate.clone(), wrap)?;
    assert_eq!(world.refused(&stranger).await?, RefusalReason::Signature);

    let done = world.relayed(&world.by(OWNER, mandate, wrap)?).await?;
    assert_eq!((done.status, world.wallets_status(wallet, plan).await?), (RelayStatus::Mined, (1, 1)));
    assert!(!world.chain.provider().get_code_at(wallet).await?.is_empty());
    // The same wrapping goes on to be good, and deploys nothing a second time.
    let cancel = world.wallets_cancel(wallet, plan).await?;
    let done = world.relayed(&world.by(OWNER, cancel, wrap)?).await?;
    assert_eq!((done.status, world.wallets_status(wallet, plan).await?), (RelayStatus::Mined, (3, 1)));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_delegates_signs_by_its_key_and_by_the_wallet_it_delegates_to() -> Result<()> {
    let world = World::start().await?;
    let (plan, who) = (world.plan(1).await?, Role::Subscriber(5));
    let owner = OWNER.address().abi_encode();
    let wallet = world.chain.deploy_mock("SignatureWallets", "OwnedWallet", &owner).await?;
    let nonce = world.chain.provider().get_transaction_count(who.address()).await?;
    let authorization = Authorization { chain_id: U256::from(world.chain.chain_id()), address: wallet, nonce };
    let signature = who.signer().sign_hash_sync(&authorization.signature_hash())?;
    let mut request = TransactionRequest::default().with_to(Role::Deployer.address());
    request.authorization_list = Some(vec![authorization.into_signed(signature)]);
    let receipt = world.chain.provider_as(Role::Deployer).send_transaction(request).await?.get_receipt().await?;
    ensure!(receipt.status(), "the delegation reverted");
    let code = world.chain.provider().get_code_at(who.address()).await?;
    assert_eq!(code.strip_prefix(&[0xef, 0x01, 0x00]).context("no delegation")?, wallet.as_slice());
    world.fund_wallet(who.address()).await?;

    let mandate = world.wallets_mandate(who.address(), plan).await?;
    let stranger = world.by(Role::Subscriber(8), mandate.clone(), |signature| signature)?;
    assert_eq!(world.refused(&stranger).await?, RefusalReason::Signature);
    let done = world.relayed(&world.by(who, mandate, |signature| signature)?).await?;
    assert_eq!((done.status, world.wallets_status(who.address(), plan).await?), (RelayStatus::Mined, (1, 1)));
    let cancel = world.wallets_cancel(who.address(), plan).await?;
    let done = world.relayed(&world.by(OWNER, cancel, |signature| signature)?).await?;
    assert_eq!((done.status, world.wallets_status(who.address(), plan).await?), (RelayStatus::Mined, (3, 1)));
    Ok(())
}
