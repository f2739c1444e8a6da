-- mirror: networks that stand still until an operator acts, and why: a reorganisation deeper than what is final.
create table chain_halt (
    chain_id  bigint primary key,
    reason    text not null,
    halted_at timestamptz not null default now()
);

-- chain: code that stood at our contracts' addresses when they were first seen. Other code there is another contract.
create table chain_contract (
    chain_id  bigint not null,
    address   bytea  not null constraint chain_contract_address_len check (octet_length(address) = 20),
    code_hash bytea  not null constraint chain_contract_code_hash_len check (octet_length(code_hash) = 32),
    created_at timestamptz not null default now(),
    primary key (chain_id, address)
);

-- mirror: the last block that is final. A reorganisation below it is not undone by itself.
alter table chain_cursor add column final_block bigint not null default -1;

-- mirror: version of the folds that made the projections of a chain.
alter table chain_cursor add column fold_version integer not null default 1;
