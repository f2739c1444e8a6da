// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IMarketplace} from "../interfaces/IMarketplace.sol";

/// @title What sellers sign
library ListingLib {
    bytes32 internal constant LISTING_TYPEHASH = keccak256(
        "Listing(uint256[] chainIds,address seller,address buyer,address token,uint96 price,bytes32 sku,uint32 quantity,uint16 maxFeeBps,uint16 discountBps,uint32 discountMinQuantity,uint64 discountEndsAt,uint256 salt,uint64 expiry)"
    );

    /// @notice EIP-712 digest of `listing`, which is also its id.
    ///
    /// @dev The calldata of a listing is its EIP-712 encoding but for the first word, so it is copied whole. A word with
    ///      bits outside its type gives a digest that no wallet signs.
    function listingDigest(bytes32 separator, IMarketplace.Listing calldata listing)
        internal
        pure
        returns (bytes32 digest)
    {
        uint256[] calldata chainIds = listing.chainIds;
        bytes32 typeHash = LISTING_TYPEHASH;
        // Behind the free memory pointer, which stays.
        assembly ("memory-safe") {
            let data := mload(0x40)
            let length := mul(chainIds.length, 0x20)
            calldatacopy(data, chainIds.offset, length)
            let chainsHash := keccak256(data, length)

            // The words of the 13 fields follow the type hash; the first one, an offset, gives way.
            calldatacopy(add(data, 0x20), listing, 0x1a0)
            mstore(data, typeHash)
            mstore(add(data, 0x20), chainsHash)
            let structHash := keccak256(data, 0x1c0)

            mstore(data, hex"1901")
            mstore(add(data, 0x02), separator)
            mstore(add(data, 0x22), structHash)
            digest := keccak256(data, 0x42)
        }
    }
}
