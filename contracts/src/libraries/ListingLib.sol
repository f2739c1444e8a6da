// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IMarketplace} from "../interfaces/IMarketplace.sol";

/// @title A listing as the words that its seller signs
///
/// @notice The calldata of a listing is its EIP-712 encoding but for the first word. It is hashed as it stands, and its
///         fields are read as words without the checks of their types. A word with bits outside its type gives a digest
///         that no wallet signs, and where such bits could do harm Marketplace refuses them.
library ListingLib {
    bytes32 internal constant LISTING_TYPEHASH = keccak256(
        "Listing(uint256[] chainIds,address seller,address buyer,address token,uint96 price,bytes32 sku,uint32 quantity,uint16 maxFeeBps,uint16 discountBps,uint32 discountMinQuantity,uint64 discountEndsAt,uint256 salt,uint64 expiry)"
    );

    uint256 internal constant SELLER = 1;
    uint256 internal constant BUYER = 2;
    uint256 internal constant TOKEN = 3;
    uint256 internal constant PRICE = 4;
    uint256 internal constant SKU = 5;
    uint256 internal constant QUANTITY = 6;
    uint256 internal constant MAX_FEE_BPS = 7;
    uint256 internal constant DISCOUNT_BPS = 8;
    uint256 internal constant DISCOUNT_MIN_QUANTITY = 9;
    uint256 internal constant DISCOUNT_ENDS_AT = 10;
    uint256 internal constant SALT = 11;
    uint256 internal constant EXPIRY = 12;

    /// @notice The fields in their order; the first word is an offset and says nothing.
    function words(IMarketplace.Listing calldata listing) internal pure returns (uint256[13] calldata fields) {
        assembly ("memory-safe") {
            fields := listing
        }
    }

    /// @notice EIP-712 digest of a listing, which is also its id.
    function digest(bytes32 separator, uint256[13] calldata fields, uint256[] calldata chainIds)
        internal
        pure
        returns (bytes32 result)
    {
        bytes32 typeHash = LISTING_TYPEHASH;
        // Behind the free memory pointer, which stays.
        assembly ("memory-safe") {
            let data := mload(0x40)
            let length := shl(5, chainIds.length)
            calldatacopy(data, chainIds.offset, length)
            let chainsHash := keccak256(data, length)

            // The 13 words follow the type hash; the first one gives way.
            calldatacopy(add(data, 0x20), fields, 0x1a0)
            mstore(data, typeHash)
            mstore(add(data, 0x20), chainsHash)
            let structHash := keccak256(data, 0x1c0)

            mstore(data, hex"1901")
            mstore(add(data, 0x02), separator)
            mstore(add(data, 0x22), structHash)
            result := keccak256(data, 0x42)
        }
    }

    /// @notice Discount on a purchase of `units` at `time`, in 1/10,000.
    function discountBps(uint256[13] calldata fields, uint256 units, uint256 time) internal pure returns (uint256) {
        uint256 bps = fields[DISCOUNT_BPS];
        if (bps == 0 || units < fields[DISCOUNT_MIN_QUANTITY]) return 0;
        uint256 endsAt = fields[DISCOUNT_ENDS_AT];
        return endsAt == 0 || time <= endsAt ? bps : 0;
    }
}
