//! The plans, subscriptions and deposits that a stretch of events touches, folded in memory.

use std::collections::BTreeMap;

use alloy::primitives::{Address, B256};
use sqlx::PgConnection;

use super::{MirrorError, event::Event, read::Read};
use crate::{
    charges::ConfirmedCharge,
    ids::{ChainId, SubscriptionKey},
    log_point::LogPoint,
    plans::{self, PlanState},
    subscriptions::{
        self, ChargeReceipt, DepositState, SubscriptionChange, SubscriptionEvent, SubscriptionState, state::Slot,
    },
};

/// Touched entities by key; `None` where the chain knows none.
#[derive(Debug, Default)]
pub(super) struct Projections {
    pub(super) plans: BTreeMap<B256, Option<PlanState>>,
    pub(super) subscriptions: BTreeMap<SubscriptionKey, Slot>,
    pub(super) deposits: BTreeMap<Address, Option<DepositState>>,
}

impl Projections {
    /// The entities that the events touch, as if nothing had ever happened to them.
    pub(super) fn touched(chain_id: ChainId, reads: &[Read]) -> Self {
        let mut touched = Self::default();
        for event in reads.iter().map(|read| &read.event) {
            match event {
                Event::Plan(event) => drop(touched.plans.insert(event.plan_hash, None)),
                Event::Subscription(event) => drop(touched.subscriptions.insert(event.key(chain_id), Slot::default())),
                Event::Deposit(_) | Event::Marketplace(_) | Event::Gateway(_) | Event::Other => {}
            }
            if let Some(event) = event.deposit() {
                touched.deposits.insert(event.account, None);
            }
        }
        touched
    }

    pub(super) fn plan_hashes(&self) -> Vec<B256> {
        self.plans.keys().copied().collect()
    }

    pub(super) fn keys(&self) -> Vec<SubscriptionKey> {
        self.subscriptions.keys().copied().collect()
    }

    pub(super) fn accounts(&self) -> Vec<Address> {
        self.deposits.keys().copied().collect()
    }

    /// Reads what is stored of the touched entities.
    pub(super) async fn load(&mut self, conn: &mut PgConnection, chain_id: ChainId) -> sqlx::Result<()> {
        for plan in plans::state_repo::load(conn, chain_id, &self.plan_hashes()).await? {
            self.plans.insert(plan.plan_hash, Some(plan));
        }
        for state in subscriptions::state_repo::load(conn, chain_id, &self.keys()).await? {
            self.subscriptions.insert(state.key, Slot::of(state));
        }
        for deposit in subscriptions::deposit_repo::load(conn, chain_id, &self.accounts()).await? {
            self.deposits.insert(deposit.account, Some(deposit));
        }
        Ok(())
    }

    /// Folds the events into what is stored of their entities. The charges among them.
    pub(super) async fn advance(
        conn: &mut PgConnection,
        chain_id: ChainId,
        reads: &[Read],
    ) -> Result<Vec<ConfirmedCharge>, MirrorError> {
        let mut projections = Self::touched(chain_id, reads);
        projections.load(conn, chain_id).await?;
        let charges = reads.iter().filter_map(|read| projections.fold(read)).collect();
        projections.store(conn, chain_id).await?;
        Ok(charges)
    }

    /// Folds one event into those of its entities that are touched; events of others change nothing.
    /// The charge, where it is one.
    pub(super) fn fold(&mut self, Read { event, at, .. }: &Read) -> Option<ConfirmedCharge> {
        let (mut charge, at) = (None, *at);
        match event {
            Event::Plan(event) => {
                if let Some(slot) = self.plans.get_mut(&event.plan_hash) {
                    *slot = plans::state::fold(slot.take(), event, at);
                }
            }
            Event::Subscription(event) => charge = self.fold_subscription(event, at),
            Event::Deposit(_) | Event::Marketplace(_) | Event::Gateway(_) | Event::Other => {}
        }
        if let Some(event) = event.deposit()
            && let Some(slot) = self.deposits.get_mut(&event.account)
        {
            *slot = subscriptions::deposit::fold(slot.take(), &event, at);
        }
        charge
    }

    fn fold_subscription(&mut self, event: &SubscriptionEvent, at: LogPoint) -> Option<ConfirmedCharge> {
        let key = event.key(at.chain_id);
        let slot = self.subscriptions.get_mut(&key)?;
        let charge = match &event.change {
            SubscriptionChange::Charged(receipt) => Some(confirmed(key, slot.state.as_ref(), receipt, at)),
            _ => None,
        };
        slot.fold(event, at);
        charge
    }

    /// Writes the touched entities back.
    pub(super) async fn store(&self, conn: &mut PgConnection, chain_id: ChainId) -> Result<(), MirrorError> {
        let plans: Vec<_> = self.plans.values().flatten().collect();
        plans::state_repo::upsert(conn, &plans).await?;
        plans::state_repo::delete(conn, chain_id, &absent(&self.plans)).await?;
        let states: Vec<_> = self.subscriptions.values().filter_map(|slot| slot.state.as_ref()).collect();
        subscriptions::state_repo::upsert(conn, &states).await?;
        let gone = self.subscriptions.iter().filter(|(_, slot)| slot.state.is_none()).map(|(key, _)| *key);
        subscriptions::state_repo::delete(conn, chain_id, &gone.collect::<Vec<_>>()).await?;
        let deposits: Vec<_> = self.deposits.values().flatten().collect();
        subscriptions::deposit_repo::upsert(conn, &deposits).await?;
        subscriptions::deposit_repo::delete(conn, chain_id, &absent(&self.deposits)).await?;
        Ok(())
    }
}

fn absent<K: Copy, V>(entities: &BTreeMap<K, Option<V>>) -> Vec<K> {
    entities.iter().filter(|(_, state)| state.is_none()).map(|(key, _)| *key).collect()
}

fn confirmed(
    key: SubscriptionKey,
    prior: Option<&SubscriptionState>,
    receipt: &ChargeReceipt,
    at: LogPoint,
) -> ConfirmedCharge {
    ConfirmedCharge {
        key,
        due_at: subscriptions::state::due_at(prior.map(|state| state.next_charge_at), receipt),
        period_start: receipt.period_start,
        period_end: receipt.period_end,
        gross: receipt.gross,
        fee: receipt.fee,
        token: receipt.token,
        tx_hash: at.tx_hash,
        block_number: at.block_number,
        block_hash: at.block_hash,
        log_index: at.log_index,
    }
}
