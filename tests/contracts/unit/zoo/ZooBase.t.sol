// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ISubscriptionTypes} from "../../../../contracts/src/interfaces/ISubscriptionTypes.sol";
import {SubscriberBase} from "../../SubscriberBase.t.sol";
import {PlainToken} from "../../mocks/HostileTokens.sol";

/// @dev A plan in a token that misbehaves, and two who join it while the token behaves.
abstract contract ZooBase is SubscriberBase {
    uint96 internal constant NET = PRICE - PRICE / 40;
    uint256 internal constant FUNDS = 1000e6;

    bytes32 internal planHash;
    PlainToken internal odd;

    function enter(address odd_) internal {
        odd = PlainToken(odd_);
        planHash = createIn(odd_);
    }

    function fundOdd(address account) internal {
        odd.mint(account, FUNDS);
        vm.prank(account);
        (bool success,) = address(odd).call(abi.encodeCall(odd.approve, (address(manager), type(uint256).max)));
        assertTrue(success, "approved");
    }

    function join(address account) internal {
        fundOdd(account);
        subscribe(planHash, account);
    }

    /// @dev Alice and Bob, due for the second time.
    function joinBoth() internal {
        join(alice);
        join(bob);
        vm.warp(START + PERIOD);
    }

    function both() internal view returns (bytes memory) {
        return abi.encodePacked(alice, bob);
    }

    function chargeReverts(address account, ISubscriptionTypes.Reason reason) internal {
        chargeReverts(planHash, account, reason);
    }

    function assertUntouched(address account) internal view {
        assertEq(stateOf(planHash, account).chargeCount, 1, "not charged");
        assertEq(stateOf(planHash, account).retries, 0, "no retry used");
    }

    function assertRetried(address account) internal view {
        assertEq(stateOf(planHash, account).chargeCount, 1, "not charged");
        assertEq(stateOf(planHash, account).retries, 1, "a retry used");
    }

    function assertReceived(uint256 charges) internal view {
        assertEq(odd.balanceOf(merchant), charges * NET, "merchant");
        assertEq(odd.balanceOf(feeReceiver), charges * (PRICE - NET), "fee receiver");
        assertEq(odd.balanceOf(address(manager)), 0, "nothing kept");
    }
}
