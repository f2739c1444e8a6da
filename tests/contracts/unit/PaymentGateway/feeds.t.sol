// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPaymentGateway} from "../../../../contracts/src/interfaces/IPaymentGateway.sol";
import {GatewayBase} from "../../GatewayBase.t.sol";
import {DecimalsToken, MockAggregator, MuteToken} from "../../mocks/Aggregators.sol";

contract FeedsTest is GatewayBase {
    function test_setFeed_readsDecimals() external {
        address asset = address(new DecimalsToken(24));
        address aggregator = address(new MockAggregator(18, 1));
        vm.expectEmit(true, true, true, true, address(gateway));
        emit IPaymentGateway.FeedUpdated(asset, aggregator, MAX_AGE, 24, 18, 5);
        setFeed(asset, aggregator);

        IPaymentGateway.Feed memory feed = gateway.feedOf(asset);
        assertEq(feed.aggregator, aggregator, "aggregator");
        assertEq(feed.maxAge, MAX_AGE, "age");
        assertEq(feed.tokenDecimals, 24, "of the token");
        assertEq(feed.feedDecimals, 18, "of the feed");
        assertEq(gateway.feedOf(address(0)).tokenDecimals, 18, "of native coin");
    }

    function test_setFeed_removes() external {
        vm.expectEmit(true, true, true, true, address(gateway));
        emit IPaymentGateway.FeedUpdated(address(token), address(0), 0, 0, 0, 5);
        setFeed(address(token), address(0));

        IPaymentGateway.Feed memory none;
        assertEq(keccak256(abi.encode(gateway.feedOf(address(token)))), keccak256(abi.encode(none)), "none");
        vm.expectRevert(IPaymentGateway.NoChange.selector);
        vm.prank(governor);
        gateway.setFeed(address(token), address(0), MAX_AGE);
    }

    function test_setFeed_reverts_unlessSomethingChanges() external {
        vm.startPrank(governor);
        vm.expectRevert(IPaymentGateway.NoChange.selector);
        gateway.setFeed(address(token), address(tokenFeed), MAX_AGE);
        gateway.setFeed(address(token), address(tokenFeed), MAX_AGE + 1);
        gateway.setFeed(address(token), address(coinFeed), MAX_AGE + 1);

        // What the aggregator says now is another answer in other decimals.
        coinFeed.setDecimals(18);
        gateway.setFeed(address(token), address(coinFeed), MAX_AGE + 1);
        assertEq(gateway.feedOf(address(token)).feedDecimals, 18, "read again");
    }

    function test_setFeed_reverts_onBadArguments() external {
        bytes memory invalid = abi.encodeWithSelector(IPaymentGateway.InvalidFeed.selector, address(coinFeed));
        vm.startPrank(governor);

        vm.expectRevert(invalid);
        gateway.setFeed(address(token), address(coinFeed), 0);
        vm.expectRevert(abi.encodeWithSelector(IPaymentGateway.InvalidFeed.selector, alice));
        gateway.setFeed(address(token), alice, MAX_AGE);

        address coarse = address(new DecimalsToken(31));
        vm.expectRevert(invalid);
        gateway.setFeed(coarse, address(coinFeed), MAX_AGE);
        coinFeed.setDecimals(31);
        vm.expectRevert(invalid);
        gateway.setFeed(address(token), address(coinFeed), MAX_AGE);
        coinFeed.setDecimals(30);
        gateway.setFeed(address(new DecimalsToken(30)), address(coinFeed), MAX_AGE);
    }

    function test_setFeed_reverts_whenATokenDoesNotTellItsDecimals() external {
        address lying = address(new DecimalsToken(256));
        address mute = address(new MuteToken());
        vm.startPrank(governor);

        vm.expectRevert(bytes(""));
        gateway.setFeed(lying, address(coinFeed), MAX_AGE);
        vm.expectRevert(bytes(""));
        gateway.setFeed(mute, address(coinFeed), MAX_AGE);
        vm.expectRevert(bytes(""));
        gateway.setFeed(alice, address(coinFeed), MAX_AGE);
    }

    /// @dev Later lies change nothing: the decimals are those of the day the feed was set.
    function test_setFeed_keepsTheDecimalsItRead() external {
        uint256 before = convert(PRICE);
        coinFeed.setDecimals(2);
        assertEq(convert(PRICE), before, "same rate");
    }

    function test_setTokenAccepted_emits() external {
        vm.expectEmit(true, true, true, true, address(gateway));
        emit IPaymentGateway.TokenAcceptanceUpdated(address(token), true, 5);
        accept(address(token));
        assertTrue(gateway.isTokenAccepted(address(token)), "accepted");

        vm.startPrank(governor);
        vm.expectRevert(IPaymentGateway.NoChange.selector);
        gateway.setTokenAccepted(address(token), true);
        gateway.setTokenAccepted(address(token), false);
        assertFalse(gateway.isTokenAccepted(address(token)), "no more");
    }

    function test_setSequencerFeed_reverts_onBadArguments() external {
        vm.startPrank(governor);
        vm.expectRevert(IPaymentGateway.NoChange.selector);
        gateway.setSequencerFeed(address(0), 1);
        vm.expectRevert(abi.encodeWithSelector(IPaymentGateway.InvalidFeed.selector, alice));
        gateway.setSequencerFeed(alice, 1);

        gateway.setSequencerFeed(address(coinFeed), 1);
        vm.expectRevert(IPaymentGateway.NoChange.selector);
        gateway.setSequencerFeed(address(coinFeed), 1);
        gateway.setSequencerFeed(address(coinFeed), 2);
    }

    function testFuzz_settings_reverts_unlessGovernor(address caller) external {
        vm.assume(caller != governor);
        bytes memory reason = abi.encodeWithSelector(IPaymentGateway.Unauthorized.selector, caller);
        vm.startPrank(caller);

        vm.expectRevert(reason);
        gateway.setFeed(address(token), address(0), 0);
        vm.expectRevert(reason);
        gateway.setSequencerFeed(address(coinFeed), 0);
        vm.expectRevert(reason);
        gateway.setTokenAccepted(address(token), true);
        vm.expectRevert(reason);
        gateway.setFee(1, caller);
    }

    function test_events_shareOneSequenceWithoutGaps() external {
        assertEq(gateway.eventCount(), 4, "the fee of the deployment, two feeds, one acceptance");
        vm.startPrank(governor);
        gateway.setFee(1000, alice);
        gateway.setFeed(address(token), address(coinFeed), 1);
        gateway.setTokenAccepted(address(token), true);
        gateway.setSequencerFeed(address(coinFeed), 1);
        vm.expectEmit(true, true, true, true, address(gateway));
        emit IPaymentGateway.FeeUpdated(0, address(0), 9);
        gateway.setFee(0, address(0));

        assertEq(gateway.eventCount(), 9, "one each");
    }
}
