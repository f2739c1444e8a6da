-- mirror: what a log is about, in eight bytes, so that one narrow index serves every fold. Two entities may share a number:
-- the fold leaves out what is not its own.
create function chain_leading_bytes(value bytea) returns bigint
    language sql immutable strict parallel safe
    return ('x' || encode(substring(value for 8), 'hex'))::bit(64)::bigint;

create function chain_subscription_subject(plan_hash bytea, subscriber bytea) returns bigint
    language sql immutable strict parallel safe
    return chain_leading_bytes(substring(plan_hash for 4) || substring(subscriber for 4));

-- An amount of twelve bytes inside a packed word; `start` counts from one.
create function chain_packed_amount(word bytea, start integer) returns numeric
    language sql immutable strict parallel safe
    return ('x' || encode(substring(word from start for 4), 'hex'))::bit(32)::bigint * 18446744073709551616::numeric
         + ('x' || encode(substring(word from start + 4 for 4), 'hex'))::bit(32)::bigint * 4294967296::numeric
         + ('x' || encode(substring(word from start + 8 for 4), 'hex'))::bit(32)::bigint;

-- An instant of six bytes of seconds inside a packed word.
create function chain_packed_instant(word bytea, start integer) returns timestamptz
    language sql immutable strict parallel safe
    return to_timestamp(('x' || encode(substring(word from start for 6), 'hex'))::bit(48)::bigint::double precision);

alter table chain_log rename to chain_log_before;
alter index chain_log_pkey rename to chain_log_before_pkey;
drop index chain_log_by_subject, chain_log_by_party, chain_log_by_number;

-- mirror: logs of our contracts on the canonical chain; what is here is canonical, and no two branches share a height.
create table chain_log (
    chain_id     bigint not null,
    block_number bigint not null,
    log_index    bigint not null,
    block_time   timestamptz not null,
    -- number among the contract's events
    sequence     bigint not null,
    -- chain_leading_bytes of the plan, or chain_subscription_subject; null for events of neither
    subject      bigint,
    -- chain_leading_bytes of the account whose native deposit it changes
    account      bigint,
    block_hash   bytea  not null,
    tx_hash      bytea  not null,
    address      bytea  not null,
    topic0       bytea  not null,
    topic1       bytea,
    topic2       bytea,
    topic3       bytea,
    data         bytea  not null,
    primary key (chain_id, block_number, log_index)
) partition by range (chain_id, block_number);
create index chain_log_by_subject on chain_log (chain_id, subject, block_number, log_index);
create index chain_log_by_account on chain_log (chain_id, account, block_number, log_index) where account is not null;

-- mirror: the stretches of blocks that chain_log's partitions hold. The first of a chain also takes what is below it.
create table chain_log_partition (
    chain_id      bigint not null,
    from_block    bigint not null,
    to_block      bigint not null,
    -- events of the chain when it was made
    events_before bigint not null,
    primary key (chain_id, to_block),
    constraint chain_log_partition_order check (from_block < to_block)
);

-- Makes room for the blocks up to `last_block`; gives the bound, which is not part of the partition. The span follows the
-- events per block of the partition before it, so that each holds about two million rows. The new table is attached, which
-- blocks no writer, and not created in place, which would block all.
create function chain_log_extend(chain bigint, first_block bigint, last_block bigint) returns bigint
    language plpgsql
as $$
declare
    newest chain_log_partition;
    made   chain_log_partition;
    span   bigint := 100000;
    part   text;
begin
    perform pg_advisory_xact_lock(hashtextextended('chain_log_extend', chain));
    select * into newest from chain_log_partition where chain_id = chain order by to_block desc limit 1;
    if newest.to_block > last_block then
        return newest.to_block;
    end if;
    select coalesce(sum(last_sequence), 0) into made.events_before from chain_event_sequence where chain_id = chain;
    made.chain_id := chain;
    made.from_block := coalesce(newest.to_block, first_block);
    if newest.to_block is not null then
        -- Eight times the last one at most: a quiet beginning says little.
        span := least((newest.to_block - newest.from_block) * 8, 10000000);
        if made.events_before > newest.events_before then
            span := least(span, ceil(2000000.0 * (newest.to_block - newest.from_block)
                                     / (made.events_before - newest.events_before)));
        end if;
        span := greatest(span, 1000);
    end if;
    made.to_block := greatest(made.from_block + span, last_block + 1);
    part := format('chain_log_%s_%s', chain, made.from_block);
    execute format('create table %I (like chain_log including all)', part);
    if newest.to_block is null then
        execute format('alter table chain_log attach partition %I for values from (%s, minvalue) to (%s, %s)',
                       part, chain, chain, made.to_block);
    else
        execute format('alter table chain_log attach partition %I for values from (%s, %s) to (%s, %s)',
                       part, chain, made.from_block, chain, made.to_block);
    end if;
    insert into chain_log_partition select made.*;
    return made.to_block;
