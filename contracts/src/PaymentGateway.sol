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
    function feeAmount(uint256 amount, uint16 maxFeeBps) external view returns (uint256 fee, address receiver) {
        return _fee(amount, maxFeeBps);
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
