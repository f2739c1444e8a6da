// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ISubscriptionTypes} from "../../../../contracts/src/interfaces/ISubscriptionTypes.sol";
import {BlocklistToken, GasBombToken, PausableToken, ReturnBombToken} from "../../mocks/HostileTokens.sol";
import {ZooBase} from "./ZooBase.t.sol";

/// @dev Tokens that do not transfer, for some, for all, or at any cost.
contract RefusalsTest is ZooBase {
    BlocklistToken private blocklist;

    function test_blockedPayer_isTheOnlyOneNotCharged() external {
        _enterBlocklist(alice);
        chargeReverts(alice, ISubscriptionTypes.Reason.TransferFailed);
        assertEq(chargeBatch(planHash, both()), hex"0600", "outcomes");
        assertRetried(alice);
        assertReceived(3);
        cancel(planHash, alice);
    }

    function test_blockedMerchant_stopsItsPlanAndUsesNoRetry() external {
        _enterBlocklist(merchant);
        _refusedForAll();
    }

    function test_blockedFeeReceiver_stopsAllPlansInTheTokenAndUsesNoRetry() external {
        _enterBlocklist(feeReceiver);
        _refusedForAll();

        vm.prank(governor);
        gateway.setFee(FEE_BPS, governor);
        assertEq(chargeBatch(planHash, both()), hex"0000", "until another one is set");
    }

    function test_blockedManager_stopsBatchesOnly() external {
        _enterBlocklist(address(manager));
        assertEq(chargeBatch(planHash, both()), hex"0606", "outcomes");
        vm.warp(START + PERIOD + 1 days);
        charge(planHash, alice);
        charge(planHash, bob);
        assertReceived(4);
    }

    function test_paused_usesUpRetriesAndEnds() external {
        PausableToken token_ = new PausableToken();
        enter(address(token_));
        joinBoth();
        fundOdd(carol);
        token_.setPaused(true);

        vm.expectRevert(failed(ISubscriptionTypes.Reason.TransferFailed));
        subscribe(planHash, carol);
        chargeReverts(alice, ISubscriptionTypes.Reason.TransferFailed);
        assertUntouched(alice);
        assertEq(chargeBatch(planHash, both()), hex"0606", "first day");
        assertRetried(alice);

        token_.setPaused(false);
        vm.warp(START + PERIOD + 1 days);
        charge(planHash, bob);
        token_.setPaused(true);
        for (uint256 i = 1; i < 3; ++i) {
            vm.warp(START + PERIOD + i * 1 days);
            chargeBatch(planHash, both());
        }
        assertStatus(planHash, alice, ISubscriptionTypes.Status.Failed);
        assertStatus(planHash, bob, ISubscriptionTypes.Status.Active);
    }

    function test_gasBomb_costsItsCap() external {
        GasBombToken token_ = new GasBombToken();
        enter(address(token_));
        joinBoth();
        token_.setVictim(alice);
        uint256 before = gasleft();
        chargeReverts(alice, ISubscriptionTypes.Reason.TransferFailed);
        assertLt(before - gasleft(), manager.TRANSFER_GAS() + 150_000, "one charge");

        before = gasleft();
        assertEq(chargeBatch(planHash, both()), hex"0600", "batch");
        assertLt(before - gasleft(), manager.TRANSFER_GAS() + 250_000, "a batch");
        assertRetried(alice);
        assertReceived(3);
    }

    function test_gasBomb_stopsASubscriptionFromBeginning() external {
        GasBombToken token_ = new GasBombToken();
        enter(address(token_));
        token_.setVictim(alice);
        fundOdd(alice);
        vm.expectRevert(failed(ISubscriptionTypes.Reason.TransferFailed));
        subscribe(planHash, alice);
    }

    function test_returnBomb_copiesNothing() external {
        ReturnBombToken token_ = new ReturnBombToken();
        enter(address(token_));
        joinBoth();
        token_.setVictim(alice);
        chargeReverts(alice, ISubscriptionTypes.Reason.TransferFailed);

        uint256 before = gasleft();
        assertEq(chargeBatch(planHash, both()), hex"0600", "batch");
        assertLt(before - gasleft(), 250_000, "a batch");
        assertRetried(alice);
        assertReceived(3);

        fundOdd(carol);
        token_.setVictim(carol);
        vm.expectRevert(failed(ISubscriptionTypes.Reason.TransferFailed));
        subscribe(planHash, carol);
    }

    function _refusedForAll() private {
        fundOdd(carol);
        vm.expectRevert(failed(ISubscriptionTypes.Reason.TransferFailed));
        subscribe(planHash, carol);
        chargeReverts(alice, ISubscriptionTypes.Reason.TransferFailed);
        vm.expectRevert(failed(ISubscriptionTypes.Reason.TransferFailed));
        chargeBatch(planHash, both());
        assertUntouched(alice);
        assertUntouched(bob);
        assertReceived(2);
    }

    function _enterBlocklist(address account) private {
        blocklist = new BlocklistToken();
        enter(address(blocklist));
        joinBoth();
        blocklist.setBlocked(account, true);
    }
}
