// What is signed in typed_data.json: for each type an everyday message, and the edges of its fields.

const max = (bits) => (2n ** BigInt(bits) - 1n).toString();
const zeros = (bytes) => "0x" + "00".repeat(bytes);
const ones = (bytes) => "0x" + "ff".repeat(bytes);

const NOBODY = zeros(20);
const EVERY_BIT = ones(20);
const MERCHANT = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
const SUBSCRIBER = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC";
const TOKEN = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48";
const OTHER_TOKEN = "0x6B175474E89094C44Da98b954EedeAC495271d0F";
const CONTRACT = "0x5FbDB2315678afecb367f032d93F642f64180aa3";
// Below are the precompiled contracts, where nothing else can stand.
const LOW_CONTRACT = "0x0000000000000000000000000000000000010000";
const PERMIT2 = "0x000000000022D473030F116dDEE9F6B43aC78BA3";

// The largest that an EVM of 64-bit chain ids can be set to.
const LAST_CHAIN = max(64);

const HASH = "0x6c0d7f5bd6c8b4f1cf1f8c2a9ff8f1a3a0bb3d4c5e6f708192a3b4c5d6e7f809";
const OTHER_HASH = "0xffa1c2d3e4f5061728394a5b6c7d8e9f00112233445566778899aabbccddeeff";

// The first, the last and two keys between.
const KEYS = [
  "0x" + "00".repeat(31) + "01",
  "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140",
  "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
  "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
];

const fields = (text) =>
  text.split(",").map((field) => {
    const [type, name] = field.trim().split(" ");
    return { name, type };
  });

const PLAN = "uint256[] chainIds, address merchant, address token, uint96 price, uint32 period, uint32 trial, uint16 maxFeeBps, uint256 salt, uint64 expiry";
const LISTING =
  "uint256[] chainIds, address seller, address buyer, address token, uint96 price, bytes32 sku, uint32 quantity, uint16 maxFeeBps, uint16 discountBps, uint32 discountMinQuantity, uint64 discountEndsAt, uint256 salt, uint64 expiry";
const MANDATE =
  "bytes32 planHash, bytes32 replaces, address subscriber, address paymentToken, uint8 rail, uint96 maxAmount, uint24 maxCharges, uint40 endsAt, uint256 nonce, uint256 deadline";
const ORDER = "bytes32 planHash, address subscriber, uint256 nonce, uint256 deadline";
const PERMIT = "address owner, address spender, uint256 value, uint256 nonce, uint256 deadline";
const PERMIT_SINGLE = "PermitDetails details, address spender, uint256 sigDeadline";
const PERMIT_DETAILS = "address token, uint160 amount, uint48 expiration, uint48 nonce";

const DOMAIN_FIELDS = { name: "string", version: "string", chainId: "uint256", verifyingContract: "address" };

function value(type, kind) {
  if (type.endsWith("[]")) return kind === "zero" ? [] : Array(32).fill(value(type.slice(0, -2), kind));
  if (type === "PermitDetails") return all(PERMIT_DETAILS, kind);
  if (type === "address") return kind === "zero" ? NOBODY : EVERY_BIT;
  if (type === "bytes32") return kind === "zero" ? zeros(32) : ones(32);
  return kind === "zero" ? "0" : max(Number(type.slice("uint".length)));
}

const all = (text, kind) => Object.fromEntries(fields(text).map(({ name, type }) => [name, value(type, kind)]));

// `chainId` stands for a chain id as wallets get it: a number where that is exact.
function domain({ chainId, ...rest }) {
  if (chainId === undefined) return rest;
  const exact = Number.isSafeInteger(Number(chainId));
  return { ...rest, chainId: exact ? Number(chainId) : chainId };
}

function typed(primaryType, structs, given, message) {
  const ordered = Object.fromEntries(Object.keys(DOMAIN_FIELDS).filter((name) => name in given).map((name) => [name, given[name]]));
  return {
    types: {
      EIP712Domain: Object.keys(ordered).map((name) => ({ name, type: DOMAIN_FIELDS[name] })),
      ...Object.fromEntries(Object.entries(structs).map(([name, text]) => [name, fields(text)])),
    },
    primaryType,
    domain: domain(ordered),
    message,
  };
}

const everywhere = (verifyingContract) => ({ name: "Abono", version: "1", verifyingContract });
const here = (chainId, verifyingContract) => ({ name: "Abono", version: "1", chainId, verifyingContract });

function plans() {
  const usual = {
    chainIds: ["1", "10", "137", "8453", "42161"],
    merchant: MERCHANT,
    token: TOKEN,
    price: "9990000",
    period: "2592000",
    trial: "604800",
    maxFeeBps: "250",
    salt: "1",
    expiry: "1893456000",
  };
  const make = (name, contract, message) => [`Plan: ${name}`, typed("Plan", { Plan: PLAN }, everywhere(contract), message)];
  return [
    make("five chains, a token, a trial", CONTRACT, usual),
    make("one chain, native coin, neither trial nor expiry", LOW_CONTRACT, {
      ...usual,
      chainIds: ["31337"],
      token: NOBODY,
      price: "1000000000000000000",
      trial: "0",
      salt: "0",
      expiry: "0",
    }),
    make("no chain, every field zero", CONTRACT, all(PLAN, "zero")),
    make("32 chains, every field at its maximum", EVERY_BIT, all(PLAN, "max")),
    make("32 different chains", CONTRACT, {
      ...usual,
      chainIds: Array.from({ length: 32 }, (_, i) => (2n ** BigInt(8 * i)).toString()),
      salt: max(256),
    }),
  ];
}

