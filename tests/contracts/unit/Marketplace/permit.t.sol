// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IMarketplace} from "../../../../contracts/src/interfaces/IMarketplace.sol";
import {MarketBase} from "../../MarketBase.t.sol";
import {PlainToken} from "../../mocks/HostileTokens.sol";

contract PermitTest is MarketBase {
    bytes32 private constant PERMIT_TYPEHASH =
        keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");

    address private carol;
    uint256 private carolKey;

    function setUp() public override {
        super.setUp();
        (carol, carolKey) = makeAddrAndKey("carol");
        token.mint(carol, 100 * PRICE);
    }

    function test_buyWithPermit_succeeds() external {
        IMarketplace.Listing memory listing = offer();
        bytes memory permit = _permit(2 * PRICE, START);

        expectSale(listing, carol, 2, 1);
        assertEq(_buy(listing, 2, permit), market.hashListing(listing), "hash");

        assertEq(token.allowance(carol, address(market)), 0, "used");
        assertEq(token.balanceOf(carol), 98 * PRICE, "buyer");
        assertEq(token.balanceOf(address(market)), 0, "nothing kept");
    }

    function test_buyWithPermit_leavesTheRestOfAnAllowance() external {
        _buy(offer(), 1, _permit(10 * PRICE, START));
        buy(carol, offer(), 9);
        assertEq(token.allowance(carol, address(market)), 0, "used up");
    }

    function test_buyWithPermit_succeeds_whenThePermitWasUsedByAnother() external {
        bytes memory permit = _permit(PRICE, START);
        (uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s) =
            abi.decode(permit, (uint256, uint256, uint8, bytes32, bytes32));
        vm.prank(bob);
        token.permit(carol, address(market), value, deadline, v, r, s);

        _buy(offer(), 1, permit);
    }

    function testFuzz_buyWithPermit_succeeds_withAnyPermitWhereThereIsAnAllowance(bytes calldata permit) external {
        approve(carol);
        _buy(offer(), 1, permit);
    }

    function test_buyWithPermit_reverts_whenThePermitFailsAndThereIsNoAllowance() external {
        IMarketplace.Listing memory listing = offer();
        bytes memory signature = sign(listing);
        IMarketplace.Purchase memory purchase = order(listing, 1);
        bytes memory permit = _permit(PRICE, START - 1);

        vm.expectRevert(
            abi.encodeWithSelector(
                IMarketplace.TokenTransferFailed.selector, address(token), carol, PRICE - feeOf(PRICE)
            )
        );
        vm.prank(carol);
        market.buyWithPermit(listing, signature, purchase, permit);
    }

    function test_buyWithPermit_reverts_whenThePermitIsOfAnotherAccount() external {
        IMarketplace.Listing memory listing = offer();
        bytes memory signature = sign(listing);
        IMarketplace.Purchase memory purchase = order(listing, 1);
        bytes memory permit = _permit(PRICE, START);
        address stranger = makeAddr("stranger");

        vm.expectRevert(
            abi.encodeWithSelector(
                IMarketplace.TokenTransferFailed.selector, address(token), stranger, PRICE - feeOf(PRICE)
            )
        );
        vm.prank(stranger);
        market.buyWithPermit(listing, signature, purchase, permit);
        assertEq(token.allowance(carol, address(market)), 0, "not used");
    }

    function test_buyWithPermit_succeeds_forATokenWithoutPermit() external {
        PlainToken plain = new PlainToken();
        plain.mint(carol, PRICE);
        vm.prank(carol);
        plain.approve(address(market), PRICE);
        IMarketplace.Listing memory listing = offer();
        listing.token = address(plain);

        _buy(listing, 1, "");
        assertEq(plain.balanceOf(carol), 0, "paid");
    }

    function test_buyWithPermit_reverts_forNativeCoin() external {
        IMarketplace.Listing memory listing = offerNative();
        bytes memory signature = sign(listing);
        IMarketplace.Purchase memory purchase = order(listing, 1);

        vm.expectRevert(abi.encodeWithSelector(IMarketplace.InsufficientValue.selector, 1 ether, 0));
        vm.prank(carol);
        market.buyWithPermit(listing, signature, purchase, "");
    }

    function _buy(IMarketplace.Listing memory listing, uint32 quantity, bytes memory permit) private returns (bytes32) {
        bytes memory signature = sign(listing);
        vm.prank(carol);
        return market.buyWithPermit(listing, signature, order(listing, quantity), permit);
    }

    function _permit(uint256 value, uint256 deadline) private view returns (bytes memory) {
        bytes32 structHash =
            keccak256(abi.encode(PERMIT_TYPEHASH, carol, address(market), value, token.nonces(carol), deadline));
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), structHash));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(carolKey, digest);
        return abi.encode(value, deadline, v, r, s);
    }
}
