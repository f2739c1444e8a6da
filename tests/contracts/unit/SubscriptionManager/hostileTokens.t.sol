// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPlanManager} from "../../../../contracts/src/interfaces/IPlanManager.sol";
import {ISubscriptionTypes} from "../../../../contracts/src/interfaces/ISubscriptionTypes.sol";
import {Base} from "../../Base.t.sol";
import "../../mocks/HostileTokens.sol";

/// @dev Tokens that misbehave: what they cost, and whom.
contract HostileTokenTest is Base {
    function test_noReturnValue_isAccepted() external {
        NoReturnToken odd = new NoReturnToken();
        bytes32 planHash = _plan(address(odd));
        _join(address(odd), planHash, alice);
        _join(address(odd), planHash, bob);
        vm.warp(START + PERIOD);

        charge(planHash, alice);
        assertEq(chargeBatch(planHash, abi.encodePacked(bob)), hex"00", "batch");
        assertEq(odd.balanceOf(merchant), 4 * (PRICE - feeOf(PRICE)), "merchant");
    }

    function test_falseReturned_isAFailure() external {
        FalseToken odd = new FalseToken();
        bytes32 planHash = _plan(address(odd));
        _join(address(odd), planHash, alice);
        odd.setBroken(true);
        vm.warp(START + PERIOD);

        vm.expectRevert(
            abi.encodeWithSelector(ISubscriptionTypes.ChargeFailed.selector, ISubscriptionTypes.Reason.TransferFailed)
        );
        charge(planHash, alice);
        assertEq(chargeBatch(planHash, abi.encodePacked(alice)), hex"06", "batch");
    }

    function test_feeOnTransfer_revertsTheBatch() external {
        FeeOnTransferToken odd = new FeeOnTransferToken();
        bytes32 planHash = _plan(address(odd));
        _join(address(odd), planHash, alice);
        vm.warp(START + PERIOD);

        vm.expectRevert(
            abi.encodeWithSelector(ISubscriptionTypes.ReceivedLessThanCharged.selector, PRICE, PRICE - PRICE / 100)
        );
        chargeBatch(planHash, abi.encodePacked(alice));
    }

    function test_feeOnTransfer_costsTheMerchantOnlyInTheSinglePath() external {
        FeeOnTransferToken odd = new FeeOnTransferToken();
        bytes32 planHash = _plan(address(odd));
        uint256 before = _join(address(odd), planHash, alice);

        assertEq(before - odd.balanceOf(alice), PRICE, "payer pays the price and no more");
        assertLt(odd.balanceOf(merchant), PRICE - feeOf(PRICE), "the toll is the merchant's");
    }

    function test_blocklist_stopsTheBlockedPayerOnly() external {
        BlocklistToken odd = new BlocklistToken();
        bytes32 planHash = _plan(address(odd));
        _join(address(odd), planHash, alice);
        _join(address(odd), planHash, bob);
        odd.setBlocked(alice, true);
        vm.warp(START + PERIOD);

        assertEq(chargeBatch(planHash, abi.encodePacked(alice, bob)), hex"0600", "outcomes");
    }

    function test_blocklist_usesNoRetryWhenTheMerchantIsBlocked() external {
        BlocklistToken odd = new BlocklistToken();
        bytes32 planHash = _plan(address(odd));
        _join(address(odd), planHash, alice);
        odd.setBlocked(merchant, true);
        vm.warp(START + PERIOD);

        vm.expectRevert(
            abi.encodeWithSelector(ISubscriptionTypes.ChargeFailed.selector, ISubscriptionTypes.Reason.TransferFailed)
        );
        chargeBatch(planHash, abi.encodePacked(alice));
        assertEq(stateOf(planHash, alice).retries, 0, "no retry");
    }

    function test_gasBomb_costsItsCapAtMost() external {
        GasBombToken odd = new GasBombToken();
        bytes32 planHash = _plan(address(odd));
        _join(address(odd), planHash, alice);
        _join(address(odd), planHash, bob);
        odd.setVictim(alice);
        vm.warp(START + PERIOD);

        uint256 before = gasleft();
        assertEq(chargeBatch(planHash, abi.encodePacked(alice, bob)), hex"0600", "outcomes");
        assertLt(before - gasleft(), manager.TRANSFER_GAS() + 200_000, "bounded");
    }

    function test_returnBomb_costsItsCapAtMost() external {
        ReturnBombToken odd = new ReturnBombToken();
        bytes32 planHash = _plan(address(odd));
        _join(address(odd), planHash, alice);
        _join(address(odd), planHash, bob);
        odd.setVictim(alice);
        vm.warp(START + PERIOD);

        uint256 before = gasleft();
        assertEq(chargeBatch(planHash, abi.encodePacked(alice, bob)), hex"0600", "outcomes");
        assertLt(before - gasleft(), 250_000, "bounded");
    }

    function test_missingCode_isAFailure() external {
        PlainToken odd = new PlainToken();
        bytes32 planHash = _plan(address(odd));
        _join(address(odd), planHash, alice);
        vm.etch(address(odd), "");
        vm.warp(START + PERIOD);

        assertEq(chargeBatch(planHash, abi.encodePacked(alice)), hex"03", "balance reads as zero");
    }

    function test_reentrance_gainsNothing() external {
        ReentrantToken odd = new ReentrantToken();
        bytes32 planHash = _plan(address(odd));
        _join(address(odd), planHash, alice);
        _join(address(odd), planHash, bob);
        vm.warp(START + PERIOD + manager.PUBLIC_DELAY());
        bytes memory guard = abi.encodeWithSignature("ReentrancyGuardReentrantCall()");

        bytes[3] memory calls = [
            abi.encodeCall(manager.charge, (planHash, alice)),
            abi.encodeCall(manager.chargeBatch, (planHash, abi.encodePacked(bob))),
            abi.encodeCall(manager.cancel, (planHash))
        ];
        uint256 snapshot = vm.snapshotState();
        for (uint256 i; i < calls.length; ++i) {
            odd.setCall(address(manager), calls[i]);
            assertEq(chargeBatch(planHash, abi.encodePacked(alice, bob)), hex"0000", "charged");
            assertFalse(odd.succeeded(), "refused");
            assertEq(odd.answer(), guard, "by the guard");
            vm.revertToState(snapshot);
        }
    }

    /// @dev A single charge is done before it pays: a call from within finds it charged, and may charge another.
    function test_reentrance_intoASingleChargeFindsItDone() external {
        ReentrantToken odd = new ReentrantToken();
        bytes32 planHash = _plan(address(odd));
        _join(address(odd), planHash, alice);
        _join(address(odd), planHash, bob);
        vm.warp(START + PERIOD + manager.PUBLIC_DELAY());
        uint256 snapshot = vm.snapshotState();

        odd.setCall(address(manager), abi.encodeCall(manager.charge, (planHash, alice)));
        charge(planHash, alice);
        assertFalse(odd.succeeded(), "not due twice");
        assertEq(stateOf(planHash, alice).chargeCount, 2, "once");

        vm.revertToState(snapshot);
        odd.setCall(address(manager), abi.encodeCall(manager.charge, (planHash, bob)));
        charge(planHash, alice);
        assertTrue(odd.succeeded(), "another member is another charge");
        assertEq(stateOf(planHash, alice).chargeCount, 2, "once");
        assertEq(stateOf(planHash, bob).chargeCount, 2, "once");
        assertEq(manager.eventCount(), 6, "every event counted");
        assertEq(odd.balanceOf(merchant), 4 * (PRICE - feeOf(PRICE)), "merchant");
        assertEq(odd.balanceOf(address(manager)), 0, "nothing kept");
    }

    function _plan(address odd) private returns (bytes32) {
        IPlanManager.Plan memory plan = terms();
        plan.token = odd;
        return create(plan);
    }

    function _join(address odd, bytes32 planHash, address account) private returns (uint256 minted) {
        minted = 1000e6;
        PlainToken(odd).mint(account, minted);
        vm.prank(account);
        (bool success,) = odd.call(abi.encodeWithSignature("approve(address,uint256)", address(manager), minted));
        assertTrue(success, "approved");
        subscribe(planHash, account);
    }
}
