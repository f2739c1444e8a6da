-- payments: the method that a payment on a page left to be charged later.
alter table payment add column kept_method_id uuid constraint payment_method_kept references payment_method (payment_method_id);

-- fiat_subscriptions: subscriptions whose every period is paid in fiat money, at the price that was agreed to.
create table fiat_subscription (
    fiat_subscription_id uuid primary key,
    owner          text not null constraint fiat_subscription_owner_len check (length(owner) between 1 and 128),
    plan_hash      bytea not null constraint fiat_subscription_plan references billing_plan_signatures (plan_hash),
    provider       text not null,
    -- null until the first payment left one, and after it ended
    payment_method_id uuid constraint fiat_subscription_method references payment_method (payment_method_id),
    amount_minor   bigint not null constraint fiat_subscription_amount_range check (amount_minor between 1 and 999999999999),
    currency       text not null constraint fiat_subscription_currency_form check (currency ~ '^[A-Z]{3}$'),
    period_secs    bigint not null constraint fiat_subscription_period_positive check (period_secs > 0),
    description    text not null constraint fiat_subscription_description_len check (length(description) between 1 and 128),
    email          text,
    phone          text,
    receipt        jsonb,
    --   incomplete  the first payment is not decided
    --   active      paid
    --   past_due    a period is over and the next one is not paid: a method refused, or there is none
    --   canceled    over: its subscriber ended it, or never paid
    --   failed      over: nobody paid for it through all tries
    status         text not null constraint fiat_subscription_status_known
        check (status in ('incomplete', 'active', 'past_due', 'canceled', 'failed')),
    -- first instant of the first period, from which all are counted; first instant that is not paid for
    started_at     timestamptz,
    paid_until     timestamptz,
    -- refusals that count, since the last period that was paid
    attempts       integer not null default 0,
    -- when it is charged, tried again or ended; null while a payment is open, without a method, and when it is over
    look_at        timestamptz,
    -- its subscriber ended it: what is paid for stays, nothing more is charged
    canceled_at    timestamptz,
    asked_by       text not null,
    asked_key      text not null,
    asked_digest   bytea not null,
    created_at     timestamptz not null default now(),
    updated_at     timestamptz not null default now(),
    constraint fiat_subscription_asked_once unique (asked_by, asked_key),
    constraint fiat_subscription_paid_since_start
        check ((started_at is null) = (paid_until is null) and (status not in ('active', 'past_due') or started_at is not null)),
    constraint fiat_subscription_period_not_empty check (paid_until > started_at)
);
create index fiat_subscription_by_owner on fiat_subscription (owner, fiat_subscription_id desc);
create index fiat_subscription_to_look_at on fiat_subscription (look_at) where look_at is not null;

-- fiat_subscriptions: payments that collect a period, numbered from 0 in each subscription.
--   open      it may still be paid
--   paid      it pays the period
--   declined  it does not
--   refunded  it was paid after it had been given up: its money goes back
create table fiat_subscription_payment (
    payment_id           uuid primary key constraint fiat_subscription_payment_of references payment (payment_id),
    fiat_subscription_id uuid not null constraint fiat_subscription_payment_for references fiat_subscription (fiat_subscription_id),
    number               integer not null,
    state                text not null constraint fiat_subscription_payment_state_known
        check (state in ('open', 'paid', 'declined', 'refunded')),
    period_start         timestamptz,
    period_end           timestamptz,
    created_at           timestamptz not null default now(),
    updated_at           timestamptz not null default now(),
    constraint fiat_subscription_payment_number_once unique (fiat_subscription_id, number),
    constraint fiat_subscription_period_once unique (fiat_subscription_id, period_start),
    constraint fiat_subscription_payment_pays_a_period
        check ((state = 'paid') = (period_start is not null) and (period_start is null) = (period_end is null))
);
create unique index fiat_subscription_payment_one on fiat_subscription_payment (fiat_subscription_id) where state = 'open';
create index fiat_subscription_payment_given_up on fiat_subscription_payment (updated_at) where state = 'declined';
