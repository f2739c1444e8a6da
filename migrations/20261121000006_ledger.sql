-- ledger: what is counted, and to how many digits. An amount is a whole number of the smallest unit.
create table ledger_asset (
    asset      text primary key,
    scale      smallint not null constraint ledger_asset_scale_range check (scale between 0 and 36),
    created_at timestamptz not null default now()
);

-- ledger: accounts. The four totals are sums over ledger_transfer: a hold counts as pending until it is ended.
create table ledger_account (
    account_id      uuid primary key,
    asset           text not null constraint ledger_account_asset references ledger_asset (asset),
    -- what the account is for: customer, revenue, fee, ...
    kind            text not null,
    -- whose it is; null for accounts of the house
    owner           text,
    -- which side may not exceed the other: 'debits' of what holds money for somebody, 'credits' of what is owed to us
    limited         text constraint ledger_account_limited_known check (limited in ('debits', 'credits')),
    debits_pending  numeric(38, 0) not null default 0,
    debits_posted   numeric(38, 0) not null default 0,
    credits_pending numeric(38, 0) not null default 0,
    credits_posted  numeric(38, 0) not null default 0,
    created_at      timestamptz not null default now(),
    constraint ledger_account_totals_not_negative
        check (least(debits_pending, debits_posted, credits_pending, credits_posted) >= 0),
    -- Holds are taken from what is there already, so that ending one cannot overdraw.
    constraint ledger_account_not_overdrawn check (case limited
        when 'debits' then debits_posted + debits_pending <= credits_posted
        when 'credits' then credits_posted + credits_pending <= debits_posted
        else true end)
) with (fillfactor = 70);
create index ledger_account_by_owner on ledger_account (owner, kind) where owner is not null;

create type ledger_transfer_kind as enum ('posted', 'pending', 'post_pending', 'void_pending');

-- ledger: one row is both sides of an entry. Never changed, never deleted.
create table ledger_transfer (
    transfer_id    uuid primary key,
    -- order of writing: along any account, later rows have higher ones
    position       bigint generated always as identity,
    -- No foreign keys: both accounts are locked while a row is written, and a check for each row would cost as much as the
    -- row. `ledger verify` looks for orphans.
    debit_account  uuid not null,
    credit_account uuid not null,
    -- of a pending one, what is held; of one that ends a hold, what of it is posted or given back
    amount         numeric(38, 0) not null,
    kind           ledger_transfer_kind not null,
    -- the hold that it ends, or takes from
    pending_id     uuid,
    -- of a pending one: seconds, by the database's clock; null for no end
    timeout_secs   integer,
    -- of a pending one: may be taken from several times; of one that takes from it: leaves the rest held
    partly         boolean not null default false,
    -- what it is for: topup, hold, refund, ...
    code           text not null,
    -- what of the caller's it belongs to
    reference      text,
    -- when it happened, which may be long before it was written
    event_at       timestamptz not null,
    created_at     timestamptz not null,
    constraint ledger_transfer_two_accounts check (debit_account <> credit_account),
    constraint ledger_transfer_amount_positive check (amount > 0 or (amount = 0 and kind = 'void_pending')),
    constraint ledger_transfer_hold_named check ((kind in ('post_pending', 'void_pending')) = (pending_id is not null)),
    constraint ledger_transfer_timeout_of_holds check (timeout_secs is null or (kind = 'pending' and timeout_secs > 0))
);
create index ledger_transfer_by_debit on ledger_transfer (debit_account, position);
create index ledger_transfer_by_credit on ledger_transfer (credit_account, position);

create function ledger_refuse_change() returns trigger
    language plpgsql
as $$
begin
    raise exception '% is never changed: write a transfer that takes it back', tg_table_name
        using errcode = 'restrict_violation';
end
$$;
create trigger ledger_transfer_immutable before update or delete or truncate on ledger_transfer
    for each statement execute function ledger_refuse_change();

