// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ISubscriptionExtension} from "../interfaces/ISubscriptionExtension.sol";
import {HeadLib} from "../libraries/HeadLib.sol";
import {Limits} from "../libraries/Limits.sol";
import {PlanLib} from "../libraries/PlanLib.sol";
import {SlotLib} from "../libraries/SlotLib.sol";
import {TransferLib} from "../libraries/TransferLib.sol";
import {SubscriptionState} from "./SubscriptionState.sol";

/// @title How a charge moves money
abstract contract Collection is SubscriptionState {
    using HeadLib for uint256;
    using PlanLib for uint256;
    using SlotLib for uint256;
    using TransferLib for address;

    /// @dev What a charge needs to know of its plan and its caller, read once per call; the plan as PlanLib has it. `pulled`
    ///      counts the members of a batch whose price this contract holds.
    struct Bill {
        bytes32 planHash;
        uint256 planHead;
        uint256 planTail;
        uint256 fee;
        address feeReceiver;
        bool automated;
        uint256 pulled;
    }

    /// @dev A call gets at most 63/64 of the gas there is; 5,000 for reaching a cold account and for what precedes it.
    uint256 private constant CALL_RESERVE = Limits.TRANSFER_GAS + Limits.TRANSFER_GAS / 63 + 5000;

    /// @dev What a call with coin costs besides its gas: 9,000, and 25,000 for an account that never was.
    uint256 private constant SEND_GAS = 34_000;

    function _emitCharged(Bill memory bill, address subscriber, uint256 start, uint256 end, uint256 sequence) internal {
        emit SubscriptionCharged(
            bill.planHash,
            subscriber,
            sequence << 192 | start << 144 | end << 96 | bill.planTail.price(),
            uint256(uint160(bill.planHead.merchant())) << 96 | bill.fee,
            bill.planTail.token()
        );
    }

    /// @dev One payment, straight from payer to merchant and fee receiver: cheaper than by way of this contract. What a
    ///      token that keeps a part delivers is not measured here; to do so costs more than the payment may.
    function _collect(Bill memory bill, address payer, uint256 rail) internal {
        address token = bill.planTail.token();
        uint256 price = bill.planTail.price();
        uint256 fee = bill.fee;
        if (token == address(0)) {
            uint256 balance = _depositOf[payer];
            if (balance < price) revert ChargeFailed(Reason.InsufficientBalance);

            _depositOf[payer] = balance - price;
            _sendOrCredit(bill.planHead.merchant(), price - fee);
            if (fee != 0) _sendOrCredit(bill.feeReceiver, fee);
            return;
        }

        _pullTo(token, payer, bill.planHead.merchant(), price - fee, rail);
        if (fee != 0) _pullTo(token, payer, bill.feeReceiver, fee, rail);
    }

    /// @dev Pays one period of a bounded subscription, whose word and bounds are stored; the bill becomes one in its token.
    function _collectBounded(Bill memory bill, address payer) internal {
        (address token, uint256 gross, uint256 fee) =
            ISubscriptionExtension(address(this)).collectBounded(bill.planHash, payer);

        _setPaid(bill, token, gross, fee);
    }

    function _setPaid(Bill memory bill, address token, uint256 gross, uint256 fee) internal pure {
        bill.planTail = PlanLib.tail(token, gross);
        bill.fee = fee;
    }

    function _pullTo(address token, address payer, address receiver, uint256 amount, uint256 rail) private {
        if (!_tryPull(token, payer, receiver, amount, rail)) {
            revert ChargeFailed(_failureReason(token, payer, amount, rail));
        }
    }

    function _tryPull(address token, address payer, address receiver, uint256 amount, uint256 rail)
        internal
        returns (bool)
    {
        if (rail == uint256(Rail.Allowance)) {
            return token.tryTransferFrom(payer, receiver, amount, Limits.TRANSFER_GAS);
        }
        return token.tryPermit2TransferFrom(payer, receiver, amount, Limits.TRANSFER_GAS);
    }

    function _failureReason(address token, address payer, uint256 amount, uint256 rail) internal view returns (Reason) {
        _requireCallGas();
        if (token.balanceOf(payer, Limits.TRANSFER_GAS) < amount) return Reason.InsufficientBalance;
        address spender = address(this);
        if (rail == uint256(Rail.Permit2)) {
            _requireCallGas();
            if (token.permit2Allowance(payer, spender, block.timestamp, Limits.TRANSFER_GAS) < amount) {
                return Reason.InsufficientAllowance;
            }
            spender = TransferLib.PERMIT2;
        }
        _requireCallGas();
        if (token.allowance(payer, spender, Limits.TRANSFER_GAS) < amount) return Reason.InsufficientAllowance;
        return Reason.TransferFailed;
    }

    function _sendOrCredit(address receiver, uint256 amount) internal {
        uint256 available = gasleft();
        if (available < CALL_RESERVE + SEND_GAS) revert InsufficientGas(CALL_RESERVE + SEND_GAS, available);
        if (receiver.trySend(amount, Limits.TRANSFER_GAS)) return;

        uint256 balance = _creditOf[receiver] + amount;
        _creditOf[receiver] = balance;

        emit CreditIncreased(receiver, amount, balance, _nextSequence());
    }

    /// @dev Without it a caller could leave a call too little gas, and a payer would look unable to pay.
    function _requireCallGas() internal view {
        uint256 available = gasleft();
        if (available < CALL_RESERVE) revert InsufficientGas(CALL_RESERVE, available);
    }
}
