// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ProrationLib} from "../../../contracts/src/libraries/ProrationLib.sol";

/// @dev For every price, period and time that is stored. That credit is never worth more than what was paid, and grows with the
///      time left, the solver does not decide in minutes even at 8 bits: `tests/contracts/unit/libraries/ProrationLib.t.sol` fuzzes both.
contract ProrationLibCheck {
    function check_credited_betweenEqualPlansIsNotMore(uint96 price, uint32 period, uint40 unused) external pure {
        if (price == 0 || period == 0) return;
        assert(ProrationLib.creditedSeconds(price, period, price, period, unused) <= unused);
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
            address(this).staticcall(abi.encodeCall(this.credit, (oldPrice, oldPeriod, newPrice, newPeriod, unused)));
        assert(success);
    }

    function credit(uint256 oldPrice, uint256 oldPeriod, uint256 newPrice, uint256 newPeriod, uint256 unused)
        external
        pure
        returns (uint256)
    {
        return ProrationLib.creditedSeconds(oldPrice, oldPeriod, newPrice, newPeriod, unused);
    }
}
