//! What every adapter promises.

use std::{net::IpAddr, sync::Arc};

use anyhow::Result;
use async_trait::async_trait;
use billing_fiat::{Currency, FiatProvider, Money, Payment, YooKassa};
use fiat_emulators::{
    contract::{self, Delivery, Forgery, Lost, Stage},
    yookassa::{Effect, Fault, YooKassaEmulator},
};
use reqwest::header::HeaderMap;
use time::OffsetDateTime;

use super::{no_violations, shop};

const THEIRS: &str = "77.75.153.127";
const FOREIGN: &str = "77.75.153.128";

struct YooKassaStage {
    emulator: YooKassaEmulator,
    yookassa: Arc<YooKassa>,
}

impl YooKassaStage {
    fn sent(&self, client: &str, body: Vec<u8>) -> Delivery {
        let client: IpAddr = client.parse().expect("an address");
        Delivery { body, headers: HeaderMap::new(), client, now: self.now() }
    }
}

#[async_trait]
impl Stage for YooKassaStage {
    fn provider(&self) -> Arc<dyn FiatProvider> {
        Arc::<YooKassa>::clone(&self.yookassa)
    }

    fn currency(&self) -> Currency {
        Currency::Rub
    }

    fn now(&self) -> OffsetDateTime {
        self.emulator.now()
    }

    async fn pay(&self, payment: &Payment) -> Result<()> {
        self.emulator.pay(&payment.external_id)
    }

    async fn decline(&self, payment: &Payment) -> Result<()> {
        self.emulator.decline(&payment.external_id, "general_decline")
    }

    async fn refuse_next_charge(&self) -> Result<()> {
        self.emulator.fault(Fault::Decline("insufficient_funds".to_owned()));
        Ok(())
    }

    async fn lose_next_answer(&self, lost: Lost) -> Result<()> {
        let effect = if lost == Lost::BeforeEffect { Effect::NotDone } else { Effect::Done };
        self.emulator.fault(Fault::Cut(effect));
        Ok(())
    }

    async fn open_dispute(&self, _payment: &Payment, _amount: Money) -> Result<String> {
        anyhow::bail!("nobody tells of disputes")
    }

    async fn notifications(&self) -> Result<Vec<Delivery>> {
        let told = self.emulator.take_notifications();
        Ok(told.iter().map(|body| self.sent(THEIRS, body.to_string().into_bytes())).collect())
    }

    fn delivered(&self, body: &[u8]) -> Delivery {
        self.sent(THEIRS, body.to_vec())
    }

    /// Nothing is signed.
    fn forged(&self, genuine: &Delivery, forgery: Forgery) -> Option<Delivery> {
        (forgery == Forgery::Address).then(|| self.sent(FOREIGN, genuine.body.clone()))
    }
}

#[tokio::test]
async fn yookassa_keeps_every_promise() -> Result<()> {
    let (emulator, yookassa) = shop().await;
    emulator.hold_notifications(true);
    let stage = YooKassaStage { emulator, yookassa: Arc::new(yookassa) };
    contract::holds(&stage).await?;
    no_violations(&stage.emulator);
    Ok(())
}
