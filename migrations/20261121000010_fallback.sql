-- plans: what a period costs where it is paid in fiat money.
create table billing_plan_fiat_price (
    plan_hash    bytea not null constraint billing_plan_fiat_price_hash_len check (octet_length(plan_hash) = 32),
    currency     text not null constraint billing_plan_fiat_price_currency_form check (currency ~ '^[A-Z]{3}$'),
    amount_minor bigint not null constraint billing_plan_fiat_price_range check (amount_minor between 1 and 999999999999),
    updated_at   timestamptz not null default now(),
    primary key (plan_hash, currency)
);

-- charges: subscriptions whose period is taken from a saved method when the chain cannot pay, at the price that was agreed to.
create table billing_fallback (
    chain_id     bigint not null,
    plan_hash    bytea not null,
    subscriber   bytea not null,
    owner        text not null,
    payment_method_id uuid not null constraint billing_fallback_method references payment_method (payment_method_id),
    provider     text not null,
    amount_minor bigint not null constraint billing_fallback_amount_range check (amount_minor between 1 and 999999999999),
    currency     text not null constraint billing_fallback_currency_form check (currency ~ '^[A-Z]{3}$'),
    description  text not null constraint billing_fallback_description_len check (length(description) between 1 and 128),
    email        text,
    phone        text,
    receipt      jsonb,
    created_at   timestamptz not null default now(),
    ended_at     timestamptz,
    primary key (chain_id, plan_hash, subscriber)
);

-- charges: until when a subscription is paid by fiat money, past what the chain knows; nothing is charged there before.
create table billing_period_cover (
    chain_id      bigint not null,
    plan_hash     bytea not null,
    subscriber    bytea not null,
    covered_until timestamptz not null,
    primary key (chain_id, plan_hash, subscriber)
);

-- An attempt is handed to the fiat rail when the chain refused it (chain time), and is that rail's until it is decided.
alter table billing_charge_attempt
    drop constraint billing_charge_attempt_status_known,
    add constraint billing_charge_attempt_status_known
        check (status in ('pending', 'submitted', 'settled', 'failed', 'canceled', 'fiat', 'paid_by_fiat')),
    add column handed_at timestamptz,
    add constraint billing_charge_attempt_handed check (status not in ('fiat', 'paid_by_fiat') or handed_at is not null);
create index billing_charge_attempt_fiat on billing_charge_attempt (charge_attempt_id) where status = 'fiat';

-- charges: payments that collect a period, one open one of an attempt at most.
--   open      it may still be paid
--   paid      it pays the period
--   declined  it does not
--   undo      the chain paid the period after all: its money goes back
--   undone    its money went back, or never came
create table billing_fallback_payment (
    payment_id        uuid primary key constraint billing_fallback_payment_of references payment (payment_id),
    charge_attempt_id uuid not null constraint billing_fallback_payment_for references billing_charge_attempt (charge_attempt_id),
    state             text not null constraint billing_fallback_payment_state_known
        check (state in ('open', 'paid', 'declined', 'undo', 'undone')),
    created_at        timestamptz not null default now(),
    updated_at        timestamptz not null default now()
);
create unique index billing_fallback_payment_one on billing_fallback_payment (charge_attempt_id) where state in ('open', 'paid');
create index billing_fallback_payment_to_do on billing_fallback_payment (state) where state in ('open', 'undo');

-- Whether a saved method pays where the chain cannot.
create function billing_has_fallback(chain bigint, plan bytea, who bytea) returns boolean
    language sql stable
as $$
    select exists (select from billing_fallback f join payment_method m using (payment_method_id)
                    where f.chain_id = chain and f.plan_hash = plan and f.subscriber = who and f.ended_at is null
                      and m.ended_at is null)
$$;
