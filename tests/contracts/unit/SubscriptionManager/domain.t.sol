// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ISubscriptionTypes} from "../../../../contracts/src/interfaces/ISubscriptionTypes.sol";
import {SubscriberBase} from "../../SubscriberBase.t.sol";

/// @dev The domain of mandates and orders.
contract DomainTest is SubscriberBase {
    function testFuzz_eip712Domain_saysWhatIsSigned(uint64 chainId) external {
        vm.assume(chainId != 0);
        vm.chainId(chainId);
        (
            bytes1 fields,
            string memory name,
            string memory version,
            uint256 saidChain,
            address verifyingContract,
            bytes32 salt,
            uint256[] memory extensions
        ) = manager.eip712Domain();
        assertEq(fields, bytes1(hex"0f"), "name, version, chainId, verifyingContract");
        assertEq(name, "Abono", "name");
        assertEq(version, "1", "version");
        assertEq(saidChain, chainId, "chain");
        assertEq(verifyingContract, address(manager), "contract");
        assertEq(salt, 0, "no salt");
        assertEq(extensions.length, 0, "no extensions");

        bytes32 separator = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256(bytes(name)),
                keccak256(bytes(version)),
                saidChain,
                verifyingContract
            )
        );
        assertEq(manager.DOMAIN_SEPARATOR(), separator, "separator of these fields");
    }

    /// @dev After a fork of the chain, what was signed before holds on the one that kept the id only.
    function test_domainSeparator_followsAForkOfTheChain() external {
        bytes32 planHash = createDefault();
        ISubscriptionTypes.Mandate memory mandate = mandateFor(planHash);
        bytes memory signature = sign(mandate);
        bytes32 before = manager.DOMAIN_SEPARATOR();
        uint256 original = block.chainid;

        vm.chainId(original + 1);
        assertNotEq(manager.DOMAIN_SEPARATOR(), before, "another separator");
        relayReverts(mandate, signature, abi.encodeWithSelector(ISubscriptionTypes.InvalidSignature.selector));
        uint256 snapshot = vm.snapshotState();
        relay(mandate);
        vm.revertToState(snapshot);

        vm.chainId(original);
        assertEq(manager.DOMAIN_SEPARATOR(), before, "as before");
        relay(mandate, signature);
    }

    function test_domain_isNotThatOfPlans() external view {
        assertNotEq(manager.DOMAIN_SEPARATOR(), plans.DOMAIN_SEPARATOR(), "apart");
    }
}
