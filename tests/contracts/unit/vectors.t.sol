// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";

import {IAllowanceTransfer} from "../../../contracts/src/interfaces/IAllowanceTransfer.sol";
import {IMarketplace} from "../../../contracts/src/interfaces/IMarketplace.sol";
import {IPlanManager} from "../../../contracts/src/interfaces/IPlanManager.sol";
import {ISubscriptionManager} from "../../../contracts/src/interfaces/ISubscriptionManager.sol";
import {ISubscriptionTypes} from "../../../contracts/src/interfaces/ISubscriptionTypes.sol";
import {Base} from "../Base.t.sol";

/// @dev The contracts against the messages, digests and signatures of `tests/vectors/typed_data.json`, which two JavaScript
///      wallets wrote. Each contract is put where the message's domain says, on the chain that it says.
contract VectorsTest is Base {
    bytes32 private constant PERMIT_TYPEHASH =
        keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
    bytes32 private constant PERMIT_DETAILS_TYPEHASH =
        keccak256("PermitDetails(address token,uint160 amount,uint48 expiration,uint48 nonce)");
    bytes32 private constant PERMIT_SINGLE_TYPEHASH = keccak256(
        "PermitSingle(PermitDetails details,address spender,uint256 sigDeadline)PermitDetails(address token,uint160 amount,uint48 expiration,uint48 nonce)"
    );
    bytes32 private constant PERMIT2_DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,uint256 chainId,address verifyingContract)");

    uint256 private constant MESSAGES_OF_A_TYPE = 4;

    string private _file;
    /// @dev Path of the vector at hand.
    string private _at;

    function setUp() public override {
        super.setUp();
        _file = vm.readFile("tests/vectors/typed_data.json");
    }

    function test_hashPlan_isWhatWalletsSign() external {
        _each("Plan", _hashPlan);
    }

    function test_hashListing_isWhatWalletsSign() external {
        _each("Listing", _hashListing);
    }

    function test_hashMandate_isWhatWalletsSign() external {
        _each("Mandate", _hashMandate);
    }

    function test_hashCancel_isWhatWalletsSign() external {
        _each("Cancel", _hashCancel);
    }

    function test_hashPause_isWhatWalletsSign() external {
        _each("Pause", _hashPause);
    }

    function test_hashResume_isWhatWalletsSign() external {
        _each("Resume", _hashResume);
    }

    /// @dev Of OpenZeppelin's token only the domain can be asked for.
    function test_permit_isWhatWalletsSign() external {
        _each("Permit", _hashPermit);
    }

    /// @dev Written out: these four lines are all there is to know of Permit2's types.
    function test_permitSingle_isWhatWalletsSign() external {
        _each("PermitSingle", _hashPermitSingle);
    }

    function _each(string memory primaryType, function(address) returns (bytes32) digestAt) private {
        uint256 count = vm.parseJsonUint(_file, ".count");
        uint256 found;
        for (uint256 i; i < count; ++i) {
            _at = string.concat(".vectors[", vm.toString(i), "]");
            if (keccak256(bytes(_text(".typedData.primaryType"))) != keccak256(bytes(primaryType))) continue;
            ++found;

            string memory name = _text(".name");
            if (vm.keyExistsJson(_file, string.concat(_at, ".typedData.domain.chainId"))) {
                vm.chainId(vm.parseJsonUint(_file, string.concat(_at, ".typedData.domain.chainId")));
            }
            bytes32 digest = vm.parseJsonBytes32(_file, string.concat(_at, ".digest"));
            assertEq(digestAt(_domainAddress()), digest, name);
            _checkSignature(name, digest);
        }
        assertGe(found, MESSAGES_OF_A_TYPE, "messages of this type");
    }

    function _checkSignature(string memory name, bytes32 digest) private view {
        uint256 key = vm.parseJsonUint(_file, string.concat(_at, ".privateKey"));
        assertEq(vm.addr(key), vm.parseJsonAddress(_file, string.concat(_at, ".signer")), name);

        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        assertEq(abi.encodePacked(r, s, v), vm.parseJsonBytes(_file, string.concat(_at, ".signature")), name);
        assertEq(ecrecover(digest, v, r, s), vm.addr(key), name);
    }

    /* DIGESTS */

    function _hashPlan(address where) private returns (bytes32) {
        IPlanManager.Plan memory plan;
        plan.chainIds = _chainIds();
        plan.merchant = _address("merchant");
        plan.token = _address("token");
        plan.price = uint96(_uint("price"));
        plan.period = uint32(_uint("period"));
        plan.trial = uint32(_uint("trial"));
        plan.maxFeeBps = uint16(_uint("maxFeeBps"));
        plan.salt = _uint("salt");
        plan.expiry = uint64(_uint("expiry"));

        deployCodeTo("PlanManager.sol:PlanManager", abi.encode(core, address(0)), where);
        return IPlanManager(where).hashPlan(plan);
    }

    function _hashListing(address where) private returns (bytes32) {
        IMarketplace.Listing memory listing;
        listing.chainIds = _chainIds();
        listing.seller = _address("seller");
        listing.buyer = _address("buyer");
        listing.token = _address("token");
        listing.price = uint96(_uint("price"));
        listing.sku = _bytes32("sku");
        listing.quantity = uint32(_uint("quantity"));
        listing.maxFeeBps = uint16(_uint("maxFeeBps"));
        listing.discountBps = uint16(_uint("discountBps"));
        listing.discountMinQuantity = uint32(_uint("discountMinQuantity"));
        listing.discountEndsAt = uint64(_uint("discountEndsAt"));
        listing.salt = _uint("salt");
        listing.expiry = uint64(_uint("expiry"));

        deployCodeTo("Marketplace.sol:Marketplace", abi.encode(gateway, address(0)), where);
        return IMarketplace(where).hashListing(listing);
    }

    function _hashMandate(address where) private returns (bytes32) {
        ISubscriptionTypes.Mandate memory mandate;
        mandate.planHash = _bytes32("planHash");
        mandate.replaces = _bytes32("replaces");
        mandate.subscriber = _address("subscriber");
        mandate.paymentToken = _address("paymentToken");
        mandate.rail = ISubscriptionTypes.Rail(_uint("rail"));
        mandate.maxAmount = uint96(_uint("maxAmount"));
        mandate.maxCharges = uint24(_uint("maxCharges"));
        mandate.endsAt = uint40(_uint("endsAt"));
        mandate.nonce = _uint("nonce");
        mandate.deadline = _uint("deadline");

        return _managerAt(where).hashMandate(mandate);
    }

    function _hashCancel(address where) private returns (bytes32) {
        return _managerAt(where).hashCancel(_order());
    }

    function _hashPause(address where) private returns (bytes32) {
        return _managerAt(where).hashPause(_order());
    }

    function _hashResume(address where) private returns (bytes32) {
        return _managerAt(where).hashResume(_order());
    }

    function _hashPermit(address where) private returns (bytes32) {
        deployCodeTo("TestToken.sol:TestToken", abi.encode(_text(".typedData.domain.name"), "T", 6), where);
        bytes32 structHash = keccak256(
            abi.encode(
                PERMIT_TYPEHASH,
                _address("owner"),
                _address("spender"),
                _uint("value"),
                _uint("nonce"),
                _uint("deadline")
            )
        );
        return _digest(IERC20Permit(where).DOMAIN_SEPARATOR(), structHash);
    }

    function _hashPermitSingle(address where) private returns (bytes32) {
        IAllowanceTransfer.PermitDetails memory details;
        details.token = _address("details.token");
        details.amount = uint160(_uint("details.amount"));
        details.expiration = uint48(_uint("details.expiration"));
        details.nonce = uint48(_uint("details.nonce"));

        bytes32 separator = keccak256(abi.encode(PERMIT2_DOMAIN_TYPEHASH, keccak256("Permit2"), block.chainid, where));
        bytes32 detailsHash = keccak256(abi.encode(PERMIT_DETAILS_TYPEHASH, details));
        bytes32 structHash =
            keccak256(abi.encode(PERMIT_SINGLE_TYPEHASH, detailsHash, _address("spender"), _uint("sigDeadline")));
        return _digest(separator, structHash);
    }

    function _digest(bytes32 separator, bytes32 structHash) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", separator, structHash));
    }

    function _managerAt(address where) private returns (ISubscriptionManager) {
        bytes memory arguments = abi.encode(core, plans, gateway, manager.extension());
        deployCodeTo("SubscriptionManager.sol:SubscriptionManager", arguments, where);
        return ISubscriptionManager(where);
    }

    function _order() private view returns (ISubscriptionTypes.Order memory) {
        return ISubscriptionTypes.Order({
            planHash: _bytes32("planHash"),
            subscriber: _address("subscriber"),
            nonce: _uint("nonce"),
            deadline: _uint("deadline")
        });
    }

    /* FIELDS OF THE VECTOR AT HAND */

    function _domainAddress() private view returns (address) {
        return vm.parseJsonAddress(_file, string.concat(_at, ".typedData.domain.verifyingContract"));
    }

    function _text(string memory path) private view returns (string memory) {
        return vm.parseJsonString(_file, string.concat(_at, path));
    }

    function _field(string memory name) private view returns (string memory) {
        return string.concat(_at, ".typedData.message.", name);
    }

    function _uint(string memory name) private view returns (uint256) {
        return vm.parseJsonUint(_file, _field(name));
    }

    function _address(string memory name) private view returns (address) {
        return vm.parseJsonAddress(_file, _field(name));
    }

    function _bytes32(string memory name) private view returns (bytes32) {
        return vm.parseJsonBytes32(_file, _field(name));
    }

    function _chainIds() private view returns (uint256[] memory) {
        return vm.parseJsonUintArray(_file, _field("chainIds"));
    }
}
