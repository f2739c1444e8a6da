set shell := ["bash", "-euo", "pipefail", "-c"]

# Every recipe calls a script; CI runs the same ones.

[private]
default:
    @just --list

# Install what is missing
setup:
    script/setup --test

# Format Rust and Solidity
fmt: setup
    . script/env && cargo fmt --all && forge fmt contracts script tests

# Check formatting, lints, scripts, lock files and dependencies
lint:
    script/test locks scripts fmt deny clippy

# Build and test the contracts
contracts:
    script/test contracts

# Run the Rust tests
test:
    script/test rust

# Write the contracts' ABI files
abi: setup
    script/abi

# Write the gas snapshot
gas: setup
    script/gas

# Run the whole system on embedded defaults
demo:
    script/demo

# Everything CI checks
ci:
    .ci/run
