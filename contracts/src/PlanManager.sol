// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";

import {ICoreSystem} from "./interfaces/ICoreSystem.sol";
import {IPlanManager} from "./interfaces/IPlanManager.sol";
import {ISignatureVerifier} from "./interfaces/ISignatureVerifier.sol";
import {FeeLib} from "./libraries/FeeLib.sol";
import {PlanLib} from "./libraries/PlanLib.sol";
import {Roles} from "./libraries/Roles.sol";
import {SignatureLib} from "./libraries/SignatureLib.sol";

/// @title PlanManager
/// @notice See IPlanManager.
contract PlanManager is IPlanManager, IERC5267 {
    using PlanLib for PlanTerms;

    struct Head {
        uint64 eventCount;
        uint32 maxActivePlans;
    }

    uint256 public constant MAX_CHAINS = 32;
    uint32 public constant MIN_PERIOD = 1 hours;

    ICoreSystem public immutable CORE;
    ISignatureVerifier public immutable VERIFIER;
    /// @inheritdoc IPlanManager
    bytes32 public immutable DOMAIN_SEPARATOR;

    Head private _head;
    mapping(bytes32 planHash => PlanTerms) private _terms;
    /// @inheritdoc IPlanManager
    mapping(address merchant => uint32) public activePlansOf;
    /// @inheritdoc IPlanManager
    mapping(bytes32 planHash => address) public pendingMerchantOf;
    /// @dev Active plans that `activePlansOf` of their merchant includes.
    mapping(bytes32 planHash => bool) private _counted;

    constructor(ICoreSystem core, ISignatureVerifier verifier) {
        CORE = core;
        VERIFIER = verifier;
        DOMAIN_SEPARATOR = SignatureLib.domainSeparator(address(this));
    }

    /* PLANS */

    /// @inheritdoc IPlanManager
    function createPlan(Plan calldata plan, bytes calldata signature, string calldata uri)
        external
        returns (bytes32 planHash)
    {
        _validate(plan);

        planHash = hashPlan(plan);
        address merchant = plan.merchant;
        // Before any state is looked at: a wallet that is asked may call back.
        if (msg.sender != merchant && !SignatureLib.isValid(VERIFIER, merchant, planHash, signature)) {
            revert InvalidSignature();
        }
        // A scope, because the event below takes all the stack that the pipeline of coverage and mutants has.
        {
            PlanTerms storage terms = _terms[planHash];
            if (terms.status != PlanStatus.None) revert PlanAlreadyExists(planHash);

            (uint256 head, uint256 tail) = PlanLib.pack(plan);
            _countActive(planHash, merchant);
            terms.save(head, tail);
        }

        emit PlanCreated(
            planHash, merchant, plan.token, plan.price, plan.period, plan.trial, plan.maxFeeBps, _nextSequence(), uri
        );
    }

    /// @inheritdoc IPlanManager
    function activatePlan(bytes32 planHash) external {
        _setStatus(planHash, PlanStatus.Active);
    }

    /// @inheritdoc IPlanManager
    function deactivatePlan(bytes32 planHash) external {
        _setStatus(planHash, PlanStatus.Inactive);
    }

    /// @inheritdoc IPlanManager
    function closePlan(bytes32 planHash) external {
        _setStatus(planHash, PlanStatus.Closed);
    }

    /// @inheritdoc IPlanManager
    function updatePlanUri(bytes32 planHash, string calldata uri) external {
        _ownPlan(planHash);

        emit PlanUriUpdated(planHash, uri, _nextSequence());
    }

    /// @inheritdoc IPlanManager
    function transferPlanOwnership(bytes32 planHash, address newMerchant) external {
        _ownPlan(planHash);
        if (newMerchant == msg.sender) revert InvalidMerchant(newMerchant);
        if (newMerchant == pendingMerchantOf[planHash]) revert NoChange(planHash);

        pendingMerchantOf[planHash] = newMerchant;

        emit PlanOwnershipTransferStarted(planHash, msg.sender, newMerchant, _nextSequence());
    }

    /// @inheritdoc IPlanManager
    function acceptPlanOwnership(bytes32 planHash) external {
        PlanTerms storage terms = _existingPlan(planHash);
        if (msg.sender != pendingMerchantOf[planHash]) revert Unauthorized(msg.sender);

        address previousMerchant = terms.merchant;
        delete pendingMerchantOf[planHash];
        terms.merchant = msg.sender;
        if (terms.status == PlanStatus.Active) {
            _uncountActive(planHash, previousMerchant);
            _countActive(planHash, msg.sender);
        }

        emit PlanOwnershipTransferred(planHash, previousMerchant, msg.sender, _nextSequence());
    }

    /* OPERATOR AND GOVERNOR */

    /// @inheritdoc IPlanManager
    function setPlanFrozen(bytes32 planHash, bool frozen) external {
        _requireRole(Roles.OPERATOR);
        PlanTerms storage terms = _existingPlan(planHash);
        if (terms.frozen == frozen) revert NoChange(planHash);

        terms.frozen = frozen;

        emit PlanFrozenToggled(planHash, msg.sender, frozen, _nextSequence());
    }

    /// @inheritdoc IPlanManager
    function setMaxActivePlans(uint32 newMaxActivePlans) external {
        _requireRole(Roles.GOVERNOR);
        if (newMaxActivePlans == _head.maxActivePlans) revert NoChange(bytes32(0));

        _head.maxActivePlans = newMaxActivePlans;

        emit MaxActivePlansUpdated(newMaxActivePlans, _nextSequence());
    }

    /* VIEWS */

    /// @inheritdoc IPlanManager
    function hashPlan(Plan calldata plan) public view returns (bytes32 planHash) {
        return SignatureLib.planDigest(DOMAIN_SEPARATOR, plan);
    }

    /// @inheritdoc IPlanManager
    function termsOf(bytes32 planHash) external view returns (PlanTerms memory) {
        return _terms[planHash];
    }

    /// @inheritdoc IPlanManager
    function rawTermSlots(bytes32 planHash) external view returns (uint256 head, uint256 tail) {
        return PlanLib.load(_terms[planHash]);
    }

    /// @inheritdoc IPlanManager
    function maxActivePlans() external view returns (uint32) {
        return _head.maxActivePlans;
    }

    /// @inheritdoc IPlanManager
    function eventCount() external view returns (uint64) {
        return _head.eventCount;
    }

    /// @inheritdoc IERC5267
    function eip712Domain()
        external
        view
        returns (
            bytes1 fields,
            string memory name,
            string memory version,
            uint256 chainId,
            address verifyingContract,
            bytes32 salt,
            uint256[] memory extensions
        )
    {
        return (
            SignatureLib.DOMAIN_FIELDS,
            SignatureLib.NAME,
            SignatureLib.VERSION,
            0,
            address(this),
            bytes32(0),
            new uint256[](0)
        );
    }

    /* INTERNAL */

    function _validate(Plan calldata plan) private view {
        _requireThisChain(plan.chainIds);
        if (plan.merchant == address(0)) revert InvalidMerchant(plan.merchant);
        if (plan.token != address(0) && plan.token.code.length == 0) revert InvalidToken(plan.token);
        if (plan.price == 0) revert InvalidPrice(plan.price);
        if (plan.period < MIN_PERIOD) revert InvalidPeriod(plan.period);
        if (plan.maxFeeBps > FeeLib.MAX_BPS) revert InvalidFee(plan.maxFeeBps);
        if (plan.expiry != 0 && block.timestamp > plan.expiry) revert PlanExpired(plan.expiry);
    }

    function _requireThisChain(uint256[] calldata chainIds) private view {
        if (chainIds.length > MAX_CHAINS) revert TooManyChains(chainIds.length);
        for (uint256 i; i < chainIds.length; ++i) {
            if (chainIds[i] == block.chainid) return;
        }
        revert InvalidChain(block.chainid);
    }

    function _setStatus(bytes32 planHash, PlanStatus status) private {
        PlanTerms storage terms = _ownPlan(planHash);
        PlanStatus previous = terms.status;
        if (status == previous) revert NoChange(planHash);

        if (status == PlanStatus.Active) _countActive(planHash, msg.sender);
        else if (previous == PlanStatus.Active) _uncountActive(planHash, msg.sender);
        terms.status = status;

        emit PlanStatusChanged(planHash, msg.sender, status, _nextSequence());
    }

    /// @dev Without a limit nothing is counted, so that nobody pays for the slot.
    function _countActive(bytes32 planHash, address merchant) private {
        uint32 limit = _head.maxActivePlans;
        if (limit == 0) return;

        uint32 active = activePlansOf[merchant];
        if (active >= limit) revert ActivePlanLimitReached(merchant, limit);

        activePlansOf[merchant] = active + 1;
        _counted[planHash] = true;
    }

    function _uncountActive(bytes32 planHash, address merchant) private {
        if (!_counted[planHash]) return;

        delete _counted[planHash];
        --activePlansOf[merchant];
    }

    function _existingPlan(bytes32 planHash) private view returns (PlanTerms storage terms) {
        terms = _terms[planHash];
        if (terms.status == PlanStatus.None) revert PlanNotFound(planHash);
    }

    function _ownPlan(bytes32 planHash) private view returns (PlanTerms storage terms) {
        terms = _existingPlan(planHash);
        if (msg.sender != terms.merchant) revert Unauthorized(msg.sender);
    }

    function _requireRole(bytes32 role) private view {
        if (!CORE.hasRole(role, msg.sender)) revert Unauthorized(msg.sender);
    }

    function _nextSequence() private returns (uint64) {
        return ++_head.eventCount;
    }
}
