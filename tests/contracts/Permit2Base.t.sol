// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAllowanceTransfer} from "../../contracts/src/interfaces/IAllowanceTransfer.sol";
import {IPermit2, Permit2} from "./Permit2.sol";
import {SubscriberBase} from "./SubscriberBase.t.sol";

/// @dev Permit2 stands; Carol approved it, and not the manager.
abstract contract Permit2Base is SubscriberBase, Permit2 {
    IPermit2 internal permit2;
    uint48 internal constant FOREVER = type(uint48).max;

    function setUp() public virtual override {
        super.setUp();
        permit2 = IPermit2(deployPermit2());
        vm.startPrank(carol);
        token.approve(address(manager), 0);
        token.approve(PERMIT2, type(uint256).max);
        vm.stopPrank();
    }

    function permit2Of(uint160 amount, uint48 expiration)
        internal
        view
        returns (IAllowanceTransfer.PermitSingle memory single)
    {
        (,, uint48 nonce) = permit2.allowance(carol, address(token), address(manager));
        single.details = IAllowanceTransfer.PermitDetails(address(token), amount, expiration, nonce);
        (single.spender, single.sigDeadline) = (address(manager), block.timestamp);
    }

    function sign(IAllowanceTransfer.PermitSingle memory single) internal view returns (bytes memory) {
        return signDigest(permit2Digest(single));
    }

    function subscribeWithPermit2(
        bytes32 planHash,
        IAllowanceTransfer.PermitSingle memory single,
        bytes memory signature
    ) internal {
        vm.prank(carol);
        manager.subscribeWithPermit2(planHash, single, signature);
    }

    function approve2(address account, uint160 amount) internal {
        vm.startPrank(account);
        token.approve(PERMIT2, type(uint256).max);
        permit2.approve(address(token), address(manager), amount, FOREVER);
        vm.stopPrank();
    }
}
