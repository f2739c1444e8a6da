-- Times are UTC instants; amounts are the token's smallest unit (uint96/uint256 on chain); addresses are 20 bytes, hashes 32.
-- One writer per table: the room named in the comment above it.

-- chain: which chain a network name means; a node that answers with another genesis block is refused.
create table chain_network (
    chain_id     bigint primary key constraint chain_network_id_positive check (chain_id > 0),
    name         text not null constraint chain_network_name_unique unique,
    genesis_hash bytea not null constraint chain_network_genesis_len check (octet_length(genesis_hash) = 32),
    created_at   timestamptz not null default now()
);

-- chain: accounts that send; the row's lock serialises the taking of nonces.
create table chain_signer (
    chain_id   bigint not null,
    sender     bytea  not null constraint chain_signer_sender_len check (octet_length(sender) = 20),
    primary key (chain_id, sender)
);

-- chain: outgoing transactions, written before they are broadcast. Replacements of one nonce are rows of their own.
create table chain_tx (
    chain_tx_id     uuid primary key,
    chain_id        bigint not null,
    sender          bytea  not null constraint chain_tx_sender_len check (octet_length(sender) = 20),
    nonce           bigint not null constraint chain_tx_nonce_range check (nonce >= 0),
    tx_hash         bytea  not null constraint chain_tx_hash_len check (octet_length(tx_hash) = 32),
    raw             bytea  not null,
    receiver        bytea  not null constraint chain_tx_receiver_len check (octet_length(receiver) = 20),
    call_data       bytea  not null,
    value_wei       numeric(78, 0) not null,
    gas_limit       bigint not null,
    max_fee_wei     numeric(39, 0) not null,
    priority_fee_wei numeric(39, 0) not null,
    purpose         text   not null,
    status          text   not null
        constraint chain_tx_status_known check (status in ('pending', 'mined', 'reverted', 'replaced', 'dropped')),
    replaces        uuid references chain_tx (chain_tx_id),
    block_number    bigint,
    block_hash      bytea,
    gas_used        bigint,
    created_at      timestamptz not null default now(),
    broadcast_at    timestamptz,
    settled_at      timestamptz,
    constraint chain_tx_hash_unique unique (chain_id, tx_hash)
);
create unique index chain_tx_one_live_per_nonce on chain_tx (chain_id, sender, nonce) where status = 'pending';
create index chain_tx_by_nonce on chain_tx (chain_id, sender, nonce);

-- mirror: last applied block of each network.
create table chain_cursor (
    chain_id     bigint primary key,
    block_number bigint not null,
    block_hash   bytea  not null constraint chain_cursor_hash_len check (octet_length(block_hash) = 32),
    block_time   timestamptz not null,
    updated_at   timestamptz not null default now()
);

-- mirror: recent canonical headers, to find the fork point of a reorganisation.
create table chain_block (
    chain_id     bigint not null,
    block_number bigint not null,
    block_hash   bytea  not null constraint chain_block_hash_len check (octet_length(block_hash) = 32),
    parent_hash  bytea  not null constraint chain_block_parent_len check (octet_length(parent_hash) = 32),
    block_time   timestamptz not null,
    primary key (chain_id, block_number)
);

-- mirror: applied logs of our contracts on the canonical chain; projections are folds of them.
create table chain_log (
    chain_id     bigint not null,
    block_hash   bytea  not null,
    log_index    bigint not null,
    block_number bigint not null,
    block_time   timestamptz not null,
    tx_hash      bytea  not null,
    address      bytea  not null,
    topics       bytea[] not null,
    data         bytea  not null,
    sequence     bigint,
    -- second and third topic: what most events are about (plan hash or account, and subscriber)
    subject      bytea,
    party        bytea,
    primary key (chain_id, block_hash, log_index)
);
create index chain_log_by_subject on chain_log (chain_id, address, subject, party, block_number, log_index);
create index chain_log_by_party on chain_log (chain_id, address, party, block_number, log_index);
create index chain_log_by_number on chain_log (chain_id, block_number, log_index);

-- mirror: highest event number applied per contract; the contracts count their events without gaps.
create table chain_event_sequence (
    chain_id      bigint not null,
    address       bytea  not null,
    last_sequence bigint not null,
    primary key (chain_id, address)
);

-- plans: terms signed once by a merchant, valid on every listed chain.
create table billing_plan_signatures (
    plan_hash   bytea primary key constraint billing_plan_signatures_hash_len check (octet_length(plan_hash) = 32),
    chain_ids   bigint[] not null constraint billing_plan_signatures_chains check (cardinality(chain_ids) between 1 and 32),
    merchant    bytea not null constraint billing_plan_signatures_merchant_len check (octet_length(merchant) = 20),
    token       bytea not null constraint billing_plan_signatures_token_len check (octet_length(token) = 20),
    price       numeric(78, 0) not null constraint billing_plan_signatures_price_positive check (price > 0),
    period_secs bigint not null constraint billing_plan_signatures_period_positive check (period_secs > 0),
    trial_secs  bigint not null constraint billing_plan_signatures_trial_range check (trial_secs >= 0),
    max_fee_bps integer not null constraint billing_plan_signatures_fee_range check (max_fee_bps between 0 and 10000),
    salt        numeric(78, 0) not null,
    expiry_at   timestamptz,
    uri         text not null constraint billing_plan_signatures_uri_len check (length(uri) <= 2048),
    signature   bytea not null,
    created_at  timestamptz not null default now()
);

