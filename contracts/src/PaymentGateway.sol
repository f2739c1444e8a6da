// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ICoreSystem} from "./interfaces/ICoreSystem.sol";
import {IPaymentGateway} from "./interfaces/IPaymentGateway.sol";
import {Roles} from "./libraries/Roles.sol";
import {FeeProcessor} from "./processors/FeeProcessor.sol";

/// @title PaymentGateway
/// @notice See IPaymentGateway.
contract PaymentGateway is FeeProcessor {
    function quotePayment(Payment calldata payment) external view returns (Quote memory result) {
        if (payment.paymentToken != payment.token) revert NoFeed(payment.paymentToken);
        result.discount = payment.amount * payment.discountBps / 10_000;
        result.gross = payment.amount - result.discount;
        (result.fee, result.feeReceiver) = _fee(result.gross, payment.maxFeeBps);
    }
    function setTokenAccepted(address, bool) external {}
    function setFeed(address, address, uint32) external {}
    function setSequencerFeed(address, uint32) external {}

    function isTokenAccepted(address) external pure returns (bool) {
        return false;
    }

    function feedOf(address) external pure returns (Feed memory f) {
        return f;
    }

    function sequencerFeed() external pure returns (address, uint32) {
        return (address(0), 0);
    }

    ICoreSystem public immutable CORE;

    constructor(ICoreSystem core) {
        CORE = core;
    }

    /// @inheritdoc IPaymentGateway
    function feeAmount(uint256 amount, uint16 maxFeeBps) external view returns (uint256 fee, address feeReceiver) {
        return _fee(amount, maxFeeBps);
    }

    /// @inheritdoc IPaymentGateway
    function setFee(uint16 newFeeBps, address newReceiver) external {
        if (!CORE.hasRole(Roles.GOVERNOR, msg.sender)) revert Unauthorized(msg.sender);

        _setFee(newFeeBps, newReceiver);
    }
}
