// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ISubscriptionTypes} from "../../../../contracts/src/interfaces/ISubscriptionTypes.sol";
import {Base} from "../../Base.t.sol";

/// @dev Whoever sends a charge chooses its gas, and must not be able to make a payer look unable to pay or a merchant
///      unable to receive.
contract GasTest is Base {
    /// @dev Short of what a first read costs, and beyond what all checks ask for.
    uint256 private constant FROM = 1_000;
    uint256 private constant TO = 450_000;

    bytes32 private planHash;
    bytes32 private nativePlan;

    function setUp() public override {
        super.setUp();
        planHash = createDefault();
        nativePlan = createNative();
        subscribe(planHash, alice);
        vm.deal(alice, 2 ether);
        vm.prank(alice);
        manager.subscribe{value: 2 ether}(nativePlan);
        vm.warp(START + PERIOD);
    }

    function test_charge_blamesNoPayerWhateverItsGas() external {
        _neverBlames(planHash, false);
    }

    function test_chargeBatch_blamesNoPayerWhateverItsGas() external {
        _neverBlames(planHash, true);
    }

    function test_charge_creditsNoWillingReceiverWhateverItsGas() external {
        _neverBlames(nativePlan, false);
        assertEq(manager.creditOf(merchant), 0, "received");
    }

    function test_chargeBatch_creditsNoWillingReceiverWhateverItsGas() external {
        _neverBlames(nativePlan, true);
        assertEq(manager.creditOf(merchant), 0, "received");
    }

    function test_charge_reverts_whenGasIsTooLowToSendCoin() external {
        vm.expectPartialRevert(ISubscriptionTypes.InsufficientGas.selector);
        vm.prank(automation);
        manager.charge{gas: 240_000}(nativePlan, alice);
    }

    function test_charge_reverts_whenGasIsTooLowToAskATokenWhyItFailed() external {
        vm.prank(alice);
        token.approve(address(manager), 0);
        vm.expectPartialRevert(ISubscriptionTypes.InsufficientGas.selector);
        vm.prank(automation);
        manager.charge{gas: 200_000}(planHash, alice);
    }

    /// @dev More and more gas, until it is enough: what fails before is said of the gas, or of nothing.
    function _neverBlames(bytes32 plan, bool batch) private {
        bytes memory call = batch
            ? abi.encodeCall(manager.chargeBatch, (plan, abi.encodePacked(alice)))
            : abi.encodeCall(manager.charge, (plan, alice));
        for (uint256 given = FROM; given < TO; given += given < 60_000 ? 50 : 1_000) {
            vm.prank(automation);
            (bool success, bytes memory answer) = address(manager).call{gas: given}(call);
            if (success) {
                assertEq(stateOf(plan, alice).chargeCount, 2, "charged");
                return;
            }
            if (answer.length == 0) continue;
            assertEq(bytes4(answer), ISubscriptionTypes.InsufficientGas.selector, "nobody's failure");
        }
        assertTrue(false, "never enough");
    }
}
