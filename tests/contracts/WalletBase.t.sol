// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPlanManager} from "../../contracts/src/interfaces/IPlanManager.sol";
import {Base} from "./Base.t.sol";
import {WalletFactory} from "./mocks/SignatureWallets.sol";

/// @dev A wallet of one owner, not deployed, and its factory.
abstract contract WalletBase is Base {
    bytes32 internal constant MAGIC = 0x6492649264926492649264926492649264926492649264926492649264926492;

    WalletFactory internal factory;
    address internal owner;
    uint256 internal ownerKey;
    address internal counterfactual;

    function setUp() public virtual override {
        super.setUp();
        (owner, ownerKey) = makeAddrAndKey("wallet owner");
        factory = new WalletFactory();
        counterfactual = factory.addressOf(owner);
    }

    function deployWallet() internal returns (address) {
        factory.deploy(owner);
        return counterfactual;
    }

    /// @dev Terms of a plan whose merchant is the wallet, and the owner's signature of them.
    function walletTerms() internal returns (IPlanManager.Plan memory plan, bytes memory inner) {
        plan = terms();
        plan.merchant = counterfactual;
        inner = signDigest(plans.hashPlan(plan), ownerKey);
    }

    function signDigest(bytes32 digest, uint256 key) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function wrap(bytes memory inner) internal view returns (bytes memory) {
        return wrap(address(factory), abi.encodeCall(factory.deploy, (owner)), inner);
    }

    function wrap(address target, bytes memory data, bytes memory inner) internal pure returns (bytes memory) {
        return bytes.concat(abi.encode(target, data, inner), MAGIC);
    }
}
