-- ledger: what is counted, and to how many digits. An amount is a whole number of the smallest unit.
create table ledger_asset (
    asset      text primary key,
    scale      smallint not null constraint ledger_asset_scale_range check (scale between 0 and 36),
    created_at timestamptz not null default now()
);

-- Constraints of the busy tables call a function each: PostgreSQL reads the text of a constraint's expression anew in every statement
-- that writes, which for long ones costs more than the row.
create type ledger_side as enum ('debits', 'credits');

create function ledger_account_is_sound(
    limited ledger_side, debits_pending numeric, debits_posted numeric, credits_pending numeric, credits_posted numeric)
    returns boolean
    language plpgsql immutable parallel safe
as $$
begin
    return debits_pending >= 0 and debits_posted >= 0 and credits_pending >= 0 and credits_posted >= 0
       -- Holds are taken from what is there already, so that ending one cannot overdraw.
       and (limited is null
            or case limited when 'debits' then debits_posted + debits_pending <= credits_posted
                            else credits_posted + credits_pending <= debits_posted end);
end
$$;

-- ledger: accounts. The four totals are sums over ledger_transfer: a hold counts as pending until it is ended.
create table ledger_account (
    account_id      uuid primary key,
    asset           text not null constraint ledger_account_asset references ledger_asset (asset),
    -- what the account is for: customer, revenue, fee, ...
    kind            text not null,
    -- whose it is; null for accounts of the house
    owner           text,
    -- which side may not exceed the other: 'debits' of what holds money for somebody, 'credits' of what is owed to us
    limited         ledger_side,
    debits_pending  numeric(38, 0) not null default 0,
    debits_posted   numeric(38, 0) not null default 0,
    credits_pending numeric(38, 0) not null default 0,
    credits_posted  numeric(38, 0) not null default 0,
    -- position of its latest transfer; 0: none
    latest          bigint not null default 0,
    created_at      timestamptz not null default now(),
    constraint ledger_account_not_overdrawn check (
        ledger_account_is_sound(limited, debits_pending, debits_posted, credits_pending, credits_posted))
) with (fillfactor = 70);
create index ledger_account_by_owner on ledger_account (owner, kind) where owner is not null;

create type ledger_transfer_kind as enum ('posted', 'pending', 'post_pending', 'void_pending');

create sequence ledger_position cache 1;

create function ledger_transfer_is_sound(
    kind ledger_transfer_kind, amount numeric, debit uuid, credit uuid, pending_id uuid, reverses uuid, timeout_secs integer)
    returns boolean
    language plpgsql immutable parallel safe
as $$
begin
    return debit <> credit
       and (amount > 0 or (amount = 0 and kind = 'void_pending'))
       and (kind in ('post_pending', 'void_pending')) = (pending_id is not null)
       and (reverses is null or kind = 'posted')
       and (timeout_secs is null or (kind = 'pending' and timeout_secs > 0));
end
$$;

-- ledger: one row is both sides of an entry. Never changed, never deleted. An account's rows are found from its latest one back:
-- each names the one before it on either side. Both indexes are written at their end only, whatever the accounts.
create table ledger_transfer (
    transfer_id    uuid primary key,
    -- order of writing: along any account, later rows have higher ones
    position       bigint not null,
    debit_before   bigint not null,
    credit_before  bigint not null,
    -- No foreign keys: both accounts are locked while a row is written, and a check for each row would cost as much as the
    -- row. `ledger verify` looks for orphans.
    debit_account  uuid not null,
    credit_account uuid not null,
    -- of a pending one, what is held; of one that ends a hold, what of it is posted or given back
    amount         numeric(38, 0) not null,
    kind           ledger_transfer_kind not null,
    -- the hold that it ends, or takes from
    pending_id     uuid,
    -- the posted one that it takes back, or takes a part of back
    reverses       uuid,
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
    constraint ledger_transfer_sound check (
        ledger_transfer_is_sound(kind, amount, debit_account, credit_account, pending_id, reverses, timeout_secs))
);
create unique index ledger_transfer_in_order on ledger_transfer (position);
create index ledger_transfer_reversals on ledger_transfer (reverses) where reverses is not null;

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
-- Not its owner either; a superuser may still switch the trigger off, and `billing ledger verify` finds what was changed.
revoke update, delete, truncate on ledger_transfer from current_user;

create type ledger_hold_end as enum ('posted', 'voided', 'expired');

