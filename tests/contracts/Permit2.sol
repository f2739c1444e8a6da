// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CommonBase} from "forge-std/Base.sol";

import {IAllowanceTransfer} from "../../contracts/src/interfaces/IAllowanceTransfer.sol";

/// @dev What payers and their signatures use of Permit2, besides what the contracts use.
interface IPermit2 is IAllowanceTransfer {
    function approve(address token, address spender, uint160 amount, uint48 expiration) external;
    function DOMAIN_SEPARATOR() external view returns (bytes32);
}

/// @dev Permit2 as it stands on public chains: the same code at the same address, https://github.com/Uniswap/permit2.
///      `script/permit2` compiles it.
abstract contract Permit2 is CommonBase {
    address internal constant PERMIT2 = 0x000000000022D473030F116dDEE9F6B43aC78BA3;
    bytes32 private constant PERMIT2_SALT = 0x0000000000000000000000000000000000000000d3af2663da51c10215000000;
    string private constant PERMIT2_FILE = ".dev/permit2/Permit2.json";

    bytes32 private constant DETAILS_TYPEHASH =
        keccak256("PermitDetails(address token,uint160 amount,uint48 expiration,uint48 nonce)");
    bytes32 private constant SINGLE_TYPEHASH = keccak256(
        "PermitSingle(PermitDetails details,address spender,uint256 sigDeadline)PermitDetails(address token,uint160 amount,uint48 expiration,uint48 nonce)"
    );

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

    /// @dev What the payer signs.
    function permit2Digest(IAllowanceTransfer.PermitSingle memory single) internal view returns (bytes32) {
        bytes32 details = keccak256(abi.encode(DETAILS_TYPEHASH, single.details));
        bytes32 structHash = keccak256(abi.encode(SINGLE_TYPEHASH, details, single.spender, single.sigDeadline));
        return keccak256(abi.encodePacked(hex"1901", IPermit2(PERMIT2).DOMAIN_SEPARATOR(), structHash));
    }
}
