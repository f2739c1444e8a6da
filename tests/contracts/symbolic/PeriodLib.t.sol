// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {PeriodLib} from "../../../contracts/src/libraries/PeriodLib.sol";

/// @dev For every time and period that is stored, but for the anchor, where three divisions are too many for the solver at
///      more than 16 bits; `testFuzz_periodAt_containsTheTimeAndStaysOnTheAnchor` has the full widths. A period is never zero: PlanManager asks for an hour.
contract PeriodLibCheck {
    function check_periodAt_containsTheTime(uint40 next, uint32 period, uint40 time) external pure {
        if (period == 0 || time < next) return;
        (uint256 start, uint256 end) = PeriodLib.periodAt(next, period, time);

        assert(start <= time);
        assert(time < end);
        assert(end - start == period);
        assert(start >= next);
    }

    /// @dev The next due time of a charge is after now, so the same period cannot be paid again, and at most a period away.
    function check_periodAt_endsAfterNowByAPeriodAtMost(uint40 next, uint32 period, uint40 time) external pure {
        if (period == 0 || time < next) return;
        (, uint256 end) = PeriodLib.periodAt(next, period, time);

        assert(end > time);
        assert(end <= uint256(time) + period);
        assert(end > next);
    }

    function check_periodAt_staysOnTheAnchor(uint16 next, uint16 period, uint16 time) external pure {
        if (period == 0 || time < next) return;
        (uint256 start, uint256 end) = PeriodLib.periodAt(next, period, time);

        assert((start - next) % period == 0);
        assert((end - next) % period == 0);
    }

    /// @dev At the due time exactly it is the period that begins there, and one second before its end still.
    function check_periodAt_firstAndLastSecond(uint40 next, uint32 period) external pure {
        if (period == 0) return;
        (uint256 start, uint256 end) = PeriodLib.periodAt(next, period, next);
        assert(start == next && end == uint256(next) + period);

        (start, end) = PeriodLib.periodAt(next, period, uint256(next) + period - 1);
        assert(start == next && end == uint256(next) + period);

        (start, end) = PeriodLib.periodAt(next, period, uint256(next) + period);
        assert(start == uint256(next) + period);
    }
}
