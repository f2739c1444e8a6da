// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title What a payment is split into
///
/// @notice Prices a payment; never holds an approval and never moves a payer's money. The module that the payer approved
///         does, so nobody who governs this contract can reach an allowance.
interface IPaymentGateway {
    /// @param gross What the payer pays, smallest unit.
    /// @param fee Platform's part of `gross`, rounded down; `gross - fee` is the merchant's.
    /// @param feeReceiver Where `fee` goes; zero exactly when `fee` is zero.
    struct Quote {
        uint256 gross;
        uint256 fee;
        address feeReceiver;
    }

    event FeeUpdated(uint16 feeBps, address indexed feeReceiver, uint64 sequence);

    error InvalidFee(uint16 feeBps);
    error InvalidFeeReceiver(address feeReceiver);
    error NoChange();
    error Unauthorized(address caller);

    /// @notice Splits `amount`. The fee rate is the lower of the configured one and `maxFeeBps`, which the merchant signed.
    function quote(address token, address merchant, uint256 amount, uint16 maxFeeBps)
        external
        view
        returns (Quote memory);

    /// @notice Governor sets the fee; at most `MAX_FEE_BPS`.
    function setFee(uint16 feeBps, address feeReceiver) external;

    function feeBps() external view returns (uint16);
    function feeReceiver() external view returns (address);
    function MAX_FEE_BPS() external view returns (uint16);
    function eventCount() external view returns (uint64);
}
