// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ISubscriptionManager} from "../../../../contracts/src/interfaces/ISubscriptionManager.sol";
import {ISubscriptionTypes} from "../../../../contracts/src/interfaces/ISubscriptionTypes.sol";
import {SubscriberBase} from "../../SubscriberBase.t.sol";

/// @dev The manager runs the extension's code as its own, and the extension has no say by itself.
contract ExtensionTest is SubscriberBase {
    bytes32 private planHash;
    ISubscriptionManager private direct;

    function setUp() public override {
        super.setUp();
        planHash = createDefault();
        subscribe(planHash, alice);
        direct = ISubscriptionManager(manager.extension());
    }

    function testFuzz_manager_reverts_onACallItDoesNotKnow(bytes4 selector, bytes calldata arguments) external {
        (bool known,) = address(direct).staticcall(abi.encodePacked(selector));
        vm.assume(!known);
        // Of a verb that is known, these would be arguments; all known ones are compiled into the extension's dispatch.
        vm.assume(!_contains(address(direct).code, selector) && !_contains(address(manager).code, selector));
        (bool success, bytes memory answer) = address(manager).call(abi.encodePacked(selector, arguments));
        assertFalse(success, "refused");
        assertEq(answer, "", "without an answer");
    }

    function testFuzz_manager_refusesCoinWithoutACall(uint96 value) external {
        vm.deal(address(this), value);
        (bool success,) = address(manager).call{value: value}("");
        assertFalse(success, "refused");
        assertEq(address(manager).balance, 0, "nothing kept");
    }

    function test_manager_refusesCoinWithVerbsThatTakeNone() external {
        bytes[5] memory calls = [
            abi.encodeCall(manager.pause, (planHash)),
            abi.encodeCall(manager.cancel, (planHash)),
            abi.encodeCall(manager.charge, (planHash, alice)),
            abi.encodeCall(manager.eventCount, ()),
            abi.encodeCall(manager.invalidateNonces, (0, 1))
        ];
        vm.deal(alice, 1 ether);
        for (uint256 i; i < calls.length; ++i) {
            vm.prank(alice);
            (bool success,) = address(manager).call{value: 1}(calls[i]);
            assertFalse(success, "refused");
        }
        assertEq(address(manager).balance, 0, "nothing kept");
    }

    function test_manager_passesOnAnswersAndErrors() external {
        (address core_, address plans_, address gateway_, address verifier) = manager.services();
        assertEq(core_, address(core), "core");
        assertEq(plans_, address(plans), "plans");
        assertEq(gateway_, address(gateway), "gateway");
        assertGt(verifier.code.length, 0, "verifier");
        assertEq(manager.MAX_RETRIES(), 3, "retries");

        vm.expectRevert(abi.encodeWithSelector(ISubscriptionTypes.NotPaused.selector, planHash, alice));
        resume(planHash, alice);
    }

    /// @dev What the manager's own verbs wrote, the extension's change, and the other way round.
    function test_manager_sharesItsStateWithTheExtension() external {
        pause(planHash, alice);
        chargeReverts(planHash, alice, ISubscriptionTypes.Reason.Paused);
        resume(planHash, alice);
        assertEq(uint64(uint256(vm.load(address(manager), 0))), manager.eventCount(), "head in the manager");
        assertEq(uint256(vm.load(address(direct), 0)), 0, "none in the extension");

        manager.depositNative{value: 5}(bob);
        assertEq(address(manager).balance, 5, "the manager holds it");
    }

    function test_extension_knowsNothingOfTheManager() external {
        assertEq(uint8(direct.subscriptionOf(planHash, alice).status), 0, "no subscription");
        assertEq(direct.eventCount(), 0, "no events");
        bytes memory notActive = abi.encodeWithSelector(ISubscriptionTypes.NotActive.selector, planHash, alice);
        vm.startPrank(alice);
        vm.expectRevert(notActive);
        direct.pause(planHash);
        vm.expectRevert(notActive);
        direct.switchPlan(planHash, planHash);
        vm.expectRevert(abi.encodeWithSelector(ISubscriptionTypes.InsufficientDeposit.selector, 1, 0));
        direct.withdrawNative(1, alice);
        vm.stopPrank();

        vm.expectRevert(abi.encodeWithSelector(ISubscriptionTypes.NotSubscribed.selector, planHash, alice));
        vm.prank(operator);
        direct.cancelFor(planHash, alice);
        assertStatus(planHash, alice, ISubscriptionTypes.Status.Active);
    }

    /// @dev Nobody approved the extension, so that what is begun there can charge nobody.
    function test_extension_pullsFromNobody() external {
        ISubscriptionTypes.Mandate memory mandate = mandateFor(planHash);
        vm.expectRevert(bytes(""));
        vm.prank(carol);
        direct.subscribe(planHash);

        vm.expectRevert(failed(ISubscriptionTypes.Reason.InsufficientAllowance));
        vm.prank(carol);
        direct.subscribeBySig(mandate, "", "");
        assertEq(token.balanceOf(carol), 1_000_000e6, "nothing paid");
        assertEq(uint8(stateOf(planHash, carol).status), 0, "no subscription of the manager's");
    }

    function test_extension_keepsDepositsOfItsOwn() external {
        direct.depositNative{value: 5}(alice);
        assertEq(manager.nativeDepositOf(alice), 0, "not the manager's");
        vm.prank(alice);
        direct.withdrawNative(5, bob);
        assertEq(bob.balance, 5, "and given back");
    }

    function test_extension_chargesNothing() external {
        vm.warp(START + PERIOD);
        bytes32[] memory hashes = new bytes32[](1);
        bytes[] memory members = new bytes[](1);
        (hashes[0], members[0]) = (planHash, abi.encodePacked(alice));
        vm.expectPartialRevert(ISubscriptionTypes.InsufficientGas.selector);
        vm.prank(automation);
        direct.chargeBatches(hashes, members);

        vm.expectRevert(abi.encodeWithSelector(ISubscriptionTypes.Unauthorized.selector, address(this)));
        direct.collectBounded(planHash, alice);
        vm.expectRevert(abi.encodeWithSelector(ISubscriptionTypes.Unauthorized.selector, address(direct)));
        vm.prank(address(direct));
        manager.collectBounded(planHash, alice);
    }

    function _contains(bytes memory code, bytes4 selector) private pure returns (bool found) {
        uint256 wanted = uint32(selector);
        assembly ("memory-safe") {
            let end := add(add(code, 0x20), mload(code))
            for { let at_ := add(code, 0x20) } lt(at_, end) { at_ := add(at_, 1) } {
                if eq(shr(224, mload(at_)), wanted) {
                    found := 1
                    break
                }
            }
        }
    }
}
