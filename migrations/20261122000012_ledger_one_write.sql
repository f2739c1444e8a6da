-- A batch is written by one statement that locks nothing first: accounts are changed by differences, and where one of them has no
-- room the statement undoes itself. Nothing names the account's transfer before it any longer, which had to be read under a lock.
-- Why: docs/decisions/0018.

-- Seals cover the columns that go. They and what was told with them are made anew of the same transfers.
alter table ledger_seal disable trigger ledger_seal_immutable;
grant truncate on ledger_seal to current_user;
truncate ledger_seal, ledger_entry, ledger_day;
revoke truncate on ledger_seal from current_user;
alter table ledger_seal enable trigger ledger_seal_immutable;

drop function ledger_open(uuid[], uuid[], uuid[], uuid[]);
drop function ledger_write(
    uuid[], uuid[], uuid[], numeric[], text[], uuid[], uuid[], integer[], boolean[], text[], text[], timestamptz[], timestamptz,
    bigint[], bigint[], uuid[], uuid[], uuid[], numeric[], boolean[], timestamptz[], text[], uuid[], numeric[], text[], uuid[],
    numeric[], numeric[], numeric[], numeric[], bigint[]);
drop function ledger_post(uuid, boolean, uuid, uuid, numeric, integer, boolean, text, text, timestamptz);
drop function ledger_end(uuid, uuid, numeric, boolean, text, text, timestamptz);

alter table ledger_account drop column latest;
alter table ledger_transfer drop column debit_before, drop column credit_before;

-- Open holds by when their time is over: new ones come at the end, whatever their accounts. Those of one account are looked for
-- among all that are open, without reading them.
drop index ledger_hold_expiring;
drop index ledger_hold_open;
create index ledger_hold_over on ledger_hold (expires_at, debit_account) where ended is null;

-- Accounts and assets are never taken away, and no account becomes another one. So who names one is looked at once, when the name is written: a
-- foreign key would look at every change of totals too.
create function ledger_refuse_removal() returns trigger
    language plpgsql
as $$
begin
    raise exception '% is never taken away or made another one', tg_table_name using errcode = 'restrict_violation';
end
$$;
create trigger ledger_asset_stays before update or delete or truncate on ledger_asset
    for each statement execute function ledger_refuse_removal();
create trigger ledger_account_stays before delete or truncate or update of account_id, asset, limited on ledger_account
    for each statement execute function ledger_refuse_removal();

create function ledger_account_names_asset() returns trigger
    language plpgsql
as $$
begin
    if not exists (select from ledger_asset where asset = new.asset) then
        raise exception 'there is no asset %', new.asset using errcode = 'foreign_key_violation';
    end if;
    return null;
end
$$;
create trigger ledger_account_of_asset after insert on ledger_account
    for each row execute function ledger_account_names_asset();

create function ledger_grant_names_accounts() returns trigger
    language plpgsql
as $$
declare
    missing uuid;
begin
    select named into missing
      from unnest(array[new.grant_id, new.expiry_account]) as named
     where named is not null and not exists (select from ledger_account where account_id = named);
    if found then
        raise exception 'there is no account %', missing using errcode = 'foreign_key_violation';
    end if;
    return null;
end
$$;
create trigger ledger_grant_of_accounts after insert or update of grant_id, expiry_account on ledger_grant
    for each row execute function ledger_grant_names_accounts();
alter table ledger_account drop constraint ledger_account_asset;
alter table ledger_grant drop constraint ledger_grant_account, drop constraint ledger_grant_expiry_account;

-- The same law in fewer words: PostgreSQL prepares them anew in every statement that writes.
create or replace function ledger_account_is_sound(
    limited ledger_side, debits_pending numeric, debits_posted numeric, credits_pending numeric, credits_posted numeric)
    returns boolean
    language plpgsql immutable parallel safe
as $$
begin
    return least(debits_pending, debits_posted, credits_pending, credits_posted) >= 0
       -- Holds are taken from what is there already, so that ending one cannot overdraw.
       and case limited when 'debits' then credits_posted - debits_posted >= debits_pending
                        when 'credits' then debits_posted - credits_posted >= credits_pending
                        else true end;
