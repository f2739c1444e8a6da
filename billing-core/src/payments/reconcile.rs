//! Compares what a provider lists with what we have, both ways, and reports every difference. What the comparison learns is recorded
//! like any other answer, so that the next one finds it mended; money that we know nothing of stays for a person to look at.

use std::collections::{HashMap, HashSet};

use billing_fiat::{self as fiat, FiatProvider, Outcome, RefundOutcome, Window};
use sqlx::PgPool;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Payment, PaymentError, Status, reconcile_repo, record::record, refund, transition};
use crate::ids::PaymentId;

/// How our row and the provider's differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DifferenceKind {
    /// Money that the provider has for us, and no payment of ours.
    MissingHere,
    /// A payment of ours that the provider does not list.
    MissingThere,
    /// Another amount.
    Amount,
    /// Another currency.
    Currency,
    /// Another status; it is recorded by this very comparison.
    Status,
    /// Another sum given back.
    Refunded,
    /// An answer contradicted our row, and nobody has looked yet.
    Trouble,
}

impl DifferenceKind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::MissingHere,
        Self::MissingThere,
        Self::Amount,
        Self::Currency,
        Self::Status,
        Self::Refunded,
        Self::Trouble,
    ];

    /// As it is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MissingHere => "missing_here",
            Self::MissingThere => "missing_there",
            Self::Amount => "amount",
            Self::Currency => "currency",
            Self::Status => "status",
            Self::Refunded => "refunded",
            Self::Trouble => "trouble",
        }
    }
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Which.
    pub kind: DifferenceKind,
    /// Our payment.
    pub payment: Option<PaymentId>,
    /// The provider's id.
    pub external_id: Option<String>,
    /// What we have.
    pub ours: Option<String>,
    /// What the provider has.
    pub theirs: Option<String>,
}

/// What a comparison found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reconciliation {
    /// Its row.
    pub id: Uuid,
    /// Payments that were compared.
    pub compared: usize,
    /// In the order in which they were found.
    pub differences: Vec<Difference>,
}

/// Compares the payments of a window, and stores what it found.
///
/// # Errors
/// The provider's: then nothing is stored; the database's.
pub async fn reconcile(
    pool: &PgPool,
    provider: &dyn FiatProvider,
    window: Window,
    now: OffsetDateTime,
) -> Result<Reconciliation, PaymentError> {
    let mut found = Found { pool, provider, now, compared: 0, seen: HashSet::new(), differences: Vec::new() };
    found.refunds(window).await?;
    found.listed(window).await?;
    found.unlisted(window).await?;
    let id = Uuid::now_v7();
    let mut db_tx = pool.begin().await?;
    reconcile_repo::insert(&mut db_tx, id, provider.name(), window, found.compared, &found.differences).await?;
    db_tx.commit().await?;
    Ok(Reconciliation { id, compared: found.compared, differences: found.differences })
}

/// As [`reconcile`], unless they were compared up to `enough` or later, or another process compares them now: then `None`. Another
/// comparison beside it would do no harm, but find what this one mended, and say that there was no difference.
///
/// # Errors
/// As [`reconcile`].
pub async fn reconcile_once(
    pool: &PgPool,
    provider: &dyn FiatProvider,
    window: Window,
    enough: OffsetDateTime,
    now: OffsetDateTime,
) -> Result<Option<Reconciliation>, PaymentError> {
    let is_done = async || {
        Ok::<_, PaymentError>(reconcile_repo::last(pool, provider.name()).await?.is_some_and(|last| last >= enough))
    };
    if is_done().await? {
        return Ok(None);
    }
    // Out of the pool: whatever becomes of this task, its session ends with it, and the lock with its session.
    let mut session = pool.acquire().await?.detach();
    if !reconcile_repo::lock(&mut session, provider.name()).await? || is_done().await? {
        return Ok(None);
    }
    let done = reconcile(pool, provider, window, now).await?;
    drop(session);
    Ok(Some(done))
}

struct Found<'a> {
    pool: &'a PgPool,
    provider: &'a dyn FiatProvider,
    now: OffsetDateTime,
    compared: usize,
    seen: HashSet<PaymentId>,
    differences: Vec<Difference>,
}

