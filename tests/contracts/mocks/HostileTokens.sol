// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @dev Tokens that misbehave on demand, each in one way.

contract PlainToken is ERC20("Token", "TKN") {
    function mint(address account, uint256 amount) external {
        _mint(account, amount);
    }
}

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

contract FalseToken is PlainToken {
    bool public broken;

    function setBroken(bool value) external {
        broken = value;
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        if (broken) return false;
        return super.transferFrom(from, to, amount);
    }
}

contract FeeOnTransferToken is PlainToken {
    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        bool done = super.transferFrom(from, to, amount);
        _burn(to, amount / 100);
        return done;
    }
}

contract BlocklistToken is PlainToken {
    mapping(address account => bool) public blocked;

    function setBlocked(address account, bool value) external {
        blocked[account] = value;
    }

    function _update(address from, address to, uint256 amount) internal override {
        require(!blocked[from] && !blocked[to], "blocked");
        super._update(from, to, amount);
    }
}

contract GasBombToken is PlainToken {
    address public victim;

    function setVictim(address account) external {
        victim = account;
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        if (from == victim) while (true) {}
        return super.transferFrom(from, to, amount);
    }
}

contract ReturnBombToken is PlainToken {
    address public victim;

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
contract ReentrantToken is PlainToken {
    address public target;
    bytes public payload;
    bool public succeeded;
    bytes public answer;

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

/// @dev Each transfer takes about as much gas as it is told to, as tokens behind proxies with hooks do.
contract HeavyToken is PlainToken {
    uint256 public work;

    function setWork(uint256 gas_) external {
        work = gas_;
    }

    function _update(address from, address to, uint256 amount) internal override {
        uint256 start = gasleft();
        super._update(from, to, amount);
        while (start - gasleft() < work) {}
    }
}
