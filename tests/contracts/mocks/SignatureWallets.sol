// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @dev An ERC-1271 wallet with one owner.
contract OwnedWallet {
    address private immutable OWNER;

    constructor(address owner) {
        OWNER = owner;
    }

    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        (address recovered, ECDSA.RecoverError failure,) = ECDSA.tryRecoverCalldata(digest, signature);
        bool valid = failure == ECDSA.RecoverError.NoError && recovered == OWNER;
        return valid ? this.isValidSignature.selector : bytes4(0xffffffff);
    }
}

/// @dev Deploys wallets by CREATE2; after that, makes the call it was told to.
contract WalletFactory {
    uint256 public calls;
    address private _target;
    bytes private _call;

    function setCall(address target, bytes calldata data) external {
        _target = target;
        _call = data;
    }

    function deploy(address owner) external {
        ++calls;
        new OwnedWallet{salt: 0}(owner);
        if (_target != address(0)) {
            (bool success, bytes memory answer) = _target.call(_call);
            require(success, string(answer));
        }
    }

    function addressOf(address owner) external view returns (address) {
        bytes32 codeHash = keccak256(abi.encodePacked(type(OwnedWallet).creationCode, abi.encode(owner)));
        return address(uint160(uint256(keccak256(abi.encodePacked(bytes1(0xff), address(this), bytes32(0), codeHash)))));
    }
}

/// @dev Answers each question with the same bytes, or reverts with them.
contract FixedAnswer {
    bytes private _answer;
    bool private immutable REVERTS;

    constructor(bytes memory answer, bool reverts) {
        _answer = answer;
        REVERTS = reverts;
    }

    fallback() external {
        bytes memory answer = _answer;
        bool reverts = REVERTS;
        assembly {
            if reverts { revert(add(answer, 0x20), mload(answer)) }
            return(add(answer, 0x20), mload(answer))
        }
    }
}

/// @dev Answers more than anybody should copy.
contract Bomb {
    uint256 private constant SIZE = 1_000_000;

    fallback() external {
        assembly {
            return(0, SIZE)
        }
    }
}
