// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAllowanceTransfer} from "../../contracts/src/interfaces/IAllowanceTransfer.sol";
import {SubscriberBase} from "./SubscriberBase.t.sol";
import {MockPermit2} from "./mocks/MockPermit2.sol";

/// @dev Permit2 at its address; Carol approved it, and not the manager.
abstract contract Permit2Base is SubscriberBase {
    MockPermit2 internal constant PERMIT2 = MockPermit2(0x000000000022D473030F116dDEE9F6B43aC78BA3);
    uint48 internal constant FOREVER = type(uint48).max;

    function setUp() public virtual override {
        super.setUp();
        vm.etch(address(PERMIT2), address(new MockPermit2()).code);
        vm.startPrank(carol);
        token.approve(address(manager), 0);
        token.approve(address(PERMIT2), type(uint256).max);
        vm.stopPrank();
    }

    function permit2Of(uint160 amount, uint48 expiration)
        internal
        view
        returns (IAllowanceTransfer.PermitSingle memory single)
    {
        (,, uint48 nonce) = PERMIT2.allowance(carol, address(token), address(manager));
        single.details = IAllowanceTransfer.PermitDetails(address(token), amount, expiration, nonce);
        (single.spender, single.sigDeadline) = (address(manager), block.timestamp);
    }

    function sign(IAllowanceTransfer.PermitSingle memory single) internal view returns (bytes memory) {
        bytes32 details = keccak256(
            abi.encode(
                keccak256("PermitDetails(address token,uint160 amount,uint48 expiration,uint48 nonce)"), single.details
            )
        );
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256(
                    "PermitSingle(PermitDetails details,address spender,uint256 sigDeadline)PermitDetails(address token,uint160 amount,uint48 expiration,uint48 nonce)"
                ),
                details,
                single.spender,
                single.sigDeadline
            )
        );
        return signDigest(keccak256(abi.encodePacked(hex"1901", PERMIT2.DOMAIN_SEPARATOR(), structHash)));
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
        token.approve(address(PERMIT2), type(uint256).max);
        PERMIT2.approve(address(token), address(manager), amount, FOREVER);
        vm.stopPrank();
    }
}
