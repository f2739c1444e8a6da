// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ISubscriptionTypes} from "../../../../contracts/src/interfaces/ISubscriptionTypes.sol";
import {Base} from "../../Base.t.sol";

contract ChargeBatchTest is Base {
    bytes32 private planHash;
    address private carol = makeAddr("carol");

    function setUp() public override {
        super.setUp();
        planHash = createDefault();
        subscribe(planHash, alice);
        subscribe(planHash, bob);
        fund(carol, PRICE);
        subscribe(planHash, carol);
        vm.warp(START + PERIOD);
    }

    function test_chargeBatch_settlesOnceAndSkipsTheBadMember() external {
        uint256 merchantBefore = token.balanceOf(merchant);
        uint256 feeBefore = token.balanceOf(feeReceiver);

        vm.expectEmit(true, true, true, true, address(manager));
        emit ISubscriptionTypes.SubscriptionCharged(
            planHash,
            alice,
            receiptOf(7, START + PERIOD, START + 2 * PERIOD, PRICE),
            settlementOf(merchant, feeOf(PRICE)),
            address(token)
        );
        vm.expectEmit(true, true, true, true, address(manager));
        emit ISubscriptionTypes.SubscriptionRetryScheduled(
            planHash,
            carol,
            ISubscriptionTypes.Reason.InsufficientBalance,
            uint40(START + PERIOD + manager.RETRY_DELAY()),
            1,
            8
        );
        vm.expectEmit(true, true, true, true, address(manager));
        emit ISubscriptionTypes.ChargeSkipped(planHash, address(this), ISubscriptionTypes.Reason.NotSubscribed, 9);
        vm.expectEmit(true, true, true, true, address(manager));
        emit ISubscriptionTypes.SubscriptionCharged(
            planHash,
            bob,
            receiptOf(10, START + PERIOD, START + 2 * PERIOD, PRICE),
            settlementOf(merchant, feeOf(PRICE)),
            address(token)
        );
        bytes memory outcomes = chargeBatch(planHash, abi.encodePacked(alice, carol, address(this), bob));

        assertEq(outcomes, hex"00030700", "outcomes");
        assertEq(token.balanceOf(merchant) - merchantBefore, 2 * (PRICE - feeOf(PRICE)), "merchant");
        assertEq(token.balanceOf(feeReceiver) - feeBefore, 2 * feeOf(PRICE), "fee receiver");
        assertEq(token.balanceOf(address(manager)), 0, "nothing kept");
        assertEq(manager.eventCount(), 10, "events");
    }

    function test_chargeBatch_chargesADuplicateOnce() external {
        assertEq(chargeBatch(planHash, abi.encodePacked(alice, alice, carol, carol)), hex"00020309", "outcomes");
        assertEq(stateOf(planHash, alice).chargeCount, 2, "one charge");
        assertEq(stateOf(planHash, carol).retries, 1, "one retry");
    }

    function test_chargeBatch_endsAfterTheLastRetry() external {
        bytes memory members = abi.encodePacked(carol);
        assertEq(chargeBatch(planHash, members), hex"03", "first failure");
        assertEq(stateOf(planHash, carol).nextChargeAt, START + PERIOD, "due time kept");
        assertEq(stateOf(planHash, carol).chargeCount, 1, "count kept");

        vm.warp(START + PERIOD + 1 days - 1);
        assertEq(chargeBatch(planHash, members), hex"09", "retry pending");
        vm.warp(START + PERIOD + 1 days);
        assertEq(chargeBatch(planHash, members), hex"03", "second failure");
        assertEq(stateOf(planHash, carol).retries, 2, "retries");

        vm.warp(START + PERIOD + 2 days);
        vm.expectEmit(true, true, true, true, address(manager));
        emit ISubscriptionTypes.SubscriptionFailedFinal(
            planHash, carol, ISubscriptionTypes.Reason.InsufficientBalance, 10
        );
        assertEq(chargeBatch(planHash, members), hex"03", "last failure");

        ISubscriptionTypes.Subscription memory state = stateOf(planHash, carol);
        assertEq(uint8(state.status), uint8(ISubscriptionTypes.Status.Failed), "status");
        assertEq(uint8(state.cancelReason), uint8(ISubscriptionTypes.CancelReason.RetriesExhausted), "reason");
        token.mint(carol, PRICE);
        vm.warp(START + PERIOD + 9 days);
        assertEq(chargeBatch(planHash, members), hex"07", "not charged any more");
    }

    function test_chargeBatch_forgetsFailuresOnceCharged() external {
        bytes memory members = abi.encodePacked(carol);
        chargeBatch(planHash, members);
        token.mint(carol, PRICE);
        vm.warp(START + PERIOD + 1 days);
        assertEq(chargeBatch(planHash, members), hex"00", "charged");

        ISubscriptionTypes.Subscription memory state = stateOf(planHash, carol);
        assertEq(state.retries, 0, "retries");
        assertEq(state.retryAt, 0, "retry time");
        assertEq(state.nextChargeAt, START + 2 * PERIOD, "on the anchor");
    }

    function test_chargeBatch_reportsNoPlanForEveryMember() external {
        assertEq(chargeBatch("x", abi.encodePacked(alice, bob)), hex"0101", "outcomes");
    }

    function test_chargeBatch_usesNoRetryOnAFrozenPlan() external {
        vm.prank(operator);
        plans.setPlanFrozen(planHash, true);
        assertEq(chargeBatch(planHash, abi.encodePacked(alice, carol, merchant)), hex"040407", "outcomes");
        assertEq(stateOf(planHash, carol).retries, 0, "no retry");
    }

    function test_chargeBatch_byAnyoneOnlyAfterTheDelay() external {
        bytes memory members = abi.encodePacked(alice, carol);
        vm.prank(bob);
        assertEq(manager.chargeBatch(planHash, members), hex"0202", "not yet public");
        assertEq(stateOf(planHash, carol).retries, 0, "nobody burns a retry");

        vm.warp(START + PERIOD + manager.PUBLIC_DELAY());
        vm.prank(bob);
        assertEq(manager.chargeBatch(planHash, members), hex"0003", "public");
    }

    function test_chargeBatch_reverts_whenMembersAreNotWhole() external {
        vm.expectRevert(abi.encodeWithSelector(ISubscriptionTypes.InvalidBatch.selector, 0));
        chargeBatch(planHash, "");
        vm.expectRevert(abi.encodeWithSelector(ISubscriptionTypes.InvalidBatch.selector, 39));
        chargeBatch(planHash, new bytes(39));
    }

    function test_chargeBatch_reverts_whenGasIsTooLowForATransfer() external {
        bytes memory members = abi.encodePacked(alice);
        vm.expectPartialRevert(ISubscriptionTypes.InsufficientGas.selector);
        vm.prank(automation);
        manager.chargeBatch{gas: 230_000}(planHash, members);
    }

    function testFuzz_chargeBatch_neverFailsAPayerForLackOfGas(uint256 gasLimit) external {
        gasLimit = bound(gasLimit, 50_000, 1_000_000);
        bytes memory members = abi.encodePacked(alice, bob);
        vm.prank(automation);
        try manager.chargeBatch{gas: gasLimit}(planHash, members) returns (bytes memory outcomes) {
            assertEq(outcomes, hex"0000", "all charged");
        } catch {
            assertEq(stateOf(planHash, alice).retries, 0, "no retry used");
        }
    }

    /// @dev The same members, in a batch and one by one: same money, same states.
    function testFuzz_chargeBatch_equalsItsMembersOneByOne(uint8 broken, uint256 late) external {
        vm.warp(START + PERIOD + bound(late, 0, 3 * uint256(PERIOD)));
        address[3] memory members = [alice, bob, carol];
        token.mint(carol, PRICE);
        for (uint256 i; i < 3; ++i) {
            if (broken >> i & 1 == 0) continue;
            vm.prank(members[i]);
            manager.cancel(planHash);
        }

        uint256 snapshot = vm.snapshotState();
        bytes memory outcomes = chargeBatch(planHash, abi.encodePacked(alice, bob, carol));
        bytes32 batched = _digest(members);
        vm.revertToState(snapshot);

        for (uint256 i; i < 3; ++i) {
            vm.prank(automation);
            try manager.charge(planHash, members[i]) {
                assertEq(uint8(outcomes[i]), 0, "charged in the batch too");
            } catch (bytes memory reason) {
                assertEq(
                    reason,
                    abi.encodeWithSelector(ISubscriptionTypes.ChargeFailed.selector, uint8(outcomes[i])),
                    "same reason"
                );
            }
        }
        assertEq(_digest(members), batched, "same money and states");
    }

    function _digest(address[3] memory members) private view returns (bytes32 digest) {
        digest = keccak256(abi.encode(token.balanceOf(merchant), token.balanceOf(feeReceiver)));
        for (uint256 i; i < 3; ++i) {
            digest = keccak256(
                abi.encode(digest, token.balanceOf(members[i]), manager.subscriptionOf(planHash, members[i]))
            );
        }
    }
}
