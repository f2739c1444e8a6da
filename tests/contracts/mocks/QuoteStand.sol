// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPaymentGateway} from "../../../contracts/src/interfaces/IPaymentGateway.sol";

/// @dev One rate for all pairs of tokens, in millionths; zero where no price is known.
contract QuoteRate {
    uint256 public value = 1e6;

    function set(uint256 value_) external {
        value = value_;
    }
}

/// @dev Answers `quotePayment` in the place of the gateway's own code, on the gateway's state.
contract QuoteStand {
    QuoteRate private immutable RATE;

    constructor(QuoteRate rate) {
        RATE = rate;
    }

    function quotePayment(IPaymentGateway.Payment calldata payment)
        external
        view
        returns (IPaymentGateway.Quote memory quote)
    {
        uint256 rate = RATE.value();
        if (rate == 0) revert IPaymentGateway.NoFeed(payment.paymentToken);
        quote.gross = (payment.amount * rate + 999_999) / 1_000_000;
        (quote.fee, quote.feeReceiver) = IPaymentGateway(address(this)).feeAmount(quote.gross, payment.maxFeeBps);
    }
}
