// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPlanManager} from "../../../../contracts/src/interfaces/IPlanManager.sol";
import {ISubscriptionTypes} from "../../../../contracts/src/interfaces/ISubscriptionTypes.sol";
import {SubscriberBase} from "../../SubscriberBase.t.sol";
import {GasBombToken} from "../../mocks/HostileTokens.sol";
import {Refuser} from "../../mocks/Wallets.sol";

/// @dev Subscriptions paid in a token that is not the plan's.
contract BoundedTest is SubscriberBase {
    uint96 private constant GROSS = 9e18;

    bytes32 private planHash;

    function setUp() public override {
        super.setUp();
        planHash = createDefault();
        euro.mint(carol, 1000e18);
        vm.prank(carol);
        euro.approve(address(manager), type(uint256).max);
        setQuote(planHash, address(euro), GROSS);
    }

    function testFuzz_subscribeBySig_paysTheQuote(uint96 gross, uint96 maxAmount) external {
        gross = uint96(bound(gross, 1, 1000e18));
        maxAmount = uint96(bound(maxAmount, gross, type(uint96).max));
        setQuote(planHash, address(euro), gross);
        ISubscriptionTypes.Mandate memory mandate = _mandate(maxAmount);
        bytes memory signature = sign(mandate);

        vm.expectEmit(true, true, true, true, address(manager));
        emit ISubscriptionTypes.MandateAccepted(
            planHash, carol, ISubscriptionTypes.Rail.Allowance, address(euro), maxAmount, 0, 1
        );
        vm.expectEmit(true, true, true, true, address(manager));
        emit ISubscriptionTypes.SubscriptionActivated(
            planHash, carol, merchant, uint40(START), uint40(START + PERIOD), 0, 2
        );
        expectCharged(planHash, carol, 3, START, START + PERIOD, address(euro), gross);
        relay(mandate, signature);

        assertEq(euro.balanceOf(carol), 1000e18 - gross, "payer");
        assertEq(euro.balanceOf(merchant), gross - feeOf(gross), "merchant");
        assertEq(euro.balanceOf(feeReceiver), feeOf(gross), "fee receiver");
        assertEq(token.balanceOf(carol), 1_000_000e6, "not in the plan's token");
        assertTrue(stateOf(planHash, carol).bounded, "bounded");
        assertEq(manager.boundsOf(planHash, carol).token, address(euro), "token");
        assertEq(manager.boundsOf(planHash, carol).maxAmount, maxAmount, "maximum");
        assertEq(manager.eventCount(), 3, "events");
    }

    function testFuzz_charge_paysTheQuoteOfItsDay(uint96 gross) external {
        gross = uint96(bound(gross, 1, 2 * GROSS));
        relay(_mandate(2 * GROSS));
        vm.warp(START + PERIOD);
        setQuote(planHash, address(euro), gross);
        expectCharged(planHash, carol, 4, START + PERIOD, START + 2 * PERIOD, address(euro), gross);
        charge(planHash, carol);
        assertEq(euro.balanceOf(carol), 1000e18 - GROSS - gross, "payer");
        assertEq(euro.balanceOf(address(manager)), 0, "nothing kept");
    }

    /// @dev Each token's payer paid what merchant and fee receiver got of it.
    function test_chargeBatch_paysEachMemberInItsToken() external {
        relay(_mandate(GROSS));
        subscribe(planHash, alice);
        subscribe(planHash, bob);
        vm.warp(START + PERIOD);
        uint256[4] memory before = [
            token.balanceOf(merchant),
            token.balanceOf(feeReceiver),
            euro.balanceOf(merchant),
            euro.balanceOf(feeReceiver)
        ];
        uint256 first = manager.eventCount() + 1;
        vm.recordLogs();
        assertEq(chargeBatch(planHash, abi.encodePacked(alice, carol, bob)), hex"000000", "outcomes");

        assertGapless(first);
        assertEq(token.balanceOf(merchant) - before[0], 2 * (PRICE - feeOf(PRICE)), "merchant, plan's token");
        assertEq(token.balanceOf(feeReceiver) - before[1], 2 * feeOf(PRICE), "fee receiver, plan's token");
        assertEq(euro.balanceOf(merchant) - before[2], GROSS - feeOf(GROSS), "merchant, other token");
        assertEq(euro.balanceOf(feeReceiver) - before[3], feeOf(GROSS), "fee receiver, other token");
        assertEq(token.balanceOf(carol), 1_000_000e6, "nothing in the plan's token");
        assertEq(token.balanceOf(address(manager)) + euro.balanceOf(address(manager)), 0, "nothing kept");
    }

    function testFuzz_charge_reverts_whenTheQuoteIsAboveItsMaximum(uint96 above) external {
        relay(_mandate(GROSS));
        vm.warp(START + PERIOD);
        setQuote(planHash, address(euro), uint256(GROSS) + bound(above, 1, type(uint96).max));
        chargeReverts(planHash, carol, ISubscriptionTypes.Reason.AboveMaximum);

        _batchSchedules(ISubscriptionTypes.Reason.AboveMaximum, hex"000b");
        setQuote(planHash, address(euro), GROSS);
        vm.warp(START + PERIOD + 1 days);
        charge(planHash, carol);
        assertEq(stateOf(planHash, carol).retries, 0, "forgotten");
    }

    function test_charge_reverts_whenThereIsNoQuote() external {
        relay(_mandate(GROSS));
        vm.warp(START + PERIOD);
        failQuote(planHash, address(euro));
        chargeReverts(planHash, carol, ISubscriptionTypes.Reason.QuoteUnavailable);
        _batchSchedules(ISubscriptionTypes.Reason.QuoteUnavailable, hex"000c");
    }

    function test_charge_reverts_whenItCannotBePaid() external {
        relay(_mandate(GROSS));
        vm.warp(START + PERIOD);
        vm.prank(carol);
        euro.approve(address(manager), GROSS - 1);
        chargeReverts(planHash, carol, ISubscriptionTypes.Reason.InsufficientAllowance);
        _batchSchedules(ISubscriptionTypes.Reason.InsufficientAllowance, hex"0005");
    }

    function test_subscribeBySig_reverts_withoutAQuoteWithinItsMaximum() external {
        ISubscriptionTypes.Mandate memory mandate = _mandate(GROSS - 1);
        relayReverts(mandate, failed(ISubscriptionTypes.Reason.AboveMaximum));

        mandate.maxAmount = GROSS;
        failQuote(planHash, address(euro));
        relayReverts(mandate, failed(ISubscriptionTypes.Reason.QuoteUnavailable));
        assertStatus(planHash, carol, ISubscriptionTypes.Status.None);
        assertEq(manager.boundsOf(planHash, carol).maxAmount, 0, "nothing stays");
    }

    /// @dev The credit of a merchant who refuses coin is an event amid the batch.
    function test_chargeBatch_native_countsTheCreditOfARefusal() external {
        Refuser refuser = new Refuser();
        IPlanManager.Plan memory plan = terms();
        plan.merchant = address(refuser);
        bytes32 refused = create(plan);
        setQuote(refused, address(0), 1 ether);
        manager.depositNative{value: 3 ether}(carol);
        ISubscriptionTypes.Mandate memory mandate = mandateFor(refused);
        (mandate.paymentToken, mandate.maxAmount) = (address(0), 1 ether);
        vm.recordLogs();
        relay(mandate);
        assertGapless(2);
        subscribe(refused, alice);
        subscribe(refused, bob);

        vm.warp(START + PERIOD);
        uint256 first = manager.eventCount() + 1;
        uint256 net = 1 ether - feeOf(1 ether);
        vm.recordLogs();
        vm.expectEmit(true, true, true, true, address(manager));
        emit ISubscriptionTypes.CreditIncreased(address(refuser), net, 2 * net, uint64(first + 1));
        assertEq(chargeBatch(refused, abi.encodePacked(alice, carol, bob)), hex"000000", "outcomes");
        assertGapless(first);
        assertEq(manager.eventCount() + 1 - first, 4, "three charges and a credit");
        assertEq(manager.creditOf(address(refuser)), 2 * net, "credit");
        assertEq(feeReceiver.balance, 2 * feeOf(1 ether), "fee receiver");
        assertEq(address(manager).balance, 1 ether + 2 * net, "deposit and credit");

        vm.warp(START + 2 * PERIOD);
        first = manager.eventCount() + 1;
        vm.recordLogs();
        charge(refused, carol);
        assertGapless(first);
    }

    function test_chargeBatch_native_schedulesWithoutADeposit() external {
        setQuote(planHash, address(0), 1 ether);
        manager.depositNative{value: 1 ether}(carol);
        ISubscriptionTypes.Mandate memory mandate = mandateFor(planHash);
        (mandate.paymentToken, mandate.maxAmount) = (address(0), 1 ether);
        relay(mandate);
        vm.warp(START + PERIOD);
        chargeReverts(planHash, carol, ISubscriptionTypes.Reason.InsufficientBalance);
        _batchSchedules(ISubscriptionTypes.Reason.InsufficientBalance, hex"0003");
    }

    function test_chargeBatch_paysANativePlanInAToken() external {
        bytes32 native = createNative();
        setQuote(native, address(euro), GROSS);
        ISubscriptionTypes.Mandate memory mandate = mandateFor(native);
        (mandate.paymentToken, mandate.maxAmount) = (address(euro), GROSS);
        relay(mandate);
        vm.deal(alice, 2 ether);
        vm.prank(alice);
        manager.subscribe{value: 2 ether}(native);
        vm.warp(START + PERIOD);
        assertEq(chargeBatch(native, abi.encodePacked(carol, alice)), hex"0000", "outcomes");
        assertEq(euro.balanceOf(merchant), 2 * (GROSS - feeOf(GROSS)), "in the token");
        assertEq(merchant.balance, 2 * (1 ether - feeOf(1 ether)), "in coin");
        assertEq(address(manager).balance, 0, "nothing kept");
    }

    function test_chargeBatch_isNotHeldUpByThePaymentToken() external {
        GasBombToken bomb = new GasBombToken();
        bomb.mint(carol, 1000e18);
        vm.prank(carol);
        bomb.approve(address(manager), type(uint256).max);
        setQuote(planHash, address(bomb), GROSS);
        ISubscriptionTypes.Mandate memory mandate = _mandate(GROSS);
        mandate.paymentToken = address(bomb);
        relay(mandate);
        bomb.setVictim(carol);
        vm.warp(START + PERIOD);
        _batchSchedules(ISubscriptionTypes.Reason.TransferFailed, hex"0006");
    }

    function testFuzz_collectBounded_reverts_forAnyoneElse(address caller) external {
        vm.assume(caller != address(manager));
        relay(_mandate(GROSS));
        vm.warp(START + PERIOD);
        vm.expectRevert(abi.encodeWithSelector(ISubscriptionTypes.Unauthorized.selector, caller));
        vm.prank(caller);
        manager.collectBounded(planHash, carol);
    }

    function test_subscribe_clearsTheBounds() external {
        relay(_mandate(GROSS));
        cancel(planHash, carol);
        assertEq(manager.boundsOf(planHash, carol).token, address(euro), "kept with the paid time");
        subscribe(planHash, carol);
        assertFalse(stateOf(planHash, carol).bounded, "plain");
        assertEq(manager.boundsOf(planHash, carol).token, address(0), "no bounds");
        assertEq(manager.boundsOf(planHash, carol).maxAmount, 0, "no maximum");

        vm.warp(START + PERIOD);
        charge(planHash, carol);
        assertEq(euro.balanceOf(carol), 1000e18 - GROSS, "no more of the other token");
        assertEq(token.balanceOf(carol), 1_000_000e6 - PRICE, "the plan's token");
    }

    function test_subscribeBySig_withReplaces_leavesTheOtherToken() external {
        relay(_mandate(GROSS));
        bytes32 pro = createWith(2 * PRICE, PERIOD);
        ISubscriptionTypes.Mandate memory mandate = mandateFor(pro);
        mandate.replaces = planHash;
        relay(mandate);
        assertFalse(stateOf(pro, carol).bounded, "plain");
        assertPaidUntil(pro, carol, START + PERIOD / 2);
    }

    function test_chargeBatch_reverts_whenGasIsTooLowForAQuote() external {
        relay(_mandate(GROSS));
        vm.warp(START + PERIOD);
        bytes memory members = abi.encodePacked(carol);
        vm.expectPartialRevert(ISubscriptionTypes.InsufficientGas.selector);
        vm.prank(automation);
        manager.chargeBatch{gas: 330_000}(planHash, members);
    }

    function testFuzz_charges_neverFailAPayerForLackOfGas(uint256 gasLimit, bool single) external {
        relay(_mandate(GROSS));
        subscribe(planHash, alice);
        vm.warp(START + PERIOD);
        bytes memory members = abi.encodePacked(carol, alice);
        gasLimit = bound(gasLimit, 30_000, 1_500_000);
        vm.prank(automation);
        if (single) {
            try manager.charge{gas: gasLimit}(planHash, carol) {
                assertEq(stateOf(planHash, carol).chargeCount, 2, "charged");
            } catch (bytes memory why) {
                assertTrue(why.length != 36, "no reason of the payer's");
            }
        } else {
            try manager.chargeBatch{gas: gasLimit}(planHash, members) returns (bytes memory outcomes) {
                assertEq(outcomes, hex"0000", "all charged");
            } catch {
                assertEq(stateOf(planHash, carol).retries, 0, "no retry used");
            }
        }
    }

    function _mandate(uint96 maxAmount) private returns (ISubscriptionTypes.Mandate memory mandate) {
        mandate = mandateFor(planHash);
        (mandate.paymentToken, mandate.maxAmount) = (address(euro), maxAmount);
    }

    /// @dev Carol, due for the second time and beside a plain member, is tried again a day later.
    function _batchSchedules(ISubscriptionTypes.Reason reason, bytes memory outcomes) private {
        uint256 time = vm.getBlockTimestamp();
        vm.warp(START);
        subscribe(planHash, alice);
        vm.warp(time);
        uint64 next = manager.eventCount() + 2;
        vm.expectEmit(true, true, true, true, address(manager));
        emit ISubscriptionTypes.SubscriptionRetryScheduled(planHash, carol, reason, uint40(time + 1 days), 1, next);
        assertEq(chargeBatch(planHash, abi.encodePacked(alice, carol)), outcomes, "outcomes");
        assertPaidUntil(planHash, carol, START + PERIOD);
        assertEq(stateOf(planHash, carol).chargeCount, 1, "not charged");
    }
}