impl Found<'_> {
    /// Refunds that nobody told us of are recorded first: the payments' sums are compared after that.
    async fn refunds(&mut self, window: Window) -> Result<(), PaymentError> {
        let mut cursor = None;
        loop {
            let page = self.provider.refunds(window, cursor.as_deref()).await?;
            for seen in page.items.iter().filter(|seen| seen.outcome != RefundOutcome::Pending) {
                let mut db_tx = self.pool.begin().await?;
                let outcome = refund::record_told(&mut db_tx, self.provider.name(), seen, self.now).await?;
                db_tx.commit().await?;
                if outcome == "made by the provider" {
                    self.add(DifferenceKind::Refunded, None, Some(&seen.payment), None, Some(seen.amount.to_string()));
                }
            }
            cursor = page.next;
            if cursor.is_none() {
                return Ok(());
            }
        }
    }

    async fn listed(&mut self, window: Window) -> Result<(), PaymentError> {
        let mut cursor = None;
        loop {
            let page = self.provider.payments(window, cursor.as_deref()).await?;
            let ids: Vec<_> = page.items.iter().filter_map(|seen| seen.reference).collect();
            let ours: HashMap<_, _> = reconcile_repo::by_ids(self.pool, self.provider.name(), &ids)
                .await?
                .into_iter()
                .map(|own| (own.id.0, own))
                .collect();
            for seen in &page.items {
                match seen.reference.and_then(|reference| ours.get(&reference)) {
                    Some(own) => self.compare(own, seen).await?,
                    None => self.foreign(seen),
                }
            }
            cursor = page.next;
            if cursor.is_none() {
                return Ok(());
            }
        }
    }

    /// Ours of the window that were not listed: those that were sent must be there by their own id.
    async fn unlisted(&mut self, window: Window) -> Result<(), PaymentError> {
        for own in reconcile_repo::sent_in(self.pool, self.provider.name(), window).await? {
            if self.seen.contains(&own.id) {
                continue;
            }
            let there = match &own.external_id {
                Some(external_id) => self.provider.payment(external_id).await?,
                None => None,
            };
            match there {
                Some(seen) => self.compare(&own, &seen).await?,
                None if matches!(own.status, Status::Succeeded | Status::Authorized) => {
                    self.compared += 1;
                    let external = own.external_id.as_deref();
                    self.add(DifferenceKind::MissingThere, Some(own.id), external, Some(own.amount.to_string()), None);
                }
                None => {}
            }
        }
        Ok(())
    }

    fn foreign(&mut self, seen: &fiat::Payment) {
        self.compared += 1;
        if matches!(seen.outcome, Outcome::Succeeded | Outcome::Authorized { .. }) {
            let theirs = Some(seen.amount.to_string());
            self.add(DifferenceKind::MissingHere, None, Some(&seen.external_id), None, theirs);
        }
    }

    async fn compare(&mut self, own: &Payment, seen: &fiat::Payment) -> Result<(), PaymentError> {
        self.compared += 1;
        self.seen.insert(own.id);
        let external = Some(seen.external_id.as_str());
        let amounts = (Some(own.amount.to_string()), Some(seen.amount.to_string()));
        if own.amount.currency() != seen.amount.currency() {
            self.add(DifferenceKind::Currency, Some(own.id), external, amounts.0, amounts.1);
        } else if own.amount != seen.amount {
            self.add(DifferenceKind::Amount, Some(own.id), external, amounts.0, amounts.1);
        }
        let word = transition::word(&seen.outcome);
        let is_same = own.status.as_str() == word || (own.status == Status::Created && word == "pending");
        if !is_same {
            self.add(
                DifferenceKind::Status,
                Some(own.id),
                external,
                Some(own.status.as_str().into()),
                Some(word.into()),
            );
        }
        if let Some(trouble) = &own.trouble {
            self.add(DifferenceKind::Trouble, Some(own.id), external, Some(trouble.clone()), None);
        }
        let mut db_tx = self.pool.begin().await?;
        record(&mut db_tx, own.id, seen, self.now).await?;
        db_tx.commit().await?;
        let refunded = reconcile_repo::refunded(self.pool, own.id).await?;
        if refunded != seen.refunded_minor {
            let (ours, theirs) = (refunded.to_string(), seen.refunded_minor.to_string());
            self.add(DifferenceKind::Refunded, Some(own.id), external, Some(ours), Some(theirs));
        }
        Ok(())
    }

    fn add(
        &mut self,
        kind: DifferenceKind,
        payment: Option<PaymentId>,
        external_id: Option<&str>,
        ours: Option<String>,
        theirs: Option<String>,
    ) {
        self.differences.push(Difference { kind, payment, external_id: external_id.map(str::to_owned), ours, theirs });
    }
}
