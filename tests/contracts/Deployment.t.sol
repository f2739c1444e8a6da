// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

// `forge test` compiles what tests import; Base takes these two by name.
// forge-lint: disable-next-line(unused-import)
import {Deploy} from "../../script/Deploy.s.sol";
// forge-lint: disable-next-line(unused-import)
import {TestToken} from "./mocks/TestToken.sol";
