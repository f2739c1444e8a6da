-- Fiat money: amounts are whole numbers of a currency's smallest unit.

-- catalog: packs of credits that are sold for money.
create table credit_pack (
    credit_pack_id  text primary key constraint credit_pack_id_form check (credit_pack_id ~ '^[a-z0-9][a-z0-9_-]{0,63}$'),
    title           text not null constraint credit_pack_title_len check (length(title) between 1 and 128),
    asset           text not null constraint credit_pack_asset references ledger_asset (asset),
    credits         numeric(38, 0) not null constraint credit_pack_credits_positive check (credits > 0),
    -- null: what is bought does not expire
    expires_days    integer constraint credit_pack_expires_range check (expires_days between 1 and 36500),
    -- codes of the receipt's line under 54-FZ
    vat_code        smallint not null constraint credit_pack_vat_range check (vat_code between 1 and 99),
    payment_subject text not null,
    payment_mode    text not null,
    -- no longer sold: what was sold stays
    retired         boolean not null default false,
    updated_at      timestamptz not null default now()
);
create table credit_pack_price (
    credit_pack_id text not null constraint credit_pack_price_pack references credit_pack (credit_pack_id) on delete cascade,
    currency       text not null constraint credit_pack_price_currency_form check (currency ~ '^[A-Z]{3}$'),
    amount_minor   bigint not null constraint credit_pack_price_range check (amount_minor between 1 and 999999999999),
    primary key (credit_pack_id, currency)
);

-- payments: methods that can be charged without the payer. The provider's id is all that we know of a card.
create table payment_method (
    payment_method_id uuid primary key,
    provider    text not null,
    owner       text not null,
    external_id text not null,
    title       text not null,
    -- the payer, the bank or the provider ended it
    ended_at    timestamptz,
    end_reason  text,
    created_at  timestamptz not null default now(),
    constraint payment_method_once unique (provider, owner, external_id)
);
create index payment_method_by_owner on payment_method (owner) where ended_at is null;

-- payments: one row for each payment that we ask for, written before it is asked for.
create table payment (
    payment_id     uuid primary key,
    provider       text not null,
    owner          text not null constraint payment_owner_len check (length(owner) between 1 and 128),
    -- topup: credits are given for it; period: it pays a period of a subscription
    purpose        text not null constraint payment_purpose_known check (purpose in ('topup', 'period')),
    amount_minor   bigint not null constraint payment_amount_range check (amount_minor between 1 and 999999999999),
    currency       text not null constraint payment_currency_form check (currency ~ '^[A-Z]{3}$'),
    status         text not null constraint payment_status_known
        check (status in ('created', 'pending', 'authorized', 'succeeded', 'canceled')),
    -- of a topup: what is given
    credit_pack_id text,
    asset          text,
    credits        numeric(38, 0),
    expires_days   integer,
    -- how it is paid: on the provider's page, or with a saved method
    payment_method_id uuid constraint payment_method_used references payment_method (payment_method_id),
    save_method    boolean not null,
    return_url     text,
    description    text not null constraint payment_description_len check (length(description) between 1 and 128),
    email          text,
    phone          text,
    -- lines of the receipt as they are sent; null without one
    receipt        jsonb,
    -- what is done with money that is held: nothing yet, take it, give it back
    intent         text not null constraint payment_intent_known check (intent in ('hold', 'capture', 'release')),
    -- what the provider says
    external_id    text,
    charge_id      text,
    action_url     text,
    cancel_reason  text,
    cancel_code    text,
    fee_minor      bigint,
    receipt_status text constraint payment_receipt_known check (receipt_status in ('pending', 'succeeded', 'canceled')),
    test           boolean not null default false,
    -- an answer that contradicts the row: nothing is booked until somebody has looked
    trouble        text,
    -- who asked for it, with which key, and a digest of what was asked
    asked_by       text not null,
    asked_key      text not null,
    asked_digest   bytea not null,
    -- when it was first sent, when it is looked at next, and by whom it is worked on
    sent_at        timestamptz,
    look_at        timestamptz,
    looks          integer not null default 0,
    lease_until    timestamptz,
    created_at     timestamptz not null default now(),
    updated_at     timestamptz not null default now(),
    -- by the transaction that booked it
    succeeded_at   timestamptz,
    constraint payment_asked_once unique (asked_by, asked_key),
    constraint payment_external_once unique (provider, external_id),
    constraint payment_topup_gives_credits
        check ((purpose = 'topup') = (credits is not null) and (credits is null) = (asset is null)),
    constraint payment_success_is_booked check ((status = 'succeeded') = (succeeded_at is not null))
);
create index payment_to_look_at on payment (look_at) where look_at is not null;
create index payment_by_owner on payment (owner, payment_id desc);
create index payment_by_charge on payment (provider, charge_id) where charge_id is not null;
create index payment_by_time on payment (provider, created_at);
-- what waits for a person
create index payment_in_trouble on payment (provider) where trouble is not null;
create index payment_receipt_refused on payment (provider) where receipt_status = 'canceled';

