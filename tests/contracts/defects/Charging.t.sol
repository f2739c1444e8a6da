// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPlanManager} from "../../../contracts/src/interfaces/IPlanManager.sol";
import {ISubscriptionTypes} from "../../../contracts/src/interfaces/ISubscriptionTypes.sol";
import {Base} from "../Base.t.sol";
import {ReentrantToken} from "../mocks/HostileTokens.sol";
import {Refuser} from "../mocks/Wallets.sol";

/// @dev See README.md for what each number means.
contract ChargingDefectsTest is Base {
    bytes32 private planHash;

    function setUp() public override {
        super.setUp();
        planHash = createDefault();
    }

    function test_B01_aMemberWhoRevokedDoesNotStopTheBatch() external {
        address carol = makeAddr("carol");
        fund(carol, PRICE);
        subscribe(planHash, alice);
        subscribe(planHash, bob);
        subscribe(planHash, carol);
        vm.prank(alice);
        token.approve(address(manager), 0);
        vm.warp(START + PERIOD);

        uint256 before = token.balanceOf(merchant);
        assertEq(chargeBatch(planHash, abi.encodePacked(alice, carol, bob)), hex"050300", "bob is charged");
        assertEq(token.balanceOf(merchant) - before, PRICE - feeOf(PRICE), "merchant is paid for bob");
    }

    function test_B02_noRoleTakesTokensOfWhoeverApproved() external {
        address approver = makeAddr("approver");
        fund(approver, 1_000e6);
        bytes memory refusal =
            abi.encodeWithSelector(ISubscriptionTypes.ChargeFailed.selector, ISubscriptionTypes.Reason.NotSubscribed);
        address[5] memory callers = [automation, operator, governor, merchant, address(deployer)];
        for (uint256 i; i < callers.length; ++i) {
            vm.prank(callers[i]);
            vm.expectRevert(refusal);
            manager.charge(planHash, approver);
            vm.prank(callers[i]);
            assertEq(manager.chargeBatch(planHash, abi.encodePacked(approver)), hex"07", "batch");
            vm.prank(callers[i]);
            vm.expectRevert(abi.encodeWithSelector(ISubscriptionTypes.Unauthorized.selector, callers[i]));
            manager.collectBounded(planHash, approver);
        }
        assertEq(token.balanceOf(approver), 1_000e6, "nothing is taken");
    }

    /// @dev Of a subscriber, a price a period, to the plan's merchant and the fee receiver.
    function test_B02_anApprovalIsUsedForTheSubscriptionsTermsOnly() external {
        subscribe(planHash, alice);
        uint256 before = token.balanceOf(alice);
        vm.warp(START + PERIOD + 10);
        charge(planHash, alice);
        vm.expectRevert(
            abi.encodeWithSelector(ISubscriptionTypes.ChargeFailed.selector, ISubscriptionTypes.Reason.NotDue)
        );
        charge(planHash, alice);
        assertEq(before - token.balanceOf(alice), PRICE, "one price");
        assertEq(token.balanceOf(merchant) + token.balanceOf(feeReceiver), 2 * PRICE, "to merchant and fee receiver");
    }

    function test_B03_subscribingTwiceChargesOnce() external {
        subscribe(planHash, alice);
        vm.expectRevert(abi.encodeWithSelector(ISubscriptionTypes.AlreadySubscribed.selector, planHash, alice));
        subscribe(planHash, alice);
    }

    function test_B03_subscribingAgainKeepsThePaidTime() external {
        subscribe(planHash, alice);
        vm.warp(START + PERIOD / 2);
        vm.prank(alice);
        manager.cancel(planHash);
        uint256 before = token.balanceOf(alice);
        subscribe(planHash, alice);

        assertEq(token.balanceOf(alice), before, "not charged");
        assertEq(stateOf(planHash, alice).nextChargeAt, START + PERIOD, "paid time is kept");
    }

    function test_B03_aSwitchCreditsTheUnusedTime() external {
        IPlanManager.Plan memory dearer = terms();
        dearer.price = 2 * PRICE;
        bytes32 to = create(dearer);
        subscribe(planHash, alice);
        vm.warp(START + PERIOD / 3);
        uint256 before = token.balanceOf(alice);
        vm.prank(alice);
        manager.switchPlan(planHash, to);

        assertEq(token.balanceOf(alice), before, "not charged");
        assertEq(stateOf(to, alice).nextChargeAt, START + PERIOD / 3 + PERIOD / 3, "two thirds at twice the price");
        assertEq(
            uint8(stateOf(planHash, alice).status), uint8(ISubscriptionTypes.Status.Cancelled), "the old one is over"
        );
    }

    function test_B04_failuresInARowAreOneTry() external {
        subscribe(planHash, alice);
        vm.prank(alice);
        token.approve(address(manager), 0);
        bytes memory members = abi.encodePacked(alice);
        assertEq(chargeBatch(planHash, members), hex"02", "paid up: nothing to fail");
        vm.warp(START + PERIOD);
        assertEq(chargeBatch(planHash, members), hex"05", "first try");
        for (uint256 i; i < 5; ++i) {
            assertEq(chargeBatch(planHash, members), hex"09", "not before the retry time");
        }
        assertEq(stateOf(planHash, alice).retries, 1, "one try");
        assertEq(uint8(stateOf(planHash, alice).status), uint8(ISubscriptionTypes.Status.Active), "still there");
    }

    function test_B05_theOperatorCannotBringASubscriptionBack() external {
        subscribe(planHash, alice);
        vm.prank(alice);
        manager.cancel(planHash);
        ISubscriptionTypes.Mandate memory mandate = _mandate(makeAddr("unwilling"));
        mandate.subscriber = alice;
        (, uint256 strangersKey) = makeAddrAndKey("unwilling");
        bytes memory signature = _sign(mandate, strangersKey);

        vm.prank(operator);
        vm.expectRevert(ISubscriptionTypes.InvalidSignature.selector);
        manager.activateManually(mandate, signature, uint40(START + 1 days));
        vm.prank(operator);
        vm.expectRevert(ISubscriptionTypes.InvalidSignature.selector);
        manager.subscribeBySig(mandate, signature, "");
        assertEq(uint8(stateOf(planHash, alice).status), uint8(ISubscriptionTypes.Status.Cancelled), "stays over");
    }

    /// @dev With the subscriber's signature it can, up to a period and without a charge.
    function test_B05_withConsentTheOperatorActivatesWithoutACharge() external {
        (address dave, uint256 key) = makeAddrAndKey("dave");
        fund(dave, PRICE);
        ISubscriptionTypes.Mandate memory mandate = _mandate(dave);
        bytes memory signature = _sign(mandate, key);
        vm.startPrank(operator);
        uint256 tooFar = START + PERIOD + 1;
        vm.expectRevert(abi.encodeWithSelector(ISubscriptionTypes.InvalidPaidUntil.selector, tooFar));
        manager.activateManually(mandate, signature, uint40(tooFar));
        manager.activateManually(mandate, signature, uint40(START + PERIOD));
        vm.expectRevert(abi.encodeWithSelector(ISubscriptionTypes.NonceUsed.selector, dave, mandate.nonce));
        manager.activateManually(mandate, signature, uint40(START + PERIOD));
        assertEq(token.balanceOf(dave), PRICE, "not charged");
    }

    function test_B16_aWalletThatRefusesCoinCancels() external {
        bytes32 native = createNative();
        Refuser wallet = new Refuser();
        vm.deal(address(wallet), 3 ether);
        vm.prank(address(wallet));
        manager.subscribe{value: 3 ether}(native);
        wallet.run(address(manager), abi.encodeCall(manager.cancel, (native)));

        assertEq(
            uint8(stateOf(native, address(wallet)).status), uint8(ISubscriptionTypes.Status.Cancelled), "cancelled"
        );
        assertEq(manager.nativeDepositOf(address(wallet)), 2 ether, "deposit waits");
        wallet.run(address(manager), abi.encodeCall(manager.withdrawNative, (2 ether, bob)));
        assertEq(bob.balance, 2 ether, "and goes where the wallet says");
    }

    function test_B17_aLateChargeKeepsTheAnchor() external {
        subscribe(planHash, alice);
        vm.warp(START + PERIOD + 5 days);
        charge(planHash, alice);
        assertEq(stateOf(planHash, alice).nextChargeAt, START + 2 * PERIOD, "due as if charged in time");
    }

    function test_B20_cancellingOnePlanLeavesTheDepositForOthers() external {
        (bytes32 first, bytes32 second) = (createNative(), createNative());
        vm.deal(alice, 5 ether);
        vm.startPrank(alice);
        manager.subscribe{value: 5 ether}(first);
        manager.subscribe(second);
        manager.cancel(first);
        vm.stopPrank();
        assertEq(manager.nativeDepositOf(alice), 3 ether, "deposit stays");

        vm.warp(START + PERIOD);
        charge(second, alice);
        assertEq(stateOf(second, alice).chargeCount, 2, "the other plan is charged");
    }

    function test_B22_aBatchIsNeverCutShort() external {
        bytes memory members;
        for (uint160 i; i < 300; ++i) {
            address member = address(0xabc000 + i);
            fund(member, 2 * PRICE);
            subscribe(planHash, member);
            members = bytes.concat(members, bytes20(member));
        }
        vm.warp(START + PERIOD);
        assertEq(chargeBatch(planHash, members), new bytes(300), "one outcome a member, all charged");
        assertEq(stateOf(planHash, address(0xabc000 + 299)).chargeCount, 2, "the last one too");
    }

    function test_B23_aMerchantThatRefusesCoinDoesNotStopTheBatch() external {
        Refuser refuser = new Refuser();
        IPlanManager.Plan memory plan = terms();
        (plan.token, plan.price, plan.merchant) = (address(0), 1 ether, address(refuser));
        bytes32 native = create(plan);
        address[2] memory payers = [alice, bob];
        for (uint256 i; i < 2; ++i) {
            vm.deal(payers[i], 2 ether);
            vm.prank(payers[i]);
            manager.subscribe{value: 2 ether}(native);
        }
        vm.warp(START + PERIOD);
        assertEq(chargeBatch(native, abi.encodePacked(alice, bob)), hex"0000", "charged");
        assertEq(manager.creditOf(address(refuser)), 4 * (1 ether - feeOf(1 ether)), "merchant may claim");
    }

    function test_B24_coinSentWithoutACallIsRefused() external {
        vm.deal(address(this), 2 ether);
        (bool success,) = address(manager).call{value: 1 ether}("");
        assertFalse(success, "manager");
        (success,) = manager.extension().call{value: 1 ether}("");
        assertFalse(success, "extension");
        vm.expectRevert(abi.encodeWithSelector(ISubscriptionTypes.EthRefused.selector, 1 ether));
        manager.subscribe{value: 1 ether}(planHash);
    }

    function test_B26_theOperatorsCancellationSaysWhose() external {
        subscribe(planHash, alice);
        vm.expectEmit(true, true, true, true, address(manager));
        emit ISubscriptionTypes.SubscriptionCancelled(
            planHash, alice, ISubscriptionTypes.CancelReason.Operator, uint40(START + PERIOD), 3
        );
        vm.prank(operator);
        manager.cancelFor(planHash, alice);
        assertEq(
            uint8(stateOf(planHash, alice).cancelReason), uint8(ISubscriptionTypes.CancelReason.Operator), "stored"
        );
    }

    /// @dev State is written before the token is called, so that whoever reads during the call reads what is.
    function test_L01_aTokenThatCallsBackReadsTheChargeAsDone() external {
        ReentrantToken odd = new ReentrantToken();
        IPlanManager.Plan memory plan = terms();
        plan.token = address(odd);
        bytes32 hostile = create(plan);
        odd.mint(alice, 3 * PRICE);
        vm.prank(alice);
        odd.approve(address(manager), type(uint256).max);
        subscribe(hostile, alice);

        vm.warp(START + PERIOD);
        odd.setCall(address(manager), abi.encodeCall(manager.subscriptionOf, (hostile, alice)));
        charge(hostile, alice);
        assertTrue(odd.succeeded(), "read");
        ISubscriptionTypes.Subscription memory seen = abi.decode(odd.answer(), (ISubscriptionTypes.Subscription));
        assertEq(seen.nextChargeAt, START + 2 * PERIOD, "due time");
        assertEq(seen.chargeCount, 2, "count");

        vm.warp(START + 2 * PERIOD);
        odd.setCall(address(manager), abi.encodeCall(manager.chargeBatch, (hostile, abi.encodePacked(alice))));
        assertEq(chargeBatch(hostile, abi.encodePacked(alice)), hex"00", "batch");
        assertFalse(odd.succeeded(), "no batch within a batch");
    }

    function test_L02_theSubscriberSetsAnEndAndANumberOfCharges() external {
        (address dave, uint256 key) = makeAddrAndKey("dave");
        fund(dave, 10 * PRICE);
        ISubscriptionTypes.Mandate memory mandate = _mandate(dave);
        mandate.maxCharges = 2;
        manager.subscribeBySig(mandate, _sign(mandate, key), "");
        vm.warp(START + PERIOD);
        charge(planHash, dave);
        vm.warp(START + 2 * PERIOD);
        assertEq(chargeBatch(planHash, abi.encodePacked(dave)), hex"0a", "two charges");

        (mandate.maxCharges, mandate.endsAt, mandate.nonce) = (0, uint40(START + 3 * PERIOD), 2);
        manager.subscribeBySig(mandate, _sign(mandate, key), "");
        vm.warp(START + 3 * PERIOD);
        assertEq(chargeBatch(planHash, abi.encodePacked(dave)), hex"0a", "none from the end on");
        assertEq(token.balanceOf(dave), 7 * PRICE, "three charges in all");
    }

    function test_L03_subscribersPause() external {
        subscribe(planHash, alice);
        vm.warp(START + PERIOD - 1 days);
        vm.prank(alice);
        manager.pause(planHash);
        vm.warp(START + 2 * PERIOD);
        assertEq(chargeBatch(planHash, abi.encodePacked(alice)), hex"08", "paused");
        vm.prank(alice);
        manager.resume(planHash);
        assertEq(stateOf(planHash, alice).nextChargeAt, START + 2 * PERIOD + 1 days, "a day is left");
    }

    function test_L04_aChargeCostsTheSameHoweverManyPlansThereWere() external {
        subscribe(planHash, alice);
        subscribe(planHash, bob);
        for (uint256 i; i < 30; ++i) {
            bytes32 other = createDefault();
            subscribe(other, bob);
            vm.prank(bob);
            manager.cancel(other);
        }
        vm.warp(START + PERIOD);
        charge(planHash, _warm());
        uint256 one = _gasOfCharge(alice);
        uint256 many = _gasOfCharge(bob);
        assertApproxEqAbs(one, many, 500, "gas");
    }

    function test_L05_whyAMemberWasNotChargedIsANumber() external {
        subscribe(planHash, alice);
        vm.prank(alice);
        token.approve(address(manager), PRICE - 1);
        vm.warp(START + PERIOD);
        vm.expectRevert(
            abi.encodeWithSelector(
                ISubscriptionTypes.ChargeFailed.selector, ISubscriptionTypes.Reason.InsufficientAllowance
            )
        );
        charge(planHash, alice);
        assertEq(chargeBatch(planHash, abi.encodePacked(alice)), hex"05", "the same number in a batch");
    }

    /// @dev Someone whose charge warms up all that the charges of others share.
    function _warm() private returns (address warm) {
        warm = makeAddr("warm");
        fund(warm, 2 * PRICE);
        vm.warp(START);
        subscribe(planHash, warm);
        vm.warp(START + PERIOD);
    }

    function _gasOfCharge(address payer) private returns (uint256 used) {
        vm.prank(automation);
        used = gasleft();
        manager.charge(planHash, payer);
        used -= gasleft();
    }

    function _mandate(address subscriber) private view returns (ISubscriptionTypes.Mandate memory) {
        return ISubscriptionTypes.Mandate({
            planHash: planHash,
            replaces: 0,
            subscriber: subscriber,
            paymentToken: address(token),
            rail: ISubscriptionTypes.Rail.Allowance,
            maxAmount: PRICE,
            maxCharges: 0,
            endsAt: 0,
            nonce: 1,
            deadline: START + 365 days
        });
    }

    function _sign(ISubscriptionTypes.Mandate memory mandate, uint256 key) private view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, manager.hashMandate(mandate));
        return abi.encodePacked(r, s, v);
    }
}
