//! `billing ledger` on a real database.

use std::process::Output;

use anyhow::Result;
use billing_core::{
    ids::{AccountId, TransferId},
    ledger::{self, Action, Amount, Movement, NewAccount, Transfer},
};
use test_support::Database;
use tokio::process::Command;

async fn ask(database: &Database, arguments: &[&str]) -> Result<(i32, String, String)> {
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_billing"))
        .arg("ledger")
        .args(arguments)
        .env("DATABASE_URL", database.url())
        .output()
        .await?;
    Ok((status.code().unwrap_or(-1), String::from_utf8(stdout)?, String::from_utf8(stderr)?))
}

fn asked(action: Action) -> Transfer {
    Transfer { id: TransferId::new(), action, code: "topup".to_owned(), reference: None, event_at: None }
}

#[tokio::test]
async fn the_ledger_is_read_and_the_first_difference_comes_first() -> Result<()> {
    let database = Database::new().await;
    let [customer, house] = [AccountId::new(), AccountId::new()];
    let mut conn = database.pool().acquire().await?;
    ledger::name_asset(&mut conn, "RUB", 2).await?;
    let of =
        |id, kind: &str| NewAccount { id, asset: "RUB".to_owned(), kind: kind.to_owned(), owner: None, limited: None };
    ledger::open_accounts(&mut conn, &[of(customer, "customer"), of(house, "house")]).await?;
    let movement = |debit, credit, amount| Movement { debit, credit, amount: Amount::from(amount) };
    let topup = asked(Action::Post(movement(house, customer, 10_000)));
    let hold =
        asked(Action::Hold { movement: movement(customer, house, 2_550), timeout_secs: Some(3_600), partly: false });
    for transfer in [topup, hold.clone()] {
        ledger::post(database.pool(), &[transfer]).await?.remove(0)?;
    }
    let id = customer.to_string();

    let (code, text, _) = ask(&database, &["balance", &id]).await?;
    assert!(code == 0 && text.contains("100.00") && text.contains("74.50"), "{text}");
    let (code, text, _) = ask(&database, &["balance", &id, "--at", "2020-01-01T00:00:00Z", "--by", "event"]).await?;
    assert!(code == 0 && text.contains("0.00") && !text.contains("100.00"), "{text}");
    let (code, text, _) = ask(&database, &["statement", &id, "--json"]).await?;
    let lines: serde_json::Value = serde_json::from_str(&text)?;
    assert_eq!(
        (code, lines[0]["pending_out"].as_str(), lines[1]["balance"].as_str()),
        (0, Some("25.50"), Some("100.00"))
    );
    let (code, text, _) = ask(&database, &["holds", &id]).await?;
    assert!(code == 0 && text.contains(&hold.id.to_string()), "{text}");
    for at in [&["owner", "anna"][..], &["owner", "anna", "--at", "2020-01-01T00:00:00Z"]] {
        let (code, text, _) = ask(&database, at).await?;
        assert!(code == 0 && text.contains("No accounts"), "{text}");
    }
    let (code, text, _) = ask(&database, &["grants", "anna"]).await?;
    assert!(code == 0 && text.contains("No grants"), "{text}");
    let (code, text, _) = ask(&database, &["trial-balance"]).await?;
    assert!(code == 0 && text.contains("(all)"), "{text}");
    let (code, text, _) = ask(&database, &["explained", &id]).await?;
    assert!(code == 0 && text.contains("0.00 %"), "{text}");
    let (code, _, error) = ask(&database, &["holds", &AccountId::new().to_string()]).await?;
    assert!(code == 1 && error.contains("no account"), "{error}");

    let mut sealed = false;
    // Other tests' transactions are waited for.
    for _ in 0..60 {
        if sealed {
            break;
        }
        sealed = ask(&database, &["seal"]).await?.1.contains("2 transfers sealed");
    }
    assert!(sealed);
    let (code, text, error) = ask(&database, &["verify"]).await?;
    assert!(code == 0 && text.contains("2 transfers, 2 of them sealed, 2 accounts, 0 differences"), "{text}{error}");
    sqlx::raw_sql("set session_replication_role = replica; update ledger_transfer set amount = 1 where position = 1")
        .execute(&mut *conn)
        .await?;
    let (code, text, error) = ask(&database, &["verify"]).await?;
    assert_eq!(code, 1);
    assert!(text.lines().next().is_some_and(|line| line.ends_with("at position 1 is not what seal 1 says")), "{text}");
    assert!(error.contains("not as it was written"), "{error}");
    Ok(())
}
