// Who and what the gas measurements need: a merchant with plans, a seller with a listing, payers in steady state.
import { hexToBigInt, maxUint160, maxUint256, parseSignature, stringToHex, zeroAddress, zeroHash } from "viem";
import { ABI, PERMIT2, account, call } from "./chain.mjs";

export const PRICE = 10_000_000n;
export const PERIOD = 30 * 86_400;
const SAVINGS = 1000n * PRICE;
const MAX_UINT48 = 2 ** 48 - 1;
const DEADLINE = 1_900_000_000n;
// Payers are set up this many at a time.
const CROWD = 50;

const fields = (list) => list.split(",").map((field) => field.split(" ")).map(([type, name]) => ({ type, name }));
const TYPES = {
  Plan: fields(
    "uint256[] chainIds,address merchant,address token,uint96 price,uint32 period,uint32 trial,uint16 maxFeeBps,uint256 salt,uint64 expiry",
  ),
  Listing: fields(
    "uint256[] chainIds,address seller,address buyer,address token,uint96 price,bytes32 sku,uint32 quantity,uint16 maxFeeBps,uint16 discountBps,uint32 discountMinQuantity,uint64 discountEndsAt,uint256 salt,uint64 expiry",
  ),
  Mandate: fields(
    "bytes32 planHash,bytes32 replaces,address subscriber,address paymentToken,uint8 rail,uint96 maxAmount,uint24 maxCharges,uint40 endsAt,uint256 nonce,uint256 deadline",
  ),
  Cancel: fields("bytes32 planHash,address subscriber,uint256 nonce,uint256 deadline"),
  Permit: fields("address owner,address spender,uint256 value,uint256 nonce,uint256 deadline"),
};

export class World {
  merchant = account("merchant");
  seller = account("seller");
  automation = account("automation");
  feeReceiver = account("fee receiver");
  relayer = account("relayer");
  #salt = 0n;
  #guests = 0;
  #members = { allowance: [], permit2: [] };

  constructor(chain) {
    this.chain = chain;
  }

  async create() {
    this.at = await this.chain.deploy(this.automation.address, this.feeReceiver.address);
    const { merchant, seller, automation, feeReceiver, relayer } = this;
    for (const each of [merchant, seller, automation, relayer]) await this.chain.fund(each.address);
    for (const each of [merchant, seller, feeReceiver, automation]) {
      await this.chain.send(relayer, this.token("mint", each.address, 1n));
    }
    const plan = this.planTerms();
    await this.chain.send(merchant, call(this.at.plans, ABI.plans, "createPlan", plan, "0x", "ipfs://plan"));
    this.plan = await this.chain.tryCall(relayer, call(this.at.plans, ABI.plans, "hashPlan", plan), 1_000_000n);
    [this.first] = await this.members(1);
  }

  /// A period goes by; automation has been at work, so the manager knows it.
  async nextPeriod() {
    await this.chain.pass(PERIOD);
    await this.chain.send(this.automation, this.charge(this.first));
  }