end
$$;

select chain_log_extend(chain_id, min(block_number), max(block_number)) from chain_log_before group by chain_id;

with kind (topic0, plan_at, subscriber_at) as (values
    -- plans: PlanCreated, PlanFrozenToggled, PlanOwnershipTransferStarted, PlanOwnershipTransferred, PlanStatusChanged, PlanUriUpdated
    ('\x9a01f3a942e8231aac1c78302526213e6d2e305445407650f722de175a378451'::bytea, 2, null::integer),
    ('\x952db3d1090c1d0f2cc08d4dabefc90c64131edeceaab40ccaf51aa6801ccb57', 2, null),
    ('\x2826a6a6abe9b4930f3141c52e01e18ddff9df8faf76fde21e45a98b028bf9d9', 2, null),
    ('\x0db3e9b34cdcfece00c19243f3b3623c1d0d2c15b8322f07767539aff7ffd74f', 2, null),
    ('\x96c92eeb00d09cf193abe2f85cc825111eb23e4928118df50a3fbfd039ed2e06', 2, null),
    ('\xe2dc8e4dcdd958b5f00c6e8564a0836b3450503ee9e0ef8786a0d6273deff623', 2, null),
    -- subscriptions: ChargeSkipped, MandateAccepted, ManualActivation, and SubscriptionActivated, Cancelled, Charged,
    -- FailedFinal, Paused, Resumed, RetryScheduled; Switched names the subscriber first and the plan last
    ('\x459d35d9e7a17a2e0ae69934d97d16f9b4b266779c186d42bad7c838ae9c5c51', 2, 3),
    ('\x5656b230465a2ca6c97194aa794a6b4a5c6e77ed74eb8c081093fbd24e69ae98', 2, 3),
    ('\x74a1843771cfbb8ede6af29e3b21ba84cfcea52d5e19e81267a0f02dd52dd821', 2, 3),
    ('\x04dbc6bad782e733599da90d1123caa34e1f2e46eff853b120d4d97110122625', 2, 3),
    ('\x29a3d7693876391967885c28546df22765015467dce6478c02cae8046c21e696', 2, 3),
    ('\xd3a11505a74567f30405f45b7231d913bb3f0db1a8881eb18c108ec85626a9bd', 2, 3),
    ('\x26627de810d22c2a9489f037891f097564c3cafc34193bf2a4013ca4f492c8d1', 2, 3),
    ('\x670f5fc3aa300a283313c606c9668a6e6827f4ed8e5b8cdbaebff1315328202b', 2, 3),
    ('\x64eaa9d43c3d96a1e254417c9f9ac980078e1b20dd391109f6bc011725d8b96e', 2, 3),
    ('\xb0102b0f9232ae76d58bfd93a17ceb9075ea511c0796ee7a26e081c525af4fb0', 2, 3),
    ('\xf896087fb25e4d6c8a3633895bc64907a278d3fc68f1b513a7ad8637d6fa1697', 4, 2)
)
insert into chain_log (chain_id, block_number, log_index, block_time, sequence, subject, account, block_hash, tx_hash,
                       address, topic0, topic1, topic2, topic3, data)
