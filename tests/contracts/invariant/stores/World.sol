// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Test} from "forge-std/Test.sol";

import {IPaymentGateway} from "../../../../contracts/src/interfaces/IPaymentGateway.sol";
import {IPlanManager} from "../../../../contracts/src/interfaces/IPlanManager.sol";
import {ISubscriptionManager} from "../../../../contracts/src/interfaces/ISubscriptionManager.sol";
import {MockAggregator} from "../../mocks/Aggregators.sol";
import {ITestToken} from "../../mocks/ITestToken.sol";

/// @dev Who there is and what there is. Filled once; the handlers and the stores read it.
abstract contract World is Test {
    struct Services {
        IPlanManager plans;
        IPaymentGateway gateway;
        ISubscriptionManager manager;
        address operator;
        address automation;
        address governor;
    }

    /// @dev What a plan was created with; the store's own copy.
    struct PlanCopy {
        address token;
        uint96 price;
        uint32 period;
        uint32 trial;
        uint16 maxFeeBps;
    }

    /// @dev What a token costs, in a unit that all feeds share.
    ///
    /// @param first What the feed said at first.
    /// @param unit Smallest units of the token in one.
    struct Feed {
        MockAggregator aggregator;
        uint256 first;
        uint256 unit;
    }

    /// @dev Where SubscriptionManager keeps `_subscriptions`.
    uint256 private constant SUBSCRIPTIONS_SLOT = 1;

    Services internal _services;
    /// @dev Zero, for native coin, is the first.
    address[] public tokens;
    address[] public payers;
    /// @dev Everybody whose wealth is looked at: payers, receivers, roles, strangers.
    address[] public accounts;
    address[] public merchants;
    bytes32[] public planHashes;

    mapping(address payer => uint256) public keyOf;
    mapping(bytes32 planHash => PlanCopy) public copyOf;
    mapping(address token => Feed) internal _feeds;
    /// @dev Slot of each pair, plan by plan.
    bytes32[] internal _slots;

    /// @dev One more than the position; zero for none.
    mapping(bytes32 planHash => uint256) internal _planPosition;
    mapping(address payer => uint256) internal _payerPosition;

    /// @dev Unix second of the next action; what a handler warps to is not kept between calls.
    uint256 public time;

    constructor(Services memory services_) {
        _services = services_;
        time = vm.getBlockTimestamp();
        tokens.push(address(0));
        address[3] memory roles = [services_.operator, services_.automation, services_.governor];
        for (uint256 i; i < 3; ++i) {
            accounts.push(roles[i]);
        }
    }

    function addToken(address token) external {
        tokens.push(token);
    }

    function addFeed(address token, MockAggregator aggregator, uint256 unit) external {
        _feeds[token] = Feed(aggregator, uint256(aggregator.answer()), unit);
    }

    function feedOf(address token) external view returns (MockAggregator, uint256 first) {
        return (_feeds[token].aggregator, _feeds[token].first);
    }

    function addAccount(address account) external {
        accounts.push(account);
    }

    function addMerchant(address account) external {
        merchants.push(account);
        accounts.push(account);
    }

    /// @dev Payers come before plans.
    function addPayer(address payer, uint256 key) external {
        payers.push(payer);
        accounts.push(payer);
        (keyOf[payer], _payerPosition[payer]) = (key, payers.length);
    }

    function addPlan(bytes32 planHash, IPlanManager.Plan calldata plan) external {
        planHashes.push(planHash);
        _planPosition[planHash] = planHashes.length;
        copyOf[planHash] = PlanCopy(plan.token, plan.price, plan.period, plan.trial, plan.maxFeeBps);
        bytes32 outer = keccak256(abi.encode(planHash, SUBSCRIPTIONS_SLOT));
        for (uint256 i; i < payers.length; ++i) {
            _slots.push(keccak256(abi.encode(payers[i], outer)));
        }
    }

    function pass(uint256 by) external {
        time += by;
    }

    function services() external view returns (Services memory) {
        return _services;
    }

    function counts() external view returns (uint256 ofPlans, uint256 ofPayers, uint256 ofTokens, uint256 ofAccounts) {
        return (planHashes.length, payers.length, tokens.length, accounts.length);
    }

    /// @dev The stored subscription as SlotLib reads it.
    function wordOf(bytes32 planHash, address payer) public view returns (uint256) {
        return uint256(vm.load(address(_services.manager), _slots[_indexOf(planHash, payer)]));
    }

    /// @dev What an amount of one token is in another by the feeds, rounded up.
    function _inToken(address token, address paid, uint256 amount) internal view returns (uint256) {
        if (token == paid) return amount;
        (Feed memory from, Feed memory to) = (_feeds[token], _feeds[paid]);
        return
            Math.ceilDiv(
                amount * uint256(from.aggregator.answer()) * to.unit, uint256(to.aggregator.answer()) * from.unit
            );
    }

    function _indexOf(bytes32 planHash, address payer) internal view returns (uint256) {
        (uint256 plan, uint256 position) = (_planPosition[planHash], _payerPosition[payer]);
        require(plan != 0 && position != 0, "a subscription of nobody we know");
        return (plan - 1) * payers.length + position - 1;
    }
}
