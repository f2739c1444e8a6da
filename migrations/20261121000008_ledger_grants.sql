-- ledger: what was given to somebody, and on what terms. Each is an account of its own, which it is spent from.
create table ledger_grant (
    grant_id       uuid primary key constraint ledger_grant_account references ledger_account (account_id),
    owner          text not null,
    asset          text not null constraint ledger_grant_asset references ledger_asset (asset),
    amount         numeric(38, 0) not null constraint ledger_grant_amount_positive check (amount > 0),
    category       text not null constraint ledger_grant_category_known check (category in ('paid', 'promotional')),
    -- lower ones are spent first
    priority       smallint not null constraint ledger_grant_priority_range check (priority between 0 and 100),
    -- null: at once
    effective_at   timestamptz,
    -- null: never
    expires_at     timestamptz,
    -- where its expiry is booked ahead; null: it does not expire
    expiry_account uuid constraint ledger_grant_expiry_account references ledger_account (account_id),
    -- kinds of products that it pays for; null: all
    applies_to     text[] constraint ledger_grant_applies_to_something check (cardinality(applies_to) > 0),
    -- what was paid for all of it, in the smallest unit of that asset; null: nothing
    cost           numeric(38, 0),
    cost_asset     text constraint ledger_grant_cost_asset references ledger_asset (asset),
    -- nothing is left of it and nothing held; a refund opens it again
    spent          boolean not null default false,
    created_at     timestamptz not null default now(),
    constraint ledger_grant_expires_after_effect check (expires_at > coalesce(effective_at, '-infinity')),
    constraint ledger_grant_expiry_is_booked check ((expires_at is null) = (expiry_account is null)),
    constraint ledger_grant_cost_whole check ((cost is null) = (cost_asset is null))
);
create index ledger_grant_to_spend on ledger_grant (owner, asset) where not spent;

-- Locks what somebody may spend on a kind of product, in one order for all, and gives it in the order of consumption. What a
-- hold whose time is over holds is there to be spent.
create function ledger_consumable(whose text, what text, product text)
    returns table (grant_id uuid, asset text, expires_at timestamptz, expiry_account uuid, available numeric)
    language plpgsql
    -- Its plans are kept for a session that may begin while the tables are empty.
    set enable_seqscan = off
as $$
#variable_conflict use_column
declare
    clock timestamptz;
begin
    perform from ledger_grant where owner = whose and asset = what and not spent order by grant_id for no key update;
    clock := clock_timestamp();
    return query
        select g.grant_id, g.asset, g.expires_at, g.expiry_account,
               a.credits_posted - a.debits_posted - a.debits_pending + coalesce((
                   select sum(late.remaining) from ledger_hold as late
                    where late.ended is null and late.expires_at <= clock and late.debit_account = g.grant_id), 0)
          from ledger_grant as g
          join ledger_account as a on a.account_id = g.grant_id
         where g.owner = whose and g.asset = what and not g.spent
           and (g.effective_at is null or g.effective_at <= clock)
           and (g.expires_at is null or g.expires_at > clock)
           and (g.applies_to is null or product = any(g.applies_to))
         order by g.priority, g.expires_at nulls last, g.grant_id;
end
$$;