function listings() {
  const usual = {
    chainIds: ["1", "8453"],
    seller: MERCHANT,
    buyer: NOBODY,
    token: TOKEN,
    price: "49000000",
    sku: "0x6c6963656e73652d323032360000000000000000000000000000000000000000",
    quantity: "1000",
    maxFeeBps: "250",
    discountBps: "1500",
    discountMinQuantity: "10",
    discountEndsAt: "1830297600",
    salt: "9",
    expiry: "1893456000",
  };
  const make = (name, contract, message) => [`Listing: ${name}`, typed("Listing", { Listing: LISTING }, everywhere(contract), message)];
  return [
    make("two chains, a token, a discount", CONTRACT, usual),
    make("one buyer, native coin, one unit", LOW_CONTRACT, {
      ...usual,
      chainIds: ["31337"],
      buyer: SUBSCRIBER,
      token: NOBODY,
      quantity: "1",
      discountBps: "0",
      discountMinQuantity: "0",
      discountEndsAt: "0",
      expiry: "0",
    }),
    make("no chain, every field zero", CONTRACT, all(LISTING, "zero")),
    make("32 chains, every field at its maximum", EVERY_BIT, all(LISTING, "max")),
    make("a salt of 256 bits", CONTRACT, { ...usual, chainIds: [LAST_CHAIN, max(256), "0"], salt: max(256) }),
  ];
}

function mandates() {
  const usual = {
    planHash: HASH,
    replaces: zeros(32),
    subscriber: SUBSCRIBER,
    paymentToken: TOKEN,
    rail: "0",
    maxAmount: "9990000",
    maxCharges: "12",
    endsAt: "0",
    nonce: "7",
    deadline: "1830297600",
  };
  const make = (name, on, message) => [`Mandate: ${name}`, typed("Mandate", { Mandate: MANDATE }, on, message)];
  return [
    make("twelve charges by allowance", here("8453", CONTRACT), usual),
    make("a switch, by Permit2, in another token, to an end", here("1", LOW_CONTRACT), {
      ...usual,
      replaces: OTHER_HASH,
      paymentToken: OTHER_TOKEN,
      rail: "1",
      maxCharges: "0",
      endsAt: "1893456000",
      nonce: "256",
      deadline: max(256),
    }),
    make("every field zero", here("31337", CONTRACT), all(MANDATE, "zero")),
    // There is no rail above 1.
    make("every field at its maximum, on the last chain", here(LAST_CHAIN, EVERY_BIT), { ...all(MANDATE, "max"), rail: "1" }),
  ];
}

function orders(primaryType) {
  const usual = { planHash: HASH, subscriber: SUBSCRIBER, nonce: "8", deadline: "1830297600" };
  const make = (name, on, message) => [`${primaryType}: ${name}`, typed(primaryType, { [primaryType]: ORDER }, on, message)];
  return [
    make("an everyday one", here("8453", CONTRACT), usual),
    make("the same on another chain, by another contract", here("1", LOW_CONTRACT), usual),
    make("every field zero", here("31337", CONTRACT), all(ORDER, "zero")),
    make("every field at its maximum, on the last chain", here(LAST_CHAIN, EVERY_BIT), all(ORDER, "max")),
  ];
}

function permits() {
  const usual = { owner: SUBSCRIBER, spender: CONTRACT, value: "119880000", nonce: "0", deadline: "1830297600" };
  const token = (name, chainId, verifyingContract) => ({ name, version: "1", chainId, verifyingContract });
  const make = (name, on, message) => [`Permit: ${name}`, typed("Permit", { Permit: PERMIT }, on, message)];
  return [
    make("a year's worth", token("Test Dollar", "8453", TOKEN), usual),
    make("a token whose name is not ASCII", token("Dólar ₮ 🪙", "1", OTHER_TOKEN), { ...usual, value: max(256) }),
    make("a token without a name, every field zero", token("", "31337", LOW_CONTRACT), all(PERMIT, "zero")),
    // The longest name that OpenZeppelin's ERC20Permit takes.
    make("every field at its maximum, on the last chain", token("T".repeat(31), LAST_CHAIN, EVERY_BIT), all(PERMIT, "max")),
  ];
}

function permitSingles() {
  const usual = {
    details: { token: TOKEN, amount: "119880000", expiration: "1893456000", nonce: "0" },
    spender: CONTRACT,
    sigDeadline: "1830297600",
  };
  const on = (chainId, verifyingContract = PERMIT2) => ({ name: "Permit2", chainId, verifyingContract });
  const structs = { PermitSingle: PERMIT_SINGLE, PermitDetails: PERMIT_DETAILS };
  const make = (name, where, message) => [`PermitSingle: ${name}`, typed("PermitSingle", structs, where, message)];
  return [
    make("a year's worth", on("8453"), usual),
    make("without limit of amount", on("1"), { ...usual, details: { ...usual.details, amount: max(160), expiration: max(48), nonce: "3" } }),
    make("every field zero", on("31337"), all(PERMIT_SINGLE, "zero")),
    make("every field at its maximum, on the last chain", on(LAST_CHAIN, EVERY_BIT), all(PERMIT_SINGLE, "max")),
  ];
}

export const messages = [
  ...plans(),
  ...listings(),
  ...mandates(),
  ...orders("Cancel"),
  ...orders("Pause"),
  ...orders("Resume"),
  ...permits(),
  ...permitSingles(),
].map(([name, typedData], i) => ({ name, privateKey: KEYS[i % KEYS.length], typedData }));
