//! Reads the commands of the document, and writes accounts and amounts as it does.

use std::collections::HashMap;

use anyhow::{Context, Result, bail, ensure};
use billing_core::{
    ids::{AccountId, GrantId, TransferId},
    ledger::{
        self, Amount, Answer, By, House, Movement, NewAccount, Transfer,
        grants::{self, Category, Cost, NewGrant, Paid, Spend, Timeout},
    },
};
use sqlx::PgPool;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// Accounts of the house that the document names.
const HOUSES: [House<'static>; 9] = [
    House::Sold,
    House::Given,
    House::Revenue,
    House::Breakage,
    House::Rail("yookassa"),
    House::Prepaid,
    House::Fees,
    House::Adjustments,
    House::Suspense,
];

/// Kinds of accounts in the document's order.
pub fn chart() -> Vec<String> {
    let houses = HOUSES.iter().map(|house| match house {
        House::Rail(_) => House::Rail("NAME").kind(),
        house => house.kind(),
    });
    ["grant", "grant_expiry"].map(str::to_owned).into_iter().chain(houses).collect()
}

#[derive(sqlx::FromRow)]
struct Written {
    position: i64,
    debit_account: Uuid,
    credit_account: Uuid,
    amount: Amount,
    kind: String,
    event_at: OffsetDateTime,
    created_at: OffsetDateTime,
    asset: String,
}

pub struct Clerk {
    pool: PgPool,
    start: OffsetDateTime,
    ids: HashMap<String, TransferId>,
    names: HashMap<AccountId, String>,
    seen: i64,
}

impl Clerk {
    pub async fn begin(pool: &PgPool) -> Result<Self> {
        let mut conn = pool.acquire().await?;
        for (asset, scale, house) in [("credits", 0, &House::OF_CREDITS[..]), ("RUB", 2, &House::OF_MONEY)] {
            ledger::name_asset(&mut conn, asset, scale).await?;
            ledger::open_house(&mut conn, asset, house).await?;
        }
        let names = ["credits", "RUB"]
            .into_iter()
            .flat_map(|asset| HOUSES.iter().map(move |house| (house.account(asset), house.kind())));
        let (names, start) = (names.collect(), OffsetDateTime::now_utc());
        Ok(Self { pool: pool.clone(), start, ids: HashMap::new(), names, seen: 0 })
    }

