// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAggregatorV3} from "../../../contracts/src/interfaces/IAggregatorV3.sol";

/// @dev A feed that says what it is told to.
contract MockAggregator is IAggregatorV3 {
    uint8 public decimals;
    int256 public answer;
    uint256 public startedAt;
    uint256 public updatedAt;

    constructor(uint8 decimals_, int256 answer_) {
        decimals = decimals_;
        set(answer_, block.timestamp);
    }

    function set(int256 newAnswer, uint256 time) public {
        answer = newAnswer;
        startedAt = time;
        updatedAt = time;
    }

    function setDecimals(uint8 newDecimals) external {
        decimals = newDecimals;
    }

    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        return (1, answer, startedAt, updatedAt, 1);
    }
}

/// @dev A token of which only `decimals()` is asked; answers a word that may be no uint8.
contract DecimalsToken {
    uint256 public decimals;

    constructor(uint256 decimals_) {
        decimals = decimals_;
    }
}

/// @dev A token without `decimals()`.
contract MuteToken {}
