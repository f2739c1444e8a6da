// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IMarketplace} from "../../../contracts/src/interfaces/IMarketplace.sol";
import {Base} from "../Base.t.sol";
import {Permit2} from "../Permit2.sol";
import {MockAggregator} from "../mocks/Aggregators.sol";
import {ITestToken} from "../mocks/ITestToken.sol";
import {OwnedWallet} from "../mocks/SignatureWallets.sol";
import {BuyerHandler} from "./handlers/BuyerHandler.sol";
import {SellerHandler} from "./handlers/SellerHandler.sol";
import {MarketGhost} from "./stores/MarketGhost.sol";
import {World} from "./stores/World.sol";

/// @dev See README.md for what is meant.
///
/// forge-config: ci.invariant.runs = 64
contract MarketplaceInvariantTest is Base, Permit2 {
    uint256 private constant BUYERS = 4;

    MarketGhost private ghost;
    address[2] private handlers;

    function setUp() public override {
        super.setUp();
        deployPermit2();
        IMarketplace market = IMarketplace(core.serviceOf("Marketplace"));
        ghost = new MarketGhost(World.Services(plans, gateway, manager, operator, automation, governor), market);
        _addPeople();
        _addTokens(address(market));
        SellerHandler seller = new SellerHandler(ghost);
        handlers = [address(new BuyerHandler(ghost)), address(seller)];
        _addListings(market.DOMAIN_SEPARATOR());
        targetContract(handlers[0]);
        targetContract(handlers[1]);
    }

    function invariant_salesExplainEveryBalance() external view {
        ghost.checkBalances();
        ghost.checkDebits();
    }

    function invariant_marketplaceKeepsNothingAndCountsAll() external view {
        ghost.checkMarket();
    }

    function invariant_allowancesAreUsedBySalesOnly() external view {
        ghost.checkAllowances();
    }

    /// @dev Whichever campaign ran: at its end everything holds.
    function afterInvariant() external view {
        ghost.checkBalances();
        ghost.checkDebits();
        ghost.checkMarket();
        ghost.checkAllowances();
    }

    /// @dev Properties of what never happens hold of nothing: this shows that the handlers bring about all there is.
    function test_handlersReachEveryOutcomeOfSales() external {
        // More than the gas of one test.
        vm.pauseGasMetering();
        for (uint256 i; i < 3000; ++i) {
            uint256 seed = uint256(keccak256(abi.encode(i)));
            (address handler, bytes4 selector) = _action(seed);
            (bool success, bytes memory failure) = handler.call(
                abi.encodePacked(
                    selector,
                    keccak256(abi.encode(seed, 1)),
                    keccak256(abi.encode(seed, 2)),
                    keccak256(abi.encode(seed, 3))
                )
            );
            assertTrue(success, string(failure));
        }
        bytes32[12] memory outcomes = [
            bytes32("sale"),
            "sale in another token",
            "discount",
            "fee",
            "coin",
            "permit",
            "permit again",
            "forgery refused",
            "revoked",
            "SKU revoked",
            "refused",
            "sold by a wallet"
        ];
        for (uint256 i; i < outcomes.length; ++i) {
            emit log_named_uint(string(abi.encodePacked(outcomes[i])), ghost.seen(outcomes[i]));
            assertGt(ghost.seen(outcomes[i]), 0, string(abi.encodePacked(outcomes[i])));
        }
    }

    function _action(uint256 seed) private view returns (address, bytes4) {
        uint256 which = seed % 16;
        if (which < 4) return (handlers[0], BuyerHandler.buy.selector);
        if (which < 6) return (handlers[0], BuyerHandler.buyWithPermit.selector);
        if (which == 6) return (handlers[0], BuyerHandler.forge.selector);
        bytes4[9] memory others = [
            SellerHandler.offer.selector,
            SellerHandler.revoke.selector,
            SellerHandler.revokeSku.selector,
            SellerHandler.setFee.selector,
            SellerHandler.refreshFee.selector,
            SellerHandler.setPrice.selector,
            SellerHandler.approve.selector,
            SellerHandler.earn.selector,
            SellerHandler.pass.selector
        ];
        return (handlers[1], others[which - 7]);
    }

    /// @dev Two sellers with keys, one that is a wallet and takes no coin; then two fee receivers. The last buyer never buys.
    function _addPeople() private {
        for (uint256 i; i < BUYERS; ++i) {
            (address buyer, uint256 key) = makeAddrAndKey(string.concat("buyer ", vm.toString(i)));
            ghost.addPayer(buyer, key);
        }
        ghost.addSeller(merchant, merchantKey);
        (address second, uint256 secondKey) = makeAddrAndKey("second seller");
        ghost.addSeller(second, secondKey);
        (address owner, uint256 ownerKey) = makeAddrAndKey("wallet owner");
        ghost.addSeller(address(new OwnedWallet(owner)), ownerKey);
        ghost.addMerchant(feeReceiver);
        ghost.addMerchant(makeAddr("other fee receiver"));
        ghost.addAccount(makeAddr("stranger"));
        ghost.addAccount(address(gateway));
    }

    function _addTokens(address market) private {
        address other = vm.deployCode("TestToken.sol:TestToken", abi.encode("Other Dollar", "OUSD", 6));
        address[3] memory all = [address(0), address(token), other];
        for (uint256 i; i < 3; ++i) {
            MockAggregator feed = new MockAggregator(8, i == 0 ? int256(25e8) : int256(1e8));
            vm.startPrank(governor);
            gateway.setFeed(all[i], address(feed), type(uint32).max);
            gateway.setTokenAccepted(all[i], true);
            vm.stopPrank();
            ghost.addFeed(all[i], feed, i == 0 ? 1e18 : 1e6);
            if (i != 0) ghost.addToken(all[i]);
            for (uint256 j; j < BUYERS; ++j) {
                address buyer = ghost.payers(j);
                ghost.give(all[i], buyer, 500e6);
                if (i == 0) continue;
                vm.prank(buyer);
                ITestToken(all[i]).approve(market, type(uint256).max);
                ghost.approved(all[i], buyer, type(uint256).max);
            }
        }
    }

    function _addListings(bytes32 seed) private {
        IMarketplace.Listing memory listing;
        listing.chainIds = new uint256[](1);
        listing.chainIds[0] = block.chainid;
        (listing.seller, listing.token, listing.price, listing.quantity) = (merchant, address(token), PRICE, 9);
        ghost.addListing(listing);
        for (uint256 i; i < 8; ++i) {
            SellerHandler(handlers[1]).offer(i, i, uint256(keccak256(abi.encode(seed, i))));
        }
    }
}