-- plans: the chain's view of a plan, one row per network; written by the fold of its events.
create table billing_plan_state (
    chain_id    bigint not null,
    plan_hash   bytea  not null constraint billing_plan_state_hash_len check (octet_length(plan_hash) = 32),
    merchant    bytea  not null,
    token       bytea  not null,
    price       numeric(78, 0) not null,
    period_secs bigint not null,
    trial_secs  bigint not null,
    max_fee_bps integer not null,
    status      text   not null
        constraint billing_plan_state_status_known check (status in ('active', 'closed', 'inactive')),
    frozen      boolean not null,
    uri         text   not null,
    created_block bigint not null,
    updated_block bigint not null,
    updated_at  timestamptz not null,
    primary key (chain_id, plan_hash)
);

-- subscriptions: the chain's view of a subscription; written by the fold of its events.
create table billing_subscription_state (
    chain_id        bigint not null,
    plan_hash       bytea  not null,
    subscriber      bytea  not null constraint billing_subscription_state_subscriber_len check (octet_length(subscriber) = 20),
    status          text   not null
        constraint billing_subscription_state_status_known check (status in ('active', 'paused', 'canceled', 'failed')),
    started_at      timestamptz not null,
    next_charge_at  timestamptz not null,
    retry_at        timestamptz,
    ends_at         timestamptz,
    last_charged_at timestamptz,
    canceled_at     timestamptz,
    charge_count    integer not null,
    retries         smallint not null,
    last_reason     smallint,
    updated_block   bigint not null,
    updated_at      timestamptz not null,
    primary key (chain_id, plan_hash, subscriber),
    constraint billing_subscription_state_plan foreign key (chain_id, plan_hash)
        references billing_plan_state (chain_id, plan_hash) deferrable initially deferred
);
create index billing_subscription_state_due on billing_subscription_state (chain_id, next_charge_at) where status = 'active';
create index billing_subscription_state_by_subscriber on billing_subscription_state (subscriber, chain_id);

-- subscriptions: native coin that an account left with the manager for charges to draw on.
create table billing_native_deposit (
    chain_id      bigint not null,
    account       bytea  not null,
    balance       numeric(78, 0) not null constraint billing_native_deposit_not_negative check (balance >= 0),
    updated_block bigint not null,
    primary key (chain_id, account)
);

-- charges: one row per subscription and due time; the row exists before any money moves.
create table billing_charge_attempt (
    charge_attempt_id uuid primary key,
    chain_id       bigint not null,
    plan_hash      bytea  not null,
    subscriber     bytea  not null,
    -- end of the paid time when this charge became due; the period paid contains or follows it
    due_at         timestamptz not null,
    status         text not null
        constraint billing_charge_attempt_status_known check (status in ('pending', 'submitted', 'settled', 'failed', 'canceled')),
    -- refusals that count for dunning
    attempts       integer not null default 0,
    amount         numeric(78, 0) not null,
    payment_token  bytea  not null,
    reason         smallint,
    retry_at       timestamptz,
    worker_instance text,
    lease_until    timestamptz,
    chain_tx_id    uuid references chain_tx (chain_tx_id),
    tx_hash        bytea,
    gas_spent      bigint,
    fee            numeric(78, 0),
    period_start   timestamptz,
    period_end     timestamptz,
    -- where the receipt said it was mined, then where the mirror confirmed it
    mined_block    bigint,
    confirmed_block bigint,
    confirmed_block_hash bytea,
    confirmed_log_index bigint,
    created_at     timestamptz not null default now(),
    updated_at     timestamptz not null default now(),
    constraint billing_charge_attempt_once unique (chain_id, plan_hash, subscriber, due_at)
);
create index billing_charge_attempt_open on billing_charge_attempt (chain_id, status) where status in ('pending', 'submitted');
create index billing_charge_attempt_by_tx on billing_charge_attempt (chain_tx_id);
create index billing_charge_attempt_unconfirmed on billing_charge_attempt (chain_id, mined_block)
    where status = 'settled' and confirmed_block is null;
create index billing_charge_attempt_confirmed on billing_charge_attempt (chain_id, confirmed_block);

-- outbox: what other rooms and other systems are told, in the transaction that made it true.
create table outbox (
    outbox_id  bigint generated always as identity primary key,
    topic      text not null,
    key        text not null,
    payload    jsonb not null,
    created_at timestamptz not null default now()
);
