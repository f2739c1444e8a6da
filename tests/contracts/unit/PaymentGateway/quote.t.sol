// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPaymentGateway} from "../../../../contracts/src/interfaces/IPaymentGateway.sol";
import {Base} from "../../Base.t.sol";

contract QuoteTest is Base {
    function testFuzz_quote_takesTheLowerRateRoundedDown(uint96 amount, uint16 feeBps, uint16 maxFeeBps) external {
        feeBps = uint16(bound(feeBps, 1, gateway.MAX_FEE_BPS()));
        vm.assume(feeBps != FEE_BPS);
        vm.prank(governor);
        gateway.setFee(feeBps, feeReceiver);

        IPaymentGateway.Quote memory quote = gateway.quote(address(token), merchant, amount, maxFeeBps);
        uint256 rate = feeBps < maxFeeBps ? feeBps : maxFeeBps;
        assertEq(quote.gross, amount, "gross");
        assertEq(quote.fee, uint256(amount) * rate / 10_000, "fee");
        assertEq(quote.feeReceiver == address(0), quote.fee == 0, "receiver exactly when there is a fee");
    }

    /// @dev Words that ReadLib reads without decoding them.
    function test_quote_answersFourWords() external view {
        (bool success, bytes memory answer) = address(gateway)
            .staticcall(abi.encodeCall(IPaymentGateway.quote, (address(token), merchant, PRICE, 10_000)));

        assertTrue(success, "answers");
        assertEq(
            answer, abi.encode(uint256(PRICE), feeOf(PRICE), feeReceiver, uint256(0)), "gross, fee, receiver, discount"
        );
    }

    function testFuzz_quote_isThatOfAPaymentInThePricesToken(uint96 amount, uint16 maxFeeBps) external view {
        IPaymentGateway.Quote memory quote = gateway.quotePayment(
            IPaymentGateway.Payment({
                token: address(token),
                paymentToken: address(token),
                amount: amount,
                discountBps: 0,
                maxFeeBps: maxFeeBps
            })
        );
        IPaymentGateway.Quote memory plain = gateway.quote(address(token), merchant, amount, maxFeeBps);
        assertEq(keccak256(abi.encode(quote)), keccak256(abi.encode(plain)), "same");
    }
}
