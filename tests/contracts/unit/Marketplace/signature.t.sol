// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";

import {IMarketplace} from "../../../../contracts/src/interfaces/IMarketplace.sol";
import {MarketBase} from "../../MarketBase.t.sol";
import {ReentrantSeller} from "../../mocks/Reentrants.sol";
import {WalletFactory} from "../../mocks/SignatureWallets.sol";
import {ContractWallet} from "../../mocks/Wallets.sol";

contract SignatureTest is MarketBase {
    uint256 private constant CURVE_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
    bytes32 private constant ERC6492_MAGIC = 0x6492649264926492649264926492649264926492649264926492649264926492;
    bytes32 private constant LISTING_TYPEHASH = keccak256(
        "Listing(uint256[] chainIds,address seller,address buyer,address token,uint96 price,bytes32 sku,uint32 quantity,uint16 maxFeeBps,uint16 discountBps,uint32 discountMinQuantity,uint64 discountEndsAt,uint256 salt,uint64 expiry)"
    );

    function testFuzz_hashListing_isTheEip712Digest(IMarketplace.Listing memory listing) external view {
        bytes32 chains = keccak256(abi.encodePacked(listing.chainIds));
        // The encoding of a struct begins with the offset of itself and that of its array.
        bytes memory fields = abi.encode(listing);
        bytes memory encoded = abi.encodePacked(LISTING_TYPEHASH, chains, _slice(fields, 64, 12 * 32));

        assertEq(
            market.hashListing(listing),
            keccak256(abi.encodePacked(hex"1901", market.DOMAIN_SEPARATOR(), keccak256(encoded))),
            "digest"
        );
    }

    function test_DOMAIN_SEPARATOR_hasNoChainId() external {
        bytes32 separator = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,address verifyingContract)"),
                keccak256("Abono"),
                keccak256("1"),
                address(market)
            )
        );
        assertEq(market.DOMAIN_SEPARATOR(), separator, "separator");
        vm.chainId(10);
        assertEq(market.DOMAIN_SEPARATOR(), separator, "on another chain");
    }

    function test_eip712Domain_describesTheDomain() external view {
        (bytes1 fields, string memory name, string memory version, uint256 chainId, address contract_, bytes32 salt,) =
            IERC5267(address(market)).eip712Domain();

        assertEq(fields, bytes1(0x0b), "fields");
        assertEq(name, "Abono", "name");
        assertEq(version, "1", "version");
        assertEq(chainId, 0, "no chain id");
        assertEq(contract_, address(market), "contract");
        assertEq(salt, 0, "no salt");
    }

    function test_buy_succeeds_onEveryListedChain() external {
        IMarketplace.Listing memory listing = offer();
        listing.chainIds = new uint256[](32);
        (listing.chainIds[30], listing.chainIds[31]) = (8453, block.chainid);
        buy(alice, listing, 1);
        vm.chainId(8453);
        buy(alice, listing, 1);

        vm.chainId(10);
        buyReverts(alice, listing, 1, abi.encodeWithSelector(IMarketplace.InvalidChain.selector, 10));
    }

    function test_buy_reverts_whenChainsAreNoneOrTooMany() external {
        IMarketplace.Listing memory listing = offer();
        listing.chainIds = new uint256[](0);
        buyReverts(alice, listing, 1, abi.encodeWithSelector(IMarketplace.InvalidChain.selector, block.chainid));

        listing.chainIds = new uint256[](33);
        listing.chainIds[0] = block.chainid;
        buyReverts(alice, listing, 1, abi.encodeWithSelector(IMarketplace.TooManyChains.selector, 33));
    }

    function test_buy_succeeds_byContractWallet() external {
        ContractWallet wallet = new ContractWallet();
        IMarketplace.Listing memory listing = offer();
        listing.seller = address(wallet);
        _reverts(listing, hex"01");

        wallet.setDigest(market.hashListing(listing));
        IMarketplace.Purchase memory purchase = order(listing, 1);
        vm.prank(alice);
        market.buy(listing, hex"01", purchase);
        assertEq(token.balanceOf(address(wallet)), PRICE - feeOf(PRICE), "wallet is paid");
    }

    function test_buy_succeeds_byKeyOfDelegatedAccount() external {
        vm.etch(seller, abi.encodePacked(hex"ef0100", address(new ContractWallet())));
        buy(alice, offer(), 1);
    }

    function test_buy_asksTheVerifierOnlyWhereTheKeyDidNotSign() external {
        IMarketplace.Listing memory listing = offer();
        bytes memory call =
            abi.encodeCall(signatureVerifier.isValidSignature, (seller, market.hashListing(listing), hex"c0ffee"));
        vm.expectCall(address(signatureVerifier), call, 1);
        _reverts(listing, hex"c0ffee");
        buy(alice, listing, 1);
    }

    function test_buy_reverts_whenSignatureIsNotTheSellers() external {
        IMarketplace.Listing memory listing = offer();
        (, sellerKey) = makeAddrAndKey("other");
        buyReverts(alice, listing, 1, abi.encodeWithSelector(IMarketplace.InvalidSignature.selector));
    }

    function test_buy_reverts_whenSignatureIsMalformed() external {
        IMarketplace.Listing memory listing = offer();
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(sellerKey, market.hashListing(listing));
        _reverts(listing, "");
        _reverts(listing, abi.encodePacked(r, s));
        _reverts(listing, abi.encodePacked(r, s, v, v));
        _reverts(listing, abi.encodePacked(r, s, uint8(v - 27)));
        _reverts(listing, abi.encodePacked(bytes32(0), s, v));
        // The other s of the same signature.
        _reverts(listing, abi.encodePacked(r, bytes32(CURVE_ORDER - uint256(s)), uint8(v ^ 7)));
        assertEq(ecrecover(market.hashListing(listing), v ^ 7, r, bytes32(CURVE_ORDER - uint256(s))), seller, "high s");
    }

    function testFuzz_buy_reverts_whenASignedWordIsChanged(uint256 field, uint256 value) external {
        IMarketplace.Listing memory listing = offer();
        bytes memory signature = sign(listing);
        IMarketplace.Purchase memory purchase = order(listing, 1);
        bytes memory data = abi.encodeCall(market.buy, (listing, signature, purchase));
        // Selector, six words of the head, then the fields; the first of them is an offset.
        uint256 position = 4 + 6 * 32 + 32 * bound(field, 1, 12);
        uint256 old = uint256(bytes32(_slice(data, position, 32)));
        vm.assume(value != old);
        assembly ("memory-safe") {
            mstore(add(add(data, 0x20), position), value)
        }

        vm.prank(alice);
        (bool success,) = address(market).call(data);

        assertFalse(success, "refused");
    }

    function testFuzz_buy_reverts_whenAWordHasMoreBitsThanItsType(uint256 bit) external {
        // A wallet that signs everything, this too.
        IMarketplace.Listing memory listing = offer();
        listing.seller = address(new ReentrantSeller(market));
        IMarketplace.Purchase memory purchase = order(listing, 1);
        bytes memory call = abi.encodeCall(market.buy, (listing, "", purchase));
        uint8[6] memory fields = [1, 3, 4, 6, 7, 8];
        for (uint256 i; i < fields.length; ++i) {
            bytes memory data = bytes.concat(call);
            uint256 position = 4 + 6 * 32 + 32 * uint256(fields[i]);
            uint256 mask = 1 << bound(bit, 160, 255);
            assembly ("memory-safe") {
                let word := add(add(data, 0x20), position)
                mstore(word, or(mload(word), mask))
            }

            vm.prank(alice);
            (bool success, bytes memory answer) = address(market).call(data);

            assertFalse(success, "refused");
            assertEq(answer, abi.encodeWithSelector(IMarketplace.InvalidListing.selector), "reason");
        }
        vm.prank(alice);
        (bool done,) = address(market).call(call);
        assertTrue(done, "as signed");
    }

    /// @dev A factory is asked to deploy the seller's wallet before anything is counted, and buys in the meantime.
    function test_buy_reentered_byTheSignersFactoryCannotOversell() external {
        WalletFactory factory = new WalletFactory();
        address wallet = factory.addressOf(seller);
        fund(address(factory), 2 * PRICE);
        approve(address(factory));
        IMarketplace.Listing memory listing = offer();
        (listing.seller, listing.quantity) = (wallet, 1);

        bytes32 listingHash = market.hashListing(listing);
        bytes memory signature = _signByFactory(factory, listing);
        vm.expectRevert(abi.encodeWithSelector(IMarketplace.SoldOut.selector, listingHash, 0));
        vm.prank(alice);
        market.buy(listing, signature, order(listing, 1));

        assertEq(market.soldOf(wallet, 1), 0, "neither sale");
        listing.quantity = 2;
        signature = _signByFactory(factory, listing);
        vm.prank(alice);
        market.buy(listing, signature, order(listing, 1));
        assertEq(token.balanceOf(address(factory)), PRICE, "sale within");
        assertEq(market.soldOf(wallet, 1), 2, "both counted");
        assertEq(market.eventCount(), 2, "events");
    }

    /// @dev The owner's signature for a wallet that its factory deploys, and then buys one of the listing.
    function _signByFactory(WalletFactory factory, IMarketplace.Listing memory listing) private returns (bytes memory) {
        bytes memory inner = sign(listing);
        factory.setCall(address(market), abi.encodeCall(market.buy, (listing, inner, order(listing, 1))));
        return bytes.concat(abi.encode(factory, abi.encodeCall(factory.deploy, (seller)), inner), ERC6492_MAGIC);
    }

    function _reverts(IMarketplace.Listing memory listing, bytes memory signature) private {
        IMarketplace.Purchase memory purchase = order(listing, 1);
        vm.expectRevert(IMarketplace.InvalidSignature.selector);
        vm.prank(alice);
        market.buy(listing, signature, purchase);
    }

    function _slice(bytes memory data, uint256 start, uint256 length) private pure returns (bytes memory part) {
        part = new bytes(length);
        for (uint256 i; i < length; ++i) {
            part[i] = data[start + i];
        }
    }
}
