// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPlanManager} from "../../../contracts/src/interfaces/IPlanManager.sol";
import {Base} from "../Base.t.sol";
import {Permit2} from "../Permit2.sol";
import {MockAggregator} from "../mocks/Aggregators.sol";
import {BlocklistToken} from "../mocks/HostileTokens.sol";
import {ITestToken} from "../mocks/ITestToken.sol";
import {Refuser} from "../mocks/Wallets.sol";
import {AccountHandler} from "./handlers/AccountHandler.sol";
import {BillingHandler} from "./handlers/BillingHandler.sol";
import {MandateHandler} from "./handlers/MandateHandler.sol";
import {PlanHandler} from "./handlers/PlanHandler.sol";
import {Ghost} from "./stores/Ghost.sol";
import {World} from "./stores/World.sol";

/// @dev See README.md for what is meant.
contract InvariantTest is Base, Permit2 {
    uint256 private constant PAYERS = 5;

    Ghost private ghost;
    address[4] private handlers;

    function setUp() public override {
        super.setUp();
        deployPermit2();
        ghost = new Ghost(World.Services(plans, gateway, manager, operator, automation, governor));
        _addPeople();
        _addTokens();
        _addFeeds();
        _addPlans();
        ghost.settle();

        handlers = [
            address(new BillingHandler(ghost)),
            address(new AccountHandler(ghost)),
            address(new MandateHandler(ghost)),
            address(new PlanHandler(ghost))
        ];
        for (uint256 i; i < handlers.length; ++i) {
            targetContract(handlers[i]);
        }
    }

    function invariant_everyBalanceIsExplained() external view {
        ghost.checkBalances();
    }

    function invariant_debitsAreCredits() external view {
        ghost.checkDebits();
    }

    function invariant_managerHoldsDepositsAndCreditsOnly() external view {
        ghost.checkManager();
    }

    function invariant_allowancesAreUsedOnTheirTerms() external view {
        ghost.checkAllowances();
    }

    function invariant_bystandersLoseNothing() external view {
        address bystander = ghost.payers(PAYERS - 1);
        for (uint256 i; i < 4; ++i) {
            address token_ = ghost.tokens(i);
            assertEq(
                ghost.wealthOf(token_, bystander), ghost.expectedOf(token_, bystander), "approved, subscribed nowhere"
            );
            assertGt(ghost.wealthOf(token_, bystander), 0, "has something to lose");
        }
    }

    function invariant_eventsHaveNoGap() external view {
        ghost.checkEventCounts();
    }

    function invariant_termsOfPlansStay() external view {
        ghost.checkTerms();
    }

    function invariant_activePlansAreCounted() external view {
        ghost.checkActivePlans();
    }

    /// @dev Properties of what never happens hold of nothing: this shows that the handlers bring about all there is.
    function test_handlersReachEveryOutcome() external {
        // More than the gas of one test.
        vm.pauseGasMetering();
        uint256 seed = 1;
        for (uint256 i; i < 8000; ++i) {
            (address handler, bytes4 selector) = _action(uint256(keccak256(abi.encode(++seed))));
            bytes32[5] memory words;
            for (uint256 j; j < 5; ++j) {
                words[j] = keccak256(abi.encode(++seed));
            }
            (bool success, bytes memory failure) = handler.call(abi.encodePacked(selector, abi.encode(words)));
            if (!success) {
                assembly ("memory-safe") {
                    revert(add(failure, 0x20), mload(failure))
                }
            }
        }
        bytes32[39] memory outcomes = _outcomes();
        for (uint256 i; i < outcomes.length; ++i) {
            emit log_named_uint(string(abi.encodePacked(outcomes[i])), ghost.seen(outcomes[i]));
            assertGt(ghost.seen(outcomes[i]), 0, string(abi.encodePacked(outcomes[i])));
        }
    }

    /// @dev Whichever campaign ran: at its end everything holds.
    function afterInvariant() external view {
        ghost.checkBalances();
        ghost.checkDebits();
        ghost.checkAllowances();
        ghost.checkManager();
        ghost.checkEventCounts();
        ghost.checkTerms();
        ghost.checkActivePlans();
    }

    function _action(uint256 seed) private view returns (address, bytes4) {
        bytes4[8] memory billing = [
            BillingHandler.subscribe.selector,
            BillingHandler.subscribeWithPermit.selector,
            BillingHandler.subscribeWithPermit2.selector,
            BillingHandler.charge.selector,
            BillingHandler.chargeBatch.selector,
            BillingHandler.chargeBatches.selector,
            BillingHandler.compareBatch.selector,
            BillingHandler.charge.selector
        ];
        bytes4[9] memory account = [
            AccountHandler.deposit.selector,
            AccountHandler.withdraw.selector,
            AccountHandler.claimCredit.selector,
            AccountHandler.approve.selector,
            AccountHandler.approvePermit2.selector,
            AccountHandler.earn.selector,
            AccountHandler.setOpen.selector,
            AccountHandler.setBlocked.selector,
            AccountHandler.pass.selector
        ];
        bytes4[11] memory mandate = [
            MandateHandler.subscribeBySig.selector,
            MandateHandler.switchBySig.selector,
            MandateHandler.activateManually.selector,
            MandateHandler.switchPlan.selector,
            MandateHandler.pause.selector,
            MandateHandler.resume.selector,
            MandateHandler.cancel.selector,
            MandateHandler.orderBySig.selector,
            MandateHandler.invalidateNonces.selector,
            MandateHandler.replay.selector,
            MandateHandler.forge.selector
        ];
        bytes4[10] memory plan = [
            PlanHandler.setStatus.selector,
            PlanHandler.setFrozen.selector,
            PlanHandler.offer.selector,
            PlanHandler.accept.selector,
            PlanHandler.updateUri.selector,
            PlanHandler.setMaxActivePlans.selector,
            PlanHandler.setFee.selector,
            PlanHandler.setPrice.selector,
            PlanHandler.refreshAutomation.selector,
            PlanHandler.intrude.selector
        ];
        uint256 which = seed >> 8;
        if (seed % 4 == 0) return (handlers[0], billing[which % billing.length]);
        if (seed % 4 == 1) return (handlers[1], account[which % account.length]);
        if (seed % 4 == 2) return (handlers[2], mandate[which % mandate.length]);
        return (handlers[3], plan[which % plan.length]);
    }

    function _outcomes() private pure returns (bytes32[39] memory) {
        return [
            bytes32("token"),
            "native",
            "bounded",
            "permit2",
            "first charge",
            "automated charge",
            "public charge",
            "trial",
            "resubscribed",
            "charged switch",
            "free switch",
            "manual",
            "cancelled",
            "paused",
            "resumed",
            "retried",
            "failed",
            "refused",
            "batch",
            "batch of many",
            "batch failed",
            "compared",
            "deposit",
            "withdrawal",
            "credit claimed",
            "mandate",
            "mandate with a limit",
            "order",
            "nonces invalidated",
            "replay refused",
            "intrusion refused",
            "forgery refused",
            "status",
            "frozen",
            "offer",
            "new merchant",
            "fee",
            "native in a batch",
            "token in a batch"
        ];
    }

    function _addPeople() private {
        for (uint256 i; i < PAYERS; ++i) {
            (address payer, uint256 key) = makeAddrAndKey(string.concat("payer ", vm.toString(i)));
            ghost.addPayer(payer, key);
        }
        // Two merchants, then two fee receivers, of which plans may be offered to the first. The middle two refuse coin.
        ghost.addMerchant(makeAddr("first merchant"));
        ghost.addMerchant(address(new Refuser()));
        ghost.addMerchant(address(new Refuser()));
        ghost.addMerchant(feeReceiver);
        ghost.addAccount(makeAddr("stranger"));
        ghost.addAccount(address(gateway));
        ghost.addAccount(address(plans));
    }

    /// @dev The plans' token, another one to pay in, and one that blocks people.
    function _addTokens() private {
        address other = vm.deployCode("TestToken.sol:TestToken", abi.encode("Other Dollar", "OUSD", 6));
        address[3] memory added = [address(token), other, address(new BlocklistToken())];
        for (uint256 i; i < PAYERS; ++i) {
            address payer = ghost.payers(i);
            ghost.give(address(0), payer, 1);
            for (uint256 j; j < 3; ++j) {
                if (i == 0) ghost.addToken(added[j]);
                ghost.give(added[j], payer, 500e6);
                vm.startPrank(payer);
                ITestToken(added[j]).approve(address(manager), type(uint256).max);
                ITestToken(added[j]).approve(PERMIT2, type(uint256).max);
                vm.stopPrank();
                ghost.approved(added[j], payer, type(uint256).max);
            }
        }
    }

    /// @dev A coin is 25.00, the smallest units of the hostile token are dear; the second token and coin are accepted.
    function _addFeeds() private {
        int256[4] memory prices = [int256(25e8), 1e8, 1e8, 1e20];
        vm.startPrank(governor);
        for (uint256 i; i < 4; ++i) {
            MockAggregator feed = new MockAggregator(8, prices[i]);
            gateway.setFeed(ghost.tokens(i), address(feed), type(uint32).max);
            ghost.addFeed(ghost.tokens(i), feed, i % 3 == 0 ? 1e18 : 1e6);
        }
        gateway.setTokenAccepted(ghost.tokens(0), true);
        gateway.setTokenAccepted(ghost.tokens(2), true);
        vm.stopPrank();
    }

    function _addPlans() private {
        // Four that can be switched between, then coin of two merchants, the hostile token, and a merchant that refuses coin.
        _addPlan(0, 1, 10e6, 30 days, 0, 1000);
        _addPlan(0, 1, 3e6, 7 days, 3 days, 1000);
        _addPlan(0, 1, 1e6 + 1, 1 hours, 0, 100);
        _addPlan(0, 1, 99e6, 365 days, 14 days, 10_000);
        _addPlan(0, 0, 0.1 ether + 7, 1 days, 2 hours, 333);
        _addPlan(1, 0, 1 ether, 30 days, 0, 1000);
        _addPlan(1, 3, 5e6, 1 days, 0, 0);
    }

    function _addPlan(uint256 who, uint256 which, uint96 price, uint32 period, uint32 trial, uint16 maxFeeBps) private {
        IPlanManager.Plan memory plan = terms();
        (plan.merchant, plan.token, plan.price) = (ghost.merchants(who), ghost.tokens(which), price);
        (plan.period, plan.trial, plan.maxFeeBps) = (period, trial, maxFeeBps);
        ghost.addPlan(create(plan), plan);
    }
}
