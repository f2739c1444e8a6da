//! What a seal says of transfers: one digest a row, one hash a seal. How to compute both elsewhere: `docs/ledger-proof.md`.

use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use uuid::Uuid;

use super::super::{Amount, row::Kind};

/// Of the encoding below, so that another one can follow.
const ENCODING: u8 = 2;
/// Bytes of a digest that a seal keeps of each row.
pub(super) const KEPT: usize = 8;

/// SHA-256.
pub(super) type Hash = [u8; 32];

/// All columns of a row of `ledger_transfer`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StoredRow {
    pub(super) position: i64,
    pub(super) id: Uuid,
    pub(super) debit: Uuid,
    pub(super) credit: Uuid,
    pub(super) amount: Amount,
    pub(super) kind: Kind,
    pub(super) hold: Option<Uuid>,
    pub(super) reverses: Option<Uuid>,
    pub(super) timeout_secs: Option<i32>,
    pub(super) partly: bool,
    pub(super) code: String,
    pub(super) reference: Option<String>,
    pub(super) event_at: OffsetDateTime,
    pub(super) created_at: OffsetDateTime,
}

impl StoredRow {
    /// SHA-256 of its encoding.
    pub(super) fn digest(&self) -> Hash {
        Sha256::digest(self.encoded()).into()
    }

    /// Each column has a fixed length or says its length first, so that no two rows are encoded the same.
    fn encoded(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(200);
        bytes.push(ENCODING);
        bytes.extend(self.position.to_be_bytes());
        for id in [self.id, self.debit, self.credit] {
            bytes.extend(id.as_bytes());
        }
        bytes.extend(self.amount.units().to_be_bytes());
        bytes.push(self.kind.number().to_be_bytes()[1]);
        for id in [self.hold, self.reverses] {
            optional(&mut bytes, id.as_ref().map(Uuid::as_bytes));
        }
        optional(&mut bytes, self.timeout_secs.map(i32::to_be_bytes).as_ref());
        bytes.push(self.partly.into());
        text(&mut bytes, &self.code);
        bytes.push(self.reference.is_some().into());
        if let Some(reference) = &self.reference {
            text(&mut bytes, reference);
        }
        for at in [self.event_at, self.created_at] {
            bytes.extend(micros(at).to_be_bytes());
        }
        bytes
    }
}

/// Hash of a seal; `before` is that of the seal before it, zeros for the first.
pub(super) fn seal_hash(before: &Hash, number: i64, last_position: i64, digests: &[Hash]) -> Hash {
    let mut hash = Sha256::new();
    hash.update(before);
    hash.update(number.to_be_bytes());
    hash.update(last_position.to_be_bytes());
    hash.update(u64::try_from(digests.len()).unwrap_or(u64::MAX).to_be_bytes());
    for digest in digests {
        hash.update(digest);
    }
    hash.finalize().into()
}

fn optional<const N: usize>(bytes: &mut Vec<u8>, field: Option<&[u8; N]>) {
    bytes.push(field.is_some().into());
    bytes.extend(field.into_iter().flatten());
}

fn text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
    bytes.extend(text.as_bytes());
}

/// Since 1970, as PostgreSQL keeps them.
fn micros(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> StoredRow {
        StoredRow {
            position: 1,
            id: Uuid::from_u128(1),
            debit: Uuid::from_u128(2),
            credit: Uuid::from_u128(3),
            amount: Amount::from(500),
            kind: Kind::Posted,
            hold: None,
            reverses: None,
            timeout_secs: None,
            partly: false,
            code: "topup".to_owned(),
            reference: None,
            event_at: OffsetDateTime::UNIX_EPOCH,
            created_at: OffsetDateTime::UNIX_EPOCH,
        }
    }

    /// The example of `docs/ledger-proof.md`.
    #[test]
    fn the_encoding_is_what_the_document_says() {
        let encoded = hex::encode(row().encoded());
        let digest = hex::encode(row().digest());
        let document = include_str!("../../../../docs/ledger-proof.md").replace(['\n', ' '], "");
        assert!(document.contains(&encoded), "{encoded}");
        assert!(document.contains(&digest), "{digest}");
        let hash = hex::encode(seal_hash(&[0; 32], 1, 1, &[row().digest()]));
        assert!(document.contains(&hash), "{hash}");
    }

    #[test]
    fn no_two_rows_that_differ_are_encoded_the_same() {
        let changes: [fn(&mut StoredRow); 16] = [
            |row| row.position = 2,
            |row| row.id = Uuid::from_u128(9),
            |row| row.debit = Uuid::from_u128(9),
            |row| row.credit = Uuid::from_u128(9),
            |row| row.amount = Amount::from(501),
            |row| row.kind = Kind::Pending,
            |row| row.hold = Some(Uuid::from_u128(9)),
            |row| row.reverses = Some(Uuid::from_u128(9)),
            |row| row.timeout_secs = Some(1),
            |row| row.partly = true,
            |row| row.code = "topu".to_owned(),
            |row| row.reference = Some(String::new()),
            |row| row.reference = Some("p".to_owned()),
            |row| row.event_at += time::Duration::MICROSECOND,
            |row| row.created_at += time::Duration::MICROSECOND,
            |_| {},
        ];
        let encoded: std::collections::BTreeSet<Vec<u8>> = changes
            .iter()
            .map(|change| {
                let mut row = row();
                change(&mut row);
                row.encoded()
            })
            .collect();
        assert_eq!(encoded.len(), changes.len());
    }
}
