// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPlanManager} from "../../../../contracts/src/interfaces/IPlanManager.sol";
import {ISubscriptionTypes} from "../../../../contracts/src/interfaces/ISubscriptionTypes.sol";
import {Base} from "../../Base.t.sol";
import {Refuser} from "../../mocks/Wallets.sol";

contract NativeTest is Base {
    bytes32 private planHash;
    uint256 private constant NATIVE_FEE = 0.025 ether;

    function setUp() public override {
        super.setUp();
        planHash = createNative();
        vm.deal(alice, 10 ether);
        vm.deal(bob, 10 ether);
    }

    function test_subscribe_takesThePriceFromTheDeposit() external {
        vm.expectEmit(true, true, true, true, address(manager));
        emit ISubscriptionTypes.NativeDepositIncreased(alice, 3 ether, 3 ether, 1);
        vm.expectEmit(true, true, true, true, address(manager));
        emit ISubscriptionTypes.SubscriptionActivated(
            planHash, alice, merchant, uint40(START), uint40(START + PERIOD), 0, 2
        );
        vm.expectEmit(true, true, true, true, address(manager));
        emit ISubscriptionTypes.SubscriptionCharged(
            planHash,
            alice,
            receiptOf(3, START, START + PERIOD, 1 ether),
            settlementOf(merchant, NATIVE_FEE),
            address(0)
        );
        vm.prank(alice);
        manager.subscribe{value: 3 ether}(planHash);

        assertEq(manager.nativeDepositOf(alice), 2 ether, "deposit");
        assertEq(merchant.balance, 1 ether - NATIVE_FEE, "merchant");
        assertEq(feeReceiver.balance, NATIVE_FEE, "fee receiver");
        assertEq(manager.eventCount(), 3, "events");
    }

    function test_subscribe_reverts_whenDepositIsTooSmall() external {
        vm.expectRevert(abi.encodeWithSelector(ISubscriptionTypes.InsufficientDeposit.selector, 1 ether, 0.5 ether));
        vm.prank(alice);
        manager.subscribe{value: 0.5 ether}(planHash);
    }

    function test_chargeBatch_failsTheMemberWithoutDeposit() external {
        vm.prank(alice);
        manager.subscribe{value: 2 ether}(planHash);
        vm.prank(bob);
        manager.subscribe{value: 1 ether}(planHash);
        vm.warp(START + PERIOD);

        assertEq(chargeBatch(planHash, abi.encodePacked(bob, alice)), hex"0300", "outcomes");
        assertEq(manager.nativeDepositOf(alice), 0, "paid");
        assertEq(merchant.balance, 3 * (1 ether - NATIVE_FEE), "merchant");

        vm.warp(START + PERIOD + 1 days);
        vm.expectRevert(
            abi.encodeWithSelector(
                ISubscriptionTypes.ChargeFailed.selector, ISubscriptionTypes.Reason.InsufficientBalance
            )
        );
        charge(planHash, bob);

        manager.depositNative{value: 1 ether}(bob);
        charge(planHash, bob);
        assertEq(stateOf(planHash, bob).chargeCount, 2, "retried");
    }

    function test_chargeBatch_creditsAMerchantThatRefuses() external {
        Refuser refuser = new Refuser();
        IPlanManager.Plan memory plan = terms();
        plan.token = address(0);
        plan.price = 1 ether;
        plan.merchant = address(refuser);
        bytes32 refused = create(plan);

        vm.prank(alice);
        manager.subscribe{value: 2 ether}(refused);
        assertEq(manager.creditOf(address(refuser)), 1 ether - NATIVE_FEE, "credit of the single path");
        assertEq(manager.eventCount(), 4, "deposit, activation, charge, credit");

        vm.warp(START + PERIOD);
        chargeBatch(refused, abi.encodePacked(alice));
        uint256 credit = 2 * (1 ether - NATIVE_FEE);
        assertEq(manager.creditOf(address(refuser)), credit, "credit of both");
        assertEq(manager.eventCount(), 6, "charge, credit");

        refuser.run(address(manager), abi.encodeCall(manager.claimCredit, (bob)));
        assertEq(bob.balance, 10 ether + credit, "claimed");
        assertEq(manager.creditOf(address(refuser)), 0, "nothing left");
        assertEq(address(manager).balance, 0, "nothing kept");
    }

    function test_claimCredit_reverts_whenThereIsNone() external {
        vm.expectRevert(abi.encodeWithSelector(ISubscriptionTypes.NothingToClaim.selector, alice));
        vm.prank(alice);
        manager.claimCredit(alice);
        vm.expectRevert(abi.encodeWithSelector(ISubscriptionTypes.InvalidReceiver.selector, address(0)));
        manager.claimCredit(address(0));
    }

    function test_claimCredit_keepsTheCredit_whenTheChosenReceiverRefuses() external {
        Refuser refuser = new Refuser();
        IPlanManager.Plan memory plan = terms();
        (plan.token, plan.price, plan.merchant) = (address(0), 1 ether, address(refuser));
        bytes32 refused = create(plan);
        vm.prank(alice);
        manager.subscribe{value: 1 ether}(refused);
        uint256 credit = 1 ether - NATIVE_FEE;

        vm.expectRevert(
            abi.encodeWithSelector(ISubscriptionTypes.NativeTransferFailed.selector, address(refuser), credit)
        );
        vm.prank(address(refuser));
        manager.claimCredit(address(refuser));
        assertEq(manager.creditOf(address(refuser)), credit, "still there");
    }

    function testFuzz_withdrawNative_paysTheChosenReceiver(uint256 amount) external {
        amount = bound(amount, 1, 5 ether);
        vm.startPrank(alice);
        manager.depositNative{value: 5 ether}(alice);
        vm.expectEmit(true, true, true, true, address(manager));
        emit ISubscriptionTypes.NativeDepositWithdrawn(alice, bob, amount, 5 ether - amount, 2);
        manager.withdrawNative(amount, bob);

        assertEq(bob.balance, 10 ether + amount, "receiver");
        assertEq(manager.nativeDepositOf(alice), 5 ether - amount, "rest");
    }

    function test_withdrawNative_reverts_onBadArguments() external {
        vm.startPrank(alice);
        manager.depositNative{value: 1 ether}(alice);
        vm.expectRevert(abi.encodeWithSelector(ISubscriptionTypes.InsufficientDeposit.selector, 2 ether, 1 ether));
        manager.withdrawNative(2 ether, alice);
        vm.expectRevert(ISubscriptionTypes.ZeroAmount.selector);
        manager.withdrawNative(0, alice);
        vm.expectRevert(abi.encodeWithSelector(ISubscriptionTypes.InvalidReceiver.selector, address(0)));
        manager.withdrawNative(1, address(0));
        vm.expectRevert(abi.encodeWithSelector(ISubscriptionTypes.NativeTransferFailed.selector, address(manager), 1));
        manager.withdrawNative(1, address(manager));
    }

    function test_depositNative_reverts_onBadArguments() external {
        vm.expectRevert(ISubscriptionTypes.ZeroAmount.selector);
        manager.depositNative(alice);
        vm.expectRevert(abi.encodeWithSelector(ISubscriptionTypes.InvalidReceiver.selector, address(0)));
        manager.depositNative{value: 1}(address(0));
    }

    function test_cancel_succeeds_forAWalletThatRefusesEth() external {
        Refuser wallet = new Refuser();
        manager.depositNative{value: 2 ether}(address(wallet));
        wallet.run(address(manager), abi.encodeCall(manager.subscribe, (planHash)));
        wallet.run(address(manager), abi.encodeCall(manager.cancel, (planHash)));
        wallet.run(address(manager), abi.encodeCall(manager.withdrawNative, (1 ether, bob)));
        assertEq(bob.balance, 11 ether, "deposit back by another receiver");
    }
}
