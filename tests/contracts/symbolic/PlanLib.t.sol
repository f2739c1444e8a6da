// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPlanManager} from "../../../contracts/src/interfaces/IPlanManager.sol";
import {PlanLib} from "../../../contracts/src/libraries/PlanLib.sol";

/// @dev The words of PlanLib against the compiler's own packing of `PlanTerms`.
contract PlanLibCheck {
    using PlanLib for IPlanManager.PlanTerms;
    using PlanLib for uint256;

    IPlanManager.PlanTerms private _stored;

    function check_fields_areTheCompilers(
        address merchant,
        uint32 period,
        uint32 trial,
        uint16 maxFeeBps,
        uint8 status,
        bool frozen,
        address token,
        uint96 price
    ) external {
        if (status > uint8(type(IPlanManager.PlanStatus).max)) return;
        _stored.merchant = merchant;
        _stored.period = period;
        _stored.trial = trial;
        _stored.maxFeeBps = maxFeeBps;
        _stored.status = IPlanManager.PlanStatus(status);
        _stored.frozen = frozen;
        _stored.token = token;
        _stored.price = price;
        (uint256 head, uint256 tail) = _stored.load();

        assert(head.merchant() == merchant);
        assert(head.period() == period);
        assert(head.trial() == trial);
        assert(head.maxFeeBps() == maxFeeBps);
        assert(tail.token() == token);
        assert(tail.price() == price);
        assert(PlanLib.tail(token, price) == tail);
    }

    function check_statusPredicates(address merchant, uint32 period, uint8 status, bool frozen) external {
        if (status > uint8(type(IPlanManager.PlanStatus).max)) return;
        _stored.merchant = merchant;
        _stored.period = period;
        _stored.status = IPlanManager.PlanStatus(status);
        _stored.frozen = frozen;
        (uint256 head,) = _stored.load();
        IPlanManager.PlanStatus is_ = IPlanManager.PlanStatus(status);

        assert(head.isOpen() == (is_ == IPlanManager.PlanStatus.Active && !frozen));
        bool billed = (is_ == IPlanManager.PlanStatus.Active || is_ == IPlanManager.PlanStatus.Closed) && !frozen;
        assert(head.isBilled() == billed);
        // Open implies billed, billed implies existing.
        assert(!head.isOpen() || head.isBilled());
        assert(!head.isBilled() || head.exists());
        // A plan that was created has a merchant, and so exists.
        assert(merchant == address(0) || head.exists());
    }

    function check_noPlan_isNeitherOpenNorBilled() external view {
        (uint256 head,) = _stored.load();
        assert(!head.exists() && !head.isOpen() && !head.isBilled());
    }
}
