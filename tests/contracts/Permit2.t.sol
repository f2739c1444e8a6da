// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {IAllowanceTransfer} from "../../contracts/src/interfaces/IAllowanceTransfer.sol";
import {IPermit2, Permit2} from "./Permit2.sol";

contract Permit2Test is Permit2, Test {
    bytes32 private constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,uint256 chainId,address verifyingContract)");

    function test_deployPermit2_standsAtTheCanonicalAddress() external {
        address permit2 = deployPermit2();

        assertEq(permit2, 0x000000000022D473030F116dDEE9F6B43aC78BA3, "address");
        assertEq(permit2.code.length, 9152, "size");
        (uint160 amount,,) = IAllowanceTransfer(permit2).allowance(address(1), address(2), address(3));
        assertEq(amount, 0, "answers");
    }

    function test_deployPermit2_hasTheDomainOfEachChain() external {
        IPermit2 permit2 = IPermit2(deployPermit2());

        assertEq(permit2.DOMAIN_SEPARATOR(), _separator(), "where it was deployed");
        vm.chainId(1);
        assertEq(permit2.DOMAIN_SEPARATOR(), _separator(), "elsewhere");
    }

    function test_deployPermit2_mayRunAgain() external {
        assertEq(deployPermit2(), deployPermit2(), "address");
    }

    function _separator() private view returns (bytes32) {
        return keccak256(abi.encode(DOMAIN_TYPEHASH, keccak256("Permit2"), block.chainid, PERMIT2));
    }
}
