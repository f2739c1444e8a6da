//! The ledger against itself: seals, transfers, and everything that is made of them.

use std::collections::HashSet;

use sqlx::{PgConnection, PgPool};

use super::{
    super::LedgerError,
    Difference,
    digest::{Hash, KEPT, StoredRow, seal_hash},
    seal_repo,
    verify_repo::{self, Seal},
};

/// Differences that are named at most.
const NAMED: usize = 100;
/// Transfers that came after a seal and are named with it at most.
const INSERTED: i64 = 1_000;

/// What was compared, in one snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// All transfers.
    pub transfers: u64,
    /// All accounts.
    pub accounts: u64,
    /// Transfers that are sealed.
    pub sealed: u64,
    /// The latest seal's number and hash, to be kept elsewhere; `None`: nothing is sealed.
    pub seal: Option<(i64, [u8; 32])>,
    /// The first hundred; none when the ledger is as it was written.
    pub differences: Vec<Difference>,
}

/// Compares the seals with the transfers; accounts, holds, entries and days with what the transfers make of them. Tells `progress`
/// how many transfers were compared with their seals. Memory does not grow with the ledger.
///
/// # Errors
/// The database's.
pub async fn verify(pool: &PgPool, progress: impl FnMut(u64)) -> Result<Verified, LedgerError> {
    let mut tx = verify_repo::begin_snapshot(pool).await?;
    let (sealed, seal, mut differences) = compare_seals(&mut tx, progress).await?;
    for check in verify_repo::CHECKS {
        let room = NAMED.saturating_sub(differences.len());
        if room > 0 {
            differences.extend(check.differences(&mut tx, i64::try_from(room).unwrap_or(i64::MAX)).await?);
        }
    }
    differences.truncate(NAMED);
    let (transfers, accounts) = verify_repo::counts(&mut tx).await?;
    Ok(Verified { transfers, accounts, sealed, seal, differences })
}

type Compared = (u64, Option<(i64, Hash)>, Vec<Difference>);

/// Seal after seal, each with its transfers in memory.
async fn compare_seals(conn: &mut PgConnection, mut progress: impl FnMut(u64)) -> sqlx::Result<Compared> {
    let (mut sealed, mut differences) = (0, Vec::new());
    let (mut number, mut last, mut before) = (0, 0, [[0; 32]; 2]);
    while let Some(seal) = verify_repo::seal_after(conn, number).await? {
        differences.extend((number + 1..seal.number).take(NAMED).map(Difference::SealMissing));
        if seal.first != last + 1 {
            differences.push(Difference::SealRange { number: seal.number, first: seal.first, expected: last + 1 });
        }
        let most = seal.transfers.saturating_add(INSERTED);
        let rows = seal_repo::rows_after(conn, seal.first - 1, seal.last, most).await?;
        let digests: Vec<Hash> = rows.iter().map(StoredRow::digest).collect();
        differences.extend(seal.compare(&before, &rows, &digests));
        // Where a seal is wrong, the next one was made of what it says, or of what it should say.
        before = [seal.hash, seal_hash(&before[0], seal.number, seal.last, &digests)];
        differences.truncate(NAMED);
        sealed += rows.len() as u64;
        progress(sealed);
        (number, last) = (seal.number, seal.last);
    }
    Ok((sealed, (number > 0).then_some((number, before[0])), differences))
}

impl Seal {
    /// Where neither says what the other does.
    fn compare(&self, before: &[Hash; 2], rows: &[StoredRow], digests: &[Hash]) -> Vec<Difference> {
        let kept: Vec<&[u8]> = self.digests.chunks(KEPT).collect();
        let same = kept.len() == rows.len() && kept.iter().zip(digests).all(|(kept, digest)| digest.starts_with(kept));
        let is_chained = before.iter().any(|before| seal_hash(before, self.number, self.last, digests) == self.hash);
        match (is_chained, same) {
            (true, true) => Vec::new(),
            (true, false) => vec![Difference::SealDigests(self.number)],
            (false, true) => vec![Difference::SealHash(self.number)],
            (false, false) => self.strangers(&kept, rows, digests),
        }
    }

    /// Which transfers were changed, taken out or put in: those that stayed what they were stand in the same order on both
    /// sides.
    fn strangers(&self, kept: &[&[u8]], rows: &[StoredRow], digests: &[Hash]) -> Vec<Difference> {
        let known: HashSet<&[u8]> = kept.iter().copied().collect();
        let there: HashSet<&[u8]> = digests.iter().map(|digest| &digest[..KEPT]).collect();
        let (seal, mut after, mut found) = (self.number, self.first - 1, Vec::new());
        let (mut kept, mut rows) = (kept.iter().peekable(), rows.iter().zip(digests).peekable());
        loop {
            // What has no counterpart at all may have been changed.
            let is_gone = kept.peek().is_some_and(|digest| !there.contains(**digest));
            let stranger = rows.peek().filter(|(_, digest)| !known.contains(&digest[..KEPT])).map(|(row, _)| *row);
            match stranger {
                Some(row) if is_gone => {
                    found.push(Difference::Changed { seal, position: row.position, id: row.id });
                    kept.next();
                }
                Some(row) => found.push(Difference::Inserted { seal, position: row.position, id: row.id }),
                None if is_gone => {
                    found.push(Difference::Missing { seal, after });
                    kept.next();
                    continue;
                }
                None => {
                    kept.next();
                }
            }
            match rows.next() {
                Some((row, _)) => after = row.position,
                None if kept.peek().is_none() => return found,
                None => {}
            }
        }
    }
}
