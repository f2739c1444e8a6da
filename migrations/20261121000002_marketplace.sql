-- marketplace: listings signed once by a seller, valid on every listed chain.
create table billing_listing_signatures (
    listing_hash bytea primary key constraint billing_listing_signatures_hash_len check (octet_length(listing_hash) = 32),
    chain_ids    bigint[] not null
        constraint billing_listing_signatures_chains check (cardinality(chain_ids) between 1 and 32),
    seller       bytea not null constraint billing_listing_signatures_seller_len check (octet_length(seller) = 20),
    -- null: anyone may buy
    buyer        bytea constraint billing_listing_signatures_buyer_len check (octet_length(buyer) = 20),
    token        bytea not null constraint billing_listing_signatures_token_len check (octet_length(token) = 20),
    -- of one unit
    price        numeric(78, 0) not null constraint billing_listing_signatures_price_positive check (price > 0),
    sku          bytea not null constraint billing_listing_signatures_sku_len check (octet_length(sku) = 32),
    quantity     bigint not null
        constraint billing_listing_signatures_quantity_range check (quantity between 1 and 4294967294),
    max_fee_bps  integer not null constraint billing_listing_signatures_fee_range check (max_fee_bps between 0 and 10000),
    discount_bps integer not null
        constraint billing_listing_signatures_discount_range check (discount_bps between 0 and 10000),
    discount_min_quantity bigint not null,
    discount_ends_at timestamptz,
    salt         numeric(78, 0) not null,
    expiry_at    timestamptz,
    signature    bytea not null,
    created_at   timestamptz not null default now()
);
create index billing_listing_signatures_by_salt on billing_listing_signatures (seller, salt);
create index billing_listing_signatures_by_sku on billing_listing_signatures (sku, seller);

-- marketplace: the last salt given to a seller. Salts that follow each other share a counter's slot on chain.
create table billing_listing_salt (
    seller    bytea primary key constraint billing_listing_salt_seller_len check (octet_length(seller) = 20),
    last_salt numeric(78, 0) not null constraint billing_listing_salt_not_negative check (last_salt >= 0)
);

-- marketplace: sales on the canonical chain, one row per event; written and taken back by the mirror.
create table billing_marketplace_sale (
    chain_id     bigint not null,
    block_number bigint not null,
    log_index    bigint not null,
    block_hash   bytea  not null,
    block_time   timestamptz not null,
    tx_hash      bytea  not null,
    listing_hash bytea  not null constraint billing_marketplace_sale_hash_len check (octet_length(listing_hash) = 32),
    seller       bytea  not null,
    buyer        bytea  not null,
    recipient    bytea  not null,
    sku          bytea  not null,
    quantity     bigint not null constraint billing_marketplace_sale_quantity_positive check (quantity > 0),
    payment_token bytea not null,
    -- what the buyer paid; gross less fee went to the seller
    gross        numeric(78, 0) not null,
    discount     numeric(78, 0) not null,
    fee          numeric(78, 0) not null,
    sequence     bigint not null,
    primary key (chain_id, block_number, log_index),
    constraint billing_marketplace_sale_fee_within check (fee <= gross)
);
create index billing_marketplace_sale_by_listing on billing_marketplace_sale (listing_hash, chain_id);
create index billing_marketplace_sale_by_buyer on billing_marketplace_sale (buyer, chain_id, block_number, log_index);
create index billing_marketplace_sale_by_seller on billing_marketplace_sale (seller, chain_id, block_number, log_index);

-- marketplace: revocations on the canonical chain, one row per event: of a salt, or of a SKU's salts below one.
create table billing_listing_revocation (
    chain_id     bigint not null,
    block_number bigint not null,
    log_index    bigint not null,
    block_time   timestamptz not null,
    tx_hash      bytea  not null,
    seller       bytea  not null constraint billing_listing_revocation_seller_len check (octet_length(seller) = 20),
    salt         numeric(78, 0),
    sku          bytea,
    min_salt     numeric(78, 0),
    sequence     bigint not null,
    primary key (chain_id, block_number, log_index),
    constraint billing_listing_revocation_kind
        check ((salt is null) = (sku is not null) and (sku is null) = (min_salt is null))
);
create index billing_listing_revocation_by_salt on billing_listing_revocation (seller, salt) where salt is not null;
create index billing_listing_revocation_by_sku on billing_listing_revocation (seller, sku) where sku is not null;
