// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @dev The least that a contract can do to pull from many payers: what `script/bench gas` compares batches with.
contract LoopTransfer {
    /// @param payers 20 bytes each, back to back.
    function transferFrom(IERC20 token, bytes calldata payers, address to, uint256 amount) external {
        unchecked {
            for (uint256 i; i < payers.length; i += 20) {
                // forge-lint: disable-next-line(erc20-unchecked-transfer, unsafe-typecast)
                token.transferFrom(address(bytes20(payers[i:])), to, amount);
            }
        }
    }
}