end
$$;

-- What PostgreSQL must prepare for every row of a transfer costs as much as the row: what remains is what no transfer of ours ever is. The rest
-- of the law is the comparison's (`billing ledger verify`), as it is for holds.
alter table ledger_transfer
    drop constraint ledger_transfer_sound,
    add constraint ledger_transfer_moves check (amount >= 0 and debit_account <> credit_account);
drop function ledger_transfer_is_sound(ledger_transfer_kind, numeric, uuid, uuid, uuid, uuid, integer);
alter table ledger_hold drop constraint ledger_hold_open_while_remaining;

-- Locks what a batch may touch, in one order for all, and gives it as it is then: the accounts named, those of the holds named
-- and of the transfers to be reversed, and those of holds whose time is over on a named account. Then the clock, so that along
-- an account time goes on; the holds; what may still be reversed; and which of the transfers are there already.
create function ledger_open(accounts uuid[], transfers uuid[], holds uuid[], reversed uuid[])
    returns table (
        what text, id uuid, debit uuid, credit uuid, hold uuid, takes_back uuid, first numeric, second numeric, third numeric, fourth numeric,
        word text, other text, more text, secs integer, partly boolean, event_at timestamptz, at timestamptz)
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
    select coalesce(array_agg(h.transfer_id), '{}') into over
      from (select late.transfer_id from ledger_hold as late
             where late.ended is null and late.expires_at <= clock and late.debit_account = any(accounts)
             -- Far more than there are.
             limit 200) as h;
    if cardinality(holds) + cardinality(over) > 0 then
        select accounts || coalesce(array_agg(party), '{}') into accounts
          from ledger_hold as h, unnest(array[h.debit_account, h.credit_account]) as party
         where h.transfer_id = any(holds || over);
    end if;
    return query
        select 'account', a.account_id, null::uuid, null::uuid, null::uuid, null::uuid, a.debits_pending, a.debits_posted, a.credits_pending,
               a.credits_posted, a.asset, a.limited::text, null, null::integer, null::boolean, null::timestamptz, null::timestamptz
          from ledger_account as a
         where a.account_id = any(accounts)
         order by a.account_id
           for no key update;
    clock := clock_timestamp();
    return query
        select 'clock', null::uuid, null::uuid, null::uuid, null::uuid, null::uuid, null::numeric, null::numeric, null::numeric, null::numeric,
               null, null, null, null::integer, null::boolean, null::timestamptz, clock;
    if cardinality(holds) + cardinality(over) > 0 then
        return query
            select 'hold', h.transfer_id, h.debit_account, h.credit_account, null::uuid, null::uuid, h.remaining, null::numeric,
                   null::numeric, null::numeric, h.ended::text, null, null, null::integer, h.partly, null::timestamptz, h.expires_at
              from ledger_hold as h
             where h.transfer_id = any(holds || over);
    end if;
    if cardinality(reversed) > 0 then
        return query
            select 'moved', t.transfer_id, t.debit_account, t.credit_account, null::uuid, t.reverses,
                   t.amount - coalesce((select sum(back.amount) from ledger_transfer as back where back.reverses = t.transfer_id), 0),
                   null::numeric, null::numeric, null::numeric, null, null, null, null::integer, null::boolean, null::timestamptz,
                   null::timestamptz
              from ledger_transfer as t
             where t.transfer_id = any(reversed) and t.kind in ('posted', 'post_pending');
    end if;
    return query
        select 'transfer', t.transfer_id, t.debit_account, t.credit_account, t.pending_id, t.reverses, t.amount, null::numeric, null::numeric,
               null::numeric, t.code, t.reference, t.kind::text, t.timeout_secs, t.partly, t.event_at, t.created_at
          from ledger_transfer as t
         where t.transfer_id = any(transfers);
end
$$;

-- A transfer to be written. `kind` counts from 0 in the order of ledger_transfer_kind, which is read faster than its words; event_at null: now.
create type ledger_new_transfer as (
    transfer_id uuid, debit_account uuid, credit_account uuid, amount numeric, kind smallint, pending_id uuid, reverses uuid,
    timeout_secs integer, partly boolean, code text, reference text, event_at timestamptz);

