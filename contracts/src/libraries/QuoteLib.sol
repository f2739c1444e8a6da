// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IPaymentGateway} from "../interfaces/IPaymentGateway.sol";

/// @title Price of a sale
///
/// @notice What Solidity would do for `gateway.quotePayment`, less the copies and checks of what comes back: the gateway is
///         immutable and ours, and every sale pays for it. Its errors pass through.
library QuoteLib {
    function quotePayment(
        IPaymentGateway gateway,
        address token,
        address paymentToken,
        uint256 amount,
        uint256 discountBps,
        uint256 maxFeeBps
    ) internal view returns (uint256 gross, uint256 fee, address feeReceiver, uint256 discount) {
        bytes32 selector = IPaymentGateway.quotePayment.selector;
        assembly ("memory-safe") {
            let data := mload(0x40)
            mstore(data, selector)
            mstore(add(data, 0x04), token)
            mstore(add(data, 0x24), paymentToken)
            mstore(add(data, 0x44), amount)
            mstore(add(data, 0x64), discountBps)
            mstore(add(data, 0x84), maxFeeBps)
            if iszero(staticcall(gas(), gateway, data, 0xa4, data, 0x80)) {
                returndatacopy(data, 0x00, returndatasize())
                revert(data, returndatasize())
            }
            gross := mload(data)
            fee := mload(add(data, 0x20))
            feeReceiver := mload(add(data, 0x40))
            discount := mload(add(data, 0x60))
        }
    }
}