    /// One command in a transaction of its own.
    pub async fn run(&mut self, command: &str) -> Result<()> {
        let (head, tail) = command.split_once(": ").unwrap_or((command, ""));
        let words: Vec<&str> = head.split(' ').collect();
        let more: Vec<&str> = tail.split(", ").collect();
        let mut tx = self.pool.begin().await?;
        let answer: Answer = match words.as_slice() {
            ["open", name] => {
                let account = NewAccount {
                    id: AccountId::new(),
                    asset: tail.to_owned(),
                    kind: "studio".to_owned(),
                    owner: Some((*name).to_owned()),
                    limited: None,
                };
                ledger::open_accounts(&mut tx, std::slice::from_ref(&account)).await?;
                self.names.insert(account.id, (*name).to_owned());
                return Ok(tx.commit().await?);
            }
            ["grant", name, "to", owner] => {
                let grant = self.grant(name, owner, &more)?;
                grants::grant(&mut tx, &grant).await?
            }
            ["top", "up", name, "to", owner] => {
                let (credits, price) = more[0].split_once(" for ").context("for how much")?;
                let (price, rail) = price.split_once(" by ").context("by whom")?;
                let mut grant = self.grant(name, owner, &[credits])?;
                let (amount, asset) = parse(price)?;
                (grant.category, grant.cost) = (Category::Paid, Some(Cost { asset, amount }));
                let fee = more.iter().find_map(|part| part.strip_prefix("fee "));
                let fee = fee.map_or(Ok(Amount::ZERO), |fee| parse(fee).map(|(amount, _)| amount))?;
                grants::top_up(&mut tx, &grant, &Paid { rail: rail.to_owned(), fee }).await?
            }
            ["spend", name, "of", owner] => grants::spend(&mut tx, &self.spend(name, owner, more[0])?).await?,
            ["hold", name, "of", owner] => {
                let secs = more.get(1).and_then(|part| part.strip_suffix(" seconds")).context("how long")?;
                let timeout = Timeout { secs: Some(secs.parse()?), partly: false };
                grants::hold(&mut tx, &self.spend(name, owner, more[0])?, timeout).await?
            }
            ["commit", name, "of", hold] => {
                let (id, hold) = (self.id(name), self.id(hold));
                grants::commit(&mut tx, id, hold, amount(more[0])?, false, None).await?
            }
            ["release", name, "of", hold] => {
                let (id, hold) = (self.id(name), self.id(hold));
                grants::release(&mut tx, id, hold, None).await?
            }
            ["refund", name, "of", of] => {
                let (id, of) = (self.id(name), self.id(of));
                grants::refund(&mut tx, id, of, amount(more[0])?, None).await?
            }
            ["revoke", name, "of", grant] => {
                let (id, grant) = (self.id(name), GrantId(self.id(grant).0));
                grants::revoke(&mut tx, id, grant, amount(more[0])?, None).await?
            }
            ["transfer", name, "from", from, "to", to] => {
                let transfer = Transfer::of(self.id(name), self.movement(from, to, more[0])?);
                ledger::post_one_in_tx(&mut tx, &transfer).await?
            }
            ["reverse", name, "of", of] => {
                let reversal = Transfer::reversal(self.id(name), self.id(of), amount(more[0])?);
                ledger::post_one_in_tx(&mut tx, &reversal).await?
            }
            ["adjust", name, "from", from, "to", to] => {
                let reason = more.get(1).and_then(|part| part.strip_prefix("because ")).context("because of what")?;
                let movement = self.movement(from, to, more[0])?;
                let adjustment = Transfer::adjustment(self.id(name), movement, reason.to_owned());
                ledger::post_one_in_tx(&mut tx, &adjustment).await?
            }
            _ => bail!("not a command"),
        };
        answer?;
        Ok(tx.commit().await?)
    }

    /// Rows that were not told yet, as the document writes them.
    pub async fn written(&mut self) -> Result<Vec<String>> {
        let rows: Vec<Written> = sqlx::query_as(
            "select t.position, t.debit_account, t.credit_account, t.amount, t.kind::text, t.event_at, t.created_at, a.asset
               from ledger_transfer as t join ledger_account as a on a.account_id = t.debit_account
              where t.position > $1 order by t.position",
        )
        .bind(self.seen)
        .fetch_all(&self.pool)
        .await?;
        self.seen = rows.last().map_or(self.seen, |row| row.position);
        Ok(rows.iter().map(|row| self.line(row)).collect())
    }

    fn line(&self, row: &Written) -> String {
        let days = ((row.event_at - row.created_at).whole_hours() + 12) / 24;
        let from = if days > 0 { format!("in {days} days") } else { "now".to_owned() };
        let [debit, credit] = [row.debit_account, row.credit_account]
            .map(|id| self.names.get(&AccountId(id)).map_or("?", String::as_str));
        let amount = shown(row.amount.units().try_into().unwrap_or(i64::MAX), &row.asset);
        format!("{debit} | {credit} | {amount} | {} | {from}", row.kind)
    }

