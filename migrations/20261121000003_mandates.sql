-- subscriptions: terms that a subscriber set apart from the plan's; without them a subscription is paid in the plan's token
-- by the token's own allowance.
alter table billing_subscription_state
    add column paused_at     timestamptz,
    add column rail          text not null default 'allowance'
        constraint billing_subscription_state_rail_known check (rail in ('allowance', 'permit2')),
    add column payment_token bytea constraint billing_subscription_state_payment_token_len check (octet_length(payment_token) = 20),
    add column max_amount    numeric(78, 0),
    add column charge_limit  integer constraint billing_subscription_state_charge_limit_positive check (charge_limit > 0),
    add constraint billing_subscription_state_terms_together check ((payment_token is null) = (max_amount is null));

-- mandates: what we sent for subscribers who signed, and what it cost us.
create table billing_relay (
    relay_id      uuid primary key,
    chain_id      bigint not null,
    kind          text   not null
        constraint billing_relay_kind_known check (kind in ('subscribe', 'cancel', 'pause', 'resume')),
    plan_hash     bytea  not null constraint billing_relay_plan_len check (octet_length(plan_hash) = 32),
    subscriber    bytea  not null constraint billing_relay_subscriber_len check (octet_length(subscriber) = 20),
    -- of the signed message: any number of 256 bits
    nonce         numeric(78, 0) not null,
    -- EIP-712 digest that the subscriber signed
    payload_hash  bytea  not null constraint billing_relay_payload_len check (octet_length(payload_hash) = 32),
    -- the first transaction of its nonce; replacements point to it
    chain_tx_id   uuid   not null references chain_tx (chain_tx_id),
    status        text   not null
        constraint billing_relay_status_known check (status in ('submitted', 'mined', 'reverted', 'dropped')),
    gas_limit     bigint not null,
    -- gas limit at the highest fee signed: what counts against the budget until the receipt is known
    reserved_wei  numeric(78, 0) not null,
    gas_used      bigint,
    effective_gas_price numeric(39, 0),
    fee_wei       numeric(78, 0),
    -- the service's name, or the client's address
    requested_by  text   not null,
    created_at    timestamptz not null,
    settled_at    timestamptz,
    constraint billing_relay_nonce_once unique (chain_id, subscriber, nonce)
);
create index billing_relay_by_time on billing_relay (chain_id, created_at);
create index billing_relay_by_tx on billing_relay (chain_tx_id);
create index billing_relay_open on billing_relay (chain_id) where status = 'submitted';
