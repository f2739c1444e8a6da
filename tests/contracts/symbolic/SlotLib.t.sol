// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ISubscriptionTypes} from "../../../contracts/src/interfaces/ISubscriptionTypes.sol";
import {SlotLib} from "../../../contracts/src/libraries/SlotLib.sol";

/// @dev For every word that can be stored: each verb sets what it says and touches no other bit. Where the fields lie is
///      written down here once more; that the compiler has them there is `tests/contracts/unit/libraries/SlotLib.t.sol`.
contract SlotLibCheck {
    using SlotLib for uint256;

    uint256 private constant NEXT_CHARGE_AT = type(uint40).max;
    uint256 private constant RETRY_AT = uint256(type(uint40).max) << 40;
    uint256 private constant ENDS_AT = uint256(type(uint40).max) << 80;
    uint256 private constant PAUSED_AT = uint256(type(uint40).max) << 120;
    uint256 private constant CHARGE_COUNT = uint256(type(uint32).max) << 160;
    uint256 private constant RETRIES = uint256(type(uint8).max) << 192;
    uint256 private constant STATUS = uint256(type(uint8).max) << 200;
    uint256 private constant CANCEL_REASON = uint256(type(uint8).max) << 208;
    uint256 private constant BOUNDED = uint256(type(uint8).max) << 216;
    uint256 private constant RAIL = uint256(type(uint8).max) << 224;
    uint256 private constant CHARGE_LIMIT = uint256(type(uint16).max) << 232;
    uint256 private constant IN_TRIAL = uint256(type(uint8).max) << 248;

    function check_paidUntil(uint256 word, uint40 time) external pure {
        uint256 result = word.paidUntil(time);
        _onlyChanged(word, result, NEXT_CHARGE_AT | RETRY_AT | RETRIES | IN_TRIAL);
        assert(result.nextChargeAt() == time);
        assert(result.retryAt() == 0 && result.retries() == 0 && !result.isInTrial());
    }

    function check_trialUntil(uint256 word, uint40 time) external pure {
        uint256 result = word.trialUntil(time);
        _onlyChanged(word, result, NEXT_CHARGE_AT | RETRY_AT | RETRIES | IN_TRIAL);
        assert(result.nextChargeAt() == time && result.isInTrial());
    }

    function check_charged(uint256 word, uint40 end) external pure {
        if (word.chargeCount() == type(uint32).max) return;
        uint256 result = word.charged(end);
        _onlyChanged(word, result, NEXT_CHARGE_AT | RETRY_AT | RETRIES | IN_TRIAL | CHARGE_COUNT);
        assert(result.nextChargeAt() == end);
        assert(result.chargeCount() == word.chargeCount() + 1);
        assert(result.retryAt() == 0 && result.retries() == 0 && !result.isInTrial());
    }

    function check_retrying(uint256 word, uint40 time, uint8 count) external pure {
        uint256 result = word.retrying(time, count);
        _onlyChanged(word, result, RETRY_AT | RETRIES);
        assert(result.retryAt() == time && result.retries() == count);
    }

    function check_activated(uint256 word, uint40 limitAt, bool bounded, uint8 rail, uint16 limit) external pure {
        if (rail > uint8(type(ISubscriptionTypes.Rail).max)) return;
        uint256 result = word.activated(limitAt, SlotLib.terms(bounded, ISubscriptionTypes.Rail(rail), limit));
        // Of what was before only these stay.
        _onlyChanged(word, result, ~(NEXT_CHARGE_AT | CHARGE_COUNT | IN_TRIAL));
        assert(result.status() == uint8(ISubscriptionTypes.Status.Active));
        assert(result.endsAt() == limitAt && result.isBounded() == bounded);
        assert(result.rail() == rail && result.chargeLimit() == limit);
        assert(result.retryAt() == 0 && result.retries() == 0 && result.pausedAt() == 0);
        assert(result & CANCEL_REASON == 0);
        assert(result.isPlain() == (!bounded && rail == 0 && limit == 0));
    }

    function check_paused(uint256 word, uint40 time) external pure {
        uint256 result = word.paused(time);
        _onlyChanged(word, result, STATUS | CANCEL_REASON | PAUSED_AT);
        assert(result.status() == uint8(ISubscriptionTypes.Status.Paused));
        assert(result.pausedAt() == time && result & CANCEL_REASON == 0);
    }

    function check_resumed(uint256 word, uint40 time) external pure {
        uint256 result = word.resumed(time);
        _onlyChanged(word, result, STATUS | CANCEL_REASON | PAUSED_AT | NEXT_CHARGE_AT);
        assert(result.status() == uint8(ISubscriptionTypes.Status.Active));
        assert(result.pausedAt() == 0 && result.nextChargeAt() == time);
    }

    /// @dev A pause and a resumption at once give back the word of an active subscription.
    function check_pauseAndResume_isNothing(uint256 word, uint40 time) external pure {
        if (word.status() != uint8(ISubscriptionTypes.Status.Active)) return;
        if (word & (CANCEL_REASON | PAUSED_AT) != 0) return;
        assert(word.paused(time).resumed(word.nextChargeAt()) == word);
    }

    function check_ended(uint256 word, uint8 status, uint8 reason, uint40 time) external pure {
        if (status > uint8(type(ISubscriptionTypes.Status).max)) return;
        if (reason > uint8(type(ISubscriptionTypes.CancelReason).max)) return;
        uint256 result = word.ended(ISubscriptionTypes.Status(status), ISubscriptionTypes.CancelReason(reason), time);
        _onlyChanged(word, result, RETRY_AT | RETRIES | PAUSED_AT | STATUS | CANCEL_REASON | NEXT_CHARGE_AT);
        assert(result.status() == status && result & CANCEL_REASON == uint256(reason) << 208);
        assert(result.nextChargeAt() == time);
        assert(result.retryAt() == 0 && result.retries() == 0 && result.pausedAt() == 0);
    }

    function check_getters_readTheirFieldOnly(uint256 word) external pure {
        assert(word.nextChargeAt() == word & NEXT_CHARGE_AT);
        assert(word.retryAt() << 40 == word & RETRY_AT);
        assert(word.endsAt() << 80 == word & ENDS_AT);
        assert(word.pausedAt() << 120 == word & PAUSED_AT);
        assert(word.chargeCount() << 160 == word & CHARGE_COUNT);
        assert(word.retries() << 192 == word & RETRIES);
        assert(word.status() << 200 == word & STATUS);
        assert(word.rail() << 224 == word & RAIL);
        assert(word.chargeLimit() << 232 == word & CHARGE_LIMIT);
        assert(word.isInTrial() == (word & IN_TRIAL != 0));
        assert(word.isPlain() == (word & (BOUNDED | RAIL | CHARGE_LIMIT) == 0));
    }

    function _onlyChanged(uint256 before, uint256 result, uint256 mask) private pure {
        assert((before ^ result) & ~mask == 0);
    }
}
