// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {HeadLib} from "../../../contracts/src/libraries/HeadLib.sol";
import {LaneLib} from "../../../contracts/src/libraries/LaneLib.sol";
import {SaleHeadLib} from "../../../contracts/src/libraries/SaleHeadLib.sol";

contract HeadLibCheck {
    using HeadLib for uint256;

    function check_withAutomation_keepsTheCount(uint256 word, address account, uint32 time) external pure {
        uint256 result = word.withAutomation(account, time);
        assert(result.automation() == account);
        assert(result.eventCount() == word.eventCount());
        assert(result >> 224 == time);
    }

    function check_next_countsOnly(uint256 word) external pure {
        if (word.eventCount() == type(uint64).max) return;
        assert(word.next().eventCount() == word.eventCount() + 1);
        assert(word.next() >> 64 == word >> 64);
    }

    /// @dev Time does not go back.
    function check_isFresh_forLessThanTheAge(uint256 word, address account, uint32 then, uint32 time, uint32 age)
        external
        pure
    {
        if (time < then) return;
        bool fresh = word.withAutomation(account, then).isFresh(time, age);
        assert(fresh == (uint256(time) < uint256(then) + age));
    }
}

contract SaleHeadLibCheck {
    using SaleHeadLib for uint256;

    function check_withFee_keepsTheCount(uint256 word, uint16 bps, address receiver, uint32 time) external pure {
        uint256 result = word.withFee(bps, receiver, time);
        assert(result.feeBps() == bps && result.feeReceiver() == receiver);
        assert(result.eventCount() == word.eventCount());
        assert(result >> 224 == time);
    }

    function check_next_countsOnly(uint256 word) external pure {
        if (word.eventCount() == type(uint48).max) return;
        assert(word.next().eventCount() == word.eventCount() + 1);
        assert(word.next() >> 48 == word >> 48);
    }
}

contract LaneLibCheck {
    using LaneLib for uint256;

    function check_withLane_changesItsLaneOnly(uint256 word, uint256 salt, uint256 other, uint32 value) external pure {
        uint256 result = word.withLane(salt, value);
        assert(result.lane(salt) == value);
        if (salt & 7 != other & 7) assert(result.lane(other) == word.lane(other));
    }
}
