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

/// @dev Balances are shares of a pool: all change when the index does, and a transfer may deliver a unit less than asked.
contract RebasingToken {
    uint256 private constant ONE = 1e18;

    uint256 public index = ONE;
    uint256 public nextIndex;
    mapping(address account => uint256) public shares;
    mapping(address owner => mapping(address spender => uint256)) public allowance;

    function mint(address account, uint256 amount) external {
        shares[account] += amount * ONE / index;
    }

    function approve(address spender, uint256 amount) external returns (bool) {
        allowance[msg.sender][spender] = amount;
        return true;
    }

    function setIndex(uint256 value) external {
        index = value;
    }

    /// @dev For the rebase to happen within the next transfer, after it.
    function setNextIndex(uint256 value) external {
        nextIndex = value;
    }

    function balanceOf(address account) public view returns (uint256) {
        return shares[account] * index / ONE;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        return _move(msg.sender, to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        allowance[from][msg.sender] -= amount;
        return _move(from, to, amount);
    }

    function _move(address from, address to, uint256 amount) private returns (bool) {
        require(balanceOf(from) >= amount, "balance");
        uint256 moved = amount * ONE / index;
        shares[from] -= moved;
        shares[to] += moved;
        if (nextIndex != 0) (index, nextIndex) = (nextIndex, 0);
        return true;
    }
}

/// @dev Tells a payer that is a contract before it takes, as ERC-777 does.
contract HookToken is PlainToken {
    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        if (from.code.length != 0) HookWallet(payable(from)).tokensToSend();
        return super.transferFrom(from, to, amount);
    }
}

/// @dev A payer that acts when its tokens are taken.
contract HookWallet {
    address public target;
    bytes public payload;
    bool public strict;
    bool public succeeded;
    bytes public answer;

    function setCall(address target_, bytes calldata payload_, bool strict_) external {
        (target, payload, strict) = (target_, payload_, strict_);
    }

    function run(address called, bytes calldata data) external {
        (bool success,) = called.call(data);
        require(success, "call failed");
    }

    function tokensToSend() external {
        if (target == address(0)) return;
        address called = target;
        target = address(0);
        (succeeded, answer) = called.call(payload);
        require(succeeded || !strict, "hook failed");
    }
}

/// @dev Does not answer what is read.
contract MuteToken is PlainToken {
    bool public balanceMuted;
    bool public allowanceMuted;

    function setMuted(bool balance, bool allowance_) external {
        (balanceMuted, allowanceMuted) = (balance, allowance_);
    }

    function balanceOf(address account) public view override returns (uint256) {
        require(!balanceMuted, "mute");
        return super.balanceOf(account);
    }

    function allowance(address owner, address spender) public view override returns (uint256) {
        // The token's own check goes through here.
        require(!allowanceMuted || msg.sig == this.transferFrom.selector, "mute");
        return super.allowance(owner, spender);
    }
}

contract PausableToken is PlainToken {
    bool public paused;

    function setPaused(bool value) external {
        paused = value;
    }

    function _update(address from, address to, uint256 amount) internal override {
        require(!paused, "paused");
        super._update(from, to, amount);
    }
}

/// @dev Answers in other ways than a word that is one.
contract OddAnswerToken is PlainToken {
    bytes public raw;
    bool public odd;

    function setAnswer(bytes calldata answer) external {
        (raw, odd) = (answer, true);
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool done) {
        done = super.transferFrom(from, to, amount);
        if (!odd) return done;
        bytes memory answer = raw;
        assembly {
            return(add(answer, 0x20), mload(answer))
        }
    }
}

/// @dev Misbehaves in another way for each payer.
contract ManyFacedToken is PlainToken {
    enum Behaviour {
        None,
        Reverts,
        AnswersFalse,
        BurnsGas,
        ReturnsMuch,
        RevertsWithMuch,
        CallsBack,
        IsBlocked
    }

    mapping(address payer => Behaviour) public behaviourOf;
    address public target;
    bytes public payload;

    function setBehaviour(address payer, Behaviour behaviour) external {
        behaviourOf[payer] = behaviour;
    }

    function setCall(address target_, bytes calldata payload_) external {
        (target, payload) = (target_, payload_);
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        Behaviour behaviour = behaviourOf[from];
        if (behaviour == Behaviour.Reverts) revert("no");
        if (behaviour == Behaviour.AnswersFalse) return false;
        if (behaviour == Behaviour.BurnsGas) while (true) {}
        if (behaviour == Behaviour.ReturnsMuch) {
            assembly {
                return(0x80, 100000)
            }
        }
        if (behaviour == Behaviour.RevertsWithMuch) {
            assembly {
                revert(0x80, 100000)
            }
        }
        if (behaviour == Behaviour.CallsBack) {
            (bool success,) = target.call(payload);
            require(success, "call back failed");
        }
        return super.transferFrom(from, to, amount);
    }

    function _update(address from, address to, uint256 amount) internal override {
        require(behaviourOf[from] != Behaviour.IsBlocked && behaviourOf[to] != Behaviour.IsBlocked, "blocked");
        super._update(from, to, amount);
    }
}