-- ledger: where each hold stands; a projection of ledger_transfer.
create table ledger_hold (
    transfer_id    uuid primary key,
    debit_account  uuid not null,
    credit_account uuid not null,
    -- not taken and not given back yet
    remaining      numeric(38, 0) not null,
    partly         boolean not null,
    -- null: it has no timeout
    expires_at     timestamptz,
    -- how it ended
    ended          ledger_hold_end,
    constraint ledger_hold_open_while_remaining check ((ended is null) = (remaining > 0))
) with (fillfactor = 80);
-- Holds whose time is over and that nobody ended yet are few.
create index ledger_hold_expiring on ledger_hold (expires_at) where ended is null and expires_at is not null;

-- Id of the row that ends a hold whose time is over: the same whoever writes it, and of a version that nobody makes.
create function ledger_expiry_id(hold uuid) returns uuid
    language sql immutable strict parallel safe
    return overlay(hold::text placing 'e' from 15 for 1)::uuid;

-- Locks what a batch may touch, in one order for all, and gives it as it is then: the accounts named, those of the holds named
-- and of the transfers to be reversed, and those of holds whose time is over on a named account. Then the clock, so that along
-- an account time goes on; the holds; what may still be reversed; and which of the transfers are there already.
create function ledger_open(accounts uuid[], transfers uuid[], holds uuid[], reversed uuid[])
    returns table (
        what text, id uuid, debit uuid, credit uuid, hold uuid, takes_back uuid, first numeric, second numeric, third numeric, fourth numeric,
        word text, other text, more text, place bigint, secs integer, partly boolean, event_at timestamptz, at timestamptz)
    language plpgsql
    -- Its plans are made once for a session, which may begin while the tables are empty.
    set enable_seqscan = off
    set plan_cache_mode = force_generic_plan
as $$
declare
    over  uuid[];
    clock timestamptz;
begin
    if cardinality(reversed) > 0 then
        select accounts || coalesce(array_agg(party), '{}') into accounts
          from ledger_transfer as t, unnest(array[t.debit_account, t.credit_account]) as party
         where t.transfer_id = any(reversed);
    end if;
    -- Read into a variable: an index is not searched for what changes from row to row.
    clock := clock_timestamp();
    -- Mostly there are none, while somebody sweeps: one look, before there is one for each account.
    over := '{}';
    if exists (select from ledger_hold as late where late.ended is null and late.expires_at <= clock) then
        -- Far more than there are.
        select coalesce(array_agg(h.transfer_id), '{}') into over
          from (select late.transfer_id from ledger_hold as late
                 where late.ended is null and late.expires_at <= clock and late.debit_account = any(accounts)
                 limit 200) as h;
    end if;
    if cardinality(holds) + cardinality(over) > 0 then
        select accounts || coalesce(array_agg(party), '{}') into accounts
          from ledger_hold as h, unnest(array[h.debit_account, h.credit_account]) as party
         where h.transfer_id = any(holds || over);
    end if;
    return query
        select 'account', a.account_id, null::uuid, null::uuid, null::uuid, null::uuid, a.debits_pending, a.debits_posted, a.credits_pending,
               a.credits_posted, a.asset, a.limited::text, null, a.latest, null::integer, null::boolean, null::timestamptz,
               null::timestamptz
          from ledger_account as a
         where a.account_id = any(accounts)
         order by a.account_id
           for no key update;
    clock := clock_timestamp();
    return query
        select 'clock', null::uuid, null::uuid, null::uuid, null::uuid, null::uuid, null::numeric, null::numeric, null::numeric, null::numeric,
               null, null, null, null::bigint, null::integer, null::boolean, null::timestamptz, clock;
    if cardinality(holds) + cardinality(over) > 0 then
        return query
            select 'hold', h.transfer_id, h.debit_account, h.credit_account, null::uuid, null::uuid, h.remaining, null::numeric,
                   null::numeric, null::numeric, h.ended::text, null, null, null::bigint, null::integer, h.partly, null::timestamptz,
                   h.expires_at
              from ledger_hold as h
             where h.transfer_id = any(holds || over);
    end if;
    if cardinality(reversed) > 0 then
        return query
            select 'moved', t.transfer_id, t.debit_account, t.credit_account, null::uuid, t.reverses,
                   t.amount - coalesce((select sum(back.amount) from ledger_transfer as back where back.reverses = t.transfer_id), 0),
                   null::numeric, null::numeric, null::numeric, null, null, null, null::bigint, null::integer, null::boolean,
                   null::timestamptz, null::timestamptz
              from ledger_transfer as t
             where t.transfer_id = any(reversed) and t.kind in ('posted', 'post_pending');
    end if;
    return query
        select 'transfer', t.transfer_id, t.debit_account, t.credit_account, t.pending_id, t.reverses, t.amount, null::numeric, null::numeric,
               null::numeric, t.code, t.reference, t.kind::text, null::bigint, t.timeout_secs, t.partly, t.event_at, t.created_at
          from ledger_transfer as t
         where t.transfer_id = any(transfers);
