// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPaymentGateway} from "../../contracts/src/interfaces/IPaymentGateway.sol";
import {Base} from "./Base.t.sol";
import {DecimalsToken, MockAggregator} from "./mocks/Aggregators.sol";

/// @dev Tokens with feeds: `token` at 1.00 in 8 decimals, native coin at 2,500.00 in 8.
abstract contract GatewayBase is Base {
    uint32 internal constant MAX_AGE = 1 hours;
    uint256 internal constant COIN_PRICE = 2500;

    MockAggregator internal tokenFeed;
    MockAggregator internal coinFeed;

    function setUp() public virtual override {
        super.setUp();
        tokenFeed = new MockAggregator(8, 1e8);
        coinFeed = new MockAggregator(8, int256(COIN_PRICE * 1e8));
        setFeed(address(token), address(tokenFeed));
        setFeed(address(0), address(coinFeed));
        accept(address(0));
    }

    function setFeed(address asset, address aggregator) internal {
        vm.prank(governor);
        gateway.setFeed(asset, aggregator, MAX_AGE);
    }

    function accept(address asset) internal {
        vm.prank(governor);
        gateway.setTokenAccepted(asset, true);
    }

    /// @dev An accepted token with a feed.
    function list(uint8 decimals, uint8 feedDecimals, uint256 answer) internal returns (address asset) {
        asset = address(new DecimalsToken(decimals));
        setFeed(asset, address(new MockAggregator(feedDecimals, int256(answer))));
        accept(asset);
    }

    function pay(address priced, address paid, uint256 amount, uint16 discountBps)
        internal
        view
        returns (IPaymentGateway.Quote memory)
    {
        return gateway.quotePayment(payment(priced, paid, amount, discountBps));
    }

    function payment(address priced, address paid, uint256 amount, uint16 discountBps)
        internal
        pure
        returns (IPaymentGateway.Payment memory)
    {
        return IPaymentGateway.Payment({
            token: priced, paymentToken: paid, amount: amount, discountBps: discountBps, maxFeeBps: 10_000
        });
    }

    /// @dev `token` is priced, native coin is paid; `amount` of it for nothing else but the rate.
    function convert(uint256 amount) internal view returns (uint256) {
        return pay(address(token), address(0), amount, 0).gross;
    }

    function expectQuoteReverts(bytes memory reason) internal {
        vm.expectRevert(reason);
        gateway.quotePayment(payment(address(token), address(0), PRICE, 0));
    }
}
