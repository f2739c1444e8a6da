// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";

import {IAllowanceTransfer} from "../interfaces/IAllowanceTransfer.sol";
import {ISignatureVerifier} from "../interfaces/ISignatureVerifier.sol";
import {MandateLib} from "../libraries/MandateLib.sol";
import {PlanLib} from "../libraries/PlanLib.sol";
import {SignatureLib} from "../libraries/SignatureLib.sol";
import {SlotLib} from "../libraries/SlotLib.sol";
import {TransferLib} from "../libraries/TransferLib.sol";
import {Lifecycle} from "./Lifecycle.sol";

/// @title What a subscriber signed: whether it holds, and what it sets
abstract contract Mandates is Lifecycle {
    using MandateLib for Mandate;
    using MandateLib for Order;
    using PlanLib for uint256;
    using SlotLib for Subscription;
    using SlotLib for uint256;
    using TransferLib for address;

    ISignatureVerifier internal immutable VERIFIER;

    constructor(ISignatureVerifier verifier) {
        VERIFIER = verifier;
    }

    /// @dev An order is used once.
    function _useOrder(Order calldata order, bytes32 typeHash, bytes calldata signature) internal {
        _useSignature(order.subscriber, order.digest(typeHash), order.nonce, order.deadline, signature);
    }

    function _useSignature(address signer, bytes32 digest, uint256 nonce, uint256 deadline, bytes calldata signature)
        internal
    {
        _useNonce(signer, nonce, deadline);
        if (!SignatureLib.isValid(VERIFIER, signer, digest, signature)) revert InvalidSignature();
    }

    function _useNonce(address signer, uint256 nonce, uint256 deadline) internal {
        if (block.timestamp > deadline) revert DeadlinePassed(deadline);
        uint256 bits = _usedNonces[signer][nonce >> 8];
        uint256 bit = 1 << (nonce & 0xff);
        if (bits & bit != 0) revert NonceUsed(signer, nonce);

        _usedNonces[signer][nonce >> 8] = bits | bit;
    }

    /// @dev Authorises the token. Failures do not matter: whoever saw the permit may have used it first, and the charge
    ///      tells whether there is an allowance.
    function _usePermit(Mandate calldata mandate, bytes calldata permit) internal {
        if (mandate.rail == Rail.Permit2) {
            (IAllowanceTransfer.PermitSingle memory single, bytes memory signature) =
                abi.decode(permit, (IAllowanceTransfer.PermitSingle, bytes));
            _usePermit2(mandate.subscriber, single, signature);
            return;
        }
        (uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s) =
            abi.decode(permit, (uint256, uint256, uint8, bytes32, bytes32));
        address owner = mandate.subscriber;
        mandate.paymentToken
            .callAndForget(
                abi.encodeCall(IERC20Permit.permit, (owner, address(this), value, deadline, v, r, s)), gasleft()
            );
    }

    function _usePermit2(address owner, IAllowanceTransfer.PermitSingle memory single, bytes memory signature)
        internal
    {
        TransferLib.PERMIT2
            .callAndForget(abi.encodeCall(IAllowanceTransfer.permit, (owner, single, signature)), gasleft());
    }

    /// @dev Sets what the mandate says apart from the plan, and returns it as SlotLib's terms.
    function _acceptTerms(Mandate calldata mandate, uint256 planTail) internal returns (uint256 terms) {
        bool bounded = mandate.paymentToken != planTail.token();
        if (!bounded && planTail.price() > mandate.maxAmount) revert InvalidMandate();
        if (mandate.paymentToken == address(0) && mandate.rail == Rail.Permit2) revert InvalidMandate();
        if (mandate.endsAt != 0 && block.timestamp >= mandate.endsAt) revert InvalidMandate();

        uint256 limit = _chargeLimit(mandate.planHash, mandate.subscriber, mandate.maxCharges);
        if (bounded) {
            _bounds[mandate.planHash][mandate.subscriber] = Bounds(mandate.paymentToken, mandate.maxAmount);
        }
        _emitAccepted(
            mandate.planHash, mandate.subscriber, mandate.rail, mandate.paymentToken, mandate.maxAmount, limit
        );
        return SlotLib.terms(bounded, mandate.rail, limit);
    }

    /// @dev `chargeCount` after `charges` more; zero stays none.
    function _chargeLimit(bytes32 planHash, address subscriber, uint256 charges) internal view returns (uint256 limit) {
        if (charges == 0) return 0;
        limit = _subscriptions[planHash][subscriber].load().chargeCount() + charges;
        if (limit > type(uint16).max) revert InvalidMandate();
    }

    function _emitAccepted(
        bytes32 planHash,
        address subscriber,
        Rail rail,
        address paymentToken,
        uint256 maxAmount,
        uint256 limit
    ) internal {
        // `maxAmount` is a price or a mandate's bound, both of 96 bits; `_chargeLimit` bounds the other.
        // forge-lint: disable-start(unsafe-typecast)
        emit MandateAccepted(
            planHash, subscriber, rail, paymentToken, uint96(maxAmount), uint16(limit), _nextSequence()
        );
        // forge-lint: disable-end(unsafe-typecast)
    }
}
