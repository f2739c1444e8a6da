// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ProrationLib} from "../../../contracts/src/libraries/ProrationLib.sol";

/// @dev Products of three unknowns and a division by a product of two are out of the solver's reach at the stored widths
///      (prices of 96 bits, periods of 32, times of 40). These are the same claims at widths that it can do;
///      `tests/contracts/unit/libraries/ProrationLib.t.sol` fuzzes them at full width.
contract ProrationLibCheck {
    function check_credited_neverIsWorthMore(
        uint8 oldPrice,
        uint8 oldPeriod,
        uint8 newPrice,
        uint8 newPeriod,
        uint8 unused
    ) external pure {
        if (oldPeriod == 0 || newPrice == 0) return;
        uint256 credited = ProrationLib.creditedSeconds(oldPrice, oldPeriod, newPrice, newPeriod, unused);
        uint256 before = uint256(oldPrice) * unused * newPeriod;
        uint256 after_ = credited * newPrice * oldPeriod;

        assert(after_ <= before);
        // And less than a second's worth is lost.
        assert(before - after_ < uint256(newPrice) * oldPeriod);
    }

    function check_credited_betweenEqualPlansIsNotMore(uint16 price, uint16 period, uint16 unused) external pure {
        if (price == 0 || period == 0) return;
        assert(ProrationLib.creditedSeconds(price, period, price, period, unused) <= unused);
    }

    function check_credited_isMonotoneInTheUnusedTime(
        uint8 oldPrice,
        uint8 oldPeriod,
        uint8 newPrice,
        uint8 newPeriod,
        uint8 unused,
        uint8 more
    ) external pure {
        if (oldPeriod == 0 || newPrice == 0 || unused > more) return;
        assert(
            ProrationLib.creditedSeconds(oldPrice, oldPeriod, newPrice, newPeriod, unused)
                <= ProrationLib.creditedSeconds(oldPrice, oldPeriod, newPrice, newPeriod, more)
        );
    }

    /// @dev At the stored widths: no product overflows, so a switch cannot be made to revert by its numbers.
    function check_credited_neverReverts(
        uint96 oldPrice,
        uint32 oldPeriod,
        uint96 newPrice,
        uint32 newPeriod,
        uint40 unused
    ) external view {
        if (oldPeriod == 0 || newPrice == 0) return;
        (bool success,) =
            address(this).staticcall(abi.encodeCall(this.credited, (oldPrice, oldPeriod, newPrice, newPeriod, unused)));
        assert(success);
    }

    function credited(uint256 oldPrice, uint256 oldPeriod, uint256 newPrice, uint256 newPeriod, uint256 unused)
        external
        pure
        returns (uint256)
    {
        return ProrationLib.creditedSeconds(oldPrice, oldPeriod, newPrice, newPeriod, unused);
    }
}