-- What a batch changes of an account's totals, and how much each side must have left before it, for no transfer of the batch in its turn
-- to be refused. Null: the totals after it say so.
create type ledger_account_change as (
    account_id uuid, debits_pending numeric, debits_posted numeric, credits_pending numeric, credits_posted numeric,
    debit_room numeric, credit_room numeric);

-- What a hold is to become, and what of it must be left before.
create type ledger_hold_change as (transfer_id uuid, before numeric, remaining numeric, ended text);

-- Writes a batch: gives when. Null: nothing is written, since something is not as the batch takes it to be. Accounts and holds are in the
-- order of their ids. `clock` is that of who locked the accounts before; null: nobody did.
create function ledger_write(
    transfers ledger_new_transfer[], accounts ledger_account_change[], holds ledger_hold_change[], clock timestamptz)
    returns timestamptz
    language plpgsql
    -- Rows are found one by one and in order, however few there are while the plans are made.
    set enable_seqscan = off
    set enable_bitmapscan = off
    set enable_hashjoin = off
    set enable_mergejoin = off
    set plan_cache_mode = force_generic_plan
as $$
declare
    changed   bigint;
    one_asset boolean;
begin
    -- First, so that positions and the clock are taken under the accounts' locks.
    with written as (
        update ledger_account as account
           set debits_pending = account.debits_pending + change.debits_pending,
               debits_posted = account.debits_posted + change.debits_posted,
               credits_pending = account.credits_pending + change.credits_pending,
               credits_posted = account.credits_posted + change.credits_posted
          from unnest(accounts) as change
         where account.account_id = change.account_id
           and (change.debit_room is null or account.limited is distinct from 'debits'
                or account.credits_posted - account.debits_posted - account.debits_pending >= change.debit_room)
           and (change.credit_room is null or account.limited is distinct from 'credits'
                or account.debits_posted - account.credits_posted - account.credits_pending >= change.credit_room)
        returning account.asset)
    select count(*), min(asset) = max(asset) into changed, one_asset from written;
    if changed < cardinality(accounts) then
        raise exception using errcode = 'LD001';
    end if;
    if not one_asset and exists (
        select from unnest(transfers) as t
          join ledger_account as debit on debit.account_id = t.debit_account
          join ledger_account as credit on credit.account_id = t.credit_account
         where debit.asset <> credit.asset)
    then
        raise exception using errcode = 'LD001';
    end if;
    clock := coalesce(clock, clock_timestamp());
    insert into ledger_transfer (transfer_id, position, debit_account, credit_account, amount, kind, pending_id, reverses, timeout_secs,
                                 partly, code, reference, event_at, created_at)
    select t.transfer_id, nextval('ledger_position'), t.debit_account, t.credit_account, t.amount,
           case t.kind when 0 then 'posted' when 1 then 'pending' when 2 then 'post_pending' else 'void_pending' end::ledger_transfer_kind,
           t.pending_id, t.reverses, t.timeout_secs, t.partly, t.code, t.reference, coalesce(t.event_at, clock), clock
      from unnest(transfers) as t;
    insert into ledger_hold (transfer_id, debit_account, credit_account, remaining, partly, expires_at)
    select t.transfer_id, t.debit_account, t.credit_account, t.amount, t.partly, clock + make_interval(secs => t.timeout_secs)
      from unnest(transfers) as t
     where t.kind = 1;
    if cardinality(holds) > 0 then
        update ledger_hold as hold
           set remaining = change.remaining, ended = change.ended::ledger_hold_end
          from unnest(holds) as change
         where hold.transfer_id = change.transfer_id
           and hold.remaining = change.before
           and hold.ended is null
           and coalesce(hold.expires_at <= clock, false) = (change.ended is not distinct from 'expired');
        get diagnostics changed = row_count;
        if changed < cardinality(holds) then
            raise exception using errcode = 'LD001';
        end if;
    end if;
    return clock;
exception
    when sqlstate 'LD001' or unique_violation or check_violation or numeric_value_out_of_range then
        return null;
end
$$;

