// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Base} from "../Base.t.sol";
import {BillingHandler} from "./handlers/BillingHandler.sol";

/// @dev See README.md for what is meant.
contract InvariantTest is Base {
    uint256 private constant FUNDS = 200e6;

    BillingHandler private handler;
    bytes32[2] private planHashes;
    address[3] private subscribers;

    function setUp() public override {
        super.setUp();
        planHashes = [createDefault(), createNative()];
        subscribers = [makeAddr("s0"), makeAddr("s1"), makeAddr("s2")];
        for (uint256 i; i < 3; ++i) {
            fund(subscribers[i], FUNDS);
        }

        handler =
            new BillingHandler(plans, manager, token, operator, automation, planHashes, subscribers, uint256(PERIOD));
        targetContract(address(handler));
    }

    function invariant_payersLoseWhatReceiversGain() external view {
        uint256 debits;
        for (uint256 i; i < 3; ++i) {
            debits += FUNDS - token.balanceOf(subscribers[i]);
        }
        assertEq(token.balanceOf(merchant) + token.balanceOf(feeReceiver), debits, "debits and credits");
    }

    function invariant_managerKeepsDepositsAndCreditsOnly() external view {
        assertEq(token.balanceOf(address(manager)), 0, "no token");

        uint256 owed = manager.creditOf(merchant) + manager.creditOf(feeReceiver);
        for (uint256 i; i < 3; ++i) {
            owed += manager.nativeDepositOf(subscribers[i]);
        }
        assertEq(address(manager).balance, owed, "deposits and credits");
    }

    function invariant_paidIsPriceTimesCharges() external view {
        for (uint256 i; i < 3; ++i) {
            address account = subscribers[i];
            assertEq(
                FUNDS - token.balanceOf(account),
                uint256(stateOf(planHashes[0], account).chargeCount) * PRICE,
                "token plan"
            );
            assertEq(
                handler.deposited(account) - handler.withdrawn(account) - manager.nativeDepositOf(account),
                uint256(stateOf(planHashes[1], account).chargeCount) * 1 ether,
                "native plan"
            );
        }
    }

    function invariant_eventsHaveNoGap() external view {
        assertEq(manager.eventCount(), handler.lastSequence(), "all seen");
    }
}
