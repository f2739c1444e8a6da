//! Statements that fail: a fail-point at every write of the mirror.

use anyhow::Result;
use sqlx::PgPool;

/// Tables that one transaction of the mirror writes.
const TABLES: [&str; 13] = [
    "chain_cursor",
    "chain_block",
    "chain_log",
    "chain_log_orphan",
    "chain_log_partition",
    "chain_undo",
    "chain_event_sequence",
    "billing_plan_state",
    "billing_subscription_state",
    "billing_native_deposit",
    "billing_marketplace_sale",
    "billing_listing_revocation",
    "outbox",
];

/// What is taken from a sequence is not given back by a rollback, so it counts what failed.
const SETUP: &str = "
    create sequence trips;
    create table trip_chance (percent double precision not null);
    insert into trip_chance values (0);
    create function trip() returns trigger language plpgsql as $$
    begin
        if random() * 100 < (select percent from trip_chance) then
            perform nextval('trips');
            if random() < 0.5 then
                perform pg_terminate_backend(pg_backend_pid());
            end if;
            raise exception 'tripped at %', tg_table_name;
        end if;
        return null;
    end
    $$";

/// Puts the fail-points in; none fails yet.
pub async fn prepare(pool: &PgPool) -> Result<()> {
    sqlx::raw_sql(SETUP).execute(pool).await?;
    for table in TABLES {
        let trigger = format!(
            "create trigger trip after insert or update or delete on {table} for each statement execute function trip()"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(trigger)).execute(pool).await?;
    }
    Ok(())
}

/// How many of a hundred fail from now on.
pub async fn set(pool: &PgPool, percent: u32) -> Result<()> {
    sqlx::query("update trip_chance set percent = $1").bind(f64::from(percent)).execute(pool).await?;
    Ok(())
}

/// How many failed so far.
pub async fn count(pool: &PgPool) -> Result<i64> {
    let sql = "select case when is_called then last_value else 0 end from trips";
    Ok(sqlx::query_scalar(sql).fetch_one(pool).await?)
}
