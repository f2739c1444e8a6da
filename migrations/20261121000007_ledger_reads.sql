-- ledger: transfers in the order of their positions, stretch by stretch, each bound to all before it. Written long after the
-- transfers, so that posting waits for nobody. How it is computed: docs/ledger-proof.md.
create table ledger_seal (
    -- from 1, without a gap
    seal_number    bigint primary key,
    -- the position after the last one of the seal before, whether a transfer has it or not
    first_position bigint not null,
    last_position  bigint not null,
    transfers      bigint not null,
    -- the first 8 bytes of each transfer's digest, in order: which one was changed
    digests        bytea not null,
    -- SHA-256 of the hash before, number, last position, count and whole digests
    hash           bytea not null,
    sealed_at      timestamptz not null default clock_timestamp(),
    constraint ledger_seal_forward check (seal_number > 0 and first_position > 0 and first_position <= last_position),
    constraint ledger_seal_digests_whole check (transfers > 0 and octet_length(digests) = 8 * transfers),
    constraint ledger_seal_hash_whole check (octet_length(hash) = 32)
);
create unique index ledger_seal_in_order on ledger_seal (last_position);
create trigger ledger_seal_immutable before update or delete or truncate on ledger_seal
    for each statement execute function ledger_refuse_change();
revoke update, delete, truncate on ledger_seal from current_user;

-- Of the commits that keep the rest of a hold, which are few, the last one needs the sum.
create index ledger_transfer_parts on ledger_transfer (pending_id) where kind = 'post_pending' and partly;

-- Open holds of an account; and those of it whose time is over, before every transfer.
create index ledger_hold_open on ledger_hold (debit_account, expires_at) where ended is null;

-- ledger: what each transfer changed of each of its two accounts. Credits are positive: `posted` is what was put in less what was
-- taken. `pending_out` and `pending_in` are what is held of it and for it: more by a hold, less by what is posted or given back of
-- one. A commit that does not keep the rest ends all of it.
create view ledger_change as
select side.account_id, t.position, t.event_at, t.created_at,
       case when t.kind in ('posted', 'post_pending') then side.sign * t.amount else 0 end as posted,
       case when side.sign < 0 then moved.held else 0 end as pending_out,
       case when side.sign > 0 then moved.held else 0 end as pending_in
  from ledger_transfer as t
 cross join lateral (select case
           when t.kind = 'posted' then 0
           when t.kind = 'pending' then t.amount
           when t.kind = 'void_pending' or t.partly then -t.amount
           else (select coalesce(sum(part.amount), 0)
                   from ledger_transfer as part
                  where part.pending_id = t.pending_id and part.kind = 'post_pending' and part.partly)
                - (select hold.amount from ledger_transfer as hold where hold.transfer_id = t.pending_id)
       end) as moved (held)
 cross join lateral (values (t.debit_account, -1), (t.credit_account, 1)) as side (account_id, sign);

-- ledger: ledger_change of what is sealed, to be read by account; written with the seal, never changed.
create table ledger_entry (
    account_id  uuid not null,
    position    bigint not null,
    event_at    timestamptz not null,
    created_at  timestamptz not null,
    posted      numeric(38, 0) not null,
    pending_out numeric(38, 0) not null,
    pending_in  numeric(38, 0) not null,
    primary key (account_id, position)
);
create index ledger_entry_by_booking on ledger_entry (account_id, created_at);
create index ledger_entry_by_event on ledger_entry (account_id, event_at);

-- ledger: sums of ledger_entry over a day (UTC), by when transfers were written and by when they happened: a balance at an
-- instant is the sum of the days before, and the entries of one.
create table ledger_day (
    account_id  uuid not null,
    kind        text not null constraint ledger_day_kind_known check (kind in ('booking', 'event')),
    day         date not null,
    posted      numeric(38, 0) not null,
    pending_out numeric(38, 0) not null,
    pending_in  numeric(38, 0) not null,
    primary key (account_id, kind, day)
);
