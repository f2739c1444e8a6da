// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ISubscriptionTypes} from "../../../../contracts/src/interfaces/ISubscriptionTypes.sol";
import {ManyFacedToken} from "../../mocks/HostileTokens.sol";
import {ZooBase} from "./ZooBase.t.sol";

contract BatchOf100Test is ZooBase {
    uint256 private constant COUNT = 100;
    uint256 private constant HOSTILE = 30;

    ManyFacedToken private faces;
    address[] private members;
    bytes private packed;

    function setUp() public override {
        super.setUp();
        faces = new ManyFacedToken();
        enter(address(faces));
        for (uint256 i; i < COUNT; ++i) {
            address member = vm.addr(1000 + i);
            members.push(member);
            packed = abi.encodePacked(packed, member);
            join(member);
        }
        faces.setCall(address(manager), abi.encodeCall(manager.chargeBatch, (planHash, abi.encodePacked(alice))));
        vm.warp(START + PERIOD);
    }

    function test_batchOf100_with30Hostile_charges70() external {
        bytes memory expected = _spoil();
        uint256 next = manager.eventCount() + 1;
        uint256 gasBefore = gasleft();
        vm.recordLogs();
        assertEq(chargeBatch(planHash, packed), expected, "outcomes");
        assertLt(gasBefore - gasleft(), 16_777_216, "fits a transaction");
        assertGapless(next);
        assertEq(manager.eventCount() + 1 - next, COUNT, "one event each");

        assertReceived(COUNT + COUNT - HOSTILE);
        for (uint256 i; i < COUNT; ++i) {
            bool bad = expected[i] != 0;
            ISubscriptionTypes.Subscription memory state = stateOf(planHash, members[i]);
            assertEq(state.chargeCount, bad ? 1 : 2, "charges");
            assertEq(state.retries, bad ? 1 : 0, "retries");
            assertEq(state.retryAt, bad ? START + PERIOD + 1 days : 0, "next try");
            assertEq(state.nextChargeAt, START + (bad ? 1 : 2) * uint256(PERIOD), "paid until");
            if (uint8(expected[i]) != uint8(ISubscriptionTypes.Reason.InsufficientBalance)) {
                assertEq(odd.balanceOf(members[i]), FUNDS - (bad ? 1 : 2) * uint256(PRICE), "payer");
            }
        }
    }

    /// @dev Once they behave, the thirty are charged, and nobody twice.
    function test_batchOf100_oncePeaceful_chargesTheOther30() external {
        bytes memory expected = _spoil();
        chargeBatch(planHash, packed);
        for (uint256 i; i < COUNT; ++i) {
            faces.setBehaviour(members[i], ManyFacedToken.Behaviour.None);
            if (expected[i] != 0) fundOdd(members[i]);
        }
        vm.warp(START + PERIOD + 1 days);
        bytes memory outcomes = chargeBatch(planHash, packed);
        for (uint256 i; i < COUNT; ++i) {
            assertEq(uint8(outcomes[i]), expected[i] != 0 ? 0 : 2, "outcome");
            assertEq(stateOf(planHash, members[i]).chargeCount, 2, "charged once each");
            assertEq(stateOf(planHash, members[i]).retries, 0, "forgotten");
        }
        assertReceived(2 * COUNT);
    }

    /// @dev Thirty spread over the hundred, in each of nine ways; what the batch should say.
    function _spoil() private returns (bytes memory expected) {
        expected = new bytes(COUNT);
        for (uint256 k; k < HOSTILE; ++k) {
            uint256 i = k * 37 % COUNT;
            address member = members[i];
            uint256 way = k % 9;
            if (way < 7) {
                faces.setBehaviour(member, ManyFacedToken.Behaviour(way + 1));
                expected[i] = bytes1(uint8(ISubscriptionTypes.Reason.TransferFailed));
            } else if (way == 7) {
                uint256 rest = odd.balanceOf(member) - PRICE + 1;
                vm.prank(member);
                odd.transfer(bob, rest);
                expected[i] = bytes1(uint8(ISubscriptionTypes.Reason.InsufficientBalance));
            } else {
                vm.prank(member);
                odd.approve(address(manager), PRICE - 1);
                expected[i] = bytes1(uint8(ISubscriptionTypes.Reason.InsufficientAllowance));
            }
        }
    }
}
