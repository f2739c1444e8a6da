// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FeeLib} from "../../../contracts/src/libraries/FeeLib.sol";

/// @dev For every price that is stored. Rates stop at `MAX_BPS`, which PlanManager and PaymentGateway see to.
contract FeeLibCheck {
    using FeeLib for uint256;

    function check_fee_isAtMostTheAmountAndPartsSumToTheWhole(uint96 amount, uint16 bps) external pure {
        if (bps > FeeLib.MAX_BPS) return;
        uint256 fee = uint256(amount).mulBpsDown(bps);
        assert(fee <= amount);

        uint256 net = amount - fee;
        assert(net + fee == amount);
        // Nothing is left to the merchant only where all was the platform's.
        assert(net != 0 || amount == 0 || bps == FeeLib.MAX_BPS);
    }

    function check_fee_roundsDownByLessThanOne(uint96 amount, uint16 bps) external pure {
        if (bps > FeeLib.MAX_BPS) return;
        uint256 fee = uint256(amount).mulBpsDown(bps);
        uint256 exact = uint256(amount) * bps;

        assert(fee * FeeLib.MAX_BPS <= exact);
        assert(exact < (fee + 1) * FeeLib.MAX_BPS);
    }

    function check_fee_isMonotoneInTheRate(uint96 amount, uint16 bps, uint16 higher) external pure {
        if (higher > FeeLib.MAX_BPS || bps > higher) return;
        assert(uint256(amount).mulBpsDown(bps) <= uint256(amount).mulBpsDown(higher));
    }

    function check_fee_isMonotoneInTheAmount(uint96 amount, uint96 higher, uint16 bps) external pure {
        if (amount > higher || bps > FeeLib.MAX_BPS) return;
        assert(uint256(amount).mulBpsDown(bps) <= uint256(higher).mulBpsDown(bps));
    }

    /// @dev The rate that is charged is the lower one of the platform's and the signed one.
    function check_fee_isNeverAboveTheSignedMaximum(uint96 amount, uint16 feeBps, uint16 maxFeeBps) external pure {
        if (feeBps > FeeLib.MAX_BPS || maxFeeBps > FeeLib.MAX_BPS) return;
        uint256 bps = feeBps > maxFeeBps ? maxFeeBps : feeBps;
        assert(uint256(amount).mulBpsDown(bps) <= uint256(amount).mulBpsDown(maxFeeBps));
    }
}
