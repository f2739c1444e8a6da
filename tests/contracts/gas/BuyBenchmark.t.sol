// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IMarketplace} from "../../../contracts/src/interfaces/IMarketplace.sol";
import {MarketBase} from "../MarketBase.t.sol";

/// @dev Whole transactions, as in Benchmark. State: second or later sale in a word of counters, OpenZeppelin ERC-20, 2.5 %
///      fee, infinite allowance, no balance zero, a key as the signer, one unit. The fee was asked for within the last day,
///      but where a name says stale.
contract BuyBenchmark is MarketBase {
    function setUp() public override {
        super.setUp();

        token.mint(seller, 1);
        token.mint(feeReceiver, 1);
        buy(bob, offer(), 1);
    }

    function test_buy() external {
        buy(alice, offer(), 1);
        uint256 used = _record("buy");

        assertLe(used, 75_000, "one sale");
    }

    function test_buy_staleFee() external {
        vm.warp(START + 1 days);
        buy(alice, offer(), 1);
        _record("buy, stale fee");
    }

    function test_buy_firstOfALaterListing() external {
        IMarketplace.Listing memory listing = offer();
        listing.salt = 2;
        buy(alice, listing, 1);
        _record("buy, first of a later listing");
    }

    function test_buy_native() external {
        vm.deal(alice, 2 ether);
        vm.deal(seller, 1);
        vm.deal(feeReceiver, 1);
        IMarketplace.Listing memory listing = offerNative();
        pay(alice, listing, order(listing, 1), 1 ether);
        _record("buy for native coin");
    }

    function _record(string memory name) private returns (uint256 used) {
        used = vm.lastCallGas().gasTotalUsed;
        vm.snapshotValue("contracts", name, used);
    }
}
