// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ISubscriptionTypes} from "../../../../contracts/src/interfaces/ISubscriptionTypes.sol";
import {HookToken, HookWallet, PlainToken, ReentrantToken} from "../../mocks/HostileTokens.sol";
import {ZooBase} from "./ZooBase.t.sol";

/// @dev Tokens, and payers by their token's hook, that call back while they are charged.
contract ReentranceTest is ZooBase {
    bytes private guard = abi.encodeWithSignature("ReentrancyGuardReentrantCall()");
    HookWallet private wallet;

    function test_token_withinABatch_findsTheGuard() external {
        ReentrantToken token_ = _enterReentrant();
        bytes[] memory calls = _calls();
        uint256 snapshot = vm.snapshotState();
        for (uint256 i; i < calls.length; ++i) {
            token_.setCall(address(manager), calls[i]);
            uint256 next = manager.eventCount() + 1;
            vm.recordLogs();
            assertEq(chargeBatch(planHash, both()), hex"0000", "charged");
            assertGapless(next);
            assertFalse(token_.succeeded(), "refused");
            assertEq(token_.answer(), guard, "by the guard");
            assertReceived(4);
            vm.revertToState(snapshot);
        }
    }

    function test_token_withinASubscribe_findsTheGuard() external {
        ReentrantToken token_ = _enterReentrant();
        fundOdd(carol);
        bytes[] memory calls = _calls();
        uint256 snapshot = vm.snapshotState();
        for (uint256 i; i < calls.length; ++i) {
            token_.setCall(address(manager), calls[i]);
            subscribe(planHash, carol);
            assertFalse(token_.succeeded(), "refused");
            assertEq(token_.answer(), guard, "by the guard");
            assertReceived(3);
            vm.revertToState(snapshot);
        }
    }

    /// @dev A single charge is done before it pays, so that it holds no guard: others may be charged from within.
    function test_token_withinACharge_findsItDone() external {
        ReentrantToken token_ = _enterReentrant();
        uint256 snapshot = vm.snapshotState();
        token_.setCall(address(manager), abi.encodeCall(manager.charge, (planHash, alice)));
        charge(planHash, alice);
        assertEq(token_.answer(), failed(ISubscriptionTypes.Reason.NotDue), "not due twice");
        assertReceived(3);
        vm.revertToState(snapshot);

        token_.setCall(address(manager), abi.encodeCall(manager.charge, (planHash, bob)));
        uint256 next = manager.eventCount() + 1;
        vm.recordLogs();
        charge(planHash, alice);
        assertGapless(next);
        assertTrue(token_.succeeded(), "another member is another charge");
        assertReceived(4);
        vm.revertToState(snapshot);

        token_.setCall(address(manager), abi.encodeCall(manager.chargeBatch, (planHash, both())));
        charge(planHash, alice);
        assertFalse(token_.succeeded(), "a batch needs more gas than a transfer has");
        assertReceived(3);
    }

    /// @dev In another token than the plan's the charge is counted after it is paid, with what was counted meanwhile.
    function test_paymentToken_withinACharge_takesNoEventNumber() external {
        ReentrantToken token_ = new ReentrantToken();
        planHash = createDefault();
        subscribe(planHash, bob);
        token_.mint(carol, FUNDS);
        vm.prank(carol);
        token_.approve(address(manager), type(uint256).max);
        setQuote(planHash, address(token_), 5e6);
        ISubscriptionTypes.Mandate memory mandate = mandateFor(planHash);
        (mandate.paymentToken, mandate.maxAmount) = (address(token_), 5e6);
        relay(mandate);

        vm.warp(START + PERIOD + 1 days);
        uint256 snapshot = vm.snapshotState();
        token_.setCall(address(manager), abi.encodeCall(manager.charge, (planHash, bob)));
        uint256 next = manager.eventCount() + 1;
        vm.recordLogs();
        charge(planHash, carol);
        assertGapless(next);
        assertEq(manager.eventCount() + 1 - next, 2, "both charges");
        vm.revertToState(snapshot);

        token_.setCall(address(manager), abi.encodeCall(manager.charge, (planHash, carol)));
        charge(planHash, carol);
        assertEq(token_.answer(), failed(ISubscriptionTypes.Reason.NotDue), "not due twice");
        assertEq(token_.balanceOf(carol), FUNDS - 10e6, "paid once each");
    }

    function test_payer_withinABatch_findsTheGuard() external {
        _enterHook();
        bytes[] memory calls = _calls();
        uint256 snapshot = vm.snapshotState();
        for (uint256 i; i < calls.length; ++i) {
            wallet.setCall(address(manager), calls[i], false);
            assertEq(chargeBatch(planHash, abi.encodePacked(wallet, alice)), hex"0000", "charged");
            assertEq(wallet.answer(), guard, "by the guard");
            assertReceived(5);
            vm.revertToState(snapshot);
        }
    }

    function test_payer_thatRefuses_stopsItselfOnly() external {
        _enterHook();
        wallet.setCall(address(manager), abi.encodeCall(manager.cancel, (planHash)), true);
        assertEq(chargeBatch(planHash, abi.encodePacked(wallet, alice)), hex"0600", "outcomes");
        assertRetried(address(wallet));
    }

    /// @dev The period is paid, and the subscription over: as if it had cancelled right after.
    function test_payer_thatCancelsWithinItsCharge_hasPaid() external {
        _enterHook();
        wallet.setCall(address(manager), abi.encodeCall(manager.cancel, (planHash)), false);
        uint256 next = manager.eventCount() + 1;
        vm.recordLogs();
        charge(planHash, address(wallet));
        assertGapless(next);
        assertTrue(wallet.succeeded(), "cancelled");
        assertStatus(planHash, address(wallet), ISubscriptionTypes.Status.Cancelled);
        assertPaidUntil(planHash, address(wallet), START + 2 * PERIOD);
        assertReceived(4);
    }

    /// @dev Tokens that go away between the merchant's part and the fee take both back.
    function test_payer_thatEmptiesItself_paysAllOrNothing() external {
        _enterHook();
        wallet.setCall(address(odd), abi.encodeCall(odd.transfer, (bob, FUNDS - PRICE - NET)), false);
        chargeReverts(address(wallet), ISubscriptionTypes.Reason.InsufficientBalance);
        assertUntouched(address(wallet));
        assertReceived(3);
    }

    /// @dev What a payer adds to a batch is the merchant's, and no other member's payment.
    function test_payer_thatGivesTheManagerMore_paysTheMerchantMore() external {
        _enterHook();
        wallet.setCall(address(odd), abi.encodeCall(odd.transfer, (address(manager), 7)), false);
        assertEq(chargeBatch(planHash, abi.encodePacked(alice, wallet)), hex"0000", "outcomes");
        assertEq(odd.balanceOf(merchant), 5 * uint256(NET) + 7, "merchant");
        assertEq(odd.balanceOf(address(manager)), 0, "nothing kept");
    }

    function _enterReentrant() private returns (ReentrantToken token_) {
        token_ = new ReentrantToken();
        enter(address(token_));
        joinBoth();
        vm.warp(START + PERIOD + 1 days);
    }

    function _enterHook() private {
        enter(address(new HookToken()));
        wallet = new HookWallet();
        odd.mint(address(wallet), FUNDS);
        wallet.run(address(odd), abi.encodeCall(odd.approve, (address(manager), type(uint256).max)));
        wallet.run(address(manager), abi.encodeCall(manager.subscribe, (planHash)));
        joinBoth();
    }

    /// @dev Whatever may be called of a manager by a token or a payer.
    function _calls() private view returns (bytes[] memory calls) {
        calls = new bytes[](8);
        calls[0] = abi.encodeCall(manager.charge, (planHash, bob));
        calls[1] = abi.encodeCall(manager.chargeBatch, (planHash, both()));
        calls[2] = abi.encodeCall(manager.subscribe, (planHash));
        calls[3] = abi.encodeCall(manager.cancel, (planHash));
        calls[4] = abi.encodeCall(manager.pause, (planHash));
        calls[5] = abi.encodeCall(manager.switchPlan, (planHash, planHash));
        calls[6] = abi.encodeCall(manager.invalidateNonces, (0, 1));
        bytes32[] memory hashes = new bytes32[](1);
        bytes[] memory members = new bytes[](1);
        (hashes[0], members[0]) = (planHash, both());
        calls[7] = abi.encodeCall(manager.chargeBatches, (hashes, members));
    }
}
