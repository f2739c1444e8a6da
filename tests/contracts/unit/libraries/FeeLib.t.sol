// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {FeeLib} from "../../../../contracts/src/libraries/FeeLib.sol";

/// @dev At the widths that are stored: amounts of 96 bits, rates of 16.
contract FeeLibTest is Test {
    using FeeLib for uint256;

    function test_mulBpsDown_roundsDown() external pure {
        assertEq(uint256(9_990_000).mulBpsDown(250), 249_750);
        assertEq(uint256(39).mulBpsDown(250), 0, "0.975");
        assertEq(uint256(79).mulBpsDown(250), 1, "1.975");
        assertEq(uint256(123).mulBpsDown(10_000), 123, "all of it");
    }

    function testFuzz_mulBpsDown_splitsTheWhole(uint96 amount, uint16 bps) external pure {
        bps = uint16(bound(bps, 0, FeeLib.MAX_BPS));
        uint256 fee = uint256(amount).mulBpsDown(bps);

        assertLe(fee, amount, "at most the amount");
        assertLe(fee * FeeLib.MAX_BPS, uint256(amount) * bps, "never up");
        assertLt(uint256(amount) * bps - fee * FeeLib.MAX_BPS, FeeLib.MAX_BPS, "down by less than one");
    }

    function testFuzz_mulBpsDown_isMonotone(uint96 amount, uint96 more, uint16 bps, uint16 higher) external pure {
        higher = uint16(bound(higher, 0, FeeLib.MAX_BPS));
        bps = uint16(bound(bps, 0, higher));
        more = uint96(bound(more, amount, type(uint96).max));

        assertLe(uint256(amount).mulBpsDown(bps), uint256(amount).mulBpsDown(higher), "in the rate");
        assertLe(uint256(amount).mulBpsDown(bps), uint256(more).mulBpsDown(bps), "in the amount");
    }
}