end
$$;

-- Writes what a batch made of what ledger_open gave: transfers in their order, new holds, changed holds, changed accounts. A place in the
-- order that is not known yet is the number of the transfer of this batch that takes it, negative.
create function ledger_write(
    ids uuid[], debits uuid[], credits uuid[], amounts numeric[], kinds text[], held uuid[], reversed uuid[], timeouts integer[],
    partlys boolean[], codes text[], notes text[], events timestamptz[], clock timestamptz, debits_before bigint[],
    credits_before bigint[],
    new_holds uuid[], new_debits uuid[], new_credits uuid[], new_remaining numeric[], new_partlys boolean[],
    new_expiries timestamptz[], new_ends text[],
    old_holds uuid[], old_remaining numeric[], old_ends text[],
    accounts uuid[], debits_held numeric[], debits_done numeric[], credits_held numeric[], credits_done numeric[], latests bigint[])
    returns void
    language plpgsql
    -- Rows are found one by one, however few there are while the plans are made.
    set enable_seqscan = off
    set enable_hashjoin = off
    set enable_mergejoin = off
    set plan_cache_mode = force_generic_plan
as $$
declare
    places bigint[] := array(select nextval('ledger_position') from generate_series(1, cardinality(ids)));
begin
    insert into ledger_transfer (transfer_id, position, debit_before, credit_before, debit_account, credit_account, amount, kind,
                                 pending_id, reverses, timeout_secs, partly, code, reference, event_at, created_at)
    select t.id, places[t.number], case when t.debit_before < 0 then places[-t.debit_before] else t.debit_before end,
           case when t.credit_before < 0 then places[-t.credit_before] else t.credit_before end, t.debit, t.credit, t.amount,
           t.kind::ledger_transfer_kind, t.hold, t.takes_back, t.secs, t.partly, t.code, t.note, t.event_at, clock
      from unnest(ids, debits, credits, amounts, kinds, held, reversed, timeouts, partlys, codes, notes, events, debits_before,
                  credits_before) with ordinality
           as t (id, debit, credit, amount, kind, hold, takes_back, secs, partly, code, note, event_at, debit_before, credit_before,
                 number);
    if cardinality(new_holds) > 0 then
        insert into ledger_hold (transfer_id, debit_account, credit_account, remaining, partly, expires_at, ended)
        select h.id, h.debit, h.credit, h.remaining, h.partly, h.expires_at, h.ended::ledger_hold_end
          from unnest(new_holds, new_debits, new_credits, new_remaining, new_partlys, new_expiries, new_ends)
               as h (id, debit, credit, remaining, partly, expires_at, ended);
    end if;
    if cardinality(old_holds) > 0 then
        update ledger_hold as hold
           set remaining = h.remaining, ended = h.ended::ledger_hold_end
          from unnest(old_holds, old_remaining, old_ends) as h (id, remaining, ended)
         where hold.transfer_id = h.id;
    end if;
    update ledger_account as account
       set debits_pending = a.debits_pending, debits_posted = a.debits_posted, credits_pending = a.credits_pending,
           credits_posted = a.credits_posted, latest = places[-a.latest]
      from unnest(accounts, debits_held, debits_done, credits_held, credits_done, latests)
           as a (id, debits_pending, debits_posted, credits_pending, credits_posted, latest)
     where account.account_id = a.id;
end
$$;

-- One transfer in one round trip, where nothing is in its way: gives when it was written. Null: nothing was written, and
-- who wants to know why, or has a batch, takes the way of ledger_open.
create function ledger_post(
    id uuid, hold boolean, debit uuid, credit uuid, moved numeric, secs integer, parts boolean, what text, whose text,
    happened timestamptz)
    returns timestamptz
    language plpgsql
    -- Its plans are made once for a session, which may begin while the tables are empty.
    set enable_seqscan = off
    set plan_cache_mode = force_generic_plan
as $$
declare
    clock  timestamptz;
    place  bigint;
    before_debit  bigint;
    before_credit bigint;
    has_room boolean;
