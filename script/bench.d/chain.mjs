// A private chain with the contracts on it, and accounts that send real transactions to it.
import { execFile, spawn, spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { encodeFunctionData, keccak256, numberToHex, parseAbi, toHex } from "viem";
import { privateKeyToAccount } from "viem/accounts";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
export const PERMIT2 = "0x000000000022D473030F116dDEE9F6B43aC78BA3";
export const TRANSACTION_GAS = 16_777_216n;

const START_LIMIT_MS = 30_000;
// Bytes of calldata are counted by their value: a date that stands still gives the same figures every day.
const START_TIME = 1_800_000_000;

const readJson = (path) => JSON.parse(readFileSync(join(ROOT, path), "utf8"));
const abiOf = (contract) => readJson(`contracts/abi/${contract}.json`);

export const ABI = {
  token: parseAbi([
    "function approve(address spender, uint256 value)",
    "function mint(address account, uint256 amount)",
    "function transferFrom(address from, address to, uint256 value) returns (bool)",
    "function balanceOf(address account) view returns (uint256)",
  ]),
  permit2: parseAbi([
    "function approve(address token, address spender, uint160 amount, uint48 expiration)",
    "function transferFrom(address from, address to, uint160 amount, address token)",
    "struct Transfer { address from; address to; uint160 amount; address token; }",
    "function transferFrom(Transfer[] transfers)",
  ]),
  plans: abiOf("PlanManager"),
  manager: abiOf("SubscriptionManager"),
  market: abiOf("Marketplace"),
};

/// An account of a name, the same on every run.
export function account(name) {
  return privateKeyToAccount(keccak256(toHex(`abono bench ${name}`)));
}

export function call(to, abi, functionName, ...args) {
  return { to, data: encodeFunctionData({ abi, functionName, args }) };
}

// The kernel ends a program that is started with this when this process ends, however it ends.
const BOUND = ["setpriv", "--pdeathsig", "KILL", "--"];
const bound = spawnSync(BOUND[0], [...BOUND.slice(1), "true"]).status === 0 ? BOUND : ["env"];

export class Chain {
  #node;
  #folder;
  #port;
  #nonces = new Map();
  #requests = 0;

  constructor(chainId) {
    this.chainId = chainId;
  }

  /// Starts a node on a free port. Its output goes to a file: a pipe that nobody reads would stop it.
  async start() {
    this.#folder = mkdtempSync(join(tmpdir(), "abono-bench-"));
    const output = join(this.#folder, "output");
    const file = openSync(output, "w");
    const options = ["--host", "127.0.0.1", "--port", "0", "--chain-id", `${this.chainId}`, "--timestamp", `${START_TIME}`];
    options.push("--hardfork", "osaka", "--enable-tx-gas-limit", "--gas-limit", "200000000");
    const [program, ...prefix] = [...bound, process.env.ANVIL_BIN];
    this.#node = spawn(program, [...prefix, ...options], { stdio: ["ignore", file, file] });
    closeSync(file);
    process.once("exit", () => this.stop());
    for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]]) process.once(signal, () => process.exit(code));

    const deadline = Date.now() + START_LIMIT_MS;
    while (Date.now() < deadline) {
      if (this.#node.exitCode !== null) throw new Error(`anvil ended: ${readFileSync(output, "utf8")}`);
      this.#port = /Listening on .*:(\d+)/.exec(readFileSync(output, "utf8"))?.[1];
      if (this.#port && Number(await this.request("eth_chainId").catch(() => 0)) === this.chainId) return;
      await sleep(20);
    }
    throw new Error("anvil does not answer");
  }

  stop() {
    this.#node?.kill("SIGKILL");
    if (this.#folder) rmSync(this.#folder, { recursive: true, force: true });
  }

  /// Compiles, runs the deploy scripts and gives the contracts' addresses. All roles but automation are the admin's.
  async deploy(automation, feeReceiver) {
    const admin = account("admin");
    await this.fund(admin.address);
    const key = keccak256(toHex("abono bench admin"));
    // A shell's settings of a real deployment must not reach this one.
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(ABONO|FOUNDRY_PROFILE)/.test(name)));
    Object.assign(env, { ABONO_AUTOMATION: automation, ABONO_FEE_RECEIVER: feeReceiver, ABONO_FEE_BPS: "250" });
    const [program, ...prefix] = [...bound, process.env.FORGE_BIN];
    const forge = (...args) => promisify(execFile)(program, [...prefix, ...args], { cwd: ROOT, env, maxBuffer: 2 ** 26 });
    await forge("build", "--quiet");
    for (const name of ["Deploy", "DeployTestToken", "DeployPermit2"]) {
      const script = `script/${name}.s.sol:${name}`;
      await forge("script", script, "--broadcast", "--non-interactive", "--rpc-url", this.url, "--private-key", key);
    }
    const found = readJson(`.dev/deployments/${this.chainId}.json`);
    const { token } = readJson(`.dev/deployments/token-${this.chainId}.json`);
    this.#nonces.set(admin.address, Number(await this.request("eth_getTransactionCount", [admin.address, "latest"])));
    const loop = await this.send(admin, { data: readJson("out/LoopTransfer.sol/LoopTransfer.json").bytecode.object });
    return {
      plans: found.plan_manager,
      manager: found.subscription_manager,
      market: found.marketplace,
      token,
      loop: loop.contractAddress,
    };
  }

  get url() {
    return `http://127.0.0.1:${this.#port}`;
  }

  async request(method, params = []) {
    const body = JSON.stringify({ jsonrpc: "2.0", id: ++this.#requests, method, params });
    const response = await fetch(this.url, { method: "POST", headers: { "content-type": "application/json" }, body });
    const { result, error } = await response.json();
    if (error) throw new Error(`${method}: ${error.message}`);
    return result;
  }

  async fund(address) {
    await this.request("anvil_setBalance", [address, numberToHex(10n ** 20n)]);
  }

  async now() {
    return Number((await this.request("eth_getBlockByNumber", ["latest", false])).timestamp);
  }

  async pass(seconds) {
    await this.request("evm_increaseTime", [seconds]);
    await this.request("evm_mine");
  }

  /// Signs and sends; gives the receipt of a transaction that succeeded.
  async send(from, { to, data, gas = 8_000_000n }) {
    const nonce = this.#nonces.get(from.address) ?? 0;
    this.#nonces.set(from.address, nonce + 1);
    const fees = { maxFeePerGas: 10n ** 10n, maxPriorityFeePerGas: 0n };
    const raw = await from.signTransaction({ type: "eip1559", chainId: this.chainId, nonce, to, data, gas, ...fees });
    const hash = await this.request("eth_sendRawTransaction", [raw]).catch((error) => {
      this.#nonces.set(from.address, nonce);
      throw error;
    });
    for (;;) {
      const receipt = await this.request("eth_getTransactionReceipt", [hash]);
      if (!receipt) await sleep(2);
      else if (Number(receipt.status) === 1) return receipt;
      else throw new Error(`a transaction of ${receipt.gasUsed} gas failed: ${to} ${data.slice(0, 10)}`);
    }
  }

  /// What a call with this much gas returns, or undefined where it fails.
  async tryCall(from, { to, data }, gas) {
    return this.request("eth_call", [{ from: from.address, to, data, gas: numberToHex(gas) }, "latest"]).catch(() => undefined);
  }
}
