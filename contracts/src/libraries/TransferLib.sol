// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {IAllowanceTransfer} from "../interfaces/IAllowanceTransfer.sol";

/// @title Calls into code that is not trusted
///
/// @notice Each call has a gas cap and copies at most 32 bytes back, so that neither a token nor a receiver can cost more
///         than its cap. None of them reverts because the other side did.
library TransferLib {
    /// @notice Permit2, at this address on every chain that has it. https://github.com/Uniswap/permit2
    address internal constant PERMIT2 = 0x000000000022D473030F116dDEE9F6B43aC78BA3;

    /// @notice `transferFrom` that tells whether it worked: `true` or nothing returned, by an address with code.
    function tryTransferFrom(address token, address from, address to, uint256 amount, uint256 gasCap)
        internal
        returns (bool success)
    {
        uint256 selector = uint32(IERC20.transferFrom.selector);
        // Arguments behind the free memory pointer, which stays: nothing is allocated for a batch to grow memory by.
        assembly ("memory-safe") {
            let data := mload(0x40)
            mstore(data, shl(224, selector))
            mstore(add(data, 0x04), from)
            mstore(add(data, 0x24), to)
            mstore(add(data, 0x44), amount)
            success := call(gasCap, token, 0, data, 0x64, 0, 0x20)
            switch returndatasize()
            case 0 { success := and(success, iszero(iszero(extcodesize(token)))) }
            default { success := and(and(success, gt(returndatasize(), 0x1f)), eq(mload(0), 1)) }
        }
    }

    /// @notice `transfer` that tells whether it worked, as `tryTransferFrom`.
    function tryTransfer(address token, address to, uint256 amount, uint256 gasCap) internal returns (bool success) {
        uint256 selector = uint32(IERC20.transfer.selector);
        assembly ("memory-safe") {
            let data := mload(0x40)
            mstore(data, shl(224, selector))
            mstore(add(data, 0x04), to)
            mstore(add(data, 0x24), amount)
            success := call(gasCap, token, 0, data, 0x44, 0, 0x20)
            switch returndatasize()
            case 0 { success := and(success, iszero(iszero(extcodesize(token)))) }
            default { success := and(and(success, gt(returndatasize(), 0x1f)), eq(mload(0), 1)) }
        }
    }

    /// @notice `transferFrom` by an allowance that Permit2 keeps; false also where there is no Permit2 or no token.
    function tryPermit2TransferFrom(address token, address from, address to, uint256 amount, uint256 gasCap)
        internal
        returns (bool success)
    {
        // Permit2 answers nothing, as does an address without code; it also takes a token without code for one that works.
        if (PERMIT2.code.length == 0 || token.code.length == 0) return false;

        // Prices have 96 bits.
        // forge-lint: disable-next-line(unsafe-typecast)
        bytes memory data = abi.encodeCall(IAllowanceTransfer.transferFrom, (from, to, uint160(amount), token));
        assembly ("memory-safe") {
            success := call(gasCap, PERMIT2, 0, add(data, 0x20), mload(data), 0, 0)
        }
    }

    /// @notice Sends native coin; false if `to` refused it.
    function trySend(address to, uint256 amount, uint256 gasCap) internal returns (bool success) {
        // Solidity's own call would copy all that comes back.
        assembly ("memory-safe") {
            success := call(gasCap, to, amount, 0, 0, 0, 0)
        }
    }

    /// @notice Calls and leaves the outcome unlooked at.
    function callAndForget(address target, bytes memory data, uint256 gasCap) internal {
        assembly ("memory-safe") {
            pop(call(gasCap, target, 0, add(data, 0x20), mload(data), 0, 0))
        }
    }

    /// @notice Balance of `account`; zero if the token does not answer.
    function balanceOf(address token, address account, uint256 gasCap) internal view returns (uint256) {
        return _tryRead(token, abi.encodeCall(IERC20.balanceOf, (account)), gasCap);
    }

    /// @notice What `spender` may take from `owner`; zero if the token does not answer.
    function allowance(address token, address owner, address spender, uint256 gasCap) internal view returns (uint256) {
        return _tryRead(token, abi.encodeCall(IERC20.allowance, (owner, spender)), gasCap);
    }

    /// @notice What `spender` may take from `owner` by Permit2 at `time`; zero if Permit2 does not answer.
    function permit2Allowance(address token, address owner, address spender, uint256 time, uint256 gasCap)
        internal
        view
        returns (uint256 amount)
    {
        bytes memory data = abi.encodeCall(IAllowanceTransfer.allowance, (owner, token, spender));
        assembly ("memory-safe") {
            if staticcall(gasCap, PERMIT2, add(data, 0x20), mload(data), 0, 0x40) {
                if gt(returndatasize(), 0x3f) {
                    if iszero(gt(time, mload(0x20))) { amount := mload(0) }
                }
            }
        }
    }

    function _tryRead(address token, bytes memory data, uint256 gasCap) private view returns (uint256 value) {
        assembly ("memory-safe") {
            if staticcall(gasCap, token, add(data, 0x20), mload(data), 0, 0x20) {
                if gt(returndatasize(), 0x1f) { value := mload(0) }
            }
        }
    }
}
