// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {TestToken} from "./TestToken.sol";

/// @dev Tokens that misbehave on demand, each in one way.

contract NoReturnToken {
    mapping(address account => uint256) public balanceOf;
    mapping(address owner => mapping(address spender => uint256)) public allowance;

    function mint(address account, uint256 amount) external {
        balanceOf[account] += amount;
    }

    function approve(address spender, uint256 amount) external {
        allowance[msg.sender][spender] = amount;
    }

    function transfer(address to, uint256 amount) external {
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
    }

    function transferFrom(address from, address to, uint256 amount) external {
        allowance[from][msg.sender] -= amount;
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
    }
}

contract FalseToken is TestToken {
    bool public broken;

    constructor() TestToken("False", "FLS", 6) {}

    function setBroken(bool value) external {
        broken = value;
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        if (broken) return false;
        return super.transferFrom(from, to, amount);
    }
}

contract FeeOnTransferToken is TestToken {
    constructor() TestToken("Toll", "TOL", 6) {}

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        bool done = super.transferFrom(from, to, amount);
        _burn(to, amount / 100);
        return done;
    }
}

contract BlocklistToken is TestToken {
    mapping(address account => bool) public blocked;

    constructor() TestToken("Blocklist", "BLK", 6) {}

    function setBlocked(address account, bool value) external {
        blocked[account] = value;
    }

    function _update(address from, address to, uint256 amount) internal override {
        require(!blocked[from] && !blocked[to], "blocked");
        super._update(from, to, amount);
    }
}

contract GasBombToken is TestToken {
    address public victim;

    constructor() TestToken("Gas", "GAS", 6) {}

    function setVictim(address account) external {
        victim = account;
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        if (from == victim) while (true) {}
        return super.transferFrom(from, to, amount);
    }
}

contract ReturnBombToken is TestToken {
    address public victim;

    constructor() TestToken("Return", "RET", 6) {}

    function setVictim(address account) external {
        victim = account;
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        if (from == victim) {
            assembly {
                revert(0, 50000)
            }
        }
        return super.transferFrom(from, to, amount);
    }
}

/// @dev Calls back during a pull and keeps what came of it.
contract ReentrantToken is TestToken {
    address public target;
    bytes public payload;
    bool public succeeded;
    bytes public answer;

    constructor() TestToken("Reentrant", "REE", 6) {}

    function setCall(address target_, bytes calldata payload_) external {
        target = target_;
        payload = payload_;
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        if (target != address(0)) {
            address called = target;
            target = address(0);
            (succeeded, answer) = called.call(payload);
        }
        return super.transferFrom(from, to, amount);
    }
}
