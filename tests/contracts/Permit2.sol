// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CommonBase} from "forge-std/Base.sol";

/// @dev Permit2 as it stands on public chains: the same code at the same address, https://github.com/Uniswap/permit2.
///      `script/permit2` compiles it.
abstract contract Permit2 is CommonBase {
    address internal constant PERMIT2 = 0x000000000022D473030F116dDEE9F6B43aC78BA3;
    bytes32 private constant PERMIT2_SALT = 0x0000000000000000000000000000000000000000d3af2663da51c10215000000;
    string private constant PERMIT2_FILE = ".dev/permit2/Permit2.json";

    error Permit2NotCompiled(string command);
    error Permit2NotDeployed();

    /// @dev Deploys it unless it stands.
    function deployPermit2() internal returns (address) {
        if (PERMIT2.code.length != 0) return PERMIT2;

        if (!vm.exists(PERMIT2_FILE)) revert Permit2NotCompiled("script/permit2");
        bytes memory code = vm.parseJsonBytes(vm.readFile(PERMIT2_FILE), ".initCode");
        (bool success,) = CREATE2_FACTORY.call(abi.encodePacked(PERMIT2_SALT, code));
        if (!success || PERMIT2.code.length == 0) revert Permit2NotDeployed();
        return PERMIT2;
    }
}