-- ledger: where each hold stands; a projection of ledger_transfer.
create table ledger_hold (
    transfer_id    uuid primary key,
    debit_account  uuid not null,
    credit_account uuid not null,
    -- not taken and not given back yet
    remaining      numeric(38, 0) not null constraint ledger_hold_remaining_not_negative check (remaining >= 0),
    partly         boolean not null,
    -- null: it has no timeout
    expires_at     timestamptz,
    -- how it ended
    ended          text constraint ledger_hold_ended_known check (ended in ('posted', 'voided', 'expired')),
    constraint ledger_hold_open_while_remaining check ((ended is null) = (remaining > 0))
) with (fillfactor = 80);
create index ledger_hold_open on ledger_hold (debit_account, expires_at) where ended is null;
create index ledger_hold_expiring on ledger_hold (expires_at) where ended is null and expires_at is not null;

-- Id of the row that ends a hold whose time is over: the same whoever writes it, and of a version that nobody makes.
create function ledger_expiry_id(hold uuid) returns uuid
    language sql immutable strict parallel safe
    return overlay(hold::text placing 'e' from 15 for 1)::uuid;

-- Locks what a batch may touch, in one order for all, and gives it as it is once that is done: the accounts named, those of
-- the holds named, and those of holds whose time is over on a named account. Then the holds, and which of the transfers are
-- there already. The clock is read last, so that along an account time goes on.
create function ledger_open(accounts uuid[], transfers uuid[], holds uuid[])
    returns table (
        what text, id uuid, debit uuid, credit uuid, hold uuid, first numeric, second numeric, third numeric, fourth numeric,
        word text, other text, more text, secs integer, partly boolean, event_at timestamptz, at timestamptz)
    language plpgsql
as $$
declare
    locked uuid[];
    clock  timestamptz;
begin
    select array_agg(distinct account) into locked
      from (select unnest(accounts)
            union all
            select unnest(array[h.debit_account, h.credit_account])
              from ledger_hold h where h.transfer_id = any(holds)
            union all
            (select unnest(array[h.debit_account, h.credit_account])
               from ledger_hold h
              where h.debit_account = any(accounts) and h.ended is null and h.expires_at <= clock_timestamp()
              limit 200)) as wanted (account);
    perform from ledger_account where account_id = any(locked) order by account_id for no key update;
    clock := clock_timestamp();
    return query
        select 'account', a.account_id, null::uuid, null::uuid, null::uuid, a.debits_pending, a.debits_posted, a.credits_pending,
               a.credits_posted, a.asset, a.limited, null, null::integer, null::boolean, null::timestamptz, clock
          from ledger_account a where a.account_id = any(locked);
    return query
        select 'hold', h.transfer_id, h.debit_account, h.credit_account, null::uuid, h.remaining, null::numeric, null::numeric,
               null::numeric, h.ended, null, null, null::integer, h.partly, null::timestamptz, h.expires_at
          from ledger_hold h
         where h.transfer_id = any(holds)
            or h.debit_account = any(accounts) and h.ended is null and h.expires_at <= clock;
    return query
        select 'transfer', t.transfer_id, t.debit_account, t.credit_account, t.pending_id, t.amount, null::numeric, null::numeric,
               null::numeric, t.code, t.reference, t.kind::text, t.timeout_secs, t.partly, t.event_at, t.created_at
          from ledger_transfer t where t.transfer_id = any(transfers);
end
$$;

-- One transfer in one round trip, where nothing is in its way: gives when it was written. Null: nothing was written, and
-- who wants to know why, or has a batch, takes the way of ledger_open.
create function ledger_post(
    id uuid, hold boolean, debit uuid, credit uuid, moved numeric, secs integer, parts boolean, what text, whose text,
    happened timestamptz)
    returns timestamptz
    language plpgsql
as $$
declare
    party  ledger_account;
    asset  text;
    clock  timestamptz;
    found_ smallint := 0;