    /// `anna today`, `anna in 31 days`, `anna/pack available`, or an account's name.
    pub async fn balance(&self, what: &str) -> Result<String> {
        if let Some(account) = what.strip_suffix(" available") {
            return self.total(account, "credits_posted - debits_posted - debits_pending").await;
        }
        let (owner, days) = match what.split_once(' ') {
            Some((owner, "today")) => (owner, 0),
            Some((owner, later)) => {
                let days = later.strip_prefix("in ").and_then(|later| later.strip_suffix(" days")).context("when")?;
                (owner, days.parse()?)
            }
            None => return self.total(what, "credits_posted - debits_posted").await,
        };
        let mut conn = self.pool.acquire().await?;
        let at = OffsetDateTime::now_utc() + Duration::days(days);
        let then = ledger::owner_balances_at(&mut conn, owner, at, By::Event).await?.remove(0);
        if days == 0 {
            let now = ledger::owner_balances(&mut conn, owner).await?.remove(0);
            ensure!(now.posted == then.posted, "now {}, and at this instant {}", now.posted, then.posted);
        }
        Ok(shown(then.posted.to_string().parse()?, &then.asset))
    }

    async fn total(&self, account: &str, what: &str) -> Result<String> {
        let ids: Vec<_> = self.names.iter().filter(|(_, name)| *name == account).map(|(id, _)| id.0).collect();
        let statement = format!(
            "select ({what})::bigint, asset from ledger_account
              where account_id = any($1) order by debits_posted + credits_posted desc limit 1"
        );
        let (units, asset): (i64, String) =
            sqlx::query_as(sqlx::AssertSqlSafe(statement)).bind(ids).fetch_one(&self.pool).await?;
        Ok(shown(units, &asset))
    }

    fn id(&mut self, name: &str) -> TransferId {
        *self.ids.entry(name.to_owned()).or_insert_with(TransferId::new)
    }

    fn grant(&mut self, name: &str, owner: &str, terms: &[&str]) -> Result<NewGrant> {
        let id = GrantId(self.id(name).0);
        self.names.insert(id.account(), format!("{owner}/{name}"));
        self.names.insert(id.expiry_account(), format!("{owner}/{name}/expiry"));
        let term = |word: &str| terms.iter().find_map(|term| term.strip_prefix(word));
        let days = term("expires in ").and_then(|days| days.strip_suffix(" days")).map(str::parse).transpose()?;
        let (amount, asset) = parse(terms[0])?;
        Ok(NewGrant {
            id,
            owner: owner.to_owned(),
            asset,
            amount,
            category: Category::Promotional,
            priority: term("priority ").map_or(Ok(50), str::parse)?,
            effective_at: None,
            expires_at: days.map(|days| self.start + Duration::days(days)),
            applies_to: Vec::new(),
            cost: None,
            reference: None,
        })
    }

    fn spend(&mut self, name: &str, owner: &str, amount: &str) -> Result<Spend> {
        let (amount, asset) = parse(amount)?;
        let (owner, credit) = (owner.to_owned(), House::Revenue.account(&asset));
        Ok(Spend { id: self.id(name), owner, asset, amount, product: None, credit, reference: None })
    }

    fn movement(&self, from: &str, to: &str, amount: &str) -> Result<Movement> {
        let (amount, asset) = parse(amount)?;
        let account = |name: &str| {
            let house = HOUSES.iter().find(|house| house.kind() == name).map(|house| house.account(&asset));
            let other = || self.names.iter().find(|(_, known)| *known == name).map(|(id, _)| *id);
            house.or_else(other).with_context(|| format!("no account {name}"))
        };
        Ok(Movement { debit: account(from)?, credit: account(to)?, amount })
    }
}

/// `all`, or an amount.
fn amount(text: &str) -> Result<Option<Amount>> {
    if text == "all" { Ok(None) } else { parse(text).map(|(amount, _)| Some(amount)) }
}

fn parse(text: &str) -> Result<(Amount, String)> {
    let (number, asset) = text.split_once(' ').context("of what")?;
    Ok((Amount::from(number.replace('.', "").parse::<u64>()?), asset.to_owned()))
}

fn shown(units: i64, asset: &str) -> String {
    let sign = if units < 0 { "-" } else { "" };
    let units = units.unsigned_abs();
    if asset == "RUB" {
        format!("{sign}{}.{:02} RUB", units / 100, units % 100)
    } else {
        format!("{sign}{units} {asset}")
    }
}