-- payments: money that goes back. What is given up for it is taken in the transaction that writes the row.
create table refund (
    refund_id    uuid primary key,
    payment_id   uuid not null constraint refund_payment references payment (payment_id),
    amount_minor bigint not null constraint refund_amount_range check (amount_minor between 1 and 999999999999),
    status       text not null constraint refund_status_known check (status in ('created', 'pending', 'succeeded', 'canceled')),
    -- credits taken back for it
    credits      numeric(38, 0) not null constraint refund_credits_not_negative check (credits >= 0),
    reason       text not null constraint refund_reason_len check (length(reason) between 1 and 250),
    external_id  text,
    cancel_code  text,
    -- made in the provider's own pages: it was told, not asked for
    foreign_made boolean not null,
    trouble      text,
    sent_at      timestamptz,
    look_at      timestamptz,
    looks        integer not null default 0,
    lease_until  timestamptz,
    created_at   timestamptz not null default now(),
    updated_at   timestamptz not null default now()
);
create index refund_by_payment on refund (payment_id);
create index refund_to_look_at on refund (look_at) where look_at is not null;
create index refund_by_external on refund (external_id) where external_id is not null;
create index refund_in_trouble on refund (payment_id) where trouble is not null;

-- payments: a payer's bank asks a payment back.
create table payment_dispute (
    payment_dispute_id uuid primary key,
    payment_id   uuid not null constraint payment_dispute_payment references payment (payment_id),
    external_id  text not null,
    amount_minor bigint not null constraint payment_dispute_amount_range check (amount_minor between 1 and 999999999999),
    fee_minor    bigint not null,
    status       text not null constraint payment_dispute_status_known check (status in ('open', 'won', 'lost')),
    reason       text not null,
    -- credits taken back while it is open, and for good when it is lost
    credits      numeric(38, 0) not null,
    created_at   timestamptz not null default now(),
    updated_at   timestamptz not null default now(),
    constraint payment_dispute_once unique (payment_id, external_id)
);

-- payments: notifications as they came, kept before anything is done about them.
create table webhook_inbox (
    webhook_inbox_id bigint generated always as identity primary key,
    provider     text not null,
    event_id     text not null,
    event        text not null,
    -- what to ask the provider about
    subject      text not null constraint webhook_inbox_subject_known check (subject in ('payment', 'refund', 'dispute', 'nothing')),
    subject_id   text,
    body         bytea not null constraint webhook_inbox_body_len check (octet_length(body) <= 262144),
    status       text not null constraint webhook_inbox_status_known check (status in ('received', 'done', 'given_up')),
    -- what was made of it
    outcome      text,
    attempts     integer not null default 0,
    look_at      timestamptz,
    lease_until  timestamptz,
    received_at  timestamptz not null default now(),
    constraint webhook_inbox_once unique (provider, event_id)
);
create index webhook_inbox_to_do on webhook_inbox (look_at) where status = 'received';
create index webhook_inbox_given_up on webhook_inbox (provider) where status = 'given_up';

-- payments: what a provider's lists and our rows said differently.
create table reconciliation (
    reconciliation_id uuid primary key,
    provider   text not null,
    since      timestamptz not null,
    until      timestamptz not null,
    -- rows compared, and sums of what was paid and given back, by them and by us
    compared   integer not null,
    differences integer not null,
    finished_at timestamptz not null default now(),
    constraint reconciliation_window check (since < until)
);
create index reconciliation_by_provider on reconciliation (provider, until desc);
create table reconciliation_difference (
    reconciliation_id uuid not null constraint reconciliation_difference_of references reconciliation (reconciliation_id) on delete cascade,
    number      integer not null,
    kind        text not null constraint reconciliation_difference_kind_known
        check (kind in ('missing_here', 'missing_there', 'amount', 'currency', 'status', 'refunded', 'trouble')),
    payment_id  uuid,
    external_id text,
    ours        text,
    theirs      text,
    primary key (reconciliation_id, number)
);
