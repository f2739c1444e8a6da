// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ISubscriptionTypes} from "../interfaces/ISubscriptionTypes.sol";

/// @title A subscription as the word it is stored in
///
/// @notice The compiler writes a packed struct field by field and copies it to memory field by field; a batch pays both
///         for every member. The charge path works on the word instead. The shifts follow the order of the fields of
///         `Subscription`; the tests compare them with the compiler's own reading of the slot.
library SlotLib {
    uint256 private constant RETRY_AT = 40;
    uint256 private constant ENDS_AT = 80;
    uint256 private constant PAUSED_AT = 120;
    uint256 private constant CHARGE_COUNT = 160;
    uint256 private constant RETRIES = 192;
    uint256 private constant STATUS = 200;
    uint256 private constant CANCEL_REASON = 208;
    uint256 private constant BOUNDED = 216;
    uint256 private constant RAIL = 224;
    uint256 private constant CHARGE_LIMIT = 232;
    uint256 private constant IN_TRIAL = 248;

    uint256 private constant DUE_MASK = type(uint40).max;
    uint256 private constant COUNT_MASK = uint256(type(uint32).max) << CHARGE_COUNT;
    uint256 private constant TRIAL_MASK = uint256(type(uint8).max) << IN_TRIAL;
    /// @dev `nextChargeAt`, `retryAt`, `retries` and `inTrial`: what a charge sets anew.
    uint256 private constant CHARGE_MASK = type(uint80).max | uint256(type(uint8).max) << RETRIES | TRIAL_MASK;
    uint256 private constant RETRY_MASK = uint256(type(uint40).max) << RETRY_AT | uint256(type(uint8).max) << RETRIES;
    uint256 private constant PAUSED_MASK = uint256(type(uint40).max) << PAUSED_AT;
    /// @dev `status` and `cancelReason`.
    uint256 private constant STATUS_MASK = uint256(type(uint16).max) << STATUS;
    /// @dev `bounded`, `rail` and `chargeLimit`.
    uint256 private constant TERMS_MASK = uint256(type(uint32).max) << BOUNDED;

    function load(ISubscriptionTypes.Subscription storage stored) internal view returns (uint256 word) {
        assembly ("memory-safe") {
            word := sload(stored.slot)
        }
    }

    function save(ISubscriptionTypes.Subscription storage stored, uint256 word) internal {
        assembly ("memory-safe") {
            sstore(stored.slot, word)
        }
    }

    // Each cast takes one field out of the word.
    // forge-lint: disable-start(unsafe-typecast)

    function nextChargeAt(uint256 word) internal pure returns (uint256) {
        return uint40(word);
    }

    function retryAt(uint256 word) internal pure returns (uint256) {
        return uint40(word >> RETRY_AT);
    }

    function endsAt(uint256 word) internal pure returns (uint256) {
        return uint40(word >> ENDS_AT);
    }

    function pausedAt(uint256 word) internal pure returns (uint256) {
        return uint40(word >> PAUSED_AT);
    }

    function chargeCount(uint256 word) internal pure returns (uint256) {
        return uint32(word >> CHARGE_COUNT);
    }

    function chargeLimit(uint256 word) internal pure returns (uint256) {
        return uint16(word >> CHARGE_LIMIT);
    }

    function rail(uint256 word) internal pure returns (uint256) {
        return uint8(word >> RAIL);
    }

    function retries(uint256 word) internal pure returns (uint256) {
        return uint8(word >> RETRIES);
    }

    /// @notice Number of the `Status`.
    function status(uint256 word) internal pure returns (uint256) {
        return uint8(word >> STATUS);
    }

    // forge-lint: disable-end(unsafe-typecast)

    function isBounded(uint256 word) internal pure returns (bool) {
        return word & uint256(1) << BOUNDED != 0;
    }

    function isInTrial(uint256 word) internal pure returns (bool) {
        return word & TRIAL_MASK != 0;
    }

    /// @notice Without terms of its own: the plan's token by the token's allowance, without limit of charges.
    function isPlain(uint256 word) internal pure returns (bool) {
        return word & TERMS_MASK == 0;
    }

    /// @notice Terms of their own, as `activated` takes them.
    function terms(bool bounded, ISubscriptionTypes.Rail rail_, uint256 limit) internal pure returns (uint256) {
        return (bounded ? uint256(1) << BOUNDED : 0) | uint256(rail_) << RAIL | limit << CHARGE_LIMIT;
    }

    /// @notice Paid up to `time`; earlier failures are forgotten.
    function paidUntil(uint256 word, uint256 time) internal pure returns (uint256) {
        return word & ~CHARGE_MASK | time;
    }

    /// @notice A trial up to `time`.
    function trialUntil(uint256 word, uint256 time) internal pure returns (uint256) {
        return paidUntil(word, time) | uint256(1) << IN_TRIAL;
    }

    /// @notice One more period paid, up to `end`.
    ///
    /// @dev A count of 2**32 periods of an hour at least is out of reach.
    function charged(uint256 word, uint256 end) internal pure returns (uint256) {
        unchecked {
            return paidUntil(word, end) + (uint256(1) << CHARGE_COUNT);
        }
    }

    /// @notice The last try failed, the next one is due at `time`.
    function retrying(uint256 word, uint256 time, uint256 count) internal pure returns (uint256) {
        return word & ~RETRY_MASK | time << RETRY_AT | count << RETRIES;
    }

    /// @notice Active from now; of what was before only the paid time, the trial and the count of charges stay.
    ///
    /// @param limitAt `endsAt`.
    /// @param ownTerms See `terms`; zero for none.
    function activated(uint256 word, uint256 limitAt, uint256 ownTerms) internal pure returns (uint256) {
        return word & (DUE_MASK | COUNT_MASK | TRIAL_MASK) | limitAt << ENDS_AT
            | uint256(ISubscriptionTypes.Status.Active) << STATUS | ownTerms;
    }

    function paused(uint256 word, uint256 time) internal pure returns (uint256) {
        return
            word & ~(STATUS_MASK | PAUSED_MASK) | uint256(ISubscriptionTypes.Status.Paused) << STATUS | time
                << PAUSED_AT;
    }

    /// @notice Active again, paid up to `time`; failures before the pause are not forgotten.
    function resumed(uint256 word, uint256 time) internal pure returns (uint256) {
        return
            word & ~(STATUS_MASK | PAUSED_MASK | DUE_MASK) | uint256(ISubscriptionTypes.Status.Active) << STATUS | time;
    }

    /// @notice Over, as `newStatus` for `reason`, paid up to `time`.
    function ended(
        uint256 word,
        ISubscriptionTypes.Status newStatus,
        ISubscriptionTypes.CancelReason reason,
        uint256 time
    ) internal pure returns (uint256) {
        return word & ~(RETRY_MASK | PAUSED_MASK | STATUS_MASK | DUE_MASK) | uint256(newStatus) << STATUS
            | uint256(reason) << CANCEL_REASON | time;
    }
}