-- Changes the totals of the two accounts of a transfer, the lower id first as everybody does. False or null: they are no two of one asset,
-- and who asked must undo it.
create function ledger_move(debit uuid, credit uuid, held numeric, posted numeric)
    returns boolean
    language plpgsql
as $$
declare
    taken_of text;
    put_to   text;
begin
    if debit > credit then
        update ledger_account set credits_pending = credits_pending + held, credits_posted = credits_posted + posted
         where account_id = credit returning asset into put_to;
    end if;
    update ledger_account set debits_pending = debits_pending + held, debits_posted = debits_posted + posted
     where account_id = debit returning asset into taken_of;
    if debit < credit then
        update ledger_account set credits_pending = credits_pending + held, credits_posted = credits_posted + posted
         where account_id = credit returning asset into put_to;
    end if;
    return taken_of = put_to;
end
$$;

-- One transfer in one round trip, where nothing is in its way: gives when it was written. Null: nothing was written, and
-- who wants to know why takes the way of ledger_open.
create function ledger_post(
    id uuid, hold boolean, debit uuid, credit uuid, moved numeric, secs integer, parts boolean, what text, whose text,
    happened timestamptz)
    returns timestamptz
    language plpgsql
as $$
declare
    clock timestamptz;
begin
    if not coalesce(ledger_move(debit, credit, case when hold then moved else 0 end, case when hold then 0 else moved end), false) then
        raise exception using errcode = 'LD001';
    end if;
    clock := clock_timestamp();
    insert into ledger_transfer (transfer_id, position, debit_account, credit_account, amount, kind, timeout_secs, partly, code,
                                 reference, event_at, created_at)
    values (id, nextval('ledger_position'), debit, credit, moved,
            case when hold then 'pending' else 'posted' end::ledger_transfer_kind, secs, parts, what, whose, coalesce(happened, clock), clock);
    if hold then
        insert into ledger_hold (transfer_id, debit_account, credit_account, remaining, partly, expires_at)
        values (id, debit, credit, moved, parts, clock + make_interval(secs => secs));
    end if;
    return clock;
exception
    when sqlstate 'LD001' or unique_violation or check_violation or numeric_value_out_of_range then
        return null;
end
$$;

-- The same for the end of a hold, or for a part of it that is taken: `taken` null takes all that is left, 0 gives it back.
create function ledger_end(
    id uuid, ended_hold uuid, taken numeric, keep_rest boolean, what text, whose text, happened timestamptz,
    out amount numeric, out created_at timestamptz)
    language plpgsql
as $$
declare
    held   ledger_hold;
    rest   numeric;
    given  numeric;
    clock  timestamptz;
begin
    select * into held from ledger_hold where transfer_id = ended_hold;
    if not found then
        return;
    end if;
    taken := coalesce(taken, held.remaining);
    rest := held.remaining - taken;
    if held.ended is not null or rest < 0 or (keep_rest and not held.partly) then
        return;
    end if;
    given := case when keep_rest then 0 else rest end;
    if not coalesce(ledger_move(held.debit_account, held.credit_account, - taken - given, taken), false) then
        raise exception using errcode = 'LD001';
    end if;
    clock := clock_timestamp();
    update ledger_hold as h
       set remaining = held.remaining - taken - given,
           ended = case when held.remaining > taken + given then null when taken = 0 then 'voided' else 'posted' end::ledger_hold_end
     where h.transfer_id = ended_hold and h.ended is null and h.remaining = held.remaining
       and coalesce(h.expires_at > clock, true);
    if not found then
        raise exception using errcode = 'LD001';
    end if;
    insert into ledger_transfer (transfer_id, position, debit_account, credit_account, amount, kind, pending_id, partly, code, reference,
                                 event_at, created_at)
    values (id, nextval('ledger_position'), held.debit_account, held.credit_account, case when taken = 0 then given else taken end,
            case when taken = 0 then 'void_pending' else 'post_pending' end::ledger_transfer_kind, ended_hold, keep_rest, what,
            whose, coalesce(happened, clock), clock);
    amount := case when taken = 0 then given else taken end;
    created_at := clock;
exception
    when sqlstate 'LD001' or unique_violation or check_violation or numeric_value_out_of_range then
        amount := null;
        created_at := null;
end
$$;