begin
    if moved <= 0 or debit = credit then
        return null;
    end if;
    -- To end a hold whose time is over, ledger_open locks accounts of others too: before it, none may be locked here. One whose
    -- time is over from now on is in nobody's way where there is enough even so.
    clock := clock_timestamp();
    select count(*) = 2 and min(party.asset) = max(party.asset) and bool_and(
               party.limited is null
               or case when party.account_id = debit then party.limited <> 'debits'
                            or party.debits_posted + party.debits_pending + moved <= party.credits_posted
                       else party.limited <> 'credits'
                            or party.credits_posted + party.credits_pending + moved <= party.debits_posted end),
           min(party.latest) filter (where party.account_id = debit), min(party.latest) filter (where party.account_id = credit)
      into has_room, before_debit, before_credit
      from (select * from ledger_account
             where account_id in (debit, credit)
               and not exists (select from ledger_hold as h
                                where h.ended is null and h.expires_at <= clock and h.debit_account in (debit, credit))
             order by account_id
               for no key update) as party;
    if not has_room then
        return null;
    end if;
    clock := clock_timestamp();
    place := nextval('ledger_position');
    insert into ledger_transfer (transfer_id, position, debit_before, credit_before, debit_account, credit_account, amount, kind,
                                 timeout_secs, partly, code, reference, event_at, created_at)
    values (id, place, before_debit, before_credit, debit, credit, moved, case when hold then 'pending' else 'posted' end::ledger_transfer_kind, secs, parts, what,
            whose, coalesce(happened, clock), clock)
    on conflict (transfer_id) do nothing;
    if not found then
        return null;
    end if;
    if hold then
        insert into ledger_hold (transfer_id, debit_account, credit_account, remaining, partly, expires_at)
        values (id, debit, credit, moved, parts, clock + make_interval(secs => secs));
        update ledger_account as account
           set latest = place, debits_pending = debits_pending + case when account.account_id = debit then moved else 0 end,
               credits_pending = credits_pending + case when account.account_id = credit then moved else 0 end
         where account.account_id in (debit, credit);
    else
        update ledger_account as account
           set latest = place, debits_posted = debits_posted + case when account.account_id = debit then moved else 0 end,
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
    -- Its plans are made once for a session, which may begin while the tables are empty.
    set enable_seqscan = off
    set plan_cache_mode = force_generic_plan
as $$
declare
    held   ledger_hold;
    before_debit  bigint;
    before_credit bigint;
    rest   numeric;
    given  numeric;
    clock  timestamptz;
    place  bigint;
begin
    select * into held from ledger_hold where transfer_id = ended_hold;
    if not found then
        return;
    end if;
    select min(party.latest) filter (where party.account_id = held.debit_account),
           min(party.latest) filter (where party.account_id = held.credit_account)
      into before_debit, before_credit
      from (select account_id, latest from ledger_account where account_id in (held.debit_account, held.credit_account)
             order by account_id for no key update) as party;
    select * into held from ledger_hold where transfer_id = ended_hold;
    clock := clock_timestamp();
    taken := coalesce(taken, held.remaining);
    rest := held.remaining - taken;
    if held.ended is not null or held.expires_at <= clock or rest < 0 or (keep_rest and not held.partly) then
        return;
    end if;
    given := case when keep_rest then 0 else rest end;
    place := nextval('ledger_position');
    insert into ledger_transfer (transfer_id, position, debit_before, credit_before, debit_account, credit_account, amount, kind,
                                 pending_id, partly, code, reference, event_at, created_at)
    values (id, place, before_debit, before_credit, held.debit_account, held.credit_account, case when taken = 0 then given else taken end,
            case when taken = 0 then 'void_pending' else 'post_pending' end::ledger_transfer_kind, ended_hold, keep_rest, what,
            whose, coalesce(happened, clock), clock)
    on conflict (transfer_id) do nothing;
    if not found then
        return;
    end if;
    update ledger_hold as h
       set remaining = held.remaining - taken - given,
           ended = case when held.remaining > taken + given then null when taken = 0 then 'voided' else 'posted' end::ledger_hold_end
     where h.transfer_id = ended_hold;
    update ledger_account as account
       set latest = place,
           debits_pending = debits_pending - case when account.account_id = held.debit_account then taken + given else 0 end,
           debits_posted = debits_posted + case when account.account_id = held.debit_account then taken else 0 end,
           credits_pending = credits_pending - case when account.account_id = held.credit_account then taken + given else 0 end,
           credits_posted = credits_posted + case when account.account_id = held.credit_account then taken else 0 end
     where account.account_id in (held.debit_account, held.credit_account);
    amount := case when taken = 0 then given else taken end;
    created_at := clock;
end
$$;
