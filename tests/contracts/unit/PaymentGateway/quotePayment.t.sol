// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {stdError} from "forge-std/StdError.sol";

import {IPaymentGateway} from "../../../../contracts/src/interfaces/IPaymentGateway.sol";
import {GatewayBase} from "../../GatewayBase.t.sol";
import {DecimalsToken} from "../../mocks/Aggregators.sol";

contract QuotePaymentTest is GatewayBase {
    function testFuzz_quotePayment_inThePricesTokenNeedsNeitherFilterNorOracle(
        address anyToken,
        uint128 amount,
        uint16 discountBps,
        uint16 maxFeeBps
    ) external view {
        IPaymentGateway.Payment memory asked =
            payment(anyToken, anyToken, amount, uint16(bound(discountBps, 0, 10_000)));
        asked.maxFeeBps = maxFeeBps;

        IPaymentGateway.Quote memory result = gateway.quotePayment(asked);
        uint256 rate = maxFeeBps < FEE_BPS ? maxFeeBps : FEE_BPS;
        assertEq(result.discount, uint256(amount) * asked.discountBps / 10_000, "discount down");
        assertEq(result.gross + result.discount, amount, "parts sum to the whole");
        assertEq(result.fee, result.gross * rate / 10_000, "fee down");
        assertEq(result.feeReceiver, result.fee == 0 ? address(0) : feeReceiver, "receiver exactly when there is a fee");
    }

    function test_quotePayment_convertsByBothFeeds() external view {
        IPaymentGateway.Quote memory result = pay(address(token), address(0), 100e6, 1000);

        assertEq(result.gross, 0.036 ether, "90 dollars at 2,500");
        assertEq(result.discount, 0.004 ether, "10 dollars at 2,500");
        assertEq(result.fee, 0.036 ether * uint256(FEE_BPS) / 10_000, "fee of what is paid");
        assertEq(result.feeReceiver, feeReceiver, "receiver");
    }

    function test_quotePayment_takesNativeCoinAsAPrice() external {
        accept(address(token));
        assertEq(pay(address(0), address(token), 1 ether, 0).gross, COIN_PRICE * 1e6, "one coin in dollars");
    }

    function testFuzz_quotePayment_partsStayInTheirBounds(
        uint128 amount,
        uint16 discountBps,
        uint8 decimals,
        uint64 answer
    ) external {
        address other = list(uint8(bound(decimals, 0, 24)), 8, bound(answer, 1, type(uint64).max));
        discountBps = uint16(bound(discountBps, 0, 10_000));

        IPaymentGateway.Quote memory whole = pay(address(token), other, amount, 0);
        IPaymentGateway.Quote memory result = pay(address(token), other, amount, discountBps);
        assertEq(result.gross + result.discount, whole.gross, "parts sum to the whole");
        assertLe(result.fee, result.gross * FEE_BPS / 10_000, "fee within its rate");
        if (discountBps == 0) assertEq(result.discount, 0, "no discount");
        if (discountBps == 10_000) assertEq(result.gross, 0, "nothing left to pay");
        // A discount is rounded down twice, each by less than one unit of its token.
        if (discountBps < 10_000 && amount != 0) assertGt(result.gross, 0, "a price never becomes zero");
        assertLe(result.discount, whole.gross * discountBps / 10_000 + 1, "discount within its rate");
    }

    function testFuzz_quotePayment_isTheExactRatioRoundedUp(
        uint64 amount,
        uint64 answerIn,
        uint64 answerOut,
        uint8 decimalsIn,
        uint8 decimalsOut
    ) external {
        (uint8 first, uint8 second) = (_decimals(decimalsIn), _decimals(decimalsOut));
        (uint256 priceIn, uint256 priceOut) = (bound(answerIn, 1, 1e15), bound(answerOut, 1, 1e15));
        address priced = list(first, 8, priceIn);
        address paid = list(second, 18, priceOut);

        uint256 gross = pay(priced, paid, amount, 0).gross;
        // gross * priceOut / 10**(second + 18) >= amount * priceIn / 10**(first + 8), and one unit less is not. Products stay
        // below 2**64 * 10**15 * 10**34, which fits.
        (uint256 left, uint256 right) = (priceOut, uint256(amount) * priceIn);
        uint256 scaleOut = uint256(second) + 18;
        uint256 scaleIn = uint256(first) + 8;
        if (scaleOut > scaleIn) right *= 10 ** (scaleOut - scaleIn);
        else left *= 10 ** (scaleIn - scaleOut);
        assertGe(gross * left, right, "never less than the price");
        if (gross != 0) assertLt((gross - 1) * left, right, "at most one unit more");
    }

    function testFuzz_quotePayment_roundTripNeverGains(
        uint96 amount,
        uint64 answerIn,
        uint64 answerOut,
        uint8 decimalsIn,
        uint8 decimalsOut
    ) external {
        address first = list(_decimals(decimalsIn), 8, bound(answerIn, 1, 1e15));
        address second = list(_decimals(decimalsOut), 8, bound(answerOut, 1, 1e15));

        uint256 there = pay(first, second, amount, 0).gross;
        assertGe(pay(second, first, there, 0).gross, amount, "back is never less");
    }

    function testFuzz_quotePayment_isMonotone(uint96 amount, uint96 more, uint8 decimals) external {
        address other = list(_decimals(decimals), 8, 3e8);
        assertLe(
            pay(address(token), other, amount, 0).gross,
            pay(address(token), other, uint256(amount) + more, 0).gross,
            "a higher price costs no less"
        );
    }

    function testFuzz_quotePayment_aWorthlessTokenWithoutAFeedNeverBuysAnything(uint128 amount, uint16 discountBps)
        external
    {
        address worthless = address(new DecimalsToken(18));
        discountBps = uint16(bound(discountBps, 0, 10_000));

        vm.expectRevert(abi.encodeWithSelector(IPaymentGateway.TokenNotAccepted.selector, worthless));
        gateway.quotePayment(payment(address(token), worthless, amount, discountBps));
        accept(worthless);
        vm.expectRevert(abi.encodeWithSelector(IPaymentGateway.NoFeed.selector, worthless));
        gateway.quotePayment(payment(address(token), worthless, amount, discountBps));
        vm.expectRevert(abi.encodeWithSelector(IPaymentGateway.NoFeed.selector, worthless));
        gateway.quotePayment(payment(worthless, address(0), amount, discountBps));
    }

    function testFuzz_quotePayment_reverts_whenDiscountIsMoreThanAll(uint16 discountBps) external {
        discountBps = uint16(bound(discountBps, 10_001, type(uint16).max));

        bytes memory reason = abi.encodeWithSelector(IPaymentGateway.InvalidDiscount.selector, discountBps);
        vm.expectRevert(reason);
        gateway.quotePayment(payment(address(token), address(token), PRICE, discountBps));
        vm.expectRevert(reason);
        gateway.quotePayment(payment(address(token), address(0), PRICE, discountBps));
    }

    function test_quotePayment_reverts_ratherThanOverflows() external {
        vm.expectRevert(stdError.arithmeticError);
        gateway.quotePayment(payment(address(token), address(token), type(uint256).max, 1));
        // 10**12 units of coin for one of the token: more than 256 bits hold.
        vm.expectRevert(stdError.arithmeticError);
        gateway.quotePayment(payment(address(token), address(0), type(uint256).max, 0));

        // A price and a scale that do not fit in one word.
        address dear = list(0, 0, uint256(type(int256).max));
        address fine = list(30, 30, 1);
        vm.expectRevert(stdError.arithmeticError);
        gateway.quotePayment(payment(dear, fine, 1, 0));
        vm.expectRevert(stdError.arithmeticError);
        gateway.quotePayment(payment(fine, dear, 1, 0));
    }

    function test_quotePayment_holdsTheWidestScales() external {
        address coarse = list(0, 0, 1);
        address fine = list(30, 30, 1);

        assertEq(pay(coarse, fine, 1, 0).gross, 1e60, "up by sixty places");
        assertEq(pay(fine, coarse, 1e60, 0).gross, 1, "and down");
        assertEq(pay(fine, coarse, 1, 0).gross, 1, "a part of a unit is a unit");
    }

    function _decimals(uint8 seed) private pure returns (uint8) {
        uint8[4] memory some = [0, 6, 18, 24];
        return some[seed % 4];
    }
}
