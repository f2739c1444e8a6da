// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ISubscriptionTypes} from "../../../../contracts/src/interfaces/ISubscriptionTypes.sol";
import {FalseToken, MuteToken, NoReturnToken, OddAnswerToken, PlainToken} from "../../mocks/HostileTokens.sol";
import {ZooBase} from "./ZooBase.t.sol";

/// @dev What a token answers to a transfer and to what is read.
contract AnswersTest is ZooBase {
    function test_noReturnValue_paysEverywhere() external {
        enter(address(new NoReturnToken()));
        joinBoth();
        charge(planHash, alice);
        assertEq(chargeBatch(planHash, both()), hex"0200", "batch");
        assertReceived(4);
    }

    function test_falseAnswer_isAFailure() external {
        FalseToken token_ = new FalseToken();
        enter(address(token_));
        joinBoth();
        token_.setBroken(true);
        fundOdd(carol);

        vm.expectRevert(failed(ISubscriptionTypes.Reason.TransferFailed));
        subscribe(planHash, carol);
        chargeReverts(alice, ISubscriptionTypes.Reason.TransferFailed);
        assertUntouched(alice);
        assertEq(chargeBatch(planHash, both()), hex"0606", "batch");
        assertRetried(alice);
        assertReceived(2);
    }

    /// @dev A transfer counts when it answers nothing or the word one; all else takes back what it moved where it can.
    function testFuzz_oddAnswer_isAFailure(bytes memory answer) external {
        vm.assume(answer.length != 0 && (answer.length < 32 || bytes32(answer) != bytes32(uint256(1))));
        OddAnswerToken token_ = new OddAnswerToken();
        enter(address(token_));
        joinBoth();
        token_.setAnswer(answer);
        chargeReverts(alice, ISubscriptionTypes.Reason.TransferFailed);
        assertReceived(2);
    }

    function test_oddAnswer_countsWhenItBeginsWithOne() external {
        OddAnswerToken token_ = new OddAnswerToken();
        enter(address(token_));
        joinBoth();
        token_.setAnswer(abi.encode(1, "more"));
        charge(planHash, alice);
        assertEq(chargeBatch(planHash, abi.encodePacked(bob)), hex"00", "batch");
        assertReceived(4);
    }

    /// @dev Such a token has taken what it denies. It is paid to the merchant with the others' payments, if there are any.
    function test_oddAnswer_withinABatch_takesWithoutAPeriodForIt() external {
        OddAnswerToken token_ = new OddAnswerToken();
        enter(address(token_));
        joinBoth();
        token_.setAnswer(abi.encode(2));
        assertEq(chargeBatch(planHash, abi.encodePacked(alice)), hex"06", "denied");
        assertRetried(alice);
        assertEq(odd.balanceOf(address(manager)), PRICE, "taken, and nobody's");

        token_.setAnswer(abi.encode(1));
        assertEq(chargeBatch(planHash, abi.encodePacked(bob)), hex"00", "another batch");
        assertEq(odd.balanceOf(address(manager)), PRICE, "does not take it for a payment");
        assertEq(odd.balanceOf(merchant), 3 * uint256(NET), "merchant");
    }

    function test_missingCode_neverCountsAsPaid() external {
        enter(address(new PlainToken()));
        joinBoth();
        vm.etch(address(odd), "");
        chargeReverts(alice, ISubscriptionTypes.Reason.InsufficientBalance);
        vm.expectRevert(failed(ISubscriptionTypes.Reason.InsufficientBalance));
        subscribe(planHash, carol);
        assertEq(chargeBatch(planHash, both()), hex"0303", "batch");
        assertRetried(alice);
    }

    /// @dev The single path reads nothing; a batch cannot measure what it got, and is taken back as a whole.
    function test_muteBalance_stopsBatchesOnly() external {
        MuteToken token_ = new MuteToken();
        enter(address(token_));
        joinBoth();
        token_.setMuted(true, false);
        charge(planHash, alice);
        vm.expectRevert(abi.encodeWithSelector(ISubscriptionTypes.ReceivedLessThanCharged.selector, uint256(PRICE), 0));
        chargeBatch(planHash, both());
        assertUntouched(bob);
        fundOdd(carol);
        subscribe(planHash, carol);

        token_.setMuted(false, false);
        assertReceived(4);
    }

    function test_muteBalance_readsAsNoneInAReason() external {
        MuteToken token_ = new MuteToken();
        enter(address(token_));
        joinBoth();
        vm.prank(alice);
        odd.approve(address(manager), 0);
        token_.setMuted(true, true);
        chargeReverts(alice, ISubscriptionTypes.Reason.InsufficientBalance);
        token_.setMuted(false, true);
        chargeReverts(alice, ISubscriptionTypes.Reason.InsufficientAllowance);
    }

    function test_muteAllowance_stopsNothing() external {
        MuteToken token_ = new MuteToken();
        enter(address(token_));
        joinBoth();
        token_.setMuted(false, true);
        charge(planHash, alice);
        assertEq(chargeBatch(planHash, abi.encodePacked(bob)), hex"00", "batch");
        assertReceived(4);
    }
}
