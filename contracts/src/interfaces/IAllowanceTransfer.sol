// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title What we use of Permit2's AllowanceTransfer
///
/// @notice https://docs.uniswap.org/contracts/permit2/reference/allowance-transfer; one address on every chain.
interface IAllowanceTransfer {
    struct PermitDetails {
        address token;
        uint160 amount;
        uint48 expiration;
        uint48 nonce;
    }

    struct PermitSingle {
        PermitDetails details;
        address spender;
        uint256 sigDeadline;
    }

    function permit(address owner, PermitSingle memory permitSingle, bytes calldata signature) external;
    function transferFrom(address from, address to, uint160 amount, address token) external;
    function allowance(address owner, address token, address spender)
        external
        view
        returns (uint160 amount, uint48 expiration, uint48 nonce);
}
