//! The ledger is found to be as it was written, and whatever was changed in it is named.

use anyhow::Result;
use billing_core::ledger;
use sqlx::PgPool;
use test_support::Database;

use super::{
    history::{changed, histories, open, seal_all, write},
    world::{accounts, commit, held, moved, post, release},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_after_any_history_is_as_it_was_written() -> Result<()> {
    for history in histories(10) {
        let database = Database::new().await;
        open(database.pool()).await?;
        write(database.pool(), &history, false).await?;
        let verified = ledger::verify(database.pool(), |_| {}).await?;
        assert_eq!(verified.differences, vec![], "{history:#?}");
        seal_all(database.pool(), 40).await?;
        let mut compared = 0;
        let verified = ledger::verify(database.pool(), |transfers| compared = transfers).await?;
        assert_eq!(verified.differences, vec![], "{history:#?}");
        assert_eq!((verified.sealed, compared), (verified.transfers, verified.transfers));
    }
    Ok(())
}

const TABLES: [&str; 6] =
    ["ledger_account", "ledger_transfer", "ledger_hold", "ledger_seal", "ledger_entry", "ledger_day"];

/// What is done to the ledger, and what is said of it. `{moved}` and the like stand for ids.
const CORRUPTIONS: [(&str, &str); 33] = [
    (
        "update ledger_transfer set amount = 99 where transfer_id = '{moved}'",
        "transfer {moved} at position 2 is not what seal 1 says",
    ),
    (
        "update ledger_transfer set amount = 99 where transfer_id = '{moved}'",
        "account {first}: credits_posted is 14, its transfers say 103",
    ),
    (
        "update ledger_transfer set amount = 99 where transfer_id = '{moved}'",
        "entry of account {first} at position 2: posted is 10",
    ),
    (
        "update ledger_transfer set credit_account = '{second}' where transfer_id = '{moved}'",
        "account {second}: credits_posted is 22, its transfers say 32",
    ),
    (
        "update ledger_transfer set event_at = event_at - interval '1 year' where transfer_id = '{moved}'",
        "transfer {moved} at position 2 is not what seal 1 says",
    ),
    (
        "update ledger_transfer set code = 'other' where transfer_id = '{unsealed}'; update ledger_transfer set reference = '' where transfer_id = '{moved}'",
        "transfer {moved} at position 2 is not what seal 1 says",
    ),
    (
        "delete from ledger_transfer where transfer_id = '{moved}'",
        "a transfer after position 1, sealed by seal 1, is missing",
    ),
    ("delete from ledger_transfer where transfer_id = '{unsealed}'", "account {first}: "),
    (
        "insert into ledger_transfer (transfer_id, position, debit_account, credit_account, amount, kind, pending_id, reverses, timeout_secs, partly, code, reference, event_at, created_at) select gen_random_uuid(), 3, debit_account, credit_account, amount, kind, pending_id, reverses, timeout_secs, partly, code, reference, event_at, created_at from ledger_transfer where transfer_id = '{moved}'",
        "at position 3 came after seal 1",
    ),
    (
        "update ledger_transfer set position = 3 where transfer_id = '{moved}'",
        "transfer {moved} at position 3 is not what seal 1 says",
    ),
    (
        "update ledger_account set debits_posted = debits_posted + 1 where account_id = '{house}'",
        "account {house}: debits_posted is",
    ),
    (
        "update ledger_account set debits_posted = debits_posted + 1 where account_id = '{house}'",
        "credits: debits posted are",
    ),
    (
        "update ledger_account set credits_pending = credits_pending + 1 where account_id = '{house}'",
        "credits: debits pending are",
    ),
    (
        "alter table ledger_account drop constraint ledger_account_not_overdrawn; update ledger_account set debits_posted = 1000 where account_id = '{first}'",
        "account {first} is overdrawn",
    ),
    (
        "update ledger_hold set remaining = 4 where transfer_id = '{parts}'",
        "hold {parts}: remaining is 4, its transfers say 3",
    ),
    (
        "update ledger_hold set ended = null, remaining = 1 where transfer_id = '{released}'",
        "hold {released}: ended is nothing, its transfers say voided",
    ),
    (
        "update ledger_hold set expires_at = expires_at + interval '1 day' where transfer_id = '{parts}'",
        "hold {parts}: expires_at is",
    ),
    ("delete from ledger_hold where transfer_id = '{parts}'", "hold {parts}: remaining is nothing"),
    (
        "update ledger_seal set hash = sha256('') where seal_number = 1",
        "the hash of seal 1 is not that of its transfers",
    ),
    (
        "update ledger_seal set digests = overlay(digests placing '\\x00000000'::bytea from 9 for 4) where seal_number = 1",
        "seal 1 keeps other digests",
    ),
    ("delete from ledger_seal where seal_number = 1", "seal 1 is missing"),
    ("delete from ledger_seal where seal_number = 2", "its transfer says nothing"),
    ("delete from ledger_account where account_id = '{second}'", "which does not exist"),
    ("update ledger_account set asset = 'RUB' where account_id = '{second}'", "to one of RUB"),
    (
        "update ledger_entry set posted = posted + 1 where account_id = '{first}' and position = 2",
        "entry of account {first} at position 2: posted is 11, its transfer says 10",
    ),
    (
        "update ledger_day set pending_out = pending_out + 1 where account_id = '{first}' and kind = 'event'",
        "by event: pending_out is",
    ),
    (
        "delete from ledger_transfer where position in (4, 5)",
        "a transfer after position 2, sealed by seal 1, is missing",
    ),
    (
        "delete from ledger_entry where account_id = '{first}' and position = 2",
        "entry of account {first} at position 2: posted is nothing, its transfer says 10",
    ),
    (
        "delete from ledger_day where account_id = '{first}' and kind = 'booking'",
        "by booking: posted is nothing, its entries say",
    ),
    (
        "update ledger_transfer set pending_id = '{released}' where pending_id = '{parts}'",
        "ends hold {released}, which is not one between its accounts",
    ),
    (
        "insert into ledger_transfer (transfer_id, position, debit_account, credit_account, amount, kind, pending_id, reverses, timeout_secs, partly, code, reference, event_at, created_at) select gen_random_uuid(), 1000, debit_account, credit_account, amount, kind, pending_id, reverses, timeout_secs, partly, code, reference, event_at, created_at from ledger_transfer where pending_id = '{released}'",
        "hold {released} is ended more than once",
    ),
    (
        "update ledger_transfer set reverses = '{parts}' where transfer_id = '{moved}'",
        "transfer {moved} takes back {parts}, which it cannot",
    ),
    (
        "insert into ledger_transfer (transfer_id, position, debit_account, credit_account, amount, kind, pending_id, reverses, timeout_secs, partly, code, reference, event_at, created_at) select gen_random_uuid(), 1000, credit_account, debit_account, 11, kind, null, transfer_id, null, false, code, reference, event_at, created_at from ledger_transfer where transfer_id = '{moved}'",
        "of transfer {moved} 11 are taken back, it moved 10",
    ),
];

/// Names of ids as they stand in [`CORRUPTIONS`].
type Ids = Vec<(&'static str, String)>;

/// Two customers, a hold taken from in parts, one given back, one committed; two seals, and one transfer that is not sealed.
async fn begin(pool: &PgPool) -> Result<Ids> {
    let (customers, house) = accounts(pool, 2).await?;
    ledger::name_asset(&mut *pool.acquire().await?, "RUB", 2).await?;
    let (first, second) = (customers[0], customers[1]);
    let moved_one = moved(house, first, 10);
    post(pool, &moved(house, second, 20)).await??;
    post(pool, &moved_one).await??;
    let mut tx = pool.begin().await?;
    // Nobody has position 3.
    ledger::post_one_in_tx(&mut tx, &moved(house, second, 1)).await??;
    tx.rollback().await?;
    let (parts, released, whole) =
        (held(first, second, 5, true), held(first, house, 2, false), held(second, first, 4, false));
    for transfer in [&parts, &released, &whole] {
        post(pool, transfer).await??;
    }
    seal_all(pool, 100).await?;
    let unsealed = moved(house, first, 1);
    for transfer in [&commit(&parts, 2, true), &release(&released), &commit(&whole, 3, false)] {
        post(pool, transfer).await??;
    }
    seal_all(pool, 100).await?;
    post(pool, &unsealed).await??;
    Ok(vec![
        ("{first}", first.to_string()),
        ("{second}", second.to_string()),
        ("{house}", house.to_string()),
        ("{moved}", moved_one.id.to_string()),
        ("{unsealed}", unsealed.id.to_string()),
        ("{parts}", parts.id.to_string()),
        ("{released}", released.id.to_string()),
    ])
}

fn with(ids: &Ids, text: &str) -> String {
    ids.iter().fold(text.to_owned(), |text, (name, id)| text.replace(name, id))
}

#[tokio::test]
async fn whatever_was_changed_is_named() -> Result<()> {
    let database = Database::new().await;
    let pool = database.pool();
    let ids = begin(pool).await?;
    assert_eq!(ledger::verify(pool, |_| {}).await?.differences, vec![]);
    for table in TABLES {
        changed(pool, &format!("create table kept_{table} as table {table}")).await?;
    }
    let mut unnamed = Vec::new();
    for (corruption, said) in CORRUPTIONS {
        changed(pool, &with(&ids, corruption)).await?;
        let found: Vec<String> =
            ledger::verify(pool, |_| {}).await?.differences.iter().map(ToString::to_string).collect();
        if !found.iter().any(|difference| difference.contains(&with(&ids, said))) {
            unnamed.push(format!("{corruption}: expected {}, found {found:#?}", with(&ids, said)));
        }
        for table in TABLES {
            changed(pool, &format!("delete from {table}; insert into {table} select * from kept_{table}")).await?;
        }
        assert_eq!(ledger::verify(pool, |_| {}).await?.differences, vec![], "after {corruption}");
    }
    assert!(unnamed.is_empty(), "{}", unnamed.join("\n"));
    Ok(())
}

/// It, and the one after it where that can no longer follow.
#[tokio::test]
async fn of_a_chain_of_seals_the_one_that_was_changed_is_named() -> Result<()> {
    for (corruption, said) in [
        ("update ledger_seal set hash = sha256('') where seal_number = 3", vec!["the hash of seal 3"]),
        (
            "update ledger_seal set digests = 'abcdefghabcdefgh' where seal_number = 3",
            vec!["seal 3 keeps other digests"],
        ),
        ("update ledger_transfer set code = 'other' where position = 5", vec!["at position 5 is not what seal 3 says"]),
        (
            "delete from ledger_seal where seal_number = 3",
            vec!["seal 3 is missing", "seal 4 begins", "the hash of seal 4"],
        ),
        ("update ledger_seal set last_position = 5 where seal_number = 3", vec!["after position 5", "seal 4 begins"]),
    ] {
        let database = Database::new().await;
        let (customers, house) = accounts(database.pool(), 1).await?;
        for _ in 0..12 {
            post(database.pool(), &moved(house, customers[0], 1)).await??;
        }
        seal_all(database.pool(), 2).await?;
        changed(database.pool(), corruption).await?;
        let found = ledger::verify(database.pool(), |_| {}).await?.differences;
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), said.len(), "{found:#?}");
        assert!(found.iter().zip(&said).all(|(found, said)| found.contains(said)), "{found:#?}");
    }
    Ok(())
}

#[tokio::test]
async fn the_first_hundred_differences_are_named() -> Result<()> {
    let database = Database::new().await;
    let (customers, house) = accounts(database.pool(), 1).await?;
    for _ in 0..120 {
        post(database.pool(), &moved(house, customers[0], 1)).await??;
    }
    seal_all(database.pool(), 50).await?;
    changed(database.pool(), "update ledger_transfer set code = 'other'").await?;
    let verified = ledger::verify(database.pool(), |_| {}).await?;
    assert_eq!(verified.differences.len(), 100);
    assert!(verified.differences[0].to_string().contains("at position 1 is not what seal 1 says"));
    Ok(())
}
