// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IMarketplace} from "../../../contracts/src/interfaces/IMarketplace.sol";

/// @dev A wallet that signs everything and buys of its own listing whenever it is paid for it.
contract ReentrantSeller {
    IMarketplace private immutable MARKET;

    IMarketplace.Listing private _listing;
    IMarketplace.Purchase private _purchase;
    uint256 private _value;
    bool private _armed;
    uint256 public bought;
    bytes public answer;

    constructor(IMarketplace market) {
        MARKET = market;
    }

    function arm(IMarketplace.Listing calldata listing, IMarketplace.Purchase calldata purchase, uint256 value)
        external
    {
        (_listing, _purchase, _value, _armed) = (listing, purchase, value, true);
    }

    function isValidSignature(bytes32, bytes calldata) external pure returns (bytes4) {
        return this.isValidSignature.selector;
    }

    receive() external payable {
        if (!_armed) return;

        try MARKET.buy{value: _value}(_listing, "", _purchase) returns (bytes32) {
            ++bought;
        } catch (bytes memory failure) {
            answer = failure;
            _armed = false;
        }
    }
}

/// @dev Buys again out of the rest that comes back, as often as that works.
contract ReentrantBuyer {
    IMarketplace private immutable MARKET;

    bytes private _call;

    constructor(IMarketplace market) {
        MARKET = market;
    }

    function run(
        IMarketplace.Listing calldata listing,
        bytes calldata signature,
        IMarketplace.Purchase calldata purchase,
        uint256 value
    ) external {
        _call = abi.encodeCall(IMarketplace.buy, (listing, signature, purchase));
        MARKET.buy{value: value}(listing, signature, purchase);
    }

    receive() external payable {
        (bool success,) = address(MARKET).call{value: msg.value}(_call);
        success;
    }
}
