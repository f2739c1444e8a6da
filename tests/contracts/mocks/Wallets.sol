// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @dev A receiver that takes no native coin until it is told to.
contract Refuser {
    bool public open;

    function setOpen(bool value) external {
        open = value;
    }

    function run(address target, bytes calldata data) external returns (bytes memory) {
        (bool success, bytes memory answer) = target.call(data);
        require(success, "call failed");
        return answer;
    }

    receive() external payable {
        require(open, "refused");
    }
}

/// @dev An ERC-1271 wallet that accepts one digest.
contract ContractWallet {
    bytes32 private _digest;

    function setDigest(bytes32 digest) external {
        _digest = digest;
    }

    function isValidSignature(bytes32 digest, bytes calldata) external view returns (bytes4) {
        return digest == _digest ? this.isValidSignature.selector : bytes4(0);
    }
}
