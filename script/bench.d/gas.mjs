// Gas of whole transactions, by their receipts: base cost, calldata, execution, refunds.
// State: OpenZeppelin ERC-20 of 6 decimals, 2.5 % fee, unlimited approvals, second or later period; no balance or slot is
// zero before, but those that a transaction is there to fill and the manager's balance of the token.
import { parseArgs } from "node:util";
import { ABI, Chain, PERMIT2, TRANSACTION_GAS, call } from "./chain.mjs";
import { print, write } from "./gas-report.mjs";
import { PRICE, World, allCharged, pack } from "./world.mjs";

// A chain id that nobody else uses here, so that the demo's files stay; of two bytes, as most are: calldata costs by the byte.
const CHAIN_ID = 54_321;
const LARGE_BATCH = 700;
const BARE_GAS = 21_000n;

/// Each gives what to send; `count` of them are charges, `answered` tells a good answer from a bad one.
const MEASUREMENTS = {
  async transfer_from(world) {
    const payer = await world.guest(world.relayer.address);
    return { from: world.relayer, tx: world.token("transferFrom", payer.address, world.merchant.address, PRICE) };
  },

  async loop_100(world) {
    const payers = await crowd(world, () => world.guest(world.at.loop));
    const loop = [{ type: "function", name: "transferFrom", inputs: ["address", "bytes", "address", "uint256"].map((type) => ({ type })) }];
    const tx = call(world.at.loop, loop, "transferFrom", world.at.token, pack(payers), world.merchant.address, PRICE);
    return { from: world.relayer, tx, count: 100 };
  },

  async permit2_transfer_from(world) {
    const payer = await permit2Payer(world);
    const { merchant, relayer, at } = world;
    const tx = call(PERMIT2, ABI.permit2, "transferFrom", payer.address, merchant.address, PRICE, at.token);
    return { from: relayer, tx };
  },

  async permit2_batch_100(world) {
    const payers = await crowd(world, () => permit2Payer(world));
    const { merchant, relayer, at } = world;
    const transfers = payers.map(({ address }) => ({ from: address, to: merchant.address, amount: PRICE, token: at.token }));
    return { from: relayer, tx: call(PERMIT2, ABI.permit2, "transferFrom", transfers), count: 100 };
  },

  async charge(world) {
    const [, member] = await world.members(2);
    await world.nextPeriod();
    return { from: world.automation, tx: world.charge(member) };
  },

  charge_batch_100: (world) => batch(world, 100),

  async charge_batch_700(world) {
    const measured = await batch(world, LARGE_BATCH);
    await provesLimit(world, measured);
    return { ...measured, gasLimit: TRANSACTION_GAS };
  },

  async charge_batch_most(world) {
    const fits = async (count) => {
      const members = (await world.members(count + 1)).slice(1);
      return allCharged(await world.chain.tryCall(world.automation, world.chargeBatch(members), TRANSACTION_GAS), count);
    };
    let high = LARGE_BATCH;
    do {
      high += 100;
      await world.members(high + 1);
      await world.nextPeriod();
    } while (await fits(high));
    const count = await least(high - 100, high, async (each) => !(await fits(each))) - 1;
    return { ...(await batch(world, count)), gasLimit: TRANSACTION_GAS };
  },

  async charge_permit2(world) {
    const [member] = await world.members(1, "permit2");
    await world.nextPeriod();
    return { from: world.automation, tx: world.charge(member) };
  },

  charge_batch_100_permit2: (world) => batch(world, 100, "permit2"),

  async subscribe(world) {
    return { from: await world.guest(world.at.manager), tx: world.manage("subscribe", world.plan) };
  },

  async subscribe_with_permit(world) {
    const subscriber = await world.guest();
    return { from: subscriber, tx: await world.subscribeWithPermit(subscriber) };
  },

  async subscribe_by_mandate(world) {
    const subscriber = await world.guest(world.at.manager);
    return { from: world.relayer, tx: await world.subscribeBySig(subscriber) };
  },

  async cancel(world) {
    const subscriber = await world.guest(world.at.manager);
    await world.chain.send(subscriber, world.manage("subscribe", world.plan));
    return { from: subscriber, tx: world.manage("cancel", world.plan) };
  },

  async cancel_by_signature(world) {
    const subscriber = await world.guest(world.at.manager);
    await world.chain.send(world.relayer, await world.subscribeBySig(subscriber));
    return { from: world.relayer, tx: await world.cancelBySig(subscriber) };
  },

  async create_plan(world) {
    const tx = call(world.at.plans, ABI.plans, "createPlan", world.planTerms(), "0x", "ipfs://plan");
    return { from: world.merchant, tx };
  },

  async create_plan_by_signature(world) {
    const plan = world.planTerms();
    const signature = await world.signPlan(plan);
    return { from: world.relayer, tx: call(world.at.plans, ABI.plans, "createPlan", plan, signature, "ipfs://plan") };
  },

  async buy(world) {
    const tx = await world.buy();
    await world.chain.send(await world.guest(world.at.market), tx);
    return { from: await world.guest(world.at.market), tx };
  },
};

