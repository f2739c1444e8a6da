// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IPlanManager} from "../interfaces/IPlanManager.sol";

/// @title A plan as the two words it is stored in
///
/// @notice `head` is the first slot of `PlanTerms` (merchant, period, trial, fee bound, status, frozen), `tail` the second
///         (token, price). Words cross from PlanManager unchecked and undecoded, which a charge pays for.
library PlanLib {
    uint256 private constant PERIOD = 160;
    uint256 private constant TRIAL = 192;
    uint256 private constant MAX_FEE_BPS = 224;
    uint256 private constant STATUS = 240;
    uint256 private constant PRICE = 160;

    /// @dev Addresses go on into assembly, for which a cast alone need not clear the bits above; the IR pipeline does, so
    ///      the mask costs nothing there.
    uint256 private constant ADDRESS_MASK = type(uint160).max;

    function load(IPlanManager.PlanTerms storage terms) internal view returns (uint256 head, uint256 last) {
        assembly ("memory-safe") {
            head := sload(terms.slot)
            last := sload(add(terms.slot, 1))
        }
    }

    function save(IPlanManager.PlanTerms storage terms, uint256 head, uint256 last) internal {
        assembly ("memory-safe") {
            sstore(terms.slot, head)
            sstore(add(terms.slot, 1), last)
        }
    }

    /// @notice A new plan: active and not frozen.
    function pack(IPlanManager.Plan calldata plan) internal pure returns (uint256 head, uint256 last) {
        head = uint256(uint160(plan.merchant)) | uint256(plan.period) << PERIOD | uint256(plan.trial) << TRIAL
            | uint256(plan.maxFeeBps) << MAX_FEE_BPS | uint256(IPlanManager.PlanStatus.Active) << STATUS;
        last = tail(plan.token, plan.price);
    }

    // Each cast takes one field out of a word.
    // forge-lint: disable-start(unsafe-typecast)

    function merchant(uint256 head) internal pure returns (address) {
        return address(uint160(head & ADDRESS_MASK));
    }

    function period(uint256 head) internal pure returns (uint256) {
        return uint32(head >> PERIOD);
    }

    function trial(uint256 head) internal pure returns (uint256) {
        return uint32(head >> TRIAL);
    }

    function maxFeeBps(uint256 head) internal pure returns (uint16) {
        return uint16(head >> MAX_FEE_BPS);
    }

    function token(uint256 word) internal pure returns (address) {
        return address(uint160(word & ADDRESS_MASK));
    }

    // forge-lint: disable-end(unsafe-typecast)

    /// @notice The second word of a plan of `price_` in `token_`; the price fits 96 bits.
    function tail(address token_, uint256 price_) internal pure returns (uint256) {
        return price_ << PRICE | uint256(uint160(token_));
    }

    function price(uint256 word) internal pure returns (uint256) {
        return word >> PRICE;
    }

    function exists(uint256 head) internal pure returns (bool) {
        return head != 0;
    }

    /// @notice Open to new subscribers: active and not frozen, which is the byte above the status.
    function isOpen(uint256 head) internal pure returns (bool) {
        return head >> STATUS == uint256(IPlanManager.PlanStatus.Active);
    }

    /// @notice Charged when due: active (1) or closed (2), and not frozen.
    function isBilled(uint256 head) internal pure returns (bool) {
        unchecked {
            return (head >> STATUS) - 1 < uint256(IPlanManager.PlanStatus.Closed);
        }
    }
}
