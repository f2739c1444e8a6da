// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {IMarketplace} from "../../../../contracts/src/interfaces/IMarketplace.sol";
import {MarketGhost} from "../stores/MarketGhost.sol";

/// @dev What handlers of the marketplace share. An action that may be refused is tried; a refusal must have a name.
abstract contract MarketHandler is Test {
    MarketGhost internal immutable GHOST;
    IMarketplace internal immutable MARKET;
    address internal immutable STRANGER = makeAddr("stranger");

    /// @dev As an action of `actor`.
    modifier by(address actor) {
        GHOST.begin(actor);
        _;
        GHOST.end();
    }

    constructor(MarketGhost ghost) {
        (GHOST, MARKET) = (ghost, ghost.MARKET());
    }

    /// @dev The last of the buyers never buys: it only approved.
    function _buyer(uint256 who) internal view returns (address) {
        (, uint256 buyers,,) = GHOST.counts();
        return GHOST.payers(who % (buyers - 1));
    }

    function _token(uint256 which) internal view returns (address) {
        (,, uint256 tokens,) = GHOST.counts();
        return GHOST.tokens(which % tokens);
    }

    function _try(address caller, uint256 value, address target, bytes memory call) internal returns (bool success) {
        bytes memory answer;
        vm.prank(caller);
        (success, answer) = target.call{value: value}(call);
        if (!success) GHOST.refused(answer);
    }

    function _sign(address seller, IMarketplace.Listing memory listing) internal view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(GHOST.keyOf(seller), MARKET.hashListing(listing));
        return abi.encodePacked(r, s, v);
    }
}
