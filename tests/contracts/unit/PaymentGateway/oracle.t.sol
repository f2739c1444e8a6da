// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPaymentGateway} from "../../../../contracts/src/interfaces/IPaymentGateway.sol";
import {GatewayBase} from "../../GatewayBase.t.sol";
import {MockAggregator} from "../../mocks/Aggregators.sol";

contract OracleTest is GatewayBase {
    uint32 private constant GRACE = 1 hours;

    function testFuzz_price_reverts_unlessPositive(int256 answer) external {
        answer = bound(answer, type(int256).min, 0);
        coinFeed.set(answer, START);
        expectQuoteReverts(abi.encodeWithSelector(IPaymentGateway.InvalidPrice.selector, address(0), answer));

        coinFeed.set(1e8, START);
        tokenFeed.set(answer, START);
        expectQuoteReverts(abi.encodeWithSelector(IPaymentGateway.InvalidPrice.selector, address(token), answer));
    }

    function test_price_holdsUpToItsAge() external {
        vm.warp(START + MAX_AGE);
        convert(PRICE);

        vm.warp(START + MAX_AGE + 1);
        expectQuoteReverts(abi.encodeWithSelector(IPaymentGateway.StalePrice.selector, address(token), START));
        tokenFeed.set(1e8, block.timestamp);
        expectQuoteReverts(abi.encodeWithSelector(IPaymentGateway.StalePrice.selector, address(0), START));
        coinFeed.set(1e8, block.timestamp);
        convert(PRICE);
    }

    function testFuzz_price_reverts_whenNeverOrInTheFuture(uint256 updatedAt) external {
        updatedAt = bound(updatedAt, START + 1, type(uint256).max);
        coinFeed.set(1e8, updatedAt);
        expectQuoteReverts(abi.encodeWithSelector(IPaymentGateway.StalePrice.selector, address(0), updatedAt));

        coinFeed.set(1e8, 0);
        expectQuoteReverts(abi.encodeWithSelector(IPaymentGateway.StalePrice.selector, address(0), 0));
        vm.warp(0);
        tokenFeed.set(1e8, 0);
        expectQuoteReverts(abi.encodeWithSelector(IPaymentGateway.StalePrice.selector, address(token), 0));
    }

    function test_price_reverts_whenTheFeedIsRemoved() external {
        setFeed(address(token), address(0));
        expectQuoteReverts(abi.encodeWithSelector(IPaymentGateway.NoFeed.selector, address(token)));
        setFeed(address(token), address(tokenFeed));
        setFeed(address(0), address(0));
        expectQuoteReverts(abi.encodeWithSelector(IPaymentGateway.NoFeed.selector, address(0)));
    }

    function test_price_reverts_whenAcceptanceIsTakenBack() external {
        vm.prank(governor);
        gateway.setTokenAccepted(address(0), false);
        expectQuoteReverts(abi.encodeWithSelector(IPaymentGateway.TokenNotAccepted.selector, address(0)));
    }

    function test_sequencer_isAskedBeforeAPriceIsUsed() external {
        MockAggregator sequencer = _sequencer();
        bytes memory down = abi.encodeWithSelector(IPaymentGateway.SequencerDown.selector);

        // Up since GRACE seconds ago, not more.
        expectQuoteReverts(down);
        sequencer.set(0, START - GRACE - 1);
        convert(PRICE);

        sequencer.set(1, START - GRACE - 1);
        expectQuoteReverts(down);
        sequencer.set(-1, START - GRACE - 1);
        expectQuoteReverts(down);
        sequencer.set(0, 0);
        expectQuoteReverts(down);
        sequencer.set(0, START + 1);
        expectQuoteReverts(down);
    }

    function test_sequencer_isNotAskedForThePricesOwnToken() external {
        _sequencer().set(1, START);
        assertEq(pay(address(token), address(token), PRICE, 0).gross, PRICE, "needs no price");
    }

    function test_sequencer_isRemoved() external {
        _sequencer().set(1, START);
        vm.expectEmit(true, true, true, true, address(gateway));
        emit IPaymentGateway.SequencerFeedUpdated(address(0), 0, 6);
        vm.prank(governor);
        gateway.setSequencerFeed(address(0), GRACE);

        convert(PRICE);
        (address aggregator, uint32 gracePeriod) = gateway.sequencerFeed();
        assertEq(aggregator, address(0), "none");
        assertEq(gracePeriod, 0, "no period either");
    }

    function _sequencer() private returns (MockAggregator sequencer) {
        sequencer = new MockAggregator(0, 0);
        sequencer.set(0, START - GRACE);
        vm.expectEmit(true, true, true, true, address(gateway));
        emit IPaymentGateway.SequencerFeedUpdated(address(sequencer), GRACE, 5);
        vm.prank(governor);
        gateway.setSequencerFeed(address(sequencer), GRACE);
    }
}
