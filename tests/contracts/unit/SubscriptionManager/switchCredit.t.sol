// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ISubscriptionTypes} from "../../../../contracts/src/interfaces/ISubscriptionTypes.sol";
import {SubscriberBase} from "../../SubscriberBase.t.sol";

/// @dev What unused time is worth in another plan.
contract SwitchCreditTest is SubscriberBase {
    bytes32 private basic;
    /// @dev Twice the price, the same period.
    bytes32 private pro;

    function setUp() public override {
        super.setUp();
        basic = createDefault();
        pro = createWith(2 * PRICE, PERIOD);
        subscribe(basic, alice);
    }

    /// @dev `credited` seconds of the new plan are worth at most what was left of the old one, one more would be worth more.
    function testFuzz_switchPlan_creditsAtTheRatesRoundedDown(
        uint96 oldPrice,
        uint32 oldPeriod,
        uint96 newPrice,
        uint32 newPeriod,
        uint256 elapsed
    ) external {
        oldPrice = uint96(bound(oldPrice, 1, type(uint96).max));
        newPrice = uint96(bound(newPrice, 1, type(uint96).max));
        oldPeriod = uint32(bound(oldPeriod, 1 hours, type(uint32).max));
        newPeriod = uint32(bound(newPeriod, 1 hours, type(uint32).max));
        bytes32 from = createWith(oldPrice, oldPeriod);
        bytes32 to = createWith(newPrice, newPeriod);
        token.mint(alice, uint256(oldPrice) + newPrice);
        subscribe(from, alice);
        uint256 unused = oldPeriod - bound(elapsed, 0, oldPeriod - 1);
        vm.warp(START + oldPeriod - unused);

        uint256 value = unused * oldPrice * newPeriod;
        uint256 unit = uint256(newPrice) * oldPeriod;
        if (value >= (uint256(type(uint40).max) + 1 - block.timestamp) * unit) {
            vm.expectRevert(
                abi.encodeWithSelector(ISubscriptionTypes.InvalidPaidUntil.selector, block.timestamp + value / unit)
            );
            switchPlan(from, to, alice);
            return;
        }
        switchPlan(from, to, alice);

        ISubscriptionTypes.Subscription memory state = stateOf(to, alice);
        if (value < unit) {
            assertEq(state.chargeCount, 1, "worth no second: charged");
            assertEq(state.nextChargeAt, block.timestamp + newPeriod, "a whole period");
            return;
        }
        uint256 credited = state.nextChargeAt - block.timestamp;
        assertEq(state.chargeCount, 0, "not charged");
        assertLe(credited * unit, value, "not more than was paid");
        assertGt((credited + 1) * unit, value, "less than a second lost");
    }

    function test_switchPlan_chargesAtOnce_whenNothingIsCredited() external {
        bytes32 dear = createWith(10_000_000 * PRICE, PERIOD);
        token.mint(alice, 10_000_000 * uint256(PRICE));
        vm.warp(START + PERIOD - 1);
        uint256 before = token.balanceOf(alice);
        uint256 end = START + 2 * PERIOD - 1;

        vm.expectEmit(true, true, true, true, address(manager));
        emit ISubscriptionTypes.SubscriptionSwitched(alice, basic, dear, 1, 0, 4);
        vm.expectEmit(true, true, true, true, address(manager));
        emit ISubscriptionTypes.SubscriptionActivated(dear, alice, merchant, uint40(block.timestamp), uint40(end), 0, 5);
        expectCharged(dear, alice, 6, block.timestamp, end, address(token), 10_000_000 * uint256(PRICE));
        switchPlan(basic, dear, alice);
        assertEq(before - token.balanceOf(alice), 10_000_000 * uint256(PRICE), "paid");
        assertEq(manager.eventCount(), 6, "events");
    }

    function testFuzz_switchPlan_ofAnOverdueOne_creditsNothingAndChargesOnce(uint256 late) external {
        vm.warp(START + PERIOD + bound(late, 0, 10 * uint256(PERIOD)));
        uint256 before = token.balanceOf(alice);
        vm.expectEmit(true, true, true, true, address(manager));
        emit ISubscriptionTypes.SubscriptionCancelled(
            basic, alice, ISubscriptionTypes.CancelReason.Switched, uint40(START + PERIOD), 3
        );
        switchPlan(basic, pro, alice);
        assertEq(before - token.balanceOf(alice), 2 * PRICE, "the new plan's first period");
        assertPaidUntil(pro, alice, block.timestamp + PERIOD);
    }

    function testFuzz_switchPlan_takesATrialForNothing(uint256 elapsed) external {
        bytes32 trial = createTrial(7 days);
        subscribe(trial, bob);
        elapsed = bound(elapsed, 0, 7 days - 1);
        vm.warp(START + elapsed);
        vm.expectEmit(true, true, true, true, address(manager));
        emit ISubscriptionTypes.SubscriptionSwitched(bob, trial, pro, uint40(7 days - elapsed), 0, 5);
        switchPlan(trial, pro, bob);

        assertEq(stateOf(pro, bob).chargeCount, 1, "charged");
        assertFalse(stateOf(pro, bob).inTrial, "no trial");
        assertPaidUntil(trial, bob, START + elapsed);
    }

    function test_switchPlan_givesNoTrial() external {
        bytes32 trial = createTrial(7 days);
        vm.warp(START + 20 days);
        switchPlan(basic, trial, alice);
        assertFalse(stateOf(trial, alice).inTrial, "no trial");
        assertPaidUntil(trial, alice, START + 30 days);
    }

    /// @dev What is left of a trial from before is not paid time; it does not add to the credit.
    function test_switchPlan_doesNotAddToATrialLeft() external {
        bytes32 trial = createTrial(20 days);
        subscribe(trial, alice);
        cancel(trial, alice);
        switchPlan(basic, trial, alice);
        assertPaidUntil(trial, alice, START + PERIOD);
        assertFalse(stateOf(trial, alice).inTrial, "paid time");
    }

    function test_switchPlan_addsToPaidTimeLeft() external {
        subscribe(pro, alice);
        cancel(pro, alice);
        vm.warp(START + 10 days);
        switchPlan(basic, pro, alice);
        assertPaidUntil(pro, alice, START + PERIOD + 10 days);
        assertEq(stateOf(pro, alice).chargeCount, 1, "not charged again");
    }

    function test_switchPlan_again_keepsCreditedTime() external {
        bytes32 third = createWith(PRICE, PERIOD / 2);
        switchPlan(basic, pro, alice);
        assertPaidUntil(pro, alice, START + 15 days);
        vm.warp(START + 5 days);
        switchPlan(pro, third, alice);
        assertPaidUntil(third, alice, START + 15 days);
        assertEq(token.balanceOf(merchant), PRICE - feeOf(PRICE), "paid once");
    }

    /// @dev Time used, each at its plan's rate, and the time left are worth no more than the one price that was paid. Rates
    ///      are in price per `PERIOD * period` seconds.
    function testFuzz_switchPlan_backAndForth_gainsNothing(uint96 price, uint32 period, uint24[6] calldata waits)
        external
    {
        price = uint96(bound(price, 1e4, 1e10));
        period = uint32(bound(period, 1 hours, 365 days));
        bytes32[2] memory both = [basic, createWith(price, period)];
        uint256[2] memory rates = [uint256(PRICE) * period, uint256(price) * PERIOD];
        uint256 paid = token.balanceOf(alice);
        uint256 used;
        for (uint256 i; i < waits.length; ++i) {
            vm.warp(vm.getBlockTimestamp() + waits[i] % 10 days);
            used += waits[i] % 10 days * rates[i % 2];
            switchPlan(both[i % 2], both[(i + 1) % 2], alice);
            if (token.balanceOf(alice) != paid) return;
            uint256 left = stateOf(both[(i + 1) % 2], alice).nextChargeAt - vm.getBlockTimestamp();
            assertLe(used + left * rates[(i + 1) % 2], uint256(PRICE) * PERIOD * period, "worth what was paid");
        }
    }

    function test_switchPlan_leavesNoPaidTimeBehind() external {
        switchPlan(basic, pro, alice);
        uint256 before = token.balanceOf(alice);
        subscribe(basic, alice);
        assertEq(before - token.balanceOf(alice), PRICE, "charged again");
    }
}