  /// Subscribers of the plan by their token's allowance, or through Permit2; `count` of them.
  async members(count, rail = "allowance") {
    const members = this.#members[rail];
    while (members.length < count) {
      const names = Array.from({ length: Math.min(CROWD, count - members.length) }, (_, i) => `${rail} ${members.length + i}`);
      members.push(...(await Promise.all(names.map((name) => this.#member(name, rail)))));
    }
    return members.slice(0, count);
  }

  async #member(name, rail) {
    const member = account(name);
    if (rail === "permit2") {
      await this.payer(member, PERMIT2);
      await this.allowPermit2(member, this.at.manager);
      const details = { token: this.at.token, amount: 0n, expiration: 0, nonce: 0 };
      const permit = { details, spender: this.at.manager, sigDeadline: 0n };
      await this.chain.send(member, this.manage("subscribeWithPermit2", this.plan, permit, "0x"));
    } else {
      await this.payer(member, this.at.manager);
      await this.chain.send(member, this.manage("subscribe", this.plan));
    }
    return member;
  }

  /// Somebody new with money, who approved `spender` without limit.
  async guest(spender) {
    return this.payer(account(`guest ${++this.#guests}`), spender);
  }

  async payer(payer, spender) {
    await this.chain.fund(payer.address);
    await this.chain.send(payer, this.token("mint", payer.address, SAVINGS));
    if (spender) await this.chain.send(payer, this.token("approve", spender, maxUint256));
    return payer;
  }

  async allowPermit2(payer, spender) {
    await this.chain.send(payer, call(PERMIT2, ABI.permit2, "approve", this.at.token, spender, maxUint160, MAX_UINT48));
  }

  token(verb, ...args) {
    return call(this.at.token, ABI.token, verb, ...args);
  }

  manage(verb, ...args) {
    return call(this.at.manager, ABI.manager, verb, ...args);
  }

  charge(member) {
    return this.manage("charge", this.plan, member.address);
  }

  chargeBatch(members) {
    return this.manage("chargeBatch", this.plan, pack(members));
  }

  /// Terms of another plan.
  planTerms() {
    return {
      chainIds: [BigInt(this.chain.chainId)],
      merchant: this.merchant.address,
      token: this.at.token,
      price: PRICE,
      period: PERIOD,
      trial: 0,
      maxFeeBps: 1000,
      salt: ++this.#salt,
      expiry: 0n,
    };
  }

  /// Plans and listings are signed for every chain they list: their domain has no chain id.
  signPlan(plan) {
    return this.#sign(this.merchant, this.#everywhere(this.at.plans), "Plan", plan);
  }

  async buy() {
    const listing = {
      chainIds: [BigInt(this.chain.chainId)],
      seller: this.seller.address,
      buyer: zeroAddress,
      token: this.at.token,
      price: PRICE,
      sku: stringToHex("license-2026", { size: 32 }),
      quantity: 1000,
      maxFeeBps: 1000,
      discountBps: 0,
      discountMinQuantity: 0,
      discountEndsAt: 0n,
      salt: 1n,
      expiry: 0n,
    };
    const signature = await this.#sign(this.seller, this.#everywhere(this.at.market), "Listing", listing);
    const purchase = { quantity: 1, paymentToken: this.at.token, maxAmount: PRICE, recipient: zeroAddress };
    return call(this.at.market, ABI.market, "buy", listing, signature, purchase);
  }

  async subscribeBySig(subscriber) {
    const mandate = {
      planHash: this.plan,
      replaces: zeroHash,
      subscriber: subscriber.address,
      paymentToken: this.at.token,
      rail: 0,
      maxAmount: PRICE,
      maxCharges: 0,
      endsAt: 0,
      nonce: 0n,
      deadline: DEADLINE,
    };
    const signature = await this.#sign(subscriber, this.#here(this.at.manager), "Mandate", mandate);
    return this.manage("subscribeBySig", mandate, signature, "0x");
  }

  async cancelBySig(subscriber) {
    const order = { planHash: this.plan, subscriber: subscriber.address, nonce: 1n, deadline: DEADLINE };
    const signature = await this.#sign(subscriber, this.#here(this.at.manager), "Cancel", order);
    return this.manage("cancelBySig", order, signature);
  }

  async subscribeWithPermit(subscriber) {
    const domain = { ...this.#here(this.at.token), name: "Test Dollar" };
    const permit = { owner: subscriber.address, spender: this.at.manager, value: maxUint256, nonce: 0n, deadline: DEADLINE };
    const { r, s, v } = parseSignature(await this.#sign(subscriber, domain, "Permit", permit));
    return this.manage("subscribeWithPermit", this.plan, maxUint256, DEADLINE, Number(v), r, s);
  }

  #everywhere(verifyingContract) {
    return { name: "Abono", version: "1", verifyingContract };
  }

  #here(verifyingContract) {
    return { ...this.#everywhere(verifyingContract), chainId: this.chain.chainId };
  }

  #sign(signer, domain, primaryType, message) {
    return signer.signTypedData({ domain, types: { [primaryType]: TYPES[primaryType] }, primaryType, message });
  }
}

/// 20 bytes each, back to back.
export function pack(members) {
  return `0x${members.map((each) => each.address.slice(2).toLowerCase()).join("")}`;
}

/// Whether a batch's answer says that everybody was charged.
export function allCharged(answer, count) {
  const outcomes = answer?.slice(2 + 128);
  return outcomes?.length >= 2 * count && hexToBigInt(`0x${outcomes}`) === 0n;
}