/// A batch of members who are due; the first member of all is the one that `nextPeriod` charges.
async function batch(world, count, rail) {
  const members = rail ? await world.members(count, rail) : (await world.members(count + 1)).slice(1);
  await world.nextPeriod();
  const answered = (answer) => allCharged(answer, count);
  return { from: world.automation, tx: world.chargeBatch(members), count, answered };
}

/// The node enforces EIP-7825: one unit of gas more than the limit, and it takes no transaction at all.
async function provesLimit({ chain }, { from, tx }) {
  const refusal = await chain.send(from, { ...tx, gas: TRANSACTION_GAS + 1n }).then(
    () => undefined,
    (error) => error.message,
  );
  if (!/cap|maximum|limit/i.test(refusal ?? "")) throw new Error(`the node does not enforce EIP-7825: ${refusal}`);
}

async function permit2Payer(world) {
  const payer = await world.guest(PERMIT2);
  await world.allowPermit2(payer, world.relayer.address);
  return payer;
}

async function crowd(world, create) {
  const payers = [];
  while (payers.length < 100) payers.push(...(await Promise.all(Array.from({ length: 50 }, create))));
  return payers;
}

/// Least number above `low`, up to `high`, for which `holds` is true; it holds for `high`.
async function least(low, high, holds) {
  while (high - low > 1) {
    const middle = low + Math.floor((high - low) / 2);
    if (await holds(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/// The gas limit that it takes, found by calls, and the gas used, from the receipt of a transaction with that limit.
async function measure(world, { from, tx, count, answered = (answer) => answer !== undefined, gasLimit }) {
  const succeeds = async (gas) => answered(await world.chain.tryCall(from, tx, BigInt(gas)));
  if (!(await succeeds(TRANSACTION_GAS))) throw new Error(`it fails with ${TRANSACTION_GAS} gas`);
  const needed = await least(Number(BARE_GAS) - 1, Number(TRANSACTION_GAS), succeeds);
  const receipt = await world.chain.send(from, { ...tx, gas: gasLimit ?? BigInt(needed) });
  const gas = Number(receipt.gasUsed);
  return { gas, gas_limit: needed, ...(count && { count, per: Math.round(gas / count) }) };
}

const { values } = parseArgs({ options: { only: { type: "string" }, write: { type: "boolean" } } });
const names = values.only?.split(",") ?? Object.keys(MEASUREMENTS);
const unknown = names.find((name) => !MEASUREMENTS[name]);
if (unknown) throw new Error(`there is no measurement ${unknown}, but ${Object.keys(MEASUREMENTS).join(", ")}`);
if (values.only && values.write) throw new Error("--write needs all measurements");

const chain = new Chain(CHAIN_ID);
const measured = {};
try {
  await chain.start();
  const world = new World(chain);
  await world.create();
  for (const name of names) {
    measured[name] = await measure(world, await MEASUREMENTS[name](world)).catch((error) => {
      throw new Error(`${name}: ${error.message}`);
    });
  }
} finally {
  chain.stop();
}
if (values.write) write(measured);
process.exitCode = print(measured) ? 0 : 1;