begin
    if moved <= 0 or debit = credit then
        return null;
    end if;
    for party in select * from ledger_account where account_id in (debit, credit) order by account_id for no key update loop
        found_ := found_ + 1;
        if party.asset <> coalesce(asset, party.asset)
           or (party.account_id = debit and party.limited = 'debits'
               and party.debits_posted + party.debits_pending + moved > party.credits_posted)
           or (party.account_id = credit and party.limited = 'credits'
               and party.credits_posted + party.credits_pending + moved > party.debits_posted) then
            return null;
        end if;
        asset := party.asset;
    end loop;
    clock := clock_timestamp();
    if found_ < 2 or exists (select from ledger_hold as h
                              where h.debit_account = debit and h.ended is null and h.expires_at <= clock) then
        return null;
    end if;
    insert into ledger_transfer (transfer_id, debit_account, credit_account, amount, kind, timeout_secs, partly, code, reference,
                                 event_at, created_at)
    values (id, debit, credit, moved, case when hold then 'pending' else 'posted' end::ledger_transfer_kind, secs, parts, what,
            whose, coalesce(happened, clock), clock)
    on conflict (transfer_id) do nothing;
    if not found then
        return null;
    end if;
    if hold then
        insert into ledger_hold (transfer_id, debit_account, credit_account, remaining, partly, expires_at)
        values (id, debit, credit, moved, parts, clock + make_interval(secs => secs));
        update ledger_account as account
           set debits_pending = debits_pending + case when account.account_id = debit then moved else 0 end,
               credits_pending = credits_pending + case when account.account_id = credit then moved else 0 end
         where account.account_id in (debit, credit);
    else
        update ledger_account as account
           set debits_posted = debits_posted + case when account.account_id = debit then moved else 0 end,
               credits_posted = credits_posted + case when account.account_id = credit then moved else 0 end
         where account.account_id in (debit, credit);
    end if;
    return clock;
end
$$;

-- The same for the end of a hold, or for a part of it that is taken: `taken` null takes all that is left, 0 gives it back.
create function ledger_end(
    id uuid, ended_hold uuid, taken numeric, keep_rest boolean, what text, whose text, happened timestamptz,
    out amount numeric, out created_at timestamptz)
    language plpgsql
as $$
declare
    held  ledger_hold;
    rest  numeric;
    given numeric;
    clock timestamptz;
begin
    select * into held from ledger_hold where transfer_id = ended_hold;
    if not found then
        return;
    end if;
    perform from ledger_account where account_id in (held.debit_account, held.credit_account)
      order by account_id for no key update;
    select * into held from ledger_hold where transfer_id = ended_hold;
    clock := clock_timestamp();
    taken := coalesce(taken, held.remaining);
    rest := held.remaining - taken;
    if held.ended is not null or held.expires_at <= clock or rest < 0 or (keep_rest and not held.partly) then
        return;
    end if;
    given := case when keep_rest then 0 else rest end;
    insert into ledger_transfer (transfer_id, debit_account, credit_account, amount, kind, pending_id, partly, code, reference,
                                 event_at, created_at)
    values (id, held.debit_account, held.credit_account, case when taken = 0 then given else taken end,
            case when taken = 0 then 'void_pending' else 'post_pending' end::ledger_transfer_kind, ended_hold, keep_rest, what,
            whose, coalesce(happened, clock), clock)
    on conflict (transfer_id) do nothing;
    if not found then
        return;
    end if;
    update ledger_hold as h
       set remaining = held.remaining - taken - given,
           ended = case when held.remaining > taken + given then null when taken = 0 then 'voided' else 'posted' end
     where h.transfer_id = ended_hold;
    update ledger_account as account
       set debits_pending = debits_pending - case when account.account_id = held.debit_account then taken + given else 0 end,
           debits_posted = debits_posted + case when account.account_id = held.debit_account then taken else 0 end,
           credits_pending = credits_pending - case when account.account_id = held.credit_account then taken + given else 0 end,
           credits_posted = credits_posted + case when account.account_id = held.credit_account then taken else 0 end
     where account.account_id in (held.debit_account, held.credit_account);
    amount := case when taken = 0 then given else taken end;
    created_at := clock;
end
$$;
