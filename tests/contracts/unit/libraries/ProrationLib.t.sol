// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {ProrationLib} from "../../../../contracts/src/libraries/ProrationLib.sol";

/// @dev At the widths that are stored: prices of 96 bits, periods of 32, times of 40.
contract ProrationLibTest is Test {
    function test_creditedSeconds_ofKnownSwitches() external pure {
        // Half of 30 days at 10 is a quarter of 30 days at 20.
        assertEq(ProrationLib.creditedSeconds(10e6, 30 days, 20e6, 30 days, 15 days), 7.5 days, "dearer");
        assertEq(ProrationLib.creditedSeconds(20e6, 30 days, 10e6, 30 days, 15 days), 30 days, "cheaper");
        // 30 days at 10 are a twelfth of a year's 100, of 360 days: 36 days.
        assertEq(ProrationLib.creditedSeconds(10e6, 30 days, 100e6, 360 days, 30 days), 36 days, "a longer period");
        assertEq(ProrationLib.creditedSeconds(1, 3, 1, 2, 2), 1, "4/3, rounded down");
        assertEq(ProrationLib.creditedSeconds(1, 1 hours, type(uint96).max, 1 hours, type(uint40).max), 0, "worthless");
    }

    function testFuzz_creditedSeconds_neverIsWorthMore(
        uint96 oldPrice,
        uint32 oldPeriod,
        uint96 newPrice,
        uint32 newPeriod,
        uint40 unused
    ) external pure {
        vm.assume(oldPeriod != 0 && newPrice != 0);
        uint256 credited = ProrationLib.creditedSeconds(oldPrice, oldPeriod, newPrice, newPeriod, unused);
        uint256 before = uint256(oldPrice) * unused * newPeriod;
        uint256 worth = credited * newPrice * oldPeriod;

        assertLe(worth, before, "grew");
        assertLt(before - worth, uint256(newPrice) * oldPeriod, "lost a second or more");
    }

    function testFuzz_creditedSeconds_betweenEqualPlansIsTheUnusedTime(uint96 price, uint32 period, uint40 unused)
        external
        pure
    {
        vm.assume(price != 0 && period != 0);
        assertEq(ProrationLib.creditedSeconds(price, period, price, period, unused), unused);
    }

    function testFuzz_creditedSeconds_isMonotone(
        uint96 oldPrice,
        uint32 oldPeriod,
        uint96 newPrice,
        uint32 newPeriod,
        uint40 unused,
        uint40 more
    ) external pure {
        vm.assume(oldPeriod != 0 && newPrice != 0 && unused <= more);
        assertLe(
            ProrationLib.creditedSeconds(oldPrice, oldPeriod, newPrice, newPeriod, unused),
            ProrationLib.creditedSeconds(oldPrice, oldPeriod, newPrice, newPeriod, more)
        );
    }

    /// @dev Switching there and back gains nothing.
    function testFuzz_creditedSeconds_thereAndBackIsNotMore(
        uint96 oldPrice,
        uint32 oldPeriod,
        uint96 newPrice,
        uint32 newPeriod,
        uint40 unused
    ) external pure {
        vm.assume(oldPeriod != 0 && newPrice != 0 && newPeriod != 0 && oldPrice != 0);
        uint256 there = ProrationLib.creditedSeconds(oldPrice, oldPeriod, newPrice, newPeriod, unused);
        vm.assume(there <= type(uint40).max);
        assertLe(ProrationLib.creditedSeconds(newPrice, newPeriod, oldPrice, oldPeriod, there), unused);
    }
}
