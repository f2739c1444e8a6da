// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {ICoreSystem} from "./interfaces/ICoreSystem.sol";
import {IPaymentGateway} from "./interfaces/IPaymentGateway.sol";
import {DiscountProcessor} from "./processors/DiscountProcessor.sol";
import {FeeProcessor} from "./processors/FeeProcessor.sol";
import {GatewayState} from "./processors/GatewayState.sol";
import {OracleProcessor} from "./processors/OracleProcessor.sol";
import {TokenFilterProcessor} from "./processors/TokenFilterProcessor.sol";

/// @title PaymentGateway
/// @notice See IPaymentGateway.
contract PaymentGateway is FeeProcessor, DiscountProcessor, TokenFilterProcessor, OracleProcessor {
    constructor(ICoreSystem core) GatewayState(core) {}

    /// @inheritdoc IPaymentGateway
    ///
    /// @dev A struct in memory would be allocated, zeroed, filled, and copied to be returned, at the cost of every charge. The
    ///      result is declared in calldata so that none is, and its words are returned directly.
    function quote(address, address, uint256 amount, uint16 maxFeeBps) external view returns (Quote calldata result) {
        (uint256 fee, address receiver) = _fee(amount, maxFeeBps);

        assembly ("memory-safe") {
            result := mload(0x40)
            mstore(result, amount)
            mstore(add(result, 0x20), fee)
            mstore(add(result, 0x40), receiver)
            mstore(add(result, 0x60), 0)
            return(result, 0x80)
        }
    }

    /// @inheritdoc IPaymentGateway
    function quotePayment(Payment calldata payment) external view returns (Quote memory result) {
        uint256 discount = _discount(payment.amount, payment.discountBps);

        if (payment.paymentToken == payment.token) {
            result.discount = discount;
            result.gross = payment.amount - discount;
        } else {
            _requireAccepted(payment.paymentToken);
            (uint256 numerator, uint256 denominator) = _rate(payment.token, payment.paymentToken);
            // Both rounded up, so that a price that is not zero never becomes zero; the discount is what lies between.
            result.gross = Math.mulDiv(payment.amount - discount, numerator, denominator, Math.Rounding.Ceil);
            result.discount = Math.mulDiv(payment.amount, numerator, denominator, Math.Rounding.Ceil) - result.gross;
        }

        (result.fee, result.feeReceiver) = _fee(result.gross, payment.maxFeeBps);
    }
}
