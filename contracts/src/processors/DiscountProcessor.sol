// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FeeLib} from "../libraries/FeeLib.sol";
import {GatewayState} from "./GatewayState.sol";

/// @title DiscountProcessor
/// @notice What the merchant takes off a price; it is part of what he signed, so nothing is configured here.
abstract contract DiscountProcessor is GatewayState {
    using FeeLib for uint256;

    /// @dev Rounded down: the part of a unit that is left stays in the price.
    function _discount(uint256 amount, uint16 discountBps) internal pure returns (uint256) {
        if (discountBps > FeeLib.MAX_BPS) revert InvalidDiscount(discountBps);

        return amount.mulBpsDown(discountBps);
    }
}