select old.chain_id, old.block_number, old.log_index, old.block_time, old.sequence,
       case when kind.subscriber_at is null then chain_leading_bytes(old.topics[kind.plan_at])
            else chain_subscription_subject(old.topics[kind.plan_at],
                                            substring(old.topics[kind.subscriber_at] from 13)) end,
       case
           -- NativeDepositIncreased, NativeDepositWithdrawn
           when old.topics[1] in ('\x40eb098d6c34dafc97ef87d7a055811970308b5d9d35cfc1c1087e2574c808d9',
                                  '\x575188b4347c46bc2406c104e3c7c9e777921a07bf1e81ad6be42b79e22fdfeb')
               then chain_leading_bytes(substring(old.topics[2] from 13))
           -- SubscriptionCharged in native coin
           when old.topics[1] = '\xd3a11505a74567f30405f45b7231d913bb3f0db1a8881eb18c108ec85626a9bd'
                and substring(old.data from 65 for 32) = decode(repeat('00', 32), 'hex')
               then chain_leading_bytes(substring(old.topics[3] from 13)) end,
       old.block_hash, old.tx_hash, old.address, old.topics[1], old.topics[2], old.topics[3], old.topics[4], old.data
  from chain_log_before as old
  left join kind on kind.topic0 = old.topics[1]
 order by old.chain_id, old.block_number, old.log_index;
drop table chain_log_before;

-- mirror: one row per reorganisation that was undone.
create table chain_undo (
    undo_id      bigint generated always as identity primary key,
    chain_id     bigint not null,
    -- the last block that stayed
    fork_block   bigint not null,
    fork_hash    bytea  not null,
    -- where the mirror stood
    cursor_block bigint not null,
    cursor_hash  bytea  not null,
    depth        bigint not null,
    logs         bigint not null,
    undone_at    timestamptz not null default now()
);
create index chain_undo_by_chain on chain_undo (chain_id, undo_id);

-- mirror: logs that a reorganisation took back. With chain_log they are everything that was ever applied.
create table chain_log_orphan (
    undo_id      bigint not null constraint chain_log_orphan_undo references chain_undo (undo_id),
    chain_id     bigint not null,
    block_number bigint not null,
    log_index    bigint not null,
    block_time   timestamptz not null,
    sequence     bigint not null,
    subject      bigint,
    account      bigint,
    block_hash   bytea  not null,
    tx_hash      bytea  not null,
    address      bytea  not null,
    topic0       bytea  not null,
    topic1       bytea,
    topic2       bytea,
    topic3       bytea,
    data         bytea  not null,
    orphaned_at  timestamptz not null default now(),
    primary key (undo_id, block_number, log_index)
);

-- charges: every charge on the canonical chain, ours or not, read from its log. A subscription's are found by `subject`.
create view billing_charge as
select chain_id, block_number, log_index, tx_hash, block_time, subject,
       topic1 as plan_hash,
       substring(topic2 from 13) as subscriber,
       substring(data from 33 for 20) as merchant,
       substring(data from 77 for 20) as token,
       chain_packed_instant(data, 9) as period_start,
       chain_packed_instant(data, 15) as period_end,
       chain_packed_amount(data, 21) as gross,
       chain_packed_amount(data, 53) as fee
  from chain_log
 where topic0 = '\xd3a11505a74567f30405f45b7231d913bb3f0db1a8881eb18c108ec85626a9bd';

-- The table of attempts is of our own: a charge that only the chain made is a log.
delete from billing_charge_attempt
 where status = 'settled' and confirmed_block is not null and attempts = 0 and chain_tx_id is null and worker_instance is null;
-- What the mirror may still have to say something about: usually few, so that "none" is answered at once.
create index billing_charge_attempt_unconfirmed_by_mirror on billing_charge_attempt (chain_id)
    where status <> 'settled' or confirmed_block is null;

-- A charge moves next_charge_at, which the index of what is due holds, so its update writes to every index; the room left on
-- a page keeps the new row beside the old one, and lets the others (a retry, a limit) stay within the heap.
alter table billing_subscription_state set (fillfactor = 80);
alter table billing_native_deposit set (fillfactor = 70);

-- outbox: who wrote a row. Rows of a transaction that still runs cannot be seen yet, and their ids may be the smaller ones;
-- readers go by (written_by, outbox_id) and stop before the oldest transaction that runs.
alter table outbox add column written_by xid8 not null default pg_current_xact_id();
create index outbox_in_order on outbox (written_by, outbox_id);
create index outbox_chain_reverted on outbox (key, outbox_id) where topic = 'billing.chain.reverted.v1';
