// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAllowanceTransfer} from "../../../../contracts/src/interfaces/IAllowanceTransfer.sol";
import {ISubscriptionTypes} from "../../../../contracts/src/interfaces/ISubscriptionTypes.sol";
import {IPermit2} from "../../Permit2.sol";
import {ITestToken} from "../../mocks/ITestToken.sol";
import {Ghost} from "../stores/Ghost.sol";
import {Handler} from "./Handler.sol";

/// @dev Subscribers begin; automation and strangers charge.
contract BillingHandler is Handler {
    bytes32 private constant PERMIT_TYPEHASH =
        keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");

    constructor(Ghost ghost) Handler(ghost) {}

    function subscribe(uint256 who, uint256 which, uint256 value) external by(_payer(who)) {
        (address payer, bytes32 planHash) = (_payer(who), _plan(which));
        (address token,,,,) = GHOST.copyOf(planHash);
        value = token == address(0) ? _bound(value, 0, 2 ether) : 0;
        GHOST.give(address(0), payer, value);
        vm.prank(payer);
        try MANAGER.subscribe{value: value}(planHash) {
            GHOST.agree(planHash, payer, _plainConsent(planHash, ISubscriptionTypes.Rail.Allowance));
        } catch (bytes memory failure) {
            GHOST.refused(failure);
        }
    }

    function subscribeWithPermit(uint256 who, uint256 which, uint256 value, uint256 usedFirst)
        external
        by(_payer(who))
    {
        (address payer, bytes32 planHash) = (_payer(who), _plan(which));
        (address token, uint256 price,,,) = GHOST.copyOf(planHash);
        if (token != GHOST.tokens(1)) return;

        value = value % 4 == 0 ? _bound(value, 0, 3 * price) : NO_LIMIT;
        (uint8 v, bytes32 r, bytes32 s) = _permit(token, payer, value);
        uint256 deadline = GHOST.time();
        if (usedFirst % 2 == 0) {
            ITestToken(token).permit(payer, address(MANAGER), value, deadline, v, r, s);
            GHOST.approved(token, payer, value);
        }
        vm.prank(payer);
        try MANAGER.subscribeWithPermit(planHash, value, deadline, v, r, s) {
            GHOST.approved(token, payer, value);
            GHOST.agree(planHash, payer, _plainConsent(planHash, ISubscriptionTypes.Rail.Allowance));
        } catch (bytes memory failure) {
            GHOST.refused(failure);
        }
    }

    function subscribeWithPermit2(uint256 who, uint256 which, uint256 amount, uint256 duration)
        external
        by(_payer(who))
    {
        (address payer, bytes32 planHash) = (_payer(who), _plan(which));
        (address token, uint256 price,, uint256 trial,) = GHOST.copyOf(planHash);
        if (token == address(0)) return;

        (,, uint48 nonce) = IPermit2(PERMIT2).allowance(payer, token, address(MANAGER));
        uint48 expiration = uint48(GHOST.time() + trial + _bound(duration, 1, 90 days));
        IAllowanceTransfer.PermitSingle memory single = IAllowanceTransfer.PermitSingle(
            IAllowanceTransfer.PermitDetails(token, uint160(_bound(amount, price, 9 * price)), expiration, nonce),
            address(MANAGER),
            GHOST.time()
        );
        bytes memory signature = amount % 4 == 0 ? bytes("") : _sign(payer, permit2Digest(single));
        vm.prank(payer);
        try MANAGER.subscribeWithPermit2(planHash, single, signature) {
            if (signature.length != 0) GHOST.approvedPermit2(token, payer, single.details.amount);
            GHOST.agree(planHash, payer, _plainConsent(planHash, ISubscriptionTypes.Rail.Permit2));
        } catch (bytes memory failure) {
            GHOST.refused(failure);
        }
    }

    function charge(uint256 who, uint256 which, uint256 caller, uint256 wait) external {
        address payer = _payer(who);
        bytes32 planHash = wait % 16 < 8 ? _plan(which) : _activeOf(payer, which);
        _wait(wait, planHash, payer);
        _charge(planHash, payer, _caller(caller));
    }

    /// @dev Some members are there twice, some never subscribed.
    function chargeBatch(uint256 which, uint256 members, uint256 caller, uint256 wait) external {
        bytes32 planHash = wait % 16 < 8 ? _plan(which) : _activeOf(_payer(members), which);
        _wait(wait, planHash, _payer(members));
        _chargeBatch(planHash, _caller(caller), abi.encodePacked(_members(members), _payer(members), STRANGER));
    }

    function chargeBatches(uint256 which, uint256 members, uint256 caller, uint256 wait) external {
        bytes32[] memory planHashes = new bytes32[](3);
        bytes[] memory packed = new bytes[](3);
        for (uint256 i; i < 3; ++i) {
            planHashes[i] = _plan(which >> 8 * i);
            packed[i] = _members(members >> 8 * i);
        }
        _wait(wait, planHashes[0], _payer(members));
        _chargeBatches(_caller(caller), planHashes, packed);
    }

    /// @dev A batch does what its members do one by one: same money, same subscriptions, same reasons.
    function compareBatch(uint256 which, uint256 members, uint256 caller, uint256 wait) external {
        bytes32 planHash = wait % 16 < 8 ? _plan(which) : _activeOf(_payer(members), which);
        _wait(wait, planHash, _payer(members));
        vm.warp(GHOST.time());
        bytes memory packed = _members(members);
        address charger = _caller(caller);

        uint256 snapshot = vm.snapshotState();
        bytes memory reasons = _chargeOneByOne(planHash, charger, packed);
        bytes32 digest = _digest(planHash, packed, reasons);
        vm.revertToStateAndDelete(snapshot);

        bytes memory outcomes = _chargeBatch(planHash, charger, packed);
        if (outcomes.length == 0) return;
        assertEq(outcomes, reasons, "same reasons");
        assertEq(_digest(planHash, packed, reasons), digest, "same money and subscriptions");
        GHOST.count("compared");
    }

    function _charge(bytes32 planHash, address payer, address charger) private by(charger) {
        vm.prank(charger);
        try MANAGER.charge(planHash, payer) {}
        catch (bytes memory failure) {
            GHOST.refused(failure);
        }
    }

    function _chargeBatch(bytes32 planHash, address charger, bytes memory packed)
        private
        by(charger)
        returns (bytes memory outcomes)
    {
        vm.prank(charger);
        try MANAGER.chargeBatch(planHash, packed) returns (bytes memory answer) {
            outcomes = answer;
            GHOST.count("batch");
            (address token,,,,) = GHOST.copyOf(planHash);
            for (uint256 i; i < answer.length; ++i) {
                if (answer[i] == 0) {
                    GHOST.count(token == address(0) ? bytes32("native in a batch") : bytes32("token in a batch"));
                }
            }
        } catch (bytes memory failure) {
            // Only a merchant or fee receiver that cannot take the token stops a batch.
            assertEq(
                failure,
                abi.encodeWithSelector(
                    ISubscriptionTypes.ChargeFailed.selector, ISubscriptionTypes.Reason.TransferFailed
                ),
                "why a batch stops"
            );
            GHOST.refused(failure);
        }
    }

    function _chargeBatches(address charger, bytes32[] memory planHashes, bytes[] memory packed) private by(charger) {
        vm.prank(charger);
        bytes[] memory outcomes = MANAGER.chargeBatches(planHashes, packed);
        for (uint256 i; i < outcomes.length; ++i) {
            GHOST.count(outcomes[i].length == 0 ? bytes32("batch failed") : bytes32("batch of many"));
        }
    }

    function _chargeOneByOne(bytes32 planHash, address charger, bytes memory packed)
        private
        returns (bytes memory reasons)
    {
        reasons = new bytes(packed.length / 20);
        for (uint256 i; i < reasons.length; ++i) {
            vm.prank(charger);
            try MANAGER.charge(planHash, _member(packed, i)) {}
            catch (bytes memory failure) {
                assertEq(bytes4(failure), ISubscriptionTypes.ChargeFailed.selector, "a reason");
                reasons[i] = failure[35];
            }
        }
    }

    /// @dev Of members that failed a batch counts the try, which a single charge does not; those differ by that.
    function _digest(bytes32 planHash, bytes memory packed, bytes memory reasons)
        private
        view
        returns (bytes32 digest)
    {
        (,, uint256 tokens, uint256 accounts) = GHOST.counts();
        for (uint256 i; i < tokens; ++i) {
            address token = GHOST.tokens(i);
            for (uint256 j; j < accounts; ++j) {
                digest = keccak256(abi.encode(digest, GHOST.wealthOf(token, GHOST.accounts(j))));
            }
        }
        for (uint256 i; i < reasons.length; ++i) {
            uint256 word = GHOST.wordOf(planHash, _member(packed, i));
            digest = keccak256(abi.encode(digest, _isFailure(uint8(reasons[i])) ? uint40(word) : word));
        }
    }

    function _isFailure(uint8 code) private pure returns (bool) {
        ISubscriptionTypes.Reason reason = ISubscriptionTypes.Reason(code);
        return reason == ISubscriptionTypes.Reason.InsufficientBalance
            || reason == ISubscriptionTypes.Reason.InsufficientAllowance
            || reason == ISubscriptionTypes.Reason.TransferFailed || reason == ISubscriptionTypes.Reason.AboveMaximum
            || reason == ISubscriptionTypes.Reason.QuoteUnavailable;
    }

    /// @dev Payers by the lowest bits, each once; the one who never subscribed as well.
    function _members(uint256 mask) private view returns (bytes memory packed) {
        (, uint256 payers,,) = GHOST.counts();
        for (uint256 i; i < payers; ++i) {
            if (mask >> i & 1 == 1) packed = bytes.concat(packed, bytes20(GHOST.payers(i)));
        }
        if (packed.length == 0) packed = abi.encodePacked(GHOST.payers(0));
    }

    function _member(bytes memory packed, uint256 i) private pure returns (address member) {
        assembly ("memory-safe") {
            member := shr(96, mload(add(add(packed, 0x20), mul(i, 20))))
        }
    }

    function _permit(address token, address payer, uint256 value) private view returns (uint8 v, bytes32 r, bytes32 s) {
        bytes32 structHash = keccak256(
            abi.encode(PERMIT_TYPEHASH, payer, address(MANAGER), value, ITestToken(token).nonces(payer), GHOST.time())
        );
        return vm.sign(
            GHOST.keyOf(payer), keccak256(abi.encodePacked(hex"1901", ITestToken(token).DOMAIN_SEPARATOR(), structHash))
        );
    }
}
